//! Returns the value of a key.

use super::fallback_reason::fallback_reason;
use super::selection::{FileRelation, Selection};
use super::{FallbackPolicy, Key, SecureStore};
use crate::error::{Code, Error, Result};
use crate::keyring::KeyringError;
use crate::secret::Secret;
use crate::telemetry::events::{Fallback, Operation};

/// How often a read starts over because the value moved between file and keyring meanwhile.
const MAX_ATTEMPTS: usize = 5;

/// Result of one read.
enum ReadAttempt {
    Found(Secret),
    /// There is no value, as far as is known. The error is that of a keyring that may hold one.
    NotFound(Option<Error>),
    /// The value moved between file and keyring meanwhile.
    Moved,
}

impl SecureStore {
    /// Returns the value of a key; `None` if it is known that there is none, or if there is no keyring to ask.
    ///
    /// # Errors
    ///
    /// `CORRUPT` for a bad key and for a file that cannot be read back; the keyring's error if it failed and there is no file.
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
        let before = self.files.state(key.as_str()).await?;
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
        let asked = selection.get(&self.service, key.as_str()).await;
        let asked = match self.record_outcome(asked).await? {
            Ok(Some(value)) => return Ok(ReadAttempt::Found(value)),
            asked => asked,
        };
        operation.record_fallback(fallback_reason(&asked));
        // A keyring that failed is not asked again, now for the machine secret.
        let files = match &asked {
            Ok(_) => self.files.clone(),
            Err(KeyringError::Absent(_)) => self.files.without_keyring(None),
            Err(KeyringError::Failed(error)) => self.files.without_keyring(Some(error.clone())),
        };
        match files.read(key.as_str()).await? {
            Some(stored) => Ok(ReadAttempt::Found(stored.value)),
            None if self.files.state(key.as_str()).await? != before => Ok(ReadAttempt::Moved),
            None => Ok(ReadAttempt::NotFound(hidden_by(asked))),
        }
    }
}

/// The error of a keyring that may hold a value although none was found. A keyring that is unavailable holds none.
pub(super) fn hidden_by<T>(asked: Result<T, KeyringError>) -> Option<Error> {
    match asked {
        Err(KeyringError::Failed(error)) if error.code() != Code::Unavailable => Some(error),
        _ => None,
    }
}
