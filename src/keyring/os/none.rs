//! A platform without a supported keyring: every call fails with `Absent`.

use std::time::Duration;

use super::Environment;
use crate::keyring::{DeleteOutcome, KeyringError, WriteOutcome};
use crate::secret::Secret;

pub(super) struct Backend;

impl Backend {
    pub(super) fn new(_environment: Environment, _limit: Duration) -> Self {
        Self
    }

    pub(super) async fn get(&self, _service: &str, _account: &str) -> Result<Option<Secret>, KeyringError> {
        Err(absent())
    }

    pub(super) async fn contains(&self, _service: &str, _account: &str) -> Result<bool, KeyringError> {
        Err(absent())
    }

    pub(super) async fn set(&self, _service: &str, _account: &str, _secret: &Secret) -> Result<(), KeyringError> {
        Err(absent())
    }

    pub(super) async fn delete(&self, _service: &str, _account: &str) -> Result<bool, KeyringError> {
        Err(absent())
    }

    pub(super) async fn set_verified(
        &self,
        _service: &str,
        _account: &str,
        _secret: &Secret,
    ) -> Result<WriteOutcome, KeyringError> {
        Err(absent())
    }

    pub(super) async fn delete_verified(&self, _service: &str, _account: &str) -> Result<DeleteOutcome, KeyringError> {
        Err(absent())
    }

    pub(super) async fn accounts(&self, _service: &str) -> Result<Vec<String>, KeyringError> {
        Err(absent())
    }

    pub(super) async fn get_many(
        &self,
        _service: &str,
        accounts: &[String],
    ) -> Vec<Result<Option<Secret>, KeyringError>> {
        accounts.iter().map(|_| Err(absent())).collect()
    }
}

fn absent() -> KeyringError {
    KeyringError::absent("This platform has no supported keyring")
}
