//! Stores a value: in the keyring, verified, or else in the encrypted file.

use super::fallback_reason::fallback_reason;
use super::{FallbackPolicy, Key, SecureStore, SelectedKeyring, StoredIn, with_keyring};
use crate::error::{Code, Error, Result};
use crate::fallback::Mark;
use crate::keyring::{KeyringError, WriteOutcome};
use crate::secret::Secret;
use crate::telemetry::events::{Fallback, Operation};

impl SecureStore {
    pub(super) async fn set_now(&self, key: &Key, value: &Secret, operation: &mut Operation) -> Result<StoredIn> {
        let choice = self.choice().await;
        let written = match with_keyring(&choice) {
            Ok(keyring) => keyring.set_verified(&self.config.service, key.as_str(), value).await,
            Err(error) => Err(error),
        };
        operation.record_keyring();
        self.record_health(matches!(written, Ok(WriteOutcome::Verified | WriteOutcome::Conflict)));
        let (reason, error) = match written {
            Ok(WriteOutcome::Verified) => {
                // A stale copy must not survive. If it does, the call fails: a marked one would win.
                self.config.files.remove(key.as_str()).await?;
                return Ok(StoredIn::Keyring);
            }
            Ok(WriteOutcome::Conflict) => return Err(conflict()),
            Ok(WriteOutcome::Unverified(Some(error))) | Err(error) if error.error().code().is_final() => {
                return Err(error.into_error());
            }
            Ok(WriteOutcome::Unverified(_)) => (Fallback::Unverified, unverified()),
            Err(error) => (
                fallback_reason(&Err::<(), KeyringError>(error.clone())),
                error.into_error(),
            ),
        };
        if self.config.policy == FallbackPolicy::Deny {
            return Err(error);
        }
        operation.record_fallback(reason);
        // A loader that hangs is an injected one.
        let mark = choice.as_ref().map_or(Mark::NewerThanInjected, SelectedKeyring::mark);
        self.config.files.write(key.as_str(), value, mark).await?;
        Ok(StoredIn::File)
    }
}

fn conflict() -> Error {
    Error::new(Code::Conflict, "Another program wrote this entry at the same moment")
}

fn unverified() -> Error {
    Error::new(
        Code::Unavailable,
        "Keyring write could not be verified and fallback is denied",
    )
}
