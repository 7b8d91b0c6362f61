//! What the log may know of a key: a short fingerprint, never its name (R8).

use sha2::{Digest, Sha256};

/// The first 8 hex digits of the SHA-256 of a key's name (R8): enough to follow one key through a log.
pub fn fingerprint(key: &str) -> String {
    hex(&Sha256::digest(key.as_bytes())[..4])
}

/// Lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r8_the_fingerprint_is_the_start_of_the_sha_256() {
        assert_eq!(fingerprint("abc"), "ba7816bf");
    }
}
