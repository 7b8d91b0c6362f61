//! A store for the tests of the modules that are built on it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;

use super::{FallbackPolicy, KeyringProvider, SecureStore, SecureStoreConfig, SelectedKeyring};
use crate::error::Result;
use crate::fallback::FallbackDir;
use crate::fallback::machine::HostIdentity;
use crate::fs::lock::LockDir;
use crate::keyring::memory::{FaultMode, MemoryKeyring};

/// Returns the result of an operation that must be complete when it is first polled, as one that waits for no other thread.
///
/// # Panics
///
/// If the operation is not complete, or fails.
pub fn at_once<T>(operation: impl Future<Output = Result<T>>) -> T {
    let result = operation
        .now_or_never()
        .expect("the operation waits for another thread");
    result.expect("the operation succeeds")
}

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
