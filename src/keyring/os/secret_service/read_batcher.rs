//! Batches concurrent reads of one service into a single `GetSecrets` call.
//!
//! Up to [`MAX_SINGLE_READS`] reads of a service run individually. Further reads queue. When a running read finishes, the
//! first queued read becomes the leader: it fetches the secrets of all queued reads in one call and hands each its result.
//! If the leader is cancelled, its followers read individually, so no caller waits forever.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

/// Reads of a service that may run individually before further reads are batched.
const MAX_SINGLE_READS: usize = 4;

/// The running and the queued reads of each service. Clones share them.
pub(super) struct ReadBatcher<T>(Arc<Mutex<HashMap<String, Queue<T>>>>);

/// The reads of one service.
struct Queue<T> {
    in_flight: usize,
    queued: Vec<Follower<T>>,
}

/// A queued read: its account, and the channel on which it receives its [`Role`].
pub(super) struct Follower<T> {
    pub(super) account: String,
    sender: oneshot::Sender<Role<T>>,
}

/// How a read proceeds once it is admitted.
pub(super) enum Role<T> {
    /// Read individually. `None` means that the leader was cancelled and no permit is held.
    Single(Option<InFlightPermit<T>>),
    /// Fetch the secrets of all followers, then hand each its result.
    Leader {
        followers: Vec<Follower<T>>,
        permit: InFlightPermit<T>,
    },
    /// A leader already fetched this read's result.
    Done(T),
}

/// Counts as one running read. Dropping it lets queued reads proceed.
pub(super) struct InFlightPermit<T> {
    read_batcher: ReadBatcher<T>,
    service: String,
}

impl<T> ReadBatcher<T> {
    /// Waits until a read of this account may proceed.
    pub(super) async fn admit(&self, service: &str, account: &str) -> Role<T> {
        let receiver = {
            let mut queues = self.queues();
            let queue = queues.entry(service.to_owned()).or_default();
            if queue.in_flight < MAX_SINGLE_READS {
                queue.in_flight += 1;
                None
            } else {
                let (sender, receiver) = oneshot::channel();
                let account = account.to_owned();
                queue.queued.push(Follower { account, sender });
                Some(receiver)
            }
        };
        match receiver {
            None => Role::Single(Some(InFlightPermit::new(self, service))),
            // A closed channel means that the leader was cancelled.
            Some(receiver) => receiver.await.unwrap_or(Role::Single(None)),
        }
    }

    fn queues(&self) -> MutexGuard<'_, HashMap<String, Queue<T>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Follower<T> {
    /// Hands the read its result. A read that was cancelled ignores it.
    pub(super) fn finish(self, result: T) {
        let _ = self.sender.send(Role::Done(result));
    }
}

impl<T> InFlightPermit<T> {
    fn new(read_batcher: &ReadBatcher<T>, service: &str) -> Self {
        Self {
            read_batcher: read_batcher.clone(),
            service: service.to_owned(),
        }
    }
}

impl<T> Drop for InFlightPermit<T> {
    /// Makes the first queued read the leader of the others.
    fn drop(&mut self) {
        let (leader, followers) = {
            let mut queues = self.read_batcher.queues();
            let Some(queue) = queues.get_mut(&self.service) else {
                return;
            };
            let mut queued = std::mem::take(&mut queue.queued);
            queued.retain(|follower| !follower.sender.is_closed());
            if queued.is_empty() {
                queue.in_flight -= 1;
                if queue.in_flight == 0 {
                    queues.remove(&self.service);
                }
                return;
            }
            (queued.remove(0), queued)
        };
        // If the leader is cancelled at this moment, the message is dropped and the permit in it passes on.
        let permit = InFlightPermit::new(&self.read_batcher, &self.service);
        let _ = leader.sender.send(Role::Leader { followers, permit });
    }
}

impl<T> Clone for ReadBatcher<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Default for ReadBatcher<T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self {
            in_flight: 0,
            queued: Vec::new(),
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
    async fn r7b_queued_reads_are_batched_when_a_running_read_finishes() {
        let read_batcher = ReadBatcher::<u32>::default();
        let mut permits = singles(&read_batcher).await;
        let mut queued: Vec<_> = (0..5).map(|i| Box::pin(read(&read_batcher, i))).collect();
        assert!(queued.iter_mut().all(|read| read.now_or_never().is_none()));
        permits.pop();
        let Some(Role::Leader {
            followers,
            permit: _permit,
        }) = queued.remove(0).now_or_never()
        else {
            panic!("the first queued read leads the others");
        };
        assert_eq!(
            followers.iter().map(|it| it.account.as_str()).collect::<Vec<_>>(),
            ["1", "2", "3", "4"]
        );
        for follower in followers {
            let result = follower.account.parse().unwrap();
            follower.finish(result);
        }
        let done = join_all(queued).await.into_iter().map(|role| match role {
            Role::Done(result) => result,
            _ => panic!("the leader fetched the result"),
        });
        assert_eq!(done.collect::<Vec<_>>(), [1, 2, 3, 4]);
    }

    #[tokio::test]
    async fn r7b_a_cancelled_leader_leaves_no_follower_waiting() {
        let read_batcher = ReadBatcher::<u32>::default();
        let mut permits = singles(&read_batcher).await;
        let mut leader = Box::pin(read(&read_batcher, 0));
        let mut follower = pin!(read(&read_batcher, 1));
        assert!(leader.as_mut().now_or_never().is_none() && follower.as_mut().now_or_never().is_none());
        // The message is on its way to the leader, which never receives it.
        permits.pop();
        drop(leader);
        assert!(matches!(follower.now_or_never(), Some(Role::Single(_))));
        // Every permit is free again.
        drop(permits);
        assert_eq!(singles(&read_batcher).await.len(), MAX_SINGLE_READS);
    }

    #[tokio::test]
    async fn r7b_reads_of_another_service_do_not_wait() {
        let read_batcher = ReadBatcher::<u32>::default();
        let _permits = singles(&read_batcher).await;
        assert!(matches!(
            read_batcher.admit("other", "account").now_or_never(),
            Some(Role::Single(Some(_)))
        ));
    }

    async fn singles(read_batcher: &ReadBatcher<u32>) -> Vec<InFlightPermit<u32>> {
        let roles = join_all((0..MAX_SINGLE_READS as u32).map(|i| read(read_batcher, i))).await;
        let permits = roles.into_iter().map(|role| match role {
            Role::Single(Some(permit)) => permit,
            _ => panic!("a permit is free"),
        });
        permits.collect()
    }

    async fn read(read_batcher: &ReadBatcher<u32>, account: u32) -> Role<u32> {
        read_batcher.admit("service", &account.to_string()).await
    }
}
