//! One after the other: changes to the same key happen in the order they were called.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::{Context, Poll, Waker};

use tokio::sync::{Mutex as Queue, OwnedMutexGuard};

/// How many queues may be remembered before those that nobody stands in are forgotten.
const SWEEP_AT: usize = 64;

/// The queues of one store, a queue per key. Clones share them.
#[derive(Clone, Default)]
pub struct Turns(Arc<Mutex<HashMap<String, Weak<Queue<()>>>>>);

/// A place in the queue of one key. Whoever is next goes on when it is dropped, whether its turn had come or not.
pub enum Turn {
    /// Somebody is before us.
    Waiting(Pin<Box<dyn Future<Output = OwnedMutexGuard<()>> + Send>>),
    /// It is our turn.
    Come(OwnedMutexGuard<()>),
}

impl Turns {
    /// Takes a place, at once: the order of the calls to this function is the order of the turns.
    pub fn take(&self, key: &str) -> Turn {
        let mut waiting: Pin<Box<dyn Future<Output = _> + Send>> = Box::pin(self.queue(key).lock_owned());
        // The queue is first come, first served, and one comes by being polled: that is why it is done here and now.
        match waiting.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(guard) => Turn::Come(guard),
            Poll::Pending => Turn::Waiting(waiting),
        }
    }

    fn queue(&self, key: &str) -> Arc<Queue<()>> {
        let mut queues = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(queue) = queues.get(key).and_then(Weak::upgrade) {
            return queue;
        }
        if queues.len() >= SWEEP_AT {
            queues.retain(|_, queue| queue.strong_count() > 0);
        }
        let queue = Arc::new(Queue::new(()));
        queues.insert(key.to_owned(), Arc::downgrade(&queue));
        queue
    }
}

impl Turn {
    /// Waits until everyone before is done. The turn lasts as long as what this gives.
    pub async fn comes(self) -> OwnedMutexGuard<()> {
        match self {
            Turn::Waiting(waiting) => waiting.await,
            Turn::Come(guard) => guard,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn r3_turns_come_in_the_order_they_were_taken() {
        let turns = Turns::default();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let taken: Vec<_> = (0..50).map(|i| (i, turns.take("key"))).collect();
        let tasks: Vec<_> = taken
            .into_iter()
            .rev()
            .map(|(i, turn)| {
                let seen = seen.clone();
                tokio::spawn(async move {
                    let _turn = turn.comes().await;
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
    async fn r3_a_turn_that_is_given_up_lets_nobody_overtake() {
        let turns = Turns::default();
        let first = turns.take("key");
        drop(turns.take("key"));
        assert!(
            matches!(turns.take("key"), Turn::Waiting(_)),
            "the first is still there"
        );
        drop(first);
        assert!(matches!(turns.take("key"), Turn::Come(_)));
    }

    #[tokio::test]
    async fn r3_another_key_does_not_wait() {
        let turns = Turns::default();
        let _held = turns.take("one");
        assert!(matches!(turns.take("two"), Turn::Come(_)));
    }
}
