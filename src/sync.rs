//! In-process synchronisation primitives.

pub mod job_queue;
mod keyed_mutex;

pub use keyed_mutex::{KeyedLock, KeyedMutex, KeyedMutexGuard};
