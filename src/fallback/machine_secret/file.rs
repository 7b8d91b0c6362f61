//! The machine secret's file.

use std::path::Path;

use zeroize::Zeroizing;

use super::secret::{LEN, MachineSecret, decode, encode, unusable};
use crate::error::Result;
use crate::fs::atomic;
use crate::fs::io_error::io_error;
use crate::fs::read::{Contents, read};

/// The largest file that is read, in bytes. 32 bytes are 44 in base64, and an editor may have added a line end.
const MAX_FILE_LEN: usize = 1024;

/// Reads the secret; `None` when there is no file.
///
/// # Errors
///
/// `CORRUPT` when the file does not hold 32 bytes in base64; `DENIED` or `UNAVAILABLE` when it cannot be read.
pub fn read_secret(path: &Path) -> Result<Option<MachineSecret>> {
    let text = match read(path, MAX_FILE_LEN).map_err(|error| io_error("read the machine secret in", path, &error))? {
        Contents::Absent => return Ok(None),
        Contents::TooLarge => None,
        Contents::Bytes(text) => Some(text),
    };
    let bytes = text.and_then(|text| decode(std::str::from_utf8(&text).ok()?));
    match bytes {
        Some(bytes) => Ok(Some(MachineSecret::new(&bytes))),
        None => Err(unusable(&path.display().to_string(), &format!("{LEN} bytes in base64"))),
    }
}

/// Creates the file with this secret, unless there is one already. Returns the secret in the file, which may be one that
/// another process created at the same time.
///
/// # Errors
///
/// As [`read_secret`]; `DENIED` or `UNAVAILABLE` when the file cannot be written.
pub fn create_secret(path: &Path, bytes: &[u8]) -> Result<MachineSecret> {
    let failed = |error| io_error("create the machine secret in", path, &error);
    let (Some(dir), Some(name)) = (path.parent(), path.file_name().and_then(|name| name.to_str())) else {
        return Err(failed(std::io::ErrorKind::InvalidInput.into()));
    };
    let dir = if dir == Path::new("") { Path::new(".") } else { dir };
    // `ensure_dir` would tighten the mode of an existing directory, which may be one that others use, such as the home
    // directory.
    if !dir.is_dir() {
        atomic::ensure_dir(dir).map_err(failed)?;
    }
    atomic::create(dir, name, encode(bytes).expose().as_bytes()).map_err(failed)?;
    // Read back even if it was just written, so that values are sealed with the secret that the next process will read.
    read_secret(path)?.ok_or_else(|| failed(std::io::ErrorKind::NotFound.into()))
}

/// Returns the bytes of a new secret.
///
/// # Errors
///
/// The error of the system's random number generator.
pub fn random_secret() -> Result<Zeroizing<[u8; LEN]>, getrandom::Error> {
    let mut bytes = Zeroizing::new([0; LEN]);
    getrandom::fill(bytes.as_mut_slice())?;
    Ok(bytes)
}
