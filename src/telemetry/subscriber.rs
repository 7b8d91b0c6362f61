//! The `tracing` subscriber of the process. It hands the events of this crate to the sink of the task that emitted them.

use std::sync::Once;

use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record as SpanRecord};
use tracing::subscriber::Interest;
use tracing::{Event, Metadata, Subscriber};

use super::record::Record;
use super::{listeners, sinks};

/// Installs the subscriber, once per process. A Rust program that installed its own subscriber keeps it, and receives the
/// events of this crate there.
pub fn install() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        let _ = tracing::subscriber::set_global_default(Reporter);
    });
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
        Some(match listeners::any() {
            false => LevelFilter::OFF,
            true => LevelFilter::TRACE,
        })
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        is_ours(metadata) && sinks::current().is_some_and(|sink| sink.enabled(metadata))
    }

    fn event(&self, event: &Event<'_>) {
        if let Some(sink) = sinks::current().filter(|_| is_ours(event.metadata())) {
            sink.take(event.metadata(), Record::of(event));
        }
    }

    // This crate has no spans, and spans of other crates are never enabled.
    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, _: &SpanRecord<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

/// Returns whether an event belongs to this crate. No filter lets others through: events of the D-Bus library hold whole
/// messages with secrets.
fn is_ours(metadata: &Metadata<'_>) -> bool {
    let target = metadata.target();
    !metadata.is_span() && (target == "securestore" || target.starts_with("securestore::"))
}
