//! Checks that any bytes parse to an envelope, a tombstone or a fault, and that a printed envelope or tombstone parses to the
//! same content (R5).
//!
//! Run: `RUSTC_BOOTSTRAP=1 cargo fuzz run envelope -- -max_total_time=60`, with envelopes of
//! `tests/data/envelopes.json` as seeds in `fuzz/corpus/envelope`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use securestore::fallback::envelope::{FileContent, parse, print, print_tombstone};

fuzz_target!(|bytes: &[u8]| {
    let Ok(content) = parse(bytes) else { return };
    let printed = match &content {
        FileContent::Value { envelope, newer_than } => {
            assert!(envelope.ciphertext.len() <= bytes.len());
            print(envelope, *newer_than)
        }
        FileContent::Deleted { newer_than } => print_tombstone(*newer_than),
    };
    assert_eq!(parse(&printed), Ok(content));
});
