//! Reads one secret, many secrets, the existence of an account, and the accounts of a service.

use std::collections::HashMap;

use futures_util::future::{OptionFuture, join, join_all};
use tokio::time::timeout;
use zbus::OwnedObjectPath;
use zeroize::Zeroizing;

use super::attempt::{Attempt, MAX_IN_FLIGHT, UnlockScope, attributes, belongs_to, decode};
use super::call_error::{CallError, ReadResult};
use super::known_names::ListingStart;
use super::messages::{Attributes, SearchResult};
use super::prompt_gate::PromptRequest;
use super::read_batcher::Role;
use crate::keyring::ListedAccount;
use crate::keyring::errors::ErrorKind;

/// The secrets and the attributes of items that were read in one round trip.
#[derive(Default)]
struct ItemContents {
    accounts: HashMap<String, Vec<OwnedObjectPath>>,
    secrets: HashMap<OwnedObjectPath, Zeroizing<Vec<u8>>>,
}

impl Attempt {
    /// Returns the secret of an account. One round trip if the item is known, otherwise two.
    ///
    /// While several reads of the service are in flight, further ones are read together.
    pub(super) async fn get(&self, service: &str, account: &str) -> ReadResult {
        let (followers, _permit) = match self.session.read_batcher.admit(service, account).await {
            Role::Done(result) => return result,
            Role::Single(permit) => (Vec::new(), permit),
            Role::Leader { followers, permit } => (followers, Some(permit)),
        };
        if followers.is_empty() {
            return self.get_single(service, account).await;
        }
        let accounts: Vec<&str> = std::iter::once(account)
            .chain(followers.iter().map(|follower| follower.account.as_str()))
            .collect();
        let Some(mut results) = self.get_all(service, &accounts).await? else {
            // Dropping the followers sends them to read individually.
            drop(followers);
            return self.get_single(service, account).await;
        };
        let follower_results = results.split_off(1);
        for (follower, result) in followers.into_iter().zip(follower_results) {
            follower.finish(result);
        }
        results.pop().unwrap_or(Ok(None))
    }

    /// Returns the secret of an account without waiting for other reads. Of several items the newest counts.
    ///
    /// The item that was last seen is only a guess: its secret counts if its attributes are the wanted ones and a search,
    /// sent in the same round trip, finds it and no other. If the service answers in order, a search whose reply
    /// arrives after the secret proves the same, so the attributes are not requested.
    pub(super) async fn get_single(&self, service: &str, account: &str) -> ReadResult {
        let wanted = attributes(service, account);
        let Some(guess) = self.session.items.get(service, account) else {
            let items = self.find_unlocked(&wanted, UnlockScope::Any).await?;
            return self.read_newest(service, account, &items).await;
        };
        let answers_in_order = self.session.gnome_keyring.is_recognized();
        let found_attributes = OptionFuture::from((!answers_in_order).then(|| self.session.attributes(&guess)));
        let contents = join(self.session.secret(&guess), found_attributes);
        let ((secret, found_attributes), found) = join(contents, self.session.search(&wanted)).await;
        let found = found?;
        if let Ok(secret) = secret
            && found.locked.is_empty()
            && found.unlocked.as_slice() == std::slice::from_ref(&guess)
            && match found_attributes {
                Some(found) => found.is_ok_and(|found| belongs_to(&found, service, account)),
                None => secret.position < found.position,
            }
        {
            return decode(account, secret.value).map(Some);
        }
        let items = match found.is_empty() {
            true => self.find_unlocked(&wanted, UnlockScope::Any).await?,
            false => self.unlock(found, false, &wanted, UnlockScope::Any).await?,
        };
        self.read_newest(service, account, &items).await
    }

    /// Returns the secret of the newest item of an account; `None` if there are no items.
    ///
    /// # Errors
    ///
    /// Fails if the attributes of the item are those of another account, which happens if the service is faulty or the item was
    /// changed.
    pub(super) async fn read_newest(&self, service: &str, account: &str, items: &[OwnedObjectPath]) -> ReadResult {
        let Some(item) = self.newest(items).await? else {
            return Ok(None);
        };
        let (secret, found) = join(self.session.secret(item), self.session.attributes(item)).await;
        let secret = secret?;
        if !belongs_to(&found?, service, account) {
            return Err(CallError::wrong_item());
        }
        if items.len() == 1 {
            self.session.items.insert(service, account, item);
        }
        decode(account, secret.value).map(Some)
    }

    /// Returns the secrets of many accounts in two round trips: a search for the whole service, then the attributes and the
    /// secrets of the items. Each account has its own result; the outer error is that of the whole attempt.
    ///
    /// Returns `None` if the service has many items that are not wanted, or locked items. The accounts should then be read
    /// individually.
    pub(super) async fn get_all(&self, service: &str, accounts: &[&str]) -> Result<Option<Vec<ReadResult>>, CallError> {
        let wanted = HashMap::from([("service", service)]);
        let (found, is_incomplete) = self.search(&wanted).await?;
        if is_incomplete || found.unlocked.len() > 2 * accounts.len() {
            return Ok(None);
        }
        let items = match found.locked.is_empty() {
            true => found.unlocked,
            false => match self.unlock_accounts(service, accounts, &found.locked).await? {
                true => self.search(&wanted).await?.0.unlocked,
                false => return Ok(None),
            },
        };
        let contents = self.read_items(service, &items).await?;
        Ok(Some(self.results(service, accounts, contents).await?))
    }

    /// Returns all accounts of a service with their secrets, sorted by name: one search, then the secrets and the attributes
    /// of the items that it found in one round trip. A secret that cannot be read is left out.
    ///
    /// Returns `None` if items are locked. Never shows a prompt.
    pub(super) async fn accounts_with_secrets(&self, service: &str) -> Result<Option<Vec<ListedAccount>>, CallError> {
        let (found, is_incomplete) = self.search(&HashMap::from([("service", service)])).await?;
        if is_incomplete || !found.locked.is_empty() {
            return Ok(None);
        }
        let contents = self.read_items(service, &found.unlocked).await?;
        let mut names: Vec<String> = contents.accounts.keys().cloned().collect();
        names.sort_unstable();
        let accounts: Vec<&str> = names.iter().map(String::as_str).collect();
        let results = self.results(service, &accounts, contents).await?;
        let secrets = results.into_iter().map(|result| result.ok().flatten());
        let listed = names.into_iter().zip(secrets);
        Ok(Some(
            listed.map(|(name, secret)| ListedAccount { name, secret }).collect(),
        ))
    }

    /// Returns the result of each account from the contents of the items. An account that has several items, or whose secret
    /// was not returned, is read individually.
    async fn results(
        &self,
        service: &str,
        accounts: &[&str],
        mut contents: ItemContents,
    ) -> Result<Vec<ReadResult>, CallError> {
        let mut results = Vec::with_capacity(accounts.len());
        for accounts in accounts.chunks(MAX_IN_FLIGHT) {
            let reads = accounts.iter().map(|account| {
                let items = contents.accounts.get(*account).map_or(&[][..], Vec::as_slice);
                let secret = match items {
                    [item] => contents.secrets.remove(item),
                    _ => None,
                };
                async move {
                    match secret {
                        Some(secret) => decode(account, secret).map(Some),
                        None => self.read_newest(service, account, items).await,
                    }
                }
            });
            let reads: Vec<_> = reads.collect();
            for result in join_all(reads).await {
                match result {
                    Err(error) if !matches!(error.kind, ErrorKind::Failed(_)) => return Err(error),
                    result => results.push(result),
                }
            }
        }
        Ok(results)
    }

    /// Unlocks the locked items of many accounts with one request. Returns whether they belong to a keyring that locks item
    /// by item and shows their names; the items of a locked collection are better unlocked by the first read.
    async fn unlock_accounts(
        &self,
        service: &str,
        accounts: &[&str],
        locked: &[OwnedObjectPath],
    ) -> Result<bool, CallError> {
        let found = self.attributes_of(locked).await?;
        let is_wanted = |it: &HashMap<String, String>| accounts.iter().any(|account| belongs_to(it, service, account));
        let wanted = locked.iter().zip(found);
        let wanted = wanted.filter(|(_, attributes)| attributes.as_ref().is_some_and(is_wanted));
        let wanted: Vec<OwnedObjectPath> = wanted.map(|(item, _)| item.clone()).collect();
        if wanted.is_empty() {
            return Ok(false);
        }
        Ok(self.request(PromptRequest::Unlock(wanted)).await.is_ok())
    }

    /// Reads the secrets and the attributes of items in one round trip.
    async fn read_items(&self, service: &str, items: &[OwnedObjectPath]) -> Result<ItemContents, CallError> {
        let (secrets, attributes) = join(self.secrets_of(items), self.attributes_of(items)).await;
        let mut contents = ItemContents {
            secrets: secrets?,
            ..ItemContents::default()
        };
        for (item, attributes) in items.iter().zip(attributes?) {
            let Some(account) = attributes.and_then(|it| account_in(it, service)) else {
                continue;
            };
            self.session.items.insert(service, &account, item);
            contents.accounts.entry(account).or_default().push(item.clone());
        }
        Ok(contents)
    }

    /// Returns the secrets of items, all in one message if the service can do that. Leaves out those that are gone or locked,
    /// and those of a service that does not return many secrets at once.
    async fn secrets_of(
        &self,
        items: &[OwnedObjectPath],
    ) -> Result<HashMap<OwnedObjectPath, Zeroizing<Vec<u8>>>, CallError> {
        let references: Vec<&OwnedObjectPath> = items.iter().collect();
        let (mut all, mut pending) = (HashMap::with_capacity(items.len()), references.as_slice());
        while !pending.is_empty() {
            let (batch, rest) = pending.split_at(pending.len().min(self.connection.max_batch()));
            match timeout(self.batch_limit, self.session.secrets(batch)).await {
                Ok(Ok(secrets)) => {
                    all.extend(secrets);
                    pending = rest;
                }
                Ok(Err(error)) if error.ends_session() => return Err(error),
                // A reply that is larger than the bus allows is never sent.
                Ok(Err(_)) | Err(_) if self.connection.reduce_batch(batch.len()) => {}
                Ok(Err(_)) | Err(_) => break,
            }
        }
        Ok(all)
    }

    /// Returns whether an account exists: one round trip if it does, two if it does not. A locked item counts as existing.
    /// Never requests a prompt.
    ///
    /// # Errors
    ///
    /// `LOCKED` if nothing was found and the keyring is locked.
    pub(super) async fn contains(&self, service: &str, account: &str) -> Result<bool, CallError> {
        let (found, is_incomplete) = self.search(&attributes(service, account)).await?;
        match found.is_empty() {
            false => Ok(true),
            true if is_incomplete => Err(CallError::locked()),
            true => Ok(false),
        }
    }

    /// Returns the accounts of a service, sorted: one search, then the attributes of the items whose names are not known. No
    /// secret is read.
    ///
    /// Locked items are listed without a prompt if the service shows their attributes.
    pub(super) async fn accounts(&self, service: &str) -> Result<Vec<String>, CallError> {
        self.session.gnome_keyring.count_listing();
        let names = &self.session.gnome_keyring.names;
        let wanted = HashMap::from([("service", service)]);
        let listing = names.start();
        let (found, is_incomplete) = match names.is_complete(&listing) {
            true => self.search_unlocked(&wanted, &listing).await?,
            false => self.search(&wanted).await?,
        };
        let known = names.lookup(service, &found.unlocked, &listing);
        let (unlocked, locked) = (self.attributes_of(&known.unknown), self.attributes_of(&found.locked));
        let (unlocked, locked) = join(unlocked, locked).await;
        let (unlocked, locked) = (unlocked?, locked?);
        let are_readable = locked
            .iter()
            .all(|attributes| attributes.as_ref().is_some_and(|it| !it.is_empty()));
        let mut accounts: Vec<String> = if are_readable && !is_incomplete {
            let unlocked = accounts_in(unlocked, service);
            if locked.is_empty() {
                names.remember(service, &known.unknown, &unlocked, &listing);
            }
            let read = unlocked.into_iter().chain(accounts_in(locked, service)).flatten();
            known.accounts.into_iter().chain(read).collect()
        } else {
            let items = self.unlock(found, is_incomplete, &wanted, UnlockScope::All).await?;
            let all = self.attributes_of(&items).await?;
            accounts_in(all, service).into_iter().flatten().collect()
        };
        accounts.sort_unstable();
        accounts.dedup();
        Ok(accounts)
    }

    /// Searches without asking whether the keyring is locked. Asks, and searches again, only if an item has changed since the
    /// start of the listing, or if the search found a locked item or nothing.
    async fn search_unlocked(
        &self,
        wanted: &HashMap<&str, &str>,
        listing: &ListingStart,
    ) -> Result<(SearchResult, bool), CallError> {
        let found = self.session.search(wanted).await?;
        let is_complete = self.session.gnome_keyring.names.is_complete(listing);
        match is_complete && found.locked.is_empty() && !found.unlocked.is_empty() {
            true => Ok((found, false)),
            false => self.search(wanted).await,
        }
    }
}

/// Returns the account of each item.
fn accounts_in(attributes: Vec<Option<Attributes>>, service: &str) -> Vec<Option<String>> {
    let attributes = attributes.into_iter();
    attributes.map(|it| account_in(it?, service)).collect()
}

/// Returns the account in the attributes of an item; `None` if the item belongs to another service or has no account.
fn account_in(mut attributes: Attributes, service: &str) -> Option<String> {
    match attributes.get("service").is_some_and(|actual| actual == service) {
        true => attributes.remove("username"),
        false => None,
    }
}
