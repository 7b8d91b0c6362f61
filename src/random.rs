//! Random bytes of the operating system.

/// Returns `N` random bytes of the operating system's generator.
///
/// # Errors
///
/// Fails when the system has no random numbers to give.
pub fn random_bytes<const N: usize>() -> Result<[u8; N], getrandom::Error> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)?;
    Ok(bytes)
}
