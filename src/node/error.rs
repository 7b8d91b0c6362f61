//! The core's errors as JavaScript's: decided here, once, for every class.
//!
//! A storage error is a `SecureStoreError`, a class that JavaScript defines and hands over when it loads the addon. It can
//! only be made on the JavaScript thread, so a failed future travels there as the core's own error and is turned into
//! the object when its promise is settled (see `promise`).

use napi::bindgen_prelude::{FnArgs, Function, JsObjectValue, PromiseRaw, ToNapiValue, Unknown};
use napi::{Env, JsValue};

use super::environment::Environment;
use crate::error::Error;

/// Why a call into the addon fails.
#[derive(Debug)]
pub enum Failure {
    /// A `SecureStoreError`.
    Storage(Error),
    /// A `TypeError`: an argument or an option is of the wrong type or has a value that is none.
    Type(String),
    /// Node-API itself, or JavaScript code that it ran, failed.
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
    /// What to throw, or to settle a promise with. Only on the JavaScript thread.
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

/// A call's result, its failure ready to be thrown.
pub fn thrown<T>(env: &Env, result: Result<T, Failure>) -> napi::Result<T> {
    result.map_err(|failure| failure.into_napi(env))
}

/// A promise that is rejected from the start: what a bad argument gives where a promise was promised.
pub fn rejected<'env, T: ToNapiValue>(env: &'env Env, failure: Failure) -> napi::Result<PromiseRaw<'env, T>> {
    PromiseRaw::reject(env, failure.into_napi(env))
}

/// The `SecureStoreError` object of an error; a fatal one has an `exitCode`.
pub fn storage_error<'env>(env: &'env Env, error: &Error) -> napi::Result<Unknown<'env>> {
    let class = Environment::of(env)?.error_class.borrow_back(env)?;
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
