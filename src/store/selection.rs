//! The keyring of one operation, and the marks that concern it.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{KeyringProvider, SecureStore, SelectedKeyring};
use crate::error::Code;
use crate::fallback::{DirectoryListing, FileState, KeyringKind};
use crate::keyring::{DeleteOutcome, Keyring, KeyringError, ListedAccount};
use crate::secret::Secret;

/// The keyring that an operation uses, or the reason why there is none.
pub(super) struct Selection {
    keyring: Result<Arc<dyn Keyring>, KeyringError>,
    /// The kind that marks a file as newer than this keyring's value.
    pub kind: KeyringKind,
    /// A loader returned the keyring of the operating system. When it returns none, files are marked as newer than an
    /// injected keyring, so both kinds of marks concern this keyring.
    has_both_kinds: bool,
}

/// What the file of a key says about the keyring of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FileRelation {
    /// There is no file, or a tombstone that concerns another keyring.
    NoValue,
    /// A value that is not newer than the keyring's.
    Older,
    /// A value that is newer than the keyring's.
    Newer,
    /// A deletion that is newer than the keyring's value.
    Deleted,
}

impl SecureStore {
    /// Finds the keyring, once per store. A loader that takes too long is a failure of this operation alone.
    pub(super) async fn select(&self) -> Selection {
        let is_loaded = matches!(self.keyring, KeyringProvider::Loaded(_));
        let selected = self.keyring.selected(self.limit).await;
        let kind = match &selected {
            Ok(SelectedKeyring::Os(_)) => KeyringKind::Os,
            Ok(SelectedKeyring::Injected(_)) => KeyringKind::Injected,
            Ok(SelectedKeyring::Nothing) | Err(_) if is_loaded => KeyringKind::Injected,
            Ok(SelectedKeyring::Nothing) | Err(_) => KeyringKind::Os,
        };
        Selection {
            has_both_kinds: is_loaded && kind == KeyringKind::Os,
            kind,
            keyring: match selected {
                Ok(SelectedKeyring::Os(keyring) | SelectedKeyring::Injected(keyring)) => Ok(keyring),
                Ok(SelectedKeyring::Nothing) => Err(KeyringError::absent("No OS keyring is available")),
                Err(error) => Err(KeyringError::Failed(error)),
            },
        }
    }
}

impl Selection {
    /// Returns the keyring.
    ///
    /// # Errors
    ///
    /// The reason why there is none.
    pub fn keyring(&self) -> Result<&Arc<dyn Keyring>, KeyringError> {
        self.keyring.as_ref().map_err(Clone::clone)
    }

    /// Returns the value of an account; `None` if there is none.
    pub async fn get(&self, service: &str, account: &str) -> Result<Option<Secret>, KeyringError> {
        not_found_as(self.keyring()?.get(service, account).await, None)
    }

    /// Returns whether the account exists.
    pub async fn contains(&self, service: &str, account: &str) -> Result<bool, KeyringError> {
        not_found_as(self.keyring()?.contains(service, account).await, false)
    }

    /// Deletes an account and checks that it is gone.
    pub async fn delete(&self, service: &str, account: &str) -> Result<DeleteOutcome, KeyringError> {
        let outcome = self.keyring()?.delete_verified(service, account).await;
        not_found_as(outcome, DeleteOutcome::NotFound)
    }

    /// Returns the accounts of a service.
    pub async fn accounts(&self, service: &str) -> Result<Vec<String>, KeyringError> {
        not_found_as(self.keyring()?.accounts(service).await, Vec::new())
    }

    /// Returns the accounts of a service, with their secrets where one call brings both.
    pub async fn accounts_with_secrets(&self, service: &str) -> Result<Vec<ListedAccount>, KeyringError> {
        not_found_as(self.keyring()?.accounts_with_secrets(service).await, Vec::new())
    }

    /// Returns whether a file with this mark is newer than what this keyring holds.
    pub fn is_older_than(&self, mark: KeyringKind) -> bool {
        self.has_both_kinds || mark == self.kind
    }

    /// Returns the keys whose tombstones are newer than what this keyring holds.
    pub fn deleted_keys<'a>(&self, files: &'a DirectoryListing) -> BTreeSet<&'a str> {
        let deleted = files.deleted.iter().filter(|(_, mark)| self.is_older_than(*mark));
        deleted.map(|(key, _)| key.as_str()).collect()
    }

    /// Returns what the state of a file says about this keyring.
    pub fn relation(&self, state: FileState) -> FileRelation {
        match state {
            FileState::Value { newer_than: Some(mark) } if self.is_older_than(mark) => FileRelation::Newer,
            FileState::Deleted { newer_than } if self.is_older_than(newer_than) => FileRelation::Deleted,
            FileState::Value { .. } => FileRelation::Older,
            FileState::Absent | FileState::Deleted { .. } => FileRelation::NoValue,
        }
    }
}

/// Treats a `NOT_FOUND` error as an empty result: that is how some injected keyrings report it.
pub(super) fn not_found_as<T>(outcome: Result<T, KeyringError>, empty: T) -> Result<T, KeyringError> {
    match outcome {
        Err(error) if error.error().code() == Code::NotFound => Ok(empty),
        outcome => outcome,
    }
}
