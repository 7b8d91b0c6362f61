//! What an operation notes of its decisions for the log.

use super::{FallbackPolicy, Place};
use crate::keyring::KeyringError;
use crate::telemetry::events::{Answer, Fallback, Operation, Told};

/// Who answers, and why the files have to.
pub fn note<T>(operation: &mut Operation, answer: &Result<T, KeyringError>, policy: FallbackPolicy) {
    match (answer, policy) {
        (Ok(_), _) | (_, FallbackPolicy::Deny) => operation.uses_keyring(),
        (Err(_), FallbackPolicy::Allow) => operation.falls_back(why(answer)),
    }
}

/// Why the files are asked after this answer of the keyring.
pub fn why<T>(answer: &Result<T, KeyringError>) -> Fallback {
    match answer {
        Ok(_) => Fallback::NotInKeyring,
        Err(KeyringError::Absent(_)) => Fallback::NoKeyring,
        Err(KeyringError::Failed(error)) => Fallback::Failed(error.code()),
    }
}

impl Answer for Place {
    fn told(&self) -> Told {
        Told::OK
    }
}
