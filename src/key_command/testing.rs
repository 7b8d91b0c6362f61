//! A fixture for the tests of this module: a command on a keyring in memory and a real directory.

use std::sync::Arc;

use tempfile::TempDir;

use super::{CommandResult, Context, KeyCommand, SavedNames};
use crate::fallback::FallbackDir;
use crate::fallback::machine::HostIdentity;
use crate::fs::lock::LockDir;
use crate::keyring::memory::MemoryKeyring;
use crate::provider_keys::{ProviderKeys, SERVICE};
use crate::secret::Secret;
use crate::store::{FallbackPolicy, KeyringProvider, SecureStore, SecureStoreConfig, SelectedKeyring};

/// A command, its keyring and its directory.
pub struct Fixture {
    pub command: KeyCommand,
    pub keyring: Arc<MemoryKeyring>,
    pub names: SavedNames,
    home: TempDir,
}

/// Returns a fixture with an empty, working keyring, no directory yet and policy `allow`.
pub fn fixture() -> Fixture {
    let (home, keyring) = (tempfile::tempdir().unwrap(), Arc::new(MemoryKeyring::default()));
    let identity = HostIdentity {
        hostname: "devbox".into(),
        username: "alice".into(),
    };
    let keys = ProviderKeys::new(Arc::new(SecureStore::new(SecureStoreConfig {
        service: SERVICE.to_owned(),
        files: FallbackDir::new(home.path().join("files"), SERVICE, identity),
        policy: FallbackPolicy::Allow,
        keyring: KeyringProvider::Known(SelectedKeyring::Os(keyring.clone())),
        limit: std::time::Duration::from_secs(30),
        locks: LockDir::new(home.path().join("locks")),
        data_dir: home.path().to_owned(),
    })));
    let names = SavedNames::default();
    Fixture {
        command: KeyCommand::new(Arc::new(keys), names.clone()),
        keyring,
        names,
        home,
    }
}

impl Fixture {
    /// Stores a key in the keyring without a command.
    pub fn plant(&self, name: &str, key: &str) {
        self.keyring.plant(SERVICE, name, key);
    }

    /// Returns the key with this name in the keyring.
    pub fn in_keyring(&self, name: &str) -> Option<Secret> {
        self.keyring.peek(SERVICE, name)
    }

    /// Replaces the directory by a file, so that it cannot be used.
    pub fn spoil_files(&self) {
        let path = self.home.path().join("files");
        let _ = std::fs::remove_dir_all(&path);
        std::fs::write(path, "").unwrap();
    }

    /// Returns whether there is a file for the name.
    pub fn has_file(&self, name: &str) -> bool {
        self.file(name).exists()
    }

    /// Writes a malformed file for the name.
    pub fn spoil_file(&self, name: &str) {
        std::fs::create_dir_all(self.home.path().join("files")).unwrap();
        std::fs::write(self.file(name), "not an envelope").unwrap();
    }

    /// Runs a command interactively.
    pub async fn run(&self, args: &str) -> CommandResult {
        self.command.run(args, Context::default()).await
    }

    /// Runs a command that the user has confirmed.
    pub async fn confirmed(&self, args: &str) -> CommandResult {
        let context = Context {
            confirmed: true,
            ..Context::default()
        };
        self.command.run(args, context).await
    }

    /// Runs a command non-interactively. `confirmed` is set, which must have no effect.
    pub async fn non_interactive(&self, args: &str) -> CommandResult {
        let context = Context {
            interactive: false,
            confirmed: true,
            raw: None,
        };
        self.command.run(args, context).await
    }

    fn file(&self, name: &str) -> std::path::PathBuf {
        self.home.path().join("files").join(format!("{name}.enc"))
    }
}
