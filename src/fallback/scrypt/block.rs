//! The parameters of the format and the block that scrypt works on.

/// Cost: how many blocks the memory holds.
pub const N: usize = 16384;
/// Block size, in units of 128 bytes.
pub const R: usize = 8;
/// Parallelism: one lane.
pub const P: usize = 1;

/// Words of 32 bits in what Salsa20/8 mixes, 64 bytes.
pub const CHUNK: usize = 16;
/// Words in a block.
pub const WORDS: usize = 2 * R * CHUNK;

/// A block.
pub type Block = [u32; WORDS];
