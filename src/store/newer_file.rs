//! A file that is newer than the keyring, and the keyring brought up to date (R7B; the reasons are the parent room's).

use std::sync::Arc;

use super::{Choice, Key, SecureStore};
use crate::error::Result;
use crate::fallback::Mark;
use crate::keyring::Keyring;
use crate::secret::Secret;

impl SecureStore {
    /// Whether the file is newer than what this keyring holds. A mark that cannot be read says nothing.
    pub(super) async fn is_newer(&self, key: &Key, choice: &Choice) -> bool {
        self.parts
            .files
            .mark(key.as_str())
            .await
            .is_ok_and(|mark| mark == choice.mark())
    }

    /// The value of a file that is newer than the keyring's, after trying to hand it to the keyring.
    /// `None` when somebody else did so meanwhile, or the key is gone.
    pub(super) async fn bring_up_to_date(
        &self,
        key: &Key,
        mark: Mark,
        keyring: &Arc<dyn Keyring>,
    ) -> Result<Option<Secret>> {
        let _turn = self.turns.take(key.as_str()).comes().await;
        let lock = self.lock(key).await.unwrap_or_default();
        let Some(stored) = self.parts.files.read(key.as_str()).await? else {
            return Ok(None);
        };
        if stored.mark != mark {
            return Ok(None);
        }
        // Without the lock another process could set a newer value between our read and our write: leave it for later.
        if lock.is_some()
            && self
                .heard(keyring.set(&self.parts.service, key.as_str(), &stored.value).await)
                .is_ok()
        {
            // A file that stays is read, and tried, again.
            let _ = self.parts.files.remove(key.as_str()).await;
        }
        Ok(Some(stored.value))
    }
}
