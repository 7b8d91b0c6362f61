//! A keyring whose calls are told (R8): the one place where this layer speaks.

use std::sync::Arc;

use super::{Keyring, KeyringError, Replies, Reply, WriteOutcome};
use crate::error::Code;
use crate::secret::Secret;
use crate::telemetry::events::{HasCode, KeyringCall, Outcome, OutcomeSummary, keyring_call, keyring_enabled};

/// Passes every call on, and tells of it where somebody listens.
pub struct InstrumentedKeyring<K> {
    keyring: K,
    /// `os` or `injected`.
    whose: &'static str,
}

impl<K: Keyring> InstrumentedKeyring<K> {
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
    fn instrument<'a, A: Outcome + 'a>(
        &self,
        operation: &'static str,
        service: &'a str,
        account: Option<&'a str>,
        reply: std::pin::Pin<Box<dyn Future<Output = A> + Send + 'a>>,
    ) -> std::pin::Pin<Box<dyn Future<Output = A> + Send + 'a>> {
        if !keyring_enabled() {
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

impl<K: Keyring> Keyring for InstrumentedKeyring<K> {
    fn get<'a>(&'a self, service: &'a str, account: &'a str) -> Reply<'a, Option<Secret>> {
        self.instrument("get", service, Some(account), self.keyring.get(service, account))
    }

    fn set<'a>(&'a self, service: &'a str, account: &'a str, secret: &'a Secret) -> Reply<'a, ()> {
        let reply = self.keyring.set(service, account, secret);
        self.instrument("set", service, Some(account), reply)
    }

    fn set_verified<'a>(&'a self, service: &'a str, account: &'a str, secret: &'a Secret) -> Reply<'a, WriteOutcome> {
        let reply = self.keyring.set_verified(service, account, secret);
        self.instrument("set", service, Some(account), reply)
    }

    fn contains<'a>(&'a self, service: &'a str, account: &'a str) -> Reply<'a, bool> {
        let reply = self.keyring.contains(service, account);
        self.instrument("contains", service, Some(account), reply)
    }

    fn delete<'a>(&'a self, service: &'a str, account: &'a str) -> Reply<'a, bool> {
        let reply = self.keyring.delete(service, account);
        self.instrument("delete", service, Some(account), reply)
    }

    fn accounts<'a>(&'a self, service: &'a str) -> Reply<'a, Vec<String>> {
        self.instrument("accounts", service, None, self.keyring.accounts(service))
    }

    fn get_many<'a>(&'a self, service: &'a str, accounts: &'a [String]) -> Replies<'a, Option<Secret>> {
        let replies = self.keyring.get_many(service, accounts);
        self.instrument("get_many", service, None, replies)
    }
}

impl HasCode for KeyringError {
    fn code(&self) -> Code {
        self.error().code()
    }
}

impl Outcome for WriteOutcome {
    fn summary(&self) -> OutcomeSummary {
        let (outcome, code) = match self {
            Self::Verified => ("ok", None),
            Self::Conflict => ("failed", Some(Code::Conflict)),
            Self::Unverified(error) => ("unverified", error.as_ref().map(|error| error.error().code())),
        };
        OutcomeSummary {
            outcome,
            code,
            count: None,
        }
    }
}
