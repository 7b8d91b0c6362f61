//! Writes files atomically: temporary file, fsync, rename, fsync of the directory. Readers see the old content or the new
//! content, never a part.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::sweep;
use crate::random::random_bytes;
use crate::text::hex;

/// How often a write starts over because a sweeper took its temporary file for an abandoned one, between its creation and its
/// lock. Once is rare already.
const ATTEMPTS: usize = 100;

/// Writes `dir/name` atomically: when this returns, the bytes are on disk. Replaces a symbolic link instead of following it.
/// The first write of a process to a directory removes the temporary files that crashed processes left there.
///
/// # Errors
///
/// The system's error. The file is then as it was, unless the error says that it was replaced: the directory could not be
/// synced, and a crash may undo the change.
pub fn replace(dir: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    sweep::sweep_once(dir);
    with_temporary(dir, bytes, Durability::Synced, |temporary| {
        temporary.rename(&dir.join(name))
    })?;
    sync_changed(dir)
}

/// Writes `dir/name` atomically, but leaves it to the system when the bytes reach the disk: after a crash the file may be
/// damaged. For files that can be made anew.
///
/// # Errors
///
/// The system's error. The file is then as it was.
pub fn replace_unsynced(dir: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    with_temporary(dir, bytes, Durability::Unsynced, |temporary| {
        temporary.rename(&dir.join(name))
    })
}

/// Writes `dir/name` atomically if nothing is there yet. Returns whether it was written. Of several processes that do this at
/// the same time one succeeds, and nobody ever reads a part.
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

/// Removes files of a directory, in the given order. Returns whether one was there.
///
/// # Errors
///
/// The system's error. Files before the one that failed are removed. If the error says that the directory could not be
/// synced, all are removed, and a crash may undo that.
pub fn remove(dir: &Path, names: &[String]) -> io::Result<bool> {
    let mut removed = false;
    for name in names {
        match retry_while_held(|| fs::remove_file(dir.join(name))) {
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

/// Whether the bytes of a temporary file are synced.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Durability {
    Synced,
    Unsynced,
}

fn with_temporary(
    dir: &Path,
    bytes: &[u8],
    durability: Durability,
    publish: impl Fn(Temporary) -> io::Result<()>,
) -> io::Result<()> {
    let mut attempt = 1;
    loop {
        match Temporary::write(dir, bytes, durability).and_then(&publish) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && attempt < ATTEMPTS && dir.exists() => attempt += 1,
            done => return done,
        }
    }
}

/// Syncs a directory after a change that took place.
fn sync_changed(dir: &Path) -> io::Result<()> {
    sync_dir(dir).map_err(|error| {
        let message = format!("the change was made, but a crash may undo it: the directory cannot be synced: {error}");
        io::Error::new(error.kind(), message)
    })
}

/// Creates a directory, and what is missing above it, with mode 0700. Takes the permissions on an existing one from everyone
/// but its owner.
///
/// # Errors
///
/// The system's error; also when something else than a directory is in its place.
pub fn ensure_dir(dir: &Path) -> io::Result<()> {
    if let Ok(metadata) = fs::metadata(dir)
        && metadata.is_dir()
    {
        tighten(dir, &metadata);
        return Ok(());
    }
    match create_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let Some(parent) = dir.parent().filter(|parent| *parent != Path::new("")) else {
                return Err(error);
            };
            // An existing directory above keeps its mode.
            if !parent.is_dir() {
                ensure_dir(parent)?;
            }
            create_dir(dir)
        }
        done => done,
    }
}

/// Takes the permissions on a directory from everyone but its owner. Failing, as for a directory of another user, is no
/// error: the values in it are encrypted. A sticky directory, such as `/tmp`, is shared on purpose.
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

/// On Windows the access control lists of the user's profile keep other users out.
#[cfg(not(unix))]
fn tighten(_dir: &Path, _metadata: &fs::Metadata) {}

/// Takes the permissions on an open file from everyone but its owner. Failing is no error, as with [`tighten_dir`].
#[cfg(unix)]
pub fn tighten_file(file: &File, metadata: &fs::Metadata) {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = metadata.permissions().mode();
    if mode & 0o077 != 0 {
        let _ = file.set_permissions(fs::Permissions::from_mode(mode & 0o700));
    }
}

/// See [`tighten_dir`].
#[cfg(not(unix))]
pub fn tighten_file(_file: &File, _metadata: &fs::Metadata) {}

/// A file that is being written, under a name of its own that never ends in `.enc` and is short whatever the key. Its writer
/// holds a lock on it: a sweeper removes files whose lock is free. Removed on drop.
struct Temporary {
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
        match file.try_lock() {
            Ok(()) => {}
            // A sweeper holds it, and will delete it.
            Err(fs::TryLockError::WouldBlock) => return Err(io::ErrorKind::NotFound.into()),
            // A file system without locks: sweepers go by age there.
            Err(fs::TryLockError::Error(_)) => {}
        }
        let written = file.write_all(bytes).and_then(|()| match durability {
            Durability::Synced => sync_file(&file),
            Durability::Unsynced => Ok(()),
        });
        let temporary = Self { path, file: Some(file) };
        written.map(|()| temporary)
    }

    fn rename(mut self, target: &Path) -> io::Result<()> {
        self.close_on_windows();
        retry_while_held(|| fs::rename(&self.path, target))?;
        self.path.clear();
        Ok(())
    }

    fn link(mut self, target: &Path) -> io::Result<()> {
        self.close_on_windows();
        match fs::hard_link(&self.path, target) {
            Err(error) if !matches!(error.kind(), io::ErrorKind::AlreadyExists | io::ErrorKind::NotFound) => {
                // A file system without links (FAT, some network ones).
                self.rename_if_absent(target)
            }
            done => done,
        }
    }

    /// Not atomic: for file systems without links.
    fn rename_if_absent(self, target: &Path) -> io::Result<()> {
        if fs::symlink_metadata(target).is_ok() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        self.rename(target)
    }

    /// Windows enforces locks: the lock must be gone before readers find the file under its new name.
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

fn create_dir(dir: &Path) -> io::Result<()> {
    #[cfg_attr(not(unix), allow(unused_mut))]
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    match builder.create(dir) {
        Ok(()) => match dir.parent() {
            Some(parent) if parent != Path::new("") => sync_dir(parent),
            _ => sync_dir(Path::new(".")),
        },
        // Another process was faster.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && dir.is_dir() => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(not_a_directory(dir, error)),
        Err(error) => Err(error),
    }
}

/// Says what is in a directory's place.
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

/// Syncs a directory: the names in it are on disk only then.
#[cfg(unix)]
fn sync_dir(dir: &Path) -> io::Result<()> {
    match File::open(dir).and_then(|dir| dir.sync_all()) {
        // Some network and FUSE file systems cannot sync a directory, and a directory above may not be readable. Neither is a
        // reason to refuse the write.
        Err(error) if is_unsupported(&error) || error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
        done => done,
    }
}

/// Windows journals its directories and has no call to sync one.
#[cfg(not(unix))]
fn sync_dir(_dir: &Path) -> io::Result<()> {
    Ok(())
}

/// Retries for up to two seconds: a file that another program, such as a virus scanner, has open cannot be replaced.
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

#[cfg(not(windows))]
fn retry_while_held<T>(mut f: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    f()
}

#[cfg(test)]
mod tests;
