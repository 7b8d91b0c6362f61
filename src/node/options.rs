//! The options of a store, as JavaScript passes them.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use napi::bindgen_prelude::{Object, Unknown};
use napi::{Env, ValueType};

use super::adapter::JsLoader;
use super::args;
use super::error::Failure;
use super::log::EventLog;
use super::logger::object_log;
use super::machine_secret::JsMachineSecret;
use crate::fallback::envelope::Version;
use crate::fallback::machine_secret::MachineSecretLoader;
use crate::store::{FallbackPolicy, KeyringProvider};

/// The default time limit of one keyring call, for callers that do not set `keyringTimeoutMs`.
pub const DEFAULT_LIMIT: Duration = Duration::from_secs(30);

/// Maximum time limit: the largest 32-bit number of milliseconds of a JavaScript timer, about 24 days.
const LONGEST_LIMIT_MS: f64 = 2_147_483_647.0;

/// `SecureStoreOptions` as the core's types. An option that was not set is `None`.
#[derive(Default)]
pub struct ParsedOptions {
    /// `fallbackDir`.
    pub directory: Option<PathBuf>,
    /// `fallbackPolicy`.
    pub policy: Option<FallbackPolicy>,
    /// `keyringLoader`, or `keytarLoader`.
    pub keyring: Option<KeyringProvider>,
    /// `keyringTimeoutMs`.
    pub limit: Option<Duration>,
    /// `lockDir`.
    pub lock_dir: Option<PathBuf>,
    /// `machineSecretLoader`.
    pub machine_secret_loader: Option<Arc<dyn MachineSecretLoader>>,
    /// `machineSecretPath`.
    pub machine_secret_path: Option<PathBuf>,
    /// `envelopeVersion`.
    pub envelope_version: Option<Version>,
    /// The log that `logger` listens to.
    pub log: Option<EventLog>,
}

impl ParsedOptions {
    /// Reads the options of a caller. For options that the caller does not set, those of `configure` apply.
    ///
    /// # Errors
    ///
    /// A `TypeError` for an option of the wrong type or with an invalid value.
    pub fn read(env: &Env, options: Option<&Object<'_>>, defaults: &Object<'_>) -> Result<Self, Failure> {
        let limit = args::option(options, "keyringTimeoutMs")?
            .map(milliseconds)
            .transpose()?;
        let option = |name: &'static str| -> Result<Option<(Unknown<'_>, String)>, Failure> {
            if let Some(value) = args::option(options, name)? {
                return Ok(Some((value, format!("options.{name}"))));
            }
            Ok(args::given(defaults, name)?.map(|value| (value, name.to_owned())))
        };
        let path = |name: &'static str, what: &str| {
            let found = option(name)?;
            found.map(|(value, name)| absolute(value, &name, what)).transpose()
        };
        let keyring = match args::option(options, "keyringLoader")? {
            Some(loader) => Some((loader, "options.keyringLoader".to_owned())),
            None => match option("keytarLoader")? {
                None => option("keyringLoader")?,
                loader => loader,
            },
        };
        let call_limit = limit.unwrap_or(DEFAULT_LIMIT);
        Ok(Self {
            directory: path("fallbackDir", "the path of a directory")?,
            policy: option("fallbackPolicy")?.map(|(value, _)| policy(value)).transpose()?,
            keyring: match keyring {
                Some((loader, name)) => {
                    let loader = JsLoader::new(env, args::function(loader, &name)?, call_limit)?;
                    Some(KeyringProvider::loaded(Arc::new(loader)))
                }
                None => None,
            },
            limit,
            lock_dir: path("lockDir", "the path of a directory")?,
            machine_secret_loader: match option("machineSecretLoader")? {
                Some((loader, name)) => {
                    let loader = JsMachineSecret::new(env, args::function(loader, &name)?, call_limit)?;
                    Some(Arc::new(loader))
                }
                None => None,
            },
            machine_secret_path: path("machineSecretPath", "the path of a file")?,
            envelope_version: option("envelopeVersion")?
                .map(|(value, _)| version(value))
                .transpose()?,
            log: match option("logger")? {
                Some((logger, name)) => Some(object_log(env, Some(logger), &name)?),
                None => None,
            },
        })
    }
}

/// Returns the service name in an argument.
///
/// # Errors
///
/// A `TypeError` unless it is a non-empty string without NUL characters.
pub fn service_name(value: Unknown<'_>, name: &str) -> Result<String, Failure> {
    let service = args::text(value, name)?;
    if service.is_empty() || service.contains('\0') {
        return Err(Failure::Type(format!(
            "{name} must be a non-empty string without NUL characters"
        )));
    }
    Ok(service)
}

/// Returns the path in an option, made absolute; `None` when the option is missing.
///
/// # Errors
///
/// As [`absolute`].
pub fn path(options: Option<&Object<'_>>, name: &str, what: &str) -> Result<Option<PathBuf>, Failure> {
    args::option(options, name)?
        .map(|value| absolute(value, &format!("options.{name}"), what))
        .transpose()
}

/// Returns a path, made absolute, so that it stays the same when the process changes its current directory.
///
/// # Errors
///
/// A `TypeError` unless it is a non-empty string without NUL characters.
pub fn absolute(value: Unknown<'_>, name: &str, what: &str) -> Result<PathBuf, Failure> {
    let text = args::text(value, name)?;
    if text.is_empty() || text.contains('\0') {
        return Err(Failure::Type(format!("{name} must be {what}")));
    }
    std::path::absolute(Path::new(&text)).map_err(|error| Failure::Type(format!("{name} must be {what}: {error}")))
}

/// Returns the time limit in the option `keyringTimeoutMs`.
///
/// # Errors
///
/// A `TypeError` unless it is a number greater than 0.
pub fn milliseconds(value: Unknown<'_>) -> Result<Duration, Failure> {
    let wanted = "options.keyringTimeoutMs must be a number of milliseconds greater than 0";
    if value.get_type()? != ValueType::Number {
        return Err(Failure::Type(format!("{wanted}, not {}", args::kind(&value)?)));
    }
    let number: f64 = args::cast(value)?;
    if number.is_nan() || number <= 0.0 {
        return Err(Failure::Type(wanted.to_owned()));
    }
    Ok(Duration::from_secs_f64(number.min(LONGEST_LIMIT_MS) / 1000.0))
}

fn policy(value: Unknown<'_>) -> Result<FallbackPolicy, Failure> {
    let wanted = "options.fallbackPolicy must be 'allow' or 'deny'";
    if value.get_type()? != ValueType::String {
        return Err(Failure::Type(format!("{wanted}, not {}", args::kind(&value)?)));
    }
    match args::text(value, "options.fallbackPolicy")?.as_str() {
        "allow" => Ok(FallbackPolicy::Allow),
        "deny" => Ok(FallbackPolicy::Deny),
        _ => Err(Failure::Type(wanted.to_owned())),
    }
}

fn version(value: Unknown<'_>) -> Result<Version, Failure> {
    let wanted = "options.envelopeVersion must be 1 or 2";
    if value.get_type()? != ValueType::Number {
        return Err(Failure::Type(format!("{wanted}, not {}", args::kind(&value)?)));
    }
    match args::cast::<f64>(value)? {
        1.0 => Ok(Version::V1),
        2.0 => Ok(Version::V2),
        _ => Err(Failure::Type(wanted.to_owned())),
    }
}
