//! A keyring whose calls are told (R8): the one place where this layer speaks.

use std::sync::Arc;

use super::{Keyring, KeyringError, Replies, Reply};
use crate::error::Code;
use crate::secret::Secret;
use crate::telemetry::events::{Answer, Coded, KeyringCall, keyring_call, keyring_listened_to};

/// Passes every call on, and tells of it where somebody listens.
pub struct Observed<K> {
    keyring: K,
    /// `os` or `injected`.
    whose: &'static str,
}

impl<K: Keyring> Observed<K> {
    /// The operating system's keyring.
    pub fn os(keyring: K) -> Arc<dyn Keyring>
    where
        K: 'static,
    {
        Arc::new(Self { keyring, whose: "os" })
    }

    /// A keyring that the caller injected.
    pub fn injected(keyring: K) -> Arc<dyn Keyring>
    where
        K: 'static,
    {
        Arc::new(Self {
            keyring,
            whose: "injected",
        })
    }

    /// The reply as it is where nobody listens, so that it costs nothing more then.
    fn told<'a, A: Answer + 'a>(
        &self,
        operation: &'static str,
        service: &'a str,
        account: Option<&'a str>,
        reply: std::pin::Pin<Box<dyn Future<Output = A> + Send + 'a>>,
    ) -> std::pin::Pin<Box<dyn Future<Output = A> + Send + 'a>> {
        if !keyring_listened_to() {
            return reply;
        }
        let call = KeyringCall {
            operation,
            keyring: self.whose,
            service,
            account,
        };
        Box::pin(keyring_call(call, reply))
    }
}

impl<K: Keyring> Keyring for Observed<K> {
    fn get<'a>(&'a self, service: &'a str, account: &'a str) -> Reply<'a, Option<Secret>> {
        self.told("get", service, Some(account), self.keyring.get(service, account))
    }

    fn set<'a>(&'a self, service: &'a str, account: &'a str, secret: &'a Secret) -> Reply<'a, ()> {
        let reply = self.keyring.set(service, account, secret);
        self.told("set", service, Some(account), reply)
    }

    fn contains<'a>(&'a self, service: &'a str, account: &'a str) -> Reply<'a, bool> {
        let reply = self.keyring.contains(service, account);
        self.told("contains", service, Some(account), reply)
    }

    fn delete<'a>(&'a self, service: &'a str, account: &'a str) -> Reply<'a, bool> {
        let reply = self.keyring.delete(service, account);
        self.told("delete", service, Some(account), reply)
    }

    fn accounts<'a>(&'a self, service: &'a str) -> Reply<'a, Vec<String>> {
        self.told("accounts", service, None, self.keyring.accounts(service))
    }

    fn get_many<'a>(&'a self, service: &'a str, accounts: &'a [String]) -> Replies<'a, Option<Secret>> {
        let replies = self.keyring.get_many(service, accounts);
        self.told("get_many", service, None, replies)
    }
}

impl Coded for KeyringError {
    fn code(&self) -> Code {
        self.error().code()
    }
}
