//! Checks that every `/key` line parses, and that exactly the text that is parsed as a key is masked (R12, R20).
//!
//! Run: `RUSTC_BOOTSTRAP=1 cargo fuzz run command_line -- -max_total_time=60`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use securestore::key_command::secure_input::{SecureInputHandler, Units, key_for_history};
use securestore::key_command::{Invocation, parse};

fuzz_target!(|args: &str| {
    let command = format!("/key {args}");
    if let Invocation::Save { key, .. } | Invocation::Set { key } = parse(args) {
        assert_eq!(
            key_for_history(&command).map(|range| &command[range]),
            Some(key.expose())
        );
    }
    for line in [args, &command] {
        let line = Units::new(line.encode_utf16().collect());
        let kept = SecureInputHandler::sanitize_for_history(&line);
        assert_eq!(SecureInputHandler::sanitize_for_history(&kept), kept);
        let mut handler = SecureInputHandler::default();
        let shown = handler.process_input(line.clone());
        assert_eq!(handler.actual_value(), &line[..]);
        assert_eq!(handler.process_input(shown.clone()), shown);
    }
});
