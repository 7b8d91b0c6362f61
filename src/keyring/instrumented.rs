//! A keyring that emits an event for every call.

use std::sync::Arc;

use super::{DeleteOutcome, Keyring, KeyringError, ListedAccount, Replies, Reply, WriteOutcome};
use crate::error::Code;
use crate::secret::Secret;
use crate::telemetry::events::{HasCode, KeyringCall, Outcome, OutcomeSummary, keyring_call, keyring_enabled};

/// Forwards every call and emits an event for it if events are enabled.
pub struct InstrumentedKeyring<K> {
    keyring: K,
    /// `os` or `injected`.
    kind: &'static str,
}

impl<K: Keyring> InstrumentedKeyring<K> {
    /// Wraps the operating system's keyring.
    pub fn os(keyring: K) -> Arc<dyn Keyring>
    where
        K: 'static,
    {
        Arc::new(Self { keyring, kind: "os" })
    }

    /// Wraps a keyring that the caller injected.
    pub fn injected(keyring: K) -> Arc<dyn Keyring>
    where
        K: 'static,
    {
        Arc::new(Self {
            keyring,
            kind: "injected",
        })
    }

    /// Returns `reply` unchanged if events are disabled, so that it has no extra cost then.
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
            keyring: self.kind,
            service,
            account,
        };
        Box::pin(keyring_call(call, reply))
    }
}

impl<K: Keyring> Keyring for InstrumentedKeyring<K> {
    fn accepts(&self, secret: &Secret) -> bool {
        self.keyring.accepts(secret)
    }

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

    fn delete_verified<'a>(&'a self, service: &'a str, account: &'a str) -> Reply<'a, DeleteOutcome> {
        let reply = self.keyring.delete_verified(service, account);
        self.instrument("delete", service, Some(account), reply)
    }

    fn accounts<'a>(&'a self, service: &'a str) -> Reply<'a, Vec<String>> {
        self.instrument("accounts", service, None, self.keyring.accounts(service))
    }

    fn accounts_with_secrets<'a>(&'a self, service: &'a str) -> Reply<'a, Vec<ListedAccount>> {
        let reply = self.keyring.accounts_with_secrets(service);
        self.instrument("accounts_with_secrets", service, None, reply)
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

impl Outcome for DeleteOutcome {
    fn summary(&self) -> OutcomeSummary {
        let (outcome, code) = match self {
            Self::Deleted => ("ok", None),
            Self::NotFound => ("absent", None),
            Self::Remains => ("failed", Some(Code::Unavailable)),
        };
        OutcomeSummary {
            outcome,
            code,
            count: None,
        }
    }
}
