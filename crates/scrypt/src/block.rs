//! The scrypt parameters of the file format, and the block type.

/// Cost: the number of blocks in memory.
pub const N: usize = 16384;
/// Block size, in units of 128 bytes.
pub const R: usize = 8;
/// Parallelism.
pub const P: usize = 1;

/// Number of 32-bit words that Salsa20/8 mixes: 64 bytes.
pub const CHUNK: usize = 16;
/// Number of 32-bit words in a block.
pub const WORDS: usize = 2 * R * CHUNK;

/// A block of 128 × [`R`] bytes.
pub type Block = [u32; WORDS];
