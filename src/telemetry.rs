//! Events without secrets, and where they go.
//!
//! Every layer emits its events through the functions of [`events`]; `docs/logging.md` lists the events and their fields.
//! Key names appear only as fingerprints. Values, error messages (they may name a file, and the file its key) and paths of
//! files never appear.
//!
//! Process-wide state: the one `tracing` subscriber and the number of listening sinks. The subscriber passes on only this
//! crate's events: those of the D-Bus library hold whole messages.

use std::fmt;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::text::hex;

pub mod events;
mod listeners;
pub mod notices;
mod record;
mod sinks;
mod stderr;
mod subscriber;

pub use record::{Record, Value};
pub use sinks::{EventSink, Sink, propagate, propagate_blocking, with_sink};
pub use stderr::Stderr;

/// Returns the event sinks for a new environment, and makes sure that events reach them.
pub fn event_sink() -> Arc<EventSink> {
    subscriber::install();
    Arc::default()
}

/// Returns the first 8 hexadecimal digits of the SHA-256 of a key's name, enough to follow one key through a log.
pub fn fingerprint(key: &str) -> String {
    hex(&Sha256::digest(key.as_bytes())[..4])
}

/// The fingerprint of a key, computed only when it is displayed.
pub struct Fingerprint<'a>(pub &'a str);

impl fmt::Display for Fingerprint<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&fingerprint(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r8_the_fingerprint_is_the_start_of_the_sha_256() {
        assert_eq!(fingerprint("abc"), "ba7816bf");
        assert_eq!(Fingerprint("abc").to_string(), "ba7816bf");
    }
}
