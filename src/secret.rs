//! Text that is wiped when it is dropped and never printed.

use std::fmt;

use zeroize::{Zeroize, ZeroizeOnDrop};

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
    fn bytes_that_are_not_utf_8_are_refused() {
        assert_eq!(Secret::from_utf8(vec![0xff, 0xfe]), None);
        assert_eq!(Secret::from_utf8(b"ok".to_vec()), Some(Secret::from("ok")));
    }
}
