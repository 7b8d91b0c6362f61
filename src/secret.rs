//! Text that is wiped when it is dropped and never printed.

use std::{fmt, io};

use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// A secret text: a key, a token, a stored value.
///
/// Its memory is overwritten on drop, and its `Debug` form shows nothing, not even the length. A value is a `Secret` from the
/// moment it enters Rust until it leaves.
#[derive(Clone, Zeroize, ZeroizeOnDrop, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes ownership of a text. Its buffer is wiped on drop.
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// Decodes UTF-8. Returns `None` for other bytes, and wipes them.
    pub fn from_utf8(bytes: Vec<u8>) -> Option<Self> {
        match String::from_utf8(bytes) {
            Ok(text) => Some(Self(text)),
            Err(error) => {
                error.into_bytes().zeroize();
                None
            }
        }
    }

    /// Returns the text itself. Callers must not log or store it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

/// Builds a secret text piece by piece. When its buffer is too small, the text moves to a larger one and the old one is wiped.
#[derive(Default)]
pub struct SecretBuilder(Zeroizing<String>);

impl SecretBuilder {
    /// Appends a text.
    pub fn push_str(&mut self, text: &str) {
        let len = self.0.len() + text.len();
        if len > self.0.capacity() {
            let mut larger = Zeroizing::new(String::with_capacity(len.max(2 * self.0.capacity())));
            larger.push_str(&self.0);
            self.0 = larger;
        }
        self.0.push_str(text);
    }

    /// Appends a character.
    pub fn push(&mut self, c: char) {
        self.push_str(c.encode_utf8(&mut [0; 4]));
    }

    /// Returns the text so far. Callers must not log or store it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Returns the secret. Consumes `self`.
    pub fn finish(mut self) -> Secret {
        Secret(std::mem::take(&mut *self.0))
    }
}

/// Each write appends a text and fails if it is not UTF-8. `serde_json` writes whole characters.
impl io::Write for SecretBuilder {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.push_str(std::str::from_utf8(bytes).map_err(io::Error::other)?);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r8_debug_shows_neither_the_text_nor_its_length() {
        assert_eq!(format!("{:?}", Secret::from("sk-live-123456")), "Secret(***)");
    }

    #[test]
    fn a_secret_is_built_from_pieces_of_any_length() {
        let mut builder = SecretBuilder::default();
        let mut expected = String::new();
        for piece in ["", "a", "bc", &"long ".repeat(50), "é"] {
            builder.push_str(piece);
            builder.push('ü');
            expected.push_str(piece);
            expected.push('ü');
            assert_eq!(builder.expose(), expected);
        }
        assert_eq!(builder.finish(), Secret::new(expected));
    }

    #[test]
    fn json_with_escapes_and_all_kinds_of_characters_is_written_to_a_builder() {
        let text = "a \"b\"\n\u{1}é鍵\u{1f600}";
        let mut builder = SecretBuilder::default();
        serde_json::to_writer(&mut builder, text).unwrap();
        assert_eq!(serde_json::from_str::<String>(builder.expose()).unwrap(), text);
        assert!(io::Write::write(&mut builder, &[0xff]).is_err());
    }

    #[test]
    fn bytes_that_are_not_utf_8_are_refused() {
        assert_eq!(Secret::from_utf8(vec![0xff, 0xfe]), None);
        assert_eq!(Secret::from_utf8(b"ok".to_vec()), Some(Secret::from("ok")));
    }
}
