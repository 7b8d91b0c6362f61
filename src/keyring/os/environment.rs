//! The environment of the OS keyring.

use std::path::PathBuf;

/// The part of the environment that the OS keyring depends on. The caller reads it; this module never does.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Environment {
    /// `DBUS_SESSION_BUS_ADDRESS`, if it is set. An empty one means "no bus".
    pub session_bus_address: Option<String>,
    /// `XDG_RUNTIME_DIR`. Without an address the bus listens at `<dir>/bus`.
    pub runtime_dir: Option<PathBuf>,
}
