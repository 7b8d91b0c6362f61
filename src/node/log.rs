//! The destinations of the events of one environment, and of one object.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use napi::Env;
use tracing_subscriber::filter::Targets;

use super::js_thread::JsThread;
use crate::telemetry::{EventSink, Record, Sink, Stderr, event_sink};

/// Maximum number of events that wait for the JavaScript thread. Further events are dropped, and counted.
const MAX_QUEUED_EVENTS: usize = 1024;

/// An event that waits for its delivery to JavaScript.
pub struct QueuedEvent {
    /// The event.
    pub record: Record,
    /// How many events were dropped just before this one.
    pub dropped: u64,
}

/// Hands one event to a function of JavaScript. Called on the JavaScript thread.
pub type Deliver = Arc<dyn Fn(&Env, &QueuedEvent) -> napi::Result<()> + Send + Sync>;

/// The events of one environment, or of one object with a logger. Clones share everything.
#[derive(Clone)]
pub struct EventLog(Arc<EventLogState>);

struct EventLogState {
    sink: Arc<EventSink>,
    queue: Arc<EventQueue>,
    /// The environment's log that an object's events go to as well.
    parent: Option<EventLog>,
    /// The value of `LLXPRT_SECURESTORE_LOG` when it was last read.
    filter: Mutex<Option<String>>,
}

impl EventLog {
    /// Creates a log without a listener.
    pub fn new(thread: JsThread) -> Self {
        Self::with_parent(thread, None)
    }

    /// Creates the log of an object with a logger. Its events go to the environment's listeners as well.
    pub fn for_logger(&self, thread: JsThread, deliver: Deliver) -> Self {
        let log = Self::with_parent(thread, Some(self.clone()));
        log.set_listener(Some(deliver));
        log
    }

    fn with_parent(thread: JsThread, parent: Option<EventLog>) -> Self {
        Self(Arc::new(EventLogState {
            sink: match &parent {
                Some(parent) => Arc::new(EventSink::with_parent(parent.sink())),
                None => event_sink(),
            },
            queue: Arc::new(EventQueue {
                thread,
                backlog: Mutex::default(),
                deliver: Mutex::default(),
            }),
            parent,
            filter: Mutex::default(),
        }))
    }

    /// Returns the sink for the events of work.
    pub fn sink(&self) -> Arc<EventSink> {
        self.0.sink.clone()
    }

    /// Sets the function that receives every event; `None` removes it.
    pub fn set_listener(&self, deliver: Option<Deliver>) {
        let listens = deliver.is_some();
        *self.0.queue.deliver.lock().unwrap_or_else(PoisonError::into_inner) = deliver;
        if listens {
            self.0.sink.set_sink(Some(Arc::new(self.0.queue.clone())));
        } else {
            self.0.sink.set_sink(None);
            *self.0.queue.backlog() = EventBacklog::default();
        }
    }

    /// Applies the filter of `LLXPRT_SECURESTORE_LOG`. Reports an invalid one once on standard error, and ignores it.
    pub fn set_filter(&self, filter: Option<String>) {
        let filter = filter.filter(|filter| !filter.trim().is_empty());
        let mut known = self.0.filter.lock().unwrap_or_else(PoisonError::into_inner);
        if *known == filter {
            return;
        }
        let targets = filter.as_deref().map(str::parse::<Targets>);
        if let Some(Err(_)) = targets {
            Stderr.take(Record::warning(
                "log_filter",
                "LLXPRT_SECURESTORE_LOG is ignored: invalid filter; use for example debug or securestore::store=debug",
            ));
        }
        let log = targets.and_then(Result::ok);
        self.0
            .sink
            .set_log(log.map(|targets| (targets, Arc::new(Stderr) as Arc<dyn Sink>)));
        *known = filter;
    }

    /// Hands the queued events to JavaScript. Only on the JavaScript thread.
    pub fn deliver(&self, env: &Env) {
        if let Some(parent) = &self.0.parent {
            parent.deliver(env);
        }
        self.0.queue.deliver(env);
    }
}

/// Events that wait for the JavaScript thread, and the function that takes them.
struct EventQueue {
    thread: JsThread,
    backlog: Mutex<EventBacklog>,
    deliver: Mutex<Option<Deliver>>,
}

#[derive(Default)]
struct EventBacklog {
    events: VecDeque<QueuedEvent>,
    dropped: u64,
    /// Whether a job that delivers the events is queued.
    scheduled: bool,
}

impl Sink for Arc<EventQueue> {
    fn take(&self, record: Record) {
        let mut backlog = self.backlog();
        if backlog.events.len() >= MAX_QUEUED_EVENTS {
            backlog.dropped += 1;
            return;
        }
        let dropped = std::mem::take(&mut backlog.dropped);
        backlog.events.push_back(QueuedEvent { record, dropped });
        if !std::mem::replace(&mut backlog.scheduled, true) {
            drop(backlog);
            let queue = self.clone();
            self.thread.run(move |env| queue.deliver(env));
        }
    }
}

impl EventQueue {
    /// Delivers the events one by one, because the listener may call this module, for example to remove itself.
    fn deliver(&self, env: &Env) {
        // Events that arrive during the delivery wait for the next job, so that they cannot hold up the event loop.
        let mut left = {
            let mut backlog = self.backlog();
            backlog.scheduled = false;
            backlog.events.len()
        };
        while left > 0 {
            left -= 1;
            let Some(deliver) = self.deliver.lock().unwrap_or_else(PoisonError::into_inner).clone() else {
                break;
            };
            let Some(event) = self.backlog().events.pop_front() else {
                break;
            };
            let _ = deliver(env, &event);
        }
    }

    fn backlog(&self) -> MutexGuard<'_, EventBacklog> {
        self.backlog.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
