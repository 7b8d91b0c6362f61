//! Where the session bus listens, from what the environment says.

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::keyring::os::Environment;

/// The addresses to consider, best first; the caller takes the first one that is explicit, exists or was reached before.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Candidate {
    /// `DBUS_SESSION_BUS_ADDRESS`: the user's word, taken as it is.
    Explicit(String),
    /// A socket that may be there.
    Socket(PathBuf),
}

impl Candidate {
    /// The address in D-Bus form.
    pub(super) fn address(&self) -> String {
        match self {
            Candidate::Explicit(address) => address.clone(),
            Candidate::Socket(path) => format!("unix:path={}", escaped(path)),
        }
    }
}

/// `DBUS_SESSION_BUS_ADDRESS` (an empty one means no bus), else `<runtime_dir>/bus`, else `/run/user/<uid>/bus`, where
/// systemd puts it.
pub(super) fn candidates(environment: &Environment, uid: u32) -> Vec<Candidate> {
    if let Some(address) = &environment.session_bus_address {
        return match address.trim() {
            "" => Vec::new(),
            address => vec![Candidate::Explicit(address.to_owned())],
        };
    }
    let of_the_system = PathBuf::from(format!("/run/user/{uid}/bus"));
    let mut sockets: Vec<PathBuf> = environment.runtime_dir.iter().map(|dir| dir.join("bus")).collect();
    if !sockets.contains(&of_the_system) {
        sockets.push(of_the_system);
    }
    sockets.into_iter().map(Candidate::Socket).collect()
}

/// D-Bus Specification, "Server Addresses": every other byte of a value is written as `%` and two hex digits.
fn escaped(path: &Path) -> String {
    let mut text = String::new();
    for &byte in path.as_os_str().as_bytes() {
        if byte.is_ascii_alphanumeric() || b"-_/.\\*".contains(&byte) {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("%{byte:02x}"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(address: Option<&str>, runtime_dir: Option<&str>) -> Vec<String> {
        let environment = Environment {
            session_bus_address: address.map(str::to_owned),
            runtime_dir: runtime_dir.map(PathBuf::from),
        };
        candidates(&environment, 1000).iter().map(Candidate::address).collect()
    }

    #[test]
    fn r1_an_address_that_is_given_is_the_only_one() {
        assert_eq!(
            addresses(Some("unix:abstract=/x"), Some("/run/user/7")),
            ["unix:abstract=/x"]
        );
    }

    #[test]
    fn r1_an_empty_address_means_no_bus() {
        assert!(addresses(Some(""), Some("/run/user/7")).is_empty());
        assert!(addresses(Some(" "), None).is_empty());
    }

    #[test]
    fn r1_without_an_address_the_usual_sockets_are_tried_in_order() {
        assert_eq!(
            addresses(None, Some("/tmp/rt dir")),
            ["unix:path=/tmp/rt%20dir/bus", "unix:path=/run/user/1000/bus"]
        );
        assert_eq!(addresses(None, None), ["unix:path=/run/user/1000/bus"]);
        assert_eq!(
            addresses(None, Some("/run/user/1000")),
            ["unix:path=/run/user/1000/bus"]
        );
    }
}
