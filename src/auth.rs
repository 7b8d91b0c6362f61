//! Which API key a session uses.
//!
//! - [`args`]: the flags on a command line; resolves nothing
//! - [`sources`]: the table of sources, in order of precedence
//! - [`key_file`]: an API key in a file of its own
//! - [`resolve`]: the key of the first source that is present
//!
//! A failure is final: when a named key or a key file cannot be read, no lower source is used.

pub mod args;
pub mod key_file;
pub mod resolve;
pub mod sources;

use crate::error::Error;

/// Exit code of a non-interactive run that cannot use the key it was told to use.
pub const EXIT_CODE: u8 = 41;

/// Marks an error that ends the session.
pub fn fatal(error: Error) -> Error {
    error.with_exit_code(EXIT_CODE)
}
