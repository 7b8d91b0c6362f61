//! Files that are either the old ones or the new ones, never a part (R4.8): temporary file, fsync, rename, fsync.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::sweep;
use crate::random::random_bytes;
use crate::text::hex;

/// How often a write starts over because a sweeper took its temporary for an abandoned one, in the instant between its
/// creation and its lock. Once is rare already.
const ATTEMPTS: usize = 100;

/// Writes `dir/name` as a whole; when this returns, the bytes are on disk. What another process left half-written is
/// swept on the way. A symbolic link in the file's place is replaced, not followed.
pub fn replace(dir: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    sweep::sweep(dir);
    let target = dir.join(name);
    let mut attempt = 1;
    loop {
        match Temporary::write(dir, bytes).and_then(|temporary| temporary.rename(&target)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && attempt < ATTEMPTS && dir.exists() => attempt += 1,
            Err(error) => return Err(error),
            Ok(()) => return sync_dir(dir),
        }
    }
}

/// Writes `dir/name` as a whole if nothing is there yet; `false`, and nothing written, if something is. Of several
/// processes that do this at once one succeeds, and nobody ever reads a part.
pub fn create(dir: &Path, name: &str, bytes: &[u8]) -> io::Result<bool> {
    sweep::sweep(dir);
    let target = dir.join(name);
    let mut attempt = 1;
    loop {
        match Temporary::write(dir, bytes).and_then(|temporary| temporary.link(&target)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && attempt < ATTEMPTS && dir.exists() => attempt += 1,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(false),
            Err(error) => return Err(error),
            Ok(()) => return sync_dir(dir).map(|()| true),
        }
    }
}

/// Removes files of a directory, for good when this returns; `false` when none of them was there.
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
        sync_dir(dir)?;
    }
    Ok(removed)
}

/// Creates the directory, and what is missing above it, with mode 0700 (R4.7), and tightens one that others can read.
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
            // Not a tightening: what is above and there already is not ours.
            if !parent.is_dir() {
                ensure_dir(parent)?;
            }
            create_dir(dir)
        }
        done => done,
    }
}

/// Takes the directory's rights from everyone but its owner. That this fails, as for a directory that belongs to someone
/// else, is no error: the values in it are encrypted. A sticky directory, such as `/tmp`, is shared on purpose.
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

/// On Windows the user's profile keeps others out, by the access lists its files inherit.
#[cfg(not(unix))]
fn tighten(_dir: &Path, _metadata: &fs::Metadata) {}

/// Takes the rights on an open file from everyone but its owner; see [`tighten_dir`] for why failing is no error.
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

/// A file that is being written, under a name of its own that never ends in `.enc` and is short whatever the key. It is
/// locked for as long as its writer lives, which is how a sweeper knows. Removed on drop.
struct Temporary {
    path: PathBuf,
    file: Option<File>,
}

impl Temporary {
    fn write(dir: &Path, bytes: &[u8]) -> io::Result<Self> {
        let path = dir.join(format!(".{}{}", hex(&random_bytes::<8>()?), sweep::TEMPORARY_SUFFIX));
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&path)?;
        match file.try_lock() {
            Ok(()) => {}
            // A sweeper has it already, and will delete it.
            Err(fs::TryLockError::WouldBlock) => return Err(io::ErrorKind::NotFound.into()),
            // A file system without locks: sweepers go by age there.
            Err(fs::TryLockError::Error(_)) => {}
        }
        let file = Some(file);
        Self { path, file }.fill(bytes)
    }

    fn fill(mut self, bytes: &[u8]) -> io::Result<Self> {
        if let Some(file) = &mut self.file {
            file.write_all(bytes)?;
            sync_file(file)?;
        }
        Ok(self)
    }

    fn rename(mut self, target: &Path) -> io::Result<()> {
        self.let_go_on_windows();
        retry_while_held(|| fs::rename(&self.path, target))?;
        self.path.clear();
        Ok(())
    }

    fn link(mut self, target: &Path) -> io::Result<()> {
        self.let_go_on_windows();
        match fs::hard_link(&self.path, target) {
            Err(error) if !matches!(error.kind(), io::ErrorKind::AlreadyExists | io::ErrorKind::NotFound) => {
                // A file system without links (FAT, some network ones).
                if fs::symlink_metadata(target).is_ok() {
                    return Err(io::ErrorKind::AlreadyExists.into());
                }
                self.rename(target)
            }
            done => done,
        }
    }

    /// Windows enforces locks: the file must be free of ours before readers find it under its new name.
    fn let_go_on_windows(&mut self) {
        if cfg!(windows) {
            self.file = None;
        }
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        self.let_go_on_windows();
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
        Err(error) => Err(error),
    }
}

fn sync_file(file: &File) -> io::Result<()> {
    match file.sync_all() {
        // On macOS this asks the drive to empty its cache as well, which network file systems do not know.
        #[cfg(target_vendor = "apple")]
        Err(error) if is_unsupported(&error) => Ok(rustix::fs::fsync(file)?),
        done => done,
    }
}

/// Whether the file system cannot do this at all.
#[cfg(unix)]
fn is_unsupported(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported)
}

/// Names in a directory are on disk only once the directory is.
#[cfg(unix)]
fn sync_dir(dir: &Path) -> io::Result<()> {
    match File::open(dir).and_then(|dir| dir.sync_all()) {
        // Some network and FUSE file systems cannot sync a directory; that is no reason to refuse the write. Nor is a
        // directory above ours that we may not open.
        Err(error) if is_unsupported(&error) || error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
        done => done,
    }
}

/// Windows journals its directories, and has no call to sync one.
#[cfg(not(unix))]
fn sync_dir(_dir: &Path) -> io::Result<()> {
    Ok(())
}

/// On Windows a file that somebody else, a virus scanner for instance, has open cannot be replaced for a moment.
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
