//! The machine secret's place in the keyring (version 2 of the encrypted files).

use std::time::Duration;

use super::keyring_provider::KeyringProvider;
use crate::error::{Code, Error};
use crate::fallback::machine_secret::{Loading, MachineSecretLoader, decode};
use crate::keyring::KeyringError;

const SERVICE: &str = "llxprt-code-machine-secret";
const ACCOUNT: &str = "default";

/// Reads the machine secret from the keyring that the store itself uses. Never creates one there.
pub struct KeyringEntry {
    source: KeyringProvider,
    limit: Duration,
}

impl KeyringEntry {
    /// The entry in this keyring; finding the keyring may take `limit`.
    pub fn new(source: KeyringProvider, limit: Duration) -> Self {
        Self { source, limit }
    }
}

impl MachineSecretLoader for KeyringEntry {
    fn name(&self) -> &str {
        "the keyring (service llxprt-code-machine-secret, account default)"
    }

    fn load(&self) -> Loading<'_> {
        Box::pin(async move {
            let choice = self.source.choice(self.limit).await?;
            let Some(keyring) = choice.keyring() else {
                return Ok(None);
            };
            match keyring.get(SERVICE, ACCOUNT).await {
                Ok(Some(text)) => decode(text.expose()).map(Some).ok_or_else(unusable),
                Ok(None) | Err(KeyringError::Absent(_)) => Ok(None),
                Err(KeyringError::Failed(error)) if error.code() == Code::NotFound => Ok(None),
                Err(KeyringError::Failed(error)) => Err(error),
            }
        })
    }
}

fn unusable() -> Error {
    Error::new(
        Code::Corrupt,
        "The machine secret in the keyring is not 32 bytes in base64",
    )
    .with_remediation("Restore the keyring's entry llxprt-code-machine-secret. Re-save the key or re-authenticate")
}
