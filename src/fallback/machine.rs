//! Who this machine is: the identity that the passwords of the files are made of.

use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::cipher::Password;
use super::machine_secret::MachineSecret;
use crate::text::hex;

/// Host and user name, as Node's `os.hostname()` and `os.userInfo().username` say them (R4.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostIdentity {
    /// The host's name.
    pub hostname: String,
    /// The user's name; the uid as a number in text, else `unknown`, where there is no name.
    pub username: String,
}

impl HostIdentity {
    /// Lower-case hex SHA-256 of the host name followed directly by the user name (R4.3).
    pub fn machine_id(&self) -> String {
        hex(&Sha256::new()
            .chain_update(&self.hostname)
            .chain_update(&self.username)
            .finalize())
    }

    /// The password of version 1: `<service>-<machineId>`.
    pub(super) fn password_v1(&self, service: &str) -> Password {
        concat(&[service, "-", &self.machine_id()])
    }

    /// The password of version 2: `<machineSecretHex>|<service>|<machineId>`.
    pub(super) fn password_v2(&self, service: &str, secret: &MachineSecret) -> Password {
        let secret = Zeroizing::new(hex(secret.expose()));
        concat(&[&secret, "|", service, "|", &self.machine_id()])
    }
}

/// Into one buffer of the right size from the start: one that grows leaves copies behind.
fn concat(parts: &[&str]) -> Password {
    Zeroizing::new(parts.concat())
}
