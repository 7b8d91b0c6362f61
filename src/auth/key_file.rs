//! Reads an API key from a file or a pipe.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::error::{Code, Error, Result};
use crate::fs::io_error::{interrupted, io_error};
use crate::fs::paths::expand_home;
use crate::fs::read::{Contents, read_as_is};
use crate::secret::Secret;
use crate::text::trim;

/// Maximum size of a key file, in bytes.
pub const MAX_LEN: usize = 1024 * 1024;

/// How long a pipe may take to deliver the key.
const PIPE_TIMEOUT: Duration = Duration::from_secs(30);

/// The directories against which paths are resolved.
#[derive(Clone, Debug)]
pub struct PathContext {
    /// The home directory, for `~`.
    pub home: PathBuf,
    /// The current directory, for relative paths.
    pub directory: PathBuf,
}

impl PathContext {
    /// Returns the absolute path. `~` alone or before a separator is the home directory; another user's home (`~name`) is
    /// not looked up.
    pub fn resolve(&self, given: &str) -> PathBuf {
        self.directory.join(expand_home(given, &self.home))
    }
}

/// Reads a key from a file or a pipe and trims it.
///
/// # Errors
///
/// `NOT_FOUND` when there is no such file; `CORRUPT` when it is empty, larger than [`MAX_LEN`] or not UTF-8; `TIMEOUT` when the
/// writer of a pipe does not close it within 30 seconds; `DENIED` or `UNAVAILABLE` when it cannot be read. Directories and
/// devices are `UNAVAILABLE`. Messages contain the path as it was given, and the resolved path if that differs.
pub async fn read(given: String, path: PathBuf) -> Result<Secret> {
    let reading = tokio::task::spawn_blocking(move || read_now(&given, &path, PIPE_TIMEOUT));
    reading.await.unwrap_or_else(|_| Err(interrupted()))
}

fn read_now(given: &str, path: &Path, pipe_timeout: Duration) -> Result<Secret> {
    let file = if Path::new(given) == path {
        "the key file".to_owned()
    } else {
        format!("the key file '{given}':")
    };
    let unusable = |reason: &str| {
        let message = format!("Cannot use {file} {}: {reason}", path.display());
        Error::new(Code::Corrupt, message).with_remediation("Put the API key, and nothing else, into the file")
    };
    let contents = match pipe::read(path, MAX_LEN, pipe_timeout) {
        Some(Err(error)) if error.kind() == std::io::ErrorKind::TimedOut => {
            let seconds = pipe_timeout.as_secs_f32();
            let message = format!("Cannot read {file} {}: no key within {seconds} s", path.display());
            return Err(
                Error::new(Code::Timeout, message).with_remediation("Check the program that writes to the pipe")
            );
        }
        Some(contents) => contents,
        None => read_as_is(path, MAX_LEN),
    };
    let contents = contents.map_err(|error| {
        io_error(&format!("read {file}"), path, &error)
            .with_remediation("Check the path, and that you may read the file")
    })?;
    match contents {
        Contents::Absent => Err(Error::new(
            Code::NotFound,
            format!("Cannot read {file} {}: there is no such file", path.display()),
        )
        .with_remediation("Check the path, or save the key to the file first")),
        Contents::TooLarge => Err(unusable("the file is larger than 1 MiB")),
        Contents::Bytes(bytes) => {
            let text = std::str::from_utf8(&bytes).map_err(|_| unusable("the file is not UTF-8 text"))?;
            match trim(text) {
                "" => Err(unusable("the file is empty")),
                key => Ok(Secret::from(key)),
            }
        }
    }
}

/// Pipes, as in `--keyfile <(command)`.
#[cfg(unix)]
mod pipe {
    use std::fs::OpenOptions;
    use std::io::{self, Read as _};
    use std::os::unix::fs::{FileTypeExt as _, OpenOptionsExt as _};
    use std::time::Instant;

    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    use zeroize::Zeroizing;

    use super::*;

    /// Reads a pipe to its end; `None` when the path is not a pipe. Fails with `TimedOut` when its writer does not close it in
    /// time.
    pub(super) fn read(path: &Path, max_len: usize, timeout: Duration) -> Option<io::Result<Contents>> {
        let is_pipe = std::fs::metadata(path).is_ok_and(|metadata| metadata.file_type().is_fifo());
        is_pipe.then(|| read_pipe(path, max_len, timeout))
    }

    fn read_pipe(path: &Path, max_len: usize, timeout: Duration) -> io::Result<Contents> {
        let deadline = Instant::now() + timeout;
        // Without NONBLOCK, `open` would wait for a writer without a limit.
        let flags = rustix::fs::OFlags::NONBLOCK.bits() as i32;
        let mut file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
        // The buffer has its full size from the start. One that grows would leave copies in freed memory.
        let mut bytes = Zeroizing::new(vec![0; max_len + 1]);
        let mut len = 0;
        while len < bytes.len() {
            let mut fds = [PollFd::new(&file, PollFlags::IN)];
            let left = Timespec::try_from(deadline.saturating_duration_since(Instant::now()));
            match poll(&mut fds, left.ok().as_ref()) {
                Ok(0) => return Err(io::ErrorKind::TimedOut.into()),
                Ok(_) => {}
                Err(rustix::io::Errno::INTR) => continue,
                Err(error) => return Err(error.into()),
            }
            match file.read(&mut bytes[len..]) {
                Ok(0) => {
                    bytes.truncate(len);
                    return Ok(Contents::Bytes(bytes));
                }
                Ok(read) => len += read,
                Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Contents::TooLarge)
    }
}

/// Other systems have no pipes in their file system.
#[cfg(not(unix))]
mod pipe {
    use super::*;

    pub(super) fn read(_: &Path, _: usize, _: Duration) -> Option<std::io::Result<Contents>> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read_file(path: &Path) -> Result<Secret> {
        let reading = read(path.display().to_string(), path.to_owned());
        let limit = std::time::Duration::from_secs(10);
        tokio::time::timeout(limit, reading).await.expect("no waiting")
    }

    #[test]
    fn r23_a_tilde_is_the_home_directory_and_other_paths_start_at_the_current_one() {
        let paths = PathContext {
            home: "/home/me".into(),
            directory: "/project".into(),
        };
        for (given, path) in [
            ("~", "/home/me"),
            ("~/k", "/home/me/k"),
            ("~//k", "/home/me/k"),
            ("~me/k", "/project/~me/k"),
            ("a/~/k", "/project/a/~/k"),
            ("k", "/project/k"),
            ("/etc/k", "/etc/k"),
            ("~\\k", if cfg!(windows) { "/home/me/k" } else { "/project/~\\k" }),
        ] {
            assert_eq!(paths.resolve(given), Path::new(path), "{given}");
        }
    }

    #[tokio::test]
    async fn r23_a_key_file_holds_text_of_up_to_1_mib_and_the_key_is_trimmed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("k");
        let largest = "k".repeat(MAX_LEN);
        for (content, key) in [
            ("sk", "sk"),
            ("\u{feff} s k\r\n\n", "s k"),
            (largest.as_str(), largest.as_str()),
        ] {
            std::fs::write(&path, content).unwrap();
            assert!(read_file(&path).await == Ok(Secret::from(key)));
        }
        for (content, why) in [
            (vec![b'k'; MAX_LEN + 1], "the file is larger than 1 MiB"),
            (b"MARK\xff".to_vec(), "the file is not UTF-8 text"),
            (b"\xff\xfeM\0A\0".to_vec(), "the file is not UTF-8 text"),
            ("\u{feff} \r\n".into(), "the file is empty"),
            (Vec::new(), "the file is empty"),
        ] {
            std::fs::write(&path, content).unwrap();
            let error = read_file(&path).await.unwrap_err();
            let expected = format!("Cannot use the key file {}: {why}", path.display());
            assert_eq!((error.code(), error.message()), (Code::Corrupt, expected.as_str()));
        }
    }

    #[tokio::test]
    async fn r24_an_error_names_the_path_as_given_and_the_resolved_path() {
        let error = read("~/k".to_owned(), "/nowhere/k".into()).await.unwrap_err();
        let expected = "Cannot read the key file '~/k': /nowhere/k: there is no such file";
        assert_eq!((error.code(), error.message()), (Code::NotFound, expected));
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn r23_directories_and_devices_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        for path in [dir.path(), Path::new("/dev/zero"), Path::new("/dev/null")] {
            let error = read_file(path).await.unwrap_err();
            let expected = format!("Cannot read the key file {}: not a regular file", path.display());
            assert_eq!((error.code(), error.message()), (Code::Unavailable, expected.as_str()));
        }
    }

    #[cfg(unix)]
    fn pipe(dir: &tempfile::TempDir) -> PathBuf {
        let path = dir.path().join("pipe");
        crate::fs::testing::make_pipe(&path);
        path
    }

    #[cfg(unix)]
    #[test]
    fn r26_a_key_is_read_from_a_pipe_until_its_end() {
        use std::io::Write as _;
        let dir = tempfile::tempdir().unwrap();
        let path = pipe(&dir);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let mut writer = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
                writer.write_all(b"sk-").unwrap();
                writer.write_all(b"piped\n").unwrap();
            });
            let key = read_now("pipe", &path, Duration::from_secs(60)).unwrap();
            assert!(key == Secret::from("sk-piped"));
        });
    }

    #[cfg(unix)]
    #[test]
    fn r26_a_pipe_that_delivers_too_much_is_refused_and_one_that_delivers_nothing_times_out() {
        use std::io::Write as _;
        let dir = tempfile::tempdir().unwrap();
        let path = pipe(&dir);
        let error = read_now("pipe", &path, Duration::from_millis(1)).unwrap_err();
        assert_eq!(error.code(), Code::Timeout);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let mut writer = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
                // The reader may close the pipe before all of it is written.
                let _ = writer.write_all(&vec![b'k'; MAX_LEN + 1]);
            });
            let error = read_now("pipe", &path, Duration::from_secs(60)).unwrap_err();
            assert_eq!(error.code(), Code::Corrupt);
            assert!(error.message().contains("larger than 1 MiB"), "{error}");
        });
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn r26_a_link_is_followed_and_the_files_mode_is_kept() {
        use std::os::unix::fs::{PermissionsExt as _, symlink};
        let dir = tempfile::tempdir().unwrap();
        let (file, link) = (dir.path().join("file"), dir.path().join("link"));
        std::fs::write(&file, "sk").unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
        symlink(&file, &link).unwrap();
        for path in [&file, &link] {
            assert_eq!(read_file(path).await, Ok(Secret::from("sk")));
        }
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o644);
    }
}
