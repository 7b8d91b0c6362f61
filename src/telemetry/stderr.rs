//! Events on standard error.

use std::io::Write as _;

use super::record::Record;
use super::sinks::Sink;

/// Writes each event to standard error as a line of JSON. A line that cannot be written is lost.
pub struct Stderr;

impl Sink for Stderr {
    fn take(&self, record: Record) {
        if let Ok(mut line) = serde_json::to_vec(&record) {
            line.push(b'\n');
            // One write for the whole line, so that lines of several threads and processes do not mix.
            let _ = std::io::stderr().lock().write_all(&line);
        }
    }
}
