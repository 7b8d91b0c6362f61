//! In-process synchronisation primitives.

mod keyed_mutex;

pub use keyed_mutex::{KeyedLock, KeyedMutex, KeyedMutexGuard};
