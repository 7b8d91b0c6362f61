//! One key, one writer: a lock across processes and tasks that dies with its holder and leaves no litter.
//!
//! A lock is a file of its own, made for it. Whoever writes the key's file writes into that lock file and renames it over
//! the target: so a write costs no file more than it would without a lock.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use sha2::{Digest, Sha256};
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};

use super::sweep::LOCK_SUFFIX;
use crate::telemetry::hex;

/// Guards one key against every other process and task, until it is dropped or its process ends.
pub struct KeyLock {
    // Dropped in this order: other processes first, then the tasks of this one.
    file: Held,
    turn: OwnedMutexGuard<()>,
}

impl KeyLock {
    /// The lock against other processes, which a write may use up, and the turn among the tasks of this one.
    pub(super) fn split(lock: Option<Self>) -> (Option<Held>, Option<OwnedMutexGuard<()>>) {
        lock.map(|lock| (lock.file, lock.turn)).unzip()
    }
}

/// What comes of taking a lock.
pub enum Taken<L> {
    /// It is ours.
    Ours(L),
    /// Somebody else has it, and nobody was to wait.
    Busy,
    /// There is none to be had: no directory, no right, no room, no locks.
    Impossible,
}

/// The queues of this process's tasks, one for each key that somebody holds or waits for.
#[derive(Default)]
pub struct Queues(Mutex<HashMap<String, Weak<AsyncMutex<()>>>>);

impl Queues {
    fn queue(&self, key: &str) -> Arc<AsyncMutex<()>> {
        let mut queues = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(queue) = queues.get(key).and_then(Weak::upgrade) {
            return queue;
        }
        queues.retain(|_, queue| queue.strong_count() > 0);
        let queue = Arc::default();
        queues.insert(key.to_owned(), Arc::downgrade(&queue));
        queue
    }
}

/// Waits for the key's lock. `None` where there is none to be had. Tasks queue before they take a thread: five hundred
/// that wait for one key occupy one.
pub async fn lock(dir: &Path, queues: &Queues, key: &str) -> Option<KeyLock> {
    let turn = queues.queue(key).lock_owned().await;
    let path = dir.join(lock_name(key));
    // The lock is made on the thread, turn and all: if nobody waits for it any more, it is dropped there, and released.
    let taking = tokio::task::spawn_blocking(move || match Held::take(&path, Patience::Endless) {
        Taken::Ours(file) => Some(KeyLock { file, turn }),
        Taken::Busy | Taken::Impossible => None,
    });
    taking.await.ok().flatten()
}

/// Whose turn it is in this process, if it is nobody's: the first half of [`try_lock`].
pub fn try_turn(queues: &Queues, key: &str) -> Option<OwnedMutexGuard<()>> {
    queues.queue(key).try_lock_owned().ok()
}

/// Takes the key's lock if it is free. Blocks for no longer than the disk takes.
pub fn try_lock(dir: &Path, turn: OwnedMutexGuard<()>, key: &str) -> Taken<KeyLock> {
    match Held::take(&dir.join(lock_name(key)), Patience::None) {
        Taken::Ours(file) => Taken::Ours(KeyLock { file, turn }),
        Taken::Busy => Taken::Busy,
        Taken::Impossible => Taken::Impossible,
    }
}

/// A hash: short whatever the key, and never the name of a value's file.
fn lock_name(key: &str) -> String {
    format!(".{}{LOCK_SUFFIX}", hex(&Sha256::digest(key.as_bytes())[..8]))
}

/// Whether a lock is waited for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Patience {
    None,
    Endless,
}

/// A lock file that is locked; deleted on drop, before the lock is given back.
#[cfg(unix)]
pub struct Held {
    path: PathBuf,
    file: Option<std::fs::File>,
}

#[cfg(unix)]
impl Held {
    fn take(path: &Path, patience: Patience) -> Taken<Self> {
        use std::fs::TryLockError;
        use std::io::ErrorKind::{AlreadyExists, NotFound};
        loop {
            match open(path, true) {
                Ok(file) => match file.try_lock() {
                    // In the instant before it was locked a sweeper may have taken it for an abandoned one.
                    Ok(()) if super::sweep::is_at(&file, path) => {
                        return Taken::Ours(Self {
                            path: path.to_owned(),
                            file: Some(file),
                        });
                    }
                    Ok(()) | Err(TryLockError::WouldBlock) => continue,
                    Err(TryLockError::Error(_)) => {
                        let _ = std::fs::remove_file(path);
                        return Taken::Impossible;
                    }
                },
                Err(error) if error.kind() == AlreadyExists => {}
                Err(_) => return Taken::Impossible,
            }
            let file = match open(path, false) {
                Ok(file) => file,
                Err(error) if error.kind() == NotFound => continue,
                Err(_) => return Taken::Impossible,
            };
            match (wait(&file, patience), patience) {
                (Ok(()), _) => {}
                (Err(TryLockError::WouldBlock), Patience::None) => return Taken::Busy,
                (Err(_), _) => return Taken::Impossible,
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
impl Drop for Held {
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
fn wait(file: &std::fs::File, patience: Patience) -> Result<(), std::fs::TryLockError> {
    if patience == Patience::None {
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
pub struct Held(#[allow(dead_code)] std::fs::File);

#[cfg(windows)]
impl Held {
    fn take(path: &Path, patience: Patience) -> Taken<Self> {
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
                Ok(file) => return Taken::Ours(Self(file)),
                Err(error) => match error.raw_os_error() {
                    Some(SHARING_VIOLATION | ACCESS_DENIED) if patience == Patience::None => return Taken::Busy,
                    Some(SHARING_VIOLATION) => refused_since = None,
                    Some(ACCESS_DENIED) => {
                        let since: &Instant = refused_since.get_or_insert_with(Instant::now);
                        if since.elapsed() > REFUSED_FOR_GOOD {
                            return Taken::Impossible;
                        }
                    }
                    _ => return Taken::Impossible,
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
