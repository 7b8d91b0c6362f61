//! A keyring in memory, for tests: it can be absent, fail with any code, hang, and come back.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use super::{Keyring, KeyringError, Replies, Reply};
use crate::error::Code;
use crate::secret::Secret;

/// How the keyring answers from now on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultMode {
    /// It works.
    Works,
    /// It is not there.
    Absent,
    /// Every call fails with this code.
    Fails(Code),
    /// No call answers before the time limit: each ends as `TIMEOUT`.
    Hangs,
}

/// The keyring, and what it was asked.
pub struct MemoryKeyring {
    entries: Mutex<BTreeMap<(String, String), Secret>>,
    mood: Mutex<FaultMode>,
    limit: Duration,
    calls: Mutex<Vec<&'static str>>,
}

impl Default for MemoryKeyring {
    fn default() -> Self {
        Self::new(Duration::from_millis(20))
    }
}

impl MemoryKeyring {
    /// An empty keyring that works; when it hangs, its calls end after `limit`.
    pub fn new(limit: Duration) -> Self {
        Self {
            entries: Mutex::default(),
            mood: Mutex::new(FaultMode::Works),
            limit,
            calls: Mutex::default(),
        }
    }

    /// Changes how it answers.
    pub fn set_mode(&self, mood: FaultMode) {
        *lock(&self.mood) = mood;
    }

    /// The names of the calls so far, oldest first; forgets them.
    pub fn take_calls(&self) -> Vec<&'static str> {
        std::mem::take(&mut lock(&self.calls))
    }

    /// What is stored, behind the keyring's back.
    pub fn peek(&self, service: &str, account: &str) -> Option<Secret> {
        lock(&self.entries)
            .get(&(service.to_owned(), account.to_owned()))
            .cloned()
    }

    /// Stores a value, behind the keyring's back.
    pub fn plant(&self, service: &str, account: &str, secret: &str) {
        lock(&self.entries).insert((service.to_owned(), account.to_owned()), Secret::from(secret));
    }

    /// Removes a value, behind the keyring's back.
    pub fn remove(&self, service: &str, account: &str) {
        lock(&self.entries).remove(&(service.to_owned(), account.to_owned()));
    }

    /// All accounts of a service, behind the keyring's back.
    pub fn all_accounts(&self, service: &str) -> Vec<String> {
        lock(&self.entries)
            .keys()
            .filter(|(s, _)| s == service)
            .map(|(_, account)| account.clone())
            .collect()
    }

    async fn answer<T>(
        &self,
        call: &'static str,
        work: impl FnOnce(&mut BTreeMap<(String, String), Secret>) -> T + Send,
    ) -> Result<T, KeyringError> {
        lock(&self.calls).push(call);
        let mood = *lock(&self.mood);
        match mood {
            FaultMode::Works => Ok(work(&mut lock(&self.entries))),
            FaultMode::Absent => Err(KeyringError::absent("There is no keyring")),
            FaultMode::Fails(code) => Err(KeyringError::failed(code, format!("The keyring says {code}"))),
            FaultMode::Hangs => {
                tokio::time::sleep(self.limit).await;
                Err(KeyringError::failed(
                    Code::Timeout,
                    "The keyring did not answer in time",
                ))
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn entry(service: &str, account: &str) -> (String, String) {
    (service.to_owned(), account.to_owned())
}

impl Keyring for MemoryKeyring {
    fn get<'a>(&'a self, service: &'a str, account: &'a str) -> Reply<'a, Option<Secret>> {
        Box::pin(self.answer("get", move |entries| entries.get(&entry(service, account)).cloned()))
    }

    fn set<'a>(&'a self, service: &'a str, account: &'a str, secret: &'a Secret) -> Reply<'a, ()> {
        Box::pin(self.answer("set", move |entries| {
            entries.insert(entry(service, account), secret.clone());
        }))
    }

    fn delete<'a>(&'a self, service: &'a str, account: &'a str) -> Reply<'a, bool> {
        Box::pin(self.answer("delete", move |entries| {
            entries.remove(&entry(service, account)).is_some()
        }))
    }

    fn accounts<'a>(&'a self, service: &'a str) -> Reply<'a, Vec<String>> {
        Box::pin(self.answer("accounts", move |entries| {
            entries
                .keys()
                .filter(|(s, _)| s == service)
                .map(|(_, account)| account.clone())
                .collect()
        }))
    }

    fn get_many<'a>(&'a self, service: &'a str, accounts: &'a [String]) -> Replies<'a, Option<Secret>> {
        Box::pin(async move {
            let mut secrets = Vec::with_capacity(accounts.len());
            for account in accounts {
                secrets.push(self.get(service, account).await);
            }
            secrets
        })
    }
}
