//! The destinations of events: each event goes to the sink of the environment that started the work.
//!
//! The work of all JavaScript environments runs on the same few threads, so the sink travels with the task and not with the
//! thread. Work that is shared, such as one probe for many callers, reports to the sink of the first caller. Work without a
//! sink emits nothing.

use std::sync::{Arc, PoisonError, RwLock};

use tracing::Metadata;
use tracing_subscriber::filter::Targets;

use super::listeners;
use super::record::Record;

tokio::task_local! {
    static CURRENT: Option<Arc<EventSink>>;
}

/// Receives events. Called on the thread that did the work; it must not block.
pub trait Sink: Send + Sync {
    /// Receives one event.
    fn take(&self, record: Record);
}

/// The event sinks of one environment, or of one object of it; none at first.
#[derive(Default)]
pub struct EventSink {
    sinks: RwLock<Sinks>,
    /// Receives every event as well.
    parent: Option<Arc<EventSink>>,
}

#[derive(Default)]
struct Sinks {
    all: Option<Arc<dyn Sink>>,
    log: Option<(Targets, Arc<dyn Sink>)>,
}

impl EventSink {
    /// Creates a sink without listeners of its own, whose events go to `parent` as well.
    pub fn with_parent(parent: Arc<EventSink>) -> Self {
        Self {
            sinks: RwLock::default(),
            parent: Some(parent),
        }
    }

    /// Sets the sink that receives every event; `None` removes it.
    pub fn set_sink(&self, sink: Option<Arc<dyn Sink>>) {
        self.change(|sinks| sinks.all = sink);
    }

    /// Sets the sink that receives the events that pass the filter; `None` removes it.
    pub fn set_log(&self, log: Option<(Targets, Arc<dyn Sink>)>) {
        self.change(|sinks| sinks.log = log);
    }

    /// Returns whether a sink accepts such an event.
    pub(super) fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        let sinks = self.sinks.read().unwrap_or_else(PoisonError::into_inner);
        let own = sinks.all.is_some() || sinks.log.as_ref().is_some_and(|(filter, _)| matches(filter, metadata));
        own || self.parent.as_ref().is_some_and(|parent| parent.enabled(metadata))
    }

    /// Hands an event to every sink that accepts it.
    pub(super) fn take(&self, metadata: &Metadata<'_>, record: Record) {
        if let Some(parent) = self.parent.as_ref().filter(|parent| parent.enabled(metadata)) {
            parent.take(metadata, record.clone());
        }
        let (all, log) = {
            let sinks = self.sinks.read().unwrap_or_else(PoisonError::into_inner);
            let log = sinks.log.as_ref().filter(|(filter, _)| matches(filter, metadata));
            (sinks.all.clone(), log.map(|(_, sink)| sink.clone()))
        };
        match (all, log) {
            (Some(all), Some(log)) => {
                log.take(record.clone());
                all.take(record);
            }
            (Some(sink), None) | (None, Some(sink)) => sink.take(record),
            (None, None) => {}
        }
    }

    fn change(&self, change: impl FnOnce(&mut Sinks)) {
        let (before, after) = {
            let mut sinks = self.sinks.write().unwrap_or_else(PoisonError::into_inner);
            let before = sinks.is_listening();
            change(&mut sinks);
            (before, sinks.is_listening())
        };
        listeners::changed(before, after);
    }
}

impl Drop for EventSink {
    fn drop(&mut self) {
        let before = self
            .sinks
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner)
            .is_listening();
        listeners::changed(before, false);
    }
}

impl Sinks {
    fn is_listening(&self) -> bool {
        self.all.is_some() || self.log.is_some()
    }
}

fn matches(filter: &Targets, metadata: &Metadata<'_>) -> bool {
    filter.would_enable(metadata.target(), metadata.level())
}

/// Runs work whose events go to this sink.
pub fn with_sink<F: Future>(sink: Arc<EventSink>, work: F) -> impl Future<Output = F::Output> {
    CURRENT.scope(Some(sink), work)
}

/// Wraps work that becomes a task of its own, so that its events go to the sink of the current task.
pub fn propagate<F: Future>(work: F) -> impl Future<Output = F::Output> {
    CURRENT.scope(current(), work)
}

/// Wraps work that moves to another thread, so that its events go to the sink of the current task.
pub fn propagate_blocking<T>(work: impl FnOnce() -> T) -> impl FnOnce() -> T {
    let current = current();
    move || CURRENT.sync_scope(current, work)
}

/// Returns the sink of the current task; `None` without one.
pub(super) fn current() -> Option<Arc<EventSink>> {
    CURRENT.try_with(Clone::clone).ok().flatten()
}
