//! Chooses the API key of a session.
//!
//! - [`args`]: finds the flags on a command line, without resolving them
//! - [`sources`]: the table of sources, in order of precedence
//! - [`key_file`]: reads an API key from a file
//! - [`resolve`]: returns the key of the first source that is present
//!
//! A failure is final: when a named key or a key file cannot be read, no lower source is used.

pub mod args;
pub mod key_file;
pub mod resolve;
pub mod sources;

use crate::error::Error;

/// Exit code of a non-interactive run that cannot use the requested key.
pub const EXIT_CODE: u8 = 41;

/// Returns the error with [`EXIT_CODE`].
pub fn fatal(error: Error) -> Error {
    error.with_exit_code(EXIT_CODE)
}
