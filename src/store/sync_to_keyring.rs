//! Brings the keyring up to date from a file that is newer than it. The parent module says why.

use std::sync::Arc;

use super::{Key, SecureStore, SelectedKeyring};
use crate::error::Result;
use crate::fallback::Mark;
use crate::keyring::{Keyring, WriteOutcome};
use crate::secret::Secret;

impl SecureStore {
    /// Whether the file is newer than what this keyring holds. A mark that cannot be read says nothing.
    pub(super) async fn is_newer(&self, key: &Key, choice: &SelectedKeyring) -> bool {
        self.config
            .files
            .mark(key.as_str())
            .await
            .is_ok_and(|mark| mark == choice.mark())
    }

    /// Returns the value of a file that is newer than the keyring's, after trying to write it to the keyring. `None` when the
    /// keyring is up to date by now, or the key is gone.
    ///
    /// Does not wait for the key's lock: while a change is under way, the keyring is brought up to date later.
    pub(super) async fn sync_to_keyring(
        &self,
        key: &Key,
        mark: Mark,
        keyring: &Arc<dyn Keyring>,
    ) -> Result<Option<Secret>> {
        let guard = self.try_begin(key).await;
        let Some(stored) = self.config.files.read(key.as_str()).await? else {
            return Ok(None);
        };
        if stored.mark != mark {
            return Ok(None);
        }
        // Without the lock another process could set a newer value between this read and the write.
        if guard.is_none() {
            return Ok(Some(stored.value));
        }
        let written = keyring
            .set_verified(&self.config.service, key.as_str(), &stored.value)
            .await;
        match self.record_outcome(written)? {
            // On a conflict another program wrote the entry after this value: its value is the newer one.
            Ok(outcome @ (WriteOutcome::Verified | WriteOutcome::Conflict)) => {
                // A file that stays is read, and tried, again.
                let removed = self.config.files.remove(key.as_str()).await;
                match outcome {
                    WriteOutcome::Conflict => removed.map(|_| None),
                    _ => Ok(Some(stored.value)),
                }
            }
            Ok(WriteOutcome::Unverified(Some(error))) if error.error().code().is_final() => Err(error.into_error()),
            Ok(WriteOutcome::Unverified(_)) | Err(_) => Ok(Some(stored.value)),
        }
    }
}
