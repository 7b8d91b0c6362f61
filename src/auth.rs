//! Which API key a session uses (R21–R26).
//!
//! - [`args`]: the flags on a command line; resolves nothing
//! - [`sources`]: the one table of sources, in order of precedence
//! - [`key_file`]: a key in a file of its own
//! - [`resolve`]: the key of the highest source that is there, or why there is none
//!
//! A failure is final: a named key or key file that cannot be had never lets a lower source through (R24).

pub mod args;
pub mod key_file;
pub mod resolve;
pub mod sources;

use crate::error::Error;

/// What a program that nobody can ask ends with when the key it was told to use is not to be had (R24).
pub const EXIT_CODE: u8 = 41;

/// The error of a session that has to end.
pub fn fatal(error: Error) -> Error {
    error.with_exit_code(EXIT_CODE)
}
