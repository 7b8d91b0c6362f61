//! Listeners of events: `setLogSink`, and the option `logger`.

use std::fmt::Write as _;
use std::sync::Arc;

use napi::bindgen_prelude::{FnArgs, Function, FunctionRef, JsObjectValue, Object, Unknown};
use napi::{Env, JsValue, ValueType};
use napi_derive::napi;

use super::args;
use super::environment::JsEnvironment;
use super::error::{Failure, or_throw};
use super::log::{Deliver, EventLog, QueuedEvent};
use crate::telemetry::{Record, Value};

type SinkFunction = FunctionRef<FnArgs<(Object<'static>,)>, Unknown<'static>>;

/// See `index.d.ts`.
#[napi]
pub fn set_log_sink(env: &Env, sink: Unknown<'_>) -> napi::Result<()> {
    or_throw(env, set_sink(env, sink))
}

fn set_sink(env: &Env, sink: Unknown<'_>) -> Result<(), Failure> {
    let environment = JsEnvironment::of(env)?;
    let listener = match sink.get_type()? {
        ValueType::Null => None,
        ValueType::Function => {
            let function: Function<'_, FnArgs<(Object<'static>,)>, Unknown<'static>> = args::cast(sink)?;
            let function: SinkFunction = function.create_ref()?;
            Some(Arc::new(move |env: &Env, event: &QueuedEvent| {
                let object = event_object(env, event)?;
                let sink = function.borrow_back(env)?;
                let deliver = JsEnvironment::of(env)?.deliver.borrow_back(env)?;
                deliver.call(FnArgs::from((sink.to_unknown(), object)))
            }) as Deliver)
        }
        _ => {
            let kind = args::kind(&sink)?;
            return Err(Failure::Type(format!("sink must be a function or null, not {kind}")));
        }
    };
    environment.log.set_listener(listener);
    Ok(())
}

/// Returns the log of an object: that of the environment, or one that also calls a `StorageLogger`.
///
/// # Errors
///
/// A `TypeError` for an object without the methods of a logger.
pub fn object_log(env: &Env, logger: Option<Unknown<'_>>, name: &str) -> Result<EventLog, Failure> {
    let environment = JsEnvironment::of(env)?;
    let Some(logger) = logger else {
        return Ok(environment.log.clone());
    };
    let logger = args::object(logger, name)?;
    for method in ["debug", "warn", "error"] {
        let function: Unknown<'_> = logger.get_named_property(method)?;
        if function.get_type()? != ValueType::Function {
            return Err(Failure::Type(format!(
                "{name} must have the methods debug, warn and error"
            )));
        }
    }
    let function = environment.logger.borrow_back(env)?.call(logger)?.create_ref()?;
    let deliver = move |env: &Env, event: &QueuedEvent| {
        let call = function.borrow_back(env)?;
        call.call(FnArgs::from((event.record.level.to_owned(), event_text(&event.record))))
    };
    Ok(environment
        .log
        .for_logger(environment.thread.clone(), Arc::new(deliver)))
}

/// Returns the event as a plain object.
fn event_object<'env>(env: &'env Env, event: &QueuedEvent) -> napi::Result<Object<'env>> {
    let QueuedEvent { record, dropped } = event;
    let mut object = Object::new(env)?;
    object.set_named_property("timestamp", record.timestamp as f64)?;
    object.set_named_property("level", record.level)?;
    object.set_named_property("event", record.event)?;
    object.set_named_property("target", record.target)?;
    for (name, value) in &record.fields {
        match value {
            Value::Text(text) => object.set_named_property(name, text.as_str())?,
            Value::Number(number) => object.set_named_property(name, *number as f64)?,
            Value::Flag(flag) => object.set_named_property(name, *flag)?,
        }
    }
    if *dropped > 0 {
        object.set_named_property("dropped", *dropped as f64)?;
    }
    Ok(object)
}

/// Returns the event as a line of text, such as `operation: operation=get service=tokens key=ba7816bf outcome=ok`.
fn event_text(record: &Record) -> String {
    let mut text = format!("{}:", record.event);
    for (name, value) in &record.fields {
        // Writing to a string cannot fail.
        let _ = match value {
            Value::Text(value) => write!(text, " {name}={value}"),
            Value::Number(value) => write!(text, " {name}={value}"),
            Value::Flag(value) => write!(text, " {name}={value}"),
        };
    }
    text
}
