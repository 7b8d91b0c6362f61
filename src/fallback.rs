//! The encrypted files: one per key, for hosts without a keyring and for values that the keyring refuses.
//!
//! This module does I/O. `store` decides when a file is read or written.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use crate::error::{Error, Result};
use crate::fs::executor::{FileExecutor, submit};
use crate::fs::io_error::interrupted;
use crate::secret::Secret;
use crate::telemetry::events::{FileCall, Outcome, file_call};
use crate::telemetry::propagate_blocking;

mod cipher;
pub mod codec;
mod derived_keys;
mod directory;
mod directory_keys;
pub mod envelope;
pub mod file_name;
mod file_state;
mod files;
pub mod inspect;
pub mod key_cache;
mod keyring_kind;
pub mod machine;
pub mod machine_secret;
mod opening;
mod other_files;
mod protected;

pub use file_state::{DirectoryListing, FileRevision, FileState, StoredValue};
pub use keyring_kind::KeyringKind;

use directory::Directory;
use directory_keys::DirectoryKeys;
use files::Files;
use machine::HostIdentity;
use machine_secret::{MachineSecretConfig, MachineSecrets};

/// A directory of encrypted files. Cloning is cheap; clones share everything.
#[derive(Clone)]
pub struct FallbackDir {
    directory: Arc<Directory>,
    executor: FileExecutor,
    /// Set when the keyring must not be asked. The inner value is the keyring's error, or `None` when there is no keyring.
    keyring_failure: Option<Option<Error>>,
}

impl FallbackDir {
    /// Returns the directory at this path. It need not exist yet: the first write creates it, with mode 0700.
    pub fn new(dir: PathBuf, service: &str, identity: HostIdentity) -> Self {
        Self {
            directory: Arc::new(Directory {
                keys: DirectoryKeys::new(dir.clone(), service),
                files: Files::new(dir),
                secrets: MachineSecrets::default(),
                service: service.to_owned(),
                identity,
                other_usernames: OnceLock::new(),
            }),
            executor: FileExecutor::default(),
            keyring_failure: None,
        }
    }

    /// Sets the sources of the machine secret, and the version to write. Earlier clones keep their settings.
    #[must_use]
    pub fn with_machine_secret(self, config: MachineSecretConfig) -> Self {
        self.rebuilt(|directory| directory.secrets = MachineSecrets::new(config))
    }

    /// Sets the other names of the current user, which files may be sealed under. By default they come from the system's user
    /// database. Earlier clones keep their settings.
    #[must_use]
    pub fn with_other_usernames(self, names: Vec<String>) -> Self {
        self.rebuilt(|directory| directory.other_usernames = OnceLock::from(names))
    }

    /// Returns the same directory for an operation in which the keyring has failed with this error, or is absent (`None`). The
    /// keyring is not asked for the machine secret again; a secret that was loaded from it before is still used.
    #[must_use]
    pub fn without_keyring(&self, failure: Option<Error>) -> Self {
        Self {
            keyring_failure: Some(failure),
            ..self.clone()
        }
    }

    fn rebuilt(self, change: impl FnOnce(&mut Directory)) -> Self {
        let old = self.directory;
        let mut directory = Arc::try_unwrap(old).unwrap_or_else(|old| Directory {
            files: Files::new(old.files.dir.clone()),
            keys: DirectoryKeys::new(old.files.dir.clone(), &old.service),
            secrets: old.secrets.unloaded(),
            service: old.service.clone(),
            identity: old.identity.clone(),
            other_usernames: old.other_usernames.clone(),
        });
        change(&mut directory);
        Self {
            directory: Arc::new(directory),
            executor: self.executor,
            keyring_failure: self.keyring_failure,
        }
    }

    /// Returns the path of the directory.
    pub fn path(&self) -> &Path {
        &self.directory.files.dir
    }

    /// Runs blocking operations with this executor. Earlier clones keep theirs.
    #[must_use]
    pub fn with_executor(mut self, executor: FileExecutor) -> Self {
        self.executor = executor;
        self
    }

    /// Returns the state of a key's file, without decrypting it.
    ///
    /// # Errors
    ///
    /// `CORRUPT` when the file is malformed or of an unknown version; `DENIED` or `UNAVAILABLE` when it cannot be read.
    pub async fn state(&self, key: &str) -> Result<FileState> {
        let reading = async {
            // Every read of the store checks the state before it asks the keyring, and usually there is no file.
            if self.directory.files.is_known_absent(key) {
                return Ok(FileState::Absent);
            }
            let name = key.to_owned();
            self.run(move |directory| directory.files.state(&name)).await
        };
        self.observed("state", Some(key), reading).await
    }

    /// Returns the decrypted value; `None` when there is no file, and when it is a tombstone.
    ///
    /// # Errors
    ///
    /// `CORRUPT` when the file is malformed, of an unknown version, or does not decrypt; `DENIED` or `UNAVAILABLE` when it
    /// cannot be read.
    pub async fn read(&self, key: &str) -> Result<Option<StoredValue>> {
        self.observed("read", Some(key), async {
            let key = key.to_owned();
            let found = self.run(move |directory| directory.find(&key)).await;
            self.finish(vec![found])
                .await
                .pop()
                .unwrap_or_else(|| Err(interrupted()))
        })
        .await
    }

    /// Returns the values of many keys, in the given order. Each result is that of [`FallbackDir::read`].
    pub async fn read_many(&self, keys: &[String]) -> Vec<Result<Option<StoredValue>>> {
        self.observed("read_many", None, async {
            let found = self
                .run_many(keys.to_vec(), |directory, key| directory.find(&key))
                .await;
            self.finish(found).await
        })
        .await
    }

    /// Writes the file of a key atomically: when this returns, the value is on disk. The caller must hold the key's lock.
    ///
    /// `newer_than` names the kind of keyring that may hold an older value.
    ///
    /// # Errors
    ///
    /// `CORRUPT` when the key's file name or the value is too long; `DENIED` without permission; `UNAVAILABLE` when the file
    /// is of version 2 and there is no machine secret, when the disk is full, and for other I/O errors. The file is then
    /// unchanged, unless the message says that the change was made.
    pub async fn write(&self, key: &str, value: &Secret, newer_than: Option<KeyringKind>) -> Result<()> {
        let writing = async {
            let secrets = &self.directory.secrets;
            let secret = secrets
                .for_writing(self.executor, self.keyring_failure.as_ref())
                .await?;
            let (name, value) = (key.to_owned(), value.clone());
            let written = self
                .run(move |directory| directory.write(&name, &value, newer_than, secret.as_deref()))
                .await;
            self.update_cache();
            written
        };
        self.observed("write", Some(key), writing).await
    }

    /// Replaces the file of a key by a tombstone, atomically. The caller must hold the key's lock.
    ///
    /// `newer_than` names the kind of keyring that may still hold a value.
    ///
    /// # Errors
    ///
    /// `CORRUPT` when the key's file name is too long; `DENIED` or `UNAVAILABLE` when the file cannot be written.
    pub async fn write_tombstone(&self, key: &str, newer_than: KeyringKind) -> Result<()> {
        let name = key.to_owned();
        let writing = self.run(move |directory| directory.files.write_tombstone(&name, newer_than));
        self.observed("write_tombstone", Some(key), writing).await
    }

    /// Removes the file of a key, under either of its names. Returns whether it held a value; a tombstone is removed too, but
    /// returns `false`. The caller must hold the key's lock.
    ///
    /// # Errors
    ///
    /// `DENIED` or `UNAVAILABLE` when the file cannot be removed.
    pub async fn remove(&self, key: &str) -> Result<bool> {
        let removing = async {
            if self.directory.files.is_known_absent(key) {
                return Ok(false);
            }
            let name = key.to_owned();
            self.run(move |directory| directory.files.remove(&name)).await
        };
        self.observed("remove", Some(key), removing).await
    }

    /// Removes the file of a key if it still has the revision that was read. Returns whether it was removed. The caller must
    /// hold the key's lock.
    ///
    /// # Errors
    ///
    /// `DENIED` or `UNAVAILABLE` when the file cannot be read or removed.
    pub async fn remove_if_unchanged(&self, key: &str, revision: &FileRevision) -> Result<bool> {
        let (name, revision) = (key.to_owned(), revision.clone());
        let removing = self.run(move |directory| directory.files.remove_if_unchanged(&name, &revision));
        self.observed("remove_if_unchanged", Some(key), removing).await
    }

    /// Returns whether there is a file with a well-formed envelope, without decrypting it; `false` for a tombstone.
    ///
    /// # Errors
    ///
    /// `CORRUPT` when the file is malformed or of an unknown version; `DENIED` or `UNAVAILABLE` when it cannot be read.
    pub async fn has(&self, key: &str) -> Result<bool> {
        let name = key.to_owned();
        let state = self.run(move |directory| directory.files.state(&name));
        let checking = async { Ok(matches!(state.await?, FileState::Value { .. })) };
        self.observed("has", Some(key), checking).await
    }

    /// Lists the keys that have a file. A missing directory is an empty one.
    ///
    /// # Errors
    ///
    /// `DENIED` or `UNAVAILABLE` when the directory cannot be read.
    pub async fn list(&self) -> Result<DirectoryListing> {
        self.observed("list", None, self.run(|directory| directory.files.list()))
            .await
    }

    /// Waits until no update of the directory's derived-key cache is running. An operation that derives a key returns before
    /// the cache is written.
    pub async fn settled(&self) {
        self.directory.keys.settled().await;
    }

    /// Runs an operation and emits an event about it.
    async fn observed<T: Outcome>(
        &self,
        operation: &'static str,
        key: Option<&str>,
        running: impl Future<Output = T>,
    ) -> T {
        let call = FileCall {
            operation,
            service: &self.directory.service,
            directory: self.path(),
            key,
        };
        file_call(call, running).await
    }

    /// Runs a blocking operation. It runs to its end even if this future is dropped.
    async fn run<T: Send + 'static>(&self, f: impl FnOnce(&Directory) -> Result<T> + Send + 'static) -> Result<T> {
        let directory = self.directory.clone();
        self.executor.run(propagate_blocking(move || f(&directory))).await
    }

    /// Runs a blocking operation for many items, on as many threads as there are cores: files with different salts need a key
    /// derivation each.
    async fn run_many<A, T>(
        &self,
        mut items: Vec<A>,
        f: impl Fn(&Directory, A) -> Result<T> + Clone + Send + 'static,
    ) -> Vec<Result<T>>
    where
        A: Send + 'static,
        T: Send + 'static,
    {
        let chunk_len = items.len().div_ceil(derived_keys::cores()).max(1);
        let mut rest = items.split_off(items.len().min(chunk_len));
        let first = items;
        let mut others = Vec::new();
        while !rest.is_empty() {
            let after = rest.split_off(chunk_len.min(rest.len()));
            let count = rest.len();
            others.push((submit(self.chunk_job(rest, f.clone())), count));
            rest = after;
        }
        let count = first.len();
        let mut all = results(self.executor.run(self.chunk_job(first, f)).await, count);
        for (other, count) in others {
            all.extend(results(other.await, count));
        }
        all
    }

    /// Returns the job that runs an operation for the items of one chunk.
    fn chunk_job<A, T>(
        &self,
        items: Vec<A>,
        f: impl Fn(&Directory, A) -> Result<T> + Send + 'static,
    ) -> impl FnOnce() -> Result<Vec<Result<T>>> + Send + 'static
    where
        A: Send + 'static,
        T: Send + 'static,
    {
        let directory = self.directory.clone();
        propagate_blocking(move || Ok(items.into_iter().map(|item| f(&directory, item)).collect()))
    }
}

/// Returns the results of a chunk of `count` items; the same error for each when the chunk was interrupted.
fn results<T>(chunk: Result<Vec<Result<T>>>, count: usize) -> Vec<Result<T>> {
    chunk.unwrap_or_else(|error| (0..count).map(|_| Err(error.clone())).collect())
}
