//! Writes a newer file's change to the keyring. The parent module gives the reason.

use super::selection::{FileRelation, Selection};
use super::{Key, SecureStore};
use crate::error::Result;
use crate::keyring::{DeleteOutcome, WriteOutcome};
use crate::secret::Secret;

impl SecureStore {
    /// Returns the value of a file that is newer than the keyring's, after trying to write it to the keyring. `None` if the
    /// file is no longer newer.
    ///
    /// Does not wait for the key's lock. If another change is in progress, a later operation updates the keyring.
    pub(super) async fn sync_to_keyring(&self, key: &Key, selection: &Selection) -> Result<Option<Secret>> {
        let guard = self.try_begin(key).await;
        let Some(stored) = self.files.read(key.as_str()).await? else {
            return Ok(None);
        };
        if !stored.newer_than.is_some_and(|mark| selection.is_older_than(mark)) {
            return Ok(None);
        }
        // A value that is too long for the keyring stays in the file.
        if selection.keyring().is_ok_and(|keyring| !keyring.accepts(&stored.value)) {
            return Ok(Some(stored.value));
        }
        // Without the lock another process could store a newer value between this read and the write.
        let (Some(_guard), Ok(keyring)) = (guard, selection.keyring()) else {
            return Ok(Some(stored.value));
        };
        let older = match self
            .record_outcome(selection.get(&self.service, key.as_str()).await)
            .await?
        {
            Ok(older) => older,
            Err(_) => return Ok(Some(stored.value)),
        };
        let written = keyring.set_verified(&self.service, key.as_str(), &stored.value).await;
        match self.record_outcome(written).await? {
            Ok(WriteOutcome::Verified) => {
                // If the file cannot be removed, the next operation writes it to the keyring again.
                let _ = self.files.remove_if_unchanged(key.as_str(), &stored.revision).await;
                Ok(Some(stored.value))
            }
            Ok(WriteOutcome::Conflict) => {
                let held = self
                    .record_outcome(selection.get(&self.service, key.as_str()).await)
                    .await?;
                // The keyring accepted the write and still holds the older value.
                if held.is_err() || held.is_ok_and(|held| held == older) {
                    return Ok(Some(stored.value));
                }
                // Another program wrote the entry after this value was written: the keyring holds the newer value.
                self.files.remove_if_unchanged(key.as_str(), &stored.revision).await?;
                Ok(None)
            }
            Ok(WriteOutcome::Unverified(Some(error))) if error.error().is_final() => Err(error.into_error()),
            Ok(WriteOutcome::Unverified(_)) | Err(_) => Ok(Some(stored.value)),
        }
    }

    /// Tries to carry out the deletion of a tombstone in the keyring, and removes the tombstone.
    ///
    /// Does not wait for the key's lock. If another change is in progress, a later operation carries out the deletion.
    pub(super) async fn carry_out_deletion(&self, key: &Key, selection: &Selection) -> Result<()> {
        if selection.keyring().is_err() {
            return Ok(());
        }
        let Some(_guard) = self.try_begin(key).await else {
            return Ok(());
        };
        if selection.relation(self.files.state(key.as_str()).await?) != FileRelation::Deleted {
            return Ok(());
        }
        let deleted = selection.delete(&self.service, key.as_str()).await;
        if let Ok(DeleteOutcome::Deleted | DeleteOutcome::NotFound) = self.record_outcome(deleted).await? {
            // If the tombstone cannot be removed, a later operation carries it out again.
            let _ = self.files.remove(key.as_str()).await;
        }
        Ok(())
    }
}
