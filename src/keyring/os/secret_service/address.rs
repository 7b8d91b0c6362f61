//! D-Bus addresses: where the session bus listens, according to the environment.
//! <https://dbus.freedesktop.org/doc/dbus-specification.html#addresses>

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use crate::keyring::os::Environment;

/// A place where the session bus may listen. Candidates are tried in order; the first one is used that is explicit, exists
/// or was reached before.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Candidate {
    /// The value of `DBUS_SESSION_BUS_ADDRESS`, which the user chose.
    Explicit(String),
    /// A socket that may exist.
    Socket(PathBuf),
}

/// One address of a list.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Address {
    /// A Unix socket. The name of an abstract socket starts with a NUL byte.
    Unix(OsString),
    /// Any other transport, in D-Bus form.
    Other(String),
}

impl Candidate {
    /// Returns the address in D-Bus form.
    pub(super) fn address(&self) -> String {
        match self {
            Candidate::Explicit(address) => address.clone(),
            Candidate::Socket(path) => format!("unix:path={}", escape(path)),
        }
    }
}

/// Returns `DBUS_SESSION_BUS_ADDRESS` if it is set (an empty one means that there is no bus). Otherwise returns
/// `<runtime_dir>/bus` and `/run/user/<uid>/bus`, where systemd puts the socket.
pub(super) fn candidates(environment: &Environment, uid: u32) -> Vec<Candidate> {
    if let Some(address) = &environment.session_bus_address {
        return match address.trim() {
            "" => Vec::new(),
            address => vec![Candidate::Explicit(address.to_owned())],
        };
    }
    let system_socket = PathBuf::from(format!("/run/user/{uid}/bus"));
    let mut sockets: Vec<PathBuf> = environment.runtime_dir.iter().map(|dir| dir.join("bus")).collect();
    if !sockets.contains(&system_socket) {
        sockets.push(system_socket);
    }
    sockets.into_iter().map(Candidate::Socket).collect()
}

/// Splits a list of addresses. The path of a Unix socket is decoded here, because zbus does not decode it.
pub(super) fn parse_list(addresses: &str) -> Vec<Address> {
    let addresses = addresses.split(';').filter(|address| !address.is_empty());
    addresses
        .map(|address| parse_unix(address).unwrap_or_else(|| Address::Other(address.to_owned())))
        .collect()
}

/// Returns the socket of a `unix:` address with a valid `path` or `abstract` key; `None` for any other address.
fn parse_unix(address: &str) -> Option<Address> {
    let mut pairs = address
        .strip_prefix("unix:")?
        .split(',')
        .map(|pair| pair.split_once('='));
    let socket = pairs.find_map(|pair| match pair? {
        ("path", value) => unescape(value),
        ("abstract", value) => Some([vec![0], unescape(value)?].concat()),
        _ => None,
    })?;
    Some(Address::Unix(OsString::from_vec(socket)))
}

/// Encodes a path: every byte that is not allowed becomes `%` and two hexadecimal digits.
fn escape(path: &Path) -> String {
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

/// Decodes a value; `None` if a `%` is not followed by two hexadecimal digits. Other characters stand for themselves, also
/// those that should have been encoded.
fn unescape(value: &str) -> Option<Vec<u8>> {
    let mut bytes = value.bytes();
    let mut decoded = Vec::with_capacity(value.len());
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            decoded.push(byte);
            continue;
        }
        let digits = [bytes.next()?, bytes.next()?];
        let digit = |byte: u8| char::from(byte).to_digit(16);
        decoded.push(u8::try_from(digit(digits[0])? * 16 + digit(digits[1])?).ok()?);
    }
    Some(decoded)
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;

    use super::*;

    fn addresses(address: Option<&str>, runtime_dir: Option<&str>) -> Vec<String> {
        let environment = Environment {
            session_bus_address: address.map(str::to_owned),
            runtime_dir: runtime_dir.map(PathBuf::from),
        };
        candidates(&environment, 1000).iter().map(Candidate::address).collect()
    }

    #[test]
    fn r1_an_explicit_address_is_the_only_candidate() {
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

    #[test]
    fn r1_the_path_of_a_socket_is_decoded_and_survives_encoding() {
        let unix = |bytes: &[u8]| Address::Unix(OsStr::from_bytes(bytes).to_owned());
        assert_eq!(parse_list("unix:path=/a%20b%25%C3%a9"), [unix("/a b%é".as_bytes())]);
        assert_eq!(
            parse_list("unix:abstract=/x%20y,guid=00;tcp:host=a,port=1;"),
            [unix(b"\0/x y"), Address::Other("tcp:host=a,port=1".to_owned())]
        );
        let odd = PathBuf::from(OsStr::from_bytes(b"/run/a b,c;d%e=\xff\n/bus"));
        let address = Candidate::Socket(odd.clone()).address();
        assert_eq!(parse_list(&address), [Address::Unix(odd.into_os_string())]);
    }

    #[test]
    fn r1_an_address_that_is_not_a_valid_socket_is_left_to_the_bus_library() {
        for address in [
            "unix:path=/a%2",
            "unix:path=/a%zz",
            "unix:runtime=yes",
            "autolaunch:",
            "nonsense",
        ] {
            assert_eq!(parse_list(address), [Address::Other(address.to_owned())], "{address}");
        }
        assert_eq!(parse_list(";"), []);
    }
}
