//! Notices: messages for the user, at most one of each kind per process.

use std::sync::atomic::{AtomicU32, Ordering};

use tracing::{Level, enabled, event};

use crate::error::Code;

/// The target of notices.
pub const NOTICES: &str = "securestore::notices";

/// What a notice is about. Each kind is emitted at most once per process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NoticeKind {
    /// Access to the keyring was refused, so it is not called again.
    KeyringRefused,
    /// Files are used because there is no keyring.
    FilesOnly,
    /// Envelopes of version 1 are written because there is no machine secret.
    NoMachineSecret,
    /// An older duplicate in the keyring could not be removed without a dialog.
    DuplicateRemains,
    /// Keys are kept inside the project's own directory.
    KeysInProject,
}

/// The kinds that were emitted in this process, one bit each.
static EMITTED: AtomicU32 = AtomicU32::new(0);

/// Emits the event `notice`, level `warn`, unless this kind was emitted before.
///
/// Without a listener a notice does not count as emitted. The texts must not name a key or contain a secret.
pub fn notice(kind: NoticeKind, code: Code, message: &str, remediation: &str) {
    if !enabled!(target: NOTICES, Level::WARN) {
        return;
    }
    let bit = 1 << kind as u32;
    if EMITTED.fetch_or(bit, Ordering::Relaxed) & bit == 0 {
        let code = code.as_str();
        event!(name: "notice", target: NOTICES, Level::WARN, { code, message, remediation });
    }
}
