//! An event as a sink gets it: plain data that nobody has to format again.

use std::fmt;
use std::io::Write as _;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::ser::{Serialize, SerializeMap, Serializer};
use tracing::Event;
use tracing::field::{Field, Visit};

use super::event_sink::Sink;

/// One event. As JSON: `timestamp`, `level`, `event` and `target`, then its own fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// When, in milliseconds since 1970.
    pub timestamp: u64,
    /// `trace`, `debug`, `info`, `warn` or `error`.
    pub level: &'static str,
    /// What happened, such as `operation`.
    pub event: &'static str,
    /// Which layer says so, such as `securestore::store`.
    pub target: &'static str,
    /// What else is known, in the order of the README's list. A field that does not apply is missing.
    pub fields: Vec<(&'static str, Value)>,
}

/// What a field holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// A text.
    Text(String),
    /// A count, or a duration.
    Number(u64),
    /// Yes or no.
    Flag(bool),
}

/// Writes each event to standard error, as a line of JSON. A line that cannot be written is lost, and nobody hears of it.
pub struct Stderr;

impl Sink for Stderr {
    fn take(&self, record: Record) {
        if let Ok(mut line) = serde_json::to_vec(&record) {
            line.push(b'\n');
            // One write for the whole line: lines of several threads and processes do not mix.
            let _ = std::io::stderr().lock().write_all(&line);
        }
    }
}

impl Record {
    /// Takes an event down. This is where its fields are formatted, for those who want to hear it.
    pub(super) fn of(event: &Event<'_>) -> Self {
        let metadata = event.metadata();
        let mut fields = Fields(Vec::with_capacity(metadata.fields().len()));
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

    /// A warning of the log itself, with a field `message`.
    pub fn warning(event: &'static str, message: &str) -> Self {
        Self {
            timestamp: now(),
            level: "warn",
            event,
            target: "securestore",
            fields: vec![("message", Value::Text(message.to_owned()))],
        }
    }

    /// A field; `None` where the event does not have it.
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

struct Fields(Vec<(&'static str, Value)>);

impl Visit for Fields {
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
