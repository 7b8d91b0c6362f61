//! What crashed processes left behind: temporaries, and lock files.
//!
//! Whoever is alive holds a lock on such a file of his, and the system takes it from him when he dies. So a file whose
//! lock is to be had is nobody's, but for one moment: between its creation and its locking. A sweeper that strikes then
//! does no harm: the writer finds its temporary gone, or locked, and starts over; so does who takes a lock.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::path::Path;
use std::time::Duration;

/// What the names of temporaries end in.
pub const TEMPORARY_SUFFIX: &str = ".tmp";
/// What the names of lock files end in.
pub const LOCK_SUFFIX: &str = ".lock";
/// Hex digits between the dot at the start and the suffix.
const HEX_DIGITS: usize = 16;

/// On a file system without locks a temporary counts as abandoned when it is this old: no write takes that long.
const ABANDONED: Duration = Duration::from_secs(3600);

/// Deletes what nobody holds any more. What cannot be deleted, or looked at, stays: the next write tries again.
pub fn sweep(dir: &Path) {
    let Ok(entries) = fs::read_dir(dir) else { return };
    for entry in entries.flatten() {
        if entry.file_name().to_str().is_some_and(is_ours) {
            sweep_file(&entry.path());
        }
    }
}

/// Whether a name is one that [`super::atomic`] or [`super::lock`] makes. Anything else is not ours to delete.
fn is_ours(name: &str) -> bool {
    name.strip_prefix('.')
        .and_then(|rest| {
            rest.strip_suffix(TEMPORARY_SUFFIX)
                .or_else(|| rest.strip_suffix(LOCK_SUFFIX))
        })
        .is_some_and(|middle| middle.len() == HEX_DIGITS && middle.bytes().all(|b| b.is_ascii_hexdigit()))
}

fn sweep_file(path: &Path) {
    let Ok(file) = open(path) else { return };
    let abandoned = match file.try_lock() {
        Ok(()) => true,
        Err(TryLockError::WouldBlock) => false,
        Err(TryLockError::Error(_)) => is_old(&file),
    };
    // Still that file? What was locked may have been released, deleted and made anew in the meantime; the new one is
    // somebody else's, and nobody but the holder of its lock may delete it.
    if abandoned && is_at(&file, path) {
        #[cfg(windows)] // A mandatory lock would be in the way of the deletion.
        let _ = file.unlock();
        let _ = fs::remove_file(path);
    }
}

fn is_old(file: &File) -> bool {
    let modified = file.metadata().and_then(|metadata| metadata.modified());
    modified.is_ok_and(|modified| modified.elapsed().is_ok_and(|age| age > ABANDONED))
}

/// Opens a file of ours to lock it; never what a symbolic link points at, and never waiting, as a pipe would have us.
fn open(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    #[cfg(unix)]
    {
        use rustix::fs::OFlags;
        let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits() as i32;
        std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, flags);
    }
    options.open(path)
}

/// Whether this open file is the one the path leads to now.
#[cfg(unix)]
pub fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    match (file.metadata(), fs::symlink_metadata(path)) {
        (Ok(ours), Ok(there)) => (ours.dev(), ours.ino()) == (there.dev(), there.ino()),
        _ => false,
    }
}

/// On Windows nobody deletes a lock file: the system does, with the handle. Names of temporaries never come again.
#[cfg(not(unix))]
pub fn is_at(_file: &File, path: &Path) -> bool {
    path.exists()
}
