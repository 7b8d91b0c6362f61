//! Checks that any bytes parse to a derived-key cache or are rejected, that a parsed cache prints the same bytes, and that it
//! does not open with a foreign machine secret.
//!
//! Run: `RUSTC_BOOTSTRAP=1 cargo fuzz run key_cache -- -max_total_time=60`, with the file of `tests/data/key_cache.json` as a
//! seed in `fuzz/corpus/key_cache`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use securestore::fallback::key_cache::{KeyCacheFile, MAX_LEN};
use securestore::fallback::machine_secret::MachineSecret;

fuzz_target!(|bytes: &[u8]| {
    let Some(file) = KeyCacheFile::parse(bytes) else { return };
    assert!(bytes.len() <= MAX_LEN);
    assert_eq!(file.print(), bytes);
    let key = MachineSecret::new(&[7; 32]).section_key("service");
    assert!(file.open(&key).is_empty());
});
