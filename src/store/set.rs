//! Stores a value: in the keyring, verified, or else in the encrypted file.

use super::fallback_reason::fallback_reason;
use super::{FallbackPolicy, Key, SecureStore, StoredIn};
use crate::error::{Code, Error, Result};
use crate::keyring::{KeyringError, WriteOutcome};
use crate::secret::Secret;
use crate::telemetry::events::{Fallback, Operation};
use crate::telemetry::notices::{NoticeKind, notice};

impl SecureStore {
    /// Stores a value. Returns where it is stored.
    ///
    /// Changes to one key are made in the order of the calls to this function and [`SecureStore::delete`].
    ///
    /// # Errors
    ///
    /// `CORRUPT` for a bad key; `CONFLICT` if another program wrote the entry at the same moment, in which case nothing is changed;
    /// `TIMEOUT` if another change of the key takes too long; under `Deny` the keyring's error; otherwise the error of
    /// writing the file.
    pub fn set(&self, key: &str, value: Secret) -> impl Future<Output = Result<StoredIn>> + Send + use<> {
        let (store, request) = (self.clone(), self.request_change(key));
        async move {
            let mut operation = Operation::start("set");
            let (key, request) = match request {
                Ok(request) => request,
                Err(error) => return operation.finish(store.service(), None, Err(error)),
            };
            let stored = match store.begin(&key, request).await {
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
                // An older file must not remain, because a marked one would win. If it cannot be removed, the call fails.
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
        // A keyring that failed is not called again for the machine secret.
        let files = match reason {
            Fallback::NoKeyring => self.files.without_keyring(None),
            // The Credential Manager may have refused a value that is too long. It can still hold the machine secret.
            Fallback::Failed(Code::Unavailable) if cfg!(windows) => self.files.clone(),
            _ => self.files.without_keyring(Some(error)),
        };
        files.write(key.as_str(), value, Some(selection.kind)).await?;
        if reason == Fallback::NoKeyring {
            notice(
                NoticeKind::FilesOnly,
                Code::Unavailable,
                "Keys are kept in encrypted files, because no keyring is available",
                "Run 'llxprt-key doctor' to see why",
            );
        }
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
