//! Encrypts secrets on their way to the service and back, with a key that both sides agree on for each session.
//! <https://specifications.freedesktop.org/secret-service-spec/latest/transfer-secrets.html>
//!
//! The bus is local and belongs to the same user, so the encryption does not protect against the bus. It protects against
//! leftover memory: the message buffers of zbus and of the bus daemon are never wiped. With encryption they hold only
//! ciphertext, and plain text exists only in buffers that this crate wipes.

use std::sync::OnceLock;

use aes::Aes128;
use aes::cipher::block_padding::Pkcs7;
use aes::cipher::{BlockModeDecrypt as _, BlockModeEncrypt as _, KeyIvInit as _};
use crypto_bigint::modular::{ConstMontyForm, ConstMontyParams as _};
use crypto_bigint::{U256, U1024};
use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::{Zeroize as _, Zeroizing};

/// The encrypted algorithm of the specification.
pub(super) const ENCRYPTED: &str = "dh-ietf1024-sha256-aes128-cbc-pkcs7";

/// The algorithm without encryption. Every service supports it.
pub(super) const PLAIN: &str = "plain";

const KEY_LEN: usize = 16;
const IV_LEN: usize = 16;
const BLOCK_LEN: usize = 16;

crypto_bigint::const_monty_params!(
    Group,
    U1024,
    "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74\
     020BBEA63B139B22514A08798E3404DDEF9519B3CD3A431B302B0A6DF25F1437\
     4FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7ED\
     EE386BFB5A899FA5AE9F24117C4B1FE649286651ECE65381FFFFFFFFFFFFFFFF",
    "The Second Oakley Group (RFC 2409, 6.2), which the specification names."
);
const GENERATOR: U1024 = U1024::from_u8(2);

type Element = ConstMontyForm<Group, { U1024::LIMBS }>;

/// One side of a Diffie-Hellman exchange. Wiped on drop.
#[derive(Clone)]
pub(super) struct KeyPair(Zeroizing<U256>);

/// The cipher of a session. Its key is wiped on drop.
pub(super) enum SessionCipher {
    /// No encryption: the service does not support it.
    Plain,
    /// AES-128 in CBC mode with PKCS #7 padding.
    Encrypted(SessionKey),
}

/// The key that both sides agree on. It is computed at its first use, so that a search can be sent before.
pub(super) struct SessionKey {
    ours: KeyPair,
    theirs: U1024,
    key: OnceLock<Zeroizing<[u8; KEY_LEN]>>,
}

impl KeyPair {
    /// Generates a key pair. An exponent of 256 bits has more than three times the strength of a 1024-bit group (RFC 7919,
    /// 5.2).
    pub(super) fn generate() -> Result<Self, getrandom::Error> {
        let mut bytes = Zeroizing::new([0; U256::BYTES]);
        getrandom::fill(&mut *bytes)?;
        Ok(Self(Zeroizing::new(U256::from_be_slice(&*bytes))))
    }

    /// Returns the public key.
    pub(super) fn public(&self) -> Vec<u8> {
        Element::new(&GENERATOR)
            .pow(&*self.0)
            .retrieve()
            .to_be_bytes()
            .as_ref()
            .to_vec()
    }

    /// Returns the cipher for the other side's public key; `None` if that is not a usable element of the group.
    pub(super) fn agree(&self, theirs: &[u8]) -> Option<SessionCipher> {
        // The other side may omit leading zeros.
        let theirs = theirs.get(theirs.len().saturating_sub(U1024::BYTES)..)?;
        let mut padded = [0; U1024::BYTES];
        padded[U1024::BYTES - theirs.len()..].copy_from_slice(theirs);
        let theirs = U1024::from_be_slice(&padded);
        // 0, 1 and p - 1 lead to a key that anybody can guess.
        let last = Group::PARAMS.modulus().as_ref().wrapping_sub(&U1024::ONE);
        if theirs <= U1024::ONE || theirs >= last {
            return None;
        }
        Some(SessionCipher::Encrypted(SessionKey {
            ours: self.clone(),
            theirs,
            key: OnceLock::new(),
        }))
    }
}

impl SessionKey {
    /// Returns the key. The first call computes it, which takes some tenths of a millisecond.
    fn get(&self) -> &[u8; KEY_LEN] {
        self.key.get_or_init(|| {
            let mut shared = Element::new(&self.theirs).pow(&*self.ours.0).retrieve();
            let mut secret = Zeroizing::new([0; U1024::BYTES]);
            secret.copy_from_slice(shared.to_be_bytes().as_ref());
            shared.zeroize();
            let mut key = Zeroizing::new([0; KEY_LEN]);
            let expanded = Hkdf::<Sha256>::new(None, &*secret).expand(&[], &mut *key);
            expanded.expect("HKDF can return up to 8,160 bytes");
            key
        })
    }
}

impl SessionCipher {
    /// Computes the key now, so that the first secret need not wait for it.
    pub(super) fn prepare(&self) {
        if let Self::Encrypted(key) = self {
            key.get();
        }
    }

    /// Encrypts a secret. Returns the parameters and the value of the specification's struct `Secret`.
    pub(super) fn encrypt(&self, secret: &[u8]) -> Result<(Vec<u8>, Vec<u8>), getrandom::Error> {
        let Self::Encrypted(key) = self else {
            return Ok((Vec::new(), secret.to_vec()));
        };
        let mut iv = [0; IV_LEN];
        getrandom::fill(&mut iv)?;
        // Padding adds at most one block, so the buffer never grows and never leaves a copy of the secret behind.
        let mut value = vec![0; secret.len() + BLOCK_LEN];
        let len = cbc::Encryptor::<Aes128>::new(key.get().into(), (&iv).into())
            .encrypt_padded_b2b::<Pkcs7>(secret, &mut value)
            .map_or(0, <[u8]>::len);
        value.truncate(len);
        Ok((iv.to_vec(), value))
    }

    /// Decrypts a secret; `None` if it was not encrypted with this key.
    pub(super) fn decrypt(&self, parameters: &[u8], value: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let Self::Encrypted(key) = self else {
            return Some(Zeroizing::new(value.to_vec()));
        };
        let iv: &[u8; IV_LEN] = parameters.try_into().ok()?;
        let mut secret = Zeroizing::new(vec![0; value.len()]);
        let len = cbc::Decryptor::<Aes128>::new(key.get().into(), iv.into())
            .decrypt_padded_b2b::<Pkcs7>(value, &mut secret)
            .ok()?
            .len();
        secret.truncate(len);
        Some(secret)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r1_both_sides_derive_the_same_key_and_others_do_not() {
        let (ours, theirs, others) = (pair(), pair(), pair());
        let (a, b) = (
            ours.agree(&theirs.public()).unwrap(),
            theirs.agree(&ours.public()).unwrap(),
        );
        let c = others.agree(&theirs.public()).unwrap();
        for secret in [&b""[..], b"a", &[7; 15], &[7; 16], &[7; 17], &[7; 100_000]] {
            let (iv, value) = a.encrypt(secret).unwrap();
            assert_eq!(*b.decrypt(&iv, &value).unwrap(), secret);
            assert!(c.decrypt(&iv, &value).is_none_or(|decrypted| *decrypted != secret));
            assert!(secret.len() < 16 || !value.windows(16).any(|window| secret.starts_with(window)));
        }
    }

    #[test]
    fn r1_the_same_secret_is_encrypted_differently_each_time() {
        let cipher = pair().agree(&pair().public()).unwrap();
        assert_ne!(cipher.encrypt(b"secret").unwrap(), cipher.encrypt(b"secret").unwrap());
    }

    #[test]
    fn r1_a_weak_public_key_is_refused() {
        let prime = Group::PARAMS.modulus().to_be_bytes();
        let mut last = prime.as_ref().to_vec();
        *last.last_mut().unwrap() -= 1;
        for weak in [&b""[..], &[0], &[1], &[0; 128], prime.as_ref(), &last, &[0xff; 128]] {
            assert!(pair().agree(weak).is_none(), "{weak:?}");
        }
        assert!(pair().agree(&[2]).is_some(), "leading zeros may be omitted");
    }

    #[test]
    fn r1_malformed_ciphertext_is_refused() {
        let cipher = pair().agree(&pair().public()).unwrap();
        let (iv, value) = cipher.encrypt(b"secret").unwrap();
        for (iv, value) in [(&iv[..15], &value[..]), (&iv, &value[..15]), (&iv, b""), (b"", &value)] {
            assert!(cipher.decrypt(iv, value).is_none());
        }
    }

    #[test]
    fn r1_the_group_is_rfc_2409_group_2() {
        let squares = Element::new(&GENERATOR).pow(&U256::from_u64(1024)).retrieve();
        assert_eq!(squares, Group::PARAMS.modulus().as_ref().wrapping_neg(), "2^1024 - p");
        let small = KeyPair(Zeroizing::new(U256::from_u64(256))).public();
        assert_eq!(
            (small.len(), small[95], small.iter().filter(|byte| **byte != 0).count()),
            (128, 1, 1)
        );
    }

    fn pair() -> KeyPair {
        KeyPair::generate().unwrap()
    }
}
