//! The states and results that a directory of encrypted files reports.

use super::envelope::{Envelope, NONCE_LEN, TAG_LEN};
use super::keyring_kind::KeyringKind;
use crate::secret::Secret;
use crate::telemetry::events::{Outcome, OutcomeSummary};

/// The state of a key's file, which is known without decrypting it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileState {
    /// There is no file.
    Absent,
    /// The file holds a value.
    Value {
        /// The kind of keyring that may hold an older value.
        newer_than: Option<KeyringKind>,
    },
    /// The file is a tombstone: the key was deleted while a keyring could not be reached.
    Deleted {
        /// The kind of keyring that may still hold a value.
        newer_than: KeyringKind,
    },
}

/// A value read from its file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredValue {
    /// The decrypted value.
    pub value: Secret,
    /// The kind of keyring that may hold an older value.
    pub newer_than: Option<KeyringKind>,
    /// The revision of the file that was read.
    pub revision: FileRevision,
}

/// Identifies one write of a file: no two writes have the same revision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileRevision {
    nonce: [u8; NONCE_LEN],
    tag: [u8; TAG_LEN],
    newer_than: Option<KeyringKind>,
}

impl FileRevision {
    /// Returns the revision of a file with this envelope.
    pub(super) fn of(envelope: &Envelope, newer_than: Option<KeyringKind>) -> Self {
        Self {
            nonce: envelope.nonce,
            tag: envelope.tag,
            newer_than,
        }
    }
}

/// The keys that have a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DirectoryListing {
    /// Keys with a value, sorted. Includes keys whose file cannot be read.
    pub keys: Vec<String>,
    /// Keys with a tombstone, sorted, each with the kind of keyring that may still hold a value.
    pub deleted: Vec<(String, KeyringKind)>,
}

impl Outcome for FileState {
    fn summary(&self) -> OutcomeSummary {
        (*self != Self::Absent).summary()
    }
}

impl Outcome for DirectoryListing {
    fn summary(&self) -> OutcomeSummary {
        OutcomeSummary {
            count: Some(self.keys.len() as u64),
            ..OutcomeSummary::OK
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r8_a_missing_file_is_absent_in_events_and_a_listing_says_how_many_keys_it_has() {
        let value = FileState::Value { newer_than: None };
        let outcomes = [FileState::Absent, value].map(|state| state.summary().outcome);
        assert_eq!(outcomes, ["absent", "ok"]);
        let listing = DirectoryListing {
            keys: vec!["a".to_owned(), "b".to_owned()],
            ..DirectoryListing::default()
        };
        assert_eq!(listing.summary().count, Some(2));
    }
}
