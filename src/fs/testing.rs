//! Creates files for the tests of several modules.

use std::path::Path;
use std::process::Command;

/// Creates a named pipe. Runs a program, because `rustix` cannot create one on macOS.
pub fn make_pipe(path: &Path) {
    let status = Command::new("mkfifo").arg(path).status().expect("mkfifo is installed");
    assert!(status.success(), "mkfifo: {status}");
}
