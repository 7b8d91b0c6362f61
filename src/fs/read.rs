//! Reading a small file that may be anything.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _};
use std::path::Path;

use zeroize::Zeroizing;

use super::atomic;

/// What a path leads to.
pub enum Contents {
    /// Nothing.
    Absent,
    /// A file larger than asked for. It was not read.
    TooLarge,
    /// A file's bytes; wiped on drop, for one of them is the machine secret.
    Bytes(Zeroizing<Vec<u8>>),
}

/// The contents of a regular file of at most `limit` bytes. Its rights are tightened on the way (R4.7).
///
/// A symbolic link is followed: people keep their dotfiles behind links, and what is read is believed only if it
/// decrypts. What is not a regular file at the end of it is an error, without waiting for a pipe's other end.
pub fn read(path: &Path, limit: usize) -> io::Result<Contents> {
    read_and(path, limit, tighten)
}

/// Whether nothing is there, if the system knows that without asking a disk or a network; `false` when it would have to.
/// For callers that must not wait, and most often find nothing.
#[cfg(target_os = "linux")]
pub fn is_known_absent(path: &Path) -> bool {
    use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat2};
    let flags = OFlags::PATH | OFlags::CLOEXEC;
    // Since Linux 5.12; what a sandbox or an older system answers instead is no "not there" either.
    let found = openat2(CWD, path, flags, Mode::empty(), ResolveFlags::CACHED);
    matches!(found, Err(rustix::io::Errno::NOENT))
}

/// Other systems have no such question.
#[cfg(not(target_os = "linux"))]
pub fn is_known_absent(_path: &Path) -> bool {
    false
}

/// The contents of a file that is the user's own affair: its rights stay as they are.
pub fn read_as_is(path: &Path, limit: usize) -> io::Result<Contents> {
    read_and(path, limit, |_, _, _| ())
}

fn read_and(path: &Path, limit: usize, when_open: fn(&File, &fs::Metadata, &Path)) -> io::Result<Contents> {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, rustix::fs::OFlags::NONBLOCK.bits() as i32);
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

/// Not what a symbolic link leads to: its rights are for someone else to decide.
fn tighten(file: &File, metadata: &fs::Metadata, path: &Path) {
    #[cfg(unix)]
    if std::os::unix::fs::MetadataExt::mode(metadata) & 0o077 == 0 {
        return;
    }
    if fs::symlink_metadata(path).is_ok_and(|there| there.is_file()) {
        atomic::tighten_file(file, metadata);
    }
}
