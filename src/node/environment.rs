//! One JavaScript environment: the main thread, or a worker. Each loads the addon for itself and lends it what only
//! JavaScript has.

use std::cell::{Cell, RefCell};
use std::path::PathBuf;
use std::rc::Rc;

use napi::Env;
use napi::bindgen_prelude::{FnArgs, Function, FunctionRef, JsObjectValue, Object, PromiseRaw, Unknown};
use napi_derive::napi;

use super::js_thread::JsThread;
use super::log::{Log, SinkFunction};
use crate::fallback::machine::HostIdentity;
use crate::keyring::os;

/// What this environment's `index.js` lends us.
pub struct Environment {
    /// The way onto its thread.
    pub thread: JsThread,
    /// How many promises are pending.
    pending: Cell<usize>,
    /// Where its events go.
    pub log: Log,
    /// The function of `setLogSink`.
    pub sink: RefCell<Option<Rc<SinkFunction>>>,
    /// The class `SecureStoreError`.
    pub error_class: FunctionRef<FnArgs<(String, String, String)>, Unknown<'static>>,
    /// `host()`: the facts of the host and of `process.env`, as they are now.
    host: FunctionRef<(), Object<'static>>,
    /// `load(loader)`: a promise of the loader's adapter as one function; see `adapter`.
    pub load: FunctionRef<Function<'static, (), Unknown<'static>>, PromiseRaw<'static, Object<'static>>>,
    /// `settle(function)`: a promise of the outcome of calling it, which never rejects.
    pub settle: FunctionRef<Function<'static, (), Unknown<'static>>, PromiseRaw<'static, Object<'static>>>,
    /// `getProviderKeyStorage()`: the storage that a class uses when it is given none.
    pub provider_key_storage: FunctionRef<(), Unknown<'static>>,
    /// `deliver(sink, event)`: calls the sink; what it throws goes no further.
    pub deliver: FunctionRef<FnArgs<(Unknown<'static>, Object<'static>)>, ()>,
}

/// The host and its environment variables, read once, when an object is constructed.
pub struct Host {
    /// Host and user name.
    pub identity: HostIdentity,
    /// The home directory.
    pub home: PathBuf,
    /// `LLXPRT_DISABLE_OS_KEYRING=1`: the OS keyring counts as unavailable (R1).
    pub os_keyring_disabled: bool,
    /// `LLXPRT_FORCE_FILE_STORAGE=true`: credentials of MCP servers are kept in files alone.
    pub file_storage_forced: bool,
    /// What the OS keyring needs to know.
    pub os_keyring: os::Environment,
}

/// Called by `index.js` as it loads, once per environment.
#[napi]
pub fn attach(env: &Env, lent: Object<'_>) -> napi::Result<()> {
    let thread = JsThread::new(env)?;
    let environment = Environment {
        log: Log::new(thread.clone()),
        sink: RefCell::default(),
        pending: Cell::new(0),
        thread,
        error_class: lent
            .get_named_property::<Function<'_, _, Unknown<'static>>>("SecureStoreError")?
            .create_ref()?,
        host: lent
            .get_named_property::<Function<'_, (), Object<'static>>>("host")?
            .create_ref()?,
        load: lent
            .get_named_property::<Function<'_, _, PromiseRaw<'static, Object<'static>>>>("load")?
            .create_ref()?,
        settle: lent
            .get_named_property::<Function<'_, _, PromiseRaw<'static, Object<'static>>>>("settle")?
            .create_ref()?,
        provider_key_storage: lent
            .get_named_property::<Function<'_, (), Unknown<'static>>>("getProviderKeyStorage")?
            .create_ref()?,
        deliver: lent
            .get_named_property::<Function<'_, _, ()>>("deliver")?
            .create_ref()?,
    };
    env.set_instance_data(environment, (), |_| ())
}

impl Environment {
    /// What this environment lent us.
    pub fn of(env: &Env) -> napi::Result<&'static Environment> {
        env.get_instance_data::<Environment>()?
            .map(|environment| &*environment)
            .ok_or_else(|| napi::Error::from_reason("Load @llxprt/securestore through its index.js"))
    }

    /// One more promise is pending, which keeps the process alive. What comes back is the way to settle it.
    pub fn begins(&self, env: &Env) -> JsThread {
        if self.pending.replace(self.pending.get() + 1) == 0 {
            self.thread.keep_alive(env, true);
        }
        self.thread.clone()
    }

    /// One promise fewer is pending.
    pub fn ends(&self, env: &Env) {
        if self.pending.replace(self.pending.get() - 1) == 1 {
            self.thread.keep_alive(env, false);
        }
    }

    /// The facts of the host, read from JavaScript now. What they say of the log counts from now on.
    pub fn host(&self, env: &Env) -> napi::Result<Host> {
        let facts = self.host.borrow_back(env)?.call(())?;
        let text = |name: &str| facts.get_named_property::<String>(name);
        let variable = |name: &str| facts.get_named_property::<Option<String>>(name);
        self.log.follow(variable("log")?);
        Ok(Host {
            identity: HostIdentity {
                hostname: text("hostname")?,
                username: text("username")?,
            },
            home: PathBuf::from(text("home")?),
            os_keyring_disabled: facts.get_named_property("osKeyringDisabled")?,
            file_storage_forced: facts.get_named_property("fileStorageForced")?,
            os_keyring: os::Environment {
                session_bus_address: variable("sessionBusAddress")?,
                runtime_dir: variable("runtimeDir")?.filter(|dir| !dir.is_empty()).map(PathBuf::from),
            },
        })
    }
}
