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
    for name in our_names(dir) {
        sweep_file(&dir.join(name));
    }
}

/// The names that are ours, in no order. Every write asks, so a directory of a thousand keys is gone through without an
/// allocation for each.
#[cfg(target_os = "linux")]
fn our_names(dir: &Path) -> Vec<String> {
    use rustix::fs::{Mode, OFlags, RawDir};
    const BUFFER_LEN: usize = 32 * 1024; // what glibc's readdir takes
    let mut ours = Vec::new();
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let Ok(fd) = rustix::fs::open(dir, flags, Mode::empty()) else {
        return ours;
    };
    let mut buffer = Vec::with_capacity(BUFFER_LEN);
    let mut entries = RawDir::new(fd, buffer.spare_capacity_mut());
    while let Some(Ok(entry)) = entries.next() {
        let name = entry.file_name().to_bytes();
        if is_ours(name) {
            ours.push(String::from_utf8_lossy(name).into_owned());
        }
    }
    ours
}

/// The names that are ours, in no order.
#[cfg(not(target_os = "linux"))]
fn our_names(dir: &Path) -> Vec<String> {
    let names = fs::read_dir(dir)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.file_name());
    let names = names.filter_map(|name| name.into_string().ok());
    names.filter(|name| is_ours(name.as_bytes())).collect()
}

/// Whether a name is one that [`super::atomic`] or [`super::lock`] makes. Anything else is not ours to delete.
fn is_ours(name: &[u8]) -> bool {
    name.strip_prefix(b".")
        .and_then(|rest| {
            rest.strip_suffix(TEMPORARY_SUFFIX.as_bytes())
                .or_else(|| rest.strip_suffix(LOCK_SUFFIX.as_bytes()))
        })
        .is_some_and(|middle| middle.len() == HEX_DIGITS && middle.iter().all(u8::is_ascii_hexdigit))
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
