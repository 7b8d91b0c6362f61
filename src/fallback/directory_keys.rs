//! The derived keys of one directory: those in its cache file and those that this process derived.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use tokio::sync::watch;

use super::cipher;
use super::derived_keys::DerivedKey;
use super::envelope::{Envelope, SALT_LEN};
use super::key_cache::{CachedKey, FILE_NAME, KeyCacheFile, MAX_KEYS, MAX_LEN};
use super::machine::PASSWORD_ID_LEN;
use super::machine_secret::{MachineSecret, SECTION_ID_LEN, SectionKey};
use crate::fs::atomic;
use crate::fs::directory_lock::DirectoryLock;
use crate::fs::read::{Contents, read_own};
use crate::secret::Secret;

/// Maximum number of keys in memory. Older programs gave every file its own salt, so each of their files needs its own key.
const MAX_IN_MEMORY: usize = 4096;

/// A key's time of last use is updated in the file when it is at least this old, in seconds: a day.
const LAST_USED_PRECISION: u64 = 24 * 60 * 60;

type Salt = [u8; SALT_LEN];
type PasswordId = [u8; PASSWORD_ID_LEN];
type SectionId = [u8; SECTION_ID_LEN];

/// The keys of one directory and service.
pub struct DirectoryKeys {
    dir: PathBuf,
    service: String,
    state: Mutex<KeysState>,
    /// How many updates of the cache file are running.
    updates: Arc<watch::Sender<usize>>,
}

#[derive(Default)]
struct KeysState {
    keys: HashMap<Salt, Vec<KnownKey>>,
    count: usize,
    /// The salt that files are written with under a password.
    salts: HashMap<PasswordId, Salt>,
    /// The cache file as it was last read.
    file: KeyCacheFile,
    /// The stamp of the cache file when it was last read.
    stamp: Option<FileStamp>,
    /// The sections of `file` that were opened.
    opened: Vec<SectionId>,
    /// Keys that are not in the cache file yet, or whose time of last use must be updated there.
    unsaved: Vec<KnownKey>,
}

#[derive(Clone)]
struct KnownKey {
    cached: CachedKey,
    /// The section it belongs to; `None` for a key of version 1, which may be in any section.
    section: Option<SectionId>,
}

/// Metadata that changes when a file is replaced.
#[derive(Clone, Copy, PartialEq, Eq)]
struct FileStamp {
    modified: Option<SystemTime>,
    len: u64,
    file: u64,
}

/// Counts as one running update of the cache file until it is dropped.
pub struct UpdateGuard(Arc<watch::Sender<usize>>);

impl Drop for UpdateGuard {
    fn drop(&mut self) {
        self.0.send_modify(|running| *running -= 1);
    }
}

impl DirectoryKeys {
    /// Creates the key store of a directory, without any keys.
    pub fn new(dir: PathBuf, service: &str) -> Self {
        Self {
            dir,
            service: service.to_owned(),
            state: Mutex::default(),
            updates: Arc::new(watch::Sender::new(0)),
        }
    }

    /// Opens an envelope with the known keys of its salt; `None` when no known key opens it.
    pub fn open(&self, envelope: &Envelope) -> Option<Secret> {
        let known = self.state().keys.get(&envelope.salt).cloned().unwrap_or_default();
        known.into_iter().find_map(|known| {
            let value = cipher::open(envelope, &known.cached.key).ok()?;
            self.record_use(&known);
            Some(value)
        })
    }

    /// Returns the salt and the key to write with; `None` when no key of this password is known.
    pub fn for_writing(&self, password_id: &PasswordId) -> Option<(Salt, DerivedKey)> {
        let mut state = self.state();
        let key_of = |state: &KeysState, salt: &Salt| {
            let known = state.keys.get(salt)?.iter();
            let mut matching = known.filter(|known| known.cached.password_id == *password_id);
            matching.next().cloned()
        };
        let known = match state.salts.get(password_id) {
            Some(salt) => key_of(&state, salt)?,
            None => {
                let all = state.keys.values().flatten();
                let matching = all.filter(|known| known.cached.password_id == *password_id);
                // The order is total, so that every process chooses the same salt.
                matching
                    .max_by_key(|known| (known.cached.last_used, known.cached.salt))?
                    .clone()
            }
        };
        state.salts.insert(*password_id, known.cached.salt);
        drop(state);
        self.record_use(&known);
        Some((known.cached.salt, known.cached.key))
    }

    /// Sets the salt that files are written with under a password, unless it is already set. Returns the salt that is set.
    pub fn salt_for_writing(&self, password_id: PasswordId, salt: Salt) -> Salt {
        *self.state().salts.entry(password_id).or_insert(salt)
    }

    /// Adds a derived key that opened a file or seals a new one, and marks it unsaved if it is new.
    pub fn add(&self, salt: Salt, password_id: PasswordId, secret: Option<&MachineSecret>, key: DerivedKey) {
        let known = KnownKey {
            cached: CachedKey {
                salt,
                password_id,
                last_used: now(),
                key,
            },
            section: secret.map(|secret| *secret.section_key(&self.service).id()),
        };
        let mut state = self.state();
        if state.insert(known.clone()) {
            state.mark_unsaved(known);
        }
    }

    /// Adds the keys in the section of this machine secret, and reads the cache file first if it was replaced.
    pub fn load(&self, secret: &MachineSecret) {
        let section = secret.section_key(&self.service);
        let mut state = self.state();
        let stamp = stamp(&self.dir);
        if stamp != state.stamp {
            state.file = read_cache(&self.dir);
            state.stamp = stamp;
            state.opened.clear();
        }
        if state.opened.contains(section.id()) {
            return;
        }
        state.opened.push(*section.id());
        for cached in state.file.open(&section) {
            let section = Some(*section.id());
            state.insert(KnownKey { cached, section });
        }
    }

    /// Returns whether a section of the cache file that is not opened yet has a key for this salt.
    pub fn has_elsewhere(&self, salt: &Salt) -> bool {
        let state = self.state();
        state.file.has_elsewhere(salt, &state.opened)
    }

    /// Returns whether there are unsaved keys.
    pub fn has_unsaved(&self) -> bool {
        !self.state().unsaved.is_empty()
    }

    /// Registers an update of the cache file. [`DirectoryKeys::settled`] waits until the guard is dropped.
    pub fn start_update(&self) -> UpdateGuard {
        self.updates.send_modify(|running| *running += 1);
        UpdateGuard(self.updates.clone())
    }

    /// Waits until no update of the cache file is running.
    pub async fn settled(&self) {
        let _ = self.updates.subscribe().wait_for(|running| *running == 0).await;
    }

    /// Writes the unsaved keys that belong in the section of this machine secret. A failure is ignored: later processes derive
    /// the keys again.
    pub fn update_file(&self, secret: &MachineSecret) {
        let section = secret.section_key(&self.service);
        let unsaved: Vec<KnownKey> = {
            let belongs = |known: &mut KnownKey| known.section.is_none_or(|id| id == *section.id());
            self.state().unsaved.extract_if(.., belongs).collect()
        };
        if unsaved.is_empty() {
            return;
        }
        let keys: Vec<CachedKey> = unsaved.iter().map(|known| known.cached.clone()).collect();
        let merged = self.merge_into_file(&section, &keys);
        if merged.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock) {
            // Another process holds the lock. The update after the next operation tries again.
            let mut state = self.state();
            unsaved.into_iter().for_each(|known| state.mark_unsaved(known));
        }
    }

    /// Drops the list of unsaved keys. This process keeps the keys.
    pub fn discard_unsaved(&self) {
        self.state().unsaved.clear();
    }

    fn merge_into_file(&self, section: &SectionKey, keys: &[CachedKey]) -> io::Result<()> {
        let _lock = DirectoryLock::acquire(&self.dir)?;
        match read_cache(&self.dir).merged(section, keys)? {
            Some(file) => atomic::replace_unsynced(&self.dir, FILE_NAME, &file.print()),
            None => Ok(()),
        }
    }

    fn record_use(&self, used: &KnownKey) {
        let now = now();
        if now.saturating_sub(used.cached.last_used) < LAST_USED_PRECISION {
            return;
        }
        let mut state = self.state();
        let known = state.keys.get_mut(&used.cached.salt).into_iter().flatten();
        for known in known.filter(|known| known.is_same(used)) {
            known.cached.last_used = now;
        }
        let mut used = used.clone();
        used.cached.last_used = now;
        state.mark_unsaved(used);
    }

    fn state(&self) -> MutexGuard<'_, KeysState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl KeysState {
    /// Inserts a key, or updates the time of last use of a known one. Returns whether the key is new.
    fn insert(&mut self, new: KnownKey) -> bool {
        let known = self.keys.entry(new.cached.salt).or_default();
        if let Some(known) = known.iter_mut().find(|known| known.is_same(&new)) {
            known.cached.last_used = known.cached.last_used.max(new.cached.last_used);
            return false;
        }
        known.push(new);
        self.count += 1;
        if self.count > MAX_IN_MEMORY {
            // This is rare, so the limit does not need a better policy than starting again from empty.
            self.keys.clear();
            self.count = 0;
            self.opened.clear();
        }
        true
    }

    fn mark_unsaved(&mut self, known: KnownKey) {
        self.unsaved.retain(|unsaved| !unsaved.is_same(&known));
        if self.unsaved.len() < MAX_KEYS {
            self.unsaved.push(known);
        }
    }
}

impl KnownKey {
    fn is_same(&self, other: &Self) -> bool {
        (self.cached.salt, self.cached.password_id) == (other.cached.salt, other.cached.password_id)
            && self.cached.key.expose() == other.cached.key.expose()
    }
}

/// Reads the cache file. An absent, foreign or damaged file is an empty cache.
fn read_cache(dir: &Path) -> KeyCacheFile {
    match read_own(&dir.join(FILE_NAME), MAX_LEN) {
        Ok(Contents::Bytes(bytes)) => KeyCacheFile::parse(&bytes).unwrap_or_default(),
        Ok(Contents::Absent | Contents::TooLarge) | Err(_) => KeyCacheFile::default(),
    }
}

fn stamp(dir: &Path) -> Option<FileStamp> {
    let metadata = fs::symlink_metadata(dir.join(FILE_NAME)).ok()?;
    Some(FileStamp {
        modified: metadata.modified().ok(),
        len: metadata.len(),
        #[cfg(unix)]
        file: std::os::unix::fs::MetadataExt::ino(&metadata),
        #[cfg(not(unix))]
        file: 0,
    })
}

fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests;
