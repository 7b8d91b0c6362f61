//! Credential stores whose calls block: Keychain and Credential Manager. Each call runs on a blocking thread, with a time
//! limit.
//!
//! A call that hangs keeps its thread. Its caller gets `TIMEOUT`, and other calls use other threads.

use std::any::Any;
use std::collections::HashSet;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::Environment;
use crate::error::Code;
use crate::keyring::errors::{ErrorKind, notice_refusal};
use crate::keyring::{DeleteOutcome, KeyringError, WriteOutcome};
use crate::secret::Secret;

/// The kind of a failure, and a sentence that describes it.
pub(super) type BlockingError = (ErrorKind, String);

/// The calls of a platform. Each runs on a blocking thread.
pub(super) trait Platform: Send + Sync + 'static {
    /// The name that users know, as the start of a sentence.
    const NAME: &'static str;

    /// Returns the secret of an entry.
    fn get(service: &str, account: &str) -> Result<Secret, BlockingError>;

    /// Stores the secret of an entry. Never reads a secret.
    fn set(service: &str, account: &str, secret: &Secret) -> Result<(), BlockingError>;

    /// Deletes an entry. Fails with `NotFound` if there is none.
    fn delete(service: &str, account: &str) -> Result<(), BlockingError>;

    /// Returns whether an entry exists, without reading its secret where the platform allows that.
    fn contains(service: &str, account: &str) -> Result<bool, BlockingError>;

    /// Returns the accounts of a service, without reading their secrets, in any order.
    fn accounts(service: &str) -> Result<Vec<String>, BlockingError>;

    /// Returns the prompts that this process may still show; `None` on a platform that never shows any.
    fn prompts() -> Option<&'static Prompts>;

    /// Returns whether the keyring as a whole is locked, so that a refusal was a refusal to unlock it.
    fn is_locked() -> bool;

    /// Prevents dialogs until the returned value is dropped.
    fn silence() -> Box<dyn Any>;
}

/// Allows one prompt per process, on a platform that shows prompts in the middle of a call.
///
/// Until a call has succeeded, calls run one at a time, so that one prompt serves all of them. An entry that was refused
/// never prompts again. After a refusal to unlock the keyring, or after a call that hung, all calls are silent until one
/// succeeds. Silent calls run one at a time, because silence applies to the whole process.
pub(super) struct Prompts {
    /// Held exclusively by calls that run alone.
    calls: tokio::sync::RwLock<()>,
    state: Mutex<PromptState>,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Access {
    /// No call has succeeded or was refused yet.
    #[default]
    Unknown,
    /// A call has succeeded.
    Granted,
    /// The user refused to unlock the keyring, or a call hung.
    Refused,
}

#[derive(Default)]
struct PromptState {
    access: Access,
    refused_entries: Option<HashSet<(String, String)>>,
}

impl Prompts {
    #[cfg_attr(windows, allow(dead_code))] // Credential Manager never prompts
    pub(super) const fn new() -> Self {
        Self {
            calls: tokio::sync::RwLock::const_new(()),
            state: Mutex::new(PromptState {
                access: Access::Unknown,
                refused_entries: None,
            }),
        }
    }

    /// Returns whether calls may run at the same time.
    fn is_granted(&self) -> bool {
        let state = self.state();
        state.access == Access::Granted && state.refused_entries.is_none()
    }

    /// Returns whether a call for this entry must not show a dialog. `None` stands for a call that reads no secret.
    fn must_be_silent(&self, entry: Option<(&str, &str)>) -> bool {
        let state = self.state();
        let is_refused = |(service, account): (&str, &str)| {
            let key = (service.to_owned(), account.to_owned());
            state
                .refused_entries
                .as_ref()
                .is_some_and(|entries| entries.contains(&key))
        };
        state.access == Access::Refused || entry.is_some_and(is_refused)
    }

    fn grant(&self) {
        self.state().access = Access::Granted;
    }

    fn refuse_all(&self) {
        self.state().access = Access::Refused;
    }

    fn refuse(&self, (service, account): (&str, &str)) {
        let key = (service.to_owned(), account.to_owned());
        self.state().refused_entries.get_or_insert_default().insert(key);
    }

    fn state(&self) -> MutexGuard<'_, PromptState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) struct Backend<P> {
    limit: Duration,
    was_reached: AtomicBool,
    platform: PhantomData<P>,
}

impl<P: Platform> Backend<P> {
    pub(super) fn new(_environment: Environment, limit: Duration) -> Self {
        Self {
            limit,
            was_reached: AtomicBool::new(false),
            platform: PhantomData,
        }
    }

    pub(super) async fn get(&self, service: &str, account: &str) -> Result<Option<Secret>, KeyringError> {
        let (service, account) = (service.to_owned(), account.to_owned());
        self.call(move || read::<P>(&service, &account)).await
    }

    pub(super) async fn contains(&self, service: &str, account: &str) -> Result<bool, KeyringError> {
        let (service, account) = (service.to_owned(), account.to_owned());
        self.call(move || attempt::<P, _>(None, || P::contains(&service, &account)))
            .await
    }

    pub(super) async fn set(&self, service: &str, account: &str, secret: &Secret) -> Result<(), KeyringError> {
        let (service, account, secret) = (service.to_owned(), account.to_owned(), secret.clone());
        self.call(move || write::<P>(&service, &account, &secret)).await
    }

    /// Writes and reads back without showing a dialog. An entry that cannot be read without one counts as verified if it
    /// exists.
    pub(super) async fn set_verified(
        &self,
        service: &str,
        account: &str,
        secret: &Secret,
    ) -> Result<WriteOutcome, KeyringError> {
        let (service, account, written) = (service.to_owned(), account.to_owned(), secret.clone());
        // The silence of the read-back applies to the whole process, so no other call may run at the same time.
        let read = self.run(true, move || {
            write::<P>(&service, &account, &written)?;
            let silence = P::prompts().map(|_| P::silence());
            let read = not_found_as_none(P::get(&service, &account));
            let needs_dialog = matches!(&read, Err((ErrorKind::Failed(Code::Locked | Code::Denied), _)));
            let exists = silence.is_some() && needs_dialog && P::contains(&service, &account) == Ok(true);
            Ok(match exists {
                true => Ok(Some(written)),
                false => read,
            })
        });
        let read = read.await?.map_err(|error| self.keyring_error(error));
        Ok(WriteOutcome::of_read_back(secret, read))
    }

    pub(super) async fn delete(&self, service: &str, account: &str) -> Result<bool, KeyringError> {
        let (service, account) = (service.to_owned(), account.to_owned());
        self.call(move || remove::<P>(&service, &account)).await
    }

    /// Deletes an entry, then checks that it no longer exists.
    pub(super) async fn delete_verified(&self, service: &str, account: &str) -> Result<DeleteOutcome, KeyringError> {
        let (service, account) = (service.to_owned(), account.to_owned());
        self.call(move || {
            let was_there = remove::<P>(&service, &account)?;
            let is_there = was_there && attempt::<P, _>(None, || P::contains(&service, &account))?;
            Ok(DeleteOutcome::new(was_there, is_there))
        })
        .await
    }

    pub(super) async fn accounts(&self, service: &str) -> Result<Vec<String>, KeyringError> {
        let service = service.to_owned();
        self.call(move || {
            let accounts = attempt::<P, _>(None, || P::accounts(&service));
            let mut accounts = not_found_as_none(accounts)?.unwrap_or_default();
            accounts.sort_unstable();
            accounts.dedup();
            Ok(accounts)
        })
        .await
    }

    /// Reads the accounts one after the other on one thread: these stores answer from memory, and a thread per key would cost
    /// more.
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
                .map(|secret| secret.map_err(|error| self.keyring_error(error)))
                .collect(),
            Err(error) => accounts.iter().map(|_| Err(error.clone())).collect(),
        }
    }

    async fn call<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, BlockingError> + Send + 'static,
    ) -> Result<T, KeyringError> {
        let runs_alone = P::prompts().is_some_and(|prompts| !prompts.is_granted());
        self.run(runs_alone, work).await
    }

    /// Runs `work` on a blocking thread. On a platform with prompts, `runs_alone` excludes all other calls.
    async fn run<T: Send + 'static>(
        &self,
        runs_alone: bool,
        work: impl FnOnce() -> Result<T, BlockingError> + Send + 'static,
    ) -> Result<T, KeyringError> {
        let prompts = P::prompts();
        let result = tokio::time::timeout(self.limit, async {
            let (_alone, _shared) = match prompts {
                Some(prompts) if runs_alone => (Some(prompts.calls.write().await), None),
                Some(prompts) => (None, Some(prompts.calls.read().await)),
                None => (None, None),
            };
            tokio::task::spawn_blocking(work).await
        });
        match result.await {
            Ok(Ok(Ok(result))) => {
                self.was_reached.store(true, Ordering::Relaxed);
                Ok(result)
            }
            Ok(Ok(Err(error))) => Err(self.keyring_error(error)),
            Ok(Err(_)) => Err(KeyringError::failed(
                Code::Unavailable,
                format!("{} failed unexpectedly", P::NAME),
            )),
            Err(_) => {
                if let Some(prompts) = prompts {
                    prompts.refuse_all();
                }
                Err(KeyringError::failed(
                    Code::Timeout,
                    format!("{} did not answer in time", P::NAME),
                ))
            }
        }
    }

    /// Returns the error that the caller sees. A keyring that never answered in this process counts as absent; one that did may
    /// hold a secret.
    fn keyring_error(&self, (kind, message): BlockingError) -> KeyringError {
        match kind {
            ErrorKind::Unreachable if self.was_reached.load(Ordering::Relaxed) => {
                KeyringError::failed(Code::Unavailable, message)
            }
            kind => kind.into_error(message),
        }
    }
}

fn read<P: Platform>(service: &str, account: &str) -> Result<Option<Secret>, BlockingError> {
    not_found_as_none(attempt::<P, _>(Some((service, account)), || P::get(service, account)))
}

fn write<P: Platform>(service: &str, account: &str, secret: &Secret) -> Result<(), BlockingError> {
    attempt::<P, _>(Some((service, account)), || P::set(service, account, secret))
}

fn remove<P: Platform>(service: &str, account: &str) -> Result<bool, BlockingError> {
    let deleted = attempt::<P, _>(Some((service, account)), || P::delete(service, account));
    Ok(not_found_as_none(deleted)?.is_some())
}

/// Makes one call on the store, without dialogs if the user refused one before. `entry` is the entry whose secret the call
/// may need.
fn attempt<P: Platform, T>(
    entry: Option<(&str, &str)>,
    work: impl FnOnce() -> Result<T, BlockingError>,
) -> Result<T, BlockingError> {
    let Some(prompts) = P::prompts() else {
        return work();
    };
    let silence = prompts.must_be_silent(entry).then(P::silence);
    let result = work();
    drop(silence);
    match (&result, entry) {
        // A call that needs no secret succeeds on a locked keyring, too, so it does not allow prompts again.
        (Ok(_), Some(_)) => prompts.grant(),
        (Err((ErrorKind::Failed(Code::Denied | Code::Locked), _)), _) => {
            let is_locked = P::is_locked();
            match entry {
                Some(entry) if !is_locked => prompts.refuse(entry),
                _ => prompts.refuse_all(),
            }
            notice_refusal();
        }
        _ => {}
    }
    result
}

fn not_found_as_none<T>(result: Result<T, BlockingError>) -> Result<Option<T>, BlockingError> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err((ErrorKind::NotFound, _)) => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests;
