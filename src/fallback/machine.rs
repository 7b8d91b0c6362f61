//! Who this machine is: the identity that the passwords of the files are made of.

use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::envelope::Version;
use super::machine_secret::MachineSecret;
use crate::text::hex;

/// What a key is derived from; wiped on drop.
pub(super) type Password = Zeroizing<String>;

/// Length of what identifies a password, in bytes.
pub(super) const IDENTITY_LEN: usize = 16;

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

    /// Returns the password of a file: `<service>-<machineId>` in version 1, `<machineSecretHex>|<service>|<machineId>` in
    /// version 2, which has a machine secret.
    pub(super) fn password(&self, service: &str, secret: Option<&MachineSecret>) -> Password {
        match secret {
            None => concat(&[service, "-", &self.machine_id()]),
            Some(secret) => {
                let secret = Zeroizing::new(hex(secret.expose()));
                concat(&[&secret, "|", service, "|", &self.machine_id()])
            }
        }
    }

    /// Returns what identifies the password of this host and user without giving it away.
    pub(super) fn password_id(&self, service: &str, secret: Option<&MachineSecret>) -> [u8; IDENTITY_LEN] {
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

/// The version of a file that is sealed with or without a machine secret.
pub(super) fn version(secret: Option<&MachineSecret>) -> Version {
    match secret {
        None => Version::V1,
        Some(_) => Version::V2,
    }
}

/// Returns other names of the current user: runtimes disagree where the environment names no user.
///
/// They are the name in the system's user database, `unknown`, and the uid as a number in text.
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

/// Finds a user's name in the text of `/etc/passwd`.
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

/// Concatenates into one buffer of the right size: one that grows leaves copies behind.
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

    #[test]
    fn r4_3_passwords_are_told_apart_by_version_host_user_and_machine_secret() {
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
