//! The files `<tool>.key` in which other programs keep tool keys as envelopes.
//!
//! The files are read and removed, but never written: a save stores the key in the store. Files in the former format, which is
//! not JSON, are left alone; `legacy` reports them.

use std::path::PathBuf;

use crate::error::Result;
use crate::fallback::FallbackDir;
use crate::fs::executor::FileExecutor;
use crate::secret::Secret;

/// The suffix of the files in which other programs keep tool keys.
pub const KEY_FILE_SUFFIX: &str = ".key";

/// The files `<tool>.key` of a directory. Their envelopes are opened with the keys of the encrypted files.
#[derive(Clone)]
pub(super) struct EnvelopeFiles {
    files: FallbackDir,
    dir: PathBuf,
}

impl EnvelopeFiles {
    /// Returns the files in this directory.
    pub(super) fn new(files: FallbackDir, dir: PathBuf) -> Self {
        Self { files, dir }
    }

    /// Runs file operations with this executor.
    pub(super) fn with_executor(self, executor: FileExecutor) -> Self {
        let files = self.files.with_executor(executor);
        Self { files, ..self }
    }

    /// Returns the key in a tool's file; `None` when there is no envelope.
    ///
    /// # Errors
    ///
    /// `CORRUPT` for an envelope that cannot be opened; `DENIED` or `UNAVAILABLE` for a file that cannot be read.
    pub(super) async fn read(&self, tool: &str) -> Result<Option<Secret>> {
        self.files.read_file(self.path(tool)).await
    }

    /// Returns whether a tool's file holds an envelope, without decrypting it.
    ///
    /// # Errors
    ///
    /// `CORRUPT` for a malformed envelope; `DENIED` or `UNAVAILABLE` for a file that cannot be read.
    pub(super) async fn has(&self, tool: &str) -> Result<bool> {
        self.files.is_envelope(self.path(tool)).await
    }

    /// Removes a tool's file if its content is a JSON object, as an envelope is. Returns whether it was removed.
    ///
    /// # Errors
    ///
    /// `DENIED` or `UNAVAILABLE` for a file that cannot be read or removed.
    pub(super) async fn remove(&self, tool: &str) -> Result<bool> {
        self.files.remove_envelope(self.path(tool)).await
    }

    fn path(&self, tool: &str) -> PathBuf {
        self.dir.join(format!("{tool}{KEY_FILE_SUFFIX}"))
    }
}
