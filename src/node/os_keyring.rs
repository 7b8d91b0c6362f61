//! The operating system's keyring, which a setting may disable at any time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use napi::Env;
use napi::bindgen_prelude::Unknown;
use napi_derive::napi;

use super::args;
use super::environment::{Host, JsEnvironment};
use super::error::or_throw;
use crate::keyring::instrumented::InstrumentedKeyring;
use crate::keyring::os::OsKeyring;
use crate::keyring::{DeleteOutcome, Keyring, KeyringError, ListedAccount, Replies, Reply, WriteOutcome};
use crate::secret::Secret;
use crate::store::SelectedKeyring;

/// Returns the operating system's keyring, unless an environment variable disables it.
pub fn os_keyring(env: &Env, host: &Host, limit: Duration) -> napi::Result<SelectedKeyring> {
    if host.os_keyring_disabled {
        return Ok(SelectedKeyring::Nothing);
    }
    Ok(SelectedKeyring::Os(Arc::new(SwitchableKeyring {
        keyring: InstrumentedKeyring::os(OsKeyring::new(host.os_keyring.clone(), limit)),
        disabled: JsEnvironment::of(env)?.os_keyring_disabled.clone(),
    })))
}

/// Called by `lib/host.js`: disables the OS keyring for all objects of this environment, or enables it again.
#[napi]
pub fn set_os_keyring_disabled(env: &Env, disabled: Unknown<'_>) -> napi::Result<()> {
    let disabled = or_throw(env, args::boolean(disabled, "disabled"))?;
    let setting = &JsEnvironment::of(env)?.os_keyring_disabled;
    setting.store(disabled, Ordering::Relaxed);
    Ok(())
}

/// A keyring that counts as absent while `disabled` is set.
struct SwitchableKeyring {
    keyring: Arc<dyn Keyring>,
    disabled: Arc<AtomicBool>,
}

impl SwitchableKeyring {
    fn enabled(&self) -> Result<&dyn Keyring, KeyringError> {
        match self.is_disabled() {
            true => Err(KeyringError::absent("The OS keyring is disabled by a setting")),
            false => Ok(self.keyring.as_ref()),
        }
    }

    fn call<'a, T: Send + 'a>(&'a self, call: impl FnOnce(&'a dyn Keyring) -> Reply<'a, T>) -> Reply<'a, T> {
        match self.enabled() {
            Ok(keyring) => call(keyring),
            Err(absent) => Box::pin(std::future::ready(Err(absent))),
        }
    }
}

impl Keyring for SwitchableKeyring {
    fn is_disabled(&self) -> bool {
        self.disabled.load(Ordering::Relaxed)
    }

    fn accepts(&self, secret: &Secret) -> bool {
        self.keyring.accepts(secret)
    }

    fn get<'a>(&'a self, service: &'a str, account: &'a str) -> Reply<'a, Option<Secret>> {
        self.call(|keyring| keyring.get(service, account))
    }

    fn set<'a>(&'a self, service: &'a str, account: &'a str, secret: &'a Secret) -> Reply<'a, ()> {
        self.call(|keyring| keyring.set(service, account, secret))
    }

    fn set_verified<'a>(&'a self, service: &'a str, account: &'a str, secret: &'a Secret) -> Reply<'a, WriteOutcome> {
        self.call(|keyring| keyring.set_verified(service, account, secret))
    }

    fn contains<'a>(&'a self, service: &'a str, account: &'a str) -> Reply<'a, bool> {
        self.call(|keyring| keyring.contains(service, account))
    }

    fn delete<'a>(&'a self, service: &'a str, account: &'a str) -> Reply<'a, bool> {
        self.call(|keyring| keyring.delete(service, account))
    }

    fn delete_verified<'a>(&'a self, service: &'a str, account: &'a str) -> Reply<'a, DeleteOutcome> {
        self.call(|keyring| keyring.delete_verified(service, account))
    }

    fn accounts<'a>(&'a self, service: &'a str) -> Reply<'a, Vec<String>> {
        self.call(|keyring| keyring.accounts(service))
    }

    fn accounts_with_secrets<'a>(&'a self, service: &'a str) -> Reply<'a, Vec<ListedAccount>> {
        self.call(|keyring| keyring.accounts_with_secrets(service))
    }

    fn get_many<'a>(&'a self, service: &'a str, accounts: &'a [String]) -> Replies<'a, Option<Secret>> {
        match self.enabled() {
            Ok(keyring) => keyring.get_many(service, accounts),
            Err(absent) => Box::pin(std::future::ready(
                accounts.iter().map(|_| Err(absent.clone())).collect(),
            )),
        }
    }
}
