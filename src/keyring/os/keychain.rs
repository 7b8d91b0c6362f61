//! Keychain, on macOS: generic passwords in the login keychain, as the `keyring` family stores them.

use std::any::Any;
use std::collections::HashMap;

use apple_native_keyring_store::keychain::Store;
use keyring_core::api::CredentialStoreApi;
use keyring_core::{Entry, Error};
use security_framework::os::macos::keychain::SecKeychain;

use super::blocking::{self, Gate, Platform};
use crate::keyring::errors::{ErrorKind, os_status};

pub(super) type Backend = blocking::Backend<Keychain>;

pub(super) struct Keychain;

/// Of the process, as the prompt is: part of the named global "OS keyring connection".
static GATE: Gate = Gate::new();

impl Platform for Keychain {
    const NAME: &'static str = "The macOS keychain";

    fn entry(service: &str, account: &str) -> Result<Entry, Error> {
        Store::new()?.build(service, account, None)
    }

    fn accounts(service: &str) -> Result<Vec<String>, Error> {
        let entries = Store::new()?.search(&HashMap::from([("service", service)]))?;
        let accounts = entries.iter().filter_map(Entry::get_specifiers);
        Ok(accounts.map(|(_, account)| account).collect())
    }

    fn number(error: &Error) -> Option<(i64, ErrorKind)> {
        let (Error::PlatformFailure(inner) | Error::NoStorageAccess(inner)) = error else {
            return None;
        };
        let status = inner.downcast_ref::<security_framework::base::Error>()?.code();
        Some((status.into(), os_status(status)))
    }

    fn gate() -> Option<&'static Gate> {
        Some(&GATE)
    }

    /// Without a prompt a locked keychain answers errSecInteractionNotAllowed at once.
    fn silence() -> Box<dyn Any> {
        Box::new(SecKeychain::disable_user_interaction())
    }
}
