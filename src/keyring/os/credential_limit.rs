//! The size limit of Credential Manager's passwords.

/// The number of bytes that a password may have as UTF-16 (`CRED_MAX_CREDENTIAL_BLOB_SIZE`).
pub(super) const MAX_PASSWORD_LEN: usize = 2560;

/// Returns whether Credential Manager can store this password.
pub(super) fn fits(password: &str) -> bool {
    password.encode_utf16().count() * 2 <= MAX_PASSWORD_LEN
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r1_the_limit_counts_utf_16_units() {
        for (character, count) in [("x", 1280), ("ä", 1280), ("鍵", 1280), ("🔑", 640)] {
            assert!(fits(&character.repeat(count)), "{character}");
            assert!(!fits(&character.repeat(count + 1)), "{character}");
        }
    }
}
