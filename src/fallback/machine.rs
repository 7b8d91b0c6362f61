//! The identity of the host and its user, from which the passwords of the files are built.

use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::envelope::Version;
use super::machine_secret::MachineSecret;
use crate::text::hex;

/// A password that a key is derived from. Wiped on drop.
pub(super) type Password = Zeroizing<String>;

/// Length of a password id, in bytes.
pub(super) const PASSWORD_ID_LEN: usize = 16;

/// Host and user name, as `os.hostname()` and `os.userInfo().username` of Node.js return them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostIdentity {
    /// The host's name.
    pub hostname: String,
    /// The user name. Without one, the uid in decimal digits, or `unknown`.
    pub username: String,
}

impl HostIdentity {
    /// Returns the lower-case hexadecimal SHA-256 of the host name followed directly by the user name.
    pub fn machine_id(&self) -> String {
        hex(&Sha256::new()
            .chain_update(&self.hostname)
            .chain_update(&self.username)
            .finalize())
    }

    /// Returns the password of a file: `<service>-<machineId>` for version 1, without a machine secret;
    /// `<machineSecretHex>|<service>|<machineId>` for version 2.
    pub(super) fn password(&self, service: &str, secret: Option<&MachineSecret>) -> Password {
        match secret {
            None => concat(&[service, "-", &self.machine_id()]),
            Some(secret) => {
                let secret = Zeroizing::new(hex(secret.expose()));
                concat(&[&secret, "|", service, "|", &self.machine_id()])
            }
        }
    }

    /// Returns the id of the password of this host and user: a hash that identifies the password without revealing it.
    pub(super) fn password_id(&self, service: &str, secret: Option<&MachineSecret>) -> [u8; PASSWORD_ID_LEN] {
        let (version, secret_id) = match secret {
            None => (1, None),
            Some(secret) => (2, Some(*secret.section_key(service).id())),
        };
        let hash = Sha256::new()
            .chain_update([version])
            .chain_update(secret_id.as_ref().map_or(&[][..], |id| id))
            .chain_update(self.machine_id())
            .finalize();
        std::array::from_fn(|at| hash[at])
    }
}

/// Returns the version of a file that is sealed with this machine secret; version 1 without one.
pub(super) fn version(secret: Option<&MachineSecret>) -> Version {
    match secret {
        None => Version::V1,
        Some(_) => Version::V2,
    }
}

/// Returns the other names that the current user may have been given: the name in the system's user database, `unknown`, and
/// the uid in decimal digits. Runtimes disagree on the name when the environment does not set one.
pub fn other_usernames() -> Vec<String> {
    let uid = uid();
    let mut names: Vec<String> = uid
        .and_then(|uid| {
            let users = std::fs::read_to_string("/etc/passwd").ok()?;
            name_of_uid(&users, uid)
        })
        .into_iter()
        .collect();
    names.push("unknown".to_owned());
    names.extend(uid.map(|uid| uid.to_string()));
    names
}

/// Returns the name of a user in the text of `/etc/passwd`.
fn name_of_uid(users: &str, uid: u32) -> Option<String> {
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next().filter(|name| !name.is_empty())?;
        (fields.nth(1)?.parse() == Ok(uid)).then(|| name.to_owned())
    })
}

#[cfg(unix)]
fn uid() -> Option<u32> {
    Some(rustix::process::getuid().as_raw())
}

#[cfg(not(unix))]
fn uid() -> Option<u32> {
    None
}

/// Concatenates the parts into one buffer of the right size. A buffer that grows would leave copies in freed memory.
fn concat(parts: &[&str]) -> Password {
    Zeroizing::new(parts.concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r4_3_the_name_of_a_uid_is_found_in_the_user_database() {
        let users = "root:x:0:0:root:/root:/bin/bash\n# comment\nbroken\n+::::::\n:x:7:\nalice:x:1000:1000::/home/a:\n";
        assert_eq!(name_of_uid(users, 0).as_deref(), Some("root"));
        assert_eq!(name_of_uid(users, 1000).as_deref(), Some("alice"));
        for uid in [1, 7, 100] {
            assert_eq!(name_of_uid(users, uid), None);
        }
    }

    #[cfg(unix)]
    #[test]
    fn r4_3_the_uid_and_unknown_are_other_names_of_the_user() {
        let names = other_usernames();
        let uid = rustix::process::getuid().as_raw().to_string();
        assert!(
            names.contains(&"unknown".to_owned()) && names.contains(&uid),
            "{names:?}"
        );
    }

    #[test]
    fn r4_3_password_ids_differ_by_version_host_user_and_machine_secret() {
        let identity = |hostname: &str, username: &str| HostIdentity {
            hostname: hostname.to_owned(),
            username: username.to_owned(),
        };
        let (one, two) = (MachineSecret::new(&[1; 32]), MachineSecret::new(&[2; 32]));
        let ids = [
            identity("a", "b").password_id("s", None),
            identity("a", "b").password_id("s", Some(&one)),
            identity("a", "b").password_id("s", Some(&two)),
            identity("a", "c").password_id("s", Some(&one)),
            identity("c", "b").password_id("s", Some(&one)),
        ];
        let distinct: std::collections::HashSet<_> = ids.iter().collect();
        assert_eq!(distinct.len(), ids.len());
        assert_eq!(ids[1], identity("a", "b").password_id("s", Some(&one)));
    }
}
