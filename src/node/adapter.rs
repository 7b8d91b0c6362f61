//! A keyring that JavaScript provides, seen from Rust.
//!
//! `lib/calls.js` turns a loader's adapter into one function, `call(id, method, ...arguments)`, which looks the method up at
//! each call and calls it as a method of the adapter. Rust holds the function, not the object, because napi allows a
//! function to be released on any thread.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use napi::bindgen_prelude::{FnArgs, Function, FunctionRef, JsObjectValue, Object, Unknown};
use napi::{Env, ValueType};

use super::args;
use super::environment::{JsEnvironment, Settled};
use super::error::Failure;
use super::js_call::call_js;
use super::js_thread::JsThread;
use crate::error::{Code, Error};
use crate::keyring::instrumented::InstrumentedKeyring;
use crate::keyring::{Keyring, KeyringError, ListedAccount, Replies, Reply, WriteOutcome};
use crate::secret::Secret;
use crate::store::{Loader, SelectedKeyring};

/// `(id, method, service, account, password)`. An argument that a method does not take is `null`.
pub type MethodArgs = FnArgs<(u32, &'static str, Option<String>, Option<String>, Option<String>)>;
/// A function that calls a method of an object; see `lib/calls.js`.
pub type MethodCall = FunctionRef<MethodArgs, ()>;

/// A loader that JavaScript provides.
pub struct JsLoader {
    loader: FunctionRef<(), Unknown<'static>>,
    thread: JsThread,
    limit: Duration,
}

/// The adapter of a loader.
struct JsKeyring {
    call: Arc<MethodCall>,
    thread: JsThread,
    limit: Duration,
}

impl JsLoader {
    /// Creates a loader. Calls of its keyring end after `limit`.
    pub fn new(env: &Env, loader: Function<'_, (), Unknown<'static>>, limit: Duration) -> Result<Self, Failure> {
        Ok(Self {
            loader: loader.create_ref()?,
            thread: JsEnvironment::of(env)?.thread.clone(),
            limit,
        })
    }
}

impl Loader for JsLoader {
    fn load(self: Arc<Self>) -> Pin<Box<dyn Future<Output = SelectedKeyring> + Send>> {
        Box::pin(async move {
            let loader = self.clone();
            let loaded = call_js(
                &self.thread,
                move |env, id| {
                    let load = JsEnvironment::of(env)?.load.borrow_back(env)?;
                    load.call(FnArgs::from((id, loader.loader.borrow_back(env)?)))
                },
                |_, settled| loaded_call(settled),
            );
            // A loader that throws means "no keyring", and so does one that returns no object.
            let Ok(Ok(Some((call, is_os)))) = loaded.await else {
                return SelectedKeyring::Nothing;
            };
            let keyring = InstrumentedKeyring::injected(JsKeyring {
                call: Arc::new(call),
                thread: self.thread.clone(),
                limit: self.limit,
            });
            match is_os {
                true => SelectedKeyring::Os(keyring),
                false => SelectedKeyring::Injected(keyring),
            }
        })
    }
}

/// Returns the adapter's function, and whether the adapter is the one of the OS keyring.
fn loaded_call(settled: Settled<'_>) -> Result<Option<(MethodCall, bool)>, Failure> {
    let Settled::Fulfilled(loaded) = settled else {
        return Ok(None);
    };
    let loaded: Object<'_> = args::cast(loaded)?;
    let call = loaded.get_named_property::<Option<Function<'_, MethodArgs, ()>>>("call")?;
    let call = call.map(|call| call.create_ref()).transpose()?;
    let is_os = loaded.get_named_property("os")?;
    Ok(call.map(|call| (call, is_os)))
}

impl JsKeyring {
    async fn call<T: Send + 'static>(
        &self,
        method: &'static str,
        service: &str,
        account: Option<&str>,
        password: Option<&Secret>,
        convert: fn(Unknown<'_>) -> Result<T, Failure>,
    ) -> Result<T, KeyringError> {
        let (service, account, password) = (service.to_owned(), account.map(str::to_owned), password.cloned());
        let call = self.call.clone();
        let sent = password.clone();
        let answer = call_js(
            &self.thread,
            move |env, id| {
                let password = password.as_ref().map(|password| password.expose().to_owned());
                call.borrow_back(env)?
                    .call(FnArgs::from((id, method, Some(service), account, password)))
            },
            move |_, settled| match settled {
                Settled::Fulfilled(value) => {
                    convert(value).map_err(|failure| KeyringError::Failed(failure.into_error()))
                }
                Settled::Rejected(rejection) => Err(KeyringError::Failed(redacted(
                    sent.as_ref(),
                    rejection.into_error().into_error(),
                ))),
            },
        );
        match tokio::time::timeout(self.limit, answer).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(ended)) => Err(KeyringError::Failed(ended)),
            Err(_) => Err(KeyringError::failed(
                Code::Timeout,
                format!(
                    "The keyring did not answer {method} within {} ms",
                    self.limit.as_millis()
                ),
            )),
        }
    }
}

impl Keyring for JsKeyring {
    fn get<'a>(&'a self, service: &'a str, account: &'a str) -> Reply<'a, Option<Secret>> {
        Box::pin(self.call("getPassword", service, Some(account), None, |value| {
            optional_secret(value, "password that the keyring returned")
        }))
    }

    fn set<'a>(&'a self, service: &'a str, account: &'a str, secret: &'a Secret) -> Reply<'a, ()> {
        Box::pin(self.call("setPassword", service, Some(account), Some(secret), |_| Ok(())))
    }

    fn set_verified<'a>(&'a self, service: &'a str, account: &'a str, secret: &'a Secret) -> Reply<'a, WriteOutcome> {
        Box::pin(async move {
            // `true` where JavaScript has read the value back itself.
            let is_verified = self.call("setPassword", service, Some(account), Some(secret), |value| {
                Ok(value.get_type()? == ValueType::Boolean && args::cast(value)?)
            });
            if is_verified.await? {
                return Ok(WriteOutcome::Verified);
            }
            Ok(WriteOutcome::of_read_back(secret, self.get(service, account).await))
        })
    }

    fn delete<'a>(&'a self, service: &'a str, account: &'a str) -> Reply<'a, bool> {
        Box::pin(self.call("deletePassword", service, Some(account), None, args::cast))
    }

    fn accounts<'a>(&'a self, service: &'a str) -> Reply<'a, Vec<String>> {
        Box::pin(self.call("findAccounts", service, None, None, args::cast))
    }

    fn accounts_with_secrets<'a>(&'a self, service: &'a str) -> Reply<'a, Vec<ListedAccount>> {
        Box::pin(self.call("findCredentials", service, None, None, listed_accounts))
    }

    fn get_many<'a>(&'a self, service: &'a str, accounts: &'a [String]) -> Replies<'a, Option<Secret>> {
        Box::pin(futures_util::future::join_all(
            accounts.iter().map(|account| self.get(service, account)),
        ))
    }
}

/// Returns the accounts in an array of `[account, password]`.
fn listed_accounts(value: Unknown<'_>) -> Result<Vec<ListedAccount>, Failure> {
    let array: Object<'_> = args::cast(value)?;
    (0..array.get_array_length()?)
        .map(|at| {
            let credential: Object<'_> = array.get_element(at)?;
            let password: Unknown<'_> = credential.get_element(1)?;
            Ok(ListedAccount {
                name: credential.get_element(0)?,
                // If a password cannot be used, the read of its account returns the reason.
                secret: args::secret(password, "password").ok(),
            })
        })
        .collect()
}

/// Returns the secret in a JavaScript value; `None` for `null` and `undefined`.
///
/// # Errors
///
/// A `TypeError` for another value that is not a string; `CORRUPT` for a string with an unpaired surrogate.
pub fn optional_secret(value: Unknown<'_>, name: &str) -> Result<Option<Secret>, Failure> {
    match value.get_type()? {
        ValueType::Null | ValueType::Undefined => Ok(None),
        _ => args::secret(value, name).map(Some),
    }
}

/// Replaces the secret that was passed to a call by `***` in the error that the call returned.
pub fn redacted(secret: Option<&Secret>, error: Error) -> Error {
    let Some(secret) = secret.filter(|secret| !secret.expose().is_empty()) else {
        return error;
    };
    let hidden = |text: &str| text.replace(secret.expose(), "***");
    let redacted = Error::new(error.code(), hidden(error.message()));
    // The default remediation of a code is our own text. It may contain the letters of the secret, but never the secret itself.
    match error.remediation() == redacted.remediation() {
        true => redacted,
        false => redacted.with_remediation(hidden(error.remediation())),
    }
}
