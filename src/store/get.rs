//! Returns the value of a key.

use super::fallback_reason::fallback_reason;
use super::selection::{FileRelation, Selection};
use super::{FallbackPolicy, Key, SecureStore};
use crate::error::{Code, Error, Result};
use crate::keyring::KeyringError;
use crate::secret::Secret;
use crate::telemetry::events::{Fallback, Operation};

/// Maximum number of attempts of a read: the value may move between file and keyring during each.
const MAX_ATTEMPTS: usize = 5;

/// Result of one read.
enum ReadAttempt {
    Found(Secret),
    /// No value was found. The error is that of a keyring that may hold one.
    NotFound(Option<Error>),
    /// The value moved between file and keyring during the read.
    Moved,
}

impl SecureStore {
    /// Returns the value of a key; `None` if it is known that there is none, or if there is no keyring and no file.
    ///
    /// # Errors
    ///
    /// `CORRUPT` for a bad key and for a file that cannot be decrypted; the keyring's error if it failed and there is no file.
    pub async fn get(&self, key: &str) -> Result<Option<Secret>> {
        let mut operation = Operation::start("get");
        let parsed = Key::parse(key);
        let found = match &parsed {
            Ok(key) => self.get_now(key, &mut operation).await,
            Err(error) => Err(error.clone()),
        };
        operation.finish(self.service(), parsed.ok().as_ref().map(Key::as_str), found)
    }

    async fn get_now(&self, key: &Key, operation: &mut Operation) -> Result<Option<Secret>> {
        let selection = self.select().await;
        operation.record_keyring();
        if self.policy == FallbackPolicy::Deny {
            let found = selection.get(&self.service, key.as_str()).await;
            return self.record_outcome(found).await?.map_err(KeyringError::into_error);
        }
        for _ in 0..MAX_ATTEMPTS {
            match self.attempt(key, &selection, operation).await? {
                ReadAttempt::Found(value) => return Ok(Some(value)),
                ReadAttempt::NotFound(None) => return Ok(None),
                ReadAttempt::NotFound(Some(error)) => return Err(error),
                ReadAttempt::Moved => {}
            }
        }
        Err(Error::new(
            Code::Conflict,
            "The entry was changed repeatedly while it was being read",
        ))
    }

    async fn attempt(&self, key: &Key, selection: &Selection, operation: &mut Operation) -> Result<ReadAttempt> {
        let state = self.files.state(key.as_str()).await;
        let before = state.inspect_err(|_| operation.record_file())?;
        match selection.relation(before) {
            FileRelation::Newer if selection.keyring().is_ok() => {
                operation.record_fallback(Fallback::NewerFile);
                let value = self.sync_to_keyring(key, selection).await?;
                return Ok(value.map_or(ReadAttempt::Moved, ReadAttempt::Found));
            }
            FileRelation::Deleted => {
                operation.record_fallback(Fallback::NewerFile);
                self.carry_out_deletion(key, selection).await?;
                return Ok(ReadAttempt::NotFound(None));
            }
            FileRelation::Newer | FileRelation::Older | FileRelation::NoValue => operation.record_keyring(),
        }
        let answer = selection.get(&self.service, key.as_str()).await;
        let answer = match self.record_outcome(answer).await? {
            // If the keyring was killed while it created an entry, the entry has no value. The file has it then.
            Ok(Some(value)) if value.expose().is_empty() && self.files.state(key.as_str()).await? != before => {
                return Ok(ReadAttempt::Moved);
            }
            Ok(Some(value)) => return Ok(ReadAttempt::Found(value)),
            answer => answer,
        };
        operation.record_fallback(fallback_reason(&answer));
        // A keyring that failed is not called again for the machine secret.
        let files = match &answer {
            Ok(_) => self.files.clone(),
            Err(KeyringError::Absent(_)) => self.files.without_keyring(None),
            Err(KeyringError::Failed(error)) => self.files.without_keyring(Some(error.clone())),
        };
        match files.read(key.as_str()).await? {
            Some(stored) => Ok(ReadAttempt::Found(stored.value)),
            None if self.files.state(key.as_str()).await? != before => Ok(ReadAttempt::Moved),
            None => Ok(ReadAttempt::NotFound(hidden_by(answer))),
        }
    }
}

/// Returns the error of a keyring that may hold a value although none was found. An unavailable keyring holds none.
pub(super) fn hidden_by<T>(answer: Result<T, KeyringError>) -> Option<Error> {
    match answer {
        Err(KeyringError::Failed(error)) if error.code() != Code::Unavailable => Some(error),
        _ => None,
    }
}
