//! Returns whether a key has a value, and where the value is.

use super::fallback_reason::fallback_reason;
use super::get::hidden_by;
use super::selection::FileRelation;
use super::{FallbackPolicy, Key, SecureStore, StoredIn};
use crate::error::Result;
use crate::keyring::KeyringError;
use crate::telemetry::events::{Fallback, Operation};

/// Where a key was found; `Err` if it was not found, with the keyring's answer.
type Search = std::result::Result<StoredIn, Result<(), KeyringError>>;

impl SecureStore {
    /// Returns whether a key has a value; `false` only if it is known that neither keyring nor file holds one. No secret is
    /// read.
    ///
    /// # Errors
    ///
    /// `CORRUPT` for a bad key and for a malformed file; the keyring's error if it failed and there is no file.
    pub async fn has(&self, key: &str) -> Result<bool> {
        let mut operation = Operation::start("has");
        let parsed = Key::parse(key);
        let found = match &parsed {
            Ok(key) => self.search(key, &mut operation).await,
            Err(error) => Err(error.clone()),
        };
        let found = found.and_then(|search| match search {
            Ok(_) => Ok(true),
            Err(Ok(()) | Err(KeyringError::Absent(_))) => Ok(false),
            Err(Err(KeyringError::Failed(error))) => Err(error),
        });
        operation.finish(self.service(), parsed.ok().as_ref().map(Key::as_str), found)
    }

    /// Returns where the value is that [`SecureStore::get`] would return; `None` if it would return none. No secret is read.
    ///
    /// # Errors
    ///
    /// As [`SecureStore::get`].
    pub async fn locate(&self, key: &str) -> Result<Option<StoredIn>> {
        let mut operation = Operation::start("locate");
        let parsed = Key::parse(key);
        let found = match &parsed {
            Ok(key) => self.search(key, &mut operation).await,
            Err(error) => Err(error.clone()),
        };
        let found = found.and_then(|search| match search {
            Ok(stored_in) => Ok(Some(stored_in)),
            Err(answer) => hidden_by(answer).map_or(Ok(None), Err),
        });
        operation.finish(self.service(), parsed.ok().as_ref().map(Key::as_str), found)
    }

    async fn search(&self, key: &Key, operation: &mut Operation) -> Result<Search> {
        let selection = self.select().await;
        operation.record_keyring();
        let relation = match self.policy {
            FallbackPolicy::Allow => {
                let state = self.files.state(key.as_str()).await;
                selection.relation(state.inspect_err(|_| operation.record_file())?)
            }
            FallbackPolicy::Deny => FileRelation::NoValue,
        };
        match relation {
            FileRelation::Newer => {
                operation.record_fallback(Fallback::NewerFile);
                if selection.keyring().is_ok() {
                    // The file answers. The keyring is asked only for an error that ends every call, as `get` is ended by it.
                    let held = selection.contains(&self.service, key.as_str()).await;
                    let _ = self.record_outcome(held).await?;
                }
                return Ok(Ok(StoredIn::File));
            }
            FileRelation::Deleted => {
                operation.record_fallback(Fallback::NewerFile);
                self.carry_out_deletion(key, &selection).await?;
                return Ok(Err(Ok(())));
            }
            FileRelation::Older | FileRelation::NoValue => {}
        }
        let held = selection.contains(&self.service, key.as_str()).await;
        let answer = match (self.record_outcome(held).await?, self.policy) {
            (Ok(true), _) => return Ok(Ok(StoredIn::Keyring)),
            (Err(error), FallbackPolicy::Deny) => return Err(error.into_error()),
            (Ok(false), _) => Ok(()),
            (Err(error), FallbackPolicy::Allow) => Err(error),
        };
        if self.policy == FallbackPolicy::Allow {
            operation.record_fallback(fallback_reason(&answer));
        }
        match relation {
            FileRelation::Older => Ok(Ok(StoredIn::File)),
            _ => Ok(Err(answer)),
        }
    }
}
