//! What the errors of an injected keyring mean: the one place where an error's text decides (SPEC section 4).
//!
//! An adapter written in JavaScript can only say what went wrong in words. The operating system's keyrings are never
//! judged by their words: their errors have types.

use super::KeyringError;
use crate::error::{Code, Error};

/// What an adapter's rejection says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rejection {
    /// The message; empty when the adapter rejected with something that has none.
    pub message: String,
    /// Its `code` property, where that is a text.
    pub code: Option<String>,
    /// Its `remediation`, where it is a `SecureStoreError`; its code is kept then.
    pub remediation: Option<String>,
}

/// Phrases and what they mean, in the order in which they are looked for in the lower-cased message.
///
/// The first says what a machine with no keyring at all says, despite the word "denied" in it. Cancelling a prompt is told
/// by whole phrases: a bare "cancel" may be anybody's.
const PHRASES: [(&str, Code); 13] = [
    ("access platform storage", Code::Unavailable),
    ("errsecusercanceled", Code::Denied),
    ("errsecusercancelled", Code::Denied),
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
    /// Which of the six codes it is.
    pub fn classify(&self) -> Code {
        if let (Some(code), Some(_)) = (self.code.as_deref().and_then(Code::parse), &self.remediation) {
            return code;
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

    /// The error a caller gets to see.
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
    fn r6_an_injected_keyrings_words_decide_and_the_first_match_wins() {
        let table = [
            ("Couldn't access platform storage: PermissionDenied", Code::Unavailable),
            ("errSecUserCanceled: The user canceled the operation.", Code::Denied),
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
    fn r6_the_code_enoent_means_not_found_and_other_codes_mean_nothing() {
        for (code, meaning) in [
            ("ENOENT", Code::NotFound),
            ("EACCES", Code::Unavailable),
            ("LOCKED", Code::Unavailable),
        ] {
            let rejection = Rejection {
                code: Some(code.to_owned()),
                ..Rejection::default()
            };
            assert_eq!(rejection.classify(), meaning, "{code}");
        }
    }

    #[test]
    fn r6_a_secure_store_error_keeps_its_code_and_its_remedy() {
        let rejection = Rejection {
            message: "not found".to_owned(),
            code: Some("LOCKED".to_owned()),
            remediation: Some("Open it".to_owned()),
        };
        let error = rejection.into_error().into_error();
        assert_eq!((error.code(), error.remediation()), (Code::Locked, "Open it"));
    }
}
