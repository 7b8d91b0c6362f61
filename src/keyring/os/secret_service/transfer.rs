//! How secrets travel: encrypted between this process and the service, by a key the two agree on.
//! <https://specifications.freedesktop.org/secret-service-spec/latest/transfer-secrets.html>
//!
//! Not against the bus, which is local and belongs to the same user: against leftovers. The message buffers of zbus and
//! of the bus daemon are never wiped; so they hold ciphertext, and plain text exists only where this crate wipes it.

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

/// The algorithm that encrypts nothing; every service knows it.
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
pub(super) struct KeyPair(Zeroizing<U256>);

/// The key both sides have come to, or the agreement to do without. Wiped on drop.
pub(super) enum Transfer {
    /// The service knows no encryption.
    Plain,
    /// AES-128 in CBC mode with PKCS #7 padding.
    Encrypted(Zeroizing<[u8; KEY_LEN]>),
}

impl KeyPair {
    /// A fresh one. 256 bits are more than three times the strength of a group of 1024 (RFC 7919, 5.2).
    pub(super) fn generate() -> Result<Self, getrandom::Error> {
        let mut bytes = Zeroizing::new([0; U256::BYTES]);
        getrandom::fill(&mut *bytes)?;
        Ok(Self(Zeroizing::new(U256::from_be_slice(&*bytes))))
    }

    /// What the other side gets to see.
    pub(super) fn public(&self) -> Vec<u8> {
        Element::new(&GENERATOR)
            .pow(&*self.0)
            .retrieve()
            .to_be_bytes()
            .as_ref()
            .to_vec()
    }

    /// The key that follows from what the other side showed; `None` when that is no element of the group.
    pub(super) fn agree(&self, theirs: &[u8]) -> Option<Transfer> {
        // The other side may leave out leading zeros.
        let theirs = theirs.get(theirs.len().saturating_sub(U1024::BYTES)..)?;
        let mut padded = [0; U1024::BYTES];
        padded[U1024::BYTES - theirs.len()..].copy_from_slice(theirs);
        let theirs = U1024::from_be_slice(&padded);
        // 0, 1 and p - 1 would make a key that anybody knows.
        let last = Group::PARAMS.modulus().as_ref().wrapping_sub(&U1024::ONE);
        if theirs <= U1024::ONE || theirs >= last {
            return None;
        }
        let mut shared = Element::new(&theirs).pow(&*self.0).retrieve();
        let mut secret = Zeroizing::new([0; U1024::BYTES]);
        secret.copy_from_slice(shared.to_be_bytes().as_ref());
        shared.zeroize();
        let mut key = Zeroizing::new([0; KEY_LEN]);
        Hkdf::<Sha256>::new(None, &*secret).expand(&[], &mut *key).ok()?;
        Some(Transfer::Encrypted(key))
    }
}

impl Transfer {
    /// A secret as it travels: the parameters and the value of the specification's struct `Secret`.
    pub(super) fn seal(&self, secret: &[u8]) -> Result<(Vec<u8>, Vec<u8>), getrandom::Error> {
        let Self::Encrypted(key) = self else {
            return Ok((Vec::new(), secret.to_vec()));
        };
        let mut iv = [0; IV_LEN];
        getrandom::fill(&mut iv)?;
        // One block more at most, so the buffer never moves and leaves a copy behind; what it holds in the end is sealed.
        let mut value = vec![0; secret.len() + BLOCK_LEN];
        let sealed = cbc::Encryptor::<Aes128>::new((&**key).into(), (&iv).into())
            .encrypt_padded_b2b::<Pkcs7>(secret, &mut value)
            .map_or(0, <[u8]>::len);
        value.truncate(sealed);
        Ok((iv.to_vec(), value))
    }

    /// The secret in what has travelled; `None` when it does not fit the key.
    pub(super) fn open(&self, parameters: &[u8], value: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let Self::Encrypted(key) = self else {
            return Some(Zeroizing::new(value.to_vec()));
        };
        let iv: &[u8; IV_LEN] = parameters.try_into().ok()?;
        let mut secret = Zeroizing::new(vec![0; value.len()]);
        let len = cbc::Decryptor::<Aes128>::new((&**key).into(), iv.into())
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
    fn r1_both_sides_come_to_the_same_key_and_no_other() {
        let (ours, theirs, others) = (pair(), pair(), pair());
        let (a, b) = (
            ours.agree(&theirs.public()).unwrap(),
            theirs.agree(&ours.public()).unwrap(),
        );
        let c = others.agree(&theirs.public()).unwrap();
        for secret in [&b""[..], b"a", &[7; 15], &[7; 16], &[7; 17], &[7; 100_000]] {
            let (iv, value) = a.seal(secret).unwrap();
            assert_eq!(*b.open(&iv, &value).unwrap(), secret);
            assert!(c.open(&iv, &value).is_none_or(|opened| *opened != secret));
            assert!(secret.len() < 16 || !value.windows(16).any(|window| secret.starts_with(window)));
        }
    }

    #[test]
    fn r1_the_same_secret_never_looks_the_same_twice() {
        let transfer = pair().agree(&pair().public()).unwrap();
        assert_ne!(transfer.seal(b"secret").unwrap(), transfer.seal(b"secret").unwrap());
    }

    #[test]
    fn r1_a_public_key_that_gives_the_key_away_is_refused() {
        let prime = Group::PARAMS.modulus().to_be_bytes();
        let mut last = prime.as_ref().to_vec();
        *last.last_mut().unwrap() -= 1;
        for weak in [&b""[..], &[0], &[1], &[0; 128], prime.as_ref(), &last, &[0xff; 128]] {
            assert!(pair().agree(weak).is_none(), "{weak:?}");
        }
        assert!(pair().agree(&[2]).is_some(), "leading zeros may be missing");
    }

    #[test]
    fn r1_what_does_not_fit_the_key_is_no_secret() {
        let transfer = pair().agree(&pair().public()).unwrap();
        let (iv, value) = transfer.seal(b"secret").unwrap();
        for (iv, value) in [(&iv[..15], &value[..]), (&iv, &value[..15]), (&iv, b""), (b"", &value)] {
            assert!(transfer.open(iv, value).is_none());
        }
    }

    #[test]
    fn r1_the_exchange_is_that_of_rfc_2409_group_2() {
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
