//! The machine secret's entry in the keyring.

use std::time::Duration;

use zeroize::Zeroizing;

use super::keyring_provider::KeyringProvider;
use crate::error::{Code, Error, Result};
use crate::fallback::machine_secret::{MachineSecretKeyring, MachineSecretLoader, SecretFuture, decode};
use crate::fs::lock::LockDir;
use crate::keyring::{KeyringError, WriteOutcome};
use crate::secret::Secret;

const SERVICE: &str = "llxprt-code-machine-secret";
const ACCOUNT: &str = "default";

/// The machine secret in the keyring that the store itself uses.
pub struct KeyringEntry {
    source: KeyringProvider,
    limit: Duration,
    locks: LockDir,
}

impl KeyringEntry {
    /// Returns the entry in this keyring. Finding the keyring, and waiting for another process that creates the secret, may take
    /// `limit` each.
    pub fn new(source: KeyringProvider, limit: Duration, locks: LockDir) -> Self {
        Self { source, limit, locks }
    }

    async fn read(&self) -> Result<Option<Zeroizing<Vec<u8>>>> {
        let selected = self.source.selected(self.limit).await?;
        let Some(keyring) = selected.keyring() else {
            return Ok(None);
        };
        match keyring.get(SERVICE, ACCOUNT).await {
            Ok(Some(text)) => decode(text.expose()).map(Some).ok_or_else(unusable),
            Ok(None) | Err(KeyringError::Absent(_)) => Ok(None),
            Err(KeyringError::Failed(error)) if error.code() == Code::NotFound => Ok(None),
            Err(KeyringError::Failed(error)) => Err(error),
        }
    }
}

impl MachineSecretLoader for KeyringEntry {
    fn name(&self) -> &str {
        "the keyring (service llxprt-code-machine-secret, account default)"
    }

    fn load(&self) -> SecretFuture<'_> {
        Box::pin(self.read())
    }
}

impl MachineSecretKeyring for KeyringEntry {
    fn create<'a>(&'a self, secret: &'a Secret) -> SecretFuture<'a> {
        Box::pin(async move {
            let selected = self.source.selected(self.limit).await?;
            let Some(keyring) = selected.keyring() else {
                return Ok(None);
            };
            // Of several processes one creates the secret, or a file would be sealed with one that is overwritten.
            let _lock = match self.locks.lock(SERVICE, ACCOUNT, self.limit).await {
                Err(error) if error.code() != Code::Unavailable => return Err(error),
                lock => lock.ok(),
            };
            if let Some(existing) = self.read().await? {
                return Ok(Some(existing));
            }
            match keyring.set_verified(SERVICE, ACCOUNT, secret).await {
                Ok(WriteOutcome::Verified) => Ok(decode(secret.expose())),
                Ok(WriteOutcome::Conflict) => self.read().await,
                Ok(_) => Ok(None),
                Err(error) => Err(error.into_error()),
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
