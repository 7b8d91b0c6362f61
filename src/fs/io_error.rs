//! From an I/O error to a code: the one place where that is decided (R6).

use std::io;
use std::path::Path;

use crate::error::{Code, Error};

/// `what` names the attempt ("write", "list", …). The system's own words and the path are in the message.
///
/// EACCES and EPERM are `DENIED`; everything else, such as ENOSPC, EIO or EROFS, is `UNAVAILABLE`.
pub fn io_error(what: &str, path: &Path, error: &io::Error) -> Error {
    let message = format!("Cannot {what} {}: {error}", path.display());
    match error.kind() {
        io::ErrorKind::PermissionDenied => Error::new(Code::Denied, message),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            let usual = Code::Unavailable.remediation();
            Error::new(Code::Unavailable, message).with_remediation(format!("Free some disk space. Else: {usual}"))
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
    fn r6_refusals_are_denied_and_everything_else_is_unavailable_in_the_systems_words() {
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
        }
    }
}
