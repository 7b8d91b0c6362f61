//! The keyring of the operating system: Keychain, Credential Manager, Secret Service.
//!
//! A room per platform holds the calls; this one holds what they share: who they are, and when they end.

use std::path::PathBuf;
use std::time::Duration;

use super::{Keyring, KeyringError, Replies, Reply};
use crate::error::Code;
use crate::secret::Secret;

#[cfg(all(unix, not(any(target_vendor = "apple", target_os = "android"))))]
mod secret_service;

#[cfg(target_os = "macos")]
mod keychain;

#[cfg(windows)]
mod credential_manager;

#[cfg(not(any(
    windows,
    target_os = "macos",
    all(unix, not(any(target_vendor = "apple", target_os = "android")))
)))]
mod none;

#[cfg(any(test, windows, target_os = "macos"))]
mod blocking;

#[cfg(any(test, windows))]
mod target_name;

#[cfg(windows)]
use credential_manager as platform;
#[cfg(target_os = "macos")]
use keychain as platform;
#[cfg(not(any(
    windows,
    target_os = "macos",
    all(unix, not(any(target_vendor = "apple", target_os = "android")))
)))]
use none as platform;
#[cfg(all(unix, not(any(target_vendor = "apple", target_os = "android"))))]
use secret_service as platform;

/// What the OS keyring needs to know of the environment; read by whoever builds it, never looked up inside.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Environment {
    /// `DBUS_SESSION_BUS_ADDRESS`, where it is set. An empty one means "no bus".
    pub session_bus_address: Option<String>,
    /// `XDG_RUNTIME_DIR`: where the bus listens when no address is given (`<dir>/bus`).
    pub runtime_dir: Option<PathBuf>,
}

/// A handle on the OS keyring with a time limit of its own. Handles on the same bus share one connection.
///
/// Entries are found by service and account as the `keyring` family stores them (`@napi-rs/keyring` is a member), so
/// that every program of the family reads, replaces and deletes what the others wrote.
///
/// Calls must be made on a tokio runtime with time and I/O enabled. The shared connection lives on the runtime of the
/// call that opened it: a process should have one. A connection whose runtime is gone is noticed and replaced.
///
/// What comes back:
/// - nothing stored: `None`, `false`, an empty list; never `NOT_FOUND`
/// - no keyring that could be asked: [`KeyringError::Absent`]; for an address that points nowhere within one second
/// - a keyring that had answered in this process and is gone: `UNAVAILABLE`, as a secret may be behind it
/// - locked, and this process has used up its one prompt (R7B): `LOCKED`, within milliseconds
/// - the user dismissed the prompt, or access was refused: `DENIED`
/// - no answer within the limit: `TIMEOUT`. The call is dropped, and the next one gets a fresh connection
/// - a value that is no UTF-8 text: `CORRUPT`
/// - a value the platform has no room for (Windows: 2,560 bytes as UTF-16): `UNAVAILABLE`, so that the store above
///   writes its file instead
pub struct OsKeyring(platform::Backend);

impl OsKeyring {
    /// A handle whose calls end after `limit`. Connects at the first call, not here.
    pub fn new(environment: Environment, limit: Duration) -> Self {
        Self(platform::Backend::new(environment, limit))
    }
}

impl Keyring for OsKeyring {
    fn get<'a>(&'a self, service: &'a str, account: &'a str) -> Reply<'a, Option<Secret>> {
        Box::pin(async move {
            check([service, account])?;
            self.0.get(service, account).await
        })
    }

    fn contains<'a>(&'a self, service: &'a str, account: &'a str) -> Reply<'a, bool> {
        Box::pin(async move {
            check([service, account])?;
            self.0.contains(service, account).await
        })
    }

    fn set<'a>(&'a self, service: &'a str, account: &'a str, secret: &'a Secret) -> Reply<'a, ()> {
        Box::pin(async move {
            check([service, account])?;
            self.0.set(service, account, secret).await
        })
    }

    fn delete<'a>(&'a self, service: &'a str, account: &'a str) -> Reply<'a, bool> {
        Box::pin(async move {
            check([service, account])?;
            self.0.delete(service, account).await
        })
    }

    fn accounts<'a>(&'a self, service: &'a str) -> Reply<'a, Vec<String>> {
        Box::pin(async move {
            check([service])?;
            self.0.accounts(service).await
        })
    }

    fn get_many<'a>(&'a self, service: &'a str, accounts: &'a [String]) -> Replies<'a, Option<Secret>> {
        Box::pin(async move {
            let names = accounts.iter().map(String::as_str).chain([service]);
            match check(names) {
                Ok(()) => self.0.get_many(service, accounts).await,
                Err(error) => accounts.iter().map(|_| Err(error.clone())).collect(),
            }
        })
    }
}

/// A name ends at its first NUL on every platform: what follows would be lost, and another entry meant.
fn check<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<(), KeyringError> {
    match names.into_iter().any(|name| name.contains('\0')) {
        true => Err(KeyringError::failed(
            Code::Corrupt,
            "A keyring entry's service and account cannot contain NUL",
        )),
        false => Ok(()),
    }
}
