//! The envelope functions; see `lib/envelope.js`.

use std::sync::Arc;

use napi::bindgen_prelude::{Object, PromiseRaw, Unknown};
use napi::{Env, ValueType};
use napi_derive::napi;

use super::args;
use super::environment::JsEnvironment;
use super::error::{Failure, or_throw};
use super::object::Backends;
use super::options::{ParsedOptions, service_name};
use super::promise::{JsSecret, promise};
use crate::error::Result as StoreResult;
use crate::fallback::codec::{self, CodecError};
use crate::fallback::machine::HostIdentity;
use crate::fallback::machine_secret::{
    MAX_LEN, MachineSecret, MachineSecretConfig, secret_for_encryption, secrets_for_decryption,
};
use crate::fs::executor::FileExecutor;
use crate::secret::Secret;

/// The text of an envelope or of what it holds, or the name of a failure in `lib/envelope.js`.
#[napi(object, object_from_js = false, use_nullable = true)]
pub struct CodecResult {
    pub text: Option<JsSecret>,
    pub failure: Option<&'static str>,
}

/// Called by `lib/envelope.js`. The options are `machineSecret` (bytes, or `null` for none; undefined to look for one),
/// `machineSecretPath` and `existingEnvelopeVersion`.
#[napi]
pub fn encrypt_envelope<'env>(
    env: &'env Env,
    plaintext: Unknown<'_>,
    service_name: Unknown<'_>,
    options: Object<'_>,
) -> napi::Result<PromiseRaw<'env, CodecResult>> {
    let existing = args::given(&options, "existingEnvelopeVersion");
    let args = args::secret(plaintext, "plaintext").and_then(|plaintext| {
        let existing = existing?.map(args::cast::<f64>).transpose()?;
        Ok((plaintext, existing, CodecContext::read(env, service_name, &options)?))
    });
    promise(env, args, |(plaintext, existing, context)| async move {
        let secret = match context.secret {
            SecretSource::Given(secret) => secret,
            SecretSource::Places(places) => secret_for_encryption(places).await,
        };
        let existing = existing.filter(|version| *version == 2.0).map(|_| 2);
        let (service, identity) = (context.service, context.identity);
        run_codec(move || codec::encrypt(&plaintext, &service, &identity, secret.as_deref(), existing).map(Secret::new))
            .await
    })
}

/// Called by `lib/envelope.js`, with the options of [`encrypt_envelope`].
#[napi]
pub fn decrypt_envelope<'env>(
    env: &'env Env,
    envelope: Unknown<'_>,
    service_name: Unknown<'_>,
    options: Object<'_>,
) -> napi::Result<PromiseRaw<'env, CodecResult>> {
    let args = args::secret(envelope, "envelopeJson")
        .and_then(|envelope| Ok((envelope, CodecContext::read(env, service_name, &options)?)));
    promise(env, args, |(envelope, context)| async move {
        let secrets: Vec<Option<Arc<MachineSecret>>> = match context.secret {
            SecretSource::Given(secret) => vec![secret],
            SecretSource::Places(places) => {
                let found = secrets_for_decryption(places).await;
                if found.is_empty() {
                    vec![None]
                } else {
                    found.into_iter().map(Some).collect()
                }
            }
        };
        let (service, identity) = (context.service, context.identity);
        run_codec(move || {
            let mut outcome = Err(CodecError::NoMachineSecret);
            for secret in &secrets {
                outcome = codec::decrypt(envelope.expose(), &service, &identity, secret.as_deref());
                if !matches!(outcome, Err(CodecError::Authentication)) {
                    break;
                }
            }
            outcome
        })
        .await
    })
}

/// See `readEnvelopeVersion` in `index.d.ts`.
#[napi]
pub fn envelope_version(env: Env, content: Unknown<'_>) -> napi::Result<Option<u8>> {
    match args::secret(content, "content") {
        Ok(content) => Ok(codec::envelope_version(content.expose())),
        // Text that is not well-formed is not an envelope.
        Err(Failure::Storage(_)) => Ok(None),
        Err(failure) => or_throw(&env, Err(failure)),
    }
}

struct CodecContext {
    service: String,
    identity: HostIdentity,
    secret: SecretSource,
}

enum SecretSource {
    /// The caller passed the secret, or `null` for none.
    Given(Option<Arc<MachineSecret>>),
    /// The keyring and the file are searched.
    Places(MachineSecretConfig),
}

impl CodecContext {
    fn read(env: &Env, service: Unknown<'_>, options: &Object<'_>) -> Result<Self, Failure> {
        let service = service_name(service, "serviceName")?;
        let host = JsEnvironment::of(env)?.host(env)?;
        let secret = match args::option(options, "machineSecret")? {
            Some(given) => SecretSource::Given(given_secret(given)?),
            None => {
                let given = ParsedOptions::read(env, Some(options), &host.defaults)?;
                SecretSource::Places(Backends::create(env, &host, given)?.machine_secret)
            }
        };
        Ok(Self {
            service,
            identity: host.identity,
            secret,
        })
    }
}

fn given_secret(value: Unknown<'_>) -> Result<Option<Arc<MachineSecret>>, Failure> {
    if value.get_type()? == ValueType::Null {
        return Ok(None);
    }
    match args::bytes(value) {
        Some(bytes) if (1..=MAX_LEN).contains(&bytes.len()) => Ok(Some(Arc::new(MachineSecret::new(&bytes)))),
        _ => Err(Failure::Type(format!(
            "machineSecretLoader must give at most {MAX_LEN} bytes in a Buffer, or null"
        ))),
    }
}

/// Runs the work on the pool, because it derives a key.
async fn run_codec(work: impl FnOnce() -> Result<Secret, CodecError> + Send + 'static) -> StoreResult<CodecResult> {
    let outcome = FileExecutor::Pool.run(move || Ok(work())).await?;
    Ok(match outcome {
        Ok(text) => CodecResult {
            text: Some(JsSecret(text)),
            failure: None,
        },
        Err(error) => CodecResult {
            text: None,
            failure: Some(failure_name(error)),
        },
    })
}

fn failure_name(error: CodecError) -> &'static str {
    match error {
        CodecError::Malformed => "malformed",
        CodecError::TooShort => "tooShort",
        CodecError::NoMachineSecret => "noMachineSecret",
        CodecError::Authentication => "authentication",
        CodecError::Downgrade => "downgrade",
        CodecError::TooLarge => "tooLarge",
        CodecError::NoRandomNumbers => "noRandomNumbers",
    }
}
