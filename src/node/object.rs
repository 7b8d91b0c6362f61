//! What the objects of all classes share: the store they work on, and where their events go.

use std::path::PathBuf;
use std::sync::Arc;

use napi::Env;
use napi::bindgen_prelude::{Object, PromiseRaw, ToNapiValue, Unknown};
use napi_derive::napi;

use super::args;
use super::environment::JsEnvironment;
use super::error::Failure;
use super::log::EventLog;
use super::options::{DEFAULT_LIMIT, ParsedOptions};
use super::os_keyring::os_keyring;
use super::promise::{Placement, promise_of};
use super::storage::{JsObject, JsStore, StorageArgument};
use crate::error::Result as StoreResult;
use crate::fallback::machine_secret::MachineSecretConfig;
use crate::fallback::{FallbackDir, file_name};
use crate::fs::lock::LockDir;
use crate::store::{
    FallbackPolicy, KeyringEntry, KeyringProvider, SecretStore, SecureStore, SecureStoreConfig, SelectedKeyring,
};

/// The directory of the stores without a directory of their own, below the data directory.
const STORES: &str = "secure-store";

/// The file of the machine secret, below the data directory.
const MACHINE_SECRET: &str = "machine_secret";

/// The directory of the locks, below the data directory.
const LOCKS: &str = "locks";

/// What a class fixes. Its caller may still choose another directory.
pub struct Defaults<'a> {
    /// The service.
    pub service: &'a str,
    /// The directory of the files: below the data directory, unless it is absolute.
    pub directory: PathBuf,
    /// Whether `LLXPRT_FORCE_FILE_STORAGE=true` keeps the values in files only.
    pub can_be_forced_to_files: bool,
}

impl<'a> Defaults<'a> {
    /// The defaults of a service that fixes only its name.
    pub fn of_service(service: &'a str) -> Self {
        // The service is the name of a directory here, so it is encoded as a key is in the name of its file.
        let directory = PathBuf::from(STORES).join(file_name::encode(service));
        Self {
            service,
            directory,
            can_be_forced_to_files: false,
        }
    }
}

/// The class `SecureStore`; its methods are in `secure_store`.
#[napi(js_name = "SecureStore")]
pub struct JsSecureStore {
    pub(super) store: SecureStore,
    pub(super) log: EventLog,
}

/// The store of an object, and where the object's events go.
#[derive(Clone)]
pub struct StoreObject {
    store: StoreHandle,
    log: EventLog,
}

#[derive(Clone)]
enum StoreHandle {
    Native(SecureStore),
    /// An object of JavaScript. `native` is the store behind it if it is a subclass of ours.
    Object {
        object: JsObject,
        native: Option<SecureStore>,
    },
}

impl JsSecureStore {
    /// A store of our own, from `SecureStoreOptions`.
    pub fn create(env: &Env, defaults: Defaults<'_>, options: Option<&Object<'_>>) -> Result<Self, Failure> {
        let environment = JsEnvironment::of(env)?;
        let host = environment.host(env)?;
        let given = ParsedOptions::read(env, options, &host.defaults)?;
        let limit = given.limit.unwrap_or(DEFAULT_LIMIT);
        let keyring = match given.keyring {
            _ if defaults.can_be_forced_to_files && host.file_storage_forced => {
                KeyringProvider::Known(SelectedKeyring::Nothing)
            }
            Some(keyring) => keyring,
            None => KeyringProvider::Known(os_keyring(env, &host, limit)?),
        };
        let data = &host.data.path;
        let directory = given.directory.unwrap_or_else(|| data.join(defaults.directory));
        let locks = LockDir::new(given.lock_dir.unwrap_or_else(|| data.join(LOCKS)));
        let machine_secret = MachineSecretConfig {
            loader: given.machine_secret_loader,
            keyring: Some(Arc::new(KeyringEntry::new(keyring.clone(), limit, locks.clone()))),
            file: Some(given.machine_secret_path.unwrap_or_else(|| data.join(MACHINE_SECRET))),
            version: given.envelope_version.unwrap_or_default(),
        };
        let store = SecureStore::new(SecureStoreConfig {
            service: defaults.service.to_owned(),
            files: FallbackDir::new(directory, defaults.service, host.identity).with_machine_secret(machine_secret),
            policy: given.policy.unwrap_or(FallbackPolicy::Allow),
            keyring,
            limit,
            locks,
            data_dir: data.clone(),
        });
        let log = given.log.unwrap_or_else(|| environment.log.clone());
        Ok(Self { store, log })
    }
}

impl StoreObject {
    /// The store in `options.secureStore`, or one of our own from the other options.
    pub fn create(env: &Env, defaults: Defaults<'_>, options: Option<&Object<'_>>) -> Result<Self, Failure> {
        if let Some(options) = options
            && let Some(store) = args::option(options, "secureStore")?
        {
            return Self::of_argument(env, store);
        }
        let own = JsSecureStore::create(env, defaults, options)?;
        Ok(Self {
            store: StoreHandle::Native(own.store),
            log: own.log,
        })
    }

    fn of_argument(env: &Env, value: Unknown<'_>) -> Result<Self, Failure> {
        let argument = StorageArgument::read(env, value, "SecureStore", "options.secureStore")?;
        let instance = args::instance::<JsSecureStore>(value);
        let native = instance.as_ref().map(|instance| instance.store.clone());
        let log = match &instance {
            Some(instance) => instance.log.clone(),
            None => JsEnvironment::of(env)?.log.clone(),
        };
        let store = match (argument, native) {
            (StorageArgument::Object(object), native) => StoreHandle::Object { object, native },
            (StorageArgument::Native, Some(store)) => StoreHandle::Native(store),
            (StorageArgument::Native, None) => {
                return Err(Failure::Type("options.secureStore must be a SecureStore".to_owned()));
            }
        };
        Ok(Self { store, log })
    }

    /// A promise of what `work` makes of the arguments and the store; see [`promise_of`].
    pub fn call<'env, A, T, F>(
        &self,
        env: &'env Env,
        args: Result<A, Failure>,
        work: impl FnOnce(A, Arc<dyn SecretStore>) -> F,
    ) -> napi::Result<PromiseRaw<'env, T>>
    where
        T: ToNapiValue + Send + 'static,
        F: Future<Output = StoreResult<T>> + Send + 'static,
    {
        let store = self.secret_store();
        promise_of(env, self.log.clone(), self.placement(), args, |args| work(args, store))
    }

    /// The store of our own behind the object; `None` for an object of JavaScript that is no subclass of ours.
    pub fn native(&self) -> Option<&SecureStore> {
        match &self.store {
            StoreHandle::Native(store) => Some(store),
            StoreHandle::Object { native, .. } => native.as_ref(),
        }
    }

    /// The locks of the store. An object of JavaScript has none of its own, so those of the data directory are used.
    pub fn locks(&self, env: &Env) -> Result<LockDir, Failure> {
        match self.native() {
            Some(store) => Ok(store.locks().clone()),
            None => Ok(LockDir::new(JsEnvironment::of(env)?.host(env)?.data.path.join(LOCKS))),
        }
    }

    /// The store, as the core's modules take it.
    pub fn secret_store(&self) -> Arc<dyn SecretStore> {
        match &self.store {
            StoreHandle::Native(store) => Arc::new(store.clone()),
            StoreHandle::Object { object, .. } => Arc::new(JsStore(object.clone())),
        }
    }

    fn placement(&self) -> Placement {
        match &self.store {
            StoreHandle::Native(store) => placement_of(store),
            StoreHandle::Object { .. } => Placement::Runtime,
        }
    }
}

/// Where the work of a store of our own runs.
pub fn placement_of(store: &SecureStore) -> Placement {
    match store.is_files_only() {
        true => Placement::BlockingThread,
        false => Placement::Runtime,
    }
}
