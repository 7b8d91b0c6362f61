//! The `/key` command.

pub mod mask;
pub mod parse;
