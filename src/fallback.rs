//! The encrypted files: one per key, where there is no keyring or it refuses.
//!
//! Everything here does I/O and decides nothing: when a file is written or asked is `store`'s.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::error::{Code, Result};
use crate::fs::io_error::interrupted;
use crate::fs::lock::{self, KeyLock, LockOutcome};
use crate::secret::Secret;
use crate::sync::KeyedMutex;
use crate::telemetry::events::{FileCall, Outcome, OutcomeSummary, file_call};
use crate::telemetry::{propagate, propagate_blocking};

mod cipher;
mod derived_keys;
pub mod envelope;
pub mod file_name;
mod files;
pub mod inspect;
pub mod machine;
pub mod machine_secret;
mod scrypt;

use envelope::Version;
use files::{Files, Sealed};
use machine::HostIdentity;
use machine_secret::{MachineSecret, MachineSecretConfig, Sources};

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
    secrets: Sources,
    mutexes: KeyedMutex,
    threads: Arc<Semaphore>,
}

/// How many threads one directory may occupy. More would only wait for the same disk and the same cores, and the
/// runtime's threads are everyone's. Locks are not counted: who holds one needs a thread to get on.
const THREADS: usize = 16;

impl FallbackDir {
    /// A directory that need not exist yet: the first write creates it, with mode 0700 (R4.7).
    pub fn new(dir: PathBuf, service: &str, identity: HostIdentity) -> Self {
        Self::build(dir, service, identity, Sources::default())
    }

    /// The same directory, with the places where a machine secret is looked for. Clones made before do not know them.
    #[must_use]
    pub fn with_machine_secret(self, config: MachineSecretConfig) -> Self {
        let Inner {
            files,
            service,
            identity,
            ..
        } = &*self.inner;
        Self::build(files.dir.clone(), service, identity.clone(), Sources::new(config))
    }

    fn build(dir: PathBuf, service: &str, identity: HostIdentity, secrets: Sources) -> Self {
        Self {
            inner: Arc::new(Inner {
                files: Files::new(dir),
                service: service.to_owned(),
                identity,
                secrets,
                mutexes: KeyedMutex::default(),
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
        self.observed("read", Some(key), async {
            let key = key.to_owned();
            let found = self.on_thread(move |inner| inner.find(&key)).await;
            self.finish(vec![found])
                .await
                .pop()
                .unwrap_or_else(|| Err(interrupted()))
        })
        .await
    }

    /// The values of many keys, in the order asked for, in one go.
    pub async fn read_many(&self, keys: &[String]) -> Vec<Result<Option<Stored>>> {
        self.observed("read_many", None, async {
            let found = self.on_threads(keys.to_vec(), |inner, key| inner.find(&key)).await;
            self.finish(found).await
        })
        .await
    }

    /// The mark alone, without decrypting; `Mark::None` when there is no file, and when it is malformed.
    pub async fn mark(&self, key: &str) -> Result<Mark> {
        let looking = async {
            // Every read asks this before it asks the keyring, so most often there is nothing to go to a thread for.
            if self.inner.files.is_known_absent(key) {
                return Ok(Mark::None);
            }
            let name = key.to_owned();
            let looking = self.on_thread(move |inner| match inner.files.find(&name) {
                Ok(found) => Ok(found.map_or(Mark::None, |sealed| sealed.mark)),
                Err(error) if error.code() == Code::Corrupt => Ok(Mark::None),
                Err(error) => Err(error),
            });
            looking.await
        };
        self.observed("mark", Some(key), looking).await
    }

    /// Writes the file atomically (R4.8): when this returns, the value is on disk. Without the key's lock: of several
    /// writers at the same time any may be the last.
    ///
    /// `CORRUPT` when the key's file name or the value is too long; `UNAVAILABLE`, and the file as it was, when it is of
    /// version 2 and no machine secret is configured, when the disk is full, and the like; `DENIED` without the right.
    pub async fn write(&self, key: &str, value: &Secret, mark: Mark) -> Result<()> {
        self.write_locked(key, value, mark, None).await
    }

    /// The same under the key's lock, which is used up.
    pub async fn write_locked(&self, key: &str, value: &Secret, mark: Mark, lock: Option<KeyLock>) -> Result<()> {
        let writing = self.write_by(key, value, mark, |write| write(lock).map(|()| true));
        self.observed("write", Some(key), writing).await.map(|_| ())
    }

    /// The same, taking the lock on the way, if it is free or there is none to be had; `false`, and nothing written,
    /// when somebody else has it.
    pub async fn write_if_free(&self, key: &str, value: &Secret, mark: Mark) -> Result<bool> {
        let Some(turn) = lock::try_turn(&self.inner.mutexes, key) else {
            return Ok(false);
        };
        let (dir, name) = (self.path().to_owned(), key.to_owned());
        let writing = self.write_by(key, value, mark, move |write| {
            let lock = match lock::try_lock(&dir, turn, &name) {
                LockOutcome::Acquired(lock) => Some(lock),
                LockOutcome::Unsupported => None,
                LockOutcome::Contended => return Ok(false),
            };
            write(lock).map(|()| true)
        });
        self.observed("write", Some(key), writing).await
    }

    /// `locked` is given what writes under a lock, on a thread that may block.
    async fn write_by(
        &self,
        key: &str,
        value: &Secret,
        mark: Mark,
        locked: impl FnOnce(&dyn Fn(Option<KeyLock>) -> Result<()>) -> Result<bool> + Send + 'static,
    ) -> Result<bool> {
        // Before a machine secret comes to be for nothing.
        file_name::file_name(key)?;
        let secrets = &self.inner.secrets;
        let secret = match secrets.write_version_2 {
            true => Some(secrets.for_writing().await?),
            false => None,
        };
        let (key, value) = (key.to_owned(), value.clone());
        self.on_thread(move |inner| {
            let (version, password) = match secret {
                None => (Version::V1, inner.identity.password_v1(&inner.service)),
                Some(secret) => (Version::V2, inner.identity.password_v2(&inner.service, &secret)),
            };
            locked(&|lock| inner.files.write(&key, (&value, mark), (version, &password), lock))
        })
        .await
    }

    /// Removes the file, under either of its names; `false` when there was none.
    pub async fn remove(&self, key: &str) -> Result<bool> {
        let removing = async {
            if self.inner.files.is_known_absent(key) {
                return Ok(false);
            }
            let name = key.to_owned();
            self.on_thread(move |inner| inner.files.remove(&name)).await
        };
        self.observed("remove", Some(key), removing).await
    }

    /// Whether there is a file with a well-formed envelope (R3.8); a malformed one is `CORRUPT`. Nothing is decrypted.
    pub async fn has(&self, key: &str) -> Result<bool> {
        let name = key.to_owned();
        let looking = self.on_thread(move |inner| Ok(inner.files.find(&name)?.is_some()));
        self.observed("has", Some(key), looking).await
    }

    /// The keys of the files, sorted; a missing directory is an empty one.
    pub async fn list(&self) -> Result<Vec<String>> {
        self.observed("list", None, self.on_thread(|inner| inner.files.list()))
            .await
    }

    /// Takes the key's lock, waiting for whoever holds it. `None` where locks are not to be had: no directory yet, a
    /// read-only one, a file system without locks. It waits without a limit, on one thread at most for each key and
    /// directory object; who gives up waiting leaves nothing held.
    pub async fn lock(&self, key: &str) -> Result<Option<KeyLock>> {
        Ok(lock::lock(self.path(), &self.inner.mutexes, key).await)
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

    /// Opens what needs a machine secret, with each there is until one fits.
    async fn finish(&self, found: Vec<Result<Found>>) -> Vec<Result<Option<Stored>>> {
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
                // This place may hold the right secret: that it cannot be asked is what the caller must know.
                Err(error) => failed = failed.or(Some(error)),
                Ok(Some(secret)) => {
                    let tried = std::mem::take(&mut waiting);
                    let opened = self
                        .on_threads(tried.clone(), move |inner, (_, sealed)| inner.open_v2(&sealed, &secret))
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

    /// Runs what blocks on a thread made for it, unless this one is. It is carried through even if nobody waits for it any
    /// more.
    async fn on_thread<T: Send + 'static>(&self, f: impl FnOnce(&Inner) -> Result<T> + Send + 'static) -> Result<T> {
        if MAY_BLOCK.try_with(|()| ()).is_ok() {
            let _permit = self.inner.threads.acquire().await;
            return f(&self.inner);
        }
        // Boxed, so that the runtime's part of it is compiled once for each answer, not for each caller.
        let f: Work<T> = Box::new(f);
        let inner = self.inner.clone();
        let permit = inner.threads.clone().acquire_owned().await;
        let task = tokio::task::spawn_blocking(propagate_blocking(move || {
            let _permit = permit;
            f(&inner)
        }));
        task.await.unwrap_or_else(|_| Err(interrupted()))
    }

    /// The same for many, on as many threads as there are cores: each file may have a salt of its own.
    async fn on_threads<A, T>(
        &self,
        mut items: Vec<A>,
        f: impl Fn(&Inner, A) -> Result<T> + Clone + Send + 'static,
    ) -> Vec<Result<T>>
    where
        A: Send + 'static,
        T: Send + 'static,
    {
        let share = items.len().div_ceil(derived_keys::cores()).max(1);
        let mut tasks = Vec::new();
        while !items.is_empty() {
            let rest = items.split_off(share.min(items.len()));
            let (dir, f, count) = (self.clone(), f.clone(), items.len());
            let work = async move {
                let done = dir.on_thread(move |inner| Ok(items.into_iter().map(|item| f(inner, item)).collect()));
                done.await
                    .unwrap_or_else(|_| (0..count).map(|_| Err(interrupted())).collect::<Vec<_>>())
            };
            tasks.push((tokio::spawn(propagate(work)), count));
            items = rest;
        }
        let mut all = Vec::new();
        for (task, count) in tasks {
            let done = task.await;
            all.extend(done.unwrap_or_else(|_| (0..count).map(|_| Err(interrupted())).collect()));
        }
        all
    }
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

/// What blocks, and is run on a thread for it.
type Work<T> = Box<dyn FnOnce(&Inner) -> Result<T> + Send>;

/// What is known of a key without a machine secret.
enum Found {
    Absent,
    Opened(Stored),
    NeedsSecret(Arc<Sealed>),
}

impl Inner {
    fn find(&self, key: &str) -> Result<Found> {
        match self.files.find(key)? {
            None => Ok(Found::Absent),
            Some(sealed) if sealed.envelope.version == Version::V2 => Ok(Found::NeedsSecret(Arc::new(sealed))),
            Some(sealed) => {
                let password = self.identity.password_v1(&self.service);
                self.files.open(&sealed, &password).map(Found::Opened)
            }
        }
    }

    fn open_v2(&self, sealed: &Sealed, secret: &MachineSecret) -> Result<Stored> {
        self.files
            .open(sealed, &self.identity.password_v2(&self.service, secret))
    }
}

impl Outcome for Mark {
    fn summary(&self) -> OutcomeSummary {
        (*self != Mark::None).summary()
    }
}
