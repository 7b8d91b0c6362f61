//! A queue of jobs for a thread that runs them when one of two functions is called on it.
//!
//! The queue calls nothing itself: its methods return the function that the owner must call. The owner calls the methods under
//! a mutex, and the functions without it.

use std::collections::VecDeque;

/// Maximum number of jobs that one call of a function runs. It limits how long the thread is busy at a time.
const MAX_JOBS_PER_CALL: usize = 64;

/// One of the two functions that run jobs: 0 or 1.
pub type Runner = usize;

/// A first-in, first-out queue of jobs. Exactly one call of a function is outstanding while there are jobs.
///
/// The two functions alternate: a job that is pushed while one of them runs is left to the other. Otherwise a thread that
/// handles all calls of one function before any other work would never get to the other work.
#[cfg_attr(test, derive(Clone))]
pub struct JobQueue<J> {
    waiting: VecDeque<J>,
    /// Whether a call is outstanding: a function must be called, has been called, or is running.
    called: bool,
    /// The function to call next.
    next: Runner,
    closed: bool,
}

impl<J> Default for JobQueue<J> {
    fn default() -> Self {
        Self {
            waiting: VecDeque::new(),
            called: false,
            next: 0,
            closed: false,
        }
    }
}

impl<J> JobQueue<J> {
    /// Adds a job. Returns the function to call; `None` when a call is already outstanding.
    ///
    /// # Errors
    ///
    /// Returns the job when the queue is closed.
    pub fn push(&mut self, job: J) -> Result<Option<Runner>, J> {
        if self.closed {
            return Err(job);
        }
        self.waiting.push_back(job);
        let idle = !std::mem::replace(&mut self.called, true);
        Ok(idle.then_some(self.next))
    }

    /// Records that a function starts. Returns the number of jobs that it may run.
    pub fn start(&mut self, runner: Runner) -> usize {
        self.next = 1 - runner;
        self.waiting.len().min(MAX_JOBS_PER_CALL)
    }

    /// Removes the first job.
    pub fn pop(&mut self) -> Option<J> {
        self.waiting.pop_front()
    }

    /// Records that the running function ends. Returns the function to call for the remaining jobs; `None` if there are none.
    pub fn finish(&mut self) -> Option<Runner> {
        self.called = !self.waiting.is_empty();
        self.called.then_some(self.next)
    }

    /// Closes the queue, which then refuses jobs. Returns the waiting jobs; the owner must drop them without the mutex.
    #[must_use]
    pub fn close(&mut self) -> VecDeque<J> {
        self.closed = true;
        std::mem::take(&mut self.waiting)
    }
}

#[cfg(test)]
mod tests;
