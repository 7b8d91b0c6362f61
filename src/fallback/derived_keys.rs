//! Caches the keys that this process derived, so that no key is derived twice.
//!
//! The cache is process-wide, so that stores on the same directory share its keys: each derivation costs tens of milliseconds
//! and 16 MiB.

use std::collections::HashMap;
use std::sync::{Arc, Condvar, LazyLock, Mutex, OnceLock, PoisonError};

use securestore_scrypt::scrypt;
use sha2::{Digest, Sha256};

use super::envelope::SALT_LEN;
use super::protected::ProtectedBytes;
use crate::telemetry::events::key_derived;

/// Length of a derived key, in bytes.
pub const KEY_LEN: usize = 32;

/// Maximum number of cached keys; the least recently used one is evicted first. A key takes about 150 bytes. Older programs
/// gave every file its own salt. If the limit were below the number of such files, every listing would derive all keys again,
/// because it reads the files in the same order each time.
const CAPACITY: usize = 4096;

/// A derived key. Clones share its memory, which is wiped when the last one is dropped.
#[derive(Clone, Debug)]
pub struct DerivedKey(Arc<ProtectedBytes>);

impl DerivedKey {
    /// Returns the key with these bytes.
    pub fn new(bytes: &[u8; KEY_LEN]) -> Self {
        Self(Arc::new(ProtectedBytes::copy_of(bytes)))
    }

    /// Returns the bytes. Callers must not log or store them.
    pub fn expose(&self) -> &[u8; KEY_LEN] {
        self.0.expose().try_into().expect("every key has this length")
    }

    /// Returns the key of this password and salt. Derives it if it is not cached, which takes tens of milliseconds. Concurrent
    /// callers share one derivation.
    pub fn derive(password: &str, salt: &[u8; SALT_LEN]) -> Self {
        KEYS.get(id(password, salt), || derive(password, salt))
    }
}

/// Returns the number of cores, which is also the maximum number of concurrent derivations.
pub fn cores() -> usize {
    static CORES: LazyLock<usize> = LazyLock::new(|| std::thread::available_parallelism().map_or(1, Into::into));
    *CORES
}

static KEYS: LazyLock<Keys> = LazyLock::new(Keys::default);
static DERIVATIONS: DerivationSemaphore = DerivationSemaphore::new();

/// SHA-256 over salt and password: identifies a key without storing the password.
type Id = [u8; 32];

type Slot = Arc<OnceLock<DerivedKey>>;

#[derive(Default)]
struct Keys(Mutex<Slots>);

impl Keys {
    fn get(&self, id: Id, derive: impl FnOnce() -> DerivedKey) -> DerivedKey {
        let slot = self.0.lock().unwrap_or_else(PoisonError::into_inner).slot(id);
        // The map is unlocked here, so that other keys can be looked up and derived at the same time.
        slot.get_or_init(derive).clone()
    }
}

#[derive(Default)]
struct Slots {
    /// Each slot with the time of its last use.
    slots: HashMap<Id, (Slot, u64)>,
    /// A logical clock: the number of look-ups so far.
    clock: u64,
}

impl Slots {
    /// Returns the slot of a key, and adds an empty one if there is none.
    fn slot(&mut self, id: Id) -> Slot {
        self.clock += 1;
        if let Some((slot, used)) = self.slots.get_mut(&id) {
            *used = self.clock;
            return slot.clone();
        }
        if self.slots.len() >= CAPACITY {
            let oldest = self.slots.iter().min_by_key(|(_, (_, used))| *used).map(|(id, _)| *id);
            oldest.and_then(|id| self.slots.remove(&id));
        }
        let slot = Slot::default();
        self.slots.insert(id, (slot.clone(), self.clock));
        slot
    }
}

/// A blocking semaphore that limits concurrent derivations to the number of cores.
struct DerivationSemaphore {
    running: Mutex<usize>,
    freed: Condvar,
}

struct DerivationPermit<'a>(&'a DerivationSemaphore);

impl DerivationSemaphore {
    const fn new() -> Self {
        Self {
            running: Mutex::new(0),
            freed: Condvar::new(),
        }
    }

    fn acquire(&self) -> DerivationPermit<'_> {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let mut running = self
            .freed
            .wait_while(running, |running| *running >= cores())
            .unwrap_or_else(PoisonError::into_inner);
        *running += 1;
        DerivationPermit(self)
    }
}

impl Drop for DerivationPermit<'_> {
    fn drop(&mut self) {
        *self.0.running.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        self.0.freed.notify_one();
    }
}

fn id(password: &str, salt: &[u8; SALT_LEN]) -> Id {
    Sha256::new()
        .chain_update(salt)
        .chain_update(password)
        .finalize()
        .into()
}

fn derive(password: &str, salt: &[u8; SALT_LEN]) -> DerivedKey {
    let _permit = DERIVATIONS.acquire();
    let key = ProtectedBytes::new(KEY_LEN, |key| {
        key_derived(|| scrypt(password.as_bytes(), salt, key));
    });
    DerivedKey(Arc::new(key))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

    use super::*;

    fn key(n: u8) -> DerivedKey {
        DerivedKey::new(&[n; KEY_LEN])
    }

    #[test]
    fn concurrent_first_uses_derive_once() {
        let (keys, derived) = (Keys::default(), AtomicUsize::new(0));
        let start = std::sync::Barrier::new(8);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    start.wait();
                    let derive = || {
                        derived.fetch_add(1, SeqCst);
                        key(7)
                    };
                    assert_eq!(keys.get([1; 32], derive).expose()[0], 7);
                });
            }
        });
        assert_eq!(derived.load(SeqCst), 1);
    }

    #[test]
    fn another_key_can_be_derived_during_a_derivation() {
        let keys = Keys::default();
        let nested = || key(keys.get([2; 32], || key(5)).expose()[0] + 1);
        assert_eq!(keys.get([1; 32], nested).expose()[0], 6);
    }

    #[test]
    fn after_a_derivation_that_panics_the_next_caller_derives_the_key() {
        let keys = Keys::default();
        let broken = || keys.get([1; 32], || panic!("on purpose"));
        assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(broken)).is_err());
        assert_eq!(keys.get([1; 32], || key(3)).expose()[0], 3);
    }

    #[test]
    fn the_number_of_keys_is_bounded_and_the_least_recently_used_one_is_evicted() {
        let mut slots = Slots::default();
        let id = |n: usize| {
            let mut id = [0; 32];
            id[..8].copy_from_slice(&n.to_le_bytes());
            id
        };
        for n in 0..CAPACITY {
            let _ = slots.slot(id(n)).set(key(1));
        }
        assert!(slots.slot(id(0)).get().is_some());
        slots.slot(id(CAPACITY));
        assert_eq!(slots.slots.len(), CAPACITY);
        assert!(slots.slots.contains_key(&id(0)) && !slots.slots.contains_key(&id(1)));
    }

    #[test]
    fn never_more_derivations_than_cores_run_at_a_time() {
        let (running, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let semaphore = DerivationSemaphore::new();
        std::thread::scope(|scope| {
            for _ in 0..4 * cores() {
                scope.spawn(|| {
                    let _permit = semaphore.acquire();
                    most.fetch_max(running.fetch_add(1, SeqCst) + 1, SeqCst);
                    std::thread::yield_now();
                    running.fetch_sub(1, SeqCst);
                });
            }
        });
        assert!((1..=cores()).contains(&most.load(SeqCst)));
        assert_eq!(*semaphore.running.lock().unwrap(), 0);
    }
}
