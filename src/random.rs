//! Random bytes.

/// Returns `N` random bytes from the operating system's generator.
///
/// # Errors
///
/// The error of the generator.
pub fn random_bytes<const N: usize>() -> Result<[u8; N], getrandom::Error> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)?;
    Ok(bytes)
}
