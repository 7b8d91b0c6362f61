//! Converts errors of the core to errors of JavaScript, for every class.
//!
//! A storage error becomes a `SecureStoreError`, a class that JavaScript defines and passes to `init`. It can only be
//! constructed on the JavaScript thread, so the result of a future is converted when its promise is settled (see `promise`).

use napi::bindgen_prelude::{FnArgs, Function, JsObjectValue, PromiseRaw, ToNapiValue, Unknown};
use napi::{Env, JsValue};

use super::environment::JsEnvironment;
use crate::error::{Code, Error};

/// The reason why a call into the addon fails.
#[derive(Debug)]
pub enum Failure {
    /// A `SecureStoreError`.
    Storage(Error),
    /// A `TypeError`: an argument or an option has the wrong type or an invalid value.
    Type(String),
    /// A failure of Node-API, or of JavaScript code that it called.
    Node(napi::Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Storage(error)
    }
}

impl From<napi::Error> for Failure {
    fn from(error: napi::Error) -> Self {
        Self::Node(error)
    }
}

impl Failure {
    /// Converts the failure to a storage error, for invalid results of JavaScript functions.
    pub fn into_error(self) -> Error {
        match self {
            Self::Storage(error) => error,
            Self::Type(message) => Error::new(Code::Unavailable, message),
            Self::Node(error) => Error::new(Code::Unavailable, error.reason.clone()),
        }
    }

    /// Returns the error to throw, or to reject a promise with. Only on the JavaScript thread.
    pub fn into_napi(self, env: &Env) -> napi::Error {
        let object = match &self {
            Self::Storage(error) => storage_error(env, error),
            Self::Type(message) => type_error(env, message),
            Self::Node(_) => Err(napi::Error::from_reason("")),
        };
        match (object, self) {
            (Ok(object), _) => napi::Error::from(object),
            (Err(_), Self::Node(error)) => error,
            (Err(error), _) => error,
        }
    }
}

/// Converts the failure of a synchronous call to the error that napi throws.
pub fn or_throw<T>(env: &Env, result: Result<T, Failure>) -> napi::Result<T> {
    result.map_err(|failure| failure.into_napi(env))
}

/// Returns a promise that is rejected at once, as for an invalid argument.
pub fn reject<'env, T: ToNapiValue>(env: &'env Env, failure: Failure) -> napi::Result<PromiseRaw<'env, T>> {
    PromiseRaw::reject(env, failure.into_napi(env))
}

/// Creates the `SecureStoreError` object of an error. A fatal one has an `exitCode`.
pub fn storage_error<'env>(env: &'env Env, error: &Error) -> napi::Result<Unknown<'env>> {
    let class = JsEnvironment::of(env)?.error_class.borrow_back(env)?;
    let object: Unknown<'env> = class.new_instance(FnArgs::from((
        error.message().to_owned(),
        error.code().as_str().to_owned(),
        error.remediation().to_owned(),
    )))?;
    if let Some(exit_code) = error.exit_code() {
        object.coerce_to_object()?.set_named_property("exitCode", exit_code)?;
    }
    Ok(object)
}

fn type_error<'env>(env: &'env Env, message: &str) -> napi::Result<Unknown<'env>> {
    let class: Function<'_, String, Unknown<'_>> = env.get_global()?.get_named_property("TypeError")?;
    let object: Unknown<'env> = class.new_instance(message.to_owned())?;
    let _ = object.value();
    Ok(object)
}
