//! A promise that a job on the JavaScript thread settles later.
//!
//! napi's own promises create a threadsafe function each, which costs a third of the time of a short call. Here all promises
//! of an environment share its `JsThread`.
#![allow(unsafe_code)]

use std::ptr;

use napi::bindgen_prelude::{PromiseRaw, ToNapiValue};
use napi::{Env, Status, sys};

/// The half of a promise that settles it. If it is dropped, the promise stays pending: its environment has ended.
pub struct Deferred(sys::napi_deferred);

// SAFETY: other threads only pass the handle on. `settle` takes the environment, which never leaves its thread.
unsafe impl Send for Deferred {}

impl Deferred {
    /// Creates a pending promise and its deferred.
    pub fn new<'env, T>(env: &'env Env) -> napi::Result<(Self, PromiseRaw<'env, T>)> {
        let (mut deferred, mut promise) = (ptr::null_mut(), ptr::null_mut());
        // SAFETY: a live environment, on its own thread, and two places to write to.
        let status = unsafe { sys::napi_create_promise(env.raw(), &mut deferred, &mut promise) };
        match Status::from(status) {
            Status::Ok => Ok((Self(deferred), PromiseRaw::new(env.raw(), promise))),
            status => Err(napi::Error::from_status(status)),
        }
    }

    /// Fulfils the promise with a value, or rejects it.
    pub fn settle<T: ToNapiValue>(self, env: &Env, outcome: napi::Result<T>) {
        // SAFETY: a live environment, on its own thread; the handle is used up, for `self` is.
        unsafe {
            let value = outcome.and_then(|value| T::to_napi_value(env.raw(), value));
            match value {
                Ok(value) => sys::napi_resolve_deferred(env.raw(), self.0, value),
                Err(error) => match napi::Error::to_napi_value(env.raw(), error) {
                    Ok(error) => sys::napi_reject_deferred(env.raw(), self.0, error),
                    // The environment is ending.
                    Err(_) => return,
                },
            };
        }
    }
}
