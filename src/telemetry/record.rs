//! An event as a sink receives it: plain, formatted data.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::ser::{Serialize, SerializeMap, Serializer};
use tracing::Event;
use tracing::field::{Field, Visit};

/// One event. As JSON: `timestamp`, `level`, `event` and `target`, then its own fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Time of the event, in milliseconds since 1970.
    pub timestamp: u64,
    /// `trace`, `debug`, `info`, `warn` or `error`.
    pub level: &'static str,
    /// What happened, such as `operation`.
    pub event: &'static str,
    /// The layer that emitted it, such as `securestore::store`.
    pub target: &'static str,
    /// The fields of the event, in the order of `docs/logging.md`. A field that does not apply is missing.
    pub fields: Vec<(&'static str, Value)>,
}

/// The value of a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// A text.
    Text(String),
    /// A count, or a duration.
    Number(u64),
    /// A truth value.
    Flag(bool),
}

impl Record {
    /// Formats an event. Called only for events that a sink accepts.
    pub(super) fn of(event: &Event<'_>) -> Self {
        let metadata = event.metadata();
        let mut fields = FieldVisitor(Vec::with_capacity(metadata.fields().len()));
        event.record(&mut fields);
        Self {
            timestamp: now(),
            level: match *metadata.level() {
                tracing::Level::TRACE => "trace",
                tracing::Level::DEBUG => "debug",
                tracing::Level::INFO => "info",
                tracing::Level::WARN => "warn",
                tracing::Level::ERROR => "error",
            },
            event: metadata.name(),
            target: metadata.target(),
            fields: fields.0,
        }
    }

    /// Returns a warning of the log itself, with a field `message`.
    pub fn warning(event: &'static str, message: &str) -> Self {
        Self {
            timestamp: now(),
            level: "warn",
            event,
            target: "securestore",
            fields: vec![("message", Value::Text(message.to_owned()))],
        }
    }

    /// Returns a field; `None` if the event does not have it.
    pub fn field(&self, name: &str) -> Option<&Value> {
        self.fields
            .iter()
            .find(|(field, _)| *field == name)
            .map(|(_, value)| value)
    }
}

fn now() -> u64 {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    since_1970.as_millis() as u64
}

struct FieldVisitor(Vec<(&'static str, Value)>);

impl Visit for FieldVisitor {
    fn record_u64(&mut self, field: &Field, value: u64) {
        self.0.push((field.name(), Value::Number(value)));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.0.push((field.name(), Value::Flag(value)));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.push((field.name(), Value::Text(value.to_owned())));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.push((field.name(), Value::Text(format!("{value:?}"))));
    }
}

impl Serialize for Record {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(4 + self.fields.len()))?;
        map.serialize_entry("timestamp", &self.timestamp)?;
        map.serialize_entry("level", self.level)?;
        map.serialize_entry("event", self.event)?;
        map.serialize_entry("target", self.target)?;
        for (name, value) in &self.fields {
            match value {
                Value::Text(text) => map.serialize_entry(name, text)?,
                Value::Number(number) => map.serialize_entry(name, number)?,
                Value::Flag(flag) => map.serialize_entry(name, flag)?,
            }
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r8_an_event_is_one_line_of_json_whatever_its_fields_hold() {
        let record = Record {
            timestamp: 1,
            level: "debug",
            event: "operation",
            target: "securestore::store",
            fields: vec![
                ("service", Value::Text("a \"b\"\n".to_owned())),
                ("duration_us", Value::Number(7)),
                ("available", Value::Flag(true)),
            ],
        };
        let line = r#"{"timestamp":1,"level":"debug","event":"operation","target":"securestore::store","service":"a \"b\"\n","duration_us":7,"available":true}"#;
        assert_eq!(serde_json::to_string(&record).unwrap(), line);
    }
}
