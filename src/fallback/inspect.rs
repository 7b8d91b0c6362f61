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

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;
    use crate::fallback::envelope::print_tombstone;
    use crate::fallback::keyring_kind::KeyringKind;

    fn set_mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn keys_and_files_that_others_may_read_are_counted() {
        let temp = tempfile::tempdir().unwrap();
        let dir = temp.path().join("files");
        assert_eq!(inspect(&dir), Ok(None));
        fs::create_dir(&dir).unwrap();
        set_mode(&dir, 0o700);
        let long = "x".repeat(MAX_TOMBSTONE_LEN + 1);
        let tombstone = print_tombstone(KeyringKind::Os);
        for (name, content, mode) in [
            ("private.enc", b"{}".as_slice(), 0o600),
            ("open.enc", long.as_bytes(), 0o604),
            ("group.enc", b"{}", 0o640),
            ("deleted.enc", &tombstone, 0o644),
            ("other.txt", b"{}", 0o644),
        ] {
            fs::write(dir.join(name), content).unwrap();
            set_mode(&dir.join(name), mode);
        }
        let target = temp.path().join("target");
        fs::write(&target, "{}").unwrap();
        set_mode(&target, 0o644);
        symlink(&target, dir.join("link.enc")).unwrap();
        fs::create_dir(dir.join("directory.enc")).unwrap();
        let found = inspect(&dir).unwrap().unwrap();
        let expected = Inspection {
            keys: 4,
            mode: Some(0o700),
            open_files: 3,
        };
        assert_eq!(found, expected);
        assert!(!found.is_open());
        // Nothing was changed.
        assert_eq!(
            fs::metadata(dir.join("open.enc")).unwrap().permissions().mode() & 0o777,
            0o604
        );
        for mode in [0o710, 0o701, 0o1777] {
            set_mode(&dir, mode);
            let found = inspect(&dir).unwrap().unwrap();
            assert_eq!((found.mode, found.is_open()), (Some(mode), true));
        }
        assert!(!Inspection::default().is_open());
        assert!(inspect(&target).is_err());
    }
}
