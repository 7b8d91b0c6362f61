//! The machine secret, its text form, and the interfaces of its sources.

use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use base64::engine::{DecodePaddingMode, general_purpose::STANDARD};
use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::error::{Code, Error, Result};
use crate::fallback::envelope::Version;
use crate::fallback::protected::ProtectedBytes;

/// Length of a secret that is kept in the keyring or in a file, in bytes.
pub const LEN: usize = 32;
/// The shortest secret that a caller's loader may give, in bytes.
pub const MIN_LEN: usize = 16;
/// The longest secret that a caller's loader may give, in bytes.
pub const MAX_LEN: usize = 64;

/// Length of the id of a machine secret's section in the derived-key cache, in bytes.
pub(in crate::fallback) const SECTION_ID_LEN: usize = 16;

/// A future of the secret's bytes, which are wiped on drop; `None` when the source has no secret.
pub type SecretFuture<'a> = Pin<Box<dyn Future<Output = Result<Option<Zeroizing<Vec<u8>>>>> + Send + 'a>>;

/// A source that may hold the machine secret.
pub trait MachineSecretLoader: Send + Sync {
    /// Returns the name of this source in messages, such as "the OS keyring".
    fn name(&self) -> &str;

    /// Loads the bytes of the secret, decoded from any text form; `None` when this source has none. Not called again after it
    /// has returned a secret.
    fn load(&self) -> SecretFuture<'_>;
}

/// A keyring that may hold the machine secret, and where one can be created.
pub trait MachineSecretKeyring: MachineSecretLoader {
    /// Stores this secret, in the text form that [`encode`] returns, unless the keyring holds one already. Returns the bytes of
    /// the secret that the keyring then holds; `None` when it could not be verified that it holds one.
    fn create<'a>(&'a self, secret: &'a crate::secret::Secret) -> SecretFuture<'a>;
}

/// Where the machine secret is, and which version is written.
#[derive(Clone, Default)]
pub struct MachineSecretConfig {
    /// The caller's loader. If there is one, only its secret is used for writing; `None` from it means version 1.
    pub loader: Option<Arc<dyn MachineSecretLoader>>,
    /// The keyring's entry. Without a loader, the first choice for writing and for creating a secret.
    pub keyring: Option<Arc<dyn MachineSecretKeyring>>,
    /// The file with the secret in base64, mode 0600. Without a loader, the second choice.
    pub file: Option<PathBuf>,
    /// The version to write if there is a secret. Files of both versions are always read.
    pub version: Version,
}

/// A machine secret.
#[derive(Debug)]
pub struct MachineSecret(ProtectedBytes);

impl MachineSecret {
    /// Returns the secret with these bytes.
    ///
    /// # Panics
    ///
    /// If there are more than [`MAX_LEN`] bytes.
    pub fn new(bytes: &[u8]) -> Self {
        Self(ProtectedBytes::copy_of(bytes))
    }

    /// Returns the secret with these bytes, if their number is one that a source may give.
    ///
    /// # Errors
    ///
    /// `CORRUPT` when there are fewer than [`MIN_LEN`] or more than [`MAX_LEN`] bytes.
    pub(super) fn checked(bytes: &[u8], source: &str) -> Result<Self> {
        match bytes.len() {
            MIN_LEN..=MAX_LEN => Ok(Self::new(bytes)),
            _ => Err(unusable(source, &format!("{MIN_LEN} to {MAX_LEN} bytes"))),
        }
    }

    /// Returns the bytes. Callers must not log or store them.
    pub(in crate::fallback) fn expose(&self) -> &[u8] {
        self.0.expose()
    }

    /// Derives the key and the id of this secret's section in the derived-key cache of a service.
    pub fn section_key(&self, service: &str) -> SectionKey {
        let mut id = [0; SECTION_ID_LEN];
        let key = ProtectedBytes::new(32, |key| {
            let hkdf = Hkdf::<Sha256>::new(None, self.expose());
            let expand = |label: &[u8], output: &mut [u8]| {
                hkdf.expand_multi_info(
                    &[
                        b"llxprt securestore derived-key cache\0",
                        label,
                        b"\0",
                        service.as_bytes(),
                    ],
                    output,
                )
                .expect("a short output");
            };
            expand(b"key", key);
            expand(b"id", &mut id);
        });
        SectionKey { id, key }
    }
}

/// The id and the key of one section of the derived-key cache.
#[derive(Debug)]
pub struct SectionKey {
    id: [u8; SECTION_ID_LEN],
    key: ProtectedBytes,
}

impl SectionKey {
    /// Returns the public id of the section.
    pub fn id(&self) -> &[u8; SECTION_ID_LEN] {
        &self.id
    }

    /// Returns the key of the section. Callers must not log or store it.
    pub fn key(&self) -> &[u8; 32] {
        self.key.expose().try_into().expect("made with this length")
    }
}

/// Decodes the text form of a secret: base64, with or without padding, in the standard or the URL-safe alphabet, with any
/// white space. Returns `None` when the text is not [`LEN`] bytes in base64.
pub fn decode(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    const LENIENT: GeneralPurpose = GeneralPurpose::new(
        &alphabet::STANDARD,
        GeneralPurposeConfig::new()
            .with_decode_padding_mode(DecodePaddingMode::Indifferent)
            .with_decode_allow_trailing_bits(true),
    );
    // The buffer must not grow, because growing leaves a copy in freed memory.
    let mut standard = Zeroizing::new(Vec::with_capacity(text.len()));
    standard.extend(
        text.bytes()
            .filter(|byte| !byte.is_ascii_whitespace())
            .map(|byte| match byte {
                b'-' => b'+',
                b'_' => b'/',
                other => other,
            }),
    );
    let bytes = Zeroizing::new(LENIENT.decode(&*standard).ok()?);
    (bytes.len() == LEN).then_some(bytes)
}

/// Encodes a secret as text: standard base64 with padding.
pub fn encode(bytes: &[u8]) -> crate::secret::Secret {
    crate::secret::Secret::new(STANDARD.encode(bytes))
}

/// Returns the error for a source whose secret does not have the `expected` form.
pub(super) fn unusable(source: &str, expected: &str) -> Error {
    Error::new(
        Code::Corrupt,
        format!("The machine secret in {source} is not {expected}"),
    )
    .with_remediation(format!(
        "Restore the machine secret. Otherwise: {}",
        Code::Corrupt.remediation()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r4_3_the_text_form_is_base64_of_32_bytes_as_node_reads_it() {
        let bytes: Vec<u8> = (0..32).map(|n| 255 - 3 * n).collect();
        let text = STANDARD.encode(&bytes);
        assert!(text.contains(['+', '/']), "both alphabets differ here");
        let url_safe = text.replace('+', "-").replace('/', "_");
        let (start, end) = text.split_at(20);
        for form in [
            text.clone(),
            url_safe,
            text.trim_end_matches('=').to_owned(),
            format!(" {start}\r\n{end}\n"),
        ] {
            assert_eq!(decode(&form).unwrap().as_slice(), bytes, "{form:?}");
        }
        assert_eq!(encode(&bytes).expose(), text);
        for wrong in [
            "",
            "!!!",
            &text[..40],
            &STANDARD.encode([7; 31]),
            &STANDARD.encode([7; 33]),
        ] {
            assert!(decode(wrong).is_none());
        }
    }

    #[test]
    fn r4_3_a_loader_may_give_16_to_64_bytes() {
        for len in [16, 32, 64] {
            assert_eq!(
                MachineSecret::checked(&vec![7; len], "a source")
                    .unwrap()
                    .expose()
                    .len(),
                len
            );
        }
        for len in [0, 15, 65, 1000] {
            let error = MachineSecret::checked(&vec![7; len], "a source").unwrap_err();
            assert_eq!(error.code(), Code::Corrupt);
            assert!(error.message().contains("a source"), "{error}");
        }
    }

    #[test]
    fn the_section_key_depends_on_secret_and_service() {
        let key = |n: u8, service: &str| MachineSecret::new(&[n; 32]).section_key(service);
        assert_eq!(key(1, "a").key(), key(1, "a").key());
        for other in [key(2, "a"), key(1, "b")] {
            assert_ne!(key(1, "a").key(), other.key());
            assert_ne!(key(1, "a").id(), other.id());
        }
        assert_ne!(&key(1, "a").key()[..SECTION_ID_LEN], key(1, "a").id());
    }
}
