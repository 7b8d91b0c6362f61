//! The store: its parts, and what its methods share.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::keyring_provider::KeyringProvider;
use super::keyring_seen::KeyringSeen;
use super::probe::Probe;
use crate::error::Result;
use crate::fallback::FallbackDir;
use crate::fs::executor::FileExecutor;
use crate::fs::lock::{KeyLock, LockDir};
use crate::keyring::KeyringError;

/// What happens when the keyring is unavailable or refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FallbackPolicy {
    /// The encrypted file takes the value.
    Allow,
    /// Nothing is written, and the keyring's own error is reported.
    Deny,
}

/// Where a value is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoredIn {
    /// In the keyring.
    Keyring,
    /// In an encrypted file.
    File,
}

/// The parts of a store.
pub struct SecureStoreConfig {
    /// The service that its accounts belong to.
    pub service: String,
    /// The encrypted files.
    pub files: FallbackDir,
    /// When the encrypted files are used.
    pub policy: FallbackPolicy,
    /// The keyring.
    pub keyring: KeyringProvider,
    /// How long a keyring's loader may take for one call. The keyring's own calls keep its own limit.
    pub limit: Duration,
    /// The locks of its keys.
    pub locks: LockDir,
    /// The data directory, where a marker file says that a keyring was reached.
    pub data_dir: PathBuf,
}

/// A store of secrets: keyring first, encrypted file second. Cloning is cheap; clones are the same store.
#[derive(Clone)]
pub struct SecureStore {
    pub(super) service: Arc<str>,
    pub(super) policy: FallbackPolicy,
    pub(super) keyring: KeyringProvider,
    pub(super) limit: Duration,
    pub(super) files: FallbackDir,
    pub(super) locks: LockDir,
    pub(super) keyring_seen: KeyringSeen,
    pub(super) probe: Probe,
    /// Locks that the caller holds. Changes of their keys are made under them.
    pub(super) held: Vec<Arc<KeyLock>>,
}

impl SecureStore {
    /// Creates a store without touching the keyring or the directory: they are first used when a method needs them.
    pub fn new(config: SecureStoreConfig) -> Self {
        Self {
            service: config.service.into(),
            policy: config.policy,
            keyring: config.keyring,
            limit: config.limit,
            files: config.files,
            locks: config.locks,
            keyring_seen: KeyringSeen::new(config.data_dir),
            probe: Probe::default(),
            held: Vec::new(),
        }
    }

    /// Runs file operations with this executor. Earlier clones keep theirs.
    #[must_use]
    pub fn with_executor(mut self, executor: FileExecutor) -> Self {
        self.files = self.files.with_executor(executor);
        self.locks = self.locks.with_executor(executor);
        self.keyring_seen = self.keyring_seen.with_executor(executor);
        self
    }

    /// Returns the executor of file operations.
    pub fn executor(&self) -> FileExecutor {
        self.locks.executor()
    }

    /// Returns whether the keyring works: whether a value that is written to a temporary account can be read back.
    ///
    /// # Errors
    ///
    /// `RUNTIME_REPLACED` and `CONFLICT`.
    pub async fn is_keychain_available(&self) -> Result<bool> {
        if self.keyring.is_disabled() {
            return Ok(false);
        }
        let (provider, limit) = (self.keyring.clone(), self.limit);
        let keyring = async move { Ok(provider.selected(limit).await?.keyring().cloned()) };
        self.probe.status(&self.service, keyring).await
    }

    /// Returns the service that its accounts belong to.
    pub fn service(&self) -> &str {
        &self.service
    }

    /// Returns whether it is known that there is no keyring, so that only files are used.
    pub fn is_files_only(&self) -> bool {
        self.keyring.is_known_absent()
    }

    /// Returns the encrypted files.
    pub fn files(&self) -> &FallbackDir {
        &self.files
    }

    /// Returns the locks of its keys.
    pub fn locks(&self) -> &LockDir {
        &self.locks
    }

    /// Returns when the encrypted files are used.
    pub fn policy(&self) -> FallbackPolicy {
        self.policy
    }

    /// Records the outcome of a keyring call: the probe drops its cached result after repeated failures, and a success shows
    /// that there is a keyring.
    ///
    /// # Errors
    ///
    /// An error that ends the operation: the caller returns it without further calls.
    pub(super) async fn record_outcome<T>(&self, outcome: Result<T, KeyringError>) -> Result<Result<T, KeyringError>> {
        match &outcome {
            Ok(_) => {
                self.probe.record_success();
                self.keyring_seen.record().await;
            }
            Err(error) => {
                self.probe.record_failure();
                if error.error().is_final() {
                    return Err(error.error().clone());
                }
            }
        }
        Ok(outcome)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{at_once, store};
    use super::*;
    use crate::keyring::memory::FaultMode;
    use crate::secret::Secret;

    #[tokio::test]
    async fn with_the_inline_executor_no_operation_waits_for_another_thread() {
        for mode in [FaultMode::Works, FaultMode::Absent] {
            let dir = tempfile::tempdir().expect("a directory");
            let (store, keyring) = store("service", dir.path(), FallbackPolicy::Allow, mode);
            let store = store.with_executor(FileExecutor::Inline);
            let stored_in = match mode {
                FaultMode::Works => StoredIn::Keyring,
                _ => StoredIn::File,
            };
            let (key, value) = ("key", Secret::from("value"));
            assert_eq!(at_once(store.set(key, value.clone())), stored_in);
            assert_eq!(at_once(store.get(key)), Some(value.clone()));
            assert!(at_once(store.has(key)));
            assert_eq!(at_once(store.locate(key)), Some(stored_in));
            assert_eq!(at_once(store.list()), [key]);
            assert_eq!(at_once(store.entries()).entries.len(), 1);
            keyring.set_mode(FaultMode::Absent);
            at_once(store.delete(key));
            store.files().settled().await;
        }
    }
}
