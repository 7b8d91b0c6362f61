//! The lock of a key, which `set`, `delete`, `update` and `withLock` share.

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

/// A request to change a key. Changes of a key are made in the order of their requests.
pub(super) enum ChangeRequest {
    /// The caller holds the key's lock. The change waits for the caller's other changes.
    UnderHeldLock(KeyedLock),
    /// The change acquires the key's lock.
    OwnLock(LockRequest),
}

/// Held while a change is made.
pub(super) enum ChangeGuard {
    /// Excludes the caller's other changes under the lock that the caller holds.
    UnderHeldLock { _guard: KeyedMutexGuard },
    /// The key's lock.
    OwnLock { _lock: KeyLock },
}

impl SecureStore {
    /// Acquires the lock of a key, so that the caller can make several changes as one. [`SecureStore::holding`] returns a
    /// store whose changes are made under this lock. Its place in the order of changes is fixed when this returns.
    ///
    /// # Errors
    ///
    /// `CORRUPT` for a bad key; `TIMEOUT` when the lock is not released in time; `UNAVAILABLE` when locking is not
    /// possible.
    pub fn lock(&self, key: &str) -> impl Future<Output = Result<Arc<KeyLock>>> + Send + use<> {
        let requested = Key::parse(key).map(|key| match self.held_lock(&key) {
            Some(held) => Ok(held.clone()),
            None => Err((self.locks.request(&self.service, key.as_str()), key)),
        });
        let (service, limit) = (self.service.clone(), self.lock_limit());
        async move {
            match requested? {
                Ok(held) => Ok(held),
                Err((request, key)) => {
                    let waiting = request.acquire(limit);
                    lock_wait(&service, key.as_str(), waiting).await.map(Arc::new)
                }
            }
        }
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

    /// Returns the store for a caller that holds these locks. Changes of the keys that they cover are made under them.
    #[must_use]
    pub fn holding(&self, locks: Vec<Arc<KeyLock>>) -> Self {
        Self {
            held: locks,
            ..self.clone()
        }
    }

    /// Requests a change. Its place in the order of changes is fixed when this returns.
    ///
    /// # Errors
    ///
    /// `CORRUPT` for a bad key.
    pub(super) fn request_change(&self, key: &str) -> Result<(Key, ChangeRequest)> {
        let key = Key::parse(key)?;
        let request = match self.held_lock(&key) {
            Some(lock) => ChangeRequest::UnderHeldLock(lock.change()),
            None => ChangeRequest::OwnLock(self.locks.request(&self.service, key.as_str())),
        };
        Ok((key, request))
    }

    /// Waits until a change may be made. If locking is not possible, the change is made anyway: it excludes only the other
    /// changes of this process, and an event reports that.
    ///
    /// # Errors
    ///
    /// `TIMEOUT` when another change takes too long.
    pub(super) async fn begin(&self, key: &Key, request: ChangeRequest) -> Result<ChangeGuard> {
        let request = match request {
            ChangeRequest::UnderHeldLock(lock) => return Ok(ChangeGuard::UnderHeldLock { _guard: lock.await }),
            ChangeRequest::OwnLock(request) => request,
        };
        let waiting = request.acquire_for_change(self.lock_limit());
        let (lock, unavailable) = lock_wait(&self.service, key.as_str(), waiting).await?;
        if let Some(error) = unavailable {
            lock_unavailable(&self.service, key.as_str(), &error);
        }
        Ok(ChangeGuard::OwnLock { _lock: lock })
    }

    /// Begins a change without waiting. Returns `None` when another change is in progress, and when locking is not possible.
    pub(super) async fn try_begin(&self, key: &Key) -> Option<ChangeGuard> {
        match self.held_lock(key) {
            Some(lock) => lock
                .try_change()
                .map(|guard| ChangeGuard::UnderHeldLock { _guard: guard }),
            None => {
                let lock = self.locks.try_lock(&self.service, key.as_str()).await;
                lock.ok().flatten().map(|lock| ChangeGuard::OwnLock { _lock: lock })
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
