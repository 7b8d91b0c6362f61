//! A machine secret that JavaScript provides: the option `machineSecretLoader`.

use std::sync::Arc;
use std::time::Duration;

use napi::Env;
use napi::bindgen_prelude::{FnArgs, Function, FunctionRef, Unknown};
use zeroize::Zeroizing;

use super::args;
use super::environment::{JsEnvironment, Settled};
use super::error::Failure;
use super::js_call::call_js;
use super::js_thread::JsThread;
use crate::error::{Code, Error, Result};
use crate::fallback::machine_secret::{MAX_LEN, MIN_LEN, MachineSecretLoader, SecretFuture};

/// A loader that JavaScript provides. Each call of it ends after `limit`.
pub struct JsMachineSecret {
    loader: Arc<FunctionRef<(), Unknown<'static>>>,
    thread: JsThread,
    limit: Duration,
}

impl JsMachineSecret {
    /// Creates a loader. It is called on the JavaScript thread of `env`.
    pub fn new(env: &Env, loader: Function<'_, (), Unknown<'static>>, limit: Duration) -> Result<Self, Failure> {
        Ok(Self {
            loader: Arc::new(loader.create_ref()?),
            thread: JsEnvironment::of(env)?.thread.clone(),
            limit,
        })
    }
}

impl MachineSecretLoader for JsMachineSecret {
    fn name(&self) -> &str {
        "machineSecretLoader"
    }

    fn load(&self) -> SecretFuture<'_> {
        Box::pin(async move {
            let loader = self.loader.clone();
            let answer = call_js(
                &self.thread,
                move |env, id| {
                    let settle = JsEnvironment::of(env)?.settle.borrow_back(env)?;
                    settle.call(FnArgs::from((id, loader.borrow_back(env)?)))
                },
                |_, settled| match settled {
                    Settled::Fulfilled(value) => bytes(value),
                    Settled::Rejected(rejection) => Err(rejection.into_error().into_error()),
                },
            );
            match tokio::time::timeout(self.limit, answer).await {
                Ok(answer) => answer?,
                Err(_) => Err(Error::new(
                    Code::Timeout,
                    format!(
                        "machineSecretLoader did not answer within {} ms",
                        self.limit.as_millis()
                    ),
                )),
            }
        })
    }
}

/// Returns the bytes of a `Buffer` or `Uint8Array`; `None` for `null` and `undefined`.
fn bytes(value: Unknown<'_>) -> Result<Option<Zeroizing<Vec<u8>>>> {
    if args::is_nothing(&value).map_err(|_| unusable())? {
        return Ok(None);
    }
    let bytes = args::bytes(value).filter(|bytes| (MIN_LEN..=MAX_LEN).contains(&bytes.len()));
    bytes.map(Some).ok_or_else(unusable)
}

fn unusable() -> Error {
    Error::new(
        Code::Corrupt,
        format!("machineSecretLoader must give {MIN_LEN} to {MAX_LEN} bytes in a Buffer or Uint8Array, or null"),
    )
    .with_remediation("Pass the machine secret that the files were encrypted with. Re-save the key or re-authenticate")
}
