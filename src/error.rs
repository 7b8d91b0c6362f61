//! Storage errors: a code, a message that says what failed, and a remediation.

use std::fmt;

/// The code of a storage error. Its text form is part of the JavaScript contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Code {
    /// There is no keyring, or a file cannot be read or written.
    Unavailable,
    /// The keyring is locked.
    Locked,
    /// Access was refused, or the user dismissed the prompt.
    Denied,
    /// Stored data, or the name of a key, failed validation.
    Corrupt,
    /// The time limit was reached.
    Timeout,
    /// There is no such key.
    NotFound,
    /// Another program wrote this entry at the same moment.
    Conflict,
    /// The file of the running program was deleted, as by an upgrade.
    RuntimeReplaced,
}

impl Code {
    /// All codes.
    pub const ALL: [Code; 8] = [
        Code::Unavailable,
        Code::Locked,
        Code::Denied,
        Code::Corrupt,
        Code::Timeout,
        Code::NotFound,
        Code::Conflict,
        Code::RuntimeReplaced,
    ];

    /// Returns the text form, such as `"NOT_FOUND"`.
    pub fn as_str(self) -> &'static str {
        match self {
            Code::Unavailable => "UNAVAILABLE",
            Code::Locked => "LOCKED",
            Code::Denied => "DENIED",
            Code::Corrupt => "CORRUPT",
            Code::Timeout => "TIMEOUT",
            Code::NotFound => "NOT_FOUND",
            Code::Conflict => "CONFLICT",
            Code::RuntimeReplaced => "RUNTIME_REPLACED",
        }
    }

    /// Returns whether an error with this code ends the operation: it is never absorbed by a fallback to the file and never
    /// treated as "not found".
    pub fn is_final(self) -> bool {
        matches!(self, Code::Conflict | Code::RuntimeReplaced)
    }

    /// Returns the code with this text form; `None` for any other text.
    pub fn parse(text: &str) -> Option<Code> {
        Code::ALL.into_iter().find(|code| code.as_str() == text)
    }

    /// Returns the default remediation of the code.
    pub fn remediation(self) -> &'static str {
        match self {
            Code::Unavailable => {
                "Use --key, install a keyring backend, use seatbelt mode, or allow encrypted fallback storage"
            }
            Code::Locked => "Unlock your keyring",
            Code::Denied => "Check permissions, run as the correct user",
            Code::Corrupt => "Re-save the key or re-authenticate",
            Code::Timeout => "Retry, check system load",
            Code::NotFound => "Save the key first",
            Code::Conflict => "Retry the operation",
            Code::RuntimeReplaced => "Restart the program",
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A failed storage operation: what failed, and what to do about it. Holds no secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    code: Code,
    message: String,
    remediation: String,
    exit_code: Option<u8>,
    is_final: bool,
}

/// The result of a storage operation.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// Creates an error with the default remediation of its code.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            remediation: code.remediation().to_owned(),
            exit_code: None,
            is_final: code.is_final(),
        }
    }

    /// Replaces the remediation.
    #[must_use]
    pub fn with_remediation(mut self, remediation: impl Into<String>) -> Self {
        self.remediation = remediation.into();
        self
    }

    /// Sets the exit code of a non-interactive run that this error ends.
    #[must_use]
    pub fn with_exit_code(mut self, exit_code: u8) -> Self {
        self.exit_code = Some(exit_code);
        self
    }

    /// Makes the error final, whatever its code is; see [`Error::is_final`].
    #[must_use]
    pub fn into_final(mut self) -> Self {
        self.is_final = true;
        self
    }

    /// Returns whether the error ends the operation: it is never absorbed by a fallback to the file and never treated as "not
    /// found". An error is final if its code is ([`Code::is_final`]), and if an invalid setting of the keyring caused it.
    pub fn is_final(&self) -> bool {
        self.is_final
    }

    /// Returns the code.
    pub fn code(&self) -> Code {
        self.code
    }

    /// Returns the message: what failed.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Returns the remediation: what to do about it.
    pub fn remediation(&self) -> &str {
        &self.remediation
    }

    /// Returns the exit code for a non-interactive run; `None` unless the error ends the session.
    pub fn exit_code(&self) -> Option<u8> {
        self.exit_code
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_final_by_its_code_or_where_it_is_made_so() {
        for code in Code::ALL {
            assert_eq!(Error::new(code, "").is_final(), code.is_final(), "{code}");
            assert!(Error::new(code, "").into_final().is_final(), "{code}");
        }
    }

    #[test]
    fn r6_every_code_has_its_own_text_form_that_parses_back() {
        for code in Code::ALL {
            assert_eq!(Code::parse(code.as_str()), Some(code));
        }
        assert_eq!(Code::parse("unavailable"), None);
    }

    #[test]
    fn r6_remediations_contain_the_words_of_the_table() {
        let words = [
            (Code::Unavailable, vec!["--key", "keyring", "seatbelt"]),
            (Code::Locked, vec!["Unlock your keyring"]),
            (Code::Denied, vec!["permissions", "correct user"]),
            (Code::Corrupt, vec!["Re-save the key or re-authenticate"]),
            (Code::Timeout, vec!["Retry", "system load"]),
            (Code::NotFound, vec!["Save the key first"]),
            (Code::Conflict, vec!["Retry the operation"]),
            (Code::RuntimeReplaced, vec!["Restart the program"]),
        ];
        for (code, wanted) in words {
            for word in wanted {
                assert!(code.remediation().contains(word), "{code}: {word}");
            }
        }
    }
}
