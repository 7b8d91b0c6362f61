//! The core's futures as promises: they run on the process's runtime, off every JavaScript thread.

use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::OnceLock;

use futures_util::FutureExt as _;
use napi::bindgen_prelude::{PromiseRaw, ToNapiValue, TypeName, Unknown};
use napi::{Env, ValueType, sys};
use tokio::runtime::Runtime;
use tokio::sync::{Semaphore, SemaphorePermit};

use super::args;
use super::deferred::Deferred;
use super::environment::Environment;
use super::error::{Failure, rejected};
use crate::error::{Code, Error, Result};
use crate::fallback::on_this_thread;
use crate::secret::Secret;
use crate::store::{SecretStore, SecureStore};
use crate::telemetry::with_sink;

/// Runs what the core needs. Two threads: the work waits on D-Bus or moves to blocking threads, it does not compute here.
const WORKER_THREADS: usize = 1;

/// The one runtime of the process, made at the first call and never ended: the OS keyring's connection lives on it, and
/// outlives any one environment (a worker may end while others go on).
static RUNTIME: OnceLock<Runtime> = OnceLock::new();

/// How many calls may run on threads of their own from the start.
const OWN_THREADS: usize = 4;

static OWN: Semaphore = Semaphore::const_new(OWN_THREADS);

/// A promise of the future's outcome. In flight it keeps the process alive; a panic becomes a rejection.
pub fn promise<'env, T, F>(env: &'env Env, work: F) -> napi::Result<PromiseRaw<'env, T>>
where
    T: ToNapiValue + Send + 'static,
    F: Future<Output = Result<T>> + Send + 'static,
{
    started(env, None, Box::pin(work))
}

/// The same for work of a store. While it has nothing to do but read and write files, it goes to a thread that may block at
/// once; when many calls are made at the same time, the others go the usual way, which takes fewer threads.
pub fn store_promise<'env, T, F>(env: &'env Env, store: &dyn SecretStore, work: F) -> napi::Result<PromiseRaw<'env, T>>
where
    T: ToNapiValue + Send + 'static,
    F: Future<Output = Result<T>> + Send + 'static,
{
    let own = match store.as_secure_store().is_some_and(SecureStore::is_files_only) {
        true => OWN.try_acquire().ok(),
        false => None,
    };
    started(env, own, Box::pin(work))
}

/// The promise that `call` makes of a text argument; one that is no string rejects it.
pub fn with_text<'env, T: ToNapiValue>(
    env: &'env Env,
    value: Unknown<'_>,
    name: &str,
    call: impl FnOnce(String) -> napi::Result<PromiseRaw<'env, T>>,
) -> napi::Result<PromiseRaw<'env, T>> {
    match args::text(value, name) {
        Ok(text) => call(text),
        Err(failure) => rejected(env, failure),
    }
}

/// Boxed, so that what is done with it is compiled once for each type, not for each method.
type Task<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Starts the work together with what settles its promise: on a thread of its own where it was given one.
#[inline(never)]
fn started<'env, T>(
    env: &'env Env,
    own: Option<SemaphorePermit<'static>>,
    work: Task<Result<T>>,
) -> napi::Result<PromiseRaw<'env, T>>
where
    T: ToNapiValue + Send + 'static,
{
    let runtime = runtime()?;
    let environment = Environment::of(env)?;
    let (deferred, promise) = Deferred::new(env)?;
    let log = environment.log.clone();
    let thread = environment.begins(env);
    let work = AssertUnwindSafe(with_sink(log.outlet(), work)).catch_unwind();
    let task: Task<()> = Box::pin(async move {
        let outcome = work.await.unwrap_or_else(|_| Err(broken()));
        thread.run(move |env| {
            // What the work told comes before what it gave.
            log.deliver(env);
            deferred.settle(env, outcome.map_err(|error| Failure::Storage(error).into_napi(env)));
            if let Ok(environment) = Environment::of(env) {
                environment.ends(env);
            }
        });
    });
    match own {
        Some(own) => drop(runtime.spawn_blocking(move || {
            let _own = own;
            runtime.block_on(on_this_thread(task));
        })),
        None => drop(runtime.spawn(task)),
    }
    Ok(promise)
}

/// A secret on its way out: it becomes a JavaScript string on the JavaScript thread, and our copy is wiped.
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

fn runtime() -> napi::Result<&'static Runtime> {
    if let Some(runtime) = RUNTIME.get() {
        return Ok(runtime);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKER_THREADS)
        .thread_name("securestore")
        .enable_all()
        .build()
        .map_err(|error| napi::Error::from_reason(format!("Cannot start the store's threads: {error}")))?;
    // Another environment may have been quicker: then ours goes, without waiting for its idle threads.
    if let Err(late) = RUNTIME.set(runtime) {
        late.shutdown_background();
    }
    RUNTIME
        .get()
        .ok_or_else(|| napi::Error::from_reason("Cannot start the store's threads"))
}

fn broken() -> Error {
    Error::new(
        Code::Unavailable,
        "The store failed in an unexpected way; nothing is known of the outcome",
    )
    .with_remediation("Retry, and report this as a bug if it stays")
}
