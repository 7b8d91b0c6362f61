//! Parses, checks and prints the JSON line of an encrypted file. Nothing in it is secret.
//!
//! Parsing is strict and total: any bytes parse to a [`FileContent`] or a [`Fault`], and no parameter of the cipher or of the
//! key derivation is taken from the file. `crypto` must have exactly the fields and values that this program writes. Outside
//! of `crypto`, unknown fields are ignored.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use securestore_scrypt::{N, P, R};
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, MapAccess, Visitor};

use super::keyring_kind::KeyringKind;

/// The largest file that is read or written, in bytes: 64 MiB, which holds a value of 48 MiB less a few hundred bytes.
pub const MAX_LEN: usize = 64 << 20;

/// The largest tombstone, in bytes. The smallest file with a value is larger, so a listing reads only files up to this size.
pub const MAX_TOMBSTONE_LEN: usize = 128;

/// Length of the salt of the key derivation, in bytes.
pub const SALT_LEN: usize = 16;
/// Length of the nonce of AES-GCM, in bytes (NIST SP 800-38D, section 8.2).
pub const NONCE_LEN: usize = 12;
/// Length of the authentication tag of AES-GCM, in bytes.
pub const TAG_LEN: usize = 16;

const ALG: &str = "aes-256-gcm";
const KDF: &str = "scrypt";

/// The version of an envelope, which decides the password that it is sealed with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Version {
    /// The password consists of service and machine id.
    V1,
    /// The password consists of machine secret, service and machine id.
    #[default]
    V2,
}

/// A sealed value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// The version.
    pub version: Version,
    /// The salt of the key derivation.
    pub salt: [u8; SALT_LEN],
    /// The nonce, which is used only once.
    pub nonce: [u8; NONCE_LEN],
    /// The authentication tag.
    pub tag: [u8; TAG_LEN],
    /// The ciphertext, as long as the value in UTF-8.
    pub ciphertext: Vec<u8>,
}

/// The content of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileContent {
    /// A sealed value.
    Value {
        /// The sealed value.
        envelope: Envelope,
        /// The kind of keyring that may hold an older value, from the field `newerThan`.
        newer_than: Option<KeyringKind>,
    },
    /// A tombstone: the key was deleted, and a keyring of this kind may still hold a value.
    Deleted {
        /// The kind of keyring, from the field `newerThan`.
        newer_than: KeyringKind,
    },
}

/// Why a file holds neither an envelope nor a tombstone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The version is a number, but not a known one. Holds the number as text.
    Version(String),
    /// Anything else.
    Malformed(&'static str),
}

impl Fault {
    /// The fault of a file of more than [`MAX_LEN`] bytes.
    pub const TOO_LARGE: Fault = Fault::Malformed("it is larger than 64 MiB");
}

/// Parses the bytes of a file.
///
/// # Errors
///
/// The reason why the bytes are neither an envelope nor a tombstone.
pub fn parse(bytes: &[u8]) -> Result<FileContent, Fault> {
    if bytes.len() > MAX_LEN {
        return Err(Fault::TOO_LARGE);
    }
    // The version is parsed first and alone, because files of an unknown version may have any other fields.
    let version = match serde_json::from_slice::<Object<Versioned>>(bytes) {
        Ok(Object(Versioned { v })) => version(&v)?,
        Err(_) => return Err(Fault::Malformed("it is not a JSON object with a version number")),
    };
    let Object(fields) = serde_json::from_slice::<Object<Fields>>(bytes)
        .map_err(|_| Fault::Malformed("its fields are not those of an envelope"))?;
    match fields {
        Fields {
            crypto: Some(Object(crypto)),
            data: Some(data),
            deleted: None,
            newer_than,
        } => Ok(FileContent::Value {
            envelope: envelope(version, &crypto, &data)?,
            newer_than,
        }),
        Fields {
            crypto: None,
            data: None,
            deleted: Some(true),
            newer_than: Some(newer_than),
        } if version == Version::V2 && bytes.len() <= MAX_TOMBSTONE_LEN => Ok(FileContent::Deleted { newer_than }),
        _ => Err(Fault::Malformed("its fields are not those of an envelope")),
    }
}

fn envelope(version: Version, crypto: &Crypto<'_>, data: &str) -> Result<Envelope, Fault> {
    if !crypto.is_ours() {
        return Err(Fault::Malformed("its cipher or key derivation is not the one in use"));
    }
    let data = STANDARD
        .decode(data.as_bytes())
        .map_err(|_| Fault::Malformed("its data is not base64"))?;
    Envelope::from_data(version, &data).ok_or(Fault::Malformed("its data is too short"))
}

impl Envelope {
    /// Splits the decoded field `data` into its parts; `None` when it is too short.
    pub fn from_data(version: Version, data: &[u8]) -> Option<Self> {
        let (salt, rest) = data.split_first_chunk()?;
        let (nonce, rest) = rest.split_first_chunk()?;
        let (tag, ciphertext) = rest.split_first_chunk()?;
        Some(Self {
            version,
            salt: *salt,
            nonce: *nonce,
            tag: *tag,
            ciphertext: ciphertext.to_vec(),
        })
    }
}

/// Returns the bytes of a file with this envelope. Without `newer_than` they have the form that the CLI's own store writes.
pub fn print(envelope: &Envelope, newer_than: Option<KeyringKind>) -> Vec<u8> {
    let version = match envelope.version {
        Version::V1 => 1,
        Version::V2 => 2,
    };
    let data = [
        &envelope.salt[..],
        &envelope.nonce[..],
        &envelope.tag[..],
        &envelope.ciphertext,
    ]
    .concat();
    let mut line = String::with_capacity(MAX_FRAME_LEN + data.len().div_ceil(3) * 4);
    line.push_str(&format!(
        r#"{{"v":{version},"crypto":{{"alg":"{ALG}","kdf":"{KDF}","N":{N},"r":{R},"p":{P},"saltLen":{SALT_LEN}}},"data":""#
    ));
    STANDARD.encode_string(data, &mut line);
    line.push('"');
    if let Some(kind) = newer_than {
        line.push_str(&format!(r#","newerThan":"{}""#, kind.as_str()));
    }
    line.push('}');
    line.into_bytes()
}

/// Returns the bytes of a tombstone.
pub fn print_tombstone(newer_than: KeyringKind) -> Vec<u8> {
    format!(r#"{{"v":2,"deleted":true,"newerThan":"{}"}}"#, newer_than.as_str()).into_bytes()
}

/// Upper bound of the JSON around the field `data`, in bytes.
const MAX_FRAME_LEN: usize = 256;

/// Returns whether the envelope of a value of this length, in bytes, is at most [`MAX_LEN`] bytes long.
pub fn fits(value_len: usize) -> bool {
    value_len <= (MAX_LEN - MAX_FRAME_LEN) / 4 * 3 - SALT_LEN - NONCE_LEN - TAG_LEN
}

/// Returns the version with this number. The comparison is by value: in JavaScript, which wrote the older files, `1` and `1.0`
/// are the same number.
fn version(v: &serde_json::Number) -> Result<Version, Fault> {
    match v.as_f64() {
        Some(1.0) => Ok(Version::V1),
        Some(2.0) => Ok(Version::V2),
        Some(other) if other.abs() < 1e21 => Err(Fault::Version(other.to_string())),
        Some(other) => Err(Fault::Version(format!("{other:e}"))),
        None => Err(Fault::Malformed("its version is not a number")),
    }
}

#[derive(Deserialize)]
struct Versioned {
    v: serde_json::Number,
}

#[derive(Deserialize)]
struct Fields<'a> {
    #[serde(default, borrow, deserialize_with = "present")]
    crypto: Option<Object<Crypto<'a>>>,
    #[serde(default, borrow, deserialize_with = "present")]
    data: Option<Cow<'a, str>>,
    #[serde(default, deserialize_with = "present")]
    deleted: Option<bool>,
    #[serde(default, rename = "newerThan", deserialize_with = "present")]
    newer_than: Option<KeyringKind>,
}

/// Deserializes a field that may be missing but not `null`.
fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Crypto<'a> {
    #[serde(borrow)]
    alg: Cow<'a, str>,
    #[serde(borrow)]
    kdf: Cow<'a, str>,
    #[serde(rename = "N")]
    n: u64,
    r: u64,
    p: u64,
    #[serde(rename = "saltLen")]
    salt_len: u64,
}

impl Crypto<'_> {
    fn is_ours(&self) -> bool {
        self.alg == ALG
            && self.kdf == KDF
            && [self.n, self.r, self.p, self.salt_len] == [N, R, P, SALT_LEN].map(|ours| ours as u64)
    }
}

/// A JSON object. The derived implementation would also accept an array of the fields in their order.
struct Object<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ObjectVisitor<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
            type Value = T;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map))
            }
        }
        deserializer.deserialize_map(ObjectVisitor(PhantomData)).map(Object)
    }
}

#[cfg(test)]
mod tests;
