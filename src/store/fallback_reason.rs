//! The backend and the reason for a fallback, as the event of an operation reports them.

use super::{FallbackPolicy, StoredIn};
use crate::keyring::KeyringError;
use crate::telemetry::events::{Fallback, Operation, Outcome, OutcomeSummary};

/// Records which backend decides the result of an operation, and the reason for a fallback to the files.
pub fn record_backend<T>(operation: &mut Operation, outcome: &Result<T, KeyringError>, policy: FallbackPolicy) {
    match (outcome, policy) {
        (Ok(_), _) | (_, FallbackPolicy::Deny) => operation.record_keyring(),
        (Err(_), FallbackPolicy::Allow) => operation.record_fallback(fallback_reason(outcome)),
    }
}

/// Returns the reason for a fallback to the files after this outcome of a keyring call.
pub fn fallback_reason<T>(outcome: &Result<T, KeyringError>) -> Fallback {
    match outcome {
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
