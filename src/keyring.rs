//! The OS credential store: the trait [`Keyring`], its errors and its implementations.
//!
//! This module does I/O. `store` decides which value wins and when the encrypted files are used.

use std::future::Future;
use std::pin::Pin;

use crate::error::{Code, Error};
use crate::secret::Secret;

mod errors;
pub mod injected;
pub mod instrumented;
pub mod memory;
pub mod misconfigured;
pub mod os;
pub mod runtime_file;

/// A pending result. Dropping it cancels the call.
pub type Reply<'a, T> = Pin<Box<dyn Future<Output = Result<T, KeyringError>> + Send + 'a>>;

/// A pending batch of results, one per request, in the order of the requests.
pub type Replies<'a, T> = Pin<Box<dyn Future<Output = Vec<Result<T, KeyringError>>> + Send + 'a>>;

/// Why a keyring call failed.
///
/// `Absent` means that there is no secret behind the failure. `Failed` means that there may be one that cannot be reached
/// now.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyringError {
    /// There is no keyring: no bus, no service, or it is disabled. The code is `UNAVAILABLE`.
    #[error(transparent)]
    Absent(Error),
    /// There is a keyring, and it refused, timed out or broke. Only injected keyrings return `NOT_FOUND`; the others
    /// return `None` or `false` instead.
    #[error(transparent)]
    Failed(Error),
}

impl KeyringError {
    /// Creates the error of a keyring that does not exist.
    pub fn absent(message: impl Into<String>) -> Self {
        Self::Absent(Error::new(Code::Unavailable, message))
    }

    /// Creates the error of a keyring that failed with this code.
    pub fn failed(code: Code, message: impl Into<String>) -> Self {
        Self::Failed(Error::new(code, message))
    }

    /// Returns the error that the caller sees.
    pub fn error(&self) -> &Error {
        match self {
            Self::Absent(error) | Self::Failed(error) => error,
        }
    }

    /// Consumes `self` and returns the error that the caller sees.
    pub fn into_error(self) -> Error {
        match self {
            Self::Absent(error) | Self::Failed(error) => error,
        }
    }
}

/// Result of a write that was verified by reading the value back.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WriteOutcome {
    /// The keyring holds the value that was written.
    Verified,
    /// The keyring holds another value: another program wrote it in between.
    Conflict,
    /// The keyring holds no value (`None`), or could not be read.
    Unverified(Option<KeyringError>),
}

impl WriteOutcome {
    /// Compares the written value with the one that was read back.
    pub fn of_read_back(written: &Secret, read: Result<Option<Secret>, KeyringError>) -> Self {
        match read {
            Ok(Some(value)) if value == *written => Self::Verified,
            Ok(Some(_)) => Self::Conflict,
            Ok(None) => Self::Unverified(None),
            Err(error) if error.error().code() == Code::NotFound => Self::Unverified(None),
            Err(error) => Self::Unverified(Some(error)),
        }
    }
}

/// Result of a deletion that was verified by looking the account up again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeleteOutcome {
    /// The keyring held a value, which is deleted.
    Deleted,
    /// The keyring held no value.
    NotFound,
    /// The keyring still holds a value.
    Remains,
}

impl DeleteOutcome {
    /// Combines the result of the deletion with that of the check.
    pub fn new(was_there: bool, is_there: bool) -> Self {
        match (was_there, is_there) {
            (_, true) => Self::Remains,
            (true, false) => Self::Deleted,
            (false, false) => Self::NotFound,
        }
    }
}

/// An account that a keyring listed.
pub struct ListedAccount {
    /// The name of the account.
    pub name: String,
    /// Its secret, if the listing returned it.
    pub secret: Option<Secret>,
}

impl ListedAccount {
    /// Creates an account whose secret the listing did not return.
    pub fn without_secret(name: String) -> Self {
        Self { name, secret: None }
    }
}

/// A store of secrets by service and account.
///
/// Every call ends: an implementation enforces the time limit that it was created with, and returns `TIMEOUT` when it is
/// exceeded. Calls may run at the same time. A call that hangs does not delay the others.
pub trait Keyring: Send + Sync {
    /// Returns the secret of one account; `None` if there is none.
    fn get<'a>(&'a self, service: &'a str, account: &'a str) -> Reply<'a, Option<Secret>>;

    /// Returns whether a setting disables the keyring at the moment. Its calls then fail with [`KeyringError::Absent`].
    fn is_disabled(&self) -> bool {
        false
    }

    /// Returns whether the keyring can store a secret of this size. Does not call the keyring.
    fn accepts(&self, _secret: &Secret) -> bool {
        true
    }

    /// Stores or replaces the secret of one account.
    fn set<'a>(&'a self, service: &'a str, account: &'a str, secret: &'a Secret) -> Reply<'a, ()>;

    /// Stores or replaces the secret of one account and reads it back.
    ///
    /// The default makes two calls. A keyring that can send the read right behind the write overrides it.
    ///
    /// # Errors
    ///
    /// The error of the write. A read-back that fails is [`WriteOutcome::Unverified`], not an error.
    fn set_verified<'a>(&'a self, service: &'a str, account: &'a str, secret: &'a Secret) -> Reply<'a, WriteOutcome> {
        Box::pin(async move {
            self.set(service, account, secret).await?;
            Ok(WriteOutcome::of_read_back(secret, self.get(service, account).await))
        })
    }

    /// Returns whether the account exists. The secret is not read where the platform allows that.
    fn contains<'a>(&'a self, service: &'a str, account: &'a str) -> Reply<'a, bool> {
        Box::pin(async move { Ok(self.get(service, account).await?.is_some()) })
    }

    /// Deletes one account; `false` if there was none.
    fn delete<'a>(&'a self, service: &'a str, account: &'a str) -> Reply<'a, bool>;

    /// Deletes one account and checks that it is gone.
    ///
    /// The default makes two calls. A keyring that can send the check right behind the deletion overrides it.
    ///
    /// # Errors
    ///
    /// The error of the deletion or of the check.
    fn delete_verified<'a>(&'a self, service: &'a str, account: &'a str) -> Reply<'a, DeleteOutcome> {
        Box::pin(async move {
            let was_there = not_found_as_false(self.delete(service, account).await)?;
            let is_there = not_found_as_false(self.contains(service, account).await)?;
            Ok(DeleteOutcome::new(was_there, is_there))
        })
    }

    /// Returns the accounts of a service, in no particular order. The secrets are not read where the platform allows that.
    /// The list is empty if there are none, and if this keyring cannot list.
    fn accounts<'a>(&'a self, service: &'a str) -> Reply<'a, Vec<String>>;

    /// Returns the accounts of a service for a caller that wants their secrets too, in no particular order.
    ///
    /// The default lists the names alone. A keyring that returns names and secrets in one call overrides it.
    fn accounts_with_secrets<'a>(&'a self, service: &'a str) -> Reply<'a, Vec<ListedAccount>> {
        Box::pin(async move {
            let names = self.accounts(service).await?;
            Ok(names.into_iter().map(ListedAccount::without_secret).collect())
        })
    }

    /// Returns the secrets of many accounts, in the order of `accounts`. All requests are in flight at once.
    fn get_many<'a>(&'a self, service: &'a str, accounts: &'a [String]) -> Replies<'a, Option<Secret>>;
}

/// Treats a `NOT_FOUND` error as `false`.
fn not_found_as_false(result: Result<bool, KeyringError>) -> Result<bool, KeyringError> {
    match result {
        Err(error) if error.error().code() == Code::NotFound => Ok(false),
        result => result,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::memory::{FaultMode, MemoryKeyring};
    use super::*;

    /// A keyring that reports every deletion as successful and keeps the entry while `keeps` is set.
    struct Keeping {
        memory: MemoryKeyring,
        keeps: AtomicBool,
    }

    impl Keyring for Keeping {
        fn get<'a>(&'a self, service: &'a str, account: &'a str) -> Reply<'a, Option<Secret>> {
            self.memory.get(service, account)
        }
        fn set<'a>(&'a self, service: &'a str, account: &'a str, secret: &'a Secret) -> Reply<'a, ()> {
            self.memory.set(service, account, secret)
        }
        fn delete<'a>(&'a self, service: &'a str, account: &'a str) -> Reply<'a, bool> {
            match self.keeps.load(Ordering::Relaxed) {
                true => Box::pin(async { Ok(true) }),
                false => self.memory.delete(service, account),
            }
        }
        fn accounts<'a>(&'a self, service: &'a str) -> Reply<'a, Vec<String>> {
            self.memory.accounts(service)
        }
        fn get_many<'a>(&'a self, service: &'a str, accounts: &'a [String]) -> Replies<'a, Option<Secret>> {
            self.memory.get_many(service, accounts)
        }
    }

    #[tokio::test]
    async fn r3_6_a_deletion_that_leaves_the_entry_is_detected() {
        let keyring = Keeping {
            memory: MemoryKeyring::default(),
            keeps: AtomicBool::new(true),
        };
        keyring.memory.plant("svc", "key", "value");
        assert_eq!(keyring.delete_verified("svc", "key").await, Ok(DeleteOutcome::Remains));
        keyring.keeps.store(false, Ordering::Relaxed);
        assert_eq!(keyring.delete_verified("svc", "key").await, Ok(DeleteOutcome::Deleted));
        assert_eq!(keyring.delete_verified("svc", "key").await, Ok(DeleteOutcome::NotFound));
        keyring.memory.set_mode(FaultMode::Fails(Code::NotFound));
        assert_eq!(keyring.delete_verified("svc", "key").await, Ok(DeleteOutcome::NotFound));
        keyring.memory.set_mode(FaultMode::Fails(Code::Denied));
        let error = keyring.delete_verified("svc", "key").await.unwrap_err();
        assert_eq!(error.error().code(), Code::Denied);
    }
}
