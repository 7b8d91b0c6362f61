//! What becomes of one environment's events: `setLogSink` and `LLXPRT_SECURESTORE_LOG`.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use napi::bindgen_prelude::{FnArgs, FunctionRef, JsObjectValue, Object, Unknown};
use napi::{Env, JsValue, ValueType};
use napi_derive::napi;
use tracing_subscriber::filter::Targets;

use super::args;
use super::environment::Environment;
use super::error::{Failure, thrown};
use super::js_thread::JsThread;
use crate::telemetry::{EventSink, Record, Sink, Stderr, Value, event_sink};

/// How many events wait for the JavaScript thread, at most; those that come then are dropped, and counted.
const QUEUE: usize = 1024;

/// The events of one environment, on their way to its JavaScript thread or to standard error. Clones are the same.
#[derive(Clone)]
pub struct Log(Arc<Shared>);

struct Shared {
    outlet: Arc<EventSink>,
    queue: Arc<Queue>,
    /// What `LLXPRT_SECURESTORE_LOG` said when it was last looked at.
    filter: Mutex<Option<String>>,
}

/// Events that wait for the JavaScript thread.
struct Queue {
    thread: JsThread,
    waiting: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    events: VecDeque<Waits>,
    dropped: u64,
    called: bool,
}

struct Waits {
    record: Record,
    /// How many were dropped just before this one.
    dropped: u64,
}

/// The function that JavaScript gave. It stays on its thread.
pub type SinkFunction = FunctionRef<FnArgs<(Object<'static>,)>, Unknown<'static>>;

/// Documented in `index.d.ts`.
#[napi]
pub fn set_log_sink(env: &Env, sink: Unknown<'_>) -> napi::Result<()> {
    thrown(env, set(env, sink))
}

fn set(env: &Env, sink: Unknown<'_>) -> Result<(), Failure> {
    let environment = Environment::of(env)?;
    let function = match sink.get_type()? {
        ValueType::Null => None,
        ValueType::Function => Some(args::function::<FnArgs<(Object<'static>,)>, Unknown<'static>>(
            sink, "sink",
        )?),
        _ => {
            let kind = args::kind(&sink)?;
            return Err(Failure::Type(format!("sink must be a function or null, not {kind}")));
        }
    };
    let queue = &environment.log.0.queue;
    let outlet = &environment.log.0.outlet;
    match function {
        Some(function) => {
            environment.sink.replace(Some(function.create_ref()?.into()));
            outlet.set_sink(Some(queue.clone()));
        }
        None => {
            outlet.set_sink(None);
            environment.sink.replace(None);
            *queue.waiting() = Waiting::default();
        }
    }
    Ok(())
}

impl Log {
    /// A log that nobody hears yet.
    pub fn new(thread: JsThread) -> Self {
        Self(Arc::new(Shared {
            outlet: event_sink(),
            queue: Arc::new(Queue {
                thread,
                waiting: Mutex::default(),
            }),
            filter: Mutex::default(),
        }))
    }

    /// Where this environment's work tells what it does.
    pub fn outlet(&self) -> Arc<EventSink> {
        self.0.outlet.clone()
    }

    /// Does what `LLXPRT_SECURESTORE_LOG` says from now on. What is no filter is no log, and is told once.
    pub fn follow(&self, filter: Option<String>) {
        let filter = filter.filter(|filter| !filter.trim().is_empty());
        let mut known = self.0.filter.lock().unwrap_or_else(PoisonError::into_inner);
        if *known == filter {
            return;
        }
        let targets = filter.as_deref().map(str::parse::<Targets>);
        if let Some(Err(_)) = targets {
            Stderr.take(Record::warning(
                "log_filter",
                "LLXPRT_SECURESTORE_LOG is ignored: it is no filter, such as debug or securestore::store=debug",
            ));
        }
        let log = targets.and_then(Result::ok);
        self.0
            .outlet
            .set_log(log.map(|targets| (targets, Arc::new(Stderr) as Arc<dyn Sink>)));
        *known = filter;
    }

    /// Hands over to JavaScript what waits. Only on the JavaScript thread.
    pub fn deliver(&self, env: &Env) {
        let _ = self.0.queue.deliver(env);
    }
}

impl Sink for Queue {
    fn take(&self, record: Record) {
        let mut waiting = self.waiting();
        if waiting.events.len() >= QUEUE {
            waiting.dropped += 1;
            return;
        }
        let dropped = std::mem::take(&mut waiting.dropped);
        waiting.events.push_back(Waits { record, dropped });
        if !std::mem::replace(&mut waiting.called, true) {
            drop(waiting);
            self.thread.run(|env| {
                if let Ok(environment) = Environment::of(env) {
                    environment.log.deliver(env);
                }
            });
        }
    }
}

impl Queue {
    /// One by one, for the sink may call us: to remove itself, for one.
    fn deliver(&self, env: &Env) -> napi::Result<()> {
        let environment = Environment::of(env)?;
        // Not more than there are now: events that come meanwhile do not hold the event loop up for ever.
        let mut rest = {
            let mut waiting = self.waiting();
            waiting.called = false;
            waiting.events.len()
        };
        while rest > 0 {
            rest -= 1;
            let Some(sink) = environment.sink.borrow().clone() else {
                break;
            };
            let Some(waits) = self.waiting().events.pop_front() else {
                break;
            };
            let event = object(env, &waits)?;
            let sink = sink.borrow_back(env)?;
            let sink: Unknown<'_> = sink.to_unknown();
            let _ = environment.deliver.borrow_back(env)?.call(FnArgs::from((sink, event)));
        }
        Ok(())
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The event as a plain object.
fn object<'env>(env: &'env Env, waits: &Waits) -> napi::Result<Object<'env>> {
    let Waits { record, dropped } = waits;
    let mut event = Object::new(env)?;
    event.set_named_property("timestamp", record.timestamp as f64)?;
    event.set_named_property("level", record.level)?;
    event.set_named_property("event", record.event)?;
    event.set_named_property("target", record.target)?;
    for (name, value) in &record.fields {
        match value {
            Value::Text(text) => event.set_named_property(name, text.as_str())?,
            Value::Number(number) => event.set_named_property(name, *number as f64)?,
            Value::Flag(flag) => event.set_named_property(name, *flag)?,
        }
    }
    if *dropped > 0 {
        event.set_named_property("dropped", *dropped as f64)?;
    }
    Ok(event)
}
