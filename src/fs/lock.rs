//! Locks on keys, between processes and between the tasks of this process.
//!
//! A lock is an operating-system lock (`flock`, `LockFileEx`) on a file in the lock directory. The system releases it when
//! its holder ends, even if the holder is killed. Lock files are never deleted: a process that has opened a file just before
//! its deletion would hold a lock that no other process sees.
//!
//! Tasks of one process queue on a [`KeyedMutex`], in the order of their requests. The first of them tries to lock the file,
//! and tries again after a pause while another process holds the lock. A waiting task therefore occupies no thread.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

use super::atomic;
use super::executor::FileExecutor;
use crate::error::{Code, Error, Result};
use crate::sync::{KeyedLock, KeyedMutex, KeyedMutexGuard};
use crate::text::hex;

/// Pause after the first attempt that finds the lock held by another process. It doubles up to [`MAX_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(1);

/// Longest pause between two attempts.
const MAX_PAUSE: Duration = Duration::from_millis(25);

/// Maximum number of locks that changes of this process hold at a time. Each lock occupies a file descriptor, and a burst of
/// thousands of changes must not use up the process's descriptors.
const MAX_CHANGES: usize = 128;

/// The only key of the mutex in a [`KeyLock`].
const CHANGES_OF_HOLDER: &str = "";

/// The queues of this process, by the path of the lock file. Process-wide, because independent stores may change the same
/// keys.
static QUEUES: LazyLock<KeyedMutex> = LazyLock::new(KeyedMutex::default);

static CHANGES: Semaphore = Semaphore::const_new(MAX_CHANGES);

/// A directory of lock files. Cloning is cheap.
#[derive(Clone, Debug)]
pub struct LockDir {
    path: Arc<Path>,
    is_prepared: Arc<AtomicBool>,
    executor: FileExecutor,
}

/// A request for the lock of one key. It is in this process's queue from the moment [`LockDir::request`] returns until it is
/// dropped.
pub struct LockRequest {
    dir: LockDir,
    file: PathBuf,
    queued: KeyedLock,
}

/// Holds the lock of one key until it is dropped or the process ends.
pub struct KeyLock {
    /// `None` where locking is unavailable.
    file: Option<File>,
    path: PathBuf,
    /// The queue of the changes that are made under this lock.
    changes: KeyedMutex,
    _permit: Option<SemaphorePermit<'static>>,
    _queue: KeyedMutexGuard,
}

/// Result of one lock attempt.
enum LockOutcome {
    /// The lock is held.
    Acquired(File),
    /// Another process holds the lock, or this process has no file descriptor left to try it.
    Contended,
    /// Locking is unavailable.
    Unsupported(Error),
}

/// Result of locking an open lock file.
#[derive(Debug, PartialEq, Eq)]
enum TryLockOutcome {
    Acquired,
    /// Another process holds the lock.
    Contended,
    /// The file was deleted before it was locked. Another one may be at its path now.
    Deleted,
}

impl LockDir {
    /// Returns the lock directory at this path. It need not exist yet: the first lock creates it, with mode 0700.
    pub fn new(path: PathBuf) -> Self {
        Self {
            path: path.into(),
            is_prepared: Arc::default(),
            executor: FileExecutor::default(),
        }
    }

    /// Runs lock attempts with this executor. Earlier clones keep theirs.
    #[must_use]
    pub fn with_executor(mut self, executor: FileExecutor) -> Self {
        self.executor = executor;
        self
    }

    /// Returns the executor of lock attempts.
    pub fn executor(&self) -> FileExecutor {
        self.executor
    }

    /// Returns the path of the directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Enters the queue of a key at once: the order of calls to this function is the order of acquisition in this process.
    pub fn request(&self, service: &str, key: &str) -> LockRequest {
        let file = self.lock_file(service, key);
        let queued = QUEUES.lock(&file.to_string_lossy());
        LockRequest {
            dir: self.clone(),
            file,
            queued,
        }
    }

    /// Acquires the lock of a key.
    ///
    /// # Errors
    ///
    /// `TIMEOUT` when the lock was not released within `limit`. `UNAVAILABLE` when locking is unavailable: the directory cannot
    /// be created or written, the lock file is not a regular file, or the file system does not support locks.
    pub async fn lock(&self, service: &str, key: &str, limit: Duration) -> Result<KeyLock> {
        self.request(service, key).acquire(limit).await
    }

    /// Acquires the lock of a key if it is free; `None` when another task or process holds it.
    ///
    /// # Errors
    ///
    /// As [`LockDir::lock`], but never `TIMEOUT`.
    pub async fn try_lock(&self, service: &str, key: &str) -> Result<Option<KeyLock>> {
        let path = self.lock_file(service, key);
        let Some(queue) = QUEUES.try_lock(&path.to_string_lossy()) else {
            return Ok(None);
        };
        match self.attempt(&path).await {
            LockOutcome::Acquired(file) => Ok(Some(KeyLock::new(Some(file), path, None, queue))),
            LockOutcome::Contended => Ok(None),
            LockOutcome::Unsupported(error) => Err(error),
        }
    }

    /// Returns the path of a key's lock file. Its name is a hash, which is short and valid on every system, whatever the key.
    fn lock_file(&self, service: &str, key: &str) -> PathBuf {
        let mut hash = Sha256::new();
        hash.update(service.as_bytes());
        hash.update([0]);
        hash.update(key.as_bytes());
        self.path.join(format!("{}.lock", hex(&hash.finalize()[..16])))
    }

    async fn attempt(&self, path: &Path) -> LockOutcome {
        let (dir, path) = (self.clone(), path.to_owned());
        let attempt = self.executor.run(move || Ok(dir.attempt_now(&path)));
        attempt.await.unwrap_or_else(LockOutcome::Unsupported)
    }

    fn attempt_now(&self, path: &Path) -> LockOutcome {
        outcome_of(path, self.open_and_lock(path))
    }

    fn open_and_lock(&self, path: &Path) -> io::Result<Option<File>> {
        if !self.is_prepared.load(Ordering::Relaxed) {
            self.prepare()?;
            self.is_prepared.store(true, Ordering::Relaxed);
        }
        loop {
            let file = match open(path) {
                // The directory was deleted after it was prepared.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    self.prepare()?;
                    open(path)?
                }
                opened => opened?,
            };
            let metadata = file.metadata()?;
            if !metadata.is_file() {
                return Err(io::Error::other("not a regular file"));
            }
            match lock_opened(&file, path)? {
                TryLockOutcome::Acquired => return Ok(Some(file)),
                TryLockOutcome::Contended => return Ok(None),
                TryLockOutcome::Deleted => {}
            }
        }
    }

    fn prepare(&self) -> io::Result<()> {
        match atomic::ensure_dir(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(io::Error::other(
                "the lock directory is not a directory, or is a symbolic link that leads nowhere",
            )),
            done => done,
        }
    }
}

impl LockRequest {
    /// Waits until the lock is held.
    ///
    /// # Errors
    ///
    /// As [`LockDir::lock`].
    pub async fn acquire(self, limit: Duration) -> Result<KeyLock> {
        let (lock, unavailable) = self.wait(limit, None).await?;
        match unavailable {
            None => Ok(lock),
            Some(error) => Err(error),
        }
    }

    /// Waits until the lock of a change is held. Where locking is unavailable, returns the error together with a guard that
    /// excludes only other tasks of this process.
    ///
    /// At most [`MAX_CHANGES`] locks of changes are held at a time. The caller must not wait for another one while it holds
    /// this one, or all holders could wait for each other.
    ///
    /// # Errors
    ///
    /// `TIMEOUT` when the lock was not released within `limit`. The time to wait for fewer than [`MAX_CHANGES`] changes is not
    /// limited, because a burst of changes may take longer.
    pub async fn acquire_for_change(self, limit: Duration) -> Result<(KeyLock, Option<Error>)> {
        self.wait(limit, Some(&CHANGES)).await
    }

    async fn wait(self, limit: Duration, permits: Option<&'static Semaphore>) -> Result<(KeyLock, Option<Error>)> {
        let Self {
            dir,
            file: path,
            queued,
        } = self;
        let deadline = Instant::now() + limit;
        let Ok(queue) = tokio::time::timeout_at(deadline, queued).await else {
            return Err(timed_out(&path, limit));
        };
        let mut pause = FIRST_PAUSE;
        loop {
            let permit = match permits {
                // The semaphore is never closed, so an error cannot happen.
                Some(permits) => permits.acquire().await.ok(),
                None => None,
            };
            match dir.attempt(&path).await {
                LockOutcome::Acquired(file) => return Ok((KeyLock::new(Some(file), path, permit, queue), None)),
                LockOutcome::Unsupported(error) => return Ok((KeyLock::new(None, path, permit, queue), Some(error))),
                LockOutcome::Contended => drop(permit),
            }
            if Instant::now() >= deadline {
                return Err(timed_out(&path, limit));
            }
            tokio::time::sleep_until(deadline.min(Instant::now() + pause)).await;
            pause = (pause * 2).min(MAX_PAUSE);
        }
    }
}

impl KeyLock {
    fn new(
        file: Option<File>,
        path: PathBuf,
        permit: Option<SemaphorePermit<'static>>,
        queue: KeyedMutexGuard,
    ) -> Self {
        Self {
            file,
            path,
            changes: KeyedMutex::default(),
            _permit: permit,
            _queue: queue,
        }
    }

    /// Returns whether this is the lock of a key in a directory.
    pub fn covers(&self, locks: &LockDir, service: &str, key: &str) -> bool {
        self.path == locks.lock_file(service, key)
    }

    /// Enters the queue of the changes that are made under this lock, so that they run one at a time. The change may start when
    /// the returned future is ready, and ends when its guard is dropped.
    pub fn change(&self) -> KeyedLock {
        self.changes.lock(CHANGES_OF_HOLDER)
    }

    /// Starts a change under this lock if no other change is running; `None` otherwise.
    pub fn try_change(&self) -> Option<KeyedMutexGuard> {
        self.changes.try_lock(CHANGES_OF_HOLDER)
    }
}

impl Drop for KeyLock {
    fn drop(&mut self) {
        // Closing the file would not release the lock while a child process that is being started has a copy of the descriptor.
        if let Some(file) = &self.file {
            let _ = file.unlock();
        }
    }
}

fn outcome_of(path: &Path, attempt: io::Result<Option<File>>) -> LockOutcome {
    match attempt {
        Ok(Some(file)) => LockOutcome::Acquired(file),
        Ok(None) => LockOutcome::Contended,
        Err(error) if is_out_of_descriptors(&error) => LockOutcome::Contended,
        Err(error) => LockOutcome::Unsupported(unavailable(path, &error)),
    }
}

fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
        options.mode(0o600).custom_flags(flags.bits() as i32);
    }
    #[cfg(windows)]
    {
        const FILE_FLAG_OPEN_REPARSE_POINT: u32 = 0x0020_0000;
        std::os::windows::fs::OpenOptionsExt::custom_flags(&mut options, FILE_FLAG_OPEN_REPARSE_POINT);
    }
    options.open(path)
}

/// Locks a lock file that was opened at this path.
fn lock_opened(file: &File, path: &Path) -> io::Result<TryLockOutcome> {
    match file.try_lock() {
        Ok(()) if super::sweep::is_at(file, path) => Ok(TryLockOutcome::Acquired),
        Ok(()) => Ok(TryLockOutcome::Deleted),
        Err(TryLockError::WouldBlock) => Ok(TryLockOutcome::Contended),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

#[cfg(unix)]
fn is_out_of_descriptors(error: &io::Error) -> bool {
    use rustix::io::Errno;
    matches!(Errno::from_io_error(error), Some(Errno::MFILE | Errno::NFILE))
}

#[cfg(not(unix))]
fn is_out_of_descriptors(_error: &io::Error) -> bool {
    false
}

fn timed_out(path: &Path, limit: Duration) -> Error {
    let limit = limit.as_millis();
    Error::new(
        Code::Timeout,
        format!(
            "Another program or call held the lock {} for more than {limit} ms",
            path.display()
        ),
    )
    .with_remediation("Retry. If this persists, end the program that holds the lock")
}

fn unavailable(path: &Path, error: &io::Error) -> Error {
    Error::new(Code::Unavailable, format!("Cannot lock {}: {error}", path.display())).with_remediation(
        "Make the lock directory one that this user can write, on a file system with file locks, or choose another with lockDir",
    )
}

#[cfg(test)]
mod tests;
