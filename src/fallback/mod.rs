//! The encrypted files: one per key, where there is no keyring or it refuses.
//!
//! Everything here does I/O and decides nothing: when a file is written or asked is `store`'s.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::Result;
use crate::secret::Secret;

pub mod machine;

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
    dir: PathBuf,
    service: String,
    identity: HostIdentity,
}

/// Guards one key against every other process and task, until it is dropped or its process ends.
pub struct KeyLock {}

impl FallbackDir {
    /// A directory that need not exist yet: the first write creates it, with mode 0700 (R4.7).
    pub fn new(dir: PathBuf, service: &str, identity: HostIdentity) -> Self {
        Self {
            inner: Arc::new(Inner {
                dir,
                service: service.to_owned(),
                identity,
            }),
        }
    }

    /// Where the files are.
    pub fn path(&self) -> &Path {
        let _ = (&self.inner.service, &self.inner.identity);
        &self.inner.dir
    }

    /// The decrypted value and its mark; `None` when there is no file.
    pub async fn read(&self, _key: &str) -> Result<Option<Stored>> {
        todo!()
    }

    /// The values of many keys, in the order asked for, in one go.
    pub async fn read_many(&self, _keys: &[String]) -> Vec<Result<Option<Stored>>> {
        todo!()
    }

    /// The mark alone, without decrypting; `Mark::None` when there is no file, and when it is malformed.
    pub async fn mark(&self, _key: &str) -> Result<Mark> {
        todo!()
    }

    /// Writes the file atomically (R4.8): when this returns, the value is on disk.
    pub async fn write(&self, _key: &str, _value: &Secret, _mark: Mark) -> Result<()> {
        todo!()
    }

    /// Removes the file, under either of its names; `false` when there was none.
    pub async fn remove(&self, _key: &str) -> Result<bool> {
        todo!()
    }

    /// Whether there is a file with a well-formed envelope (R3.8); a malformed one is `CORRUPT`. Nothing is decrypted.
    pub async fn has(&self, _key: &str) -> Result<bool> {
        todo!()
    }

    /// The keys of the files, sorted; a missing directory is an empty one.
    pub async fn list(&self) -> Result<Vec<String>> {
        todo!()
    }

    /// Takes the key's lock, waiting for whoever holds it. `None` where locks are not to be had: no directory yet, a
    /// read-only one, a file system without locks.
    pub async fn lock(&self, _key: &str) -> Result<Option<KeyLock>> {
        todo!()
    }
}
