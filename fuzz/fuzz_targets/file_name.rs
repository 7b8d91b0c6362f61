//! Checks that a key has one file name, a file name has one key, and no name leads out of the directory (R4.8).
//!
//! Run: `RUSTC_BOOTSTRAP=1 cargo fuzz run file_name -- -max_total_time=60`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use securestore::fallback::file_name::{MAX_LEN, decode, file_name, plain_name};

fuzz_target!(|text: &str| {
    // The text as a key.
    if let Ok(name) = file_name(text) {
        assert!(name.len() <= MAX_LEN && !name.contains(['/', '\\', '\0', ':']) && name.ends_with(".enc"));
        assert_eq!(decode(&name).as_deref(), Some(text));
    }
    if let Some(plain) = plain_name(text) {
        assert!(!plain.contains(['/', '\\', '\0']));
        assert_ne!(file_name(text).ok().as_ref(), Some(&plain));
        assert_eq!(decode(&plain).as_deref(), Some(text));
    }
    // The text as a name found in the directory: it decodes to the key that is stored under this name.
    if let Some(key) = decode(text) {
        let names = [file_name(&key).ok(), plain_name(&key)];
        assert!(text.len() > MAX_LEN || names.iter().flatten().any(|name| name == text));
    }
});
