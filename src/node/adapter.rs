//! A keyring that JavaScript injected (R1.3), seen from Rust.
//!
//! `index.js` turns a loader into one function, `call(method, ...arguments)`, that looks the adapter's method up anew each
//! time, calls it as the adapter's own (`this` is the adapter), and always resolves, to an outcome. Holding a function, not
//! the object, is also what lets the last handle go on any thread: napi sends a function's release back to its own
//! environment.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use napi::bindgen_prelude::{FnArgs, Function, FunctionRef, JsObjectValue, Object, PromiseRaw, Unknown};
use napi::{Env, ValueType};
use tokio::sync::oneshot;

use super::args;
use super::environment::Environment;
use super::error::Failure;
use super::js_thread::JsThread;
use crate::error::{Code, Error};
use crate::keyring::injected::Rejection;
use crate::keyring::instrumented::InstrumentedKeyring;
use crate::keyring::{Keyring, KeyringError, Replies, Reply};
use crate::secret::Secret;
use crate::store::{Loader, SelectedKeyring};

/// `(method, service, account, password)`; what a method does not take is `null`.
type Arguments = FnArgs<(&'static str, String, Option<String>, Option<String>)>;
/// A promise of what `index.js` makes of a call that may fail; it never rejects.
pub type Outcome = PromiseRaw<'static, Object<'static>>;
type Call = FunctionRef<Arguments, Outcome>;

/// A loader that JavaScript gave.
pub struct JsLoader {
    loader: FunctionRef<(), Unknown<'static>>,
    thread: JsThread,
    limit: Duration,
}

/// An adapter behind its one function.
struct JsKeyring {
    call: Arc<Call>,
    thread: JsThread,
    limit: Duration,
}

impl JsLoader {
    /// A loader whose keyring's calls end after `limit`.
    pub fn new(env: &Env, loader: Function<'_, (), Unknown<'static>>, limit: Duration) -> Result<Self, Failure> {
        Ok(Self {
            loader: loader.create_ref()?,
            thread: Environment::of(env)?.thread.clone(),
            limit,
        })
    }
}

impl Loader for JsLoader {
    fn load(self: Arc<Self>) -> Pin<Box<dyn Future<Output = SelectedKeyring> + Send>> {
        Box::pin(async move {
            let loader = self.clone();
            let loaded = on_thread(
                &self.thread,
                move |env| {
                    Environment::of(env)?
                        .load
                        .borrow_back(env)?
                        .call(loader.loader.borrow_back(env)?)
                },
                |_, adapter| {
                    let call = adapter.get_named_property::<Option<Function<'_, Arguments, Outcome>>>("call")?;
                    let os: bool = adapter.get_named_property("os")?;
                    Ok(call.map(|call| call.create_ref()).transpose()?.map(|call| (call, os)))
                },
            );
            // A loader that throws means "no keyring", and so does one that gives what is no adapter.
            let Ok(Some((call, os))) = loaded.await else {
                return SelectedKeyring::Nothing;
            };
            let keyring = InstrumentedKeyring::injected(JsKeyring {
                call: Arc::new(call),
                thread: self.thread.clone(),
                limit: self.limit,
            });
            if os {
                SelectedKeyring::Os(keyring)
            } else {
                SelectedKeyring::Injected(keyring)
            }
        })
    }
}

impl JsKeyring {
    async fn ask<T: Send + 'static>(
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
        let answer = on_thread(
            &self.thread,
            move |env| {
                let password = password.as_ref().map(|password| password.expose().to_owned());
                call.borrow_back(env)?
                    .call(FnArgs::from((method, service, account, password)))
            },
            move |_, outcome| {
                Ok(match rejection(&outcome)? {
                    None => convert(outcome.get_named_property("value")?).map_err(unusable),
                    Some(rejection) => Err(without(sent.as_ref(), rejection.into_error())),
                })
            },
        );
        match tokio::time::timeout(self.limit, answer).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(gone)) => Err(gone),
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
        Box::pin(async move {
            let found = self.ask("getPassword", service, Some(account), None, |value| {
                match value.get_type()? {
                    ValueType::Null | ValueType::Undefined => Ok(None),
                    _ => args::secret(value, "password that the keyring gave").map(Some),
                }
            });
            found.await
        })
    }

    fn set<'a>(&'a self, service: &'a str, account: &'a str, secret: &'a Secret) -> Reply<'a, ()> {
        Box::pin(async move {
            self.ask("setPassword", service, Some(account), Some(secret), |_| Ok(()))
                .await
        })
    }

    fn delete<'a>(&'a self, service: &'a str, account: &'a str) -> Reply<'a, bool> {
        Box::pin(async move {
            self.ask("deletePassword", service, Some(account), None, args::cast)
                .await
        })
    }

    fn accounts<'a>(&'a self, service: &'a str) -> Reply<'a, Vec<String>> {
        Box::pin(async move { self.ask("findCredentials", service, None, None, args::cast).await })
    }

    fn get_many<'a>(&'a self, service: &'a str, accounts: &'a [String]) -> Replies<'a, Option<Secret>> {
        Box::pin(futures_util::future::join_all(
            accounts.iter().map(|account| self.get(service, account)),
        ))
    }
}

/// Why an outcome of `index.js` is a failure; `None` when it is none.
pub fn rejection(outcome: &Object<'_>) -> napi::Result<Option<Rejection>> {
    if outcome.get_named_property("ok")? {
        return Ok(None);
    }
    Ok(Some(Rejection {
        message: outcome.get_named_property("message")?,
        code: outcome.get_named_property("code")?,
        remediation: outcome.get_named_property("remediation")?,
    }))
}

/// An adapter may put what it was given into its error's message: a password does not get on from there.
fn without(password: Option<&Secret>, failure: KeyringError) -> KeyringError {
    let (Some(password), KeyringError::Failed(error)) = (password, &failure) else {
        return failure;
    };
    let hidden = |text: &str| match password.expose() {
        "" => text.to_owned(),
        password => text.replace(password, "***"),
    };
    KeyringError::Failed(
        Error::new(error.code(), hidden(error.message())).with_remediation(hidden(error.remediation())),
    )
}

fn unusable(failure: Failure) -> KeyringError {
    match failure {
        Failure::Storage(error) => KeyringError::Failed(error),
        Failure::Type(message) => KeyringError::failed(Code::Unavailable, message),
        Failure::Node(error) => KeyringError::failed(Code::Unavailable, error.reason.clone()),
    }
}

/// Starts something on the JavaScript thread that gives a promise of an object, and converts that object there.
pub async fn on_thread<T: Send + 'static>(
    thread: &JsThread,
    start: impl FnOnce(&Env) -> napi::Result<Outcome> + Send + 'static,
    convert: impl FnOnce(&Env, Object<'static>) -> napi::Result<T> + Send + 'static,
) -> Result<T, KeyringError> {
    let (sender, receiver) = oneshot::channel();
    thread.run(move |env| {
        let started = start(env);
        // Without a promise nothing is sent, and the receiver hears that the sender is gone.
        let _ = started.and_then(|promise| {
            promise.then(move |settled| {
                if let Ok(value) = convert(&settled.env, settled.value) {
                    let _ = sender.send(value);
                }
                Ok(())
            })
        });
    });
    receiver
        .await
        .map_err(|_| KeyringError::failed(Code::Unavailable, "The keyring's JavaScript environment has ended"))
}
