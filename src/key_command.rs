//! The `/key` command: what is typed, what it does, what is offered while typing, and what of it may be shown.

pub mod complete;
pub mod mask;
pub mod parse;
pub mod run;
pub mod secure_input;
#[cfg(test)]
mod testing;

pub use complete::{SavedNames, Suggestion};
pub use parse::{Invocation, Subcommand, parse};
pub use run::{Answer, Context, KeyCommand};
pub use secure_input::SecureInputHandler;
