//! The derived-key cache, `<fallbackDir>/.keys`: derived keys of a directory, sealed with the machine secret.
//!
//! With the cache a process opens the files of a directory without deriving a key, even files that were sealed under a former
//! host or user name. The cache does not weaken the encryption: a program that has the machine secret can derive the keys too.
//!
//! # Format, version 1
//!
//! All numbers are little-endian. The file is a header and one section for each machine secret in use:
//!
//! | bytes | content |
//! | --- | --- |
//! | 8 | [`MAGIC`]; the last byte is the version |
//! | 1 | number of sections, at most [`MAX_SECTIONS`] |
//!
//! | bytes per section | content |
//! | --- | --- |
//! | 16 | id of the section, derived from the machine secret and the service |
//! | 12 | nonce |
//! | 16 | tag |
//! | 2 | number of keys `n`; all sections together have at most [`MAX_KEYS`] |
//! | n × 24 | salt (16) and time of last use (8, seconds since 1970) |
//! | n × 48 | ciphertext: password id (16) and derived key (32) |
//!
//! The ciphertext is sealed with AES-256-GCM. The associated data is [`MAGIC`] and the section up to the ciphertext, without
//! nonce and tag. Salts are not encrypted, as in the encrypted files themselves.

use aes_gcm::aead::AeadInOut as _;
use aes_gcm::{Aes256Gcm, KeyInit as _};
use zeroize::Zeroizing;

use super::derived_keys::{DerivedKey, KEY_LEN};
use super::envelope::{NONCE_LEN, SALT_LEN, TAG_LEN};
use super::machine::PASSWORD_ID_LEN;
use super::machine_secret::{SECTION_ID_LEN as ID_LEN, SectionKey};
use crate::random::random_bytes;

/// The name of the cache's file. A key's file cannot have it, because it has no suffix `.enc`.
pub const FILE_NAME: &str = ".keys";

/// The bytes at the start of the file.
pub const MAGIC: [u8; 8] = *b"llxkeys\x01";

/// Maximum number of keys in one file. The least recently used ones are dropped.
pub const MAX_KEYS: usize = 256;

/// Maximum number of sections in one file.
pub const MAX_SECTIONS: usize = 8;

/// Length of an [`Entry`]: salt and time of last use.
const ENTRY_LEN: usize = SALT_LEN + 8;
/// Length of the ciphertext of one key: password id and derived key.
const SEALED_LEN: usize = PASSWORD_ID_LEN + KEY_LEN;
const SECTION_HEADER_LEN: usize = ID_LEN + NONCE_LEN + TAG_LEN + 2;

/// The largest file, in bytes.
pub const MAX_LEN: usize = MAGIC.len() + 1 + MAX_SECTIONS * SECTION_HEADER_LEN + MAX_KEYS * (ENTRY_LEN + SEALED_LEN);

/// A parsed file. Its sections are still sealed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyCacheFile {
    sections: Vec<Section>,
}

/// The keys that are sealed with one machine secret.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Section {
    id: [u8; ID_LEN],
    nonce: [u8; NONCE_LEN],
    tag: [u8; TAG_LEN],
    entries: Vec<Entry>,
    sealed: Vec<u8>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    salt: [u8; SALT_LEN],
    last_used: u64,
}

/// A derived key, with its salt and its password id.
#[derive(Clone, Debug)]
pub struct CachedKey {
    /// The salt it was derived from.
    pub salt: [u8; SALT_LEN],
    /// The id of the password it was derived from: it stands for version, host, user and machine secret.
    pub password_id: [u8; PASSWORD_ID_LEN],
    /// When it was last used, in seconds since 1970.
    pub last_used: u64,
    /// The key.
    pub key: DerivedKey,
}

impl CachedKey {
    fn is_same(&self, other: &Self) -> bool {
        (self.salt, self.password_id) == (other.salt, other.password_id) && self.key.expose() == other.key.expose()
    }
}

impl KeyCacheFile {
    /// Parses a file; `None` for one that is damaged, of another version, or not a cache at all.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        if bytes.len() > MAX_LEN {
            return None;
        }
        let rest = bytes.strip_prefix(&MAGIC)?;
        let (&count, mut rest) = rest.split_first()?;
        if usize::from(count) > MAX_SECTIONS {
            return None;
        }
        let mut sections = Vec::new();
        let mut keys = 0;
        for _ in 0..count {
            let section = Section::parse(&mut rest)?;
            keys += section.entries.len();
            sections.push(section);
        }
        (rest.is_empty() && keys <= MAX_KEYS).then_some(Self { sections })
    }

    /// Returns the bytes of the file.
    pub fn print(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.push(self.sections.len() as u8);
        for section in &self.sections {
            bytes.extend(section.id);
            bytes.extend(section.nonce);
            bytes.extend(section.tag);
            section.print_entries(&mut bytes);
            bytes.extend(&section.sealed);
        }
        bytes
    }

    /// Opens the section of a machine secret. Returns no keys when there is no such section, and when it was altered.
    pub fn open(&self, key: &SectionKey) -> Vec<CachedKey> {
        let mut sections = self.sections.iter().filter(|section| section.id == *key.id());
        sections
            .next()
            .and_then(|section| section.open(key))
            .unwrap_or_default()
    }

    /// Returns whether a section other than these has a key for a salt.
    pub fn has_elsewhere(&self, salt: &[u8; SALT_LEN], opened: &[[u8; ID_LEN]]) -> bool {
        let others = self.sections.iter().filter(|section| !opened.contains(&section.id));
        others
            .flat_map(|section| &section.entries)
            .any(|entry| entry.salt == *salt)
    }

    /// Returns a file with these keys added to the section of a machine secret; `None` when that changes nothing.
    ///
    /// Keeps the most recently used keys of the section, then as many other sections as there is room for.
    ///
    /// # Errors
    ///
    /// The error of the system's random number generator.
    pub fn merged(&self, key: &SectionKey, new: &[CachedKey]) -> Result<Option<Self>, getrandom::Error> {
        let mut keys = self.open(key);
        let before: Vec<u64> = keys.iter().map(|key| key.last_used).collect();
        for new in new {
            match keys.iter_mut().find(|old| old.is_same(new)) {
                Some(old) => old.last_used = old.last_used.max(new.last_used),
                None => keys.push(new.clone()),
            }
        }
        if keys.iter().map(|key| key.last_used).eq(before.iter().copied()) {
            return Ok(None);
        }
        // The sort is stable, so of keys with the same time those that are already in the file are kept.
        keys.sort_by_key(|key| std::cmp::Reverse(key.last_used));
        keys.truncate(MAX_KEYS);
        let mut room = MAX_KEYS - keys.len();
        let mut sections = vec![Section::seal(key, &keys)?];
        for other in self.sections.iter().filter(|section| section.id != *key.id()) {
            if sections.len() < MAX_SECTIONS && other.entries.len() <= room {
                room -= other.entries.len();
                sections.push(other.clone());
            }
        }
        Ok(Some(Self { sections }))
    }
}

impl Section {
    fn parse(rest: &mut &[u8]) -> Option<Self> {
        fn take<const LEN: usize>(rest: &mut &[u8]) -> Option<[u8; LEN]> {
            let (taken, after) = rest.split_first_chunk::<LEN>()?;
            *rest = after;
            Some(*taken)
        }
        let (id, nonce, tag) = (take(rest)?, take(rest)?, take(rest)?);
        let count = usize::from(u16::from_le_bytes(take(rest)?));
        // Checked before memory of that size is allocated.
        if count > MAX_KEYS || rest.len() < count * (ENTRY_LEN + SEALED_LEN) {
            return None;
        }
        let mut entries = Vec::with_capacity(count);
        for _ in 0..count {
            entries.push(Entry {
                salt: take(rest)?,
                last_used: u64::from_le_bytes(take(rest)?),
            });
        }
        let (sealed, after) = rest.split_at_checked(count * SEALED_LEN)?;
        *rest = after;
        Some(Self {
            id,
            nonce,
            tag,
            entries,
            sealed: sealed.to_vec(),
        })
    }

    fn print_entries(&self, bytes: &mut Vec<u8>) {
        bytes.extend((self.entries.len() as u16).to_le_bytes());
        for entry in &self.entries {
            bytes.extend(entry.salt);
            bytes.extend(entry.last_used.to_le_bytes());
        }
    }

    fn associated_data(&self) -> Vec<u8> {
        let mut data = MAGIC.to_vec();
        data.extend(self.id);
        self.print_entries(&mut data);
        data
    }

    fn open(&self, key: &SectionKey) -> Option<Vec<CachedKey>> {
        let mut plain = Zeroizing::new(self.sealed.clone());
        Aes256Gcm::new(key.key().into())
            .decrypt_inout_detached(
                &self.nonce.into(),
                &self.associated_data(),
                plain.as_mut_slice().into(),
                &self.tag.into(),
            )
            .ok()?;
        let keys = self.entries.iter().zip(plain.as_chunks::<SEALED_LEN>().0);
        keys.map(|(entry, plain)| {
            let (password_id, key) = plain.split_first_chunk()?;
            Some(CachedKey {
                salt: entry.salt,
                password_id: *password_id,
                last_used: entry.last_used,
                key: DerivedKey::new(key.try_into().ok()?),
            })
        })
        .collect()
    }

    fn seal(key: &SectionKey, keys: &[CachedKey]) -> Result<Self, getrandom::Error> {
        let mut plain = Zeroizing::new(Vec::with_capacity(keys.len() * SEALED_LEN));
        for key in keys {
            plain.extend(key.password_id);
            plain.extend(key.key.expose());
        }
        let mut section = Self {
            id: *key.id(),
            nonce: random_bytes()?,
            tag: [0; TAG_LEN],
            entries: keys
                .iter()
                .map(|key| Entry {
                    salt: key.salt,
                    last_used: key.last_used,
                })
                .collect(),
            sealed: Vec::new(),
        };
        let tag = Aes256Gcm::new(key.key().into())
            .encrypt_inout_detached(
                &section.nonce.into(),
                &section.associated_data(),
                plain.as_mut_slice().into(),
            )
            .expect("the keys are far shorter than the 64 GiB that AES-GCM takes");
        section.tag = tag.into();
        section.sealed = std::mem::take(&mut *plain);
        Ok(section)
    }
}

#[cfg(test)]
mod tests;
