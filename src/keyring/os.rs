//! The keyring of the operating system: Keychain, Credential Manager, Secret Service.

use std::path::PathBuf;
use std::time::Duration;

use super::{Batch, Keyring, KeyringError, Reply};
use crate::secret::Secret;

/// What the OS keyring needs to know of the environment; read by whoever builds it, never looked up inside.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Environment {
    /// `DBUS_SESSION_BUS_ADDRESS`, where it is set. An empty one means "no bus".
    pub session_bus_address: Option<String>,
    /// `XDG_RUNTIME_DIR`: where the bus listens when no address is given (`<dir>/bus`).
    pub runtime_dir: Option<PathBuf>,
}

/// A handle on the OS keyring with a time limit of its own. Handles on the same bus share one connection.
pub struct OsKeyring {
    environment: Environment,
    limit: Duration,
}

impl OsKeyring {
    /// A handle whose calls end after `limit`. Connects at the first call, not here.
    pub fn new(environment: Environment, limit: Duration) -> Self {
        Self { environment, limit }
    }

    fn absent<'a, T: Send + 'a>(&'a self) -> Reply<'a, T> {
        let _ = (&self.environment, self.limit);
        Box::pin(async { Err(KeyringError::absent("No OS keyring on this platform")) })
    }
}

impl Keyring for OsKeyring {
    fn get<'a>(&'a self, _service: &'a str, _account: &'a str) -> Reply<'a, Option<Secret>> {
        self.absent()
    }

    fn set<'a>(&'a self, _service: &'a str, _account: &'a str, _secret: &'a Secret) -> Reply<'a, ()> {
        self.absent()
    }

    fn delete<'a>(&'a self, _service: &'a str, _account: &'a str) -> Reply<'a, bool> {
        self.absent()
    }

    fn accounts<'a>(&'a self, _service: &'a str) -> Reply<'a, Vec<String>> {
        self.absent()
    }

    fn get_many<'a>(&'a self, _service: &'a str, accounts: &'a [String]) -> Batch<'a> {
        Box::pin(async {
            accounts
                .iter()
                .map(|_| Err(KeyringError::absent("No OS keyring on this platform")))
                .collect()
        })
    }
}
