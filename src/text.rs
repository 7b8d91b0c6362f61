//! Hexadecimal digits and trimming.

/// Returns the bytes as lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
}

/// Returns the text without white space and byte-order marks at both ends. Pasted text and files may contain such marks.
pub fn trim(text: &str) -> &str {
    text.trim_matches(is_white_space)
}

/// Returns whether a character is trimmed from keys and separates the words of a command: Unicode white space, or a
/// byte-order mark.
pub fn is_white_space(c: char) -> bool {
    c.is_whitespace() || c == '\u{feff}'
}
