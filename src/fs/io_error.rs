//! Maps I/O errors to error codes.

use std::io;
use std::path::Path;

use crate::error::{Code, Error};

/// Returns the error of a failed operation on a file. `operation` is a verb, such as "write". The message holds the path and
/// the system's message.
///
/// EACCES and EPERM are `DENIED`. All other errors, such as ENOSPC, EIO or EROFS, are `UNAVAILABLE`.
pub fn io_error(operation: &str, path: &Path, error: &io::Error) -> Error {
    let message = format!("Cannot {operation} {}: {error}", path.display());
    match error.kind() {
        io::ErrorKind::PermissionDenied => Error::new(Code::Denied, message),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            let usual = Code::Unavailable.remediation();
            Error::new(Code::Unavailable, message).with_remediation(format!("Free some disk space. Otherwise: {usual}"))
        }
        _ => Error::new(Code::Unavailable, message),
    }
}

/// Returns the error of a file operation whose thread ended without a result.
pub fn interrupted() -> Error {
    Error::new(Code::Unavailable, "The file operation was interrupted")
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn r6_permission_errors_are_denied_all_others_unavailable_and_the_systems_message_is_kept() {
        use rustix::io::Errno;
        for (errno, code) in [
            (Errno::ACCESS, Code::Denied),
            (Errno::PERM, Code::Denied),
            (Errno::NOSPC, Code::Unavailable),
            (Errno::IO, Code::Unavailable),
            (Errno::ROFS, Code::Unavailable),
            (Errno::ISDIR, Code::Unavailable),
        ] {
            let system = io::Error::from(errno);
            let error = io_error("write", Path::new("/x/y.enc"), &system);
            assert_eq!(error.code(), code);
            assert!(error.message().contains(&system.to_string()) && error.message().contains("/x/y.enc"));
            assert!(error.remediation().contains(code.remediation()));
            assert_eq!(error.remediation().contains("disk space"), errno == Errno::NOSPC);
        }
    }
}
