//! Reads small files that may be anything.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _};
use std::path::Path;

use zeroize::Zeroizing;

use super::atomic;

/// What a path leads to.
pub enum Contents {
    /// Nothing.
    Absent,
    /// A file larger than the limit. It was not read.
    TooLarge,
    /// A file's bytes; wiped on drop, because they may be a machine secret.
    Bytes(Zeroizing<Vec<u8>>),
}

/// Reads a regular file of at most `limit` bytes, and takes its permissions from everyone but the owner.
///
/// A symbolic link is followed: people keep their configuration behind links, and values are trusted only if they decrypt.
/// Never waits for the other end of a pipe.
///
/// # Errors
///
/// The system's error; also when the path does not lead to a regular file.
pub fn read(path: &Path, limit: usize) -> io::Result<Contents> {
    read_and(path, limit, Links::Follow, tighten)
}

/// Returns whether nothing is there, if the system knows that without asking a disk or a network; `false` otherwise. For
/// callers that must not wait.
#[cfg(target_os = "linux")]
pub fn is_known_absent(path: &Path) -> bool {
    use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat2};
    let flags = OFlags::PATH | OFlags::CLOEXEC;
    // Since Linux 5.12. A sandbox or an older system answers with another error, which does not mean "not there".
    let found = openat2(CWD, path, flags, Mode::empty(), ResolveFlags::CACHED);
    matches!(found, Err(rustix::io::Errno::NOENT))
}

/// Other systems cannot tell.
#[cfg(not(target_os = "linux"))]
pub fn is_known_absent(_path: &Path) -> bool {
    false
}

/// Reads a file that the user chose: its mode stays as it is.
///
/// # Errors
///
/// As [`read`].
pub fn read_as_is(path: &Path, limit: usize) -> io::Result<Contents> {
    read_and(path, limit, Links::Follow, |_, _, _| ())
}

/// Reads a file that only this program writes: as [`read`], but a symbolic link is not followed.
///
/// # Errors
///
/// As [`read`]; also when the path is a symbolic link.
pub fn read_own(path: &Path, limit: usize) -> io::Result<Contents> {
    read_and(path, limit, Links::Refuse, |file, metadata, _| {
        atomic::tighten_file(file, metadata)
    })
}

/// What happens to a path that is a symbolic link.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Links {
    Follow,
    Refuse,
}

fn read_and(
    path: &Path,
    limit: usize,
    links: Links,
    when_open: fn(&File, &fs::Metadata, &Path),
) -> io::Result<Contents> {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        use rustix::fs::OFlags;
        let mut flags = OFlags::NONBLOCK;
        flags.set(OFlags::NOFOLLOW, links == Links::Refuse);
        std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, flags.bits() as i32);
    }
    #[cfg(not(unix))]
    if links == Links::Refuse && fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_symlink()) {
        return Err(io::Error::other("a symbolic link"));
    }
    let file = match options.open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Contents::Absent),
        Err(error) => return Err(error),
    };
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    let too_large = |len: u64| len > limit as u64;
    if too_large(metadata.len()) {
        return Ok(Contents::TooLarge);
    }
    when_open(&file, &metadata, path);
    // Room to spare, so that the buffer never moves and leaves a copy behind; and the file may have grown since.
    let mut bytes = Zeroizing::new(Vec::with_capacity(metadata.len() as usize + 64));
    (&file).take(limit as u64 + 1).read_to_end(&mut bytes)?;
    Ok(if too_large(bytes.len() as u64) {
        Contents::TooLarge
    } else {
        Contents::Bytes(bytes)
    })
}

/// Leaves the target of a symbolic link alone: its permissions are for its owner to decide.
fn tighten(file: &File, metadata: &fs::Metadata, path: &Path) {
    #[cfg(unix)]
    if std::os::unix::fs::MetadataExt::mode(metadata) & 0o077 == 0 {
        return;
    }
    if fs::symlink_metadata(path).is_ok_and(|there| there.is_file()) {
        atomic::tighten_file(file, metadata);
    }
}
