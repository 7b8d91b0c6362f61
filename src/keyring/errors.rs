//! The one table from what a platform says to the six codes (R6): by type, error name and number, never by message text.

use super::KeyringError;
use crate::error::Code;

/// What an error of the platform means for the call that met it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ErrorKind {
    /// No such entry: `None` or `false`, no error. The Secret Service has no such error, as it answers with lists.
    #[cfg_attr(not(any(test, windows, target_os = "macos")), allow(dead_code))]
    Missing,
    /// There is no keyring to ask. One that had answered before in this process is `UNAVAILABLE`, not absent.
    Gone,
    /// What the call named is no longer there: somebody deleted it meanwhile. Another look finds out what is.
    #[cfg_attr(any(windows, target_os = "macos"), allow(dead_code))]
    Vanished,
    /// The session the call relied on is over: another try needs a new one.
    #[cfg_attr(any(windows, target_os = "macos"), allow(dead_code))]
    Stale,
    /// The keyring is there and says no.
    Failed(Code),
}

impl ErrorKind {
    /// The error a caller sees when there is no second try. `what` is a sentence without a secret in it.
    pub(crate) fn into_error(self, what: impl Into<String>) -> KeyringError {
        match self {
            ErrorKind::Gone => KeyringError::absent(what),
            ErrorKind::Failed(code) => KeyringError::failed(code, what),
            ErrorKind::Missing | ErrorKind::Vanished | ErrorKind::Stale => {
                KeyringError::failed(Code::Unavailable, what)
            }
        }
    }
}

/// D-Bus error names: the Secret Service's own, the bus's, and gnome-keyring's.
/// <https://specifications.freedesktop.org/secret-service-spec/latest/errors.html>, `dbus-protocol.h`
#[cfg(any(test, all(unix, not(any(target_vendor = "apple", target_os = "android")))))]
pub(crate) fn dbus_error(name: &str) -> ErrorKind {
    use ErrorKind::{Failed, Gone, Stale, Vanished};
    if let Some(rest) = name.strip_prefix("org.freedesktop.DBus.Error.") {
        return match rest {
            "ServiceUnknown" | "NameHasNoOwner" | "NoServer" | "NoNetwork" | "Disconnected" | "BadAddress"
            | "FileNotFound" => Gone,
            // The bus could not start the service: there is none here.
            _ if rest.starts_with("Spawn.") => Gone,
            // The bus says NoReply when the daemon died with the call in its hands.
            "NoReply" | "IOError" => Stale,
            "UnknownObject" | "UnknownMethod" | "UnknownInterface" => Vanished,
            "Timeout" | "TimedOut" => Failed(Code::Timeout),
            "AccessDenied" | "AuthFailed" | "InteractiveAuthorizationRequired" => Failed(Code::Denied),
            _ => Failed(Code::Unavailable),
        };
    }
    match name {
        "org.freedesktop.Secret.Error.IsLocked" => Failed(Code::Locked),
        "org.freedesktop.Secret.Error.NoSession" => Stale,
        "org.freedesktop.Secret.Error.NoSuchObject" => Vanished,
        "org.gnome.keyring.Error.Denied" => Failed(Code::Denied),
        _ => Failed(Code::Unavailable),
    }
}

/// Errors of zbus, and a sentence about each. The texts of other programs stay out of it: they may hold anything.
#[cfg(all(unix, not(any(target_vendor = "apple", target_os = "android"))))]
pub(crate) fn zbus_error(error: &zbus::Error) -> (ErrorKind, String) {
    use zbus::DBusError as _;
    let named = |name: &str| (dbus_error(name), format!("The keyring service answered {name}"));
    match error {
        zbus::Error::MethodError(name, ..) => named(name.as_str()),
        zbus::Error::FDO(error) => match error.as_ref() {
            zbus::fdo::Error::ZBus(inner) => zbus_error(inner),
            error => named(error.name().as_str()),
        },
        zbus::Error::Connection(error, _) | zbus::Error::InputOutput(error) => (
            ErrorKind::Gone,
            format!("The D-Bus session bus cannot be reached: {}", error.kind()),
        ),
        zbus::Error::Address(_) => (ErrorKind::Gone, "The D-Bus session bus address is not valid".into()),
        zbus::Error::Handshake(_) => (ErrorKind::Gone, "The D-Bus session bus refused the connection".into()),
        zbus::Error::Unsupported => (
            ErrorKind::Gone,
            "The D-Bus session bus address is of no known kind".into(),
        ),
        _ => (
            ErrorKind::Failed(Code::Unavailable),
            "The keyring service gave an answer that makes no sense".into(),
        ),
    }
}

/// Results of the macOS Security framework (`SecBase.h`, `Authorization.h`, `MacErrors.h`).
#[cfg(any(test, target_os = "macos"))]
pub(crate) fn os_status(status: i32) -> ErrorKind {
    use ErrorKind::{Failed, Gone, Missing};
    match status {
        -25300 => Missing,                                // errSecItemNotFound
        -128 | -60006 => Failed(Code::Denied),            // userCanceledErr, errAuthorizationCanceled
        -25293 | -60005 => Failed(Code::Denied),          // errSecAuthFailed, errAuthorizationDenied
        -61 | -25243 | -25244 => Failed(Code::Denied),    // wrPermErr, errSecNoAccessForItem, errSecInvalidOwnerEdit
        -25292 | -34018 => Failed(Code::Denied),          // errSecReadOnly, errSecMissingEntitlement
        -25308 | -25315 | -60007 => Failed(Code::Locked), // no prompt allowed here: ssh, launchd, a locked screen
        -25320 => Failed(Code::Locked),                   // errSecInDarkWake
        -26275 => Failed(Code::Corrupt),                  // errSecDecode
        -25291 | -25294 | -25295 | -25307 => Gone,        // not available, no such, invalid, no default keychain
        _ => Failed(Code::Unavailable),
    }
}

/// Windows system error codes, as Credential Manager returns them (`winerror.h`).
#[cfg(any(test, windows))]
pub(crate) fn windows_error(code: u32) -> ErrorKind {
    use ErrorKind::{Failed, Gone, Missing};
    match code {
        1168 => Missing,                  // ERROR_NOT_FOUND
        5 | 1223 => Failed(Code::Denied), // ERROR_ACCESS_DENIED, ERROR_CANCELLED
        1460 => Failed(Code::Timeout),    // ERROR_TIMEOUT
        // ERROR_NO_SUCH_LOGON_SESSION (ssh, services), ERROR_SERVICE_DISABLED, ERROR_SERVICE_NOT_ACTIVE,
        // RPC_S_SERVER_UNAVAILABLE, ERROR_CALL_NOT_IMPLEMENTED
        1312 | 1058 | 1062 | 1722 | 120 => Gone,
        _ => Failed(Code::Unavailable),
    }
}

/// Errors of the keyring family. `platform` is what the platform's own number means, where there is one: it knows more.
#[cfg(any(test, target_os = "macos", windows))]
pub(crate) fn keyring_core_error(error: &keyring_core::Error, platform: Option<ErrorKind>) -> ErrorKind {
    use ErrorKind::{Failed, Gone, Missing};
    use keyring_core::Error;
    match error {
        Error::NoEntry => Missing,
        Error::PlatformFailure(_) => platform.unwrap_or(Failed(Code::Unavailable)),
        Error::NoStorageAccess(_) => platform.unwrap_or(Failed(Code::Locked)),
        Error::BadEncoding(_) | Error::BadDataFormat(..) | Error::BadStoreFormat(_) => Failed(Code::Corrupt),
        // The store above writes its file instead, as it does for every keyring that cannot take a value.
        Error::TooLong(..) => Failed(Code::Unavailable),
        Error::Invalid(..) => Failed(Code::Corrupt),
        Error::Ambiguous(_) => Failed(Code::Corrupt),
        Error::NoDefaultStore => Gone,
        Error::NotSupportedByStore(_) => Failed(Code::Unavailable),
        _ => Failed(Code::Unavailable),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use keyring_core::Error as Core;

    use super::*;

    #[test]
    fn r6_every_d_bus_error_name_has_its_meaning() {
        let table = [
            ("org.freedesktop.Secret.Error.IsLocked", ErrorKind::Failed(Code::Locked)),
            ("org.freedesktop.Secret.Error.NoSession", ErrorKind::Stale),
            ("org.freedesktop.Secret.Error.NoSuchObject", ErrorKind::Vanished),
            ("org.gnome.keyring.Error.Denied", ErrorKind::Failed(Code::Denied)),
            ("org.freedesktop.DBus.Error.ServiceUnknown", ErrorKind::Gone),
            ("org.freedesktop.DBus.Error.NameHasNoOwner", ErrorKind::Gone),
            ("org.freedesktop.DBus.Error.NoServer", ErrorKind::Gone),
            ("org.freedesktop.DBus.Error.NoNetwork", ErrorKind::Gone),
            ("org.freedesktop.DBus.Error.Disconnected", ErrorKind::Gone),
            ("org.freedesktop.DBus.Error.BadAddress", ErrorKind::Gone),
            ("org.freedesktop.DBus.Error.FileNotFound", ErrorKind::Gone),
            ("org.freedesktop.DBus.Error.Spawn.ServiceNotFound", ErrorKind::Gone),
            ("org.freedesktop.DBus.Error.Spawn.ChildExited", ErrorKind::Gone),
            ("org.freedesktop.DBus.Error.NoReply", ErrorKind::Stale),
            ("org.freedesktop.DBus.Error.IOError", ErrorKind::Stale),
            ("org.freedesktop.DBus.Error.UnknownObject", ErrorKind::Vanished),
            ("org.freedesktop.DBus.Error.UnknownMethod", ErrorKind::Vanished),
            ("org.freedesktop.DBus.Error.UnknownInterface", ErrorKind::Vanished),
            ("org.freedesktop.DBus.Error.Timeout", ErrorKind::Failed(Code::Timeout)),
            ("org.freedesktop.DBus.Error.TimedOut", ErrorKind::Failed(Code::Timeout)),
            (
                "org.freedesktop.DBus.Error.AccessDenied",
                ErrorKind::Failed(Code::Denied),
            ),
            ("org.freedesktop.DBus.Error.AuthFailed", ErrorKind::Failed(Code::Denied)),
            (
                "org.freedesktop.DBus.Error.InteractiveAuthorizationRequired",
                ErrorKind::Failed(Code::Denied),
            ),
            (
                "org.freedesktop.DBus.Error.Failed",
                ErrorKind::Failed(Code::Unavailable),
            ),
            (
                "org.freedesktop.DBus.Error.LimitsExceeded",
                ErrorKind::Failed(Code::Unavailable),
            ),
            ("com.example.Unheard", ErrorKind::Failed(Code::Unavailable)),
        ];
        for (name, meaning) in table {
            assert_eq!(dbus_error(name), meaning, "{name}");
        }
    }

    #[cfg(all(unix, not(any(target_vendor = "apple", target_os = "android"))))]
    #[test]
    fn r6_every_error_of_the_d_bus_crates_has_its_meaning_and_shows_no_foreign_text() {
        use std::sync::Arc;
        use zbus::Error as Bus;
        use zbus::fdo::Error as Fdo;
        let io = || Arc::new(std::io::Error::other("sk-live"));
        let text = || "sk-live".to_owned();
        let method_error = |name: &'static str| {
            let call = zbus::Message::method_call("/", "Ping").build(&());
            let name = zbus::names::OwnedErrorName::try_from(name).expect("a valid name");
            Bus::MethodError(name, Some(text()), call.expect("a message"))
        };
        let refused = || Box::new("unix:path=/sk-live".parse().expect("a valid address"));
        let buses = [
            (Bus::InputOutput(io()), ErrorKind::Gone),
            (Bus::Connection(io(), refused()), ErrorKind::Gone),
            (Bus::Address(text()), ErrorKind::Gone),
            (Bus::Handshake(text()), ErrorKind::Gone),
            (Bus::Unsupported, ErrorKind::Gone),
            (
                method_error("org.freedesktop.Secret.Error.IsLocked"),
                ErrorKind::Failed(Code::Locked),
            ),
            (
                method_error("org.freedesktop.DBus.Error.ServiceUnknown"),
                ErrorKind::Gone,
            ),
            (Bus::FDO(Box::new(Fdo::NoReply(text()))), ErrorKind::Stale),
            (Bus::FDO(Box::new(Fdo::ZBus(Bus::InputOutput(io())))), ErrorKind::Gone),
            (Bus::InvalidReply, ErrorKind::Failed(Code::Unavailable)),
            (Bus::Failure(text()), ErrorKind::Failed(Code::Unavailable)),
            (Bus::IncorrectType, ErrorKind::Failed(Code::Unavailable)),
        ];
        for (error, meaning) in buses {
            let (found, what) = zbus_error(&error);
            assert_eq!(found, meaning, "{error:?}");
            assert!(!what.contains("sk-live"), "{what}");
        }
    }

    #[test]
    fn r6_every_mac_os_status_has_its_meaning() {
        let table = BTreeMap::from([
            (-25300, ErrorKind::Missing),
            (-128, ErrorKind::Failed(Code::Denied)),
            (-60006, ErrorKind::Failed(Code::Denied)),
            (-25293, ErrorKind::Failed(Code::Denied)),
            (-60005, ErrorKind::Failed(Code::Denied)),
            (-61, ErrorKind::Failed(Code::Denied)),
            (-25243, ErrorKind::Failed(Code::Denied)),
            (-25244, ErrorKind::Failed(Code::Denied)),
            (-25292, ErrorKind::Failed(Code::Denied)),
            (-34018, ErrorKind::Failed(Code::Denied)),
            (-25308, ErrorKind::Failed(Code::Locked)),
            (-25315, ErrorKind::Failed(Code::Locked)),
            (-60007, ErrorKind::Failed(Code::Locked)),
            (-25320, ErrorKind::Failed(Code::Locked)),
            (-26275, ErrorKind::Failed(Code::Corrupt)),
            (-25291, ErrorKind::Gone),
            (-25294, ErrorKind::Gone),
            (-25295, ErrorKind::Gone),
            (-25307, ErrorKind::Gone),
            (-50, ErrorKind::Failed(Code::Unavailable)),
        ]);
        for (status, meaning) in table {
            assert_eq!(os_status(status), meaning, "{status}");
        }
    }

    #[test]
    fn r6_every_windows_error_has_its_meaning() {
        let table = BTreeMap::from([
            (1168, ErrorKind::Missing),
            (5, ErrorKind::Failed(Code::Denied)),
            (1223, ErrorKind::Failed(Code::Denied)),
            (1460, ErrorKind::Failed(Code::Timeout)),
            (1312, ErrorKind::Gone),
            (1058, ErrorKind::Gone),
            (1062, ErrorKind::Gone),
            (1722, ErrorKind::Gone),
            (120, ErrorKind::Gone),
            (87, ErrorKind::Failed(Code::Unavailable)),
        ]);
        for (code, meaning) in table {
            assert_eq!(windows_error(code), meaning, "{code}");
        }
    }

    #[test]
    fn r6_every_error_of_the_keyring_family_has_its_meaning() {
        let other = || -> keyring_core::error::PlatformError { Box::new(std::io::Error::other("inside")) };
        let table = [
            (Core::NoEntry, ErrorKind::Missing),
            (Core::PlatformFailure(other()), ErrorKind::Failed(Code::Unavailable)),
            (Core::NoStorageAccess(other()), ErrorKind::Failed(Code::Locked)),
            (Core::BadEncoding(vec![0xff]), ErrorKind::Failed(Code::Corrupt)),
            (
                Core::BadDataFormat(vec![0xff], other()),
                ErrorKind::Failed(Code::Corrupt),
            ),
            (Core::BadStoreFormat("x".into()), ErrorKind::Failed(Code::Corrupt)),
            (
                Core::TooLong("secret".into(), 2560),
                ErrorKind::Failed(Code::Unavailable),
            ),
            (
                Core::Invalid("user".into(), "empty".into()),
                ErrorKind::Failed(Code::Corrupt),
            ),
            (Core::Ambiguous(Vec::new()), ErrorKind::Failed(Code::Corrupt)),
            (Core::NoDefaultStore, ErrorKind::Gone),
            (
                Core::NotSupportedByStore("x".into()),
                ErrorKind::Failed(Code::Unavailable),
            ),
        ];
        for (error, meaning) in table {
            assert_eq!(keyring_core_error(&error, None), meaning, "{error}");
        }
        // The platform's own number wins over the family's summary.
        for error in [Core::PlatformFailure(other()), Core::NoStorageAccess(other())] {
            assert_eq!(
                keyring_core_error(&error, Some(ErrorKind::Failed(Code::Denied))),
                ErrorKind::Failed(Code::Denied)
            );
        }
    }

    #[test]
    fn r6_a_meaning_becomes_the_error_a_caller_sees() {
        assert!(matches!(ErrorKind::Gone.into_error("x"), KeyringError::Absent(_)));
        for code in Code::ALL {
            assert_eq!(ErrorKind::Failed(code).into_error("x").error().code(), code);
        }
        for meaning in [ErrorKind::Stale, ErrorKind::Vanished, ErrorKind::Missing] {
            assert_eq!(meaning.into_error("x"), KeyringError::failed(Code::Unavailable, "x"));
        }
    }
}
