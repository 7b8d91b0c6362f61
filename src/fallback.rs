//! The encrypted files: one per key, for hosts without a keyring and for values that the keyring refuses.
//!
//! This module does I/O and decides nothing: when a file is written or read is decided by `store`.

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
mod scrypt;

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
    /// Set when the keyring is not asked: its failure, or `None` in it when there is no keyring.
    keyring_failure: Option<Option<Error>>,
}

impl FallbackDir {
    /// Returns a directory that need not exist yet: the first write creates it, with mode 0700.
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

    /// Sets where the machine secret is, and which version is written. Clones made before do not know it.
    #[must_use]
    pub fn with_machine_secret(self, config: MachineSecretConfig) -> Self {
        self.rebuilt(|directory| directory.secrets = MachineSecrets::new(config))
    }

    /// Sets the other names of the current user, which files may be sealed under; by default they are found in the system's
    /// user database. Clones made before do not know them.
    #[must_use]
    pub fn with_other_usernames(self, names: Vec<String>) -> Self {
        self.rebuilt(|directory| directory.other_usernames = OnceLock::from(names))
    }

    /// Returns the same directory for an operation in which the keyring has failed with this error, or is known to be absent:
    /// it is not asked for the machine secret again. A secret that it gave before is used all the same.
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

    /// Runs blocking operations with this executor. Clones made before keep theirs.
    #[must_use]
    pub fn with_executor(mut self, executor: FileExecutor) -> Self {
        self.executor = executor;
        self
    }

    /// Returns what the file of a key says, without decrypting it.
    ///
    /// # Errors
    ///
    /// `CORRUPT` when the file is malformed or of an unknown version; `DENIED` or `UNAVAILABLE` when it cannot be read.
    pub async fn state(&self, key: &str) -> Result<FileState> {
        let looking = async {
            // Every read asks this before it asks the keyring, and most often there is no file.
            if self.directory.files.is_known_absent(key) {
                return Ok(FileState::Absent);
            }
            let name = key.to_owned();
            self.run(move |directory| directory.files.state(&name)).await
        };
        self.observed("state", Some(key), looking).await
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

    /// Writes the file of a key atomically: when this returns, the value is on disk. The caller holds the key's lock.
    ///
    /// `newer_than` names the kind of keyring that may hold an older value.
    ///
    /// # Errors
    ///
    /// `CORRUPT` when the key's file name or the value is too long; `DENIED` without permission; `UNAVAILABLE` when the file
    /// is of version 2 and there is no machine secret, when the disk is full, and the like. The file is then as it was,
    /// unless the message says that the new value may be there.
    pub async fn write(&self, key: &str, value: &Secret, newer_than: Option<KeyringKind>) -> Result<()> {
        let writing = async {
            // Before a machine secret is created for nothing.
            file_name::file_name(key)?;
            let secrets = &self.directory.secrets;
            let secret = secrets
                .for_writing(self.executor(), self.keyring_failure.as_ref())
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

    /// Replaces the file of a key by a tombstone, atomically. The caller holds the key's lock.
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

    /// Removes the file of a key, under either of its names. Returns whether it held a value: a tombstone is removed as well,
    /// but gives `false`. The caller holds the key's lock.
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

    /// Removes the file of a key if it still is the one that was read. Returns whether it was. The caller holds the key's
    /// lock.
    ///
    /// # Errors
    ///
    /// `DENIED` or `UNAVAILABLE` when the file cannot be read or removed.
    pub async fn remove_if_unchanged(&self, key: &str, revision: &FileRevision) -> Result<bool> {
        let (name, revision) = (key.to_owned(), revision.clone());
        let removing = self.run(move |directory| directory.files.remove_if_unchanged(&name, &revision));
        self.observed("remove_if_unchanged", Some(key), removing).await
    }

    /// Returns whether there is a file with a well-formed envelope. Nothing is decrypted. A tombstone gives `false`.
    ///
    /// # Errors
    ///
    /// `CORRUPT` when the file is malformed or of an unknown version; `DENIED` or `UNAVAILABLE` when it cannot be read.
    pub async fn has(&self, key: &str) -> Result<bool> {
        let name = key.to_owned();
        let looking = self.run(move |directory| directory.files.state(&name));
        let looking = async { Ok(matches!(looking.await?, FileState::Value { .. })) };
        self.observed("has", Some(key), looking).await
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

    async fn observed<A: Outcome>(
        &self,
        operation: &'static str,
        key: Option<&str>,
        answering: impl Future<Output = A>,
    ) -> A {
        let call = FileCall {
            operation,
            service: &self.directory.service,
            directory: self.path(),
            key,
        };
        file_call(call, answering).await
    }

    /// Waits until the derived-key cache of the directory is no longer being written. The cache is written after the operation
    /// that derived a key has returned.
    pub async fn settled(&self) {
        self.directory.keys.settled().await;
    }

    /// Runs a blocking operation. It runs to its end even if nobody waits for it any more.
    async fn run<T: Send + 'static>(&self, f: impl FnOnce(&Directory) -> Result<T> + Send + 'static) -> Result<T> {
        let directory = self.directory.clone();
        self.executor().run(propagate_blocking(move || f(&directory))).await
    }

    /// Runs a blocking operation for many items, on as many threads as there are cores: each file may have a salt of its own.
    async fn run_many<A, T>(
        &self,
        mut items: Vec<A>,
        f: impl Fn(&Directory, A) -> Result<T> + Clone + Send + 'static,
    ) -> Vec<Result<T>>
    where
        A: Send + 'static,
        T: Send + 'static,
    {
        let share_len = items.len().div_ceil(derived_keys::cores()).max(1);
        let mut rest = items.split_off(items.len().min(share_len));
        let mine = items;
        let mut others = Vec::new();
        while !rest.is_empty() {
            let after = rest.split_off(share_len.min(rest.len()));
            let count = rest.len();
            others.push((submit(self.share(rest, f.clone())), count));
            rest = after;
        }
        let count = mine.len();
        let mut all = results(self.executor().run(self.share(mine, f)).await, count);
        for (other, count) in others {
            all.extend(results(other.await, count));
        }
        all
    }

    fn share<A, T>(
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

    fn executor(&self) -> FileExecutor {
        current_executor(self.executor)
    }
}

/// The results of a share of many items; the same error for each when the share was interrupted.
fn results<T>(share: Result<Vec<Result<T>>>, count: usize) -> Vec<Result<T>> {
    share.unwrap_or_else(|error| (0..count).map(|_| Err(error.clone())).collect())
}

tokio::task_local! {
    /// Set while the current task may block its thread.
    static MAY_BLOCK: ();
}

/// Runs work on a thread that may block: file operations run on it, as with [`FileExecutor::Inline`]. Tasks that the work spawns
/// are not included.
pub fn on_this_thread<F: Future>(work: F) -> impl Future<Output = F::Output> {
    MAY_BLOCK.scope((), work)
}

/// Returns the executor for the task at hand: [`FileExecutor::Inline`] inside [`on_this_thread`], otherwise the given one.
pub fn current_executor(executor: FileExecutor) -> FileExecutor {
    match MAY_BLOCK.try_with(|()| ()) {
        Ok(()) => FileExecutor::Inline,
        Err(_) => executor,
    }
}
