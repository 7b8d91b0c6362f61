//! scrypt (RFC 7914) with the parameters of the encrypted files: N = 16384, r = 8, p = 1.
//!
//! A package of its own, because it is compiled for speed. The addon is compiled for size, and without optimization in tests.
//!
//! The mixing loop is written here because the first read must not be slower than OpenSSL, which the CLI's JavaScript calls.
//! The `scrypt` crate's SSE2 code has a longer chain of dependent instructions than scalar code. CPU time of one
//! derivation, minimum of many runs on one machine (2 cores, x86-64):
//!
//! | implementation | CPU time |
//! | --- | --- |
//! | this module | 16–18 ms |
//! | OpenSSL (`crypto.scryptSync` of Node.js) | 21–24 ms |
//! | `scrypt` crate 0.12 | 34–36 ms |
//!
//! To repeat the measurement, run `cargo test --release -p securestore-scrypt -- --ignored --nocapture`.
//! The tests compare keys with those of the crate on random input, and with the vectors of RFC 7914. PBKDF2, HMAC and
//! SHA-256 are those of RustCrypto.

use sha2::Sha256;
use zeroize::Zeroizing;

mod block;
mod memory;

pub use block::{N, P, R};

use block::{Block, CHUNK, WORDS};
use memory::{Blocks, Memory};

/// Derives a key from a password and a salt into `key`. Takes tens of milliseconds and 16 MiB of memory.
pub fn scrypt(password: &[u8], salt: &[u8], key: &mut [u8]) {
    let mut bytes = Zeroizing::new([0; 4 * WORDS * P]);
    pbkdf2::pbkdf2_hmac::<Sha256>(password, salt, 1, bytes.as_mut_slice());
    let mut block = Zeroizing::new([0; WORDS]);
    for (word, bytes) in block.iter_mut().zip(bytes.as_chunks().0) {
        *word = u32::from_le_bytes(*bytes);
    }
    ro_mix(&mut block, &mut Memory::take());
    for (bytes, word) in bytes.as_chunks_mut().0.iter_mut().zip(block.iter()) {
        *bytes = word.to_le_bytes();
    }
    pbkdf2::pbkdf2_hmac::<Sha256>(password, bytes.as_slice(), 1, key);
}

/// Computes scryptROMix (RFC 7914, section 5) of `block` in place. `filled` is the memory `V` of the RFC.
fn ro_mix(block: &mut Block, filled: &mut Blocks) {
    filled[0] = *block;
    for i in 1..N {
        let (before, after) = filled.split_at_mut(i);
        block_mix(&before[i - 1], &mut after[0]);
    }
    block_mix(&filled[N - 1], block);
    let mut mixed = Zeroizing::new([0; WORDS]);
    for _ in 0..N {
        // Integerify: the first word of the last chunk, modulo N. The other words do not matter, because N divides 2^32.
        let other = &filled[block[WORDS - CHUNK] as usize % N];
        for (mixed, (a, b)) in mixed.iter_mut().zip(block.iter().zip(other)) {
            *mixed = a ^ b;
        }
        block_mix(&mixed, block);
    }
}

/// Computes scryptBlockMix (RFC 7914, section 4). Even chunks go to the first half of the output, odd ones to the second.
fn block_mix(input: &Block, output: &mut Block) {
    let input = input.as_chunks::<CHUNK>().0;
    let (even, odd) = output.as_chunks_mut::<CHUNK>().0.split_at_mut(R);
    let mut x = input[2 * R - 1];
    for (pair, (even, odd)) in input.as_chunks::<2>().0.iter().zip(even.iter_mut().zip(odd)) {
        salsa20_8(&mut x, &pair[0]);
        *even = x;
        salsa20_8(&mut x, &pair[1]);
        *odd = x;
    }
}

/// Sets `x` to Salsa20/8 (RFC 7914, section 3) of `x` xor `chunk`.
#[inline(always)]
fn salsa20_8(x: &mut [u32; CHUNK], chunk: &[u32; CHUNK]) {
    for (x, chunk) in x.iter_mut().zip(chunk) {
        *x ^= chunk;
    }
    // Sixteen variables stay in registers; the elements of an array would not.
    let [
        mut x0,
        mut x1,
        mut x2,
        mut x3,
        mut x4,
        mut x5,
        mut x6,
        mut x7,
        mut x8,
        mut x9,
        mut x10,
        mut x11,
        mut x12,
        mut x13,
        mut x14,
        mut x15,
    ] = *x;
    macro_rules! quarter_round {
        ($a:ident, $b:ident, $c:ident, $d:ident) => {
            $b ^= $a.wrapping_add($d).rotate_left(7);
            $c ^= $b.wrapping_add($a).rotate_left(9);
            $d ^= $c.wrapping_add($b).rotate_left(13);
            $a ^= $d.wrapping_add($c).rotate_left(18);
        };
    }
    for _ in 0..4 {
        quarter_round!(x0, x4, x8, x12);
        quarter_round!(x5, x9, x13, x1);
        quarter_round!(x10, x14, x2, x6);
        quarter_round!(x15, x3, x7, x11);
        quarter_round!(x0, x1, x2, x3);
        quarter_round!(x5, x6, x7, x4);
        quarter_round!(x10, x11, x8, x9);
        quarter_round!(x15, x12, x13, x14);
    }
    let mixed = [x0, x1, x2, x3, x4, x5, x6, x7, x8, x9, x10, x11, x12, x13, x14, x15];
    for (x, mixed) in x.iter_mut().zip(mixed) {
        *x = x.wrapping_add(mixed);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bytes(hex: &str) -> Vec<u8> {
        let digits: Vec<_> = hex.chars().filter_map(|c| c.to_digit(16)).collect();
        digits.chunks(2).map(|pair| (pair[0] * 16 + pair[1]) as u8).collect()
    }

    fn words(hex: &str) -> Vec<u32> {
        bytes(hex)
            .as_chunks()
            .0
            .iter()
            .map(|word| u32::from_le_bytes(*word))
            .collect()
    }

    #[test]
    fn r4_3_salsa20_8_matches_the_vector_of_rfc_7914_section_8() {
        let mut x: [u32; CHUNK] = words(
            "7e879a21 4f3ec986 7ca940e6 41718f26 baee555b 8c61c1b5 0df84611 6dcd3b1d
             ee24f319 df9b3d85 14121e4b 5ac5aa32 76021d29 09c74829 edebc68d b8b8c25e",
        )
        .try_into()
        .unwrap();
        salsa20_8(&mut x, &[0; CHUNK]);
        let expected = words(
            "a41f859c 6608cc99 3b81cacb 020cef05 044b2181 a2fd337d fd7b1c63 96682f29
             b4393168 e3c9e6bc fe6bc5b7 a06d96ba e424cc10 2c91745c 24ad673d c7618f81",
        );
        assert_eq!(x.as_slice(), expected);
    }

    #[test]
    fn r4_3_scrypt_matches_the_vector_of_rfc_7914_section_12() {
        let mut key = [0; 64];
        scrypt(b"pleaseletmein", b"SodiumChloride", &mut key);
        let expected = bytes(
            "70 23 bd cb 3a fd 73 48 46 1c 06 cd 81 fd 38 eb fd a8 fb ba 90 4f 8e 3e a9 b5 43 f6 54 5d a1 f2
             d5 43 29 55 61 3f 0f cf 62 d4 97 05 24 2a 9a f9 e6 1e 85 dc 0d 65 1e 40 df cf 01 7b 45 57 58 87",
        );
        assert_eq!(key.as_slice(), expected);
    }

    #[test]
    #[ignore = "a measurement, not a test"]
    fn derivation_time() {
        let params = ::scrypt::Params::new(N.ilog2() as u8, R as u32, P as u32).unwrap();
        let minimum = |derive: &dyn Fn(&mut [u8])| {
            let times = (0..50).map(|_| {
                let started = std::time::Instant::now();
                derive(&mut [0; 32]);
                started.elapsed()
            });
            times.min().unwrap()
        };
        println!("this module  {:?}", minimum(&|key| scrypt(b"password", b"salt", key)));
        let theirs = minimum(&|key| ::scrypt::scrypt(b"password", b"salt", &params, key).unwrap());
        println!("scrypt crate {theirs:?}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(8))]
        #[test]
        fn r4_3_keys_equal_those_of_the_scrypt_crate(password in any::<Vec<u8>>(), salt in any::<[u8; 16]>()) {
            let params = ::scrypt::Params::new(N.ilog2() as u8, R as u32, P as u32).unwrap();
            let (mut ours, mut theirs) = ([0; 32], [0; 32]);
            scrypt(&password, &salt, &mut ours);
            ::scrypt::scrypt(&password, &salt, &params, &mut theirs).unwrap();
            prop_assert_eq!(ours, theirs);
        }
    }
}
