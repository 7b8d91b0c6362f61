//! Detects that the file of the running program was deleted, as an upgrade does.
//!
//! macOS identifies a program by its file. When the file is deleted, the Keychain can no longer identify the program: it shows
//! dialogs again or refuses access. A descriptor of the file is opened when the addon is loaded. The file was deleted if it
//! has no link left.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use super::KeyringError;
use crate::error::Code;

/// The open file of a running program.
#[derive(Debug)]
pub struct RuntimeFile(File);

impl RuntimeFile {
    /// Opens the file of a program.
    ///
    /// # Errors
    ///
    /// The error of the operating system if the file cannot be opened.
    pub fn open(path: &Path) -> io::Result<Self> {
        File::open(path).map(Self)
    }

    /// Returns the file of this process, which the first call opens. The file stays open until the process ends. `None` if it
    /// cannot be opened, and on platforms that do not need it.
    pub fn of_this_process() -> Option<Arc<Self>> {
        static FILE: OnceLock<Option<Arc<RuntimeFile>>> = OnceLock::new();
        if !cfg!(target_os = "macos") {
            return None;
        }
        let open = || RuntimeFile::open(&std::env::current_exe().ok()?).ok().map(Arc::new);
        FILE.get_or_init(open).clone()
    }

    /// Fails with `RUNTIME_REPLACED` if the file was deleted.
    ///
    /// # Errors
    ///
    /// `RUNTIME_REPLACED`. A file whose state cannot be read counts as present.
    pub fn check(&self) -> Result<(), KeyringError> {
        match is_deleted(&self.0) {
            Ok(true) => Err(KeyringError::failed(
                Code::RuntimeReplaced,
                "The file of the running program was deleted, probably by an upgrade",
            )),
            _ => Ok(()),
        }
    }
}

#[cfg(unix)]
fn is_deleted(file: &File) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    Ok(file.metadata()?.nlink() == 0)
}

/// Windows does not delete the file of a running program.
#[cfg(not(unix))]
fn is_deleted(_file: &File) -> io::Result<bool> {
    Ok(false)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn r6_a_deleted_file_is_an_error_and_a_renamed_one_is_not() {
        let directory = tempfile::tempdir().unwrap();
        let [old, new] = ["old", "new"].map(|name| directory.path().join(name));
        std::fs::write(&old, "").unwrap();
        let file = RuntimeFile::open(&old).unwrap();
        assert_eq!(file.check(), Ok(()));
        std::fs::rename(&old, &new).unwrap();
        assert_eq!(file.check(), Ok(()));
        // An upgrade puts another file in its place.
        std::fs::write(&old, "").unwrap();
        std::fs::rename(&old, &new).unwrap();
        assert_eq!(file.check().unwrap_err().error().code(), Code::RuntimeReplaced);
    }
}
