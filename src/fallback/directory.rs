//! One directory of encrypted files with its keys, blocking: opens and seals.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use super::cipher;
use super::derived_keys::DerivedKey;
use super::directory_keys::DirectoryKeys;
use super::envelope::{SALT_LEN, Version};
use super::file_state::{FileRevision, StoredValue};
use super::files::{EncryptedFile, Files};
use super::keyring_kind::KeyringKind;
use super::machine::{HostIdentity, other_usernames, version};
use super::machine_secret::{MachineSecret, MachineSecrets};
use crate::error::{Code, Error, Result};
use crate::fs::io_error::io_error;
use crate::random::random_bytes;
use crate::secret::Secret;

/// What a [`super::FallbackDir`] and its clones share.
pub struct Directory {
    pub files: Files,
    pub keys: DirectoryKeys,
    pub secrets: MachineSecrets,
    pub service: String,
    pub identity: HostIdentity,
    /// Other names of the current user; those of the system unless they were given.
    pub other_usernames: OnceLock<Vec<String>>,
}

/// What is known about a key without asking for a machine secret.
pub enum Found {
    Absent,
    Opened(StoredValue),
    /// The file is there, and no key at hand opens it.
    Sealed(Arc<EncryptedFile>),
}

/// Result of an update of the derived-key cache. A file that cannot be written is no error.
pub enum CacheUpdate {
    Done,
    /// There is no machine secret at hand to seal the cache with.
    NoSecret,
}

impl Directory {
    /// Finds the file of a key and opens it with the keys and machine secrets at hand.
    ///
    /// Derives a key for version 1, whose password needs no machine secret, but none for version 2.
    pub fn find(&self, key: &str) -> Result<Found> {
        self.found(self.files.find(key)?)
    }

    /// As [`Directory::find`], for an envelope at any path. What is not JSON is not an envelope.
    pub fn find_at(&self, path: &Path) -> Result<Found> {
        self.found(Files::find_at(path)?)
    }

    fn found(&self, file: Option<EncryptedFile>) -> Result<Found> {
        let Some(file) = file else {
            return Ok(Found::Absent);
        };
        if let Some(value) = self.keys.open(&file.envelope) {
            return Ok(Found::Opened(stored(&file, value)));
        }
        for secret in self.secrets.at_hand() {
            self.keys.load(&secret);
        }
        let value = self.keys.open(&file.envelope).or_else(|| match file.envelope.version {
            Version::V1 => self.derive_and_open(&file, None, &self.identity),
            Version::V2 => None,
        });
        Ok(match value {
            Some(value) => Found::Opened(stored(&file, value)),
            None => Found::Sealed(Arc::new(file)),
        })
    }

    /// Opens a file with a machine secret: with the keys that it seals in the cache, else, for version 2, with the key that is
    /// derived from it. No key is derived for a salt that another machine secret has a key for.
    pub fn open_with(&self, file: &EncryptedFile, secret: &MachineSecret) -> Option<StoredValue> {
        self.keys.load(secret);
        let cached = self.keys.open(&file.envelope);
        let value = cached.or_else(|| match file.envelope.version {
            Version::V2 if !self.keys.has_elsewhere(&file.envelope.salt) => {
                self.derive_and_open(file, Some(secret), &self.identity)
            }
            Version::V1 | Version::V2 => None,
        })?;
        Some(stored(file, value))
    }

    /// Opens a file with keys that are derived from each of these machine secrets, for the current and then for the other
    /// names of the user.
    pub fn open_with_derived(&self, file: &EncryptedFile, secrets: &[Arc<MachineSecret>]) -> Result<StoredValue> {
        let passwords: Vec<Option<&MachineSecret>> = match file.envelope.version {
            Version::V1 => vec![None],
            Version::V2 => secrets.iter().map(|secret| Some(secret.as_ref())).collect(),
        };
        let identities = std::iter::once(self.identity.clone()).chain(self.other_identities());
        let opened = identities
            .flat_map(|identity| passwords.iter().map(move |secret| (identity.clone(), *secret)))
            .find_map(|(identity, secret)| self.derive_and_open(file, secret, &identity));
        opened
            .map(|value| stored(file, value))
            .ok_or_else(|| undecryptable(&file.path))
    }

    /// Seals a value, with the machine secret if there is one, and writes the file.
    pub fn write(
        &self,
        key: &str,
        value: &Secret,
        newer_than: Option<KeyringKind>,
        secret: Option<&MachineSecret>,
    ) -> Result<()> {
        let target = self.files.prepare_write(key, value, version(secret))?;
        let no_random = |error: getrandom::Error| io_error("write", target.path(), &error.into());
        let (salt, derived) = self.key_for_writing(secret).map_err(no_random)?;
        let envelope = cipher::seal(value, version(secret), salt, &derived).map_err(no_random)?;
        self.files.write(&target, &envelope, newer_than)
    }

    /// Writes to the cache file what it lacks, sealed with the machine secrets at hand and this one.
    pub fn update_cache(&self, more: Option<&MachineSecret>) -> CacheUpdate {
        let at_hand = self.secrets.at_hand();
        let secrets: Vec<&MachineSecret> = at_hand.iter().map(Arc::as_ref).chain(more).collect();
        for secret in &secrets {
            self.keys.update_file(secret);
        }
        match secrets.is_empty() {
            true => CacheUpdate::NoSecret,
            false => CacheUpdate::Done,
        }
    }

    /// Returns salt and key for new files, so that a directory costs one derivation: those in the cache, else those of the
    /// files that are there, else new ones.
    fn key_for_writing(
        &self,
        secret: Option<&MachineSecret>,
    ) -> Result<([u8; SALT_LEN], DerivedKey), getrandom::Error> {
        let identity = self.identity.password_id(&self.service, secret);
        if let Some(found) = self.keys.for_writing(&identity) {
            return Ok(found);
        }
        match secret {
            Some(secret) => self.keys.load(secret),
            None => self.secrets.at_hand().iter().for_each(|secret| self.keys.load(secret)),
        }
        if let Some(found) = self.keys.for_writing(&identity) {
            return Ok(found);
        }
        let salt = match self.files.any_salt(version(secret)) {
            Some(salt) => salt,
            None => random_bytes()?,
        };
        let salt = self.keys.salt_for_writing(identity, salt);
        let key = DerivedKey::derive(&self.identity.password(&self.service, secret), &salt);
        self.keys.add(salt, identity, secret, key.clone());
        Ok((salt, key))
    }

    fn derive_and_open(
        &self,
        file: &EncryptedFile,
        secret: Option<&MachineSecret>,
        identity: &HostIdentity,
    ) -> Option<Secret> {
        let password = identity.password(&self.service, secret);
        let key = DerivedKey::derive(&password, &file.envelope.salt);
        let value = cipher::open(&file.envelope, &key).ok()?;
        let id = identity.password_id(&self.service, secret);
        self.keys.add(file.envelope.salt, id, secret, key);
        Some(value)
    }

    fn other_identities(&self) -> impl Iterator<Item = HostIdentity> {
        let names = self.other_usernames.get_or_init(other_usernames).iter();
        names
            .filter(|name| **name != self.identity.username)
            .map(|name| HostIdentity {
                hostname: self.identity.hostname.clone(),
                username: name.clone(),
            })
    }
}

fn stored(file: &EncryptedFile, value: Secret) -> StoredValue {
    StoredValue {
        value,
        newer_than: file.newer_than,
        revision: FileRevision::of(&file.envelope, file.newer_than),
    }
}

fn undecryptable(path: &Path) -> Error {
    Error::new(
        Code::Corrupt,
        format!("{} cannot be decrypted: wrong key, or altered", path.display()),
    )
    .with_remediation(format!(
        "{}. The file may come from another machine or another user",
        Code::Corrupt.remediation()
    ))
}
