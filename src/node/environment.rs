//! One JavaScript environment: the main thread, or a worker. Each loads the addon for itself.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize};

use napi::Env;
use napi::bindgen_prelude::{FnArgs, Function, FunctionRef, JsObjectValue, Object, Unknown};
use napi_derive::napi;

use super::js_thread::JsThread;
use super::log::EventLog;
use crate::fallback::machine::HostIdentity;
use crate::fs::paths::{DataDirectory, DataDirectoryInputs, data_directory};
use crate::keyring::injected::Rejection;
use crate::keyring::os;
use crate::keyring::runtime_file::RuntimeFile;

/// The outcome of a call into JavaScript.
pub enum Settled<'env> {
    /// It resolved.
    Fulfilled(Unknown<'env>),
    /// It threw or rejected.
    Rejected(Rejection),
}

/// Takes the outcome of a call into JavaScript, on the JavaScript thread.
type OnSettled = Box<dyn FnOnce(&Env, Settled<'_>)>;

/// Calls into JavaScript that are under way, by their number.
#[derive(Clone, Default)]
pub struct PendingCalls(Rc<RefCell<HashMap<u32, OnSettled>>>);

/// A function of `lib/` that starts a call with a number. The outcome comes back through `resolveCall` or `rejectCall`.
type Starter<T> = FunctionRef<FnArgs<(u32, T)>, ()>;
/// `(dataDir, rule)`: the data directory, and the name of the rule that chose it.
pub type DataDirectoryArgs = FnArgs<(String, &'static str)>;
type DataDirectoryFunction = FunctionRef<DataDirectoryArgs, Option<Object<'static>>>;
type UserFunction = Function<'static, (), Unknown<'static>>;

/// What the JavaScript half of this environment provides.
pub struct JsEnvironment {
    /// Its thread.
    pub thread: JsThread,
    /// How many promises are pending.
    pending_promises: Cell<usize>,
    /// Where its events go.
    pub log: EventLog,
    /// Calls into JavaScript that are under way.
    pub calls: PendingCalls,
    /// Whether the host's setting disables the OS keyring, also for objects that exist.
    pub os_keyring_disabled: Arc<AtomicBool>,
    /// How many key locks JavaScript holds.
    pub held_locks: Arc<AtomicUsize>,
    /// The class `SecureStoreError`.
    pub error_class: FunctionRef<FnArgs<(String, String, String)>, Unknown<'static>>,
    /// `load(id, loader)`: resolves to `{ call, os }`; see `adapter`.
    pub load: Starter<UserFunction>,
    /// `settle(id, function)`: resolves to what the function returns.
    pub settle: Starter<UserFunction>,
    /// `deliver(sink, event)`: calls the sink and ignores what it throws.
    pub deliver: FunctionRef<FnArgs<(Unknown<'static>, Object<'static>)>, ()>,
    /// `reportBroken(callback, serverName, error)`: calls the callback and ignores what it throws.
    pub report_broken: FunctionRef<FnArgs<(Unknown<'static>, String, Unknown<'static>)>, ()>,
    /// `logger(object)`: a function `(level, text)` that calls the logger and ignores what it throws.
    pub logger: FunctionRef<Object<'static>, Function<'static, FnArgs<(String, String)>, ()>>,
    /// `currentLocks()`: the locks that the current asynchronous context holds; see `locks`.
    pub current_locks: FunctionRef<(), Unknown<'static>>,
    /// `storageCall(object, kind)`: how to call a storage; see `storage`.
    pub storage_call: FunctionRef<FnArgs<(Unknown<'static>, &'static str)>, Unknown<'static>>,
    /// `chooseKeyring(dataDir, rule)`: the keyring that was chosen without code; see `keyring_choice`.
    pub choose_keyring: DataDirectoryFunction,
    /// `projectProblem(dataDir, rule)`: the problem of a data directory in the current project.
    pub project_problem: DataDirectoryFunction,
    /// `host()`: the facts of the host, of `process.env` and of `configure`, as they are now.
    host: FunctionRef<(), Object<'static>>,
}

/// The host, its environment variables and its configuration, read once, when an object is constructed.
pub struct Host {
    /// Host and user name.
    pub identity: HostIdentity,
    /// The home directory.
    pub home: PathBuf,
    /// Where data is, and why there.
    pub data: DataDirectory,
    /// `LLXPRT_DISABLE_OS_KEYRING=1`: the OS keyring counts as unavailable.
    pub os_keyring_disabled: bool,
    /// `LLXPRT_FORCE_FILE_STORAGE=true`: credentials of MCP servers are kept in files only.
    pub file_storage_forced: bool,
    /// The environment variables of the OS keyring.
    pub os_keyring: os::Environment,
    /// Options of `SecureStore` that apply where the caller gives none.
    pub defaults: Object<'static>,
}

/// The data directory as the programs in `bin/` see it.
#[napi(object, object_from_js = false)]
pub struct DataDirectoryInUse {
    /// The directory.
    pub path: String,
    /// The name of the rule that chose it.
    pub rule: &'static str,
}

/// Called by `lib/api.js` as it loads, once per environment.
#[napi]
pub fn init(env: &Env, callbacks: Object<'_>) -> napi::Result<()> {
    // Opens the file of the running program, where the keyring checks whether it was replaced.
    RuntimeFile::of_this_process();
    let thread = JsThread::new(env)?;
    let calls = PendingCalls::default();
    env.add_env_cleanup_hook(calls.clone(), |calls| calls.clear())?;
    let environment = JsEnvironment {
        log: EventLog::new(thread.clone()),
        pending_promises: Cell::new(0),
        thread,
        calls,
        os_keyring_disabled: Arc::default(),
        held_locks: Arc::default(),
        error_class: callback(&callbacks, "SecureStoreError")?,
        load: callback(&callbacks, "load")?,
        settle: callback(&callbacks, "settle")?,
        deliver: callback(&callbacks, "deliver")?,
        report_broken: callback(&callbacks, "reportBroken")?,
        logger: callback(&callbacks, "logger")?,
        current_locks: callback(&callbacks, "currentLocks")?,
        storage_call: callback(&callbacks, "storageCall")?,
        choose_keyring: callback(&callbacks, "chooseKeyring")?,
        project_problem: callback(&callbacks, "projectProblem")?,
        host: callback(&callbacks, "host")?,
    };
    env.set_instance_data(environment, (), |_| ())
}

/// Called by `lib/` when a call into JavaScript resolves.
#[napi]
pub fn resolve_call(env: &Env, id: u32, value: Unknown<'_>) -> napi::Result<()> {
    JsEnvironment::of(env)?.calls.settle(env, id, Settled::Fulfilled(value));
    Ok(())
}

/// Called by `lib/` when a call into JavaScript throws or rejects.
#[napi]
pub fn reject_call(
    env: &Env,
    id: u32,
    message: String,
    code: Option<String>,
    remediation: Option<String>,
) -> napi::Result<()> {
    let rejection = Rejection {
        message,
        code,
        remediation,
    };
    JsEnvironment::of(env)?
        .calls
        .settle(env, id, Settled::Rejected(rejection));
    Ok(())
}

/// Returns the data directory that an object constructed now would use.
#[napi]
pub fn data_directory_in_use(env: &Env) -> napi::Result<DataDirectoryInUse> {
    let DataDirectory { path, rule } = JsEnvironment::of(env)?.host(env)?.data;
    Ok(DataDirectoryInUse {
        path: path.to_string_lossy().into_owned(),
        rule: rule.name(),
    })
}

impl JsEnvironment {
    /// Returns the environment of the current call.
    ///
    /// # Errors
    ///
    /// When the addon was loaded without `lib/api.js`.
    pub fn of(env: &Env) -> napi::Result<&'static JsEnvironment> {
        env.get_instance_data::<JsEnvironment>()?
            .map(|environment| &*environment)
            .ok_or_else(|| napi::Error::from_reason("Load @llxprt/securestore through its index.js"))
    }

    /// Counts one more pending promise, which keeps the process alive. Returns the thread that settles it.
    pub fn ref_pending(&self, env: &Env) -> JsThread {
        if self.pending_promises.replace(self.pending_promises.get() + 1) == 0 {
            self.thread.keep_alive(env, true);
        }
        self.thread.clone()
    }

    /// Counts one pending promise fewer.
    pub fn unref_pending(&self, env: &Env) {
        if self.pending_promises.replace(self.pending_promises.get() - 1) == 1 {
            self.thread.keep_alive(env, false);
        }
    }

    /// Reads the facts of the host from JavaScript. `LLXPRT_SECURESTORE_LOG` applies from now on.
    pub fn host(&self, env: &Env) -> napi::Result<Host> {
        let facts = self.host.borrow_back(env)?.call(())?;
        let text = |name: &str| facts.get_named_property::<String>(name);
        let optional = |name: &str| facts.get_named_property::<Option<String>>(name);
        let path = |name: &str| Ok::<_, napi::Error>(optional(name)?.map(PathBuf::from));
        self.log.set_filter(optional("log")?);
        let home = PathBuf::from(text("home")?);
        let data = data_directory(&DataDirectoryInputs {
            configured: path("dataDir")?,
            data_home: optional("dataHome")?,
            config_home: optional("configHome")?,
            platform: path("platformData")?,
            home: home.clone(),
        });
        Ok(Host {
            identity: HostIdentity {
                hostname: text("hostname")?,
                username: text("username")?,
            },
            home,
            data,
            os_keyring_disabled: facts.get_named_property("osKeyringDisabled")?,
            file_storage_forced: facts.get_named_property("fileStorageForced")?,
            os_keyring: os::Environment {
                session_bus_address: optional("sessionBusAddress")?,
                runtime_dir: optional("runtimeDir")?.filter(|dir| !dir.is_empty()).map(PathBuf::from),
            },
            defaults: facts.get_named_property("defaults")?,
        })
    }
}

impl PendingCalls {
    /// Registers the function that receives the outcome of a call.
    pub fn insert(&self, id: u32, on_settled: impl FnOnce(&Env, Settled<'_>) + 'static) {
        self.0.borrow_mut().insert(id, Box::new(on_settled));
    }

    /// Removes a call. Its future ends with an error.
    pub fn remove(&self, id: u32) {
        let removed = self.0.borrow_mut().remove(&id);
        drop(removed);
    }

    fn settle(&self, env: &Env, id: u32, settled: Settled<'_>) {
        let on_settled = self.0.borrow_mut().remove(&id);
        if let Some(on_settled) = on_settled {
            on_settled(env, settled);
        }
    }

    fn clear(&self) {
        let removed = std::mem::take(&mut *self.0.borrow_mut());
        drop(removed);
    }
}

fn callback<Args, Return>(callbacks: &Object<'_>, name: &str) -> napi::Result<FunctionRef<Args, Return>>
where
    Args: napi::bindgen_prelude::JsValuesTupleIntoVec,
    Return: napi::bindgen_prelude::FromNapiValue,
{
    callbacks
        .get_named_property::<Function<'_, Args, Return>>(name)?
        .create_ref()
}
