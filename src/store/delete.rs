//! Removes a value from the keyring and from the encrypted files.

use std::sync::Arc;

use super::fallback_reason::record_backend;
use super::{FallbackPolicy, Key, SecureStore, not_found_as, with_keyring};
use crate::error::{Code, Result};
use crate::keyring::{Keyring, KeyringError};
use crate::telemetry::events::Operation;

impl SecureStore {
    pub(super) async fn delete_now(&self, key: &Key, operation: &mut Operation) -> Result<bool> {
        let choice = self.choice().await;
        let from_keyring = self.record_outcome(match with_keyring(&choice) {
            Ok(keyring) => not_found_as(self.delete_from_keyring(keyring, key).await, false),
            Err(error) => Err(error),
        })?;
        record_backend(operation, &from_keyring, self.config.policy);
        let from_files = self.config.files.remove(key.as_str()).await;
        match from_keyring {
            Ok(was_there) => Ok(from_files? || was_there),
            Err(KeyringError::Failed(error)) => Err(error),
            Err(KeyringError::Absent(error)) => match (from_files?, self.config.policy) {
                (false, FallbackPolicy::Deny) => Err(error),
                (was_there, _) => Ok(was_there),
            },
        }
    }

    /// Deletes the account, and asks afterwards whether the keyring still has it: some report success and keep it.
    async fn delete_from_keyring(&self, keyring: &Arc<dyn Keyring>, key: &Key) -> Result<bool, KeyringError> {
        let deleted = not_found_as(keyring.delete(&self.config.service, key.as_str()).await, false)?;
        let remains = not_found_as(keyring.contains(&self.config.service, key.as_str()).await, false)?;
        match remains {
            false => Ok(deleted),
            true => Err(KeyringError::failed(
                Code::Unavailable,
                "Credential remains after keyring deletion",
            )),
        }
    }
}
