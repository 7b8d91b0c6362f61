//! The encrypted files: one per key, where there is no keyring or it refuses.
//!
//! Everything here does I/O and decides nothing: when a file is written or asked is `store`'s.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::error::{Code, Error, Result};
use crate::secret::Secret;

mod atomic;
mod cipher;
mod derived_keys;
pub mod envelope;
pub mod file_name;
mod files;
mod io_error;
mod lock;
pub mod machine;
mod sweep;

use envelope::Version;
use files::{Files, Sealed};
pub use lock::KeyLock;
use machine::HostIdentity;

/// What a file says about the keyring: whether the keyring may hold an older value of the same key.
///
/// The keyring's value wins over the file's, for a set that reached the keyring removes the file. A set that ended in
/// the file because the keyring was absent or failed is the newer one, though, and must not be shadowed when the keyring
/// comes back (R7B). Such a file carries a mark that older programs do not see (white space after the JSON), so it is
/// written, copied and replaced together with the value. A mark speaks of the kind of keyring it was made beside; beside
/// another kind it says nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// Nothing is said: the keyring's value wins.
    None,
    /// Newer than what the operating system's keyring holds.
    NewerThanOs,
    /// Newer than what the keyring holds that the caller injected.
    NewerThanInjected,
}

/// A value read from its file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// The decrypted value.
    pub value: Secret,
    /// What the file says about the keyring.
    pub mark: Mark,
}

/// A directory of encrypted files. Cloning is cheap; clones share everything.
#[derive(Clone)]
pub struct FallbackDir {
    inner: Arc<Inner>,
}

struct Inner {
    files: Files,
    service: String,
    identity: HostIdentity,
    queues: lock::Queues,
    threads: Arc<Semaphore>,
}

/// How many threads one directory may occupy. More would only wait for the same disk and the same cores, and the
/// runtime's threads are everyone's. Locks are not counted: who holds one needs a thread to get on.
const THREADS: usize = 16;

impl FallbackDir {
    /// A directory that need not exist yet: the first write creates it, with mode 0700 (R4.7).
    pub fn new(dir: PathBuf, service: &str, identity: HostIdentity) -> Self {
        Self {
            inner: Arc::new(Inner {
                files: Files::new(dir),
                service: service.to_owned(),
                identity,
                queues: lock::Queues::default(),
                threads: Arc::new(Semaphore::new(THREADS)),
            }),
        }
    }

    /// Where the files are.
    pub fn path(&self) -> &Path {
        &self.inner.files.dir
    }

    /// The decrypted value and its mark; `None` when there is no file.
    ///
    /// `CORRUPT` when the file is malformed, of an unknown version, or does not decrypt; `DENIED` or `UNAVAILABLE` when
    /// it cannot be read.
    pub async fn read(&self, key: &str) -> Result<Option<Stored>> {
        let key = key.to_owned();
        self.on_thread(move |inner| inner.read(&key)).await
    }

    /// The values of many keys, in the order asked for, in one go.
    pub async fn read_many(&self, keys: &[String]) -> Vec<Result<Option<Stored>>> {
        // As many threads as cores: the files may all have salts of their own.
        let share = keys.len().div_ceil(derived_keys::cores()).max(1);
        let shares: Vec<_> = keys
            .chunks(share)
            .map(|keys| {
                let (dir, keys) = (self.clone(), keys.to_vec());
                tokio::spawn(async move {
                    let count = keys.len();
                    let read = dir
                        .on_thread(move |inner| Ok(keys.iter().map(|key| inner.read(key)).collect()))
                        .await;
                    read.unwrap_or_else(|error| vec![Err(error); count])
                })
            })
            .collect();
        let mut values = Vec::with_capacity(keys.len());
        for (share, keys) in shares.into_iter().zip(keys.chunks(share)) {
            values.extend(share.await.unwrap_or_else(|_| vec![Err(stopped()); keys.len()]));
        }
        values
    }

    /// The mark alone, without decrypting; `Mark::None` when there is no file, and when it is malformed.
    pub async fn mark(&self, key: &str) -> Result<Mark> {
        let key = key.to_owned();
        self.on_thread(move |inner| match inner.files.find(&key) {
            Ok(found) => Ok(found.map_or(Mark::None, |sealed| sealed.mark)),
            Err(error) if error.code() == Code::Corrupt => Ok(Mark::None),
            Err(error) => Err(error),
        })
        .await
    }

    /// Writes the file atomically (R4.8): when this returns, the value is on disk.
    ///
    /// `CORRUPT` when the key's file name or the value is too long; `UNAVAILABLE`, and the file as it was, when it is of
    /// version 2 and no machine secret is configured, when the disk is full, and the like; `DENIED` without the right.
    pub async fn write(&self, key: &str, value: &Secret, mark: Mark) -> Result<()> {
        let (key, value) = (key.to_owned(), value.clone());
        self.on_thread(move |inner| {
            let password = inner.identity.password_v1(&inner.service);
            inner.files.write(&key, &value, mark, Version::V1, &password)
        })
        .await
    }

    /// Removes the file, under either of its names; `false` when there was none.
    pub async fn remove(&self, key: &str) -> Result<bool> {
        let key = key.to_owned();
        self.on_thread(move |inner| inner.files.remove(&key)).await
    }

    /// Whether there is a file with a well-formed envelope (R3.8); a malformed one is `CORRUPT`. Nothing is decrypted.
    pub async fn has(&self, key: &str) -> Result<bool> {
        let key = key.to_owned();
        self.on_thread(move |inner| Ok(inner.files.find(&key)?.is_some())).await
    }

    /// The keys of the files, sorted; a missing directory is an empty one.
    pub async fn list(&self) -> Result<Vec<String>> {
        self.on_thread(|inner| inner.files.list()).await
    }

    /// Takes the key's lock, waiting for whoever holds it. `None` where locks are not to be had: no directory yet, a
    /// read-only one, a file system without locks.
    pub async fn lock(&self, key: &str) -> Result<Option<KeyLock>> {
        Ok(lock::lock(self.path(), &self.inner.queues, key).await)
    }

    /// Runs what blocks on a thread made for it. It is carried through even if nobody waits for it any more.
    async fn on_thread<T: Send + 'static>(&self, f: impl FnOnce(&Inner) -> Result<T> + Send + 'static) -> Result<T> {
        let inner = self.inner.clone();
        let permit = inner.threads.clone().acquire_owned().await;
        let task = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            f(&inner)
        });
        task.await.unwrap_or_else(|_| Err(stopped()))
    }
}

impl Inner {
    fn read(&self, key: &str) -> Result<Option<Stored>> {
        let Some(sealed) = self.files.find(key)? else {
            return Ok(None);
        };
        self.open(sealed).map(Some)
    }

    fn open(&self, sealed: Sealed) -> Result<Stored> {
        self.files.open(sealed, &self.identity.password_v1(&self.service))
    }
}

fn stopped() -> Error {
    Error::new(Code::Unavailable, "The file operation stopped before its end")
}
