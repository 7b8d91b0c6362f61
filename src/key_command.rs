//! The `/key` command.
//!
//! - [`parse`]: what the text after `/key` means
//! - [`run`]: what a command does and answers
//! - [`complete`]: completes the text after `/key`
//! - [`mask`]: the masked form of a key
//! - [`secure_input`]: masking of what is typed

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
