//! Opens and seals the files of one directory with its keys. All functions block.

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

/// The state that a [`super::FallbackDir`] and its clones share.
pub struct Directory {
    pub files: Files,
    pub keys: DirectoryKeys,
    pub secrets: MachineSecrets,
    pub service: String,
    pub identity: HostIdentity,
    /// Other names of the current user. Unless they were given, they are read from the system when they are first needed.
    pub other_usernames: OnceLock<Vec<String>>,
}

/// What was found for a key without loading a machine secret from the loader or the keyring.
pub enum Found {
    /// There is no value.
    Absent,
    /// A known key, or one that was derived for version 1, opened the file.
    Opened(StoredValue),
    /// There is a file, but none of these keys opens it.
    Unopened(Arc<EncryptedFile>),
}

/// Result of an update of the derived-key cache.
pub enum CacheUpdate {
    /// The update was made, or failed, which is ignored.
    Done,
    /// No machine secret is loaded to seal the cache with.
    NoSecret,
}

impl Directory {
    /// Finds the file of a key and opens it with the keys that are in memory or in the cache file.
    ///
    /// Derives a key only for version 1, whose password needs no machine secret.
    pub fn find(&self, key: &str) -> Result<Found> {
        self.found(self.files.find(key)?)
    }

    /// Finds and opens the envelope at any path, as [`Directory::find`] does. A file that is not a JSON object counts as absent.
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
        for secret in self.secrets.loaded_or_in_file() {
            self.keys.load(&secret);
        }
        let value = self.keys.open(&file.envelope).or_else(|| match file.envelope.version {
            Version::V1 => self.derive_and_open(&file, None, &self.identity),
            Version::V2 => None,
        });
        Ok(match value {
            Some(value) => Found::Opened(stored(&file, value)),
            None => Found::Unopened(Arc::new(file)),
        })
    }

    /// Opens a file with a machine secret: with the keys in its section of the cache, otherwise, for version 2, with the key
    /// that is derived from it. No key is derived for a salt that an unopened section has a key for, because then another
    /// machine secret probably opens the file.
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

    /// Opens a file with keys that are derived from each of these machine secrets, under the current name of the user, then
    /// under the other names.
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
            .ok_or_else(|| undecryptable(file))
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

    /// Writes the unsaved keys to the cache file, sealed with the loaded machine secrets and with `other`.
    pub fn update_cache(&self, other: Option<&MachineSecret>) -> CacheUpdate {
        let loaded = self.secrets.loaded_or_in_file();
        let secrets: Vec<&MachineSecret> = loaded.iter().map(Arc::as_ref).chain(other).collect();
        for secret in &secrets {
            self.keys.update_file(secret);
        }
        match secrets.is_empty() {
            true => CacheUpdate::NoSecret,
            false => CacheUpdate::Done,
        }
    }

    /// Returns the salt and the key for new files. Prefers a key in the cache, then the salt of an existing file, then a new
    /// salt, so that a whole directory needs one derivation.
    fn key_for_writing(
        &self,
        secret: Option<&MachineSecret>,
    ) -> Result<([u8; SALT_LEN], DerivedKey), getrandom::Error> {
        let password_id = self.identity.password_id(&self.service, secret);
        if let Some(found) = self.keys.for_writing(&password_id) {
            return Ok(found);
        }
        match secret {
            Some(secret) => self.keys.load(secret),
            None => self
                .secrets
                .loaded_or_in_file()
                .iter()
                .for_each(|secret| self.keys.load(secret)),
        }
        if let Some(found) = self.keys.for_writing(&password_id) {
            return Ok(found);
        }
        let salt = match self.files.any_salt(version(secret)) {
            Some(salt) => salt,
            None => random_bytes()?,
        };
        let salt = self.keys.salt_for_writing(password_id, salt);
        let key = DerivedKey::derive(&self.identity.password(&self.service, secret), &salt);
        self.keys.add(salt, password_id, secret, key.clone());
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
        let password_id = identity.password_id(&self.service, secret);
        self.keys.add(file.envelope.salt, password_id, secret, key);
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

fn undecryptable(file: &EncryptedFile) -> Error {
    let mut message = format!(
        "Failed to decrypt envelope {}: the key is wrong, or the file was altered",
        file.path.display()
    );
    if file.envelope.version == Version::V2 {
        message.push_str(". A v:2 envelope requires a machine secret, and none that was found opens it");
    }
    Error::new(Code::Corrupt, message).with_remediation(format!(
        "{}. The file may come from another machine or another user",
        Code::Corrupt.remediation()
    ))
}
