//! Sealing and opening a value: AES-256-GCM (NIST SP 800-38D) under a key from scrypt (RFC 7914), R4.3 and R4.5.
//!
//! What is wiped: the password, the derived key, the key schedule and every buffer that held plaintext, when they are
//! dropped.

use aes_gcm::aead::AeadInOut as _;
use aes_gcm::{Aes256Gcm, KeyInit as _};
use zeroize::{Zeroize as _, Zeroizing};

use super::derived_keys;
use super::envelope::{Envelope, NONCE_LEN, SALT_LEN, TAG_LEN, Version};
use crate::random::random_bytes;
use crate::secret::Secret;

/// What a key is derived from; wiped on drop.
pub type Password = Zeroizing<String>;

/// Why an envelope could not be opened. Which bytes are wrong cannot be told: key, salt, nonce, tag or ciphertext.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WrongKeyOrAltered;

/// Seals a value under a key of this password and salt, with a nonce of its own.
///
/// The error is the random generator's: the system has none to give.
pub fn seal(
    value: &Secret,
    version: Version,
    password: &Password,
    salt: [u8; SALT_LEN],
) -> Result<Envelope, getrandom::Error> {
    let nonce = random_bytes::<NONCE_LEN>()?;
    let mut buffer = Zeroizing::new(value.expose().as_bytes().to_vec());
    let tag = derived_keys::with_key(password, &salt, |key| {
        Aes256Gcm::new(key.into()).encrypt_inout_detached(&nonce.into(), &[], buffer.as_mut_slice().into())
    })
    .expect("a value is far shorter than the 64 GiB that AES-GCM takes");
    Ok(Envelope {
        version,
        salt,
        nonce,
        tag: tag.into(),
        // In place: what was plaintext is ciphertext now.
        ciphertext: std::mem::take(&mut *buffer),
    })
}

/// Opens an envelope. A value that is no UTF-8 was not sealed by any of the programs, and counts as altered.
pub fn open(envelope: &Envelope, password: &Password) -> Result<Secret, WrongKeyOrAltered> {
    let mut buffer = envelope.ciphertext.clone();
    let tag: [u8; TAG_LEN] = envelope.tag;
    let opened = derived_keys::with_key(password, &envelope.salt, |key| {
        Aes256Gcm::new(key.into()).decrypt_inout_detached(
            &envelope.nonce.into(),
            &[],
            buffer.as_mut_slice().into(),
            &tag.into(),
        )
    });
    match opened {
        Ok(()) => Secret::from_utf8(buffer).ok_or(WrongKeyOrAltered),
        Err(_) => {
            buffer.zeroize();
            Err(WrongKeyOrAltered)
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn password(text: &str) -> Password {
        Zeroizing::new(text.to_owned())
    }

    #[test]
    fn r4_5_the_same_value_twice_never_looks_the_same() {
        let seal = || seal(&Secret::from("v"), Version::V1, &password("p"), [7; SALT_LEN]).unwrap();
        let (a, b) = (seal(), seal());
        assert_ne!(a.nonce, b.nonce);
        assert_ne!(a.ciphertext, b.ciphertext);
    }

    #[test]
    fn r4_6_another_password_and_every_flipped_bit_are_refused() {
        let sealed = seal(&Secret::from("v"), Version::V1, &password("p"), [7; SALT_LEN]).unwrap();
        assert_eq!(open(&sealed, &password("q")), Err(WrongKeyOrAltered));
        for bit in 0..8 {
            for change in [
                (|e: &mut Envelope, m| e.nonce[3] ^= m) as fn(&mut Envelope, u8),
                |e, m| e.tag[15] ^= m,
                |e, m| e.ciphertext[0] ^= m,
                |e, _| e.ciphertext.clear(),
            ] {
                let mut altered = sealed.clone();
                change(&mut altered, 1 << bit);
                assert_eq!(open(&altered, &password("p")), Err(WrongKeyOrAltered));
            }
        }
        assert_eq!(open(&sealed, &password("p")), Ok(Secret::from("v")));
    }

    proptest! {
        #[test]
        fn r4_5_what_is_sealed_opens_again(value in any::<String>()) {
            let value = Secret::new(value);
            let sealed = seal(&value, Version::V2, &password("p"), [7; SALT_LEN]).unwrap();
            prop_assert_eq!(sealed.ciphertext.len(), value.expose().len());
            prop_assert!(open(&sealed, &password("p")).as_ref() == Ok(&value));
        }
    }
}
