//! An asynchronous mutex per key. Waiters acquire it in the order of their requests.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::{Context, Poll, Waker};

use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};

/// Number of mutexes in the map from which unused ones are removed.
const CLEANUP_THRESHOLD: usize = 64;

/// A set of mutexes, one for each key. Clones share the mutexes.
#[derive(Clone, Default)]
pub struct KeyedMutex(Arc<Mutex<HashMap<String, Weak<AsyncMutex<()>>>>>);

/// Holds the mutex of one key until it is dropped.
pub type KeyedMutexGuard = OwnedMutexGuard<()>;

/// A request for the mutex of one key; a future of its guard.
///
/// The request is in the queue from the moment [`KeyedMutex::lock`] returns until it is dropped.
pub enum KeyedLock {
    /// Another holder or waiter is ahead.
    Waiting(Pin<Box<dyn Future<Output = KeyedMutexGuard> + Send>>),
    /// The mutex is held. `None` after the future has returned the guard.
    Acquired(Option<KeyedMutexGuard>),
}

impl KeyedMutex {
    /// Enters the queue of a key at once: the order of calls to this function is the order of acquisition.
    pub fn lock(&self, key: &str) -> KeyedLock {
        let mut waiting: Pin<Box<dyn Future<Output = _> + Send>> = Box::pin(self.mutex(key).lock_owned());
        // A waiter enters the queue of tokio's mutex, which is fair, at the first poll.
        match waiting.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(guard) => KeyedLock::Acquired(Some(guard)),
            Poll::Pending => KeyedLock::Waiting(waiting),
        }
    }

    /// Acquires the mutex of a key if it is free; `None` otherwise.
    pub fn try_lock(&self, key: &str) -> Option<KeyedMutexGuard> {
        self.mutex(key).try_lock_owned().ok()
    }

    fn mutex(&self, key: &str) -> Arc<AsyncMutex<()>> {
        let mut mutexes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(mutex) = mutexes.get(key).and_then(Weak::upgrade) {
            return mutex;
        }
        if mutexes.len() >= CLEANUP_THRESHOLD {
            mutexes.retain(|_, mutex| mutex.strong_count() > 0);
        }
        let mutex = Arc::new(AsyncMutex::new(()));
        mutexes.insert(key.to_owned(), Arc::downgrade(&mutex));
        mutex
    }
}

impl Future for KeyedLock {
    type Output = KeyedMutexGuard;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<KeyedMutexGuard> {
        match &mut *self {
            Self::Waiting(waiting) => waiting.as_mut().poll(context),
            Self::Acquired(guard) => Poll::Ready(guard.take().expect("a future is not polled after it is ready")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn r3_guards_are_acquired_in_the_order_of_the_requests() {
        let mutexes = KeyedMutex::default();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let requests: Vec<_> = (0..50).map(|i| (i, mutexes.lock("key"))).collect();
        let tasks: Vec<_> = requests
            .into_iter()
            .rev()
            .map(|(i, request)| {
                let seen = seen.clone();
                tokio::spawn(async move {
                    let _guard = request.await;
                    tokio::task::yield_now().await;
                    seen.lock().expect("no task panics").push(i);
                })
            })
            .collect();
        for task in tasks {
            task.await.expect("no task panics");
        }
        assert_eq!(*seen.lock().expect("no task panics"), (0..50).collect::<Vec<_>>());
    }

    #[tokio::test]
    async fn r3_a_dropped_request_does_not_let_a_later_one_overtake_the_holder() {
        let mutexes = KeyedMutex::default();
        let first = mutexes.lock("key");
        drop(mutexes.lock("key"));
        assert!(
            matches!(mutexes.lock("key"), KeyedLock::Waiting(_)),
            "the first request still holds the mutex"
        );
        drop(first);
        assert!(matches!(mutexes.lock("key"), KeyedLock::Acquired(_)));
    }

    #[test]
    fn unused_mutexes_are_removed_and_used_ones_are_kept() {
        let mutexes = KeyedMutex::default();
        let held: Vec<_> = (0..CLEANUP_THRESHOLD)
            .map(|n| mutexes.lock(&format!("held {n}")))
            .collect();
        for n in 0..10 * CLEANUP_THRESHOLD {
            drop(mutexes.lock(&n.to_string()));
            assert!(mutexes.try_lock("held 0").is_none());
        }
        assert!(mutexes.0.lock().expect("no task panics").len() <= 2 * CLEANUP_THRESHOLD);
        drop(held);
        assert!(mutexes.try_lock("held 0").is_some());
    }

    #[tokio::test]
    async fn r3_another_key_does_not_wait() {
        let mutexes = KeyedMutex::default();
        let _held = mutexes.lock("one");
        assert!(matches!(mutexes.lock("two"), KeyedLock::Acquired(_)));
        assert!(mutexes.try_lock("one").is_none());
    }
}
