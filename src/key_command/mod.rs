//! The `/key` command.

pub mod mask;
pub mod parse;
pub mod secure_input;
#[cfg(test)]
mod secure_input_tests;
