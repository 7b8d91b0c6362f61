//! The derived keys of one directory: those of its cache file, and those that this process derived.

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
use super::machine::IDENTITY_LEN;
use super::machine_secret::{MachineSecret, SECTION_ID_LEN, SectionKey};
use crate::fs::atomic;
use crate::fs::directory_lock::DirectoryLock;
use crate::fs::read::{Contents, read_own};
use crate::secret::Secret;

/// Most keys in memory. Every file of an older program has a salt, and so a key, of its own.
const MAX_IN_MEMORY: usize = 4096;

/// A key's time of last use is written again when it is this old, in seconds: a day.
const LAST_USED_PRECISION: u64 = 24 * 60 * 60;

type Salt = [u8; SALT_LEN];
type Identity = [u8; IDENTITY_LEN];
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
    /// The salt that files of an identity are written with.
    salts: HashMap<Identity, Salt>,
    file: KeyCacheFile,
    stamp: Option<FileStamp>,
    /// The sections of `file` that were opened.
    opened: Vec<SectionId>,
    /// Keys that the cache file lacks, or whose time of last use it has to learn.
    unsaved: Vec<KnownKey>,
}

#[derive(Clone)]
struct KnownKey {
    cached: CachedKey,
    /// The section it belongs to; `None` for a key of version 1, which may be in any.
    section: Option<SectionId>,
}

/// Tells whether a file was replaced since it was read.
#[derive(Clone, Copy, PartialEq, Eq)]
struct FileStamp {
    modified: Option<SystemTime>,
    len: u64,
    file: u64,
}

/// Counts one running update of the cache file until it is dropped.
pub struct UpdateGuard(Arc<watch::Sender<usize>>);

impl Drop for UpdateGuard {
    fn drop(&mut self) {
        self.0.send_modify(|running| *running -= 1);
    }
}

impl DirectoryKeys {
    /// Returns the keys of a directory, none so far.
    pub fn new(dir: PathBuf, service: &str) -> Self {
        Self {
            dir,
            service: service.to_owned(),
            state: Mutex::default(),
            updates: Arc::new(watch::Sender::new(0)),
        }
    }

    /// Opens an envelope with the known keys of its salt; `None` when none of them fits.
    pub fn open(&self, envelope: &Envelope) -> Option<Secret> {
        let known = self.state().keys.get(&envelope.salt).cloned().unwrap_or_default();
        known.into_iter().find_map(|known| {
            let value = cipher::open(envelope, &known.cached.key).ok()?;
            self.record_use(&known);
            Some(value)
        })
    }

    /// Returns the salt and the key to write with; `None` when no key of this identity is known.
    pub fn for_writing(&self, identity: &Identity) -> Option<(Salt, DerivedKey)> {
        let mut state = self.state();
        let key_of = |state: &KeysState, salt: &Salt| {
            let known = state.keys.get(salt)?.iter();
            let mut fitting = known.filter(|known| known.cached.identity == *identity);
            fitting.next().cloned()
        };
        let known = match state.salts.get(identity) {
            Some(salt) => key_of(&state, salt)?,
            None => {
                let all = state.keys.values().flatten();
                let fitting = all.filter(|known| known.cached.identity == *identity);
                // Every process takes the same one.
                fitting
                    .max_by_key(|known| (known.cached.last_used, known.cached.salt))?
                    .clone()
            }
        };
        state.salts.insert(*identity, known.cached.salt);
        drop(state);
        self.record_use(&known);
        Some((known.cached.salt, known.cached.key))
    }

    /// Sets the salt that an identity writes with, unless there is one, and returns it.
    pub fn salt_for_writing(&self, identity: Identity, salt: Salt) -> Salt {
        *self.state().salts.entry(identity).or_insert(salt)
    }

    /// Adds a key that was derived and is right.
    pub fn add(&self, salt: Salt, identity: Identity, secret: Option<&MachineSecret>, key: DerivedKey) {
        let known = KnownKey {
            cached: CachedKey {
                salt,
                identity,
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

    /// Adds the keys of the cache file that this machine secret seals.
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

    /// Returns whether the cache file has a key for a salt under a machine secret that [`DirectoryKeys::load`] did not get.
    pub fn has_elsewhere(&self, salt: &Salt) -> bool {
        let state = self.state();
        state.file.has_elsewhere(salt, &state.opened)
    }

    /// Returns whether the cache file lacks something.
    pub fn has_unsaved(&self) -> bool {
        !self.state().unsaved.is_empty()
    }

    /// Announces an update of the cache file, which [`DirectoryKeys::settled`] waits for.
    pub fn start_update(&self) -> UpdateGuard {
        self.updates.send_modify(|running| *running += 1);
        UpdateGuard(self.updates.clone())
    }

    /// Waits until no update of the cache file is running.
    pub async fn settled(&self) {
        let _ = self.updates.subscribe().wait_for(|running| *running == 0).await;
    }

    /// Writes to the cache file what it lacks and this machine secret may seal. Failing is no error: the keys are derived
    /// again.
    pub fn update_file(&self, secret: &MachineSecret) {
        let section = secret.section_key(&self.service);
        let unsaved: Vec<KnownKey> = {
            let fits = |known: &mut KnownKey| known.section.is_none_or(|id| id == *section.id());
            self.state().unsaved.extract_if(.., fits).collect()
        };
        if unsaved.is_empty() {
            return;
        }
        let keys: Vec<CachedKey> = unsaved.iter().map(|known| known.cached.clone()).collect();
        let merged = self.merge_into_file(&section, &keys);
        if merged.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock) {
            // Another process is updating the file. The next operation tries again.
            let mut state = self.state();
            unsaved.into_iter().for_each(|known| state.mark_unsaved(known));
        }
    }

    /// Gives up on what the cache file lacks. It stays known to this process.
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
    /// Returns whether the key is new.
    fn insert(&mut self, new: KnownKey) -> bool {
        let known = self.keys.entry(new.cached.salt).or_default();
        if let Some(known) = known.iter_mut().find(|known| known.is_same(&new)) {
            known.cached.last_used = known.cached.last_used.max(new.cached.last_used);
            return false;
        }
        known.push(new);
        self.count += 1;
        if self.count > MAX_IN_MEMORY {
            // Rare, and cheap beside the derivations that led here.
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
        (self.cached.salt, self.cached.identity) == (other.cached.salt, other.cached.identity)
            && self.cached.key.expose() == other.cached.key.expose()
    }
}

/// An absent, foreign or damaged file is an empty cache.
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
