//! The number of event sinks that listen.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Number of listening sinks. At zero, `tracing` rejects every event by one comparison.
static LISTENERS: AtomicUsize = AtomicUsize::new(0);

/// Counts a sink that started or stopped listening.
pub(super) fn changed(before: bool, after: bool) {
    match (before, after) {
        (false, true) => LISTENERS.fetch_add(1, Ordering::SeqCst),
        (true, false) => LISTENERS.fetch_sub(1, Ordering::SeqCst),
        _ => return,
    };
    tracing::callsite::rebuild_interest_cache();
}

/// Returns whether any sink listens.
pub(super) fn any() -> bool {
    LISTENERS.load(Ordering::SeqCst) > 0
}
