//! Runs blocking file operations: on a bounded pool of threads, or on the current thread.

use std::collections::VecDeque;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

use super::io_error::interrupted;
use crate::error::Result;

/// Maximum number of threads in the pool. More threads would only wait for the same disk and the same cores. Together with the
/// threads of the runtime (see `node::promise`) this crate starts at most 16 threads.
pub const MAX_THREADS: usize = 9;

/// How long a thread of the pool waits for a job before it ends.
const IDLE_LIMIT: Duration = Duration::from_secs(5);

/// Where blocking file operations run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FileExecutor {
    /// On the process-wide pool of at most [`MAX_THREADS`] threads. Threads end when there is no work, and never keep the
    /// process alive.
    #[default]
    Pool,
    /// On the current thread, which must be allowed to block.
    Inline,
}

impl FileExecutor {
    /// Runs a blocking operation. An operation that was submitted runs to its end even if this future is dropped.
    ///
    /// # Errors
    ///
    /// The error of the operation; `UNAVAILABLE` if it panics.
    pub async fn run<T, F>(self, operation: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce() -> Result<T> + Send + 'static,
    {
        match self {
            Self::Inline => catch_unwind(AssertUnwindSafe(operation)).unwrap_or_else(|_| Err(interrupted())),
            Self::Pool => submit(operation).await,
        }
    }
}

/// Submits a blocking operation to the pool at once and returns a future of its result.
///
/// # Errors
///
/// The future resolves to the error of the operation; to `UNAVAILABLE` if it panics.
pub fn submit<T, F>(operation: F) -> impl Future<Output = Result<T>> + Send + use<T, F>
where
    T: Send + 'static,
    F: FnOnce() -> Result<T> + Send + 'static,
{
    let (sender, receiver) = oneshot::channel();
    POOL.submit(Box::new(move || {
        let _ = sender.send(operation());
    }));
    async { receiver.await.unwrap_or_else(|_| Err(interrupted())) }
}

/// The pool. Process-wide, because the limit is on the threads of the process.
static POOL: ThreadPool = ThreadPool::new(MAX_THREADS, IDLE_LIMIT);

type Job = Box<dyn FnOnce() + Send>;

struct ThreadPool {
    state: Mutex<PoolState>,
    submitted: Condvar,
    max_threads: usize,
    idle_limit: Duration,
    /// Starts a thread that runs [`ThreadPool::work`].
    spawn: fn(&'static Self) -> io::Result<()>,
}

struct PoolState {
    jobs: VecDeque<Job>,
    threads: usize,
    idle: usize,
}

impl ThreadPool {
    const fn new(max_threads: usize, idle_limit: Duration) -> Self {
        Self {
            state: Mutex::new(PoolState {
                jobs: VecDeque::new(),
                threads: 0,
                idle: 0,
            }),
            submitted: Condvar::new(),
            max_threads,
            idle_limit,
            spawn: Self::spawn_thread,
        }
    }

    fn spawn_thread(&'static self) -> io::Result<()> {
        let thread = std::thread::Builder::new().name("securestore-file".to_owned());
        thread.spawn(|| self.work()).map(drop)
    }

    fn submit(&'static self, job: Job) {
        let mut state = self.state();
        state.jobs.push_back(job);
        if state.jobs.len() <= state.idle {
            drop(state);
            self.submitted.notify_one();
            return;
        }
        if state.threads >= self.max_threads {
            return;
        }
        state.threads += 1;
        drop(state);
        if (self.spawn)(self).is_err() {
            // The system refused another thread. If there is none at all, this thread must run the job.
            let mut state = self.state();
            state.threads -= 1;
            if state.threads == 0 {
                drop(state);
                self.run_queued();
            }
        }
    }

    /// Runs jobs until none arrives within the idle limit.
    fn work(&self) {
        loop {
            self.run_queued();
            let mut state = self.state();
            state.idle += 1;
            let (mut state, _) = self
                .submitted
                .wait_timeout_while(state, self.idle_limit, |state| state.jobs.is_empty())
                .unwrap_or_else(PoisonError::into_inner);
            state.idle -= 1;
            if state.jobs.is_empty() {
                state.threads -= 1;
                return;
            }
        }
    }

    fn run_queued(&self) {
        while let Some(job) = self.next_job() {
            // A job that panics drops its sender: the caller gets an error, and the thread goes on.
            let _ = catch_unwind(AssertUnwindSafe(job));
        }
    }

    fn next_job(&self) -> Option<Job> {
        self.state().jobs.pop_front()
    }

    fn state(&self) -> MutexGuard<'_, PoolState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
    use std::sync::mpsc;

    use super::*;
    use crate::error::Code;

    fn pool(max_threads: usize, idle_limit: Duration) -> &'static ThreadPool {
        Box::leak(Box::new(ThreadPool::new(max_threads, idle_limit)))
    }

    #[test]
    fn a_burst_of_jobs_runs_on_no_more_threads_than_the_limit_and_every_job_runs() {
        static RUNNING: AtomicUsize = AtomicUsize::new(0);
        static MOST: AtomicUsize = AtomicUsize::new(0);
        let pool = pool(3, Duration::from_millis(1));
        let (sender, receiver) = mpsc::channel();
        for n in 0..200 {
            let sender = sender.clone();
            pool.submit(Box::new(move || {
                MOST.fetch_max(RUNNING.fetch_add(1, SeqCst) + 1, SeqCst);
                std::thread::yield_now();
                RUNNING.fetch_sub(1, SeqCst);
                sender.send(n).expect("the test waits");
            }));
        }
        drop(sender);
        let mut done: Vec<i32> = receiver.iter().collect();
        done.sort_unstable();
        assert_eq!(done, (0..200).collect::<Vec<_>>());
        assert!((1..=3).contains(&MOST.load(SeqCst)));
    }

    #[test]
    fn a_job_runs_although_the_system_refuses_threads() {
        let refuse = |_: &'static ThreadPool| Err(io::ErrorKind::WouldBlock.into());
        let (sender, receiver) = mpsc::channel();
        let job = |name: &'static str| -> Job {
            let sender = sender.clone();
            Box::new(move || {
                sender
                    .send((name, std::thread::current().id()))
                    .expect("the test waits")
            })
        };
        let mut pool = ThreadPool::new(2, Duration::ZERO);
        pool.spawn = refuse;
        let pool: &'static ThreadPool = Box::leak(Box::new(pool));
        pool.submit(job("alone"));
        assert_eq!(receiver.try_recv(), Ok(("alone", std::thread::current().id())));
        assert_eq!(pool.state().threads, 0);
        // A thread that is there runs the job.
        pool.state().threads = 1;
        pool.submit(job("left to it"));
        assert!(receiver.try_recv().is_err());
        assert_eq!(pool.state().threads, 1);
        pool.work();
        assert_eq!(receiver.try_recv(), Ok(("left to it", std::thread::current().id())));
        assert_eq!(pool.state().threads, 0);
        assert_eq!(pool.state().idle, 0);
    }

    #[test]
    fn three_jobs_that_wait_for_each_other_run_at_the_same_time() {
        let pool = pool(3, Duration::from_secs(60));
        let barrier = std::sync::Arc::new(std::sync::Barrier::new(4));
        for _ in 0..3 {
            let barrier = barrier.clone();
            pool.submit(Box::new(move || {
                barrier.wait();
            }));
        }
        barrier.wait();
    }

    #[test]
    fn idle_threads_end_and_later_jobs_still_run() {
        let pool = pool(2, Duration::from_millis(1));
        for _ in 0..3 {
            let (sender, receiver) = mpsc::channel();
            pool.submit(Box::new(move || sender.send(()).expect("the test waits")));
            receiver.recv().expect("the job runs");
            while pool.state().threads > 0 {
                std::thread::yield_now();
            }
            assert_eq!(pool.state().idle, 0);
        }
    }

    #[tokio::test]
    async fn an_operation_that_panics_is_an_error_on_the_pool_and_inline() {
        for executor in [FileExecutor::Pool, FileExecutor::Inline] {
            let failed: Result<()> = executor.run(|| panic!("on purpose")).await;
            assert_eq!(failed.unwrap_err().code(), Code::Unavailable);
            assert_eq!(executor.run(|| Ok(7)).await, Ok(7));
        }
    }

    #[tokio::test]
    async fn inline_runs_on_the_current_thread_and_the_pool_on_another() {
        let here = std::thread::current().id();
        let thread = |executor: FileExecutor| executor.run(|| Ok(std::thread::current().id()));
        assert_eq!(thread(FileExecutor::Inline).await, Ok(here));
        assert_ne!(thread(FileExecutor::Pool).await, Ok(here));
    }

    #[tokio::test]
    async fn a_submitted_operation_runs_to_its_end_even_if_its_future_is_dropped() {
        let (sender, receiver) = mpsc::channel();
        drop(submit(move || {
            sender.send(()).expect("the test waits");
            Ok(())
        }));
        receiver.recv().expect("it runs");
    }
}
