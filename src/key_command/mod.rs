//! The `/key` command.

pub mod mask;
