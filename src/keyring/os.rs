//! The keyring of the operating system: Keychain, Credential Manager, Secret Service.
//!
//! Each platform has its own module. This module holds the shared parts.

use std::sync::Arc;
use std::time::Duration;

#[cfg(all(unix, not(any(target_vendor = "apple", target_os = "android"))))]
use super::ListedAccount;
use super::runtime_file::RuntimeFile;
use super::{DeleteOutcome, Keyring, KeyringError, Replies, Reply, WriteOutcome};
use crate::error::Code;
use crate::secret::Secret;

mod environment;

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
mod credential_limit;

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

pub use environment::Environment;

/// A handle on the OS keyring with its own time limit. Handles on the same bus share one connection.
///
/// Entries are found by service and account as the `keyring` family of crates stores them, so every program that uses one of
/// them, from Rust or through a binding, can read, replace and delete the entries of the others.
///
/// Calls must be made on a tokio runtime with time and I/O enabled. The shared connection lives on the runtime of the call
/// that opened it, so a process should have one runtime. A connection whose runtime is gone is noticed and replaced.
///
/// # Errors
///
/// - A missing entry is `None`, `false` or an empty list, never `NOT_FOUND`.
/// - Without a keyring, calls fail with [`KeyringError::Absent`]. For an address that leads nowhere this takes at most one
///   second.
/// - A keyring that answered before in this process and is gone is `UNAVAILABLE`, because it may hold a secret.
/// - A locked keyring is `LOCKED`, within milliseconds once this process has used its one prompt.
/// - A dismissed prompt or a refused access is `DENIED`.
/// - A call without an answer within the limit is `TIMEOUT`. It is cancelled, and the next call opens a new connection.
/// - A value that is not UTF-8 text is `CORRUPT`.
/// - A value that is too long for the platform (Windows: 2,560 bytes as UTF-16) is `UNAVAILABLE`, so that the store writes
///   its file instead.
/// - `RUNTIME_REPLACED` if the file of the running program was deleted (checked on macOS by default). The keyring is not
///   asked.
pub struct OsKeyring {
    backend: platform::Backend,
    runtime_file: Option<Arc<RuntimeFile>>,
}

impl OsKeyring {
    /// Creates a handle whose calls end after `limit`. The first call connects.
    pub fn new(environment: Environment, limit: Duration) -> Self {
        Self {
            backend: platform::Backend::new(environment, limit),
            runtime_file: RuntimeFile::of_this_process(),
        }
    }

    /// Fails all calls with `RUNTIME_REPLACED` once this file is deleted.
    pub fn with_runtime_file(self, runtime_file: Arc<RuntimeFile>) -> Self {
        Self {
            runtime_file: Some(runtime_file),
            ..self
        }
    }

    /// Checks what every call requires: that the program's file is there, and that no name holds a NUL character. Every
    /// platform ends a name there, and would use another entry.
    fn check<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> Result<(), KeyringError> {
        if let Some(runtime_file) = &self.runtime_file {
            runtime_file.check()?;
        }
        match names.into_iter().any(|name| name.contains('\0')) {
            true => Err(KeyringError::failed(
                Code::Corrupt,
                "A keyring entry's service and account cannot contain NUL",
            )),
            false => Ok(()),
        }
    }
}

impl Keyring for OsKeyring {
    #[cfg(windows)]
    fn accepts(&self, secret: &Secret) -> bool {
        credential_limit::fits(secret.expose())
    }

    fn get<'a>(&'a self, service: &'a str, account: &'a str) -> Reply<'a, Option<Secret>> {
        Box::pin(async move {
            self.check([service, account])?;
            self.backend.get(service, account).await
        })
    }

    fn contains<'a>(&'a self, service: &'a str, account: &'a str) -> Reply<'a, bool> {
        Box::pin(async move {
            self.check([service, account])?;
            self.backend.contains(service, account).await
        })
    }

    fn set<'a>(&'a self, service: &'a str, account: &'a str, secret: &'a Secret) -> Reply<'a, ()> {
        Box::pin(async move {
            self.check([service, account])?;
            self.backend.set(service, account, secret).await
        })
    }

    fn set_verified<'a>(&'a self, service: &'a str, account: &'a str, secret: &'a Secret) -> Reply<'a, WriteOutcome> {
        Box::pin(async move {
            self.check([service, account])?;
            self.backend.set_verified(service, account, secret).await
        })
    }

    fn delete<'a>(&'a self, service: &'a str, account: &'a str) -> Reply<'a, bool> {
        Box::pin(async move {
            self.check([service, account])?;
            self.backend.delete(service, account).await
        })
    }

    fn delete_verified<'a>(&'a self, service: &'a str, account: &'a str) -> Reply<'a, DeleteOutcome> {
        Box::pin(async move {
            self.check([service, account])?;
            self.backend.delete_verified(service, account).await
        })
    }

    fn accounts<'a>(&'a self, service: &'a str) -> Reply<'a, Vec<String>> {
        Box::pin(async move {
            self.check([service])?;
            self.backend.accounts(service).await
        })
    }

    #[cfg(all(unix, not(any(target_vendor = "apple", target_os = "android"))))]
    fn accounts_with_secrets<'a>(&'a self, service: &'a str) -> Reply<'a, Vec<ListedAccount>> {
        Box::pin(async move {
            self.check([service])?;
            self.backend.accounts_with_secrets(service).await
        })
    }

    fn get_many<'a>(&'a self, service: &'a str, accounts: &'a [String]) -> Replies<'a, Option<Secret>> {
        Box::pin(async move {
            let names = accounts.iter().map(String::as_str).chain([service]);
            match self.check(names) {
                Ok(()) => self.backend.get_many(service, accounts).await,
                Err(error) => accounts.iter().map(|_| Err(error.clone())).collect(),
            }
        })
    }
}
