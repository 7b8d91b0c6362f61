//! Lists the keys of a store, with and without their values.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::StreamExt as _;

use super::fallback_reason::record_backend;
use super::selection::Selection;
use super::{FallbackPolicy, Key, PROBE_PREFIX, SecureStore, StoreEntries, StoreEntry, StoreKeys};
use crate::error::{Error, Result};
use crate::fallback::DirectoryListing;
use crate::keyring::{KeyringError, ListedAccount};
use crate::secret::Secret;
use crate::telemetry::events::{Operation, Outcome, OutcomeSummary};

/// How many deletions are carried out at once.
const MAX_IN_FLIGHT: usize = 16;

/// The keys of a store.
struct Listing {
    /// Sorted as JavaScript's `sort()` does, without duplicates.
    keys: Vec<String>,
    files: DirectoryListing,
    /// The secrets that the keyring's listing returned.
    secrets: ListedSecrets,
    /// The error of a source that could not be listed.
    incomplete: Option<Error>,
}

/// The secrets that a keyring's listing returned, by account.
#[derive(Default)]
pub(super) struct ListedSecrets(BTreeMap<String, Option<Secret>>);

impl SecureStore {
    /// Returns the keys in keyring and files, sorted as JavaScript's `sort()` does, without duplicates.
    ///
    /// # Errors
    ///
    /// The error of a source that could not be listed, if no key was found elsewhere: an empty list means that the store is
    /// known to be empty. Under `Deny` the keyring's error.
    pub async fn list(&self) -> Result<Vec<String>> {
        match self.keys().await? {
            StoreKeys {
                keys,
                incomplete: Some(error),
            } if keys.is_empty() => Err(error),
            listed => Ok(listed.keys),
        }
    }

    /// Returns the keys as [`SecureStore::list`] does, and the error of a source that could not be listed.
    ///
    /// # Errors
    ///
    /// Only those that end every operation, such as `RUNTIME_REPLACED`.
    pub async fn keys(&self) -> Result<StoreKeys> {
        let mut operation = Operation::start("list");
        let selection = self.select().await;
        // Values move from the files to the keyring, so the files come first.
        let files = self.list_files().await;
        let names = selection.accounts(&self.service).await;
        let accounts = names.map(|names| names.into_iter().map(ListedAccount::without_secret).collect());
        let listing = self.merge(files, accounts, &selection, &mut operation).await;
        let keys = listing.map(|Listing { keys, incomplete, .. }| StoreKeys { keys, incomplete });
        operation.finish(self.service(), None, keys)
    }

    /// Returns all keys with their values: one listing of each source, and one batch of reads.
    ///
    /// # Errors
    ///
    /// Only those that end every operation, such as `RUNTIME_REPLACED`. The error of a source that could not be listed is in
    /// [`StoreEntries::incomplete`].
    pub async fn entries(&self) -> Result<StoreEntries> {
        let mut operation = Operation::start("entries");
        let entries = self.entries_now(&mut operation).await;
        operation.finish(self.service(), None, entries)
    }

    async fn entries_now(&self, operation: &mut Operation) -> Result<StoreEntries> {
        let selection = self.select().await;
        let files = self.list_files().await;
        let accounts = selection.accounts_with_secrets(&self.service).await;
        let Listing {
            keys,
            files,
            secrets,
            incomplete,
        } = self.merge(files, accounts, &selection, operation).await?;
        let values = self.read_all(&keys, &selection, &files, secrets).await;
        let is_final = |value: &Result<_>| value.as_ref().is_err_and(Error::is_final);
        if let Some((Err(error), _)) = values.iter().find(|(value, _)| is_final(value)) {
            return Err(error.clone());
        }
        let entries = keys
            .into_iter()
            .zip(values)
            .filter_map(|(key, (value, stored_in))| StoreEntry::of(key, stored_in, value));
        Ok(StoreEntries {
            entries: entries.collect(),
            incomplete,
        })
    }

    async fn list_files(&self) -> Result<DirectoryListing> {
        match self.policy {
            FallbackPolicy::Allow => self.files.list().await,
            FallbackPolicy::Deny => Ok(DirectoryListing::default()),
        }
    }

    /// Merges the listings of the files and of the keyring. The files were listed before the keyring.
    async fn merge(
        &self,
        files: Result<DirectoryListing>,
        accounts: Result<Vec<ListedAccount>, KeyringError>,
        selection: &Selection,
        operation: &mut Operation,
    ) -> Result<Listing> {
        record_backend(operation, &accounts, self.policy);
        let (accounts, keyring_error) = match accounts {
            Ok(accounts) => (accounts, None),
            Err(error) if error.error().is_final() => return Err(error.into_error()),
            Err(KeyringError::Absent(_)) if self.policy == FallbackPolicy::Allow => (Vec::new(), None),
            Err(error) => (Vec::new(), Some(error.into_error())),
        };
        if !accounts.is_empty() {
            self.keyring_seen.record().await;
        }
        let (files, files_error) = match files {
            Ok(files) => (files, None),
            Err(error) => (DirectoryListing::default(), Some(error)),
        };
        let deleted = selection.deleted_keys(&files);
        if keyring_error.is_none() {
            self.carry_out_deletions(&deleted, selection).await?;
        }
        let mut keys: Vec<String> = accounts
            .iter()
            .map(|account| account.name.clone())
            .filter(|account| !deleted.contains(account.as_str()))
            .chain(files.keys.iter().cloned())
            .filter(|key| !key.starts_with(PROBE_PREFIX))
            .collect();
        keys.sort_unstable_by(|a, b| a.encode_utf16().cmp(b.encode_utf16()));
        keys.dedup();
        Ok(Listing {
            keys,
            incomplete: keyring_error.or(files_error),
            files,
            secrets: ListedSecrets::of(accounts),
        })
    }

    async fn carry_out_deletions(&self, deleted: &BTreeSet<&str>, selection: &Selection) -> Result<()> {
        let keys: Vec<Key> = deleted.iter().filter_map(|key| Key::parse(key).ok()).collect();
        // Boxed: otherwise the compiler cannot prove that the futures, which borrow from `keys`, are `Send`.
        let deletions: Vec<_> = keys
            .iter()
            .map(|key| Box::pin(self.carry_out_deletion(key, selection)))
            .collect();
        let mut deletions = futures_util::stream::iter(deletions).buffer_unordered(MAX_IN_FLIGHT);
        while let Some(carried_out) = deletions.next().await {
            match carried_out {
                Err(error) if error.is_final() => return Err(error),
                // A later operation carries it out.
                Ok(()) | Err(_) => {}
            }
        }
        Ok(())
    }
}

impl ListedSecrets {
    /// Collects the secrets. An account that is listed twice is left out, because its secrets may differ.
    fn of(accounts: Vec<ListedAccount>) -> Self {
        let mut secrets = BTreeMap::new();
        for ListedAccount { name, secret } in accounts {
            secrets
                .entry(name)
                .and_modify(|secret| *secret = None)
                .or_insert(secret);
        }
        Self(secrets)
    }

    /// Removes and returns the secret of an account; `None` if the account must be read.
    pub fn take(&mut self, account: &str) -> Option<Secret> {
        self.0.remove(account).flatten()
    }
}

/// An empty list with an error is a failure, because the store may not be empty.
impl Outcome for StoreKeys {
    fn summary(&self) -> OutcomeSummary {
        match &self.incomplete {
            Some(error) if self.keys.is_empty() => Err::<(), _>(error.clone()).summary(),
            _ => self.keys.summary(),
        }
    }
}

impl Outcome for StoreEntries {
    fn summary(&self) -> OutcomeSummary {
        self.entries.summary()
    }
}
