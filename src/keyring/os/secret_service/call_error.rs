//! Why a call on the Secret Service failed.

use crate::error::Code;
use crate::keyring::errors::{ErrorKind, zbus_error};
use crate::secret::Secret;

/// The kind of a failure, and a sentence that describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CallError {
    pub(super) kind: ErrorKind,
    pub(super) message: String,
}

/// The secret of an account; `None` if there is none.
pub(super) type ReadResult = Result<Option<Secret>, CallError>;

impl CallError {
    pub(super) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { kind, message }
    }

    pub(super) fn failed(code: Code, message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Failed(code), message)
    }

    pub(super) fn locked() -> Self {
        Self::failed(Code::Locked, "The keyring is locked")
    }

    pub(super) fn timed_out() -> Self {
        Self::failed(Code::Timeout, "The keyring did not answer in time")
    }

    /// The service returned an item whose attributes are not the wanted ones. Searching again may find the right one.
    pub(super) fn wrong_item() -> Self {
        Self::new(ErrorKind::ItemDeleted, "The keyring returned the item of another key")
    }

    /// Returns whether the connection or the session can no longer be used.
    pub(super) fn ends_session(&self) -> bool {
        matches!(self.kind, ErrorKind::Unreachable | ErrorKind::SessionExpired)
    }
}

impl From<zbus::Error> for CallError {
    fn from(error: zbus::Error) -> Self {
        let (kind, message) = zbus_error(&error);
        Self { kind, message }
    }
}

impl From<getrandom::Error> for CallError {
    fn from(error: getrandom::Error) -> Self {
        Self::failed(
            Code::Unavailable,
            format!("The system returned no random numbers: {error}"),
        )
    }
}
