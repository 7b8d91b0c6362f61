//! Removes what crashed processes left behind: temporary files and lock files.
//!
//! A live process holds a lock on its temporary files; the system releases it when the process ends. A file whose lock is
//! free therefore belongs to nobody, except between its creation and its locking. A sweep at that moment does no harm: the
//! writer finds its temporary file gone, or locked, and starts over.

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::Duration;

/// The end of the names of temporary files.
pub const TEMPORARY_SUFFIX: &str = ".tmp";
/// The end of the names of lock files.
pub const LOCK_SUFFIX: &str = ".lock";
/// Hexadecimal digits between the dot at the start and the suffix.
const HEX_DIGITS: usize = 16;

/// On a file system without locks a temporary file counts as abandoned at this age: no write takes that long.
const ABANDONED: Duration = Duration::from_secs(3600);

/// How many directories are remembered as swept.
const MAX_REMEMBERED: usize = 1024;

/// The directories that this process swept: a sweep reads the whole directory, and what a crash leaves behind can wait for the
/// next process.
static SWEPT: LazyLock<Mutex<HashSet<PathBuf>>> = LazyLock::new(Mutex::default);

/// Sweeps a directory unless this process did so before.
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

/// The names of temporary files and lock files, in no order. Does not allocate for each name of the directory.
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

/// The names of temporary files and lock files, in no order.
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

/// Returns whether [`super::atomic`] or an earlier version of this program makes such a name. Other files are left alone.
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
    // The file may have been deleted and created again by another process since it was opened. Only the holder of the new
    // one's lock may delete that.
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

/// Returns whether this open file is the one at the path now.
#[cfg(unix)]
pub fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    match (file.metadata(), fs::symlink_metadata(path)) {
        (Ok(ours), Ok(there)) => (ours.dev(), ours.ino()) == (there.dev(), there.ino()),
        _ => false,
    }
}

/// On Windows the system deletes a lock file with its handle, and names of temporary files are never used twice.
#[cfg(not(unix))]
pub fn is_at(_file: &File, path: &Path) -> bool {
    path.exists()
}
