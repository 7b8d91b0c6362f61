//! What an operation notes of its decisions for the log.

use super::{FallbackPolicy, StoredIn};
use crate::keyring::KeyringError;
use crate::telemetry::events::{Fallback, Operation, Outcome, OutcomeSummary};

/// Who answers, and why the files have to.
pub fn record_backend<T>(operation: &mut Operation, answer: &Result<T, KeyringError>, policy: FallbackPolicy) {
    match (answer, policy) {
        (Ok(_), _) | (_, FallbackPolicy::Deny) => operation.record_keyring(),
        (Err(_), FallbackPolicy::Allow) => operation.record_fallback(fallback_reason(answer)),
    }
}

/// Why the files are asked after this answer of the keyring.
pub fn fallback_reason<T>(answer: &Result<T, KeyringError>) -> Fallback {
    match answer {
        Ok(_) => Fallback::NotInKeyring,
        Err(KeyringError::Absent(_)) => Fallback::NoKeyring,
        Err(KeyringError::Failed(error)) => Fallback::Failed(error.code()),
    }
}

impl Outcome for StoredIn {
    fn summary(&self) -> OutcomeSummary {
        OutcomeSummary::OK
    }
}
