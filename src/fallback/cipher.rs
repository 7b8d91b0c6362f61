//! Seals and opens values: AES-256-GCM (NIST SP 800-38D) under a derived key.
//!
//! The key schedule and every buffer that holds plaintext are wiped when they are dropped.

use aes_gcm::aead::AeadInOut as _;
use aes_gcm::{Aes256Gcm, KeyInit as _};
use zeroize::Zeroizing;

use super::derived_keys::DerivedKey;
use super::envelope::{Envelope, NONCE_LEN, SALT_LEN, Version};
use crate::random::random_bytes;
use crate::secret::Secret;

/// The key is wrong, or the envelope was altered. Authenticated encryption does not distinguish the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WrongKeyOrAltered;

/// Seals a value with a key and a new random nonce. `salt` is the salt that the key was derived from.
///
/// # Errors
///
/// The error of the system's random number generator.
pub fn seal(
    value: &Secret,
    version: Version,
    salt: [u8; SALT_LEN],
    key: &DerivedKey,
) -> Result<Envelope, getrandom::Error> {
    let nonce = random_bytes::<NONCE_LEN>()?;
    let mut buffer = Zeroizing::new(value.expose().as_bytes().to_vec());
    let tag = Aes256Gcm::new(key.expose().into())
        .encrypt_inout_detached(&nonce.into(), &[], buffer.as_mut_slice().into())
        .expect("a value is far shorter than the 64 GiB that AES-GCM takes");
    Ok(Envelope {
        version,
        salt,
        nonce,
        tag: tag.into(),
        // The buffer was encrypted in place and no longer holds plaintext.
        ciphertext: std::mem::take(&mut *buffer),
    })
}

/// Opens an envelope with a key. A value that is not UTF-8 counts as altered, because no program seals one.
///
/// # Errors
///
/// [`WrongKeyOrAltered`].
pub fn open(envelope: &Envelope, key: &DerivedKey) -> Result<Secret, WrongKeyOrAltered> {
    let mut buffer = envelope.ciphertext.clone();
    let opened = Aes256Gcm::new(key.expose().into()).decrypt_inout_detached(
        &envelope.nonce.into(),
        &[],
        buffer.as_mut_slice().into(),
        &envelope.tag.into(),
    );
    // A buffer that is refused holds no plaintext: the tag is compared before anything is decrypted.
    opened.map_err(|_| WrongKeyOrAltered)?;
    Secret::from_utf8(buffer).ok_or(WrongKeyOrAltered)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(n: u8) -> DerivedKey {
        DerivedKey::new(&[n; 32])
    }

    #[test]
    fn r4_5_a_value_that_is_sealed_twice_has_different_ciphertexts() {
        let seal = || seal(&Secret::from("v"), Version::V1, [7; SALT_LEN], &key(1)).unwrap();
        let (a, b) = (seal(), seal());
        assert_ne!(a.nonce, b.nonce);
        assert_ne!(a.ciphertext, b.ciphertext);
    }

    #[test]
    fn r4_6_another_password_and_every_flipped_bit_are_refused() {
        let sealed = seal(&Secret::from("v"), Version::V1, [7; SALT_LEN], &key(1)).unwrap();
        assert_eq!(open(&sealed, &key(2)), Err(WrongKeyOrAltered));
        for bit in 0..8 {
            for change in [
                (|e: &mut Envelope, m| e.nonce[3] ^= m) as fn(&mut Envelope, u8),
                |e, m| e.tag[15] ^= m,
                |e, m| e.ciphertext[0] ^= m,
                |e, _| e.ciphertext.clear(),
            ] {
                let mut altered = sealed.clone();
                change(&mut altered, 1 << bit);
                assert_eq!(open(&altered, &key(1)), Err(WrongKeyOrAltered));
            }
        }
        assert_eq!(open(&sealed, &key(1)), Ok(Secret::from("v")));
    }

    #[test]
    fn a_ciphertext_that_is_refused_is_not_decrypted() {
        let sealed = seal(&Secret::from("value"), Version::V1, [7; SALT_LEN], &key(1)).unwrap();
        let cipher = Aes256Gcm::new(key(1).expose().into());
        let decrypt = |tag: [u8; 16]| {
            let mut buffer = sealed.ciphertext.clone();
            let done =
                cipher.decrypt_inout_detached(&sealed.nonce.into(), &[], buffer.as_mut_slice().into(), &tag.into());
            (done.is_ok(), buffer)
        };
        assert_eq!(decrypt([0; 16]), (false, sealed.ciphertext.clone()));
        assert_eq!(decrypt(sealed.tag), (true, b"value".to_vec()));
    }

    proptest! {
        #[test]
        fn r4_5_a_sealed_value_opens_again(value in any::<String>()) {
            let value = Secret::new(value);
            let sealed = seal(&value, Version::V2, [7; SALT_LEN], &key(1)).unwrap();
            prop_assert_eq!(sealed.ciphertext.len(), value.expose().len());
            prop_assert!(open(&sealed, &key(1)).as_ref() == Ok(&value));
        }
    }
}
