//! One try of one call: what it asks the service, and in which order.

use std::collections::HashMap;
use std::sync::Arc;

use futures_util::future::{join, join_all, try_join_all};
use tokio::time::Instant;
use zbus::OwnedObjectPath;
use zeroize::Zeroizing;

use super::connections::Connection;
use super::prompt::{PromptRequest, collection_of, confirm, still_locked};
use super::read_batcher::Turn;
use super::session::{CallError, DEFAULT_COLLECTION, Session};
use crate::error::Code;
use crate::keyring::errors::ErrorKind;
use crate::secret::Secret;
use crate::telemetry::fingerprint;

/// How many requests are in flight at once, at most: enough to hide every round trip, few enough for a bus's quotas.
pub(super) const IN_FLIGHT: usize = 64;

/// How many secrets one message may bring.
const SECRETS_AT_ONCE: usize = 256;

/// What a read brings back.
pub(super) type Answer = Result<Option<Secret>, CallError>;

/// What a search finds: the unlocked items, and the locked ones.
type Found = (Vec<OwnedObjectPath>, Vec<OwnedObjectPath>);

/// The attributes the keyring family writes, and finds its entries by. Other attributes do not matter.
fn attributes<'a>(service: &'a str, account: &'a str) -> HashMap<&'a str, &'a str> {
    HashMap::from([("service", service), ("username", account)])
}

/// The label the keyring family gives a new entry: what a user reads in Seahorse or KWalletManager.
fn label(service: &str, account: &str) -> String {
    format!("keyring:{account}@{service}")
}

/// Whether a call needs every entry there is, or is content with those that are unlocked.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reach {
    Some,
    All,
}

/// One try of one call.
pub(super) struct Call {
    pub(super) connection: Arc<Connection>,
    pub(super) session: Arc<Session>,
    pub(super) prompt_until: Instant,
}

impl Call {
    /// One round trip where the item is known, else two: where is it, what is it. Of several entries the newest counts.
    ///
    /// While several reads of the service are on their way, it waits to go with others.
    pub(super) async fn get(&self, service: &str, account: &str) -> Answer {
        let (others, _place) = match self.session.read_batcher.turn(service, account).await {
            Turn::Done(answer) => return answer,
            Turn::Alone(place) => (Vec::new(), place),
            Turn::Together(others, place) => (others, Some(place)),
        };
        if others.is_empty() {
            return self.get_alone(service, account).await;
        }
        let accounts: Vec<&str> = std::iter::once(account)
            .chain(others.iter().map(|(other, _)| other.as_str()))
            .collect();
        let Some(mut answers) = self.get_all(service, &accounts).await? else {
            // The others hear of it as their senders go.
            drop(others);
            return self.get_alone(service, account).await;
        };
        let theirs = answers.split_off(1);
        for ((_, sender), answer) in others.into_iter().zip(theirs) {
            // Who has given up does not want it.
            let _ = sender.send(Turn::Done(answer));
        }
        answers.pop().unwrap_or(Ok(None))
    }

    /// The same for one that goes by itself.
    pub(super) async fn get_alone(&self, service: &str, account: &str) -> Answer {
        let attributes = attributes(service, account);
        let known = self.session.known.item(service, account);
        // The guess goes right behind the search that proves it.
        let guess = async {
            match &known {
                Some(item) => self.session.secret(item).await.ok(),
                None => None,
            }
        };
        let (found, guess) = join(self.session.search(&attributes), guess).await;
        let found = found?;
        let is_proved = found.1.is_empty() && found.0.len() == 1 && found.0.first() == known.as_ref();
        let items = self.unlock(found, &attributes, Reach::Some).await?;
        if let [item] = &items[..] {
            self.session.known.remember(service, account, item);
        }
        match guess {
            Some(secret) if is_proved => text(account, secret).map(Some),
            _ => self.read(account, &items).await,
        }
    }

    /// Many at once: where is everything the service has, what is it. Two messages where the items are known, one more for
    /// each that is not. An error is that of the whole try; each answer has its own.
    ///
    /// `None` when the service has much that was not asked for, or something that is locked: then each is better read alone.
    pub(super) async fn get_all(&self, service: &str, accounts: &[&str]) -> Result<Option<Vec<Answer>>, CallError> {
        let (all, locked) = self.session.search(&HashMap::from([("service", service)])).await?;
        if !locked.is_empty() || all.len() > 2 * accounts.len() {
            return Ok(None);
        }
        self.found_unlocked(&all);
        let mut items: HashMap<String, Vec<OwnedObjectPath>> = HashMap::new();
        for (account, item) in self.accounts_of(service, &all).await?.into_iter().zip(all) {
            if let Some(account) = account {
                items.entry(account).or_default().push(item);
            }
        }
        let items = |account: &str| items.get(account).map_or(&[][..], Vec::as_slice);
        // Of several entries the newest counts, which takes another question.
        let single: Vec<&OwnedObjectPath> = accounts
            .iter()
            .filter_map(|account| match items(account) {
                [item] => Some(item),
                _ => None,
            })
            .collect();
        let mut secrets = HashMap::with_capacity(single.len());
        for items in single.chunks(SECRETS_AT_ONCE) {
            match self.session.secrets(items).await {
                Ok(some) => secrets.extend(some),
                Err(trouble) if matches!(trouble.meaning, ErrorKind::Gone | ErrorKind::Stale) => return Err(trouble),
                // A service that does not give many at once gives them one by one.
                Err(_) => {}
            }
        }
        let mut answers = Vec::with_capacity(accounts.len());
        for accounts in accounts.chunks(IN_FLIGHT) {
            let reading = accounts.iter().map(|account| {
                let items = items(account);
                let brought = items.first().and_then(|item| secrets.remove(item));
                async move {
                    match brought {
                        Some(secret) => text(account, secret).map(Some),
                        None => self.read(account, items).await,
                    }
                }
            });
            let reading: Vec<_> = reading.collect();
            for answer in join_all(reading).await {
                match answer {
                    Err(trouble) if !matches!(trouble.meaning, ErrorKind::Failed(_)) => return Err(trouble),
                    answer => answers.push(answer),
                }
            }
        }
        Ok(Some(answers))
    }

    /// One round trip. A locked entry is there, too: nobody is asked to unlock anything.
    pub(super) async fn contains(&self, service: &str, account: &str) -> Result<bool, CallError> {
        let (unlocked, locked) = self.session.search(&attributes(service, account)).await?;
        Ok(!unlocked.is_empty() || !locked.is_empty())
    }

    /// Two round trips: where is it, write it. Leaves one entry where there were several.
    pub(super) async fn set(&self, service: &str, account: &str, secret: &Secret) -> Result<(), CallError> {
        let items = self.unlocked(&attributes(service, account), Reach::Some).await?;
        let Some(newest) = self.newest(&items).await? else {
            return self.create(service, account, secret).await;
        };
        self.session.set_secret(newest, secret.expose()).await?;
        self.session.known.remember(service, account, newest);
        // The value is saved, and newest. An older entry that cannot be removed, or only after a question to the user,
        // changes neither.
        let older = items.iter().filter(|item| *item != newest);
        join_all(older.map(|item| self.session.delete(item))).await;
        Ok(())
    }

    /// Two round trips: where are they, delete them all. What comes back says of each whether it was there.
    pub(super) async fn delete(&self, service: &str, account: &str) -> Result<Vec<Result<bool, CallError>>, CallError> {
        let items = self.unlocked(&attributes(service, account), Reach::All).await?;
        Ok(join_all(items.iter().map(|item| self.remove(item))).await)
    }

    /// One search, then the attributes of what was found and is not known yet, all in flight at once; no secret is read.
    pub(super) async fn accounts(&self, service: &str) -> Result<Vec<String>, CallError> {
        let items = self
            .unlocked(&HashMap::from([("service", service)]), Reach::All)
            .await?;
        let mut accounts: Vec<String> = self.accounts_of(service, &items).await?.into_iter().flatten().collect();
        accounts.sort_unstable();
        accounts.dedup();
        Ok(accounts)
    }

    /// The entries with these attributes, unlocked, with the one prompt if need be; empty when there are none.
    async fn unlocked(
        &self,
        attributes: &HashMap<&str, &str>,
        reach: Reach,
    ) -> Result<Vec<OwnedObjectPath>, CallError> {
        let found = self.session.search(attributes).await?;
        self.unlock(found, attributes, reach).await
    }

    /// The same for what a search has found.
    async fn unlock(
        &self,
        (unlocked, locked): Found,
        attributes: &HashMap<&str, &str>,
        reach: Reach,
    ) -> Result<Vec<OwnedObjectPath>, CallError> {
        let is_enough =
            |unlocked: &[_], locked: &[_]| locked.is_empty() || (reach == Reach::Some && !unlocked.is_empty());
        if is_enough(&unlocked, &locked) {
            self.found_unlocked(&unlocked);
            return Ok(unlocked);
        }
        let wish = PromptRequest::Unlock(locked);
        self.ask(wish.clone()).await?;
        let (unlocked, locked) = self.session.search(attributes).await?;
        if is_enough(&unlocked, &locked) {
            return Ok(unlocked);
        }
        self.connection.prompt.spend(&wish);
        Err(still_locked())
    }

    /// The secret of the newest of an account's entries; `None` when there are none.
    async fn read(&self, account: &str, items: &[OwnedObjectPath]) -> Answer {
        match self.newest(items).await? {
            Some(item) => text(account, self.session.secret(item).await?).map(Some),
            None => Ok(None),
        }
    }

    /// The accounts the items belong to, one for each; `None` for one that has none, or is gone.
    async fn accounts_of(&self, service: &str, items: &[OwnedObjectPath]) -> Result<Vec<Option<String>>, CallError> {
        let mut accounts = Vec::with_capacity(items.len());
        for items in items.chunks(IN_FLIGHT) {
            accounts.extend(try_join_all(items.iter().map(|item| self.account_of(service, item))).await?);
        }
        Ok(accounts)
    }

    async fn account_of(&self, service: &str, item: &OwnedObjectPath) -> Result<Option<String>, CallError> {
        if let Some(account) = self.session.known.account(item) {
            return Ok(Some(account));
        }
        let account = match self.session.attributes(item).await {
            Ok(mut attributes) => attributes.remove("username"),
            Err(trouble) if trouble.meaning == ErrorKind::Vanished => None,
            Err(trouble) => return Err(trouble),
        };
        if let Some(account) = &account {
            self.session.known.remember(service, account, item);
        }
        Ok(account)
    }

    /// The newest of the entries; asks for their times only when there are several.
    async fn newest<'a>(&self, items: &'a [OwnedObjectPath]) -> Result<Option<&'a OwnedObjectPath>, CallError> {
        if items.len() < 2 {
            return Ok(items.first());
        }
        let times = try_join_all(items.iter().map(|item| self.session.times(item))).await?;
        // Times are whole seconds. Paths end in a number that counts up (gnome-keyring), so a tie goes to the longer,
        // then the greater one.
        let age = |(item, times): &(&OwnedObjectPath, (u64, u64))| (*times, item.as_str().len(), item.to_string());
        Ok(items.iter().zip(times).max_by_key(age).map(|(item, _)| item))
    }

    /// Creates the entry in the default collection, which is unlocked or created first if need be.
    async fn create(&self, service: &str, account: &str, secret: &Secret) -> Result<(), CallError> {
        let label = label(service, account);
        let create = || {
            self.session
                .create(&label, attributes(service, account), secret.expose())
        };
        let trouble = match create().await {
            Ok(answer) => return self.created(answer).await,
            Err(trouble) => trouble,
        };
        let wish = match (trouble.meaning, self.session.default_collection().await?) {
            (ErrorKind::Failed(Code::Locked), Some(collection)) => PromptRequest::Unlock(vec![collection]),
            // A fresh gnome-keyring without a login keyring has no default collection. libsecret creates one, too.
            (_, None) => PromptRequest::CreateDefaultCollection,
            _ => return Err(trouble),
        };
        self.ask(wish.clone()).await?;
        match create().await {
            Ok(answer) => self.created(answer).await,
            Err(trouble) => {
                if trouble.meaning == ErrorKind::Failed(Code::Locked) {
                    self.connection.prompt.spend(&wish);
                }
                Err(trouble)
            }
        }
    }

    async fn created(&self, (item, prompt): (OwnedObjectPath, OwnedObjectPath)) -> Result<(), CallError> {
        if item.as_str() == "/" {
            confirm(&self.session, &prompt).await?;
        }
        self.found_unlocked(std::slice::from_ref(&item));
        self.connection.prompt.found_unlocked(DEFAULT_COLLECTION);
        Ok(())
    }

    /// Whether it was there to be deleted.
    async fn remove(&self, item: &OwnedObjectPath) -> Result<bool, CallError> {
        match self.session.delete(item).await {
            Ok(prompt) => confirm(&self.session, &prompt).await.map(|()| true),
            Err(trouble) if trouble.meaning == ErrorKind::Vanished => Ok(false),
            Err(trouble) => Err(trouble),
        }
    }

    async fn ask(&self, wish: PromptRequest) -> Result<(), CallError> {
        self.connection.prompt.ask(&self.session, wish, self.prompt_until).await
    }

    fn found_unlocked(&self, items: &[OwnedObjectPath]) {
        for item in items {
            self.connection.prompt.found_unlocked(&collection_of(item));
        }
    }
}

/// The text of a secret that was read.
fn text(account: &str, mut secret: Zeroizing<Vec<u8>>) -> Result<Secret, CallError> {
    Secret::from_utf8(std::mem::take(&mut *secret)).ok_or_else(|| {
        CallError::new(
            ErrorKind::Failed(Code::Corrupt),
            format!("The keyring's value of key {} is not text", fingerprint(account)),
        )
    })
}
