//! Removes a value from the keyring and from the encrypted files.

use super::fallback_reason::record_backend;
use super::selection::{FileRelation, Selection};
use super::{FallbackPolicy, Key, SecureStore};
use crate::error::{Code, Error, Result};
use crate::keyring::{DeleteOutcome, KeyringError};
use crate::telemetry::events::Operation;

impl SecureStore {
    /// Removes a key from the keyring and from the files. Returns whether either held it.
    ///
    /// A failure of the keyring is returned after the removal from the files. If the keyring may hold a value, a tombstone
    /// replaces the file, and a later operation deletes the value in the keyring.
    ///
    /// # Errors
    ///
    /// `CORRUPT` for a bad key; the keyring's error if it failed; `UNAVAILABLE` if the keyring still holds the value, and under
    /// `Deny` without a keyring and a file; `TIMEOUT` if another change of the key takes too long.
    pub fn delete(&self, key: &str) -> impl Future<Output = Result<bool>> + Send + use<> {
        let (store, request) = (self.clone(), self.request_change(key));
        async move {
            let mut operation = Operation::start("delete");
            let (key, request) = match request {
                Ok(request) => request,
                Err(error) => return operation.finish(store.service(), None, Err(error)),
            };
            let deleted = match store.begin(&key, request).await {
                Ok(_change) => store.delete_now(&key, &mut operation).await,
                Err(error) => Err(error),
            };
            operation.finish(store.service(), Some(key.as_str()), deleted)
        }
    }

    async fn delete_now(&self, key: &Key, operation: &mut Operation) -> Result<bool> {
        let selection = self.select().await;
        operation.record_keyring();
        // `None` for a file that cannot be read.
        let relation = self.files.state(key.as_str()).await.ok();
        let relation = relation.map(|state| selection.relation(state));
        let outcome = selection.delete(&self.service, key.as_str()).await;
        let outcome = self.record_outcome(outcome).await?;
        record_backend(operation, &outcome, self.policy);
        let error = match outcome {
            Ok(DeleteOutcome::Remains) => {
                // A newer file or a tombstone stays, because it hides the remaining value.
                if !matches!(relation, Some(FileRelation::Newer | FileRelation::Deleted)) {
                    self.files.remove(key.as_str()).await?;
                }
                return Err(Error::new(
                    Code::Unavailable,
                    "Credential remains after keyring deletion",
                ));
            }
            Ok(outcome) => {
                let was_in_file = self.files.remove(key.as_str()).await?;
                let was_in_keyring = outcome == DeleteOutcome::Deleted && relation != Some(FileRelation::Deleted);
                return Ok(was_in_file || was_in_keyring);
            }
            Err(error) => error,
        };
        let was_in_file = self.delete_from_files(key, &selection, relation, &error).await;
        match error {
            KeyringError::Failed(error) => Err(error),
            KeyringError::Absent(error) => match (was_in_file?, self.policy) {
                (false, FallbackPolicy::Deny) => Err(error),
                (was_in_file, _) => Ok(was_in_file),
            },
        }
    }

    /// Removes the file, or replaces it by a tombstone if the keyring, which failed, may hold a value. Returns whether the
    /// file held one.
    async fn delete_from_files(
        &self,
        key: &Key,
        selection: &Selection,
        relation: Option<FileRelation>,
        error: &KeyringError,
    ) -> Result<bool> {
        let may_be_in_keyring = match (relation, self.policy) {
            (Some(FileRelation::Deleted), _) => return Ok(false),
            // Under `Deny` the files are never read, so a tombstone is only useful in place of a file that hides an older
            // value from other stores.
            (Some(FileRelation::Newer), _) | (_, FallbackPolicy::Allow) => {
                is_evidence_of_keyring(error) || self.keyring_seen.is_recorded().await
            }
            (_, FallbackPolicy::Deny) => false,
        };
        if !may_be_in_keyring {
            return self.files.remove(key.as_str()).await;
        }
        self.files.write_tombstone(key.as_str(), selection.kind).await?;
        Ok(relation != Some(FileRelation::NoValue))
    }
}

/// Returns whether this failure proves that there is a keyring. `UNAVAILABLE` does not: some keyrings report with it that
/// they are absent.
fn is_evidence_of_keyring(error: &KeyringError) -> bool {
    matches!(error, KeyringError::Failed(error) if error.code() != Code::Unavailable)
}
