//! The JSON line a value is kept in (R4.5): parse, check, print. Nothing secret inside.
//!
//! Parsing is strict and total: any bytes give an envelope or a [`Fault`], and no parameter of the cipher or the key
//! derivation is ever taken from the file. Every field of `crypto` must be exactly what we write, and nothing else may
//! stand there; beside `v`, `crypto` and `data`, other fields are let through, for they change nothing we do.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, MapAccess, Visitor};

use super::Mark;
use super::scrypt::{N, P, R};

/// The largest file that is read or written, in bytes: 64 MiB, which holds a value of 48 MiB less a few hundred bytes.
pub const MAX_LEN: usize = 64 << 20;

/// Salt of the key derivation, in bytes.
pub const SALT_LEN: usize = 16;
/// Nonce of AES-GCM, in bytes (NIST SP 800-38D, section 8.2).
pub const NONCE_LEN: usize = 12;
/// Authentication tag of AES-GCM, in bytes.
pub const TAG_LEN: usize = 16;

const ALG: &str = "aes-256-gcm";
const KDF: &str = "scrypt";

/// The marks: white space after the JSON, see [`Mark`]. It is written with the value in one atomic step, and
/// `JSON.parse`, by which the older programs read, does not see it. No newline, so the file stays one line.
const NEWER_THAN_OS: u8 = b' ';
const NEWER_THAN_INJECTED: u8 = b'\t';

/// Which password a file is sealed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// Service and machine id.
    V1,
    /// Machine secret, service and machine id.
    V2,
}

/// A sealed value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// Which password it is sealed with.
    pub version: Version,
    /// Salt of the key derivation.
    pub salt: [u8; SALT_LEN],
    /// Nonce, used once.
    pub nonce: [u8; NONCE_LEN],
    /// Authentication tag.
    pub tag: [u8; TAG_LEN],
    /// As long as the value's UTF-8 form.
    pub ciphertext: Vec<u8>,
}

/// Why a file holds no envelope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The version is a number, and none we know. Holds it as JavaScript would print it.
    Version(String),
    /// Anything else.
    Malformed(&'static str),
}

impl Fault {
    /// Of a file of more than [`MAX_LEN`] bytes.
    pub const TOO_LARGE: Fault = Fault::Malformed("it is larger than 64 MiB");
}

/// The envelope and the mark in a file's bytes.
pub fn parse(bytes: &[u8]) -> Result<(Envelope, Mark), Fault> {
    if bytes.len() > MAX_LEN {
        return Err(Fault::TOO_LARGE);
    }
    // The version first, alone: an unknown one may have any other fields.
    let version = match serde_json::from_slice::<Object<Versioned>>(bytes) {
        Ok(Object(Versioned { v })) => version(&v)?,
        Err(_) => return Err(Fault::Malformed("it is no JSON object with a version number")),
    };
    let Object(fields) = serde_json::from_slice::<Object<Fields>>(bytes)
        .map_err(|_| Fault::Malformed("its fields are not those of an envelope"))?;
    if !fields.crypto.0.is_ours() {
        return Err(Fault::Malformed("its cipher or key derivation is not the one in use"));
    }
    let data = STANDARD
        .decode(fields.data.as_bytes())
        .map_err(|_| Fault::Malformed("its data is not base64"))?;
    let too_short = Fault::Malformed("its data is too short");
    let (salt, rest) = data.split_first_chunk().ok_or(too_short.clone())?;
    let (nonce, rest) = rest.split_first_chunk().ok_or(too_short.clone())?;
    let (tag, ciphertext) = rest.split_first_chunk().ok_or(too_short)?;
    let envelope = Envelope {
        version,
        salt: *salt,
        nonce: *nonce,
        tag: *tag,
        ciphertext: ciphertext.to_vec(),
    };
    Ok((envelope, mark(bytes)))
}

/// The bytes of the file that holds this envelope and this mark.
pub fn print(envelope: &Envelope, mark: Mark) -> Vec<u8> {
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
    let mut line = format!(
        r#"{{"v":{version},"crypto":{{"alg":"{ALG}","kdf":"{KDF}","N":{N},"r":{R},"p":{P},"saltLen":{SALT_LEN}}},"data":""#
    );
    STANDARD.encode_string(data, &mut line);
    line.push_str("\"}");
    let mut bytes = line.into_bytes();
    match mark {
        Mark::None => {}
        Mark::NewerThanOs => bytes.push(NEWER_THAN_OS),
        Mark::NewerThanInjected => bytes.push(NEWER_THAN_INJECTED),
    }
    bytes
}

/// Whether the envelope of a value this long, in bytes, can be read again.
pub fn fits(value_len: usize) -> bool {
    const FRAME: usize = 256; // the JSON around the data, generously
    value_len <= (MAX_LEN - FRAME) / 4 * 3 - SALT_LEN - NONCE_LEN - TAG_LEN
}

fn mark(bytes: &[u8]) -> Mark {
    match bytes {
        [.., b'}', NEWER_THAN_OS] => Mark::NewerThanOs,
        [.., b'}', NEWER_THAN_INJECTED] => Mark::NewerThanInjected,
        _ => Mark::None,
    }
}

/// By its value: JavaScript, which wrote the older files, knows no difference between `1` and `1.0`.
fn version(v: &serde_json::Number) -> Result<Version, Fault> {
    match v.as_f64() {
        Some(1.0) => Ok(Version::V1),
        Some(2.0) => Ok(Version::V2),
        Some(other) if other.abs() < 1e21 => Err(Fault::Version(other.to_string())),
        Some(other) => Err(Fault::Version(format!("{other:e}"))),
        None => Err(Fault::Malformed("its version is no number")),
    }
}

#[derive(Deserialize)]
struct Versioned {
    v: serde_json::Number,
}

#[derive(Deserialize)]
struct Fields<'a> {
    crypto: Object<Crypto<'a>>,
    #[serde(borrow)]
    data: Cow<'a, str>,
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

/// A JSON object. The derived code alone would also take an array of the fields in their order.
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
