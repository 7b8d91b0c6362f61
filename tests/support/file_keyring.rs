//! A keyring in a file, which outlives the processes that use it, as a real one does. A share of its calls fails.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use securestore::error::Code;
use securestore::keyring::{Keyring, KeyringError, Replies, Reply};
use securestore::secret::Secret;

/// A keyring whose file is a JSON map of accounts to values. Each call holds a file lock.
pub struct FileKeyring {
    file: PathBuf,
    /// The percentage of calls that fail. Half of the changes that fail take effect nevertheless, as after a timeout.
    failures: u32,
}

impl FileKeyring {
    pub fn new(dir: &Path, failures: u32) -> Self {
        Self {
            file: dir.join("keyring.json"),
            failures,
        }
    }

    fn call<T>(&self, work: impl FnOnce(&mut BTreeMap<String, String>) -> T) -> Result<T, KeyringError> {
        let lock = File::create(self.file.with_extension("lock")).unwrap();
        lock.lock().unwrap();
        let text = fs::read_to_string(&self.file).unwrap_or_else(|_| "{}".to_owned());
        let mut entries: BTreeMap<String, String> = serde_json::from_str(&text).unwrap();
        let before = entries.clone();
        let dice = random() % 100;
        let answer = work(&mut entries);
        let fails = dice < self.failures;
        if entries != before && (!fails || dice.is_multiple_of(2)) {
            let new = self.file.with_extension("new");
            fs::write(&new, serde_json::to_string(&entries).unwrap()).unwrap();
            fs::rename(&new, &self.file).unwrap();
        }
        match fails {
            true => Err(KeyringError::failed(
                Code::Timeout,
                "The keyring did not answer in time",
            )),
            false => Ok(answer),
        }
    }
}

pub fn random() -> u32 {
    let mut bytes = [0; 4];
    getrandom::fill(&mut bytes).unwrap();
    u32::from_ne_bytes(bytes)
}

impl Keyring for FileKeyring {
    fn get<'a>(&'a self, _: &'a str, account: &'a str) -> Reply<'a, Option<Secret>> {
        Box::pin(async move { self.call(|entries| entries.get(account).map(|value| Secret::from(value.as_str()))) })
    }

    fn set<'a>(&'a self, _: &'a str, account: &'a str, secret: &'a Secret) -> Reply<'a, ()> {
        Box::pin(async move {
            self.call(|entries| {
                entries.insert(account.to_owned(), secret.expose().to_owned());
            })
        })
    }

    fn delete<'a>(&'a self, _: &'a str, account: &'a str) -> Reply<'a, bool> {
        Box::pin(async move { self.call(|entries| entries.remove(account).is_some()) })
    }

    fn accounts<'a>(&'a self, _: &'a str) -> Reply<'a, Vec<String>> {
        Box::pin(async move { self.call(|entries| entries.keys().cloned().collect()) })
    }

    fn get_many<'a>(&'a self, service: &'a str, accounts: &'a [String]) -> Replies<'a, Option<Secret>> {
        Box::pin(async move {
            let mut secrets = Vec::new();
            for account in accounts {
                secrets.push(self.get(service, account).await);
            }
            secrets
        })
    }
}
