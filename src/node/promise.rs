//! Runs the core's futures and settles their promises. They run on the process's runtime, off every JavaScript thread.

use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::OnceLock;

use futures_util::FutureExt as _;
use napi::bindgen_prelude::{PromiseRaw, ToNapiValue, TypeName};
use napi::{Env, ValueType, sys};
use tokio::runtime::Runtime;
use tokio::sync::{Semaphore, SemaphorePermit};

use super::deferred::Deferred;
use super::environment::JsEnvironment;
use super::error::{Failure, reject};
use super::log::EventLog;
use crate::error::{Code, Error, Result};
use crate::fs::executor::FileExecutor;
use crate::secret::Secret;
use crate::store::SecureStore;
use crate::telemetry::with_sink;

/// One thread is enough: work on the runtime waits for D-Bus, JavaScript or other threads.
const WORKER_THREADS: usize = 1;

/// The runtime of the process, created by the first call and never shut down. The connection to the OS keyring runs on it and
/// outlives each environment: a worker may end while others continue.
static RUNTIME: OnceLock<Runtime> = OnceLock::new();

/// How many calls may run on blocking threads at a time.
const BLOCKING_SLOTS: usize = 4;

/// Maximum number of blocking threads of the runtime: the slots, and some for other blocking work. Together with the pool of
/// `fs::executor` and the worker thread they are at most 16.
const MAX_BLOCKING_THREADS: usize = BLOCKING_SLOTS + 2;

static BLOCKING: Semaphore = Semaphore::const_new(BLOCKING_SLOTS);

/// Where the work of a call runs. It is decided before the work is created, because the work is given its executor.
pub enum Placement {
    /// On the runtime. File operations run on the pool.
    Runtime,
    /// On a blocking thread, and so do file operations. The permit is one of the [`BLOCKING_SLOTS`].
    BlockingThread(SemaphorePermit<'static>),
}

impl Placement {
    /// Returns the placement of work that only reads and writes files: a blocking thread if one is free. When many calls are
    /// made at the same time, the others run on the runtime, which takes fewer threads.
    pub fn for_files() -> Self {
        BLOCKING.try_acquire().map_or(Self::Runtime, Self::BlockingThread)
    }

    /// Returns the executor for the file operations of the work.
    pub fn executor(&self) -> FileExecutor {
        match self {
            Self::Runtime => FileExecutor::Pool,
            Self::BlockingThread(_) => FileExecutor::Inline,
        }
    }
}

/// Returns where the work of a call on a native store runs.
pub fn placement_of(store: &SecureStore) -> Placement {
    match store.is_files_only() {
        true => Placement::for_files(),
        false => Placement::Runtime,
    }
}

/// Calls `work` with the arguments and returns a promise of its result. Invalid arguments reject the promise.
///
/// A pending promise keeps the process alive. A panic becomes a rejection.
pub fn promise<'env, A, T, F>(
    env: &'env Env,
    args: Result<A, Failure>,
    work: impl FnOnce(A) -> F,
) -> napi::Result<PromiseRaw<'env, T>>
where
    T: ToNapiValue + Send + 'static,
    F: Future<Output = Result<T>> + Send + 'static,
{
    let log = JsEnvironment::of(env)?.log.clone();
    promise_of(env, log, Placement::Runtime, args, work)
}

/// Does the same as [`promise`] for work of an object: its events go to `log`, and it runs where `placement` says.
pub fn promise_of<'env, A, T, F>(
    env: &'env Env,
    log: EventLog,
    placement: Placement,
    args: Result<A, Failure>,
    work: impl FnOnce(A) -> F,
) -> napi::Result<PromiseRaw<'env, T>>
where
    T: ToNapiValue + Send + 'static,
    F: Future<Output = Result<T>> + Send + 'static,
{
    match args {
        Ok(args) => start(env, log, placement, Box::pin(work(args))),
        Err(failure) => reject(env, failure),
    }
}

/// Boxed, so that the code around it is compiled once for each type, not for each method.
type Task<T> = Pin<Box<dyn Future<Output = T> + Send>>;

#[inline(never)]
fn start<'env, T>(
    env: &'env Env,
    log: EventLog,
    placement: Placement,
    work: Task<Result<T>>,
) -> napi::Result<PromiseRaw<'env, T>>
where
    T: ToNapiValue + Send + 'static,
{
    let runtime = match runtime() {
        Ok(runtime) => runtime,
        Err(error) => return reject(env, Failure::Storage(error)),
    };
    let environment = JsEnvironment::of(env)?;
    let (deferred, promise) = Deferred::new(env)?;
    let thread = environment.ref_pending(env);
    let work = AssertUnwindSafe(with_sink(log.sink(), work)).catch_unwind();
    let task: Task<()> = Box::pin(async move {
        let outcome = work.await.unwrap_or_else(|_| Err(internal_error()));
        thread.run(move |env| {
            // Events of the work are delivered before its result.
            log.deliver(env);
            deferred.settle(env, outcome.map_err(|error| Failure::Storage(error).into_napi(env)));
            if let Ok(environment) = JsEnvironment::of(env) {
                environment.unref_pending(env);
            }
        });
    });
    match placement {
        Placement::Runtime => drop(runtime.spawn(task)),
        Placement::BlockingThread(permit) => drop(runtime.spawn_blocking(move || {
            runtime.block_on(task);
            drop(permit);
        })),
    }
    Ok(promise)
}

/// A secret that is returned to JavaScript. It becomes a string on the JavaScript thread, and the copy in Rust is wiped.
pub struct JsSecret(pub Secret);

impl TypeName for JsSecret {
    fn type_name() -> &'static str {
        "string"
    }

    fn value_type() -> ValueType {
        ValueType::String
    }
}

impl ToNapiValue for JsSecret {
    #[allow(unsafe_code)]
    unsafe fn to_napi_value(env: sys::napi_env, value: Self) -> napi::Result<sys::napi_value> {
        // SAFETY: forwarded to napi's own conversion, under the same conditions.
        unsafe { <&str as ToNapiValue>::to_napi_value(env, value.0.expose()) }
    }
}

/// Returns the runtime.
///
/// # Errors
///
/// `UNAVAILABLE` when it cannot be created, for example without a free file descriptor. The next call tries again.
fn runtime() -> Result<&'static Runtime> {
    if let Some(runtime) = RUNTIME.get() {
        return Ok(runtime);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKER_THREADS)
        .max_blocking_threads(MAX_BLOCKING_THREADS)
        .thread_name("securestore")
        .enable_all()
        .build()
        .map_err(|error| no_runtime(&error.to_string()))?;
    // If another environment created one at the same moment, this one is shut down without waiting for its idle threads.
    if let Err(late) = RUNTIME.set(runtime) {
        late.shutdown_background();
    }
    RUNTIME.get().ok_or_else(|| no_runtime("internal error"))
}

fn no_runtime(cause: &str) -> Error {
    Error::new(
        Code::Unavailable,
        format!("Cannot start the threads of the store: {cause}"),
    )
    .with_remediation("Close files or processes that are not needed, then retry")
}

fn internal_error() -> Error {
    Error::new(
        Code::Unavailable,
        "Internal error: the operation may not have completed",
    )
    .with_remediation("Retry, and report this as a bug if it happens again")
}
