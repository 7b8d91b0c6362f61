//! Writes files atomically: temporary file, fsync, rename, fsync of the directory. Readers see the old content or the new
//! content, never a partial one.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::sweep;
use crate::random::random_bytes;
use crate::text::hex;

/// Maximum number of attempts of a write. An attempt fails if a sweep removes the temporary file between its creation and its
/// locking, which is rare.
const MAX_ATTEMPTS: usize = 100;

/// Writes `dir/name` atomically: when this returns, the bytes are on disk. Replaces a symbolic link instead of following it.
/// The first write of a process to a directory removes the temporary files that crashed processes left there.
///
/// # Errors
///
/// The system's error. The file is then unchanged, unless the message says that the change was made: then the directory could
/// not be synced, and a crash may undo the change.
pub fn replace(dir: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    sweep::sweep_once(dir);
    with_temporary(dir, bytes, Durability::Synced, |temporary| {
        temporary.rename(&dir.join(name))
    })?;
    sync_changed(dir)
}

/// Writes `dir/name` atomically, but does not sync it: after a crash of the system the file may be damaged. For files that can
/// be created again.
///
/// # Errors
///
/// The system's error. The file is then unchanged.
pub fn replace_unsynced(dir: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    with_temporary(dir, bytes, Durability::Unsynced, |temporary| {
        temporary.rename(&dir.join(name))
    })
}

/// Writes `dir/name` atomically if it does not exist yet. Returns whether it was written. If several processes do this at the
/// same time, only one succeeds.
///
/// # Errors
///
/// As [`replace`].
pub fn create(dir: &Path, name: &str, bytes: &[u8]) -> io::Result<bool> {
    sweep::sweep_once(dir);
    match with_temporary(dir, bytes, Durability::Synced, |temporary| {
        temporary.link(&dir.join(name))
    }) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error),
        Ok(()) => sync_changed(dir).map(|()| true),
    }
}

/// Removes files of a directory, in the given order. Returns whether any of them existed.
///
/// # Errors
///
/// The system's error. The files before the one that failed are removed. If the message says that the change was made, all are
/// removed, but the directory could not be synced, and a crash may undo that.
pub fn remove(dir: &Path, names: &[String]) -> io::Result<bool> {
    let mut removed = false;
    for name in names {
        let path = dir.join(name);
        match retry_while_held(|| fs::remove_file(&path).map_err(|error| directory_error(&path, error))) {
            Ok(()) => removed = true,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    if removed {
        sync_changed(dir)?;
    }
    Ok(removed)
}

/// Whether a temporary file is synced before it is published.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Durability {
    Synced,
    Unsynced,
}

/// Writes a temporary file and publishes it under its final name. Starts over if a sweep removed the temporary file.
fn with_temporary(
    dir: &Path,
    bytes: &[u8],
    durability: Durability,
    publish: impl Fn(Temporary) -> io::Result<()>,
) -> io::Result<()> {
    let mut attempt = 1;
    loop {
        match Temporary::write(dir, bytes, durability).and_then(&publish) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && attempt < MAX_ATTEMPTS && dir.exists() => {
                attempt += 1
            }
            done => return done,
        }
    }
}

/// Syncs a directory after a change in it. The message of the error says that the change was made.
fn sync_changed(dir: &Path) -> io::Result<()> {
    sync_dir(dir).map_err(|error| {
        let message = format!("the change was made, but a crash may undo it: the directory cannot be synced: {error}");
        io::Error::new(error.kind(), message)
    })
}

/// Creates a directory and its missing parents with mode 0700. Removes all permissions of group and others from an existing
/// directory, as [`tighten_dir`] does.
///
/// # Errors
///
/// The system's error; `AlreadyExists` when anything but a directory is in its place.
pub fn ensure_dir(dir: &Path) -> io::Result<()> {
    if let Ok(metadata) = fs::metadata(dir)
        && metadata.is_dir()
    {
        tighten(dir, &metadata);
        return Ok(());
    }
    // A relative path may name no parent.
    create_dirs(&std::path::absolute(dir)?)
}

/// Creates a directory that is missing, and its missing parents. An existing parent keeps its mode.
fn create_dirs(dir: &Path) -> io::Result<()> {
    if let Some(parent) = dir.parent()
        && !parent.exists()
    {
        create_dirs(parent)?;
    }
    create_dir(dir)
}

/// Removes all permissions of group and others from a directory. Leaves a sticky directory, such as `/tmp`, as it is, because
/// it is shared on purpose. A failure, as for a directory of another user, is ignored: the values in it are encrypted.
pub fn tighten_dir(dir: &Path) {
    if cfg!(unix)
        && let Ok(metadata) = fs::metadata(dir)
    {
        tighten(dir, &metadata);
    }
}

#[cfg(unix)]
fn tighten(dir: &Path, metadata: &fs::Metadata) {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = metadata.permissions().mode();
    if mode & 0o077 != 0 && mode & 0o1000 == 0 {
        let _ = fs::set_permissions(dir, fs::Permissions::from_mode(mode & 0o7700));
    }
}

/// Does nothing: on Windows the access control lists of the user's profile exclude other users.
#[cfg(not(unix))]
fn tighten(_dir: &Path, _metadata: &fs::Metadata) {}

/// Removes all permissions of group and others from an open file. A failure is ignored, as in [`tighten_dir`].
#[cfg(unix)]
pub fn tighten_file(file: &File, metadata: &fs::Metadata) {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = metadata.permissions().mode();
    if mode & 0o077 != 0 {
        let _ = file.set_permissions(fs::Permissions::from_mode(mode & 0o700));
    }
}

/// Does nothing, as [`tighten_dir`] on this platform.
#[cfg(not(unix))]
pub fn tighten_file(_file: &File, _metadata: &fs::Metadata) {}

/// A temporary file. Its name is short and never ends in `.enc`. Its writer holds a lock on it, because a sweep removes
/// temporary files whose lock is free. Removed on drop, unless it was renamed.
struct Temporary {
    /// Empty after the file was renamed.
    path: PathBuf,
    file: Option<File>,
}

impl Temporary {
    fn write(dir: &Path, bytes: &[u8], durability: Durability) -> io::Result<Self> {
        let path = dir.join(format!(".{}{}", hex(&random_bytes::<8>()?), sweep::TEMPORARY_SUFFIX));
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&path)?;
        Self::lock(&file)?;
        let written = file.write_all(bytes).and_then(|()| match durability {
            Durability::Synced => sync_file(&file),
            Durability::Unsynced => Ok(()),
        });
        let temporary = Self { path, file: Some(file) };
        written.map(|()| temporary)
    }

    /// Locks a file that was just created. `NotFound` means that the file is as good as gone.
    fn lock(file: &File) -> io::Result<()> {
        match file.try_lock() {
            Ok(()) => Ok(()),
            // A sweep has locked the file and is about to delete it.
            Err(fs::TryLockError::WouldBlock) => Err(io::ErrorKind::NotFound.into()),
            // On a file system without locks a sweep decides by the file's age.
            Err(fs::TryLockError::Error(_)) => Ok(()),
        }
    }

    /// Publishes the file under this path, and replaces a file that is there.
    fn rename(mut self, target: &Path) -> io::Result<()> {
        self.close_on_windows();
        retry_while_held(|| fs::rename(&self.path, target).map_err(|error| directory_error(target, error)))?;
        self.path.clear();
        Ok(())
    }

    /// Publishes the file under this path; fails with `AlreadyExists` if a file is there.
    fn link(mut self, target: &Path) -> io::Result<()> {
        self.close_on_windows();
        match fs::hard_link(&self.path, target) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(error),
            // A file system without hard links, such as FAT and some network file systems.
            Err(_) => self.rename_if_absent(target),
            Ok(()) => Ok(()),
        }
    }

    /// Renames the file unless there is one at this path. Not atomic; for file systems without hard links.
    fn rename_if_absent(self, target: &Path) -> io::Result<()> {
        if fs::symlink_metadata(target).is_ok() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        self.rename(target)
    }

    /// Closes the file on Windows, where locks are mandatory: the lock must be released before the file can be read under its
    /// new name.
    fn close_on_windows(&mut self) {
        if cfg!(windows) {
            self.file = None;
        }
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        self.close_on_windows();
        if !self.path.as_os_str().is_empty() {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Creates one directory with mode 0700, and syncs its parent. Succeeds if the directory exists.
fn create_dir(dir: &Path) -> io::Result<()> {
    #[cfg_attr(not(unix), allow(unused_mut))]
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    match builder.create(dir) {
        Ok(()) => dir.parent().map_or(Ok(()), sync_dir),
        // Another process created it at the same time.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && dir.is_dir() => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(not_a_directory(dir, error)),
        Err(error) => Err(error),
    }
}

/// Returns the error that names the file or the link in the place of a directory.
fn not_a_directory(dir: &Path, error: io::Error) -> io::Error {
    let what = match fs::read_link(dir) {
        Ok(target) => format!("a symbolic link to {}, which is not there", target.display()),
        Err(_) => "not a directory".to_owned(),
    };
    io::Error::new(error.kind(), format!("{} is {what}", dir.display()))
}

fn sync_file(file: &File) -> io::Result<()> {
    match file.sync_all() {
        // On macOS this also flushes the drive's cache, which network file systems do not support.
        #[cfg(target_vendor = "apple")]
        Err(error) if is_unsupported(&error) => Ok(rustix::fs::fsync(file)?),
        done => done,
    }
}

/// Returns whether the file system does not support the operation.
#[cfg(unix)]
fn is_unsupported(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported)
}

/// Syncs a directory, so that the names in it are on disk.
#[cfg(unix)]
fn sync_dir(dir: &Path) -> io::Result<()> {
    match File::open(dir).and_then(|dir| dir.sync_all()) {
        // Some network and FUSE file systems cannot sync a directory, and a parent directory may not be readable. Neither is a
        // reason to fail the write.
        Err(error) if is_unsupported(&error) || error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
        done => done,
    }
}

/// Does nothing: Windows journals its directories and has no call to sync one.
#[cfg(not(unix))]
fn sync_dir(_dir: &Path) -> io::Result<()> {
    Ok(())
}

/// Returns `IsADirectory` if a file operation failed on Windows because the path is a directory, otherwise the error itself.
/// Windows reports that access is denied, as for a file that another program has open, and that error is retried.
fn directory_error(path: &Path, error: io::Error) -> io::Error {
    match cfg!(windows) && path.is_dir() {
        true => io::ErrorKind::IsADirectory.into(),
        false => error,
    }
}

/// Runs an operation on a file, and retries it for up to two seconds while another program has the file open. On Windows such
/// a file cannot be replaced, and virus scanners open files for a moment.
#[cfg(windows)]
fn retry_while_held<T>(mut f: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    use std::time::{Duration, Instant};
    const ACCESS_DENIED: i32 = 5;
    const SHARING_VIOLATION: i32 = 32;
    const LOCK_VIOLATION: i32 = 33;
    const LIMIT: Duration = Duration::from_secs(2);
    let until = Instant::now() + LIMIT;
    let mut pause = Duration::from_millis(1);
    loop {
        match f() {
            Err(error)
                if matches!(
                    error.raw_os_error(),
                    Some(ACCESS_DENIED | SHARING_VIOLATION | LOCK_VIOLATION)
                ) && Instant::now() < until =>
            {
                std::thread::sleep(pause);
                pause = (pause * 2).min(Duration::from_millis(50));
            }
            done => return done,
        }
    }
}

/// Runs an operation once: other platforms can replace an open file.
#[cfg(not(windows))]
fn retry_while_held<T>(mut f: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    f()
}

#[cfg(test)]
mod tests;
