//! Files, without any knowledge of their content.
//!
//! - [`access`]: whether a directory is writable
//! - [`atomic`]: atomic writes
//! - [`directory_lock`]: a lock for short updates of a directory
//! - [`executor`]: where blocking file operations run
//! - [`io_error`]: error codes of I/O errors
//! - [`lock`]: locks on keys, between processes
//! - [`paths`]: the data directory and `~`
//! - [`read`]: bounded reads
//! - [`sweep`]: removal of the temporary files of crashed processes
//! - [`text_file`]: small plain text files

pub mod access;
pub mod atomic;
pub mod directory_lock;
pub mod executor;
pub mod io_error;
pub mod lock;
pub mod paths;
pub mod read;
pub mod sweep;
#[cfg(all(test, unix))]
pub(crate) mod testing;
pub mod text_file;
