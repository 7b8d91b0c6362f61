//! Any bytes parse to an envelope or a fault; a parsed envelope prints and parses to the same again (R5).
//!
//! Run: `RUSTC_BOOTSTRAP=1 cargo fuzz run envelope -- -max_total_time=60`, with envelopes of
//! `tests/data/envelopes.json` as seeds in `fuzz/corpus/envelope`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use securestore::fallback::envelope::{parse, print};

fuzz_target!(|bytes: &[u8]| {
    if let Ok((envelope, mark)) = parse(bytes) {
        assert!(envelope.ciphertext.len() <= bytes.len());
        assert_eq!(parse(&print(&envelope, mark)), Ok((envelope, mark)));
    }
});
