//! Maps the errors of a platform to error codes: by type, error name and number, never by message text.

use super::KeyringError;
use crate::error::Code;
use crate::telemetry::notices::{NoticeKind, notice};

/// What an error of a platform means for the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ErrorKind {
    /// There is no such entry: the call returns `None` or `false`. The Secret Service has no such error, because it returns
    /// lists.
    #[cfg_attr(not(any(test, windows, target_os = "macos")), allow(dead_code))]
    NotFound,
    /// The keyring cannot be reached. One that answered before in this process is `UNAVAILABLE`, not absent.
    Unreachable,
    /// The item was deleted during the call. Another search finds the current items.
    #[cfg_attr(any(windows, target_os = "macos"), allow(dead_code))]
    ItemDeleted,
    /// The session has ended. Another attempt needs a new one.
    #[cfg_attr(any(windows, target_os = "macos"), allow(dead_code))]
    SessionExpired,
    /// The keyring answered with an error.
    Failed(Code),
}

impl ErrorKind {
    /// Returns the error that the caller sees. `message` is a sentence without a secret.
    pub(crate) fn into_error(self, message: impl Into<String>) -> KeyringError {
        match self {
            ErrorKind::Unreachable => KeyringError::absent(message),
            ErrorKind::Failed(code) => KeyringError::failed(code, message),
            ErrorKind::NotFound | ErrorKind::ItemDeleted | ErrorKind::SessionExpired => {
                KeyringError::failed(Code::Unavailable, message)
            }
        }
    }
}

/// Emits the notice, once per process, that a dialog of the keyring was refused or not answered.
#[cfg(any(
    test,
    windows,
    target_os = "macos",
    all(unix, not(any(target_vendor = "apple", target_os = "android")))
))]
pub(crate) fn notice_refusal() {
    notice(
        NoticeKind::KeyringRefused,
        Code::Locked,
        "A dialog of the keyring was refused or not answered. This process shows no other until the keyring is unlocked.",
        Code::Locked.remediation(),
    );
}

/// Maps D-Bus error names: those of the Secret Service, of the bus and of gnome-keyring.
/// <https://specifications.freedesktop.org/secret-service-spec/latest/errors.html>, `dbus-protocol.h`
#[cfg(any(test, all(unix, not(any(target_vendor = "apple", target_os = "android")))))]
pub(crate) fn dbus_error(name: &str) -> ErrorKind {
    use ErrorKind::{Failed, ItemDeleted, SessionExpired, Unreachable};
    if let Some(rest) = name.strip_prefix("org.freedesktop.DBus.Error.") {
        return match rest {
            "ServiceUnknown" | "NameHasNoOwner" | "NoServer" | "NoNetwork" | "Disconnected" | "BadAddress"
            | "FileNotFound" => Unreachable,
            // The bus could not start the service, so there is none here.
            _ if rest.starts_with("Spawn.") => Unreachable,
            // The bus reports NoReply when the daemon died during the call.
            "NoReply" | "IOError" => SessionExpired,
            "UnknownObject" | "UnknownMethod" | "UnknownInterface" => ItemDeleted,
            "Timeout" | "TimedOut" => Failed(Code::Timeout),
            "AccessDenied" | "AuthFailed" | "InteractiveAuthorizationRequired" => Failed(Code::Denied),
            _ => Failed(Code::Unavailable),
        };
    }
    match name {
        "org.freedesktop.Secret.Error.IsLocked" => Failed(Code::Locked),
        "org.freedesktop.Secret.Error.NoSession" => SessionExpired,
        "org.freedesktop.Secret.Error.NoSuchObject" => ItemDeleted,
        "org.gnome.keyring.Error.Denied" => Failed(Code::Denied),
        _ => Failed(Code::Unavailable),
    }
}

/// Maps errors of zbus, with a sentence about each. The sentence may name the error, but never holds message text of another
/// program, which may be anything.
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
            ErrorKind::Unreachable,
            format!("The D-Bus session bus cannot be reached: {}", error.kind()),
        ),
        zbus::Error::Address(_) => (
            ErrorKind::Unreachable,
            "The D-Bus session bus address is not valid".into(),
        ),
        zbus::Error::Handshake(_) => (
            ErrorKind::Unreachable,
            "The D-Bus session bus refused the connection".into(),
        ),
        zbus::Error::Unsupported => (
            ErrorKind::Unreachable,
            "The D-Bus session bus address has an unknown transport".into(),
        ),
        _ => (
            ErrorKind::Failed(Code::Unavailable),
            "The keyring service sent an invalid reply".into(),
        ),
    }
}

/// Maps results of the macOS Security framework (`SecBase.h`, `Authorization.h`, `MacErrors.h`).
#[cfg(any(test, target_os = "macos"))]
pub(crate) fn os_status(status: i32) -> ErrorKind {
    use ErrorKind::{Failed, NotFound, Unreachable};
    match status {
        -25300 => NotFound,                               // errSecItemNotFound
        -128 | -60006 => Failed(Code::Denied),            // userCanceledErr, errAuthorizationCanceled
        -25293 | -60005 => Failed(Code::Denied),          // errSecAuthFailed, errAuthorizationDenied
        -61 | -25243 | -25244 => Failed(Code::Denied),    // wrPermErr, errSecNoAccessForItem, errSecInvalidOwnerEdit
        -25292 | -34018 => Failed(Code::Denied),          // errSecReadOnly, errSecMissingEntitlement
        -25308 | -25315 | -60007 => Failed(Code::Locked), // no dialog is allowed: ssh, launchd, a locked screen
        -25320 => Failed(Code::Locked),                   // errSecInDarkWake
        -26275 => Failed(Code::Corrupt),                  // errSecDecode
        -25291 | -25294 | -25295 | -25307 => Unreachable, // not available, no such, invalid, no default keychain
        _ => Failed(Code::Unavailable),
    }
}

/// Maps Windows system error codes, as Credential Manager returns them (`winerror.h`).
#[cfg(any(test, windows))]
pub(crate) fn windows_error(code: u32) -> ErrorKind {
    use ErrorKind::{Failed, NotFound, Unreachable};
    match code {
        1168 => NotFound,                 // ERROR_NOT_FOUND
        5 | 1223 => Failed(Code::Denied), // ERROR_ACCESS_DENIED, ERROR_CANCELLED
        1460 => Failed(Code::Timeout),    // ERROR_TIMEOUT
        // ERROR_NO_SUCH_LOGON_SESSION (ssh, services), ERROR_SERVICE_DISABLED, ERROR_SERVICE_NOT_ACTIVE,
        // RPC_S_SERVER_UNAVAILABLE, ERROR_CALL_NOT_IMPLEMENTED
        1312 | 1058 | 1062 | 1722 | 120 => Unreachable,
        _ => Failed(Code::Unavailable),
    }
}

/// Maps errors of the keyring family. `platform` is the meaning of the platform's own error number, which is more precise.
#[cfg(any(test, windows))]
pub(crate) fn keyring_core_error(error: &keyring_core::Error, platform: Option<ErrorKind>) -> ErrorKind {
    use ErrorKind::{Failed, NotFound, Unreachable};
    use keyring_core::Error;
    match error {
        Error::NoEntry => NotFound,
        Error::PlatformFailure(_) => platform.unwrap_or(Failed(Code::Unavailable)),
        Error::NoStorageAccess(_) => platform.unwrap_or(Failed(Code::Locked)),
        Error::BadEncoding(_) | Error::BadDataFormat(..) | Error::BadStoreFormat(_) => Failed(Code::Corrupt),
        // The store writes its file instead, as for every keyring that cannot store a value.
        Error::TooLong(..) => Failed(Code::Unavailable),
        Error::Invalid(..) => Failed(Code::Corrupt),
        Error::Ambiguous(_) => Failed(Code::Corrupt),
        Error::NoDefaultStore => Unreachable,
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
    fn r6_d_bus_error_names_are_mapped() {
        let table = [
            ("org.freedesktop.Secret.Error.IsLocked", ErrorKind::Failed(Code::Locked)),
            ("org.freedesktop.Secret.Error.NoSession", ErrorKind::SessionExpired),
            ("org.freedesktop.Secret.Error.NoSuchObject", ErrorKind::ItemDeleted),
            ("org.gnome.keyring.Error.Denied", ErrorKind::Failed(Code::Denied)),
            ("org.freedesktop.DBus.Error.ServiceUnknown", ErrorKind::Unreachable),
            ("org.freedesktop.DBus.Error.NameHasNoOwner", ErrorKind::Unreachable),
            ("org.freedesktop.DBus.Error.NoServer", ErrorKind::Unreachable),
            ("org.freedesktop.DBus.Error.NoNetwork", ErrorKind::Unreachable),
            ("org.freedesktop.DBus.Error.Disconnected", ErrorKind::Unreachable),
            ("org.freedesktop.DBus.Error.BadAddress", ErrorKind::Unreachable),
            ("org.freedesktop.DBus.Error.FileNotFound", ErrorKind::Unreachable),
            (
                "org.freedesktop.DBus.Error.Spawn.ServiceNotFound",
                ErrorKind::Unreachable,
            ),
            ("org.freedesktop.DBus.Error.Spawn.ChildExited", ErrorKind::Unreachable),
            ("org.freedesktop.DBus.Error.NoReply", ErrorKind::SessionExpired),
            ("org.freedesktop.DBus.Error.IOError", ErrorKind::SessionExpired),
            ("org.freedesktop.DBus.Error.UnknownObject", ErrorKind::ItemDeleted),
            ("org.freedesktop.DBus.Error.UnknownMethod", ErrorKind::ItemDeleted),
            ("org.freedesktop.DBus.Error.UnknownInterface", ErrorKind::ItemDeleted),
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
            ("com.example.Unknown", ErrorKind::Failed(Code::Unavailable)),
        ];
        for (name, kind) in table {
            assert_eq!(dbus_error(name), kind, "{name}");
        }
    }

    #[cfg(all(unix, not(any(target_vendor = "apple", target_os = "android"))))]
    #[test]
    fn r6_errors_of_the_d_bus_library_are_mapped_without_message_text_of_other_programs() {
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
            (Bus::InputOutput(io()), ErrorKind::Unreachable),
            (Bus::Connection(io(), refused()), ErrorKind::Unreachable),
            (Bus::Address(text()), ErrorKind::Unreachable),
            (Bus::Handshake(text()), ErrorKind::Unreachable),
            (Bus::Unsupported, ErrorKind::Unreachable),
            (
                method_error("org.freedesktop.Secret.Error.IsLocked"),
                ErrorKind::Failed(Code::Locked),
            ),
            (
                method_error("org.freedesktop.DBus.Error.ServiceUnknown"),
                ErrorKind::Unreachable,
            ),
            (Bus::FDO(Box::new(Fdo::NoReply(text()))), ErrorKind::SessionExpired),
            (
                Bus::FDO(Box::new(Fdo::ZBus(Bus::InputOutput(io())))),
                ErrorKind::Unreachable,
            ),
            (Bus::InvalidReply, ErrorKind::Failed(Code::Unavailable)),
            (Bus::Failure(text()), ErrorKind::Failed(Code::Unavailable)),
            (Bus::IncorrectType, ErrorKind::Failed(Code::Unavailable)),
        ];
        for (error, kind) in buses {
            let (found, what) = zbus_error(&error);
            assert_eq!(found, kind, "{error:?}");
            assert!(!what.contains("sk-live"), "{what}");
        }
    }

    #[test]
    fn r6_every_mac_os_status_is_mapped() {
        let table = BTreeMap::from([
            (-25300, ErrorKind::NotFound),
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
            (-25291, ErrorKind::Unreachable),
            (-25294, ErrorKind::Unreachable),
            (-25295, ErrorKind::Unreachable),
            (-25307, ErrorKind::Unreachable),
            (-50, ErrorKind::Failed(Code::Unavailable)),
        ]);
        for (status, kind) in table {
            assert_eq!(os_status(status), kind, "{status}");
        }
    }

    #[test]
    fn r6_every_windows_error_is_mapped() {
        let table = BTreeMap::from([
            (1168, ErrorKind::NotFound),
            (5, ErrorKind::Failed(Code::Denied)),
            (1223, ErrorKind::Failed(Code::Denied)),
            (1460, ErrorKind::Failed(Code::Timeout)),
            (1312, ErrorKind::Unreachable),
            (1058, ErrorKind::Unreachable),
            (1062, ErrorKind::Unreachable),
            (1722, ErrorKind::Unreachable),
            (120, ErrorKind::Unreachable),
            (87, ErrorKind::Failed(Code::Unavailable)),
        ]);
        for (code, kind) in table {
            assert_eq!(windows_error(code), kind, "{code}");
        }
    }

    #[test]
    fn r6_every_error_of_the_keyring_family_is_mapped() {
        let other = || -> keyring_core::error::PlatformError { Box::new(std::io::Error::other("inside")) };
        let table = [
            (Core::NoEntry, ErrorKind::NotFound),
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
            (Core::NoDefaultStore, ErrorKind::Unreachable),
            (
                Core::NotSupportedByStore("x".into()),
                ErrorKind::Failed(Code::Unavailable),
            ),
        ];
        for (error, kind) in table {
            assert_eq!(keyring_core_error(&error, None), kind, "{error}");
        }
        // The platform's error number takes precedence over the family's error type.
        for error in [Core::PlatformFailure(other()), Core::NoStorageAccess(other())] {
            assert_eq!(
                keyring_core_error(&error, Some(ErrorKind::Failed(Code::Denied))),
                ErrorKind::Failed(Code::Denied)
            );
        }
    }

    #[test]
    fn r6_an_error_kind_becomes_the_error_that_the_caller_sees() {
        assert!(matches!(
            ErrorKind::Unreachable.into_error("x"),
            KeyringError::Absent(_)
        ));
        for code in Code::ALL {
            assert_eq!(ErrorKind::Failed(code).into_error("x").error().code(), code);
        }
        for kind in [ErrorKind::SessionExpired, ErrorKind::ItemDeleted, ErrorKind::NotFound] {
            assert_eq!(kind.into_error("x"), KeyringError::failed(Code::Unavailable, "x"));
        }
    }
}
