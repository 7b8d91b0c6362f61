//! Credential stores whose calls block (Keychain, Credential Manager), through the `keyring` family: each call on a
//! blocking thread, within the limit.
//!
//! A call that hangs keeps its thread; its caller gets `TIMEOUT`, and everybody else has threads of their own.

use std::any::Any;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::time::Duration;

use keyring_core::{Entry, Error};
use tokio::sync::Mutex;
use zeroize::Zeroize;

use super::Environment;
use crate::error::Code;
use crate::keyring::KeyringError;
use crate::keyring::errors::{ErrorKind, keyring_core_error};
use crate::secret::Secret;

/// What differs from platform to platform.
pub(super) trait Platform: Send + Sync + 'static {
    /// What the user knows it as, at the start of a sentence.
    const NAME: &'static str;

    /// The entry of one account, as the family stores it.
    fn entry(service: &str, account: &str) -> Result<Entry, Error>;

    /// The accounts of a service, without their secrets, in any order.
    fn accounts(service: &str) -> Result<Vec<String>, Error>;

    /// The number the platform itself gave for an error of the last call on this thread, and what it means.
    fn number(error: &Error) -> Option<(i64, ErrorKind)>;

    /// Whether the user may be prompted; `None` where this platform never prompts.
    fn gate() -> Option<&'static Gate>;

    /// Keeps the platform from prompting until what comes back is dropped.
    fn silence() -> Box<dyn Any>;
}

/// One prompt per process (R7B), on a platform that shows it by itself in the middle of a call.
///
/// Until a call has succeeded, calls go one at a time, so that one prompt serves all who wait. A call that was refused
/// or hung uses the prompt up: from then on calls are silent, one at a time, until one succeeds.
pub(super) struct Gate {
    alone: Mutex<()>,
    state: AtomicU8,
}

const UNKNOWN: u8 = 0;
const OPEN: u8 = 1;
const SPENT: u8 = 2;

impl Gate {
    #[cfg_attr(windows, allow(dead_code))] // Credential Manager never prompts
    pub(super) const fn new() -> Self {
        Self {
            alone: Mutex::const_new(()),
            state: AtomicU8::new(UNKNOWN),
        }
    }

    fn is(&self, state: u8) -> bool {
        self.state.load(Ordering::Relaxed) == state
    }

    fn set_mode(&self, state: u8) {
        self.state.store(state, Ordering::Relaxed);
    }
}

pub(super) struct Backend<P> {
    limit: Duration,
    reached: AtomicBool,
    platform: PhantomData<P>,
}

/// What a call met, and a sentence about it.
type CallError = (ErrorKind, String);

impl<P: Platform> Backend<P> {
    pub(super) fn new(_environment: Environment, limit: Duration) -> Self {
        Self {
            limit,
            reached: AtomicBool::new(false),
            platform: PhantomData,
        }
    }

    pub(super) async fn get(&self, service: &str, account: &str) -> Result<Option<Secret>, KeyringError> {
        let (service, account) = (service.to_owned(), account.to_owned());
        self.call(move || read::<P>(&service, &account)).await
    }

    /// By reading it: the family has no other way to ask.
    pub(super) async fn contains(&self, service: &str, account: &str) -> Result<bool, KeyringError> {
        Ok(self.get(service, account).await?.is_some())
    }

    pub(super) async fn set(&self, service: &str, account: &str, secret: &Secret) -> Result<(), KeyringError> {
        let (service, account, secret) = (service.to_owned(), account.to_owned(), secret.clone());
        self.call(move || attempt::<P, _>(|| P::entry(&service, &account)?.set_password(secret.expose())))
            .await
    }

    pub(super) async fn delete(&self, service: &str, account: &str) -> Result<bool, KeyringError> {
        let (service, account) = (service.to_owned(), account.to_owned());
        self.call(move || {
            let deleted = attempt::<P, _>(|| P::entry(&service, &account)?.delete_credential());
            Ok(or_missing(deleted)?.is_some())
        })
        .await
    }

    pub(super) async fn accounts(&self, service: &str) -> Result<Vec<String>, KeyringError> {
        let service = service.to_owned();
        self.call(move || {
            let accounts = attempt::<P, _>(|| P::accounts(&service));
            let mut accounts = or_missing(accounts)?.unwrap_or_default();
            accounts.sort_unstable();
            accounts.dedup();
            Ok(accounts)
        })
        .await
    }

    /// One after the other on one thread: these stores answer from memory, and a thread per key would cost more.
    pub(super) async fn get_many(
        &self,
        service: &str,
        accounts: &[String],
    ) -> Vec<Result<Option<Secret>, KeyringError>> {
        let (service, wanted) = (service.to_owned(), accounts.to_vec());
        let secrets = self
            .call(move || Ok(wanted.iter().map(|account| read::<P>(&service, account)).collect()))
            .await;
        match secrets {
            Ok(secrets) => Vec::into_iter(secrets)
                .map(|secret| secret.map_err(|trouble| self.reported(trouble)))
                .collect(),
            Err(error) => accounts.iter().map(|_| Err(error.clone())).collect(),
        }
    }

    async fn call<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, CallError> + Send + 'static,
    ) -> Result<T, KeyringError> {
        let gate = P::gate();
        let answer = tokio::time::timeout(self.limit, async {
            let _alone = match gate.filter(|gate| !gate.is(OPEN)) {
                Some(gate) => Some(gate.alone.lock().await),
                None => None,
            };
            tokio::task::spawn_blocking(work).await
        });
        match answer.await {
            Ok(Ok(Ok(done))) => {
                self.reached.store(true, Ordering::Relaxed);
                Ok(done)
            }
            Ok(Ok(Err(trouble))) => Err(self.reported(trouble)),
            Ok(Err(_)) => Err(KeyringError::failed(
                Code::Unavailable,
                format!("{} broke off in the middle of a call", P::NAME),
            )),
            Err(_) => {
                if let Some(gate) = gate {
                    gate.set_mode(SPENT);
                }
                Err(KeyringError::failed(
                    Code::Timeout,
                    format!("{} did not answer in time", P::NAME),
                ))
            }
        }
    }

    /// Where nobody ever answered there is no keyring; where somebody did, a secret may still be behind it.
    fn reported(&self, (meaning, what): CallError) -> KeyringError {
        match meaning {
            ErrorKind::Gone if self.reached.load(Ordering::Relaxed) => KeyringError::failed(Code::Unavailable, what),
            meaning => meaning.into_error(what),
        }
    }
}

fn read<P: Platform>(service: &str, account: &str) -> Result<Option<Secret>, CallError> {
    let text = attempt::<P, _>(|| P::entry(service, account)?.get_password());
    Ok(or_missing(text)?.map(Secret::new))
}

/// One call on the store, silent if the one prompt is used up.
fn attempt<P: Platform, T>(work: impl FnOnce() -> Result<T, Error>) -> Result<T, CallError> {
    let gate = P::gate();
    let _silence = gate.filter(|gate| gate.is(SPENT)).map(|_| P::silence());
    let answer = work().map_err(explained::<P>);
    if let Some(gate) = gate {
        match &answer {
            Ok(_) | Err((ErrorKind::Missing, _)) => gate.set_mode(OPEN),
            Err((ErrorKind::Failed(Code::Denied | Code::Locked), _)) => gate.set_mode(SPENT),
            Err(_) => {}
        }
    }
    answer
}

fn or_missing<T>(answer: Result<T, CallError>) -> Result<Option<T>, CallError> {
    match answer {
        Ok(value) => Ok(Some(value)),
        Err((ErrorKind::Missing, _)) => Ok(None),
        Err(trouble) => Err(trouble),
    }
}

/// What an error means, in a sentence; the bytes of a secret that some errors carry are wiped.
fn explained<P: Platform>(mut error: Error) -> CallError {
    let number = P::number(&error);
    let meaning = keyring_core_error(&error, number.map(|(_, meaning)| meaning));
    let name = P::NAME;
    let mut what = match (&error, meaning) {
        (Error::TooLong(part, limit), _) => {
            format!("{name} has no room for it: the {part} takes more than {limit} bytes")
        }
        (_, ErrorKind::Failed(Code::Corrupt)) => {
            format!("{name} cannot hold this name, or holds a value that is no text")
        }
        (_, ErrorKind::Failed(Code::Locked)) => format!("{name} is locked"),
        (_, ErrorKind::Failed(Code::Denied)) => format!("{name} refused access, or its prompt was dismissed"),
        (_, ErrorKind::Gone) => format!("{name} is not available in this session"),
        _ => format!("{name} failed"),
    };
    if let Some((number, _)) = number {
        what.push_str(&format!(" (error {number})"));
    }
    if let Error::BadEncoding(bytes) | Error::BadDataFormat(bytes, _) = &mut error {
        bytes.zeroize();
    }
    (meaning, what)
}

#[cfg(test)]
mod tests;
