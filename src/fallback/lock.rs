//! One key, one writer: a lock across processes and tasks that dies with its holder and leaves no litter.

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
    _file: Held,
    _turn: OwnedMutexGuard<()>,
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
    tokio::task::spawn_blocking(move || {
        Some(KeyLock {
            _file: Held::take(path)?,
            _turn: turn,
        })
    })
    .await
    .ok()
    .flatten()
}

/// A hash: short whatever the key, and never the name of a value's file.
fn lock_name(key: &str) -> String {
    format!(".{}{LOCK_SUFFIX}", hex(&Sha256::digest(key.as_bytes())[..8]))
}

/// A lock file that is locked; deleted on drop, before the lock is given back.
#[cfg(unix)]
struct Held {
    path: PathBuf,
    _file: std::fs::File,
}

#[cfg(unix)]
impl Held {
    /// Blocks until the lock is ours. `None` when it cannot be: no directory, no right, no room, no locks.
    fn take(path: PathBuf) -> Option<Self> {
        use std::io::ErrorKind::Interrupted;
        use std::os::unix::fs::OpenOptionsExt as _;
        loop {
            let file = std::fs::OpenOptions::new()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .mode(0o600)
                .custom_flags((rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK).bits() as i32)
                .open(&path)
                .ok()?;
            while let Err(error) = file.lock() {
                if error.kind() != Interrupted {
                    let _ = std::fs::remove_file(&path);
                    return None;
                }
            }
            // Whoever held it before deleted it. Only the file that the path leads to counts.
            if super::sweep::is_at(&file, &path) {
                return Some(Self { path, _file: file });
            }
        }
    }
}

#[cfg(unix)]
impl Drop for Held {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

/// A lock file that nobody else can open, and that the system deletes with its last handle.
#[cfg(windows)]
struct Held(#[allow(dead_code)] std::fs::File);

#[cfg(windows)]
impl Held {
    fn take(path: PathBuf) -> Option<Self> {
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
                .open(&path);
            match opened {
                Ok(file) => return Some(Self(file)),
                Err(error) => match error.raw_os_error() {
                    Some(SHARING_VIOLATION) => refused_since = None,
                    Some(ACCESS_DENIED) => {
                        let since: &Instant = refused_since.get_or_insert_with(Instant::now);
                        if since.elapsed() > REFUSED_FOR_GOOD {
                            return None;
                        }
                    }
                    _ => return None,
                },
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}
