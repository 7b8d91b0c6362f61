//! The kind of keyring that a file is newer than.

use serde::Deserialize;

/// A kind of keyring.
///
/// A file that is newer than a keyring's value names the kind of that keyring. It may be older than a value in a keyring of
/// the other kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyringKind {
    /// The keyring of the operating system.
    Os,
    /// A keyring that the caller injected.
    Injected,
}

impl KeyringKind {
    /// Returns the name in a file's field `newerThan`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Os => "os",
            Self::Injected => "injected",
        }
    }
}
