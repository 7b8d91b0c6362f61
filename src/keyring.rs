//! The OS credential store: one small trait, its errors, and who implements it.
//!
//! Everything here does I/O and decides nothing: which value wins, and when the encrypted files are asked, is `store`'s.

use std::future::Future;
use std::pin::Pin;

use crate::error::{Code, Error};
use crate::secret::Secret;

mod errors;
pub mod injected;
pub mod instrumented;
pub mod memory;
pub mod os;

/// An answer that is on its way. Dropping it gives the call up.
pub type Reply<'a, T> = Pin<Box<dyn Future<Output = Result<T, KeyringError>> + Send + 'a>>;

/// Many answers that are on their way together, one for each question.
pub type Replies<'a, T> = Pin<Box<dyn Future<Output = Vec<Result<T, KeyringError>>> + Send + 'a>>;

/// Why a keyring gave no answer.
///
/// The two differ in what may be behind them: nothing at all, or a secret that cannot be reached just now.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyringError {
    /// There is no keyring to ask: no bus, no service, switched off. No error in itself (R1); the code is `UNAVAILABLE`.
    #[error(transparent)]
    Absent(Error),
    /// There is one, and it refused, hung or broke. `NOT_FOUND` comes from injected keyrings alone, that say by an error
    /// what others say by `None` or `false`.
    #[error(transparent)]
    Failed(Error),
}

impl KeyringError {
    /// There is no keyring, and this is why.
    pub fn absent(message: impl Into<String>) -> Self {
        Self::Absent(Error::new(Code::Unavailable, message))
    }

    /// The keyring failed with this code.
    pub fn failed(code: Code, message: impl Into<String>) -> Self {
        Self::Failed(Error::new(code, message))
    }

    /// The error a caller gets to see.
    pub fn error(&self) -> &Error {
        match self {
            Self::Absent(error) | Self::Failed(error) => error,
        }
    }

    /// The same, taken over.
    pub fn into_error(self) -> Error {
        match self {
            Self::Absent(error) | Self::Failed(error) => error,
        }
    }
}

/// What reading a value back after writing it showed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WriteOutcome {
    /// The keyring holds the value that was written.
    Verified,
    /// The keyring holds another value: another program wrote it in between.
    Conflict,
    /// The keyring holds no value, or could not be read. `None` means that it answered "not there".
    Unverified(Option<KeyringError>),
}

impl WriteOutcome {
    /// Compares what was written with what was read back.
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

/// A store of secrets by service and account.
///
/// Every call ends: an implementation keeps the time limit it was made with and answers `TIMEOUT` when it is over.
/// Calls may be in flight at the same time, and a call that hangs costs no other caller anything.
pub trait Keyring: Send + Sync {
    /// The secret of one account; `None` when there is none.
    fn get<'a>(&'a self, service: &'a str, account: &'a str) -> Reply<'a, Option<Secret>>;

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

    /// Whether there is such an account; its secret is not read where the platform allows.
    fn contains<'a>(&'a self, service: &'a str, account: &'a str) -> Reply<'a, bool> {
        Box::pin(async move { Ok(self.get(service, account).await?.is_some()) })
    }

    /// Removes one account; `false` when there was none.
    fn delete<'a>(&'a self, service: &'a str, account: &'a str) -> Reply<'a, bool>;

    /// The accounts of a service, in no particular order, without reading their secrets where the platform allows.
    /// Empty when there are none, and when this keyring cannot enumerate.
    fn accounts<'a>(&'a self, service: &'a str) -> Reply<'a, Vec<String>>;

    /// The secrets of many accounts, in the order asked for, with all requests in flight at once.
    fn get_many<'a>(&'a self, service: &'a str, accounts: &'a [String]) -> Replies<'a, Option<Secret>>;
}
