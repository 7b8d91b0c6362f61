//! Removes the temporary files and lock files that crashed processes left behind.
//!
//! A live process holds a lock on its temporary files, which the system releases when the process ends. A file whose lock is
//! free is therefore abandoned, unless its writer has created it and not locked it yet. A sweep at that moment does no harm:
//! the writer finds its temporary file deleted or locked, and starts over.

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::Duration;

/// The suffix of the names of temporary files.
pub const TEMPORARY_SUFFIX: &str = ".tmp";
/// The suffix of the names of the lock files that an earlier version of this program created beside the encrypted files.
pub const LOCK_SUFFIX: &str = ".lock";
/// Number of hexadecimal digits between the dot at the start of a name and the suffix.
const HEX_DIGITS: usize = 16;

/// The age from which a temporary file counts as abandoned on a file system without locks. No write takes that long.
const ABANDONED_AGE: Duration = Duration::from_secs(3600);

/// Maximum number of directories that are remembered as swept.
const MAX_REMEMBERED: usize = 1024;

/// The directories that this process has swept. One sweep per process is enough: a sweep reads the whole directory, and later
/// processes remove files that are left behind after it.
static SWEPT: LazyLock<Mutex<HashSet<PathBuf>>> = LazyLock::new(Mutex::default);

/// Sweeps a directory unless this process has swept it before.
pub fn sweep_once(dir: &Path) {
    {
        let mut swept = SWEPT.lock().unwrap_or_else(PoisonError::into_inner);
        if swept.contains(dir) {
            return;
        }
        if swept.len() >= MAX_REMEMBERED {
            swept.clear();
        }
        swept.insert(dir.to_owned());
    }
    sweep(dir);
}

/// Deletes the temporary files and lock files that no process holds. Leaves files that cannot be examined or deleted.
pub fn sweep(dir: &Path) {
    for name in our_names(dir) {
        sweep_file(&dir.join(name));
    }
}

/// Returns the names of temporary files and lock files, in no particular order. Allocates only for these names.
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

/// Returns the names of temporary files and lock files, in no particular order.
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

/// Returns whether the name is one that [`super::atomic`] or an earlier version of this program generates. A sweep leaves
/// other files alone.
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
    // Another process may have deleted the file and created it again since it was opened. Only the holder of the new file's
    // lock may delete the new file.
    if abandoned && is_at(&file, path) {
        #[cfg(windows)] // Locks are mandatory there, and would prevent the deletion.
        let _ = file.unlock();
        let _ = fs::remove_file(path);
    }
}

fn is_old(file: &File) -> bool {
    let modified = file.metadata().and_then(|metadata| metadata.modified());
    modified.is_ok_and(|modified| modified.elapsed().is_ok_and(|age| age > ABANDONED_AGE))
}

/// Opens a file to lock it. Never follows a symbolic link, and never waits for the other end of a pipe.
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

/// Returns whether this open file is the one that is at the path now.
#[cfg(unix)]
pub fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    match (file.metadata(), fs::symlink_metadata(path)) {
        (Ok(ours), Ok(there)) => (ours.dev(), ours.ino()) == (there.dev(), there.ino()),
        _ => false,
    }
}

/// Returns whether there is a file at the path. On Windows the system deletes a lock file with its handle, and the names of
/// temporary files are never reused, so it is the same file.
#[cfg(not(unix))]
pub fn is_at(_file: &File, path: &Path) -> bool {
    path.exists()
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    #[test]
    fn a_file_is_old_an_hour_after_it_was_written() {
        let dir = tempfile::tempdir().unwrap();
        let file = File::create(dir.path().join("f")).unwrap();
        for (age, old) in [(0, false), (3500, false), (3700, true)] {
            file.set_modified(SystemTime::now() - Duration::from_secs(age)).unwrap();
            assert_eq!(is_old(&file), old, "{age} s");
        }
    }

    #[test]
    fn a_directory_is_swept_once() {
        let dir = tempfile::tempdir().unwrap();
        let abandoned = dir.path().join(".0123456789abcdef.tmp");
        for stays in [false, true] {
            fs::write(&abandoned, "").unwrap();
            sweep_once(dir.path());
            assert_eq!(abandoned.exists(), stays);
        }
    }
}
