//! A key in a file of its own.

use std::path::{Path, PathBuf};

use crate::error::{Code, Error, Result};
use crate::fs::io_error::io_error;
use crate::fs::read::{Contents, read_as_is};
use crate::secret::Secret;
use crate::text::trim;

/// The largest key file, in bytes.
pub const LIMIT: usize = 1024 * 1024;

/// What a path is relative to.
#[derive(Clone, Debug)]
pub struct PathContext {
    /// The home directory: what `~` means.
    pub home: PathBuf,
    /// The current directory.
    pub directory: PathBuf,
}

impl PathContext {
    /// The path that was meant: `~` alone, or before a separator, is the home directory. Another user's home (`~name`) is
    /// not looked up; that is a file of this name.
    pub fn resolve(&self, given: &str) -> PathBuf {
        match given.strip_prefix('~') {
            Some("") => self.home.clone(),
            Some(rest) if rest.starts_with(std::path::is_separator) => {
                self.home.join(rest.trim_start_matches(std::path::is_separator))
            }
            _ => self.directory.join(given),
        }
    }
}

/// The file's content without the white space around it and without a byte-order mark.
///
/// Errors name the path as it was given, and the one it stands for where that differs: `NOT_FOUND` when there is no such
/// file, `CORRUPT` when it is empty, larger than [`LIMIT`] or no UTF-8 text, `DENIED` and `UNAVAILABLE` when it cannot be
/// read. What is not a regular file, as a directory, a device or a pipe, is `UNAVAILABLE`: it is not waited for.
pub async fn read(given: String, path: PathBuf) -> Result<Secret> {
    let reading = tokio::task::spawn_blocking(move || read_now(&given, &path));
    reading.await.unwrap_or_else(|_| {
        let stopped = "Reading the key file stopped before its end";
        Err(Error::new(Code::Unavailable, stopped))
    })
}

fn read_now(given: &str, path: &Path) -> Result<Secret> {
    let file = if Path::new(given) == path {
        "the key file".to_owned()
    } else {
        format!("the key file '{given}':")
    };
    let unusable = |why: &str| {
        let message = format!("Cannot use {file} {}: {why}", path.display());
        Error::new(Code::Corrupt, message).with_remediation("Put the API key, and nothing else, into the file")
    };
    let contents = read_as_is(path, LIMIT).map_err(|error| {
        io_error(&format!("read {file}"), path, &error)
            .with_remediation("Check the path, and that you may read the file")
    })?;
    match contents {
        Contents::Absent => Err(Error::new(
            Code::NotFound,
            format!("Cannot read {file} {}: there is no such file", path.display()),
        )
        .with_remediation("Check the path, or save the key to the file first")),
        Contents::TooLarge => Err(unusable("it is larger than 1 MiB")),
        Contents::Bytes(bytes) => {
            let text = std::str::from_utf8(&bytes).map_err(|_| unusable("it is not UTF-8 text"))?;
            match trim(text) {
                "" => Err(unusable("it is empty")),
                key => Ok(Secret::from(key)),
            }
        }
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
        let surroundings = PathContext {
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
            assert_eq!(surroundings.resolve(given), Path::new(path), "{given}");
        }
    }

    #[tokio::test]
    async fn r23_a_key_file_holds_text_of_up_to_1_mib_and_what_is_around_the_key_is_cut() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("k");
        let largest = "k".repeat(LIMIT);
        for (content, key) in [
            ("sk", "sk"),
            ("\u{feff} s k\r\n\n", "s k"),
            (largest.as_str(), largest.as_str()),
        ] {
            std::fs::write(&path, content).unwrap();
            assert!(read_file(&path).await == Ok(Secret::from(key)));
        }
        for (content, why) in [
            (vec![b'k'; LIMIT + 1], "it is larger than 1 MiB"),
            (b"MARK\xff".to_vec(), "it is not UTF-8 text"),
            (b"\xff\xfeM\0A\0".to_vec(), "it is not UTF-8 text"),
            ("\u{feff} \r\n".into(), "it is empty"),
            (Vec::new(), "it is empty"),
        ] {
            std::fs::write(&path, content).unwrap();
            let error = read_file(&path).await.unwrap_err();
            let expected = format!("Cannot use the key file {}: {why}", path.display());
            assert_eq!((error.code(), error.message()), (Code::Corrupt, expected.as_str()));
        }
    }

    #[tokio::test]
    async fn r24_an_error_names_the_path_as_given_and_the_one_it_stands_for() {
        let error = read("~/k".to_owned(), "/nowhere/k".into()).await.unwrap_err();
        let expected = "Cannot read the key file '~/k': /nowhere/k: there is no such file";
        assert_eq!((error.code(), error.message()), (Code::NotFound, expected));
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn r23_directories_devices_and_pipes_are_refused_without_waiting() {
        let dir = tempfile::tempdir().unwrap();
        let pipe = dir.path().join("pipe");
        rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::RUSR).unwrap();
        for path in [&pipe, dir.path(), Path::new("/dev/zero"), Path::new("/dev/null")] {
            let error = read_file(path).await.unwrap_err();
            let expected = format!("Cannot read the key file {}: not a regular file", path.display());
            assert_eq!((error.code(), error.message()), (Code::Unavailable, expected.as_str()));
        }
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn r26_a_link_is_followed_and_the_files_rights_stay() {
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
