//! Envelopes in files whose names other programs chose.

use std::path::PathBuf;

use super::FallbackDir;
use super::files::Files;
use crate::error::Result;
use crate::fs::io_error::interrupted;
use crate::secret::Secret;

impl FallbackDir {
    /// Returns the value of the envelope in a file, opened with the keys of this directory; `None` when there is no file, and
    /// when its content is not a JSON object.
    ///
    /// # Errors
    ///
    /// As [`FallbackDir::read`].
    pub async fn read_file(&self, path: PathBuf) -> Result<Option<Secret>> {
        let reading = async {
            let found = self.run(move |directory| directory.find_at(&path)).await;
            self.finish(vec![found])
                .await
                .pop()
                .unwrap_or_else(|| Err(interrupted()))
        };
        let stored = self.observed("read_file", None, reading).await?;
        Ok(stored.map(|stored| stored.value))
    }

    /// Returns whether a file holds an envelope, without decrypting it.
    ///
    /// # Errors
    ///
    /// As [`FallbackDir::has`].
    pub async fn is_envelope(&self, path: PathBuf) -> Result<bool> {
        let checking = self.run(move |_| Ok(Files::find_at(&path)?.is_some()));
        self.observed("is_envelope", None, checking).await
    }

    /// Removes a file if its content is a JSON object. Returns whether it was removed.
    ///
    /// # Errors
    ///
    /// `DENIED` or `UNAVAILABLE` when the file cannot be read or removed.
    pub async fn remove_envelope(&self, path: PathBuf) -> Result<bool> {
        let removing = self.run(move |_| Files::remove_at(&path));
        self.observed("remove_envelope", None, removing).await
    }
}
