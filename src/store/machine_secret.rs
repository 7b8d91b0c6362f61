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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::SelectedKeyring;
    use super::*;
    use crate::fallback::machine_secret::encode;
    use crate::keyring::memory::{FaultMode, MemoryKeyring};

    const LIMIT: Duration = Duration::from_secs(20);

    struct Home {
        dir: tempfile::TempDir,
        keyring: Arc<MemoryKeyring>,
    }

    impl Home {
        fn new() -> Self {
            Self {
                dir: tempfile::tempdir().unwrap(),
                keyring: Arc::default(),
            }
        }

        fn locks(&self) -> LockDir {
            LockDir::new(self.dir.path().join("locks"))
        }

        fn entry(&self) -> KeyringEntry {
            let keyring = SelectedKeyring::Os(self.keyring.clone());
            KeyringEntry::new(KeyringProvider::Known(keyring), LIMIT, self.locks())
        }
    }

    fn secret(n: u8) -> Secret {
        encode(&[n; 32])
    }

    fn outcome(result: Result<Option<Zeroizing<Vec<u8>>>>) -> Result<Option<Vec<u8>>, Code> {
        result
            .map(|secret| secret.map(|secret| secret.to_vec()))
            .map_err(|error| error.code())
    }

    #[tokio::test]
    async fn r4_3_the_entry_is_loaded_and_a_damaged_one_or_a_failing_keyring_is_an_error() {
        let home = Home::new();
        let entry = home.entry();
        assert!(entry.name().contains(SERVICE));
        assert_eq!(outcome(entry.load().await), Ok(None));
        home.keyring.plant(SERVICE, ACCOUNT, secret(7).expose());
        assert_eq!(outcome(entry.load().await), Ok(Some(vec![7; 32])));
        for (mode, expected) in [
            (FaultMode::Absent, Ok(None)),
            (FaultMode::Fails(Code::NotFound), Ok(None)),
            (FaultMode::Fails(Code::Locked), Err(Code::Locked)),
        ] {
            home.keyring.set_mode(mode);
            assert_eq!(outcome(entry.load().await), expected, "{mode:?}");
        }
        home.keyring.set_mode(FaultMode::Works);
        home.keyring.plant(SERVICE, ACCOUNT, "not a secret");
        assert_eq!(outcome(entry.load().await), Err(Code::Corrupt));
    }

    #[tokio::test]
    async fn r4_3_a_secret_is_created_once_and_never_overwritten() {
        let home = Home::new();
        let entry = home.entry();
        assert_eq!(outcome(entry.create(&secret(1)).await), Ok(Some(vec![1; 32])));
        assert_eq!(outcome(entry.create(&secret(2)).await), Ok(Some(vec![1; 32])));
        assert_eq!(home.keyring.peek(SERVICE, ACCOUNT), Some(secret(1)));
        home.keyring.set_mode(FaultMode::Fails(Code::Denied));
        assert_eq!(outcome(entry.create(&secret(2)).await), Err(Code::Denied));
        let none = KeyringEntry::new(KeyringProvider::Known(SelectedKeyring::Nothing), LIMIT, home.locks());
        assert_eq!(outcome(none.create(&secret(2)).await), Ok(None));
        assert_eq!(outcome(none.load().await), Ok(None));
    }

    #[tokio::test(start_paused = true)]
    async fn r4_3_while_another_process_creates_the_secret_none_is_created() {
        let home = Home::new();
        let _lock = home.locks().lock(SERVICE, ACCOUNT, LIMIT).await.unwrap();
        assert_eq!(outcome(home.entry().create(&secret(1)).await), Err(Code::Timeout));
        assert_eq!(home.keyring.peek(SERVICE, ACCOUNT), None);
    }

    #[tokio::test]
    async fn r4_3_where_there_can_be_no_lock_a_secret_is_created_all_the_same() {
        let home = Home::new();
        std::fs::write(home.dir.path().join("locks"), "not a directory").unwrap();
        assert_eq!(outcome(home.entry().create(&secret(1)).await), Ok(Some(vec![1; 32])));
    }
}
