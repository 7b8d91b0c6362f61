//! Maps the errors of an injected keyring to error codes. This is the only place where the text of an error decides.
//!
//! An adapter written in JavaScript often reports what went wrong only as text. The errors of the operating system's keyrings
//! have types and numbers, so their text is never used.

use super::KeyringError;
use crate::error::{Code, Error};

/// The reason with which an adapter rejected a call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rejection {
    /// The message; empty if the adapter rejected with something that has none.
    pub message: String,
    /// Its `code` property, if that is a string.
    pub code: Option<String>,
    /// Its `remediation`, if it is a `SecureStoreError`. Its code is kept then.
    pub remediation: Option<String>,
}

/// Phrases and their codes. The first phrase in the lower-cased message decides.
///
/// The first phrase is the message of a machine without a keyring, which also contains "denied". A cancelled prompt is
/// recognized by whole phrases, because a bare "cancel" is ambiguous.
const PHRASES: [(&str, Code); 15] = [
    ("access platform storage", Code::Unavailable),
    ("errsecusercanceled", Code::Denied),
    ("errsecusercancelled", Code::Denied),
    ("errseccanceled", Code::Denied),
    ("errseccancelled", Code::Denied),
    ("user canceled", Code::Denied),
    ("user cancelled", Code::Denied),
    ("canceled by the user", Code::Denied),
    ("cancelled by the user", Code::Denied),
    ("locked", Code::Locked),
    ("denied", Code::Denied),
    ("permission", Code::Denied),
    ("timeout", Code::Timeout),
    ("timed out", Code::Timeout),
    ("not found", Code::NotFound),
];

impl Rejection {
    /// Returns the error code. `RUNTIME_REPLACED` is recognized on any error, as `isRuntimeReplacedError` does.
    pub fn classify(&self) -> Code {
        if let (Some(code), Some(_)) = (self.code.as_deref().and_then(Code::parse), &self.remediation) {
            return code;
        }
        if self.code.as_deref() == Some(Code::RuntimeReplaced.as_str()) {
            return Code::RuntimeReplaced;
        }
        let message = self.message.to_lowercase();
        if let Some((_, code)) = PHRASES.iter().find(|(phrase, _)| message.contains(phrase)) {
            return *code;
        }
        match self.code.as_deref() {
            Some("ENOENT") => Code::NotFound,
            _ => Code::Unavailable,
        }
    }

    /// Consumes `self` and returns the error that the caller sees.
    pub fn into_error(self) -> KeyringError {
        let code = self.classify();
        let message = if self.message.is_empty() {
            "The injected keyring failed".to_owned()
        } else {
            self.message
        };
        let error = Error::new(code, message);
        KeyringError::Failed(match self.remediation {
            Some(remediation) => error.with_remediation(remediation),
            None => error,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r6_the_first_phrase_in_the_message_of_an_injected_keyring_decides() {
        let table = [
            ("Couldn't access platform storage: PermissionDenied", Code::Unavailable),
            ("errSecUserCanceled: The user canceled the operation.", Code::Denied),
            ("errSecCanceled (-128)", Code::Denied),
            ("errSecCancelled", Code::Denied),
            ("User cancelled the operation", Code::Denied),
            ("Prompt cancelled by the user, keyring locked", Code::Denied),
            ("request canceled by the user", Code::Denied),
            ("cancel", Code::Unavailable),
            ("Keychain is LOCKED", Code::Locked),
            ("locked: access denied", Code::Locked),
            ("Access denied", Code::Denied),
            ("No permission", Code::Denied),
            ("Connection timeout", Code::Timeout),
            ("The call timed out", Code::Timeout),
            ("Item not found", Code::NotFound),
            ("something else", Code::Unavailable),
            ("", Code::Unavailable),
        ];
        for (message, code) in table {
            let rejection = Rejection {
                message: message.to_owned(),
                ..Rejection::default()
            };
            assert_eq!(rejection.classify(), code, "{message}");
        }
    }

    #[test]
    fn r6_the_code_enoent_means_not_found_and_other_codes_are_ignored() {
        for (code, expected) in [
            ("ENOENT", Code::NotFound),
            ("EACCES", Code::Unavailable),
            ("LOCKED", Code::Unavailable),
        ] {
            let rejection = Rejection {
                code: Some(code.to_owned()),
                ..Rejection::default()
            };
            assert_eq!(rejection.classify(), expected, "{code}");
        }
    }

    #[test]
    fn r6_the_code_runtime_replaced_is_recognized_on_any_error() {
        let rejection = Rejection {
            message: "The keychain is locked".to_owned(),
            code: Some("RUNTIME_REPLACED".to_owned()),
            remediation: None,
        };
        assert_eq!(rejection.classify(), Code::RuntimeReplaced);
    }

    #[test]
    fn r6_a_secure_store_error_keeps_its_code_and_its_remediation() {
        let rejection = Rejection {
            message: "not found".to_owned(),
            code: Some("LOCKED".to_owned()),
            remediation: Some("Open it".to_owned()),
        };
        let error = rejection.into_error().into_error();
        assert_eq!((error.code(), error.remediation()), (Code::Locked, "Open it"));
    }
}
