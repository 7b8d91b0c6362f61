//! The machine secret that JavaScript gives: the option `machineSecretLoader`.

use std::sync::Arc;
use std::time::Duration;

use napi::bindgen_prelude::{Function, FunctionRef, JsObjectValue, Uint8Array, Unknown};
use napi::{Env, JsValue, ValueType};
use zeroize::Zeroizing;

use super::adapter::{on_thread, rejection};
use super::args;
use super::environment::Environment;
use super::error::Failure;
use super::js_thread::JsThread;
use crate::error::{Code, Error, Result};
use crate::fallback::machine_secret::{LEN, Loading, MachineSecretLoader};
use crate::keyring::KeyringError;

/// A loader that JavaScript gave; each call of it ends after `limit`.
pub struct JsMachineSecret {
    loader: Arc<FunctionRef<(), Unknown<'static>>>,
    thread: JsThread,
    limit: Duration,
}

impl JsMachineSecret {
    /// The loader, to be called on the thread it came from.
    pub fn new(env: &Env, loader: Function<'_, (), Unknown<'static>>, limit: Duration) -> Result<Self, Failure> {
        Ok(Self {
            loader: Arc::new(loader.create_ref()?),
            thread: Environment::of(env)?.thread.clone(),
            limit,
        })
    }
}

impl MachineSecretLoader for JsMachineSecret {
    fn name(&self) -> &str {
        "machineSecretLoader"
    }

    fn load(&self) -> Loading<'_> {
        Box::pin(async move {
            let loader = self.loader.clone();
            let answer = on_thread(
                &self.thread,
                move |env| {
                    Environment::of(env)?
                        .settle
                        .borrow_back(env)?
                        .call(loader.borrow_back(env)?)
                },
                |_, outcome| match rejection(&outcome)? {
                    None => Ok(Ok(bytes(outcome.get_named_property("value")?))),
                    Some(rejection) => Ok(Err(rejection.into_error().into_error())),
                },
            );
            match tokio::time::timeout(self.limit, answer).await {
                Ok(answer) => answer.map_err(KeyringError::into_error)??,
                Err(_) => Err(Error::new(
                    Code::Timeout,
                    format!(
                        "machineSecretLoader gave no answer within {} ms",
                        self.limit.as_millis()
                    ),
                )),
            }
        })
    }
}

/// The 32 bytes of a `Buffer` or `Uint8Array`; `None` for `null` and `undefined`.
fn bytes(value: Unknown<'_>) -> Result<Option<Zeroizing<Vec<u8>>>> {
    let kind = value.get_type().map_err(|_| unusable())?;
    if matches!(kind, ValueType::Null | ValueType::Undefined) {
        return Ok(None);
    }
    let array = match value.is_typedarray() {
        Ok(true) => args::cast::<Uint8Array>(value).map_err(|_| unusable())?,
        _ => return Err(unusable()),
    };
    let bytes = Zeroizing::new(array.to_vec());
    if bytes.len() == LEN {
        Ok(Some(bytes))
    } else {
        Err(unusable())
    }
}

fn unusable() -> Error {
    Error::new(
        Code::Corrupt,
        format!("machineSecretLoader must give {LEN} bytes in a Buffer, or null"),
    )
    .with_remediation("Give the machine secret that the files were sealed with. Re-save the key or re-authenticate")
}
