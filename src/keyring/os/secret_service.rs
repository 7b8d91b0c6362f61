//! The Secret Service, on Linux and the BSDs: gnome-keyring, KWallet, KeePassXC and others.
//! <https://specifications.freedesktop.org/secret-service-spec/latest/>
//!
//! # What proves a secret
//!
//! The path of an item is remembered, and is only a guess: another program may rename, replace or delete the item at any time.
//! A read of a remembered item therefore sends `GetSecret`, the property `Attributes` and `SearchItems` in one round trip. The
//! secret counts if the search finds exactly this item and the attributes name the wanted key.
//!
//! gnome-keyring handles messages in one thread, in the order in which they arrive, and replies in that order. If the reply to
//! the search arrives after the secret, the search ran after the secret was read. It then proves the same as the attributes, so
//! they are not requested. The order of the replies is checked, not assumed: if it is a different one, the read is repeated
//! with the attributes. The service is recognized as gnome-keyring if the same connection owns the names `org.gnome.keyring` and
//! `org.freedesktop.secrets`. Other services may handle several messages at the same time. The order of their replies proves
//! nothing, so the attributes are always requested.
//!
//! A search for all items of a service returns paths, not names. Reads of many keys therefore request the attributes of each
//! item, on every service. Listings do the same, with one exception: on gnome-keyring, a listing does not request a name that
//! was read within the last second, unless a signal has reported a change of the item. If no item has changed since a listing
//! found nothing locked, it does not ask whether the keyring is locked either. See [`known_names`].

mod address;
mod attempt;
mod body;
mod bus;
mod call_error;
mod connections;
mod gnome_keyring;
mod item_cache;
mod known_names;
mod messages;
mod prompt_gate;
mod read;
mod read_batcher;
mod session;
mod session_cipher;
mod write;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::{Instant, sleep_until, timeout_at};

use self::address::{Candidate, candidates};
use self::attempt::{Attempt, MAX_IN_FLIGHT};
use self::call_error::CallError;
use self::connections::Connection;
use self::messages::DEFAULT_COLLECTION;
use self::session::Session;
use super::Environment;
use crate::keyring::errors::ErrorKind;
use crate::keyring::{DeleteOutcome, KeyringError, ListedAccount, WriteOutcome};
use crate::secret::Secret;

/// Minimum number of accounts that are read in one batch.
const BATCH_THRESHOLD: usize = 8;

/// Maximum number of sessions that a call uses: one that turns out to have ended, and a new one.
const MAX_SESSIONS: u32 = 2;

/// Maximum number of attempts that fail because an item was deleted or replaced during the call.
const MAX_RETRIES: u32 = 24;

/// Number of retries without a pause. The pause then doubles up to [`MAX_RETRY_DELAY`].
const IMMEDIATE_RETRIES: u32 = 4;

/// Longest pause between two retries.
const MAX_RETRY_DELAY: Duration = Duration::from_millis(32);

/// Minimum time that is reserved for closing a prompt, and for asking whether a keyring that does not answer is locked.
const MIN_RESERVE: Duration = Duration::from_millis(150);

/// The work of one attempt.
type Work<'a, T> = Pin<Box<dyn Future<Output = Result<T, CallError>> + Send + 'a>>;

pub(super) struct Backend {
    environment: Environment,
    limit: Duration,
}

impl Backend {
    pub(super) fn new(environment: Environment, limit: Duration) -> Self {
        Self { environment, limit }
    }

    pub(super) async fn get(&self, service: &str, account: &str) -> Result<Option<Secret>, KeyringError> {
        self.run(self.deadline(), &|attempt| {
            Box::pin(async move { attempt.get(service, account).await })
        })
        .await
    }

    pub(super) async fn contains(&self, service: &str, account: &str) -> Result<bool, KeyringError> {
        self.run(self.deadline(), &|attempt| {
            Box::pin(async move { attempt.contains(service, account).await })
        })
        .await
    }

    pub(super) async fn set(&self, service: &str, account: &str, secret: &Secret) -> Result<(), KeyringError> {
        self.run(self.deadline(), &|attempt| {
            Box::pin(async move { attempt.set(service, account, secret).await })
        })
        .await
    }

    pub(super) async fn set_verified(
        &self,
        service: &str,
        account: &str,
        secret: &Secret,
    ) -> Result<WriteOutcome, KeyringError> {
        self.run(self.deadline(), &|attempt| {
            Box::pin(async move {
                let read = attempt.set_verified(service, account, secret).await?;
                let read = read.map_err(|error| into_keyring_error(error, &attempt.connection));
                Ok(WriteOutcome::of_read_back(secret, read))
            })
        })
        .await
    }

    pub(super) async fn delete(&self, service: &str, account: &str) -> Result<bool, KeyringError> {
        let outcome = self.delete_verified(service, account).await?;
        Ok(outcome != DeleteOutcome::NotFound)
    }

    pub(super) async fn delete_verified(&self, service: &str, account: &str) -> Result<DeleteOutcome, KeyringError> {
        // A deletion by an earlier attempt counts even if a later attempt finds no item.
        let was_there = &AtomicBool::new(false);
        let delete = |attempt: Attempt| -> Work<'_, bool> {
            Box::pin(async move {
                let deletion = attempt.delete(service, account).await?;
                was_there.fetch_or(deletion.was_there, Ordering::Relaxed);
                deletion.remains
            })
        };
        let remains = self.run(self.deadline(), &delete).await?;
        Ok(DeleteOutcome::new(was_there.load(Ordering::Relaxed), remains))
    }

    pub(super) async fn accounts(&self, service: &str) -> Result<Vec<String>, KeyringError> {
        self.run(self.deadline(), &|attempt| {
            Box::pin(async move { attempt.accounts(service).await })
        })
        .await
    }

    /// Lists and reads all accounts: with one search and one batch. If items are locked, only lists them.
    pub(super) async fn accounts_with_secrets(&self, service: &str) -> Result<Vec<ListedAccount>, KeyringError> {
        let deadline = self.deadline();
        let together =
            |attempt: Attempt| -> Work<'_, _> { Box::pin(async move { attempt.accounts_with_secrets(service).await }) };
        if let Some(accounts) = self.run(deadline, &together).await? {
            return Ok(accounts);
        }
        let list = |attempt: Attempt| -> Work<'_, _> { Box::pin(async move { attempt.accounts(service).await }) };
        let names: Vec<String> = self.run(deadline, &list).await?;
        Ok(names.into_iter().map(ListedAccount::without_secret).collect())
    }

    /// Reads all accounts within one time limit: in one batch, otherwise individually with many requests in flight at once.
    pub(super) async fn get_many(
        &self,
        service: &str,
        accounts: &[String],
    ) -> Vec<Result<Option<Secret>, KeyringError>> {
        let deadline = self.deadline();
        if accounts.len() >= BATCH_THRESHOLD {
            let names: &Vec<&str> = &accounts.iter().map(String::as_str).collect();
            let together = |attempt: Attempt| -> Work<'_, _> {
                Box::pin(async move {
                    let Some(results) = attempt.get_all(service, names).await? else {
                        return Ok(None);
                    };
                    let connection = &attempt.connection;
                    let results = results.into_iter();
                    let results = results.map(|it| it.map_err(|error| into_keyring_error(error, connection)));
                    Ok(Some(results.collect()))
                })
            };
            if let Ok(Some(results)) = self.run(deadline, &together).await {
                return results;
            }
        }
        let single = async |account: &String| {
            self.run(deadline, &|attempt| {
                Box::pin(async move { attempt.get_single(service, account).await })
            })
            .await
        };
        let mut secrets = Vec::with_capacity(accounts.len());
        for accounts in accounts.chunks(MAX_IN_FLIGHT) {
            secrets.extend(join_all(accounts.iter().map(single)).await);
        }
        secrets
    }

    fn deadline(&self) -> Instant {
        Instant::now() + self.limit
    }

    /// Runs the work on a live session, by the deadline. Repeats it on a new session if the session turns out to have ended, and
    /// on the same session if an item was deleted or replaced during the work.
    ///
    /// The work must be idempotent.
    async fn run<'a, T>(
        &self,
        deadline: Instant,
        work: &(dyn Fn(Attempt) -> Work<'a, T> + Send + Sync),
    ) -> Result<T, KeyringError> {
        let connection = self.connection()?;
        let reserve = (self.limit / 20).max(MIN_RESERVE).min(self.limit / 3);
        let work_deadline = deadline - reserve;
        let (mut sessions, mut retries) = (1, 0);
        loop {
            let session = match timeout_at(deadline, connection.session()).await {
                Ok(Ok(session)) => session,
                Ok(Err(error)) => return Err(into_keyring_error(error, &connection)),
                Err(_) => return Err(into_keyring_error(CallError::timed_out(), &connection)),
            };
            let attempt = Attempt {
                connection: Arc::clone(&connection),
                session: Arc::clone(&session),
                // A prompt is closed a little earlier, so that the call can report it.
                prompt_deadline: work_deadline - reserve,
                batch_limit: self.limit / 2,
            };
            let working = async {
                attempt.check_unlocked().await?;
                work(attempt).await
            };
            let error = match timeout_at(work_deadline, working).await {
                Ok(Ok(result)) => return Ok(result),
                Ok(Err(error)) => error,
                Err(_) => {
                    let error = timeout_error(&connection, &session, deadline).await;
                    return Err(into_keyring_error(error, &connection));
                }
            };
            match error.kind {
                ErrorKind::Unreachable | ErrorKind::SessionExpired => {
                    connection.discard(&session);
                    if sessions == MAX_SESSIONS {
                        return Err(into_keyring_error(error, &connection));
                    }
                    sessions += 1;
                }
                ErrorKind::ItemDeleted => {
                    retries += 1;
                    if retries == MAX_RETRIES {
                        return Err(into_keyring_error(error, &connection));
                    }
                    sleep_until(work_deadline.min(Instant::now() + retry_delay(retries))).await;
                }
                ErrorKind::NotFound | ErrorKind::Failed(_) => return Err(into_keyring_error(error, &connection)),
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

/// Returns the error of a call that timed out: `LOCKED` if the service is locked and waits for the user in a dialog of its
/// own, which counts as the one prompt. A service that does not answer loses its session.
async fn timeout_error(connection: &Connection, session: &Arc<Session>, deadline: Instant) -> CallError {
    if connection.prompt_gate.is_showing() {
        return CallError::timed_out();
    }
    let is_locked = timeout_at(deadline, session.is_default_collection_locked()).await;
    connection.discard(session);
    match is_locked {
        Ok(Ok(Some(true))) => {
            connection.prompt_gate.exhaust_collection(DEFAULT_COLLECTION);
            CallError::locked()
        }
        _ => CallError::timed_out(),
    }
}

fn retry_delay(retries: u32) -> Duration {
    let Some(doublings) = retries.checked_sub(IMMEDIATE_RETRIES + 1) else {
        return Duration::ZERO;
    };
    Duration::from_millis(1 << doublings.min(10)).min(MAX_RETRY_DELAY)
}

/// Returns the error that the caller sees. A service that never answered in this process counts as absent; one that did may
/// hold a secret.
fn into_keyring_error(error: CallError, connection: &Connection) -> KeyringError {
    match error.kind {
        ErrorKind::Unreachable if connection.was_reached() => {
            KeyringError::failed(crate::error::Code::Unavailable, error.message)
        }
        kind => kind.into_error(error.message),
    }
}
