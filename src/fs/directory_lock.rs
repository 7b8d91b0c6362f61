//! A lock on a directory between processes, for short updates of a file in it.

use std::fs::File;
use std::io;
use std::path::Path;
use std::time::Duration;

/// Maximum number of attempts to acquire a contended lock. Holders keep it for less than a millisecond.
const MAX_ATTEMPTS: u32 = 50;
/// Pause between two attempts.
const PAUSE: Duration = Duration::from_millis(2);

/// Holds the lock of a directory until it is dropped or the process ends.
pub struct DirectoryLock(#[allow(dead_code)] Option<File>);

impl DirectoryLock {
    /// Acquires the lock. Blocks for up to a tenth of a second while another holder has it. On a file system without locks it
    /// returns at once, and the lock protects nothing.
    ///
    /// # Errors
    ///
    /// `WouldBlock` when the lock stays contended; the system's error when the directory cannot be opened.
    pub fn acquire(dir: &Path) -> io::Result<Self> {
        Self::acquire_with(dir, || std::thread::sleep(PAUSE))
    }

    /// Acquires the lock. Calls `pause` between two attempts.
    fn acquire_with(dir: &Path, mut pause: impl FnMut()) -> io::Result<Self> {
        for attempt in 1.. {
            match try_acquire(dir) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock && attempt < MAX_ATTEMPTS => {
                    pause();
                }
                done => return done.map(Self),
            }
        }
        unreachable!("the last attempt returns")
    }
}

/// Locks the directory itself, so that no lock file is necessary.
#[cfg(unix)]
fn try_acquire(dir: &Path) -> io::Result<Option<File>> {
    use std::fs::TryLockError;
    let dir = File::open(dir)?;
    match dir.try_lock() {
        Ok(()) => Ok(Some(dir)),
        Err(TryLockError::WouldBlock) => Err(io::ErrorKind::WouldBlock.into()),
        Err(TryLockError::Error(_)) => Ok(None),
    }
}

/// Opens a lock file that no other process can open at the same time, and that the system deletes with its handle: Windows
/// cannot lock directories.
#[cfg(windows)]
fn try_acquire(dir: &Path) -> io::Result<Option<File>> {
    use std::os::windows::fs::OpenOptionsExt as _;
    const FILE_FLAG_DELETE_ON_CLOSE: u32 = 0x0400_0000;
    const ACCESS_DENIED: i32 = 5;
    const SHARING_VIOLATION: i32 = 32;
    let opened = std::fs::OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .share_mode(0)
        .custom_flags(FILE_FLAG_DELETE_ON_CLOSE)
        .open(dir.join(".keys.lock"));
    match opened {
        Ok(file) => Ok(Some(file)),
        Err(error) if matches!(error.raw_os_error(), Some(SHARING_VIOLATION | ACCESS_DENIED)) => {
            Err(io::ErrorKind::WouldBlock.into())
        }
        Err(error) => Err(error),
    }
}

#[cfg(not(any(unix, windows)))]
fn try_acquire(_dir: &Path) -> io::Result<Option<File>> {
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_busy_lock_is_tried_until_it_is_free_but_not_for_ever() {
        let dir = tempfile::tempdir().unwrap();
        let mut held = Some(DirectoryLock::acquire(dir.path()).unwrap());
        let mut pauses = 0;
        let refused = DirectoryLock::acquire_with(dir.path(), || pauses += 1);
        assert_eq!(refused.err().map(|error| error.kind()), Some(io::ErrorKind::WouldBlock));
        assert_eq!(pauses, MAX_ATTEMPTS - 1);
        DirectoryLock::acquire_with(dir.path(), || held = None).unwrap();
        let missing = DirectoryLock::acquire_with(&dir.path().join("missing"), || panic!("it is tried once"));
        assert_eq!(missing.err().map(|error| error.kind()), Some(io::ErrorKind::NotFound));
    }

    #[test]
    fn the_lock_is_exclusive_until_it_is_dropped_and_leaves_no_file_behind() {
        let dir = tempfile::tempdir().unwrap();
        let lock = DirectoryLock::acquire(dir.path()).unwrap();
        let refused = DirectoryLock::acquire(dir.path()).err().map(|error| error.kind());
        assert_eq!(refused, Some(io::ErrorKind::WouldBlock));
        drop(lock);
        drop(DirectoryLock::acquire(dir.path()).unwrap());
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
        assert!(DirectoryLock::acquire(&dir.path().join("missing")).is_err());
    }
}
