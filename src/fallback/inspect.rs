//! Inspects a directory of encrypted files without changing it: file modes and temporary files are left as they are.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::Path;

use super::envelope::{self, FileContent, MAX_TOMBSTONE_LEN};
use super::file_name::{decode, is_key};
use super::files::regular_len;
use crate::error::Result;
use crate::fs::io_error::io_error;

/// The state of a directory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Inspection {
    /// Number of keys that have a file with a value, readable or not. A tombstone holds none.
    pub keys: usize,
    /// The directory's mode, such as `0o700`; `None` where the platform has none.
    pub mode: Option<u32>,
    /// Number of files that other users may read or write.
    pub open_files: usize,
}

impl Inspection {
    /// Returns whether other users may enter the directory.
    pub fn is_open(&self) -> bool {
        self.mode.is_some_and(is_open)
    }
}

/// Inspects a directory; `None` when there is none. Blocks.
///
/// # Errors
///
/// `DENIED` or `UNAVAILABLE` when the directory cannot be read.
pub fn inspect(dir: &Path) -> Result<Option<Inspection>> {
    let failed = |error: io::Error| io_error("read", dir, &error);
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    let mut keys = BTreeSet::new();
    let mut open_files = 0;
    for entry in entries {
        let entry = entry.map_err(failed)?;
        let Some(key) = entry.file_name().to_str().and_then(decode) else {
            continue;
        };
        if let Some(len) = is_key(&key).then(|| regular_len(&entry)).flatten() {
            // The mode of a symbolic link has no effect, and the mode of its target is its owner's choice.
            let link = entry.file_type().is_ok_and(|kind| kind.is_symlink());
            if !link && entry.metadata().ok().and_then(|file| mode(&file)).is_some_and(is_open) {
                open_files += 1;
            }
            if !is_tombstone(&entry.path(), len) {
                keys.insert(key);
            }
        }
    }
    Ok(Some(Inspection {
        keys: keys.len(),
        mode: mode(&fs::metadata(dir).map_err(failed)?),
        open_files,
    }))
}

fn is_tombstone(file: &Path, len: u64) -> bool {
    len <= MAX_TOMBSTONE_LEN as u64
        && fs::read(file).is_ok_and(|bytes| matches!(envelope::parse(&bytes), Ok(FileContent::Deleted { .. })))
}

fn is_open(mode: u32) -> bool {
    mode & 0o077 != 0
}

#[cfg(unix)]
fn mode(metadata: &fs::Metadata) -> Option<u32> {
    Some(std::os::unix::fs::MetadataExt::mode(metadata) & 0o7777)
}

#[cfg(not(unix))]
fn mode(_: &fs::Metadata) -> Option<u32> {
    None
}
