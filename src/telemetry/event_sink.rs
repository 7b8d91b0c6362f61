//! Where events go: each to the event_sink of whoever started the work it tells of.
//!
//! The work of all JavaScript environments runs on the same few threads, so the event_sink travels with the task, not with
//! the thread. Work that is shared, as one probe for many callers, speaks through the event_sink of whoever came first. Work
//! that has no event_sink is silent.

use std::sync::{Arc, PoisonError, RwLock};

use tracing::Metadata;
use tracing_subscriber::filter::Targets;

use super::record::Record;
use super::subscriber;

tokio::task_local! {
    static ORIGIN: Option<Arc<EventSink>>;
}

/// Takes events. Called on the thread that did the work, which must not wait for it.
pub trait Sink: Send + Sync {
    /// Takes one event.
    fn take(&self, record: Record);
}

/// What one environment does with its events: nothing, until it is told.
#[derive(Default)]
pub struct EventSink(RwLock<Taps>);

#[derive(Default)]
struct Taps {
    sink: Option<Arc<dyn Sink>>,
    log: Option<(Targets, Arc<dyn Sink>)>,
}

impl EventSink {
    /// Every event goes to this sink as well; `None`: to none any more.
    pub fn set_sink(&self, sink: Option<Arc<dyn Sink>>) {
        self.change(|taps| taps.sink = sink);
    }

    /// The events that the filter lets through go to this sink as well; `None`: to none any more.
    pub fn set_log(&self, log: Option<(Targets, Arc<dyn Sink>)>) {
        self.change(|taps| taps.log = log);
    }

    /// Whether anybody would hear of such an event.
    pub(super) fn wants(&self, metadata: &Metadata<'_>) -> bool {
        let taps = self.0.read().unwrap_or_else(PoisonError::into_inner);
        taps.sink.is_some() || taps.log.as_ref().is_some_and(|(filter, _)| lets(filter, metadata))
    }

    pub(super) fn take(&self, metadata: &Metadata<'_>, record: Record) {
        let (sink, log) = {
            let taps = self.0.read().unwrap_or_else(PoisonError::into_inner);
            let log = taps.log.as_ref().filter(|(filter, _)| lets(filter, metadata));
            (taps.sink.clone(), log.map(|(_, sink)| sink.clone()))
        };
        match (sink, log) {
            (Some(sink), Some(log)) => {
                log.take(record.clone());
                sink.take(record);
            }
            (Some(sink), None) | (None, Some(sink)) => sink.take(record),
            (None, None) => {}
        }
    }

    fn change(&self, change: impl FnOnce(&mut Taps)) {
        let (before, after) = {
            let mut taps = self.0.write().unwrap_or_else(PoisonError::into_inner);
            let before = taps.any();
            change(&mut taps);
            (before, taps.any())
        };
        subscriber::listeners(before, after);
    }
}

impl Drop for EventSink {
    fn drop(&mut self) {
        let before = self.0.get_mut().unwrap_or_else(PoisonError::into_inner).any();
        subscriber::listeners(before, false);
    }
}

impl Taps {
    fn any(&self) -> bool {
        self.sink.is_some() || self.log.is_some()
    }
}

fn lets(filter: &Targets, metadata: &Metadata<'_>) -> bool {
    filter.would_enable(metadata.target(), metadata.level())
}

/// Work whose events go to this event_sink.
pub fn with_sink<F: Future>(event_sink: Arc<EventSink>, work: F) -> impl Future<Output = F::Output> {
    ORIGIN.scope(Some(event_sink), work)
}

/// Work that is about to become a task of its own: its events go where those of the task at hand go.
pub fn propagate<F: Future>(work: F) -> impl Future<Output = F::Output> {
    ORIGIN.scope(origin(), work)
}

/// The same for work that is about to go to a thread of its own.
pub fn propagate_blocking<T>(work: impl FnOnce() -> T) -> impl FnOnce() -> T {
    let origin = origin();
    move || ORIGIN.sync_scope(origin, work)
}

/// The event_sink of the work at hand; `None` where it has none.
pub(super) fn origin() -> Option<Arc<EventSink>> {
    ORIGIN.try_with(Clone::clone).ok().flatten()
}
