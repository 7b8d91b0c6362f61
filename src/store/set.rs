//! Stores a value: in the keyring, verified, or else in the encrypted file.

use super::fallback_reason::fallback_reason;
use super::{FallbackPolicy, Key, SecureStore, StoredIn};
use crate::error::{Code, Error, Result};
use crate::keyring::{KeyringError, WriteOutcome};
use crate::secret::Secret;
use crate::telemetry::events::{Fallback, Operation};

impl SecureStore {
    /// Stores a value. Returns where it is stored.
    ///
    /// Changes to one key are made in the order of the calls to this function and [`SecureStore::delete`].
    ///
    /// # Errors
    ///
    /// `CORRUPT` for a bad key; `CONFLICT` if another program wrote the entry at the same moment, and nothing is changed then;
    /// `TIMEOUT` if another change of the key takes too long; under `Deny` the keyring's error; otherwise the error of
    /// writing the file.
    pub fn set(&self, key: &str, value: Secret) -> impl Future<Output = Result<StoredIn>> + Send + use<> {
        let (store, turn) = (self.clone(), self.turn(key));
        async move {
            let mut operation = Operation::start("set");
            let (key, turn) = match turn {
                Ok(turn) => turn,
                Err(error) => return operation.finish(store.service(), None, Err(error)),
            };
            let stored = match store.begin(&key, turn).await {
                Ok(_change) => store.set_now(&key, &value, &mut operation).await,
                Err(error) => Err(error),
            };
            operation.finish(store.service(), Some(key.as_str()), stored)
        }
    }

    async fn set_now(&self, key: &Key, value: &Secret, operation: &mut Operation) -> Result<StoredIn> {
        let selection = self.select().await;
        operation.record_keyring();
        let written = match selection.keyring() {
            Ok(keyring) => keyring.set_verified(&self.service, key.as_str(), value).await,
            Err(error) => Err(error),
        };
        let (reason, error) = match self.record_outcome(failed_read_back(written)).await? {
            Ok(WriteOutcome::Verified) => {
                // No older copy may survive. If it does, the call fails: a marked file would win.
                self.files.remove(key.as_str()).await?;
                return Ok(StoredIn::Keyring);
            }
            Ok(WriteOutcome::Conflict) => {
                return Err(Error::new(
                    Code::Conflict,
                    "Another program wrote this entry at the same moment",
                ));
            }
            Ok(WriteOutcome::Unverified(_)) => (Fallback::Unverified, unverified()),
            failed @ Err(_) => {
                let reason = fallback_reason(&failed);
                (reason, failed.map_or_else(KeyringError::into_error, |_| unverified()))
            }
        };
        if self.policy == FallbackPolicy::Deny {
            return Err(match reason {
                Fallback::NoKeyring => Error::new(Code::Unavailable, "Keyring is unavailable and fallback is denied"),
                _ => error,
            });
        }
        operation.record_fallback(reason);
        // The keyring is not asked again, now for the machine secret.
        let files = match reason {
            Fallback::NoKeyring => self.files.without_keyring(None),
            // A value that is too long for the Credential Manager says nothing about other entries.
            Fallback::Failed(Code::Unavailable) if cfg!(windows) => self.files.clone(),
            _ => self.files.without_keyring(Some(error)),
        };
        files.write(key.as_str(), value, Some(selection.kind)).await?;
        Ok(StoredIn::File)
    }
}

/// Makes the final error of a read-back the error of the write.
fn failed_read_back(written: Result<WriteOutcome, KeyringError>) -> Result<WriteOutcome, KeyringError> {
    match written {
        Ok(WriteOutcome::Unverified(Some(error))) if error.error().is_final() => Err(error),
        written => written,
    }
}

fn unverified() -> Error {
    Error::new(
        Code::Unavailable,
        "Keyring write could not be verified and fallback is denied",
    )
}
