//! Jobs for a thread that is woken by calls of one of two functions.
//!
//! The queue only decides: it says which function to call, and the owner calls it. All of its methods are called under one
//! mutex; the functions are called without it.

use std::collections::VecDeque;

/// Maximum number of jobs that one call of a function runs. It bounds how long the thread is busy at a time.
const MAX_JOBS_PER_CALL: usize = 64;

/// One of the two functions that run jobs.
pub type Runner = usize;

/// Jobs in the order in which they came. Exactly one call of a function is outstanding while there are jobs.
///
/// The two functions alternate: a job that comes while one of them runs is left to the other. A thread that drains one
/// function before it turns to anything else is thereby kept from starving the rest of its work.
#[cfg_attr(test, derive(Clone))]
pub struct JobQueue<J> {
    waiting: VecDeque<J>,
    /// A function has been called, or is running.
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
    /// Adds a job. Returns the function to call, `None` when a call is outstanding.
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

    /// Records that a function starts. Returns how many jobs it may run.
    pub fn start(&mut self, runner: Runner) -> usize {
        self.next = 1 - runner;
        self.waiting.len().min(MAX_JOBS_PER_CALL)
    }

    /// Removes the first job.
    pub fn pop(&mut self) -> Option<J> {
        self.waiting.pop_front()
    }

    /// Records that the running function ends. Returns the function to call for the jobs that are left.
    pub fn finish(&mut self) -> Option<Runner> {
        self.called = !self.waiting.is_empty();
        self.called.then_some(self.next)
    }

    /// Refuses jobs from now on. Returns those that were waiting; drop them without the mutex.
    #[must_use]
    pub fn close(&mut self) -> VecDeque<J> {
        self.closed = true;
        std::mem::take(&mut self.waiting)
    }
}

#[cfg(test)]
mod tests;
