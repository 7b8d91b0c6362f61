//! `SecureStore`: the keyring first, the encrypted file second.
//!
//! This module decides (keyring or file, which error, which value wins) and does no I/O of its own.
//!
//! # Nothing acknowledged is lost or shadowed
//!
//! A value may be in two places. While the keyring works, a `set` that reached it removes the file, and its value wins over
//! the file's. When a `set` ends in the file because the keyring was missing or failed, the keyring may hold an older value
//! that it returns again later. Such a file is marked as newer, in the same atomic write as the value. A `delete` that does
//! not reach the keyring leaves a tombstone in place of the file: a file that is marked as newer and holds no value.
//!
//! A mark names the kind of keyring that was missing or failed. While a marked file is there, it decides what the key's value
//! is, and the next operation that reaches that keyring brings it up to date: under the key's lock, with the file read again
//! under that lock, the keyring is changed and only then the file removed. After a crash at any point, the newest
//! acknowledged change is in a marked file, or in the keyring with no marked file beside it.
//!
//! `get`, `has` and `list` take no lock. They look at the files before the keyring, because values move from files to the
//! keyring: a key that is missing in both was missing at some moment during the call.

mod batch;
mod change;
mod delete;
mod entries;
mod fallback_reason;
mod get;
mod has;
mod key;
mod keyring_provider;
mod keyring_seen;
mod machine_secret;
mod probe;
mod secret_store;
mod secure_store;
mod selection;
mod set;
mod sync_to_keyring;
#[cfg(test)]
pub mod testing;

pub use change::Change;
pub use key::Key;
pub use keyring_provider::{KeyringProvider, Loader, SelectedKeyring};
pub use machine_secret::KeyringEntry;
pub use probe::{PROBE_PREFIX, probe_keyring};
pub use secret_store::{SecretStore, StoreEntries, StoreEntry, StoreKeys};
pub use secure_store::{FallbackPolicy, SecureStore, SecureStoreConfig, StoredIn};
