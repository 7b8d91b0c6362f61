//! Credential Manager, on Windows: generic credentials, as the `keyring` family stores them.
//!
//! The target name is `<account>.<service>`. The password is UTF-16, at most 2,560 bytes. Target names are not
//! case-sensitive: two accounts that differ only in case share one credential. Credentials are stored with local
//! persistence: they do not roam to other machines.

use std::any::Any;
use std::collections::HashMap;

use keyring_core::api::CredentialStoreApi;
use keyring_core::{Entry, Error};
use windows_native_keyring_store::Store;
use zeroize::Zeroize;

use super::blocking::{self, BlockingError, Platform, Prompts};
use super::credential_limit::{MAX_PASSWORD_LEN, fits};
use super::target_name::account_of;
use crate::error::Code;
use crate::keyring::errors::{ErrorKind, keyring_core_error, windows_error};
use crate::secret::Secret;

const NAME: &str = "Windows Credential Manager";

pub(super) type Backend = blocking::Backend<CredentialManager>;

pub(super) struct CredentialManager;

impl Platform for CredentialManager {
    const NAME: &'static str = NAME;

    fn get(service: &str, account: &str) -> Result<Secret, BlockingError> {
        let password = entry(service, account).and_then(|entry| entry.get_password());
        password.map(Secret::new).map_err(explain)
    }

    fn set(service: &str, account: &str, secret: &Secret) -> Result<(), BlockingError> {
        // Checked first, so that a long value costs no call and no copy of the secret.
        if !fits(secret.expose()) {
            return Err(too_long("password", MAX_PASSWORD_LEN));
        }
        entry(service, account)
            .and_then(|entry| entry.set_password(secret.expose()))
            .map_err(explain)
    }

    fn delete(service: &str, account: &str) -> Result<(), BlockingError> {
        entry(service, account)
            .and_then(|entry| entry.delete_credential())
            .map_err(explain)
    }

    fn contains(service: &str, account: &str) -> Result<bool, BlockingError> {
        match entry(service, account).and_then(|entry| entry.get_attributes()) {
            Ok(_) => Ok(true),
            Err(Error::NoEntry) => Ok(false),
            Err(error) => Err(explain(error)),
        }
    }

    fn accounts(service: &str) -> Result<Vec<String>, BlockingError> {
        let entries = Store::new()
            .and_then(|store| store.search(&HashMap::new()))
            .map_err(explain)?;
        let accounts = entries.iter().filter_map(|entry| {
            // The store splits a target name at its last dot.
            let (tail, head) = entry.get_specifiers()?;
            let target = format!("{head}.{tail}");
            account_of(&target, None, service)?;
            // The user name is only needed for targets that may belong to the service. A credential that was deleted since
            // the search is left out.
            let user = match entry.get_attributes() {
                Ok(attributes) => attributes.get("username").cloned(),
                Err(Error::NoEntry) => return None,
                Err(_) => None,
            };
            account_of(&target, user.as_deref(), service)
        });
        Ok(accounts.collect())
    }

    fn prompts() -> Option<&'static Prompts> {
        None
    }

    fn is_locked() -> bool {
        false
    }

    fn silence() -> Box<dyn Any> {
        Box::new(())
    }
}

fn entry(service: &str, account: &str) -> Result<Entry, Error> {
    let local = HashMap::from([("persistence", "local")]);
    Store::new()?.build(service, account, Some(&local))
}

/// Describes an error. The bytes of a secret that some errors carry are wiped.
fn explain(mut error: Error) -> BlockingError {
    let number = error_number(&error);
    let kind = keyring_core_error(&error, number.map(windows_error));
    let mut message = match (&error, kind) {
        (Error::TooLong(part, limit), _) => return too_long(part, *limit as usize),
        (_, ErrorKind::Failed(Code::Corrupt)) => {
            format!("{NAME} cannot store this name, or holds a value that is not text")
        }
        (_, ErrorKind::Failed(Code::Locked)) => format!("{NAME} is locked"),
        (_, ErrorKind::Failed(Code::Denied)) => format!("{NAME} refused access"),
        (_, ErrorKind::Unreachable) => format!("{NAME} is not available in this session"),
        _ => format!("{NAME} failed"),
    };
    if let Some(number) = number {
        message.push_str(&format!(" (error {number})"));
    }
    if let Error::BadEncoding(bytes) | Error::BadDataFormat(bytes, _) = &mut error {
        bytes.zeroize();
    }
    (kind, message)
}

fn too_long(part: &str, limit: usize) -> BlockingError {
    let message = format!("{NAME} cannot store the {part}: it takes more than {limit} bytes");
    (ErrorKind::Failed(Code::Unavailable), message)
}

/// Returns the system error code of an error. The store hides its own error type, but the thread's last error is still set.
fn error_number(error: &Error) -> Option<u32> {
    let (Error::PlatformFailure(_) | Error::NoStorageAccess(_)) = error else {
        return None;
    };
    let number = u32::try_from(std::io::Error::last_os_error().raw_os_error()?).ok()?;
    (number != 0).then_some(number)
}
