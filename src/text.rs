//! Hexadecimal digits, trimming, and text from UTF-16.

use zeroize::Zeroizing;

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

/// Converts UTF-16 to UTF-8, with U+FFFD in place of an unpaired surrogate. The result is wiped on drop.
pub fn lossy_utf8(text: &[u16]) -> Zeroizing<String> {
    // The buffer has its full capacity from the start: one that grows would leave copies in freed memory.
    let mut readable = Zeroizing::new(String::with_capacity(text.len() * 3));
    let characters = char::decode_utf16(text.iter().copied());
    readable.extend(characters.map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)));
    readable
}
