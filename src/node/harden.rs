//! `hardenProcess`: keeps the memory of this process from other programs of the same user, as far as the platform allows.

use napi_derive::napi;

/// See `index.d.ts`.
#[napi(object, object_from_js = false)]
pub struct HardenedProcess {
    pub debugger_denied: bool,
    pub core_dumps_disabled: bool,
}

/// See `index.d.ts`.
#[napi]
pub fn harden_process() -> HardenedProcess {
    HardenedProcess {
        debugger_denied: deny_debugger(),
        core_dumps_disabled: disable_core_dumps(),
    }
}

/// Makes `ptrace` and `/proc/<pid>/mem` unavailable to other processes of the user.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn deny_debugger() -> bool {
    use rustix::process::{DumpableBehavior, set_dumpable_behavior};
    set_dumpable_behavior(DumpableBehavior::NotDumpable).is_ok()
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn deny_debugger() -> bool {
    false
}

/// Leaves the hard limit as it is: programs that this process starts inherit both, and may raise the soft one again.
#[cfg(unix)]
fn disable_core_dumps() -> bool {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let none = Rlimit {
        current: Some(0),
        ..getrlimit(Resource::Core)
    };
    setrlimit(Resource::Core, none).is_ok()
}

#[cfg(not(unix))]
fn disable_core_dumps() -> bool {
    false
}
