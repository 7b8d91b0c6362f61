//! A key in a file of its own.

use std::path::{Path, PathBuf};

use crate::error::{Code, Error, Result};
use crate::fallback::io_error::io_error;
use crate::fallback::read::{Contents, read_as_is};
use crate::provider_keys::trim;
use crate::secret::Secret;

/// The largest key file, in bytes.
pub const LIMIT: usize = 1024 * 1024;

/// What a path is relative to.
#[derive(Clone, Debug)]
pub struct Surroundings {
    /// The home directory: what `~` means.
    pub home: PathBuf,
    /// The current directory.
    pub directory: PathBuf,
}

impl Surroundings {
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
