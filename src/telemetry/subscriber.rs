//! The one `tracing` subscriber of the process: it hands our events to the event_sink of the work that made them.

use std::sync::Once;
use std::sync::atomic::{AtomicUsize, Ordering};

use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record as SpanRecord};
use tracing::subscriber::Interest;
use tracing::{Event, Metadata, Subscriber};

use super::event_sink::origin;
use super::record::Record;

/// How many outlets want to hear of anything. While it is none, `tracing` turns every event away by one comparison.
static LISTENING: AtomicUsize = AtomicUsize::new(0);

/// An event_sink that wanted events, or did not, now does, or does not.
///
/// The subscriber is installed with the first that does. A Rust program that has one of its own keeps it, and hears our
/// events there.
pub fn listeners(before: bool, after: bool) {
    static INSTALLED: Once = Once::new();
    match (before, after) {
        (false, true) => LISTENING.fetch_add(1, Ordering::SeqCst),
        (true, false) => LISTENING.fetch_sub(1, Ordering::SeqCst),
        _ => return,
    };
    INSTALLED.call_once(|| {
        let _ = tracing::subscriber::set_global_default(Reporter);
    });
    tracing::callsite::rebuild_interest_cache();
}

struct Reporter;

impl Subscriber for Reporter {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        match is_ours(metadata) {
            true => Interest::sometimes(),
            false => Interest::never(),
        }
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(match LISTENING.load(Ordering::SeqCst) {
            0 => LevelFilter::OFF,
            _ => LevelFilter::TRACE,
        })
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        is_ours(metadata) && origin().is_some_and(|event_sink| event_sink.wants(metadata))
    }

    fn event(&self, event: &Event<'_>) {
        if let Some(event_sink) = origin().filter(|_| is_ours(event.metadata())) {
            event_sink.take(event.metadata(), Record::of(event));
        }
    }

    // We have no spans, and those of others are never enabled.
    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, _: &SpanRecord<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

/// Whether an event is this crate's own. Whatever a filter says, no other gets through: the D-Bus library's hold whole
/// messages, and those hold secrets.
fn is_ours(metadata: &Metadata<'_>) -> bool {
    let target = metadata.target();
    !metadata.is_span() && (target == "securestore" || target.starts_with("securestore::"))
}
