//! SecureStore: the keyring first, the encrypted file second.
//!
//! This room decides (keyring or file, which error, which value wins) and does no I/O of its own.
//!
//! # Nothing acknowledged is lost, nothing older comes back (R7B)
//!
//! A value may be in two places. While the keyring works there is one rule: a `set` that reached it removes the file, and
//! its value wins over the file's. When a `set` ends in the file because the keyring was absent or failed, the keyring may
//! hold an older value that it will show again one day. Such a file is marked (`newer_than`) in the same atomic write as the
//! value, so the mark survives crashes and restarts. While a marked file is there it wins, and every `get` first tries to
//! bring the keyring up to date: under the key's lock, with the value read again under that lock, the keyring is written
//! and only then the file removed. Whatever step a crash hits, the newest acknowledged value is in the file, or in the
//! keyring with no marked file beside it.

use std::sync::Arc;
use std::time::Duration;

use crate::error::{Code, Error, Result};
use crate::fallback::{FallbackDir, KeyringKind};
use crate::fs::lock::{self, KeyLock};
use crate::keyring::{Keyring, KeyringError};
use crate::secret::Secret;
use crate::sync::{KeyedLock, KeyedMutex};
use crate::telemetry::events::{Fallback, Operation};
use crate::telemetry::fingerprint;

mod batch;
mod fallback_reason;
mod key;
mod keyring_provider;
mod machine_secret;
mod probe;
mod secret_store;
mod sync_to_keyring;
#[cfg(test)]
pub mod testing;

pub use key::Key;
pub use keyring_provider::{KeyringProvider, Loader, SelectedKeyring};
pub use machine_secret::KeyringEntry;
pub use probe::{PROBE_PREFIX, ask as ask_keyring};
pub use secret_store::{SecretStore, StoreEntries, StoreEntry, StoreKeys};

use fallback_reason::{fallback_reason, record_backend};
use probe::Probe;

/// How long other processes may keep the lock of a key, on top of the time that a keyring call may take.
const LOCK_PATIENCE: Duration = Duration::from_secs(30);

/// What happens when the keyring is unavailable or refuses (R4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FallbackPolicy {
    /// The encrypted file takes the value.
    Allow,
    /// Nothing is written, and the keyring's own error is reported.
    Deny,
}

/// Where a value went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoredIn {
    /// Into the keyring.
    Keyring,
    /// Into an encrypted file.
    File,
}

/// What a store is made of.
pub struct SecureStoreConfig {
    /// The service its accounts belong to.
    pub service: String,
    /// The encrypted files.
    pub files: FallbackDir,
    /// When they are used.
    pub policy: FallbackPolicy,
    /// The keyring.
    pub keyring: KeyringProvider,
    /// How long a keyring's loader may take for one call. The keyring's own calls keep its own limit.
    pub limit: Duration,
}

/// A store of secrets: keyring first, encrypted file second. Cloning is cheap; clones are the same store.
#[derive(Clone)]
pub struct SecureStore {
    config: Arc<SecureStoreConfig>,
    mutexes: KeyedMutex,
    probe: Probe,
}

impl SecureStore {
    /// Touches nothing: the keyring and the directory are first asked when a method needs them.
    pub fn new(config: SecureStoreConfig) -> Self {
        Self {
            config: Arc::new(config),
            mutexes: KeyedMutex::default(),
            probe: Probe::default(),
        }
    }

    /// Stores a value, and says where it went (R3.1).
    ///
    /// Changes to one key happen in the order of the calls to this function and [`SecureStore::delete`].
    /// `CORRUPT` for a bad key; under `Deny` the keyring's own code; else what kept the file from being written.
    pub fn set(&self, key: &str, value: Secret) -> impl Future<Output = Result<StoredIn>> + Send + use<> {
        let (store, change) = (self.clone(), self.change(key));
        async move {
            let mut operation = Operation::start("set");
            let (key, lock) = match change {
                Ok(change) => change,
                Err(error) => return operation.finish(store.service(), None, Err(error)),
            };
            let _guard = lock.await;
            let stored = store.set_now(&key, &value, &mut operation).await;
            operation.finish(store.service(), Some(key.as_str()), stored)
        }
    }

    /// Removes a key from the keyring and from the files; `true` if either held it (R3.6).
    ///
    /// A keyring that fails does not stop the file's removal, but is reported after it: a secret that may still be there
    /// must not look deleted. Under `Deny` with no keyring and no file: `UNAVAILABLE`.
    pub fn delete(&self, key: &str) -> impl Future<Output = Result<bool>> + Send + use<> {
        let (store, change) = (self.clone(), self.change(key));
        async move {
            let mut operation = Operation::start("delete");
            let (key, lock) = match change {
                Ok(change) => change,
                Err(error) => return operation.finish(store.service(), None, Err(error)),
            };
            let _guard = lock.await;
            let deleted = store.delete_now(&key, &mut operation).await;
            operation.finish(store.service(), Some(key.as_str()), deleted)
        }
    }

    /// The value of a key; `None` when it is known that there is none, or there is no keyring to ask (R3.2–3.5).
    ///
    /// The keyring's own error when it failed and there is no file; `CORRUPT` when the file cannot be read back.
    pub async fn get(&self, key: &str) -> Result<Option<Secret>> {
        let mut operation = Operation::start("get");
        let key = match Key::parse(key) {
            Ok(key) => key,
            Err(error) => return operation.finish(self.service(), None, Err(error)),
        };
        let found = self.get_now(&key, &mut operation).await;
        operation.finish(self.service(), Some(key.as_str()), found)
    }

    async fn get_now(&self, key: &Key, operation: &mut Operation) -> Result<Option<Secret>> {
        let choice = self.choice().await;
        operation.record_keyring();
        if self.config.policy == FallbackPolicy::Deny {
            return self.ask_keyring(&choice, key).await.map_err(KeyringError::into_error);
        }
        if let Ok(choice) = &choice
            && let Some(keyring) = choice.keyring()
            && self.is_newer(key, choice).await
            && let Some(value) = self.sync_to_keyring(key, choice.kind(), keyring).await?
        {
            operation.record_fallback(Fallback::NewerFile);
            return Ok(Some(value));
        }
        let asked = self.ask_keyring(&choice, key).await;
        if let Ok(Some(value)) = asked {
            return Ok(Some(value));
        }
        operation.record_fallback(fallback_reason(&asked));
        let failure = match asked {
            Ok(_) | Err(KeyringError::Absent(_)) => None,
            Err(KeyringError::Failed(error)) if error.code() == Code::Unavailable => None,
            Err(KeyringError::Failed(error)) => Some(error),
        };
        match (self.config.files.read(key.as_str()).await?, failure) {
            (Some(stored), _) => Ok(Some(stored.value)),
            (None, None) => Ok(None),
            (None, Some(error)) => Err(error),
        }
    }

    /// Whether the key is held (R3.8); `false` only when it is known that neither keyring nor file holds it.
    ///
    /// A keyring that failed and no file: the keyring's error. A file whose envelope is malformed: `CORRUPT`.
    pub async fn has(&self, key: &str) -> Result<bool> {
        let mut operation = Operation::start("has");
        let key = match Key::parse(key) {
            Ok(key) => key,
            Err(error) => return operation.finish(self.service(), None, Err(error)),
        };
        let found = self.has_now(&key, &mut operation).await;
        operation.finish(self.service(), Some(key.as_str()), found)
    }

    async fn has_now(&self, key: &Key, operation: &mut Operation) -> Result<bool> {
        let choice = self.choice().await;
        let held = self.record_outcome(match with_keyring(&choice) {
            Ok(keyring) => not_found_as(keyring.contains(&self.config.service, key.as_str()).await, false),
            Err(error) => Err(error),
        });
        operation.record_keyring();
        if self.config.policy == FallbackPolicy::Allow && !matches!(held, Ok(true)) {
            operation.record_fallback(fallback_reason(&held));
        }
        let failure = match (held, self.config.policy) {
            (Ok(true), _) => return Ok(true),
            (Ok(false), FallbackPolicy::Deny) => return Ok(false),
            (Err(error), FallbackPolicy::Deny) => return Err(error.into_error()),
            (Ok(false) | Err(KeyringError::Absent(_)), FallbackPolicy::Allow) => None,
            (Err(KeyringError::Failed(error)), FallbackPolicy::Allow) => Some(error),
        };
        match (self.config.files.has(key.as_str()).await?, failure) {
            (true, _) => Ok(true),
            (false, None) => Ok(false),
            (false, Some(error)) => Err(error),
        }
    }

    /// The keys in keyring and files, without duplicates, in the order of JavaScript's `sort()` (R3.7).
    ///
    /// A source that fails is left out; when none could be read the call fails, with the keyring's error if it has one.
    pub async fn list(&self) -> Result<Vec<String>> {
        let mut operation = Operation::start("list");
        let keys = self.list_now(&mut operation).await;
        operation.finish(self.service(), None, keys)
    }

    async fn list_now(&self, operation: &mut Operation) -> Result<Vec<String>> {
        let choice = self.choice().await;
        let accounts = match with_keyring(&choice) {
            Ok(keyring) => not_found_as(keyring.accounts(&self.config.service).await, Vec::new()),
            Err(error) => Err(error),
        };
        record_backend(operation, &accounts, self.config.policy);
        let files = match self.config.policy {
            FallbackPolicy::Allow => Some(self.config.files.list().await.map(|listing| listing.keys)),
            FallbackPolicy::Deny => None,
        };
        let mut keys: Vec<String> = match (accounts, files) {
            (Ok(accounts), Some(Ok(files))) => accounts.into_iter().chain(files).collect(),
            (Ok(accounts), _) => accounts,
            (Err(_), Some(Ok(files))) => files,
            (Err(KeyringError::Absent(_)), Some(Err(error))) => return Err(error),
            (Err(error), _) => return Err(error.into_error()),
        };
        keys.retain(|key| !key.starts_with(PROBE_PREFIX));
        keys.sort_unstable_by(|a, b| a.encode_utf16().cmp(b.encode_utf16()));
        keys.dedup();
        Ok(keys)
    }

    /// Whether the keyring works: a value written to a throw-away account came back (R2). Never fails.
    pub async fn is_keychain_available(&self) -> bool {
        let (source, limit) = (self.config.keyring.clone(), self.config.limit);
        let keyring = async move { Ok(source.choice(limit).await?.keyring().cloned()) };
        self.probe.status(&self.config.service, keyring).await
    }

    /// The service its accounts belong to.
    pub fn service(&self) -> &str {
        &self.config.service
    }

    /// Whether there is nothing to ask but files, as far as is known by now.
    pub fn is_files_only(&self) -> bool {
        self.config.keyring.is_known_absent()
    }

    /// The encrypted files.
    pub fn files(&self) -> &FallbackDir {
        &self.config.files
    }

    /// When the encrypted files are used.
    pub fn policy(&self) -> FallbackPolicy {
        self.config.policy
    }

    fn change(&self, key: &str) -> Result<(Key, KeyedLock)> {
        let key = Key::parse(key)?;
        let lock = self.mutexes.lock(key.as_str());
        Ok((key, lock))
    }

    async fn set_now(&self, key: &Key, value: &Secret, operation: &mut Operation) -> Result<StoredIn> {
        let choice = self.choice().await;
        let files = &self.config.files;
        let _lock = self.lock(key).await?;
        let taken = self.record_outcome(match with_keyring(&choice) {
            Ok(keyring) => keyring.set(&self.config.service, key.as_str(), value).await,
            Err(error) => Err(error),
        });
        record_backend(operation, &taken, self.config.policy);
        match (taken, self.config.policy) {
            (Ok(()), _) => {
                // A stale copy must not survive. If it does, the caller hears of it: a marked one would win.
                files.remove(key.as_str()).await?;
                Ok(StoredIn::Keyring)
            }
            (Err(error), FallbackPolicy::Deny) => Err(error.into_error()),
            (Err(_), FallbackPolicy::Allow) => {
                // A loader that hangs is an injected one.
                let kind = choice.as_ref().map_or(KeyringKind::Injected, SelectedKeyring::kind);
                files.write(key.as_str(), value, Some(kind)).await?;
                Ok(StoredIn::File)
            }
        }
    }

    async fn delete_now(&self, key: &Key, operation: &mut Operation) -> Result<bool> {
        let choice = self.choice().await;
        let _lock = self.lock(key).await?;
        let from_keyring = self.record_outcome(match with_keyring(&choice) {
            Ok(keyring) => not_found_as(keyring.delete(&self.config.service, key.as_str()).await, false),
            Err(error) => Err(error),
        });
        record_backend(operation, &from_keyring, self.config.policy);
        let from_files = self.config.files.remove(key.as_str()).await;
        match from_keyring {
            Ok(was_there) => Ok(from_files? || was_there),
            Err(KeyringError::Failed(error)) => Err(error),
            Err(KeyringError::Absent(error)) => match (from_files?, self.config.policy) {
                (false, FallbackPolicy::Deny) => Err(error),
                (was_there, _) => Ok(was_there),
            },
        }
    }

    /// The keyring, found once per store. A loader that hangs is a failure of this call alone.
    async fn choice(&self) -> Result<SelectedKeyring> {
        self.config.keyring.choice(self.config.limit).await
    }

    async fn ask_keyring(&self, choice: &Result<SelectedKeyring>, key: &Key) -> Result<Option<Secret>, KeyringError> {
        self.record_outcome(match with_keyring(choice) {
            Ok(keyring) => not_found_as(keyring.get(&self.config.service, key.as_str()).await, None),
            Err(error) => Err(error),
        })
    }

    /// Counts successes and failures for the probe's kept answer (R2).
    fn record_outcome<T>(&self, answer: Result<T, KeyringError>) -> Result<T, KeyringError> {
        match &answer {
            Ok(_) => self.probe.record_success(),
            Err(_) => self.probe.record_failure(),
        }
        answer
    }

    /// The key's lock against other processes; `None` where locks are not to be had. `TIMEOUT` when they keep it for longer
    /// than a keyring that hangs and a slow disk could make them: one of them must have been stopped.
    async fn lock(&self, key: &Key) -> Result<Option<KeyLock>> {
        let patience = self.config.limit + LOCK_PATIENCE;
        // Tasks of this store are kept apart before, by `mutexes`.
        let tasks = KeyedMutex::default();
        let locking = lock::lock(self.config.files.path(), &tasks, key.as_str());
        match tokio::time::timeout(patience, locking).await {
            Ok(lock) => Ok(lock),
            Err(_) => Err(Error::new(
                Code::Timeout,
                format!(
                    "Another process has been changing key {} for more than {} ms",
                    fingerprint(key.as_str()),
                    patience.as_millis()
                ),
            )),
        }
    }
}

/// The keyring that was chosen, or why there is none.
fn with_keyring(choice: &Result<SelectedKeyring>) -> Result<&Arc<dyn Keyring>, KeyringError> {
    match choice {
        Ok(choice) => choice
            .keyring()
            .ok_or_else(|| KeyringError::absent("No OS keyring is available")),
        Err(error) => Err(KeyringError::Failed(error.clone())),
    }
}

/// A keyring that says "not there" by an error means the same as one that says it by its answer, and did not fail.
fn not_found_as<T>(answer: Result<T, KeyringError>, absent: T) -> Result<T, KeyringError> {
    match answer {
        Err(error) if error.error().code() == Code::NotFound => Ok(absent),
        answer => answer,
    }
}
