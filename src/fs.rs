//! Files, without any knowledge of what is in them.
//!
//! - [`atomic`]: writes a file as a whole
//! - [`directory_lock`]: a lock for short updates of a directory
//! - [`executor`]: where blocking file operations run
//! - [`lock`]: locks between processes
//! - [`paths`]: the data directory and `~`
//! - [`read`]: bounded reads
//! - [`sweep`]: removes what crashed processes left behind
//! - [`text_file`]: small plain text files
//! - [`io_error`]: error codes of I/O errors

pub mod atomic;
pub mod directory_lock;
pub mod executor;
pub mod io_error;
pub mod lock;
pub mod paths;
pub mod read;
pub mod sweep;
pub mod text_file;
