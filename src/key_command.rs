//! The `/key` command.
//!
//! - [`parse`]: parses the text after `/key`
//! - [`run`]: runs a command and returns its result
//! - [`complete`]: completes the text after `/key`
//! - [`mask`]: masks a key
//! - [`secure_input`]: masks the key in typed text

pub mod complete;
pub mod mask;
pub mod parse;
pub mod run;
pub mod secure_input;
#[cfg(test)]
mod testing;

pub use complete::{SavedNames, Suggestion};
pub use parse::{Invocation, Subcommand, parse};
pub use run::{CommandResult, Context, KeyCommand};
pub use secure_input::SecureInputHandler;
