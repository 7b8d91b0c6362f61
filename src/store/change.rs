//! The lock of a key, which serves `set`, `delete`, `update` and `withLock` alike.

use std::sync::Arc;
use std::time::Duration;

use super::{Key, SecureStore};
use crate::error::Result;
use crate::fs::lock::{KeyLock, LockRequest};
use crate::secret::Secret;
use crate::sync::{KeyedLock, KeyedMutexGuard};
use crate::telemetry::events::{lock_unavailable, lock_wait};

/// How long another holder may keep the lock of a key, in addition to the time that a keyring call may take.
const LOCK_PATIENCE: Duration = Duration::from_secs(30);

/// What an update does with the value it was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Stores this value.
    Store(Secret),
    /// Deletes the key.
    Delete,
    /// Leaves the key as it is.
    Keep,
}

/// A change's place in the order of the changes of its key.
pub(super) enum Turn {
    /// Under a lock that the caller holds.
    Held(KeyedLock),
    /// Under a lock of its own.
    Requested(LockRequest),
}

/// Held while a change is made.
pub(super) enum ChangeGuard {
    /// The turn under a lock that the caller holds.
    Held { _turn: KeyedMutexGuard },
    /// A lock of its own.
    Own { _lock: KeyLock },
}

impl SecureStore {
    /// Acquires the lock of a key, for a caller that makes several steps as one. With [`SecureStore::holding`] they are
    /// made under this lock.
    ///
    /// # Errors
    ///
    /// `CORRUPT` for a bad key; `TIMEOUT` when the lock is not released in time; `UNAVAILABLE` when there can be no lock.
    pub async fn lock(&self, key: &str) -> Result<Arc<KeyLock>> {
        let key = Key::parse(key)?;
        if let Some(held) = self.held_lock(&key) {
            return Ok(held.clone());
        }
        let request = self.locks.request(&self.service, key.as_str());
        let waiting = request.acquire(self.lock_limit());
        lock_wait(&self.service, key.as_str(), waiting).await.map(Arc::new)
    }

    /// Changes a value depending on the current one, under the key's lock. Returns the value that is stored afterwards.
    ///
    /// # Errors
    ///
    /// As [`SecureStore::lock`]; the error of reading the value, in which case `change` is not called; the error of `change`,
    /// in which case nothing is changed; the error of storing or deleting.
    pub async fn update<F, C>(&self, key: &str, change: F) -> Result<Option<Secret>>
    where
        F: FnOnce(Option<Secret>) -> C,
        C: Future<Output = Result<Change>>,
    {
        let lock = self.lock(key).await?;
        let store = self.holding(self.held.iter().cloned().chain([lock]).collect());
        let current = store.get(key).await?;
        match change(current.clone()).await? {
            Change::Store(value) => {
                store.set(key, value.clone()).await?;
                Ok(Some(value))
            }
            Change::Delete => store.delete(key).await.map(|_| None),
            Change::Keep => Ok(current),
        }
    }

    /// The same store for a caller that holds these locks: changes of the keys they cover are made under them.
    #[must_use]
    pub fn holding(&self, locks: Vec<Arc<KeyLock>>) -> Self {
        Self {
            held: locks,
            ..self.clone()
        }
    }

    /// Takes a change's place in the order of changes.
    pub(super) fn turn(&self, key: &str) -> Result<(Key, Turn)> {
        let key = Key::parse(key)?;
        let turn = match self.held_lock(&key) {
            Some(lock) => Turn::Held(lock.change()),
            None => Turn::Requested(self.locks.request(&self.service, key.as_str())),
        };
        Ok((key, turn))
    }

    /// Waits for a change's turn. Where there can be no lock, the change is made all the same, and an event says so: it keeps
    /// out the other changes of this process alone.
    pub(super) async fn begin(&self, key: &Key, turn: Turn) -> Result<ChangeGuard> {
        let request = match turn {
            Turn::Held(turn) => return Ok(ChangeGuard::Held { _turn: turn.await }),
            Turn::Requested(request) => request,
        };
        let waiting = request.acquire_for_change(self.lock_limit());
        let (lock, unavailable) = lock_wait(&self.service, key.as_str(), waiting).await?;
        if let Some(error) = unavailable {
            lock_unavailable(&self.service, key.as_str(), &error);
        }
        Ok(ChangeGuard::Own { _lock: lock })
    }

    /// Begins a change if that needs no waiting. `None` when another change is under way, and when there can be no lock.
    pub(super) async fn try_begin(&self, key: &Key) -> Option<ChangeGuard> {
        match self.held_lock(key) {
            Some(lock) => lock.try_change().map(|turn| ChangeGuard::Held { _turn: turn }),
            None => {
                let lock = self.locks.try_lock(&self.service, key.as_str()).await;
                lock.ok().flatten().map(|lock| ChangeGuard::Own { _lock: lock })
            }
        }
    }

    fn held_lock(&self, key: &Key) -> Option<&Arc<KeyLock>> {
        let covers = |lock: &&Arc<KeyLock>| lock.covers(&self.locks, &self.service, key.as_str());
        self.held.iter().find(covers)
    }

    fn lock_limit(&self) -> Duration {
        self.limit + LOCK_PATIENCE
    }
}
