//! Reads and deletes many keys at once.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::StreamExt as _;

use super::entries::ListedSecrets;
use super::get::hidden_by;
use super::selection::{Selection, not_found_as};
use super::{FallbackPolicy, Key, SecureStore, StoredIn};
use crate::error::Result;
use crate::fallback::{DirectoryListing, FileState};
use crate::keyring::KeyringError;
use crate::secret::Secret;
use crate::telemetry::events::Operation;

/// How many keys are read one by one, or deleted, at once.
const MAX_IN_FLIGHT: usize = 16;

/// The result of reading a key, and where its value is.
pub(super) type LocatedResult = (Result<Option<Secret>>, StoredIn);

impl SecureStore {
    /// Returns the values of many keys, in the order of the keys. All requests are in flight at once.
    pub async fn get_many(&self, keys: &[String]) -> Vec<Result<Option<Secret>>> {
        let operation = Operation::start("get_many");
        let selection = self.select().await;
        // If the files cannot be listed, each key is read individually.
        let files = match self.policy {
            FallbackPolicy::Allow => self.files.list().await.ok(),
            FallbackPolicy::Deny => Some(DirectoryListing::default()),
        };
        let values = match files {
            Some(files) => {
                let values = self.read_all(keys, &selection, &files, ListedSecrets::default()).await;
                values.into_iter().map(|(value, _)| value).collect()
            }
            None => self.get_each(keys).await,
        };
        operation.finish(self.service(), None, values)
    }

    /// Removes many keys, each as [`SecureStore::delete`] does. A failure does not stop the others. The results are in the
    /// order of the keys.
    pub async fn delete_many(&self, keys: &[String]) -> Vec<Result<bool>> {
        // Boxed: otherwise the compiler cannot prove that the futures, which borrow from `keys`, are `Send`.
        let deletions: Vec<_> = keys.iter().map(|key| Box::pin(self.delete(key))).collect();
        futures_util::stream::iter(deletions)
            .buffered(MAX_IN_FLIGHT)
            .collect()
            .await
    }

    /// Reads many keys, in one batch from each source. `files` is the listing of the files. `secrets` are those that the
    /// listing of the keyring returned afterwards; they are not read again.
    pub(super) async fn read_all(
        &self,
        keys: &[String],
        selection: &Selection,
        files: &DirectoryListing,
        mut secrets: ListedSecrets,
    ) -> Vec<LocatedResult> {
        let with_file: BTreeSet<&str> = files.keys.iter().map(String::as_str).collect();
        let deleted = selection.deleted_keys(files);
        let wanted: Vec<String> = keys
            .iter()
            .filter(|key| with_file.contains(key.as_str()))
            .cloned()
            .collect();
        let stored = self.files.read_many(&wanted).await;
        let mut stored: BTreeMap<String, _> = wanted.into_iter().zip(stored).collect();
        // A key is read individually if its file is newer than the keyring, is a tombstone or cannot be read.
        let is_single = |key: &String| match (deleted.contains(key.as_str()), stored.get(key)) {
            (true, _) => true,
            (false, None) => Key::parse(key).is_err(),
            (false, Some(Ok(Some(value)))) => value
                .newer_than
                .is_some_and(|mark| selection.keyring().is_ok() && selection.is_older_than(mark)),
            (false, Some(Ok(None))) => false,
            (false, Some(Err(_))) => true,
        };
        let (single, batch): (Vec<String>, Vec<String>) = keys.iter().cloned().partition(is_single);
        let (mut listed, mut unread) = (Vec::new(), Vec::new());
        for key in batch {
            // If the file disappeared after the listing, its value is in the keyring now and the listed secret is older.
            let is_gone = matches!(stored.get(&key), Some(Ok(None)));
            match secrets.take(&key).filter(|_| !is_gone) {
                Some(secret) => listed.push((key, Ok(Some(secret)))),
                None => unread.push(key),
            }
        }
        let answers = match selection.keyring() {
            _ if unread.is_empty() => Vec::new(),
            Ok(keyring) => keyring.get_many(&self.service, &unread).await,
            Err(error) => unread.iter().map(|_| Err(error.clone())).collect(),
        };
        if answers.iter().any(Result::is_ok) {
            self.keyring_seen.record().await;
        }
        let mut results = BTreeMap::new();
        for (key, answer) in unread.into_iter().zip(answers).chain(listed) {
            let stored = stored.remove(&key).and_then(Result::ok).flatten();
            results.insert(
                key,
                self.combined(not_found_as(answer, None), stored.map(|stored| stored.value)),
            );
        }
        let values = self.get_each(&single).await;
        for (key, value) in single.into_iter().zip(values) {
            // The read may have moved the value from the file to the keyring.
            let stored_in = match with_file.contains(key.as_str()) {
                true => match self.files.state(&key).await {
                    Ok(FileState::Absent) => StoredIn::Keyring,
                    _ => StoredIn::File,
                },
                false => StoredIn::Keyring,
            };
            results.insert(key, (value, stored_in));
        }
        keys.iter()
            .map(|key| results.get(key).cloned().unwrap_or((Ok(None), StoredIn::File)))
            .collect()
    }

    /// Returns the value of a key, given the keyring's answer and the file's value. The keyring's value wins.
    fn combined(&self, answer: Result<Option<Secret>, KeyringError>, stored: Option<Secret>) -> LocatedResult {
        match (answer, stored, self.policy) {
            (Ok(Some(value)), _, _) => (Ok(Some(value)), StoredIn::Keyring),
            (Err(error), _, _) if error.error().is_final() => (Err(error.into_error()), StoredIn::Keyring),
            (Err(error), _, FallbackPolicy::Deny) => (Err(error.into_error()), StoredIn::Keyring),
            (_, Some(value), _) => (Ok(Some(value)), StoredIn::File),
            (answer, None, _) => (hidden_by(answer).map_or(Ok(None), Err), StoredIn::Keyring),
        }
    }

    async fn get_each(&self, keys: &[String]) -> Vec<Result<Option<Secret>>> {
        let reads: Vec<_> = keys.iter().map(|key| Box::pin(self.get(key))).collect();
        futures_util::stream::iter(reads)
            .buffered(MAX_IN_FLIGHT)
            .collect()
            .await
    }
}
