//! What the objects of all classes share: the store they work on, and where their events go.

use std::path::PathBuf;
use std::sync::Arc;

use napi::Env;
use napi::bindgen_prelude::{Object, PromiseRaw, ToNapiValue, Unknown};
use napi_derive::napi;

use super::args;
use super::environment::{Host, JsEnvironment};
use super::error::Failure;
use super::keyring_choice::{choose_keyring, notice_project};
use super::locks::{in_context, object_in_context};
use super::log::EventLog;
use super::options::{DEFAULT_LIMIT, ParsedOptions};
use super::promise::{Placement, placement_of, promise_of};
use super::storage::{JsObject, JsStore, StorageArgument};
use crate::error::Result as StoreResult;
use crate::fallback::machine_secret::MachineSecretConfig;
use crate::fallback::{FallbackDir, file_name};
use crate::fs::executor::FileExecutor;
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

/// The defaults of a class. Its caller can choose another directory.
pub struct Defaults<'a> {
    /// The service.
    pub service: &'a str,
    /// The directory of the files: below the data directory, unless it is absolute.
    pub directory: PathBuf,
    /// Whether `LLXPRT_FORCE_FILE_STORAGE=true` keeps the values in files only.
    pub can_be_forced_to_files: bool,
}

impl<'a> Defaults<'a> {
    /// Returns the defaults of a class that sets only the name of its service.
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
    /// A JavaScript object, and the store whose locks guard its keys. For a subclass of `SecureStore` that is its own native
    /// store, otherwise a store that is only used for its locks.
    Object {
        object: JsObject,
        locking: SecureStore,
    },
}

impl JsSecureStore {
    /// Creates a store from `SecureStoreOptions`.
    ///
    /// # Errors
    ///
    /// A `TypeError` for invalid options.
    pub fn create(env: &Env, defaults: Defaults<'_>, options: Option<&Object<'_>>) -> Result<Self, Failure> {
        let environment = JsEnvironment::of(env)?;
        let host = environment.host(env)?;
        let mut given = ParsedOptions::read(env, options, &host.defaults)?;
        if defaults.can_be_forced_to_files && host.file_storage_forced {
            given.keyring = Some(KeyringProvider::Known(SelectedKeyring::Nothing));
        }
        let log = given.log.take().unwrap_or_else(|| environment.log.clone());
        notice_project(env, &host, &log)?;
        let (directory, policy) = (given.directory.take(), given.policy.take());
        let limit = given.limit.unwrap_or(DEFAULT_LIMIT);
        let backends = Backends::create(env, &host, given)?;
        let data = &host.data.path;
        let directory = directory.unwrap_or_else(|| data.join(defaults.directory));
        let store = SecureStore::new(SecureStoreConfig {
            service: defaults.service.to_owned(),
            files: FallbackDir::new(directory, defaults.service, host.identity)
                .with_machine_secret(backends.machine_secret),
            policy: policy.unwrap_or(FallbackPolicy::Allow),
            keyring: backends.keyring,
            limit,
            locks: backends.locks,
            data_dir: data.clone(),
        });
        Ok(Self { store, log })
    }
}

/// The keyring, the locks and the machine secret that options select.
pub struct Backends {
    /// The keyring.
    pub keyring: KeyringProvider,
    /// The locks.
    pub locks: LockDir,
    /// The sources of the machine secret.
    pub machine_secret: MachineSecretConfig,
}

impl Backends {
    /// Creates them from the options. The defaults are those of the data directory and of this machine.
    pub fn create(env: &Env, host: &Host, given: ParsedOptions) -> Result<Self, Failure> {
        let limit = given.limit.unwrap_or(DEFAULT_LIMIT);
        let keyring = match given.keyring {
            Some(keyring) => keyring,
            None => choose_keyring(env, host, limit)?.provider,
        };
        let data = &host.data.path;
        let locks = LockDir::new(given.lock_dir.unwrap_or_else(|| data.join(LOCKS)));
        let machine_secret = MachineSecretConfig {
            loader: given.machine_secret_loader,
            keyring: Some(Arc::new(KeyringEntry::new(keyring.clone(), limit, locks.clone()))),
            file: Some(given.machine_secret_path.unwrap_or_else(|| data.join(MACHINE_SECRET))),
            version: given.envelope_version.unwrap_or_default(),
        };
        Ok(Self {
            keyring,
            locks,
            machine_secret,
        })
    }
}

impl StoreObject {
    /// Returns the store in `options.secureStore`, or creates one from the other options.
    ///
    /// # Errors
    ///
    /// A `TypeError` for invalid options.
    pub fn create(env: &Env, defaults: Defaults<'_>, options: Option<&Object<'_>>) -> Result<Self, Failure> {
        let given = args::option(options, "secureStore")?;
        let own = || JsSecureStore::create(env, defaults, options);
        match given {
            Some(store) => Self::of_argument(env, store, own),
            None => own().map(|own| Self::native(own.store, own.log)),
        }
    }

    fn of_argument(
        env: &Env,
        value: Unknown<'_>,
        own: impl FnOnce() -> Result<JsSecureStore, Failure>,
    ) -> Result<Self, Failure> {
        let argument = StorageArgument::read(env, value, "SecureStore", "options.secureStore")?;
        let instance = args::instance::<JsSecureStore>(value);
        let native = instance.map(|instance| (instance.store.clone(), instance.log.clone()));
        match (argument, native) {
            (StorageArgument::Native, Some((store, log))) => Ok(Self::native(store, log)),
            (StorageArgument::Native, None) => {
                Err(Failure::Type("options.secureStore must be a SecureStore".to_owned()))
            }
            (StorageArgument::Object(object), native) => {
                let (locking, log) = match native {
                    Some(native) => native,
                    None => own().map(|own| (own.store, own.log))?,
                };
                let store = StoreHandle::Object { object, locking };
                Ok(Self { store, log })
            }
        }
    }

    fn native(store: SecureStore, log: EventLog) -> Self {
        let store = StoreHandle::Native(store);
        Self { store, log }
    }

    /// Calls `work` with the arguments and the store, and returns a promise of its result; see [`promise_of`].
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
        let placement = self.placement();
        let args = args.and_then(|args| Ok((args, self.in_context(env, placement.executor())?)));
        promise_of(env, self.log.clone(), placement, args, |(args, store)| {
            work(args, store)
        })
    }

    /// Returns the store whose locks guard the keys.
    pub fn locking(&self) -> &SecureStore {
        match &self.store {
            StoreHandle::Native(store) => store,
            StoreHandle::Object { locking, .. } => locking,
        }
    }

    /// Returns the locks that guard the keys and the files beside them.
    pub fn locks(&self) -> LockDir {
        self.locking().locks().clone()
    }

    /// Returns the log for the object's events.
    pub fn log(&self) -> EventLog {
        self.log.clone()
    }

    /// Returns the store for a call in the current asynchronous context; see [`CurrentLocks`](super::locks::CurrentLocks).
    pub fn in_context(&self, env: &Env, executor: FileExecutor) -> Result<Arc<dyn SecretStore>, Failure> {
        Ok(match &self.store {
            StoreHandle::Native(store) => Arc::new(in_context(env, store)?.with_executor(executor)),
            StoreHandle::Object { object, .. } => Arc::new(JsStore(object_in_context(env, object)?)),
        })
    }

    /// Returns the store as an argument for the core's modules.
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
