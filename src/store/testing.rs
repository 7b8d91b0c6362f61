//! A store for the tests of what is built on it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::{Choice, FallbackPolicy, Parts, SecureStore, Source};
use crate::fallback::FallbackDir;
use crate::fallback::machine::HostIdentity;
use crate::keyring::memory::{MemoryKeyring, Mood};

/// A store with its files in `dir`, and its keyring, in that mood.
pub fn store(service: &str, dir: &Path, policy: FallbackPolicy, mood: Mood) -> (SecureStore, Arc<MemoryKeyring>) {
    let keyring = Arc::new(MemoryKeyring::default());
    keyring.becomes(mood);
    let identity = HostIdentity {
        hostname: "host".to_owned(),
        username: "user".to_owned(),
    };
    let store = SecureStore::new(Parts {
        service: service.to_owned(),
        files: FallbackDir::new(dir.to_owned(), service, identity),
        policy,
        keyring: Source::Known(Choice::Os(keyring.clone())),
        limit: Duration::from_secs(5),
    });
    (store, keyring)
}
