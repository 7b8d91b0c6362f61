//! Storages that JavaScript provides in place of the native ones: any object with the methods of the class.
//!
//! A native object whose methods are those of its class is used directly. A subclass or another object has its methods
//! called, one by one, as methods. Its errors are treated as those of an adapter.

use std::sync::Arc;

use futures_util::future::{BoxFuture, FutureExt as _, join_all};
use napi::bindgen_prelude::{FnArgs, Function, FunctionRef, Unknown};
use napi::{Env, ValueType};

use super::adapter::{MethodArgs, MethodCall, optional_secret, redacted};
use super::args;
use super::environment::{JsEnvironment, Settled};
use super::error::Failure;
use super::js_call::call_js;
use super::js_thread::JsThread;
use crate::error::{Code, Result};
use crate::keyring::injected::Rejection;
use crate::provider_keys::KeyStorage;
use crate::secret::Secret;
use crate::store::{SecretStore, StoreEntries, StoredIn};

/// Calls a function of JavaScript within an asynchronous context; see `lib/locks.js`.
pub type InContext = FunctionRef<InContextArgs, ()>;
/// `(call, id, method, key, value)`.
pub type InContextArgs = FnArgs<(
    Function<'static, MethodArgs, ()>,
    u32,
    &'static str,
    Option<String>,
    Option<String>,
)>;

/// An object of JavaScript, behind one function that calls its methods. Clones are the same object.
#[derive(Clone)]
pub struct JsObject {
    call: Arc<MethodCall>,
    thread: JsThread,
    /// The asynchronous context that methods are called in; `None` is an empty one.
    context: Option<Arc<InContext>>,
}

/// A `SecureStoreLike` of JavaScript.
#[derive(Clone)]
pub struct JsStore(pub JsObject);

/// A `ProviderKeyStorageLike` of JavaScript.
pub struct JsKeyStorage(pub JsObject);

/// What the caller passed as a storage.
pub enum StorageArgument {
    /// A native object with the methods of its class.
    Native,
    /// Any other object with the methods that are needed.
    Object(JsObject),
}

impl StorageArgument {
    /// Reads an argument. `kind` is `"SecureStore"` or `"ProviderKeyStorage"`.
    ///
    /// # Errors
    ///
    /// A `TypeError` for a value without the methods of `kind`.
    pub fn read(env: &Env, value: Unknown<'_>, kind: &'static str, name: &str) -> std::result::Result<Self, Failure> {
        let environment = JsEnvironment::of(env)?;
        let function = environment.storage_call.borrow_back(env)?;
        // The handle lives as long as this call.
        let value: Unknown<'static> = args::cast(value)?;
        let found = function.call(FnArgs::from((value, kind)))?;
        match found.get_type()? {
            ValueType::Null => Ok(Self::Native),
            ValueType::Function => {
                let call: Function<'_, MethodArgs, ()> = args::cast(found)?;
                Ok(Self::Object(JsObject {
                    call: Arc::new(call.create_ref()?),
                    thread: environment.thread.clone(),
                    context: None,
                }))
            }
            _ => Err(Failure::Type(format!(
                "{name} must be an object with the methods of a {kind}"
            ))),
        }
    }
}

impl JsObject {
    /// Returns the same object, whose methods are called in this asynchronous context.
    pub fn in_context(&self, context: Arc<InContext>) -> Self {
        Self {
            context: Some(context),
            ..self.clone()
        }
    }

    fn call<T: Send + 'static>(
        &self,
        method: &'static str,
        key: Option<&str>,
        value: Option<&Secret>,
        convert: fn(Unknown<'_>) -> std::result::Result<T, Failure>,
    ) -> BoxFuture<'static, Result<T>> {
        let (object, key, value) = (self.clone(), key.map(str::to_owned), value.cloned());
        let sent = value.clone();
        let answer = call_js(
            &self.thread,
            move |env, id| {
                let value = value.as_ref().map(|value| value.expose().to_owned());
                let call = object.call.borrow_back(env)?;
                match &object.context {
                    None => call.call(FnArgs::from((id, method, key, value, None))),
                    Some(context) => context
                        .borrow_back(env)?
                        .call(FnArgs::from((call, id, method, key, value))),
                }
            },
            move |_, settled| match settled {
                Settled::Fulfilled(value) => convert(value).map_err(Failure::into_error),
                Settled::Rejected(rejection) => Err(redacted(sent.as_ref(), error_of(rejection))),
            },
        );
        async move { answer.await? }.boxed()
    }
}

/// Returns a storage's rejection as an error, classified as an adapter's is.
fn error_of(mut rejection: Rejection) -> crate::error::Error {
    if rejection.message.is_empty() {
        rejection.message = "The storage failed".to_owned();
    }
    rejection.into_error().into_error()
}

fn found(value: Unknown<'_>) -> std::result::Result<Option<Secret>, Failure> {
    optional_secret(value, "value that the storage returned")
}

fn keys(value: Unknown<'_>) -> std::result::Result<Vec<String>, Failure> {
    let mut keys = args::strings(value, "list that the storage returned", args::text)?;
    keys.sort_unstable_by(|a, b| a.encode_utf16().cmp(b.encode_utf16()));
    keys.dedup();
    Ok(keys)
}

fn truth(value: Unknown<'_>) -> std::result::Result<bool, Failure> {
    args::boolean(value, "result of the storage")
}

/// Treats a `NOT_FOUND` error of an object as an empty result.
async fn not_found_as<T>(call: BoxFuture<'static, Result<T>>, empty: T) -> Result<T> {
    match call.await {
        Err(error) if error.code() == Code::NotFound => Ok(empty),
        result => result,
    }
}

impl SecretStore for JsStore {
    fn get<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<Secret>>> {
        not_found_as(self.0.call("get", Some(key), None, found), None).boxed()
    }

    fn set(&self, key: &str, value: Secret) -> BoxFuture<'static, Result<Option<StoredIn>>> {
        self.0.call("set", Some(key), Some(&value), |_| Ok(None))
    }

    fn delete(&self, key: &str) -> BoxFuture<'static, Result<bool>> {
        not_found_as(self.0.call("delete", Some(key), None, truth), false).boxed()
    }

    fn list(&self) -> BoxFuture<'_, Result<Vec<String>>> {
        self.0.call("list", None, None, keys)
    }

    fn has<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<bool>> {
        not_found_as(self.0.call("has", Some(key), None, truth), false).boxed()
    }
}

impl KeyStorage for JsKeyStorage {
    fn save(&self, name: &str, api_key: &Secret) -> BoxFuture<'static, Result<Option<StoredIn>>> {
        self.0.call("saveKey", Some(name), Some(api_key), |_| Ok(None))
    }

    fn get<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<Secret>>> {
        not_found_as(self.0.call("getKey", Some(name), None, found), None).boxed()
    }

    fn delete(&self, name: &str) -> BoxFuture<'static, Result<bool>> {
        not_found_as(self.0.call("deleteKey", Some(name), None, truth), false).boxed()
    }

    fn list(&self) -> BoxFuture<'_, Result<Vec<String>>> {
        self.0.call("listKeys", None, None, keys)
    }

    fn has<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<bool>> {
        not_found_as(self.0.call("hasKey", Some(name), None, truth), false).boxed()
    }

    fn entries(&self) -> BoxFuture<'_, Result<StoreEntries>> {
        async move {
            let names = self.list().await?;
            let keys = join_all(names.iter().map(|name| KeyStorage::get(self, name))).await;
            StoreEntries::of(names, keys)
        }
        .boxed()
    }
}
