//! What may be seen from outside: events without secrets, and where they go (R8).
//!
//! Every layer tells what it did at one place, by the functions of [`events`]; the README lists the events and their
//! fields. A key's name appears as a fingerprint alone; a value, an error's message (it may name a file, and the file
//! its key) and a file's path never do.
//!
//! One of the three global states of the house is here: the one `tracing` subscriber, and how many outlets want to hear
//! of anything. It passes on this crate's own events and no others: those of the D-Bus library hold whole messages.

use std::fmt;

use sha2::{Digest, Sha256};

use crate::text::hex;

mod event_sink;
pub mod events;
pub mod notices;
mod record;
mod subscriber;

pub use event_sink::{EventSink, Sink, propagate, propagate_blocking, with_sink};
pub use record::{Record, Stderr, Value};

/// The first 8 hex digits of the SHA-256 of a key's name (R8): enough to follow one key through a log.
pub fn fingerprint(key: &str) -> String {
    hex(&Sha256::digest(key.as_bytes())[..4])
}

/// A key's fingerprint, computed when it is shown and not before.
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
