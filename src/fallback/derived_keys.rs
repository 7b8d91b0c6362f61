//! The derived keys of this process, so that a store of a thousand values costs one derivation (SPEC, Derive once).
//!
//! One of the three named globals of the house. It is one per process and not one per directory because the price it
//! saves, tens of milliseconds and 16 MiB each, is the same whoever pays it.

use std::collections::HashMap;
use std::sync::{Arc, Condvar, LazyLock, Mutex, OnceLock, PoisonError};

use sha2::{Digest, Sha256};
use zeroize::ZeroizeOnDrop;

use super::envelope::SALT_LEN;
use super::scrypt::scrypt;
use crate::telemetry::events::key_derived;

/// Length of a derived key, in bytes.
pub const KEY_LEN: usize = 32;

/// How many keys are kept; the one unused for longest goes first. A key takes about 150 bytes. The older programs gave
/// every file a salt of its own: a bound below the number of such files would derive all of them anew on every pass,
/// for a list walks them in the same order each time.
const CAPACITY: usize = 4096;

/// Calls `f` with the key of this password and salt, which is derived if it has not been before. Blocks for as long as
/// that takes; of callers that come at the same time one derives, and the others wait for it.
pub fn with_key<T>(password: &str, salt: &[u8; SALT_LEN], f: impl FnOnce(&[u8; KEY_LEN]) -> T) -> T {
    KEYS.with(id(password, salt), || derive(password, salt), f)
}

/// How many cores there are: so many derivations run at a time, and no more, each with its 16 MiB.
pub fn cores() -> usize {
    static CORES: LazyLock<usize> = LazyLock::new(|| std::thread::available_parallelism().map_or(1, Into::into));
    *CORES
}

static KEYS: LazyLock<Keys> = LazyLock::new(Keys::default);
static DERIVING: Gate = Gate::new();

/// SHA-256 over password and salt: finds the key again without keeping the password.
type Id = [u8; 32];

#[derive(ZeroizeOnDrop)]
struct DerivedKey(Box<[u8; KEY_LEN]>);

type Slot = Arc<OnceLock<DerivedKey>>;

#[derive(Default)]
struct Keys(Mutex<Slots>);

impl Keys {
    fn with<T>(&self, id: Id, derive: impl FnOnce() -> DerivedKey, f: impl FnOnce(&[u8; KEY_LEN]) -> T) -> T {
        // Nothing panics while it is locked, and the map is whole at every moment.
        let slot = self.0.lock().unwrap_or_else(PoisonError::into_inner).slot(id);
        // It is not locked any more: other keys are found, and derived, meanwhile.
        f(&slot.get_or_init(derive).0)
    }
}

#[derive(Default)]
struct Slots {
    slots: HashMap<Id, (Slot, u64)>,
    clock: u64,
}

impl Slots {
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

/// Lets as many derivations run as there are cores.
struct Gate {
    running: Mutex<usize>,
    freed: Condvar,
}

struct Turn<'a>(&'a Gate);

impl Gate {
    const fn new() -> Self {
        Self {
            running: Mutex::new(0),
            freed: Condvar::new(),
        }
    }

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
    let mut key = DerivedKey(Box::new([0; KEY_LEN]));
    key_derived(|| scrypt(password.as_bytes(), salt, key.0.as_mut_slice()));
    key
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

    use super::*;

    fn key(n: u8) -> DerivedKey {
        DerivedKey(Box::new([n; KEY_LEN]))
    }

    #[test]
    fn simultaneous_first_uses_derive_once() {
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
                    assert_eq!(keys.with([1; 32], derive, |key| key[0]), 7);
                });
            }
        });
        assert_eq!(derived.load(SeqCst), 1);
    }

    #[test]
    fn another_key_is_derived_while_one_is_under_way() {
        let keys = Keys::default();
        let nested = || key(keys.with([2; 32], || key(5), |key| key[0]) + 1);
        assert_eq!(keys.with([1; 32], nested, |key| key[0]), 6);
    }

    #[test]
    fn a_derivation_that_panics_leaves_the_next_caller_to_try_again() {
        let keys = Keys::default();
        let broken = || keys.with([1; 32], || panic!("on purpose"), |_| ());
        assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(broken)).is_err());
        assert_eq!(keys.with([1; 32], || key(3), |key| key[0]), 3);
    }

    #[test]
    fn the_number_of_keys_is_bounded_and_the_one_unused_for_longest_goes() {
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
        let (gate, inside, most) = (Gate::new(), AtomicUsize::new(0), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for _ in 0..4 * cores() {
                scope.spawn(|| {
                    let _turn = gate.enter();
                    most.fetch_max(inside.fetch_add(1, SeqCst) + 1, SeqCst);
                    std::thread::yield_now();
                    inside.fetch_sub(1, SeqCst);
                });
            }
        });
        assert!((1..=cores()).contains(&most.load(SeqCst)));
        assert_eq!(*gate.running.lock().unwrap(), 0);
    }
}
