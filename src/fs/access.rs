//! Checks whether files can be created in a directory, without creating one.

use std::path::Path;

use crate::error::Result;

/// Checks that files can be created in a directory or, if it does not exist, in the nearest parent that exists. Blocks.
///
/// # Errors
///
/// `DENIED` or `UNAVAILABLE`. The message names the existing directory.
#[cfg(unix)]
pub fn check_writable(directory: &Path) -> Result<()> {
    use rustix::fs::Access;
    use rustix::io::Errno;

    for directory in directory.ancestors() {
        match rustix::fs::access(directory, Access::WRITE_OK | Access::EXEC_OK) {
            Ok(()) => return Ok(()),
            Err(Errno::NOENT) => (),
            Err(error) => return Err(super::io_error::io_error("write to", directory, &error.into())),
        }
    }
    Ok(())
}

/// Checks nothing: on Windows, only an attempt shows whether a file can be created.
#[cfg(not(unix))]
pub fn check_writable(_directory: &Path) -> Result<()> {
    Ok(())
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use crate::error::Code;

    #[test]
    fn a_directory_below_a_file_is_not_writable_and_one_that_can_be_created_is() {
        let home = tempfile::tempdir().unwrap();
        assert_eq!(check_writable(&home.path().join("new/directory")), Ok(()));
        assert!(!home.path().join("new").exists());
        std::fs::write(home.path().join("file"), "").unwrap();
        let error = check_writable(&home.path().join("file/directory")).unwrap_err();
        assert_eq!(error.code(), Code::Unavailable);
        assert!(error.message().starts_with("Cannot write to "), "{error}");
    }
}
