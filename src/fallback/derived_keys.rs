//! The derived keys of this process, so that a store of a thousand values costs one derivation (SPEC, Derive once).
//!
//! One of the three named globals of the house. It is one per process and not one per directory because the price it
//! saves, tens of milliseconds and 16 MiB each, is the same whoever pays it.

use std::collections::HashMap;
use std::sync::{Arc, Condvar, LazyLock, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Instant;

use sha2::{Digest, Sha256};
use zeroize::ZeroizeOnDrop;

use super::envelope::SALT_LEN;
use super::scrypt::scrypt;

/// Length of a derived key, in bytes.
pub const KEY_LEN: usize = 32;

/// How many keys are kept; the one unused for longest goes first. A key takes about 150 bytes. The older programs gave
/// every file a salt of its own: a bound below the number of such files would derive all of them anew on every pass,
/// for a list walks them in the same order each time.
const CAPACITY: usize = 4096;

/// Calls `f` with the key of this password and salt, which is derived if it has not been before. Blocks for as long as
/// that takes; of callers that come at the same time one derives, and the others wait for it.
pub fn with_key<T>(password: &str, salt: &[u8; SALT_LEN], f: impl FnOnce(&[u8; KEY_LEN]) -> T) -> T {
    let slot = KEYS.lock().slot(id(password, salt));
    // The lock of the map is not held here: other keys are found, and derived, meanwhile.
    f(&slot.get_or_init(|| derive(password, salt)).0)
}

/// How many cores there are: so many derivations run at a time, and no more, each with its 16 MiB.
pub fn cores() -> usize {
    static CORES: LazyLock<usize> = LazyLock::new(|| std::thread::available_parallelism().map_or(1, Into::into));
    *CORES
}

static KEYS: Shared = Shared(LazyLock::new(|| Mutex::new(Keys::default())));
static DERIVING: Gate = Gate {
    running: Mutex::new(0),
    freed: Condvar::new(),
};

/// SHA-256 over password and salt: finds the key again without keeping the password.
type Id = [u8; 32];

#[derive(ZeroizeOnDrop)]
struct DerivedKey(Box<[u8; KEY_LEN]>);

type Slot = Arc<OnceLock<DerivedKey>>;

#[derive(Default)]
struct Keys {
    slots: HashMap<Id, (Slot, u64)>,
    clock: u64,
}

impl Keys {
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

struct Shared(LazyLock<Mutex<Keys>>);

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Keys> {
        // Nothing panics while it is held, and the map is whole at every moment.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Lets as many derivations run as there are cores.
struct Gate {
    running: Mutex<usize>,
    freed: Condvar,
}

struct Turn<'a>(&'a Gate);

impl Gate {
    fn enter(&self) -> Turn<'_> {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let mut running = self
            .freed
            .wait_while(running, |running| *running >= cores())
            .unwrap_or_else(PoisonError::into_inner);
        *running += 1;
        Turn(self)
    }
}

impl Drop for Turn<'_> {
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
    let _turn = DERIVING.enter();
    let started = Instant::now();
    let mut key = DerivedKey(Box::new([0; KEY_LEN]));
    scrypt(password.as_bytes(), salt, key.0.as_mut_slice());
    tracing::debug!(duration_us = started.elapsed().as_micros() as u64, "derived a key");
    key
}
