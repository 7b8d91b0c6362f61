//! The Secret Service, on Linux and the BSDs: gnome-keyring, KWallet, KeePassXC.
//! <https://specifications.freedesktop.org/secret-service-spec/latest/>

mod address;
mod call;
mod connections;
mod item_cache;
mod prompt;
mod read_batcher;
mod session;
mod transfer;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::{Instant, timeout_at};

use self::address::{Candidate, candidates};
use self::call::{Answer, Call, IN_FLIGHT};
use self::connections::Connection;
use self::session::CallError;
use super::Environment;
use crate::error::Code;
use crate::keyring::KeyringError;
use crate::keyring::errors::ErrorKind;
use crate::secret::Secret;

/// From how many accounts on a look at the whole service pays.
const MANY: usize = 8;

/// How many sessions a call may use up: one that has died unnoticed, and a fresh one.
const SESSIONS: u32 = 2;

/// How often a call looks for an entry that others delete and create at the same time.
const LOOKS: u32 = 50;

/// What a call does with one try.
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
        self.run(self.deadline(), &|call| {
            Box::pin(async move { call.get(service, account).await })
        })
        .await
    }

    pub(super) async fn contains(&self, service: &str, account: &str) -> Result<bool, KeyringError> {
        self.run(self.deadline(), &|call| {
            Box::pin(async move { call.contains(service, account).await })
        })
        .await
    }

    pub(super) async fn set(&self, service: &str, account: &str, secret: &Secret) -> Result<(), KeyringError> {
        self.run(self.deadline(), &|call| {
            Box::pin(async move { call.set(service, account, secret).await })
        })
        .await
    }

    pub(super) async fn delete(&self, service: &str, account: &str) -> Result<bool, KeyringError> {
        // Survives a second try: what the first one deleted is deleted.
        let deleted = &AtomicBool::new(false);
        self.run(self.deadline(), &|call| {
            Box::pin(async move {
                let done = call.delete(service, account).await?;
                if done.iter().any(|done| matches!(done, Ok(true))) {
                    deleted.store(true, Ordering::Relaxed);
                }
                done.into_iter().collect::<Result<Vec<_>, _>>()
            })
        })
        .await?;
        Ok(deleted.load(Ordering::Relaxed))
    }

    pub(super) async fn accounts(&self, service: &str) -> Result<Vec<String>, KeyringError> {
        self.run(self.deadline(), &|call| {
            Box::pin(async move { call.accounts(service).await })
        })
        .await
    }

    /// All together, or all in flight at once, within one limit.
    pub(super) async fn get_many(
        &self,
        service: &str,
        accounts: &[String],
    ) -> Vec<Result<Option<Secret>, KeyringError>> {
        let deadline = self.deadline();
        if accounts.len() >= MANY {
            let names: &Vec<&str> = &accounts.iter().map(String::as_str).collect();
            let together = |call: Call| -> Work<'_, _> {
                Box::pin(async move {
                    let answers = call.get_all(service, names).await?;
                    let reported = |answer: Answer| answer.map_err(|trouble| reported(trouble, &call.connection));
                    Ok(answers.map(|answers| answers.into_iter().map(reported).collect()))
                })
            };
            if let Ok(Some(answers)) = self.run(deadline, &together).await {
                return answers;
            }
        }
        let alone = async |account: &String| {
            self.run(deadline, &|call| {
                Box::pin(async move { call.get_alone(service, account).await })
            })
            .await
        };
        let mut secrets = Vec::with_capacity(accounts.len());
        for accounts in accounts.chunks(IN_FLIGHT) {
            secrets.extend(join_all(accounts.iter().map(alone)).await);
        }
        secrets
    }

    fn deadline(&self) -> Instant {
        Instant::now() + self.limit
    }

    /// Does the work on a live session, by the deadline; again when the session had died unnoticed (on a fresh one), or
    /// when what it worked on was deleted meanwhile.
    ///
    /// Work that is done twice must end as if it were done once.
    async fn run<'a, T>(
        &self,
        deadline: Instant,
        work: &(dyn Fn(Call) -> Work<'a, T> + Send + Sync),
    ) -> Result<T, KeyringError> {
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
                        ErrorKind::Gone | ErrorKind::Stale => {
                            connection.discard(&session);
                            &mut sessions
                        }
                        ErrorKind::Vanished => &mut looks,
                        ErrorKind::Missing | ErrorKind::Failed(_) => return Err(reported(trouble, &connection)),
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

/// Where nobody ever answered there is no keyring; where somebody did, a secret may still be behind it.
fn reported(trouble: CallError, connection: &Connection) -> KeyringError {
    match trouble.meaning {
        ErrorKind::Gone if connection.was_reached() => KeyringError::failed(Code::Unavailable, trouble.what),
        meaning => meaning.into_error(trouble.what),
    }
}

fn timed_out() -> KeyringError {
    KeyringError::failed(Code::Timeout, "The keyring did not answer in time")
}
