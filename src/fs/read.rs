//! Reads small files of unknown content, with a size limit.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _};
use std::path::Path;

use zeroize::Zeroizing;

use super::atomic;

const NOT_A_FILE: &str = "not a regular file";

/// Result of a read.
pub enum Contents {
    /// There is no file.
    Absent,
    /// The file is larger than the limit.
    TooLarge,
    /// The bytes of the file. Wiped on drop, because they may be a secret.
    Bytes(Zeroizing<Vec<u8>>),
}

/// Reads a regular file of at most `limit` bytes, and removes all permissions of group and others.
///
/// A symbolic link is followed, because users keep their configuration behind links; a value is trusted only if it decrypts.
/// The permissions of a link's target stay. Never waits for the other end of a pipe.
///
/// # Errors
///
/// The system's error; an error of kind `Other` when the path does not lead to a regular file.
pub fn read(path: &Path, limit: usize) -> io::Result<Contents> {
    read_and(path, limit, LinkPolicy::Follow, tighten)
}

/// Returns whether there is a file, if the system knows that without waiting for a disk or a network. `None` means that the
/// file must be looked up.
#[cfg(target_os = "linux")]
pub fn known_existence(path: &Path) -> Option<bool> {
    use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat2};
    let flags = OFlags::PATH | OFlags::CLOEXEC;
    // `ResolveFlags::CACHED` needs Linux 5.12. A sandbox or an older system returns an error other than NOENT.
    match openat2(CWD, path, flags, Mode::empty(), ResolveFlags::CACHED) {
        Ok(_) => Some(true),
        Err(rustix::io::Errno::NOENT) => Some(false),
        Err(_) => None,
    }
}

/// Returns `None`: other systems have no such call.
#[cfg(not(target_os = "linux"))]
pub fn known_existence(_path: &Path) -> Option<bool> {
    None
}

/// Reads a file as [`read`] does, but leaves its permissions as they are. For files that the user chose.
///
/// # Errors
///
/// As [`read`].
pub fn read_as_is(path: &Path, limit: usize) -> io::Result<Contents> {
    read_and(path, limit, LinkPolicy::Follow, |_, _, _| ())
}

/// Reads a file as [`read`] does, but does not follow a symbolic link. For files that only this program writes.
///
/// # Errors
///
/// As [`read`]; also when the path is a symbolic link.
pub fn read_own(path: &Path, limit: usize) -> io::Result<Contents> {
    read_and(path, limit, LinkPolicy::Refuse, |file, metadata, _| {
        atomic::tighten_file(file, metadata)
    })
}

/// Whether a symbolic link at the path is followed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum LinkPolicy {
    Follow,
    Refuse,
}

fn read_and(
    path: &Path,
    limit: usize,
    links: LinkPolicy,
    when_open: fn(&File, &fs::Metadata, &Path),
) -> io::Result<Contents> {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        use rustix::fs::OFlags;
        let mut flags = OFlags::NONBLOCK;
        flags.set(OFlags::NOFOLLOW, links == LinkPolicy::Refuse);
        std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, flags.bits() as i32);
    }
    #[cfg(not(unix))]
    if links == LinkPolicy::Refuse && fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_symlink()) {
        return Err(io::Error::other("a symbolic link"));
    }
    let file = match options.open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Contents::Absent),
        // Windows does not open a directory, and reports that access is denied.
        Err(_) if cfg!(windows) && path.is_dir() => return Err(io::Error::other(NOT_A_FILE)),
        Err(error) => return Err(error),
    };
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::other(NOT_A_FILE));
    }
    let too_large = |len: u64| len > limit as u64;
    if too_large(metadata.len()) {
        return Ok(Contents::TooLarge);
    }
    when_open(&file, &metadata, path);
    // Spare capacity, so that the buffer does not grow, which would leave a copy in freed memory, not even if the file has
    // grown a little since.
    let mut bytes = Zeroizing::new(Vec::with_capacity(metadata.len() as usize + 64));
    (&file).take(limit as u64 + 1).read_to_end(&mut bytes)?;
    Ok(if too_large(bytes.len() as u64) {
        Contents::TooLarge
    } else {
        Contents::Bytes(bytes)
    })
}

/// Removes the permissions of group and others, except from the target of a symbolic link: they are its owner's choice.
fn tighten(file: &File, metadata: &fs::Metadata, path: &Path) {
    #[cfg(unix)]
    if std::os::unix::fs::MetadataExt::mode(metadata) & 0o077 == 0 {
        return;
    }
    if fs::symlink_metadata(path).is_ok_and(|there| there.is_file()) {
        atomic::tighten_file(file, metadata);
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    /// Appends ten bytes after the length was asked for and before the file is read.
    fn grow(_: &File, _: &fs::Metadata, path: &Path) {
        let mut file = OpenOptions::new().append(true).open(path).unwrap();
        file.write_all(&[b'x'; 10]).unwrap();
    }

    #[test]
    fn a_file_that_grows_while_it_is_read_is_read_whole_or_is_too_large() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("f");
        let read = |limit| {
            fs::write(&path, "abc").unwrap();
            match read_and(&path, limit, LinkPolicy::Follow, grow).unwrap() {
                Contents::Bytes(bytes) => Some(bytes.len()),
                Contents::TooLarge => None,
                Contents::Absent => panic!("the file is there"),
            }
        };
        assert_eq!(read(14), Some(13));
        assert_eq!(read(13), Some(13));
        assert_eq!(read(12), None);
        assert_eq!(read(3), None);
    }

    #[test]
    fn a_file_of_exactly_the_limit_is_read_and_a_larger_one_is_not() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("f");
        fs::write(&path, "abc").unwrap();
        assert!(matches!(read(&path, 3).unwrap(), Contents::Bytes(bytes) if *bytes == *b"abc"));
        assert!(matches!(read(&path, 2).unwrap(), Contents::TooLarge));
        assert!(matches!(read(&temp.path().join("g"), 2).unwrap(), Contents::Absent));
    }
}
