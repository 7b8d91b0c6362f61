//! The Secret Service, on Linux and the BSDs: gnome-keyring, KWallet, KeePassXC.
//! <https://specifications.freedesktop.org/secret-service-spec/latest/>

mod address;
mod connections;
mod prompt;
mod session;

use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::future::{join_all, try_join_all};
use tokio::time::{Instant, timeout_at};
use zbus::zvariant::OwnedObjectPath;

use self::address::{Candidate, candidates};
use self::connections::Connection;
use self::prompt::{Wish, collection_of, confirm, still_locked};
use self::session::{DEFAULT_COLLECTION, Session, Trouble};
use super::Environment;
use crate::error::Code;
use crate::keyring::KeyringError;
use crate::keyring::errors::Meaning;
use crate::secret::Secret;
use crate::telemetry::fingerprint;

/// How many requests are in flight at once, at most: enough to hide every round trip, few enough for a bus's quotas.
const IN_FLIGHT: usize = 64;

/// From how many accounts on a look at the whole service pays.
const MANY: usize = 8;

/// How many sessions a call may use up: one that has died unnoticed, and a fresh one.
const SESSIONS: u32 = 2;

/// How often a call looks for an entry that others delete and create at the same time.
const LOOKS: u32 = 50;

/// The attributes the keyring family writes, and finds its entries by. Other attributes do not matter.
fn attributes<'a>(service: &'a str, account: &'a str) -> HashMap<&'a str, &'a str> {
    HashMap::from([("service", service), ("username", account)])
}

/// The label the keyring family gives a new entry: what a user reads in Seahorse or KWalletManager.
fn label(service: &str, account: &str) -> String {
    format!("keyring:{account}@{service}")
}

pub(super) struct Backend {
    environment: Environment,
    limit: Duration,
}

impl Backend {
    pub(super) fn new(environment: Environment, limit: Duration) -> Self {
        Self { environment, limit }
    }

    /// Two round trips: where is it, what is it. Of several entries the newest counts.
    pub(super) async fn get(&self, service: &str, account: &str) -> Result<Option<Secret>, KeyringError> {
        self.get_by(self.deadline(), service, account).await
    }

    async fn get_by(&self, deadline: Instant, service: &str, account: &str) -> Result<Option<Secret>, KeyringError> {
        self.run(deadline, |call| async move {
            let items = call.unlocked(&attributes(service, account), Reach::Some).await?;
            call.read(account, &items).await
        })
        .await
    }

    /// One round trip. A locked entry is there, too: nobody is asked to unlock anything.
    pub(super) async fn contains(&self, service: &str, account: &str) -> Result<bool, KeyringError> {
        self.run(self.deadline(), |call| async move {
            let (unlocked, locked) = call.session.search(&attributes(service, account)).await?;
            Ok(!unlocked.is_empty() || !locked.is_empty())
        })
        .await
    }

    /// Two round trips: where is it, write it. Leaves one entry where there were several.
    pub(super) async fn set(&self, service: &str, account: &str, secret: &Secret) -> Result<(), KeyringError> {
        self.run(self.deadline(), |call| async move {
            let items = call.unlocked(&attributes(service, account), Reach::Some).await?;
            let Some(newest) = call.newest(&items).await? else {
                return call.create(service, account, secret).await;
            };
            call.session.set_secret(newest, secret.expose()).await?;
            // The value is saved, and newest. An older entry that cannot be removed, or only after a question to the user,
            // changes neither.
            let older = items.iter().filter(|item| *item != newest);
            join_all(older.map(|item| call.session.delete(item))).await;
            Ok(())
        })
        .await
    }

    /// Two round trips: where are they, delete them all.
    pub(super) async fn delete(&self, service: &str, account: &str) -> Result<bool, KeyringError> {
        // Survives a second try: what the first one deleted is deleted.
        let deleted = &AtomicBool::new(false);
        self.run(self.deadline(), |call| async move {
            let items = call.unlocked(&attributes(service, account), Reach::All).await?;
            let done = join_all(items.iter().map(|item| call.delete(item))).await;
            if done.iter().any(|done| matches!(done, Ok(true))) {
                deleted.store(true, Ordering::Relaxed);
            }
            done.into_iter().collect::<Result<Vec<_>, _>>()
        })
        .await?;
        Ok(deleted.load(Ordering::Relaxed))
    }

    /// One search, then the attributes of all that was found, all in flight at once; no secret is read.
    pub(super) async fn accounts(&self, service: &str) -> Result<Vec<String>, KeyringError> {
        self.run(self.deadline(), |call| async move {
            let items = call
                .unlocked(&HashMap::from([("service", service)]), Reach::All)
                .await?;
            let mut accounts: Vec<String> = call.accounts(&items).await?.into_iter().flatten().collect();
            accounts.sort_unstable();
            accounts.dedup();
            Ok(accounts)
        })
        .await
    }

    /// All in flight at once, within one limit.
    pub(super) async fn get_many(
        &self,
        service: &str,
        accounts: &[String],
    ) -> Vec<Result<Option<Secret>, KeyringError>> {
        let deadline = self.deadline();
        if accounts.len() >= MANY
            && let Ok(Some(secrets)) = self.get_most(deadline, service, accounts).await
        {
            return secrets;
        }
        let mut secrets = Vec::with_capacity(accounts.len());
        for accounts in accounts.chunks(IN_FLIGHT) {
            let reading = accounts.iter().map(|account| self.get_by(deadline, service, account));
            secrets.extend(join_all(reading).await);
        }
        secrets
    }

    /// Reads most of what a service has: one search for all of it costs the daemon less than one for each account.
    /// `None` when the service has much that was not asked for.
    async fn get_most(
        &self,
        deadline: Instant,
        service: &str,
        accounts: &[String],
    ) -> Result<Option<Vec<Result<Option<Secret>, KeyringError>>>, KeyringError> {
        self.run(deadline, |call| async move {
            let all = call
                .unlocked(&HashMap::from([("service", service)]), Reach::All)
                .await?;
            if all.len() > 2 * accounts.len() {
                return Ok(None);
            }
            let mut items: HashMap<String, Vec<OwnedObjectPath>> = HashMap::new();
            for (account, item) in call.accounts(&all).await?.into_iter().zip(&all) {
                if let Some(account) = account {
                    items.entry(account).or_default().push(item.clone());
                }
            }
            let mut secrets = Vec::with_capacity(accounts.len());
            for accounts in accounts.chunks(IN_FLIGHT) {
                let reading = accounts.iter().map(|account| {
                    let items = items.get(account).map_or(&[][..], Vec::as_slice);
                    call.read(account, items)
                });
                for secret in join_all(reading).await {
                    match secret {
                        Err(trouble) if !matches!(trouble.meaning, Meaning::Failed(_)) => return Err(trouble),
                        secret => secrets.push(secret.map_err(|trouble| reported(trouble, &call.connection))),
                    }
                }
            }
            Ok(Some(secrets))
        })
        .await
    }

    fn deadline(&self) -> Instant {
        Instant::now() + self.limit
    }

    /// Does the work on a live session, by the deadline; again when the session had died unnoticed (on a fresh one), or
    /// when what it worked on was deleted meanwhile.
    ///
    /// Work that is done twice must end as if it were done once.
    async fn run<T, F>(&self, deadline: Instant, work: impl Fn(Call) -> F) -> Result<T, KeyringError>
    where
        F: Future<Output = Result<T, Trouble>>,
    {
        let connection = self.connection()?;
        let (mut sessions, mut looks) = (SESSIONS, LOOKS);
        loop {
            let session = match timeout_at(deadline, connection.session()).await {
                Ok(Ok(session)) => session,
                Ok(Err(trouble)) => return Err(reported(trouble, &connection)),
                Err(_) => return Err(timed_out()),
            };
            let call = Call {
                connection: Arc::clone(&connection),
                session: Arc::clone(&session),
                // A little earlier than the call itself, which then says what it waited for.
                prompt_until: deadline - self.limit / 20,
            };
            match timeout_at(deadline, work(call)).await {
                Ok(Ok(done)) => return Ok(done),
                Ok(Err(trouble)) => {
                    let tries_left = match trouble.meaning {
                        Meaning::Gone | Meaning::Stale => {
                            connection.discard(&session);
                            &mut sessions
                        }
                        Meaning::Vanished => &mut looks,
                        Meaning::Missing | Meaning::Failed(_) => return Err(reported(trouble, &connection)),
                    };
                    *tries_left -= 1;
                    if *tries_left == 0 {
                        return Err(reported(trouble, &connection));
                    }
                }
                Err(_) => {
                    if !connection.prompt.is_up() {
                        connection.discard(&session);
                    }
                    return Err(timed_out());
                }
            }
        }
    }

    fn connection(&self) -> Result<Arc<Connection>, KeyringError> {
        let uid = rustix::process::getuid().as_raw();
        candidates(&self.environment, uid)
            .into_iter()
            .find_map(|candidate| {
                let connection = || Connection::to(&candidate.address());
                match &candidate {
                    Candidate::Explicit(_) => Some(connection()),
                    Candidate::Socket(path) if path.exists() => Some(connection()),
                    Candidate::Socket(_) => Some(connection()).filter(|connection| connection.was_reached()),
                }
            })
            .ok_or_else(|| KeyringError::absent("There is no D-Bus session bus"))
    }
}

/// Whether a call needs every entry there is, or is content with those that are unlocked.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reach {
    Some,
    All,
}

/// One try of one call.
struct Call {
    connection: Arc<Connection>,
    session: Arc<Session>,
    prompt_until: Instant,
}

impl Call {
    /// The entries with these attributes, unlocked, with the one prompt if need be; empty when there are none.
    async fn unlocked(&self, attributes: &HashMap<&str, &str>, reach: Reach) -> Result<Vec<OwnedObjectPath>, Trouble> {
        let is_enough =
            |unlocked: &[_], locked: &[_]| locked.is_empty() || (reach == Reach::Some && !unlocked.is_empty());
        let (unlocked, locked) = self.session.search(attributes).await?;
        if is_enough(&unlocked, &locked) {
            self.found_unlocked(&unlocked);
            return Ok(unlocked);
        }
        let wish = Wish::Unlock(locked);
        self.ask(wish.clone()).await?;
        let (unlocked, locked) = self.session.search(attributes).await?;
        if is_enough(&unlocked, &locked) {
            return Ok(unlocked);
        }
        self.connection.prompt.spend(&wish);
        Err(still_locked())
    }

    /// The secret of the newest of an account's entries; `None` when there are none.
    async fn read(&self, account: &str, items: &[OwnedObjectPath]) -> Result<Option<Secret>, Trouble> {
        let Some(item) = self.newest(items).await? else {
            return Ok(None);
        };
        match Secret::from_utf8(self.session.secret(item).await?) {
            Some(secret) => Ok(Some(secret)),
            None => Err(Trouble::new(
                Meaning::Failed(Code::Corrupt),
                format!("The keyring's value of key {} is not text", fingerprint(account)),
            )),
        }
    }

    /// The accounts the items belong to, one for each; `None` for one that has none, or is gone.
    async fn accounts(&self, items: &[OwnedObjectPath]) -> Result<Vec<Option<String>>, Trouble> {
        let mut accounts = Vec::with_capacity(items.len());
        for items in items.chunks(IN_FLIGHT) {
            accounts.extend(try_join_all(items.iter().map(|item| self.account(item))).await?);
        }
        Ok(accounts)
    }

    /// The newest of the entries; asks for their times only when there are several.
    async fn newest<'a>(&self, items: &'a [OwnedObjectPath]) -> Result<Option<&'a OwnedObjectPath>, Trouble> {
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
    async fn create(&self, service: &str, account: &str, secret: &Secret) -> Result<(), Trouble> {
        let label = label(service, account);
        let create = || {
            self.session
                .create(&label, attributes(service, account), secret.expose())
        };
        let trouble = match create().await {
            Ok(item) => {
                self.created(&item);
                return Ok(());
            }
            Err(trouble) => trouble,
        };
        let wish = match (trouble.meaning, self.session.default_collection().await?) {
            (Meaning::Failed(Code::Locked), Some(collection)) => Wish::Unlock(vec![collection]),
            // A fresh gnome-keyring without a login keyring has no default collection. libsecret creates one, too.
            (_, None) => Wish::CreateDefaultCollection,
            _ => return Err(trouble),
        };
        self.ask(wish.clone()).await?;
        match create().await {
            Ok(item) => {
                self.created(&item);
                Ok(())
            }
            Err(trouble) => {
                if trouble.meaning == Meaning::Failed(Code::Locked) {
                    self.connection.prompt.spend(&wish);
                }
                Err(trouble)
            }
        }
    }

    fn created(&self, item: &OwnedObjectPath) {
        self.found_unlocked(std::slice::from_ref(item));
        self.connection.prompt.found_unlocked(DEFAULT_COLLECTION);
    }

    /// Whether it was there to be deleted.
    async fn delete(&self, item: &OwnedObjectPath) -> Result<bool, Trouble> {
        match self.session.delete(item).await {
            Ok(prompt) => confirm(&self.session, &prompt).await.map(|()| true),
            Err(trouble) if trouble.meaning == Meaning::Vanished => Ok(false),
            Err(trouble) => Err(trouble),
        }
    }

    async fn account(&self, item: &OwnedObjectPath) -> Result<Option<String>, Trouble> {
        match self.session.attributes(item).await {
            Ok(mut attributes) => Ok(attributes.remove("username")),
            Err(trouble) if trouble.meaning == Meaning::Vanished => Ok(None),
            Err(trouble) => Err(trouble),
        }
    }

    async fn ask(&self, wish: Wish) -> Result<(), Trouble> {
        self.connection.prompt.ask(&self.session, wish, self.prompt_until).await
    }

    fn found_unlocked(&self, items: &[OwnedObjectPath]) {
        for item in items {
            self.connection.prompt.found_unlocked(&collection_of(item));
        }
    }
}

/// Where nobody ever answered there is no keyring; where somebody did, a secret may still be behind it.
fn reported(trouble: Trouble, connection: &Connection) -> KeyringError {
    match trouble.meaning {
        Meaning::Gone if connection.was_reached() => KeyringError::failed(Code::Unavailable, trouble.what),
        meaning => meaning.into_error(trouble.what),
    }
}

fn timed_out() -> KeyringError {
    KeyringError::failed(Code::Timeout, "The keyring did not answer in time")
}
