//! The 16 MiB of memory for one derivation: wiped after use, reused, and in huge pages where the system has them.
//!
//! On Unix the memory does not come from the allocator, which may keep freed memory of this size in the arena of each thread
//! that ever derived a key. This module keeps one mapping for the next derivation and returns the others to the system.

use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, PoisonError};

use zeroize::optimization_barrier;

use super::block::{Block, N, WORDS};

/// The blocks of one derivation.
pub type Blocks = [Block; N];

/// The memory of a running derivation. Wiped on drop.
pub struct Memory(Option<Mapping>);

/// The memory that the next derivation uses.
static SPARE: Mutex<Option<Mapping>> = Mutex::new(None);

impl Memory {
    /// Returns zeroed memory for one derivation.
    ///
    /// # Panics
    ///
    /// If the system cannot provide the memory.
    pub fn take() -> Self {
        let spare = SPARE.lock().unwrap_or_else(PoisonError::into_inner).take();
        Self(Some(spare.unwrap_or_else(Mapping::new)))
    }
}

impl Deref for Memory {
    type Target = Blocks;

    fn deref(&self) -> &Blocks {
        self.0.as_ref().expect("taken on drop only").blocks()
    }
}

impl DerefMut for Memory {
    fn deref_mut(&mut self) -> &mut Blocks {
        self.0.as_mut().expect("taken on drop only").blocks_mut()
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // One fill that the barrier keeps the compiler from removing. `zeroize` writes word by word and takes ten times as long.
        self.fill([0; WORDS]);
        optimization_barrier(&**self);
        let mut spare = SPARE.lock().unwrap_or_else(PoisonError::into_inner);
        if spare.is_none() {
            *spare = self.0.take();
        }
    }
}

#[cfg(unix)]
use mapped::Mapping;

#[cfg(unix)]
#[allow(unsafe_code)]
mod mapped {
    use std::ffi::c_void;
    use std::ptr::{NonNull, null_mut};

    use rustix::mm::{Advice, MapFlags, ProtFlags, madvise, mmap_anonymous, munmap};

    use super::Blocks;

    const LEN: usize = size_of::<Blocks>();
    /// Size and alignment of a huge page, in bytes.
    const HUGE: usize = 2 << 20;

    /// A private anonymous mapping, unmapped on drop.
    pub struct Mapping {
        start: NonNull<c_void>,
        blocks: NonNull<Blocks>,
    }

    // SAFETY: the mapping is owned, and accessed only through borrows of its owner.
    unsafe impl Send for Mapping {}

    impl Mapping {
        pub fn new() -> Self {
            // SAFETY: a new private mapping, at an address that the system chooses, overlaps no other memory.
            let start = unsafe {
                mmap_anonymous(
                    null_mut(),
                    LEN + HUGE,
                    ProtFlags::READ | ProtFlags::WRITE,
                    MapFlags::PRIVATE,
                )
            };
            let start = start.ok().and_then(NonNull::new).expect("memory for a key derivation");
            let offset = start.as_ptr().align_offset(HUGE);
            // SAFETY: the offset is less than `HUGE`, so `LEN` bytes from there are inside the mapping.
            let blocks = unsafe { start.byte_add(offset) };
            #[cfg(target_os = "linux")]
            for advice in [Advice::LinuxHugepage, Advice::LinuxDontDump] {
                // SAFETY: the range is inside the mapping, and neither advice changes its content.
                let _ = unsafe { madvise(blocks.as_ptr(), LEN, advice) };
            }
            #[cfg(not(target_os = "linux"))]
            // SAFETY: the range is inside the mapping, and the advice does not change its content.
            let _ = unsafe { madvise(blocks.as_ptr(), LEN, Advice::WillNeed) };
            Self {
                start,
                blocks: blocks.cast(),
            }
        }

        pub fn blocks(&self) -> &Blocks {
            // SAFETY: aligned, inside the mapping, and zeroed by the system: any bytes are valid words.
            unsafe { self.blocks.as_ref() }
        }

        pub fn blocks_mut(&mut self) -> &mut Blocks {
            // SAFETY: as above, and borrowed for as long as this owner is.
            unsafe { self.blocks.as_mut() }
        }
    }

    impl Drop for Mapping {
        fn drop(&mut self) {
            // SAFETY: the mapping of `new`, which nothing borrows any more.
            let _ = unsafe { munmap(self.start.as_ptr(), LEN + HUGE) };
        }
    }
}

/// On Windows the allocator returns memory of this size to the system.
#[cfg(not(unix))]
struct Mapping(Vec<Block>);

#[cfg(not(unix))]
impl Mapping {
    fn new() -> Self {
        Self(vec![[0; WORDS]; N])
    }

    fn blocks(&self) -> &Blocks {
        self.0.as_slice().try_into().expect("N blocks")
    }

    fn blocks_mut(&mut self) -> &mut Blocks {
        self.0.as_mut_slice().try_into().expect("N blocks")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_wiped_before_it_is_reused_and_one_mapping_is_kept() {
        // A concurrent test may take the spare memory at any moment, but not at each of these.
        for _ in 0..100 {
            let mut both = [Memory::take(), Memory::take()];
            for memory in &mut both {
                assert!(memory.iter().all(|block| *block == [0; WORDS]));
                memory.fill([0x5eed; WORDS]);
            }
            drop(both);
            let kept = SPARE.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(kept) = &*kept {
                assert!(kept.blocks().iter().all(|block| *block == [0; WORDS]));
                return;
            }
        }
        panic!("no memory was kept");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_mapping_is_unmapped_whole_when_it_is_dropped() {
        const COUNT: usize = 256;
        let virtual_memory = || -> usize {
            let status = std::fs::read_to_string("/proc/self/status").unwrap();
            let (_, size) = status.split_once("VmSize:").unwrap();
            size.split_whitespace().next().unwrap().parse::<usize>().unwrap() << 10
        };
        let before = virtual_memory();
        for _ in 0..COUNT {
            drop(Mapping::new());
        }
        // A mapping takes 18 MiB. Concurrent tests map memory as well, but far less than 1 MiB for each of these.
        let left = virtual_memory().saturating_sub(before);
        assert!(left < COUNT << 20, "{left} bytes are left of {COUNT} mappings");
    }
}
