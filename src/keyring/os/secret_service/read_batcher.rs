//! Reads of one service that come while others are on their way: they wait until one of those is back, and go together.
//!
//! Two messages then do what would take two for each. A read that is given up strands nobody: whoever it was to bring
//! something back for reads alone.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

/// How many reads of a service are on their way, each by itself, before others wait to go together.
const ALONE: usize = 4;

/// Who is on the way, and who waits. Clones are the same one.
pub(super) struct ReadBatcher<A>(Arc<Mutex<HashMap<String, Queue<A>>>>);

/// Of one service.
struct Queue<A> {
    on_the_way: usize,
    waiting: Vec<Waiting<A>>,
}

/// A read that waits: its account, and where it hears what to do.
pub(super) type Waiting<A> = (String, oneshot::Sender<Turn<A>>);

/// What a read is to do.
pub(super) enum Turn<A> {
    /// Go alone.
    Alone(Option<Place<A>>),
    /// Go with all these, and tell each what came back.
    Together(Vec<Waiting<A>>, Place<A>),
    /// Nothing any more: this came back with somebody else.
    Done(A),
}

/// One of the places on the way. When it is dropped, those who wait may go.
pub(super) struct Place<A> {
    read_batcher: ReadBatcher<A>,
    service: String,
}

impl<A> ReadBatcher<A> {
    /// Waits for the turn of a read of this account.
    pub(super) async fn turn(&self, service: &str, account: &str) -> Turn<A> {
        let waiting = {
            let mut queues = self.queues();
            let queue = queues.entry(service.to_owned()).or_default();
            if queue.on_the_way < ALONE {
                queue.on_the_way += 1;
                None
            } else {
                let (sender, receiver) = oneshot::channel();
                queue.waiting.push((account.to_owned(), sender));
                Some(receiver)
            }
        };
        match waiting {
            None => Turn::Alone(Some(Place::of(self, service))),
            // A closed channel: whoever took us along gave up.
            Some(receiver) => receiver.await.unwrap_or(Turn::Alone(None)),
        }
    }

    fn queues(&self) -> MutexGuard<'_, HashMap<String, Queue<A>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<A> Place<A> {
    fn of(read_batcher: &ReadBatcher<A>, service: &str) -> Self {
        Self {
            read_batcher: read_batcher.clone(),
            service: service.to_owned(),
        }
    }
}

impl<A> Drop for Place<A> {
    /// The first of those who wait gets the place, and takes the others along.
    fn drop(&mut self) {
        let (first, others) = {
            let mut queues = self.read_batcher.queues();
            let Some(queue) = queues.get_mut(&self.service) else {
                return;
            };
            let mut waiting = std::mem::take(&mut queue.waiting);
            waiting.retain(|(_, sender)| !sender.is_closed());
            if waiting.is_empty() {
                queue.on_the_way -= 1;
                if queue.on_the_way == 0 {
                    queues.remove(&self.service);
                }
                return;
            }
            let (_, first) = waiting.remove(0);
            (first, waiting)
        };
        // Should the first have given up at this very moment, the place is dropped with the message, and given on so.
        let _ = first.send(Turn::Together(others, Place::of(&self.read_batcher, &self.service)));
    }
}

impl<A> Clone for ReadBatcher<A> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<A> Default for ReadBatcher<A> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<A> Default for Queue<A> {
    fn default() -> Self {
        Self {
            on_the_way: 0,
            waiting: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use futures_util::FutureExt as _;
    use futures_util::future::join_all;

    use super::*;

    #[tokio::test]
    async fn r7b_those_who_wait_go_together_when_one_is_back() {
        let read_batcher = ReadBatcher::<u32>::default();
        let mut places = alone(&read_batcher).await;
        let mut waiting: Vec<_> = (0..5).map(|i| Box::pin(read(&read_batcher, i))).collect();
        assert!(waiting.iter_mut().all(|read| read.now_or_never().is_none()));
        places.pop();
        let Some(Turn::Together(others, _place)) = waiting.remove(0).now_or_never() else {
            panic!("the first goes, with the others");
        };
        assert_eq!(
            others.iter().map(|(account, _)| account.as_str()).collect::<Vec<_>>(),
            ["1", "2", "3", "4"]
        );
        others.into_iter().for_each(|(account, sender)| {
            let _ = sender.send(Turn::Done(account.parse().unwrap()));
        });
        let done = join_all(waiting).await.into_iter().map(|turn| match turn {
            Turn::Done(answer) => answer,
            _ => panic!("brought back by the first"),
        });
        assert_eq!(done.collect::<Vec<_>>(), [1, 2, 3, 4]);
    }

    #[tokio::test]
    async fn r7b_a_read_that_is_given_up_strands_nobody() {
        let read_batcher = ReadBatcher::<u32>::default();
        let mut places = alone(&read_batcher).await;
        let mut first = Box::pin(read(&read_batcher, 0));
        let mut second = pin!(read(&read_batcher, 1));
        assert!(first.as_mut().now_or_never().is_none() && second.as_mut().now_or_never().is_none());
        // The message is under way to the first, who never looks at it.
        places.pop();
        drop(first);
        assert!(matches!(second.now_or_never(), Some(Turn::Alone(_))));
        // Every place is free again.
        drop(places);
        assert_eq!(alone(&read_batcher).await.len(), ALONE);
    }

    #[tokio::test]
    async fn r7b_another_service_does_not_wait() {
        let read_batcher = ReadBatcher::<u32>::default();
        let _places = alone(&read_batcher).await;
        assert!(matches!(
            read_batcher.turn("other", "account").now_or_never(),
            Some(Turn::Alone(Some(_)))
        ));
    }

    async fn alone(read_batcher: &ReadBatcher<u32>) -> Vec<Place<u32>> {
        let turns = join_all((0..ALONE as u32).map(|i| read(read_batcher, i))).await;
        let places = turns.into_iter().map(|turn| match turn {
            Turn::Alone(Some(place)) => place,
            _ => panic!("there is a place"),
        });
        places.collect()
    }

    async fn read(read_batcher: &ReadBatcher<u32>, account: u32) -> Turn<u32> {
        read_batcher.turn("service", &account.to_string()).await
    }
}
