//! Seals and opens envelopes as text, for stores that keep their own files.
//!
//! The functions are pure: the caller loads the machine secret and decides what its absence means.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use securestore_scrypt::{N, P, R};
use serde_json::Value;

use super::cipher;
use super::derived_keys::DerivedKey;
use super::envelope::{self, Envelope, SALT_LEN, Version};
use super::machine::{HostIdentity, other_usernames, version};
use super::machine_secret::MachineSecret;
use crate::random::random_bytes;
use crate::secret::Secret;

/// Why an envelope could not be opened or sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CodecError {
    /// The text is not JSON, not an envelope, of an unknown version, or has other parameters.
    Malformed,
    /// The payload is shorter than salt, nonce and tag together.
    TooShort,
    /// The envelope is of version 2, and there is no machine secret.
    NoMachineSecret,
    /// The key is wrong, or the envelope was altered.
    Authentication,
    /// Version 1 would replace version 2.
    Downgrade,
    /// The text is too large for an envelope.
    TooLarge,
    /// The system's random number generator failed.
    NoRandomNumbers,
}

/// Seals a text under a new random salt: in version 2 with a machine secret, in version 1 without. Costs one key derivation.
///
/// # Errors
///
/// [`CodecError::Downgrade`] when there is no machine secret and the envelope to replace is of version 2
/// (`existing_version`); [`CodecError::TooLarge`]; [`CodecError::NoRandomNumbers`].
pub fn encrypt(
    plaintext: &Secret,
    service: &str,
    identity: &HostIdentity,
    secret: Option<&MachineSecret>,
    existing_version: Option<u8>,
) -> Result<String, CodecError> {
    if secret.is_none() && existing_version == Some(2) {
        return Err(CodecError::Downgrade);
    }
    if !envelope::fits(plaintext.expose().len()) {
        return Err(CodecError::TooLarge);
    }
    let salt = random_bytes().map_err(|_| CodecError::NoRandomNumbers)?;
    let key = DerivedKey::derive(&identity.password(service, secret), &salt);
    let envelope = cipher::seal(plaintext, version(secret), salt, &key).map_err(|_| CodecError::NoRandomNumbers)?;
    String::from_utf8(envelope::print(&envelope, None)).map_err(|_| CodecError::Malformed)
}

/// Returns the version of a text that is a valid envelope; `None` for any other text.
pub fn envelope_version(text: &str) -> Option<u8> {
    let value = serde_json::from_str(text).ok()?;
    is_valid_envelope(&value).then(|| version_number(&value)).flatten()
}

/// Returns whether a JSON value is an envelope of a known version with the parameters in use. The payload is not examined;
/// unknown fields are ignored.
pub fn is_valid_envelope(value: &Value) -> bool {
    let crypto = &value["crypto"];
    let numbers = [("N", N), ("r", R), ("p", P), ("saltLen", SALT_LEN)];
    version_number(value).is_some()
        && crypto["alg"] == "aes-256-gcm"
        && crypto["kdf"] == "scrypt"
        && numbers
            .iter()
            .all(|(name, number)| crypto[name].as_f64() == Some(*number as f64))
        && value["data"].is_string()
}

/// Opens an envelope. `secret` is used only for version 2. Costs one key derivation for each name of the user that is tried,
/// up to four.
///
/// # Errors
///
/// [`CodecError::Malformed`], [`CodecError::TooShort`], [`CodecError::NoMachineSecret`] or [`CodecError::Authentication`].
pub fn decrypt(
    text: &str,
    service: &str,
    identity: &HostIdentity,
    secret: Option<&MachineSecret>,
) -> Result<Secret, CodecError> {
    let value: Value = serde_json::from_str(text).map_err(|_| CodecError::Malformed)?;
    if !is_valid_envelope(&value) {
        return Err(CodecError::Malformed);
    }
    let (version, secret) = match (version_number(&value), secret) {
        (Some(1), _) => (Version::V1, None),
        (_, Some(secret)) => (Version::V2, Some(secret)),
        (_, None) => (Version::V2, None),
    };
    let data = value["data"].as_str().and_then(decode_leniently).unwrap_or_default();
    let envelope = Envelope::from_data(version, &data).ok_or(CodecError::TooShort)?;
    if version == Version::V2 && secret.is_none() {
        return Err(CodecError::NoMachineSecret);
    }
    let others = other_usernames().into_iter().filter(|name| *name != identity.username);
    let identities = std::iter::once(identity.clone()).chain(others.map(|username| HostIdentity {
        hostname: identity.hostname.clone(),
        username,
    }));
    for identity in identities {
        let key = DerivedKey::derive(&identity.password(service, secret), &envelope.salt);
        if let Ok(value) = cipher::open(&envelope, &key) {
            return Ok(value);
        }
    }
    Err(CodecError::Authentication)
}

fn version_number(value: &Value) -> Option<u8> {
    match value["v"].as_f64()? {
        1.0 => Some(1),
        2.0 => Some(2),
        _ => None,
    }
}

/// Decodes base64 as Node.js does: either alphabet, with or without padding, ignoring other characters.
fn decode_leniently(text: &str) -> Option<Vec<u8>> {
    const LENIENT: GeneralPurpose = GeneralPurpose::new(
        &alphabet::STANDARD,
        GeneralPurposeConfig::new()
            .with_decode_padding_mode(DecodePaddingMode::Indifferent)
            .with_decode_allow_trailing_bits(true),
    );
    let characters = text
        .bytes()
        .take_while(|byte| *byte != b'=')
        .filter_map(|byte| match byte {
            b'-' => Some(b'+'),
            b'_' => Some(b'/'),
            b'+' | b'/' => Some(byte),
            byte if byte.is_ascii_alphanumeric() => Some(byte),
            _ => None,
        });
    let mut characters: Vec<u8> = characters.collect();
    // A single last character encodes no complete byte.
    if characters.len() % 4 == 1 {
        characters.pop();
    }
    LENIENT.decode(characters).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(username: &str) -> HostIdentity {
        HostIdentity {
            hostname: "devbox".to_owned(),
            username: username.to_owned(),
        }
    }

    fn sealed(secret: Option<&MachineSecret>) -> String {
        encrypt(&Secret::from("value"), "service", &identity("alice"), secret, None).unwrap()
    }

    #[test]
    fn r4_5_sealed_envelopes_of_both_versions_open_and_each_has_its_own_salt() {
        let secret = MachineSecret::new(&[7; 32]);
        for secret in [None, Some(&secret)] {
            let (one, two) = (sealed(secret), sealed(secret));
            let version = if secret.is_some() { 2 } else { 1 };
            assert_eq!(envelope_version(&one), Some(version));
            let data =
                |text: &str| serde_json::from_str::<Value>(text).unwrap()["data"].as_str().unwrap()[..21].to_owned();
            assert_ne!(data(&one), data(&two));
            let opened = decrypt(&one, "service", &identity("alice"), secret);
            assert!(opened == Ok(Secret::from("value")));
        }
        assert!(decrypt(&sealed(None), "service", &identity("alice"), Some(&secret)) == Ok(Secret::from("value")));
    }

    #[test]
    fn r4_5_an_envelope_that_was_sealed_under_another_name_of_the_user_opens() {
        let text = encrypt(&Secret::from("v"), "service", &identity("unknown"), None, None).unwrap();
        assert!(decrypt(&text, "service", &identity("alice"), None) == Ok(Secret::from("v")));
    }

    #[test]
    fn r4_5_base64_is_decoded_as_node_decodes_it() {
        let text = sealed(None);
        let value: Value = serde_json::from_str(&text).unwrap();
        let data = value["data"].as_str().unwrap();
        let url_safe = data.replace('+', "-").replace('/', "_");
        for form in [
            url_safe,
            data.trim_end_matches('=').to_owned(),
            format!("{}\\n {}", &data[..30], &data[30..]),
        ] {
            let text = text.replace(data, &form);
            assert!(
                decrypt(&text, "service", &identity("alice"), None) == Ok(Secret::from("value")),
                "{form}"
            );
        }
    }

    #[test]
    fn r4_5_a_character_that_encodes_no_complete_byte_is_ignored() {
        for (text, bytes) in [
            ("QUJD", "ABC"),
            ("QUJDR", "ABC"),
            ("QUJDRA", "ABCD"),
            ("QUJDREU", "ABCDE"),
            ("Q", ""),
        ] {
            assert_eq!(decode_leniently(text).as_deref(), Some(bytes.as_bytes()), "{text}");
        }
        assert_eq!(decode_leniently("-_-_"), decode_leniently("+/+/"));
        assert_eq!(decode_leniently("-_-_").map(|bytes| bytes.len()), Some(3));
    }

    #[test]
    fn r5_each_reason_for_a_refusal_has_its_error() {
        let secret = MachineSecret::new(&[7; 32]);
        let (one, two) = (sealed(None), sealed(Some(&secret)));
        let open = |text: &str, secret: Option<&MachineSecret>| {
            decrypt(text, "service", &identity("alice"), secret).unwrap_err()
        };
        for text in [
            "",
            "null",
            "[]",
            "{}",
            &one.replace("16384", "1024"),
            &one.replace("\"v\":1", "\"v\":3"),
        ] {
            assert_eq!(open(text, None), CodecError::Malformed, "{text}");
            assert_eq!(envelope_version(text), None);
        }
        let short = one.replace(
            serde_json::from_str::<Value>(&one).unwrap()["data"].as_str().unwrap(),
            "AAAA",
        );
        assert_eq!(open(&short, None), CodecError::TooShort);
        assert_eq!(open(&two, None), CodecError::NoMachineSecret);
        assert_eq!(
            open(&two, Some(&MachineSecret::new(&[8; 32]))),
            CodecError::Authentication
        );
        let refused = encrypt(&Secret::from("v"), "service", &identity("alice"), None, Some(2));
        assert_eq!(refused, Err(CodecError::Downgrade));
        assert!(
            encrypt(
                &Secret::from("v"),
                "service",
                &identity("alice"),
                Some(&secret),
                Some(2)
            )
            .is_ok()
        );
    }

    #[test]
    fn r4_5_unknown_fields_do_not_make_an_envelope_invalid() {
        let mut value: Value = serde_json::from_str(&sealed(None)).unwrap();
        value["crypto"]["more"] = Value::from(1);
        value["note"] = Value::from("x");
        value["data"] = Value::from("");
        assert!(is_valid_envelope(&value));
        value["data"] = Value::Null;
        assert!(!is_valid_envelope(&value));
    }
}
