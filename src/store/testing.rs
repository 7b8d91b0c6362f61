//! A store for the tests of the modules that are built on it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::{FallbackPolicy, KeyringProvider, SecureStore, SecureStoreConfig, SelectedKeyring};
use crate::fallback::FallbackDir;
use crate::fallback::machine::HostIdentity;
use crate::fs::lock::LockDir;
use crate::keyring::memory::{FaultMode, MemoryKeyring};

/// Returns a store with its files in `dir`, and its keyring in the given mode.
pub fn store(service: &str, dir: &Path, policy: FallbackPolicy, mode: FaultMode) -> (SecureStore, Arc<MemoryKeyring>) {
    let keyring = Arc::new(MemoryKeyring::default());
    keyring.set_mode(mode);
    let identity = HostIdentity {
        hostname: "host".to_owned(),
        username: "user".to_owned(),
    };
    let store = SecureStore::new(SecureStoreConfig {
        service: service.to_owned(),
        files: FallbackDir::new(dir.to_owned(), service, identity),
        policy,
        keyring: KeyringProvider::Known(SelectedKeyring::Os(keyring.clone())),
        limit: Duration::from_secs(5),
        locks: LockDir::new(dir.join("locks")),
        data_dir: dir.to_owned(),
    });
    (store, keyring)
}
