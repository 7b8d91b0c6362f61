//! A store's options, as JavaScript gives them.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use napi::bindgen_prelude::{Object, Unknown};
use napi::{Env, ValueType};

use super::adapter::JsLoader;
use super::args;
use super::environment::{Environment, Host};
use super::error::Failure;
use super::machine_secret::JsMachineSecret;
use crate::fallback::FallbackDir;
use crate::fallback::file_name;
use crate::fallback::machine_secret::{MachineSecretConfig, MachineSecretLoader};
use crate::fs::lock::LockDir;
use crate::keyring::instrumented::InstrumentedKeyring;
use crate::keyring::os::OsKeyring;
use crate::store::{FallbackPolicy, KeyringEntry, KeyringProvider, SecureStore, SecureStoreConfig, SelectedKeyring};

/// How long one keyring call may take, unless `keyringTimeoutMs` says otherwise.
pub const DEFAULT_LIMIT: Duration = Duration::from_secs(30);

/// The data directory, below the home directory.
const DATA_DIRECTORY: &str = ".llxprt";

/// The machine secret's file in the data directory, unless `machineSecretPath` says otherwise.
const MACHINE_SECRET: &str = "machine_secret";

/// The directory of the locks in the data directory.
const LOCK_DIRECTORY: &str = "locks";

/// The longest time limit: what fits the 32-bit milliseconds of a JavaScript timer, about 24 days.
const LONGEST_LIMIT_MS: f64 = 2_147_483_647.0;

/// What a store that is built on ours fixes, and its caller may still change.
pub struct Defaults<'a> {
    /// The service.
    pub service: &'a str,
    /// Where the files are, below the home directory; an absolute path stands for itself.
    pub directory: PathBuf,
    /// Whether `LLXPRT_FORCE_FILE_STORAGE=true` keeps its values in files alone, whatever keyring there is.
    pub can_be_forced_to_files: bool,
}

/// A store for a service, from `SecureStoreOptions`.
pub fn store(env: &Env, service: &str, options: Unknown<'_>) -> Result<SecureStore, Failure> {
    store_with(
        env,
        service_defaults(service),
        args::optional_object(options, "options")?,
    )
}

/// The defaults of a service that fixes no more than its name.
pub fn service_defaults(service: &str) -> Defaults<'_> {
    // A service is a directory's name here, so it is spelled like a key's file: no service gets out of its parent.
    let directory = PathBuf::from(".llxprt")
        .join("secure-store")
        .join(file_name::encode(service));
    Defaults {
        service,
        directory,
        can_be_forced_to_files: false,
    }
}

/// The name of a service, as an argument.
pub fn service_name(value: Unknown<'_>) -> Result<String, Failure> {
    let service = args::text(value, "serviceName")?;
    if service.is_empty() || service.contains('\0') {
        return Err(Failure::Type(
            "serviceName must be a non-empty string without NUL characters".to_owned(),
        ));
    }
    Ok(service)
}

/// A store with defaults of its own; `options` may replace its directory, policy, keyring and time limit.
pub fn store_with(env: &Env, defaults: Defaults<'_>, options: Option<Object<'_>>) -> Result<SecureStore, Failure> {
    let host = Environment::of(env)?.host(env)?;
    let given = match &options {
        Some(options) => Given::read(env, options)?,
        None => Given::default(),
    };
    let limit = given.limit.unwrap_or(DEFAULT_LIMIT);
    let keyring = match given.keyring {
        _ if defaults.can_be_forced_to_files && host.file_storage_forced => {
            KeyringProvider::Known(SelectedKeyring::Nothing)
        }
        Some(keyring) => keyring,
        None => KeyringProvider::Known(os_keyring(&host, limit)),
    };
    let data_dir = host.home.join(DATA_DIRECTORY);
    let directory = given.directory.unwrap_or_else(|| host.home.join(defaults.directory));
    let machine_secret = MachineSecretConfig {
        write_version_2: given.machine_secret_loader.is_some() || given.machine_secret_path.is_some(),
        loaders: given
            .machine_secret_loader
            .into_iter()
            .chain([Arc::new(KeyringEntry::new(keyring.clone(), limit)) as Arc<dyn MachineSecretLoader>])
            .collect(),
        file: Some(
            given
                .machine_secret_path
                .unwrap_or_else(|| data_dir.join(MACHINE_SECRET)),
        ),
    };
    Ok(SecureStore::new(SecureStoreConfig {
        service: defaults.service.to_owned(),
        files: FallbackDir::new(directory, defaults.service, host.identity).with_machine_secret(machine_secret),
        policy: given.policy.unwrap_or(FallbackPolicy::Allow),
        keyring,
        limit,
        locks: LockDir::new(data_dir.join(LOCK_DIRECTORY)),
        data_dir,
    }))
}

/// The operating system's keyring, unless the environment switched it off (R1).
pub fn os_keyring(host: &Host, limit: Duration) -> SelectedKeyring {
    if host.os_keyring_disabled {
        return SelectedKeyring::Nothing;
    }
    SelectedKeyring::Os(InstrumentedKeyring::os(OsKeyring::new(host.os_keyring.clone(), limit)))
}

/// What the caller gave.
#[derive(Default)]
struct Given {
    directory: Option<PathBuf>,
    policy: Option<FallbackPolicy>,
    keyring: Option<KeyringProvider>,
    limit: Option<Duration>,
    machine_secret_loader: Option<Arc<dyn MachineSecretLoader>>,
    machine_secret_path: Option<PathBuf>,
}

impl Given {
    fn read(env: &Env, options: &Object<'_>) -> Result<Self, Failure> {
        let limit = args::option(options, "keyringTimeoutMs")?
            .map(milliseconds)
            .transpose()?;
        let keyring = match args::option(options, "keyringLoader")? {
            Some(loader) => Some((loader, "options.keyringLoader")),
            None => args::option(options, "keytarLoader")?.map(|loader| (loader, "options.keytarLoader")),
        };
        Ok(Self {
            directory: path(options, "fallbackDir", "the path of a directory")?,
            policy: args::option(options, "fallbackPolicy")?.map(policy).transpose()?,
            keyring: keyring
                .map(|(loader, name)| {
                    let loader = JsLoader::new(env, args::function(loader, name)?, limit.unwrap_or(DEFAULT_LIMIT))?;
                    Ok::<_, Failure>(KeyringProvider::loaded(Arc::new(loader)))
                })
                .transpose()?,
            limit,
            machine_secret_loader: args::option(options, "machineSecretLoader")?
                .map(|loader| {
                    let loader = args::function(loader, "options.machineSecretLoader")?;
                    let loader = JsMachineSecret::new(env, loader, limit.unwrap_or(DEFAULT_LIMIT))?;
                    Ok::<Arc<dyn MachineSecretLoader>, Failure>(Arc::new(loader))
                })
                .transpose()?,
            machine_secret_path: path(options, "machineSecretPath", "the path of a file")?,
        })
    }
}

/// A path among the options.
pub fn path(options: &Object<'_>, name: &str, what: &str) -> Result<Option<PathBuf>, Failure> {
    args::option(options, name)?
        .map(|value| absolute(value, &format!("options.{name}"), what))
        .transpose()
}

/// A path, absolute from now on: what is there stays where it is when the process changes its directory.
pub fn absolute(value: Unknown<'_>, name: &str, what: &str) -> Result<PathBuf, Failure> {
    let text = args::text(value, name)?;
    if text.is_empty() || text.contains('\0') {
        return Err(Failure::Type(format!("{name} must be {what}")));
    }
    std::path::absolute(Path::new(&text)).map_err(|error| Failure::Type(format!("{name} must be {what}: {error}")))
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

/// A time limit, from the option `keyringTimeoutMs`.
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
