//! Credential Manager, on Windows: generic credentials, as the `keyring` family stores them.
//!
//! The target name is `<account>.<service>`, the password UTF-16, at most 2,560 bytes of it. Target names are not
//! case-sensitive: two accounts that differ only in case share one credential.

use std::any::Any;
use std::collections::HashMap;

use keyring_core::api::CredentialStoreApi;
use keyring_core::{Entry, Error};
use windows_native_keyring_store::Store;

use super::blocking::{self, Gate, Platform};
use super::target_name::account_of;
use crate::keyring::errors::{ErrorKind, windows_error};

pub(super) type Backend = blocking::Backend<CredentialManager>;

pub(super) struct CredentialManager;

impl Platform for CredentialManager {
    const NAME: &'static str = "Windows Credential Manager";

    fn entry(service: &str, account: &str) -> Result<Entry, Error> {
        Store::new()?.build(service, account, None)
    }

    fn accounts(service: &str) -> Result<Vec<String>, Error> {
        let entries = Store::new()?.search(&HashMap::new())?;
        let accounts = entries.iter().filter_map(|entry| {
            // The store splits a target name at its last dot.
            let (tail, head) = entry.get_specifiers()?;
            let target = format!("{head}.{tail}");
            account_of(&target, None, service)?;
            // Asked only of those that may be ours; one that is gone by now is nobody's.
            let user = match entry.get_attributes() {
                Ok(attributes) => attributes.get("username").cloned(),
                Err(Error::NoEntry) => return None,
                Err(_) => None,
            };
            account_of(&target, user.as_deref(), service)
        });
        Ok(accounts.collect())
    }

    /// The store keeps its error type to itself; what it was made from is still the thread's last error.
    fn number(error: &Error) -> Option<(i64, ErrorKind)> {
        let (Error::PlatformFailure(_) | Error::NoStorageAccess(_)) = error else {
            return None;
        };
        let number = u32::try_from(std::io::Error::last_os_error().raw_os_error()?).ok()?;
        (number != 0).then(|| (number.into(), windows_error(number)))
    }

    fn gate() -> Option<&'static Gate> {
        None
    }

    fn silence() -> Box<dyn Any> {
        Box::new(())
    }
}
