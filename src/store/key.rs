//! The name of a key. It is checked before a keyring or a file is used.

use crate::error::{Code, Error, Result};
use crate::fallback::file_name::file_name;

/// The name of a key that every backend can store.
///
/// It is not empty, contains no `/`, `\` or NUL, is not `.` or `..`, and its file name fits the file system.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Key(String);

impl Key {
    /// Checks a name.
    ///
    /// # Errors
    ///
    /// `CORRUPT` for an invalid name. The message says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self> {
        if text.is_empty() {
            return Err(invalid("it is empty"));
        }
        if let Some(bad) = text.chars().find(|c| matches!(c, '/' | '\\' | '\0')) {
            return Err(invalid(match bad {
                '/' => "it contains a slash",
                '\\' => "it contains a backslash",
                _ => "it contains a NUL character",
            }));
        }
        if text == "." || text == ".." {
            return Err(invalid("it is the name of a directory"));
        }
        file_name(text)?;
        Ok(Self(text.to_owned()))
    }

    /// Returns the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn invalid(reason: &str) -> Error {
    Error::new(Code::Corrupt, format!("Key name is invalid: {reason}"))
        .with_remediation("Re-save the key or re-authenticate under another key name")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r3_keys_that_no_backend_could_hold_are_refused() {
        let long = "k".repeat(300);
        for bad in ["", "a/b", "a\\b", "a\0b", ".", "..", long.as_str()] {
            assert_eq!(Key::parse(bad).map_err(|e| e.code()), Err(Code::Corrupt), "{bad:?}");
        }
    }

    #[test]
    fn r3_spaces_colons_percent_signs_and_other_scripts_are_fine() {
        for good in ["a b", "a:b", "100%", "schlüssel", "鍵", "...", "CON", "trailing."] {
            assert_eq!(Key::parse(good).map(|key| key.as_str().to_owned()), Ok(good.to_owned()));
        }
    }
}
