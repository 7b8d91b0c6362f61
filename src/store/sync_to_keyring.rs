//! A file that is newer than the keyring, and the keyring brought up to date (R7B; the reasons are the parent room's).

use std::sync::Arc;

use super::{Key, SecureStore, SelectedKeyring};
use crate::error::Result;
use crate::fallback::{FileState, KeyringKind};
use crate::keyring::Keyring;
use crate::secret::Secret;

impl SecureStore {
    /// Whether the file is newer than what this keyring holds. A mark that cannot be read says nothing.
    pub(super) async fn is_newer(&self, key: &Key, choice: &SelectedKeyring) -> bool {
        self.config
            .files
            .state(key.as_str())
            .await
            .is_ok_and(|state| matches!(state, FileState::Value { newer_than: Some(kind) } if kind == choice.kind()))
    }

    /// The value of a file that is newer than the keyring's, after trying to hand it to the keyring.
    /// `None` when somebody else did so meanwhile, or the key is gone.
    pub(super) async fn sync_to_keyring(
        &self,
        key: &Key,
        kind: KeyringKind,
        keyring: &Arc<dyn Keyring>,
    ) -> Result<Option<Secret>> {
        let _turn = self.mutexes.lock(key.as_str()).await;
        let lock = self.lock(key).await.unwrap_or_default();
        let Some(stored) = self.config.files.read(key.as_str()).await? else {
            return Ok(None);
        };
        if stored.newer_than != Some(kind) {
            return Ok(None);
        }
        // Without the lock another process could set a newer value between our read and our write: leave it for later.
        if lock.is_some()
            && self
                .record_outcome(keyring.set(&self.config.service, key.as_str(), &stored.value).await)
                .is_ok()
        {
            // A file that stays is read, and tried, again.
            let _ = self.config.files.remove(key.as_str()).await;
        }
        Ok(Some(stored.value))
    }
}
