//! Memory for machine secrets and derived keys: wiped on drop, kept out of swap and core dumps where the system allows.

use std::fmt;
use std::sync::{LazyLock, Mutex, PoisonError};

use zeroize::Zeroize as _;

/// Maximum number of bytes in a [`ProtectedBytes`].
pub const MAX_LEN: usize = 64;

/// Up to [`MAX_LEN`] secret bytes. Wiped on drop, never printed.
///
/// # Security
///
/// The first [`SLOTS`] live values are in memory that is locked into RAM and left out of core dumps, as far as the system
/// allows. Further ones are on the heap.
pub struct ProtectedBytes {
    slot: ByteStorage,
    len: usize,
}

type Bytes = [u8; MAX_LEN];

enum ByteStorage {
    /// In the arena. `None` only while the value is being dropped.
    Arena(Option<&'static mut Bytes>),
    Heap(Box<Bytes>),
}

impl ProtectedBytes {
    /// Creates a value of `len` bytes, which `fill` writes in place: moving the bytes would leave a copy behind.
    ///
    /// # Panics
    ///
    /// If `len` is more than [`MAX_LEN`].
    pub fn new(len: usize, fill: impl FnOnce(&mut [u8])) -> Self {
        assert!(len <= MAX_LEN, "protected values are short");
        let free = ARENA.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let slot = match free {
            Some(slot) => ByteStorage::Arena(Some(slot)),
            None => ByteStorage::Heap(Box::new([0; MAX_LEN])),
        };
        let mut bytes = Self { slot, len };
        fill(&mut bytes.slot.bytes_mut()[..len]);
        bytes
    }

    /// Returns a copy of these bytes.
    ///
    /// # Panics
    ///
    /// If there are more than [`MAX_LEN`].
    pub fn copy_of(bytes: &[u8]) -> Self {
        Self::new(bytes.len(), |target| target.copy_from_slice(bytes))
    }

    /// Returns the bytes. Callers must not log or store them.
    pub fn expose(&self) -> &[u8] {
        let bytes: &Bytes = match &self.slot {
            ByteStorage::Arena(Some(slot)) => slot,
            ByteStorage::Heap(slot) => slot,
            ByteStorage::Arena(None) => &[0; MAX_LEN],
        };
        &bytes[..self.len]
    }
}

impl ByteStorage {
    fn bytes_mut(&mut self) -> &mut [u8] {
        match self {
            Self::Arena(Some(slot)) => slot.as_mut_slice(),
            Self::Heap(slot) => slot.as_mut_slice(),
            Self::Arena(None) => &mut [],
        }
    }
}

impl Drop for ProtectedBytes {
    fn drop(&mut self) {
        self.slot.bytes_mut().zeroize();
        if let ByteStorage::Arena(slot) = &mut self.slot
            && let Some(slot) = slot.take()
        {
            ARENA.lock().unwrap_or_else(PoisonError::into_inner).push(slot);
        }
    }
}

impl fmt::Debug for ProtectedBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ProtectedBytes(***)")
    }
}

/// Number of values in the arena. They take 32 KiB, half of the smallest common limit on locked memory.
const SLOTS: usize = 512;

/// The free slots. There is one arena per process, because the limit on locked memory applies to the process.
static ARENA: LazyLock<Mutex<Vec<&'static mut Bytes>>> = LazyLock::new(|| {
    let arena = Box::leak(Box::new(Arena([[0; MAX_LEN]; SLOTS])));
    protect(&mut arena.0);
    Mutex::new(arena.0.iter_mut().collect())
});

/// Aligned to pages, so that its pages hold no other data.
#[repr(align(4096))]
struct Arena([Bytes; SLOTS]);

/// Locks memory into RAM and leaves it out of core dumps. A failure is ignored: the limit on locked memory may be zero.
#[cfg(target_os = "linux")]
#[allow(unsafe_code)]
fn protect(arena: &mut [Bytes; SLOTS]) {
    use rustix::mm::{Advice, madvise, mlock};
    let (start, len) = (arena.as_mut_ptr().cast(), size_of_val(arena));
    // SAFETY: the range is one allocation that is never freed, and neither call changes its content.
    unsafe {
        let _ = mlock(start, len);
        let _ = madvise(start, len, Advice::LinuxDontDump);
    }
}

/// Locks memory into RAM. A failure is ignored: the limit on locked memory may be zero.
#[cfg(all(unix, not(target_os = "linux")))]
#[allow(unsafe_code)]
fn protect(arena: &mut [Bytes; SLOTS]) {
    // SAFETY: the range is one allocation that is never freed, and the call does not change its content.
    let _ = unsafe { rustix::mm::mlock(arena.as_mut_ptr().cast(), size_of_val(arena)) };
}

#[cfg(not(unix))]
fn protect(_arena: &mut [Bytes; SLOTS]) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_beyond_the_arena_are_on_the_heap_and_slots_are_wiped_before_they_are_reused() {
        let values: Vec<_> = (0..SLOTS + 2)
            .map(|n| ProtectedBytes::copy_of(&[n as u8; 32]))
            .collect();
        assert!(values.iter().any(|value| matches!(value.slot, ByteStorage::Heap(_))));
        for (n, value) in values.iter().enumerate() {
            assert_eq!(value.expose(), [n as u8; 32]);
        }
        drop(values);
        let again = ProtectedBytes::new(MAX_LEN, |bytes| assert_eq!(bytes, [0; MAX_LEN]));
        assert!(matches!(again.slot, ByteStorage::Arena(_)));
        assert_eq!(format!("{again:?}"), "ProtectedBytes(***)");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_arena_is_left_out_of_core_dumps() {
        let value = ProtectedBytes::copy_of(&[1; 32]);
        let address = value.expose().as_ptr() as usize;
        let maps = std::fs::read_to_string("/proc/self/smaps").unwrap();
        let mut inside = false;
        for line in maps.lines() {
            let range = line.split(' ').next().and_then(|range| range.split_once('-'));
            if let Some((start, end)) = range
                && let (Ok(start), Ok(end)) = (usize::from_str_radix(start, 16), usize::from_str_radix(end, 16))
            {
                inside = (start..end).contains(&address);
            }
            if let (true, Some(flags)) = (inside, line.strip_prefix("VmFlags:")) {
                assert!(flags.split(' ').any(|flag| flag == "dd"), "{line}");
                return;
            }
        }
        panic!("the value is in no mapping");
    }
}
