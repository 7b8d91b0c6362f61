//! The encrypted files: one per key, for hosts without a keyring and for values that the keyring refuses.
//!
//! This module does I/O and decides nothing: when a file is written or read is decided by `store`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::Result;
use crate::fs::executor::{FileExecutor, submit};
use crate::fs::io_error::interrupted;
use crate::secret::Secret;
use crate::telemetry::events::{FileCall, Outcome, file_call};
use crate::telemetry::propagate_blocking;

mod cipher;
mod derived_keys;
pub mod envelope;
pub mod file_name;
mod file_state;
mod files;
pub mod inspect;
mod keyring_kind;
pub mod machine;
pub mod machine_secret;
mod scrypt;

pub use file_state::{DirectoryListing, FileRevision, FileState, StoredValue};
pub use keyring_kind::KeyringKind;

use envelope::Version;
use files::{EncryptedFile, Files};
use machine::HostIdentity;
use machine_secret::{MachineSecret, MachineSecretConfig, Sources};

/// A directory of encrypted files. Cloning is cheap; clones share everything.
#[derive(Clone)]
pub struct FallbackDir {
    inner: Arc<Inner>,
    executor: FileExecutor,
}

struct Inner {
    files: Files,
    service: String,
    identity: HostIdentity,
    secrets: Sources,
}

impl FallbackDir {
    /// Returns a directory that need not exist yet: the first write creates it, with mode 0700.
    pub fn new(dir: PathBuf, service: &str, identity: HostIdentity) -> Self {
        Self::build(dir, service, identity, Sources::default(), FileExecutor::default())
    }

    /// Sets where the machine secret is kept. Clones made before do not know it.
    #[must_use]
    pub fn with_machine_secret(self, config: MachineSecretConfig) -> Self {
        let Inner {
            files,
            service,
            identity,
            ..
        } = &*self.inner;
        Self::build(
            files.dir.clone(),
            service,
            identity.clone(),
            Sources::new(config),
            self.executor,
        )
    }

    fn build(dir: PathBuf, service: &str, identity: HostIdentity, secrets: Sources, executor: FileExecutor) -> Self {
        Self {
            inner: Arc::new(Inner {
                files: Files::new(dir),
                service: service.to_owned(),
                identity,
                secrets,
            }),
            executor,
        }
    }

    /// Where the files are.
    pub fn path(&self) -> &Path {
        &self.inner.files.dir
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
            if self.inner.files.is_known_absent(key) {
                return Ok(FileState::Absent);
            }
            let name = key.to_owned();
            self.run(move |inner| inner.files.state(&name)).await
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
            let found = self.run(move |inner| inner.find(&key)).await;
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
            let found = self.run_many(keys.to_vec(), |inner, key| inner.find(&key)).await;
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
            let secrets = &self.inner.secrets;
            let secret = match secrets.write_version_2 {
                true => Some(secrets.for_writing().await?),
                false => None,
            };
            let (key, value) = (key.to_owned(), value.clone());
            self.run(move |inner| {
                let (version, password) = match secret {
                    None => (Version::V1, inner.identity.password_v1(&inner.service)),
                    Some(secret) => (Version::V2, inner.identity.password_v2(&inner.service, &secret)),
                };
                inner.files.write(&key, (&value, newer_than), (version, &password))
            })
            .await
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
        let writing = self.run(move |inner| inner.files.write_tombstone(&name, newer_than));
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
            if self.inner.files.is_known_absent(key) {
                return Ok(false);
            }
            let name = key.to_owned();
            self.run(move |inner| inner.files.remove(&name)).await
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
        let removing = self.run(move |inner| inner.files.remove_if_unchanged(&name, &revision));
        self.observed("remove_if_unchanged", Some(key), removing).await
    }

    /// Returns whether there is a file with a well-formed envelope. Nothing is decrypted. A tombstone gives `false`.
    ///
    /// # Errors
    ///
    /// `CORRUPT` when the file is malformed or of an unknown version; `DENIED` or `UNAVAILABLE` when it cannot be read.
    pub async fn has(&self, key: &str) -> Result<bool> {
        let name = key.to_owned();
        let looking = self.run(move |inner| inner.files.state(&name));
        let looking = async { Ok(matches!(looking.await?, FileState::Value { .. })) };
        self.observed("has", Some(key), looking).await
    }

    /// Lists the keys that have a file. A missing directory is an empty one.
    ///
    /// # Errors
    ///
    /// `DENIED` or `UNAVAILABLE` when the directory cannot be read.
    pub async fn list(&self) -> Result<DirectoryListing> {
        self.observed("list", None, self.run(|inner| inner.files.list())).await
    }

    async fn observed<A: Outcome>(
        &self,
        operation: &'static str,
        key: Option<&str>,
        answering: impl Future<Output = A>,
    ) -> A {
        let call = FileCall {
            operation,
            service: &self.inner.service,
            directory: self.path(),
            key,
        };
        file_call(call, answering).await
    }

    /// Opens the files that need a machine secret, with each secret that can be reached until one fits.
    async fn finish(&self, found: Vec<Result<Found>>) -> Vec<Result<Option<StoredValue>>> {
        let mut values = Vec::with_capacity(found.len());
        let mut waiting = Vec::new();
        for (at, found) in found.into_iter().enumerate() {
            values.push(match found {
                Ok(Found::Absent) => Ok(None),
                Ok(Found::Opened(stored)) => Ok(Some(stored)),
                Ok(Found::NeedsSecret(sealed)) => {
                    let missing = Err(self.inner.secrets.missing(&sealed.path));
                    waiting.push((at, sealed));
                    missing
                }
                Err(error) => Err(error),
            });
        }
        let mut failed = None;
        for source in self.inner.secrets.iter() {
            if waiting.is_empty() {
                break;
            }
            match source.load().await {
                Ok(None) => {}
                // This place may hold the right secret, so the caller must know that it could not be asked.
                Err(error) => failed = failed.or(Some(error)),
                Ok(Some(secret)) => {
                    let tried = std::mem::take(&mut waiting);
                    let opened = self
                        .run_many(tried.clone(), move |inner, (_, sealed)| inner.open_v2(&sealed, &secret))
                        .await;
                    for ((at, sealed), opened) in tried.into_iter().zip(opened) {
                        if opened.is_err() {
                            waiting.push((at, sealed));
                        }
                        values[at] = opened.map(Some);
                    }
                }
            }
        }
        if let Some(error) = failed {
            waiting.iter().for_each(|(at, _)| values[*at] = Err(error.clone()));
        }
        values
    }

    /// Runs a blocking operation. It runs to its end even if nobody waits for it any more.
    async fn run<T: Send + 'static>(&self, f: impl FnOnce(&Inner) -> Result<T> + Send + 'static) -> Result<T> {
        let inner = self.inner.clone();
        self.executor().run(propagate_blocking(move || f(&inner))).await
    }

    /// Runs a blocking operation for many items, on as many threads as there are cores: each file may have a salt of its own.
    async fn run_many<A, T>(
        &self,
        mut items: Vec<A>,
        f: impl Fn(&Inner, A) -> Result<T> + Clone + Send + 'static,
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
        f: impl Fn(&Inner, A) -> Result<T> + Send + 'static,
    ) -> impl FnOnce() -> Result<Vec<Result<T>>> + Send + 'static
    where
        A: Send + 'static,
        T: Send + 'static,
    {
        let inner = self.inner.clone();
        propagate_blocking(move || Ok(items.into_iter().map(|item| f(&inner, item)).collect()))
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
    /// There where the thread of the work at hand may block.
    static MAY_BLOCK: ();
}

/// Work on a thread that may block: files are read and written right there, without the way to another thread and back.
/// The tasks it spawns are not meant.
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

/// What is known about a key without a machine secret.
enum Found {
    Absent,
    Opened(StoredValue),
    NeedsSecret(Arc<EncryptedFile>),
}

impl Inner {
    fn find(&self, key: &str) -> Result<Found> {
        match self.files.find(key)? {
            None => Ok(Found::Absent),
            Some(file) if file.envelope.version == Version::V2 => Ok(Found::NeedsSecret(Arc::new(file))),
            Some(file) => {
                let password = self.identity.password_v1(&self.service);
                self.files.open(&file, &password).map(Found::Opened)
            }
        }
    }

    fn open_v2(&self, file: &EncryptedFile, secret: &MachineSecret) -> Result<StoredValue> {
        self.files.open(file, &self.identity.password_v2(&self.service, secret))
    }
}
