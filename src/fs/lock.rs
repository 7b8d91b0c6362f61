//! One key, one writer: a lock across processes and tasks that dies with its holder and leaves no litter.
//!
//! A lock is a file of its own, made for it. Whoever writes the key's file writes into that lock file and renames it over
//! the target: so a write costs no file more than it would without a lock.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::sweep::LOCK_SUFFIX;
use crate::sync::{KeyedMutex, KeyedMutexGuard};
use crate::text::hex;

/// Guards one key against every other process and task, until it is dropped or its process ends.
pub struct KeyLock {
    // Dropped in this order: other processes first, then the tasks of this one.
    file: FileLock,
    turn: KeyedMutexGuard,
}

impl KeyLock {
    /// The lock against other processes, which a write may use up, and the turn among the tasks of this one.
    pub(crate) fn split(lock: Option<Self>) -> (Option<FileLock>, Option<KeyedMutexGuard>) {
        lock.map(|lock| (lock.file, lock.turn)).unzip()
    }
}

/// Result of a lock attempt.
pub enum LockOutcome<L> {
    /// The lock is held.
    Acquired(L),
    /// Another holder has it, and the attempt does not wait.
    Contended,
    /// Locking is unavailable (missing directory, permission, space or file-system support).
    Unsupported,
}

/// Waits for the key's lock. `None` where there is none to be had. Tasks queue before they take a thread: five hundred
/// that wait for one key occupy one.
pub async fn lock(dir: &Path, mutexes: &KeyedMutex, key: &str) -> Option<KeyLock> {
    let turn = mutexes.lock(key).await;
    let path = dir.join(lock_name(key));
    // The lock is made on the thread, turn and all: if nobody waits for it any more, it is dropped there, and released.
    let taking = tokio::task::spawn_blocking(move || match FileLock::take(&path, LockWait::Block) {
        LockOutcome::Acquired(file) => Some(KeyLock { file, turn }),
        LockOutcome::Contended | LockOutcome::Unsupported => None,
    });
    taking.await.ok().flatten()
}

/// Whose turn it is in this process, if it is nobody's: the first half of [`try_lock`].
pub fn try_turn(mutexes: &KeyedMutex, key: &str) -> Option<KeyedMutexGuard> {
    mutexes.try_lock(key)
}

/// Takes the key's lock if it is free. Blocks for no longer than the disk takes.
pub fn try_lock(dir: &Path, turn: KeyedMutexGuard, key: &str) -> LockOutcome<KeyLock> {
    match FileLock::take(&dir.join(lock_name(key)), LockWait::Try) {
        LockOutcome::Acquired(file) => LockOutcome::Acquired(KeyLock { file, turn }),
        LockOutcome::Contended => LockOutcome::Contended,
        LockOutcome::Unsupported => LockOutcome::Unsupported,
    }
}

/// A hash: short whatever the key, and never the name of a value's file.
fn lock_name(key: &str) -> String {
    format!(".{}{LOCK_SUFFIX}", hex(&Sha256::digest(key.as_bytes())[..8]))
}

/// Whether a lock is waited for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum LockWait {
    Try,
    Block,
}

/// A lock file that is locked; deleted on drop, before the lock is given back.
#[cfg(unix)]
pub struct FileLock {
    path: PathBuf,
    file: Option<std::fs::File>,
}

#[cfg(unix)]
impl FileLock {
    fn take(path: &Path, wait_mode: LockWait) -> LockOutcome<Self> {
        use std::fs::TryLockError;
        use std::io::ErrorKind::{AlreadyExists, NotFound};
        loop {
            match open(path, true) {
                Ok(file) => match file.try_lock() {
                    // In the instant before it was locked a sweeper may have taken it for an abandoned one.
                    Ok(()) if super::sweep::is_at(&file, path) => {
                        return LockOutcome::Acquired(Self {
                            path: path.to_owned(),
                            file: Some(file),
                        });
                    }
                    Ok(()) | Err(TryLockError::WouldBlock) => continue,
                    Err(TryLockError::Error(_)) => {
                        let _ = std::fs::remove_file(path);
                        return LockOutcome::Unsupported;
                    }
                },
                Err(error) if error.kind() == AlreadyExists => {}
                Err(_) => return LockOutcome::Unsupported,
            }
            let file = match open(path, false) {
                Ok(file) => file,
                Err(error) if error.kind() == NotFound => continue,
                Err(_) => return LockOutcome::Unsupported,
            };
            match (wait(&file, wait_mode), wait_mode) {
                (Ok(()), _) => {}
                (Err(TryLockError::WouldBlock), LockWait::Try) => return LockOutcome::Contended,
                (Err(_), _) => return LockOutcome::Unsupported,
            }
            // Whoever held it has deleted or renamed it, and we begin anew; or has died, and so do we.
            if super::sweep::is_at(&file, path) {
                let _ = std::fs::remove_file(path);
            }
        }
    }

    /// The locked file itself, empty, to be written and renamed; it is no longer deleted here. Or the lock, unchanged,
    /// where its file cannot become another.
    pub fn into_file(mut self) -> Result<(PathBuf, std::fs::File), Self> {
        match self.file.take() {
            Some(file) => Ok((std::mem::take(&mut self.path), file)),
            None => Err(self),
        }
    }
}

#[cfg(unix)]
impl Drop for FileLock {
    fn drop(&mut self) {
        if self.file.is_some() {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

#[cfg(unix)]
fn open(path: &Path, new: bool) -> std::io::Result<std::fs::File> {
    use std::os::unix::fs::OpenOptionsExt as _;
    std::fs::OpenOptions::new()
        .read(true)
        .write(true)
        .create_new(new)
        .mode(0o600)
        .custom_flags((rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK).bits() as i32)
        .open(path)
}

#[cfg(unix)]
fn wait(file: &std::fs::File, wait_mode: LockWait) -> Result<(), std::fs::TryLockError> {
    if wait_mode == LockWait::Try {
        return file.try_lock();
    }
    loop {
        match file.lock() {
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            done => return done.map_err(std::fs::TryLockError::Error),
        }
    }
}

/// A lock file that nobody else can open, and that the system deletes with its last handle.
#[cfg(windows)]
pub struct FileLock(#[allow(dead_code)] std::fs::File);

#[cfg(windows)]
impl FileLock {
    fn take(path: &Path, wait_mode: LockWait) -> LockOutcome<Self> {
        use std::os::windows::fs::OpenOptionsExt as _;
        use std::time::{Duration, Instant};
        const FILE_FLAG_DELETE_ON_CLOSE: u32 = 0x0400_0000;
        const ACCESS_DENIED: i32 = 5;
        const SHARING_VIOLATION: i32 = 32;
        const LONGEST_PAUSE: Duration = Duration::from_millis(25);
        // A file that is just being deleted refuses access, too; but not for long.
        const REFUSED_FOR_GOOD: Duration = Duration::from_secs(2);
        let mut refused_since = None;
        let mut pause = Duration::from_millis(1);
        loop {
            let opened = std::fs::OpenOptions::new()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .share_mode(0)
                .custom_flags(FILE_FLAG_DELETE_ON_CLOSE)
                .open(path);
            match opened {
                Ok(file) => return LockOutcome::Acquired(Self(file)),
                Err(error) => match error.raw_os_error() {
                    Some(SHARING_VIOLATION | ACCESS_DENIED) if wait_mode == LockWait::Try => {
                        return LockOutcome::Contended;
                    }
                    Some(SHARING_VIOLATION) => refused_since = None,
                    Some(ACCESS_DENIED) => {
                        let since: &Instant = refused_since.get_or_insert_with(Instant::now);
                        if since.elapsed() > REFUSED_FOR_GOOD {
                            return LockOutcome::Unsupported;
                        }
                    }
                    _ => return LockOutcome::Unsupported,
                },
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Windows deletes the file with its handle: it cannot become another.
    pub fn into_file(self) -> Result<(PathBuf, std::fs::File), Self> {
        Err(self)
    }
}
