//! Locks of keys that JavaScript holds while it makes several changes as one; see `lib/locks.js`.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use napi::Env;
use napi::bindgen_prelude::{Function, JsObjectValue, Object, PromiseRaw, Unknown};
use napi_derive::napi;

use super::args;
use super::environment::JsEnvironment;
use super::error::Failure;
use super::log::EventLog;
use super::promise::{JsSecret, Placement, placement_of, promise_of};
use super::storage::{InContext, InContextArgs, JsObject};
use crate::fs::lock::KeyLock;
use crate::secret::Secret;
use crate::store::SecureStore;

/// A lock of a key. It is released by `release`, or when the object is collected or its environment ends.
#[napi]
pub struct HeldKeyLock {
    service: String,
    lock: Option<Arc<KeyLock>>,
    held: Arc<AtomicUsize>,
    /// What was read under the lock.
    read: Option<Option<Secret>>,
}

/// Whether the call that acquires a lock also reads the value.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum ReadUnderLock {
    /// It only acquires the lock.
    No,
    /// It reads a value that can only be in a file. A keyring may have been given by JavaScript, which reads it itself.
    FromFile,
}

/// The locks that the current asynchronous context holds.
pub struct CurrentLocks {
    /// The locks.
    pub locks: Vec<Arc<KeyLock>>,
    /// Calls a function in that context.
    pub run: Arc<InContext>,
}

#[napi]
impl HeldKeyLock {
    /// Returns the service of the store.
    #[napi(getter)]
    pub fn service(&self) -> &str {
        &self.service
    }

    /// Returns whether the value was read when the lock was acquired.
    #[napi(getter)]
    pub fn has_read(&self) -> bool {
        self.read.is_some()
    }

    /// Returns the value that was read, once.
    #[napi]
    pub fn take_read(&mut self) -> Option<JsSecret> {
        self.read.take().flatten().map(JsSecret)
    }

    /// Releases the lock once the changes in progress under it are complete.
    #[napi]
    pub fn release(&mut self) {
        if self.lock.take().is_some() {
            self.held.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl Drop for HeldKeyLock {
    fn drop(&mut self) {
        self.release();
    }
}

impl CurrentLocks {
    /// Returns the locks that the current context holds; `None` for none. Calls JavaScript only while this environment holds a
    /// lock.
    pub fn of(env: &Env) -> Result<Option<Self>, Failure> {
        let environment = JsEnvironment::of(env)?;
        if environment.held_locks.load(Ordering::Relaxed) == 0 {
            return Ok(None);
        }
        let current = environment.current_locks.borrow_back(env)?.call(())?;
        if args::is_nothing(&current)? {
            return Ok(None);
        }
        let current: Object<'_> = args::cast(current)?;
        let handles: Object<'_> = current.get_named_property("locks")?;
        let mut locks = Vec::new();
        for at in 0..handles.get_array_length()? {
            let handle: Unknown<'_> = handles.get_element(at)?;
            // A released lock is left out.
            let lock = args::instance::<HeldKeyLock>(handle).and_then(|handle| handle.lock.clone());
            locks.extend(lock);
        }
        let run: Function<'_, InContextArgs, ()> = current.get_named_property("run")?;
        let run = Arc::new(run.create_ref()?);
        Ok(Some(Self { locks, run }))
    }
}

/// Acquires the lock of a key. If the current context holds it already, the result is another handle to the same lock.
pub fn acquire<'env>(
    env: &'env Env,
    log: EventLog,
    read: ReadUnderLock,
    args: Result<(SecureStore, String), Failure>,
) -> napi::Result<PromiseRaw<'env, HeldKeyLock>> {
    let held = JsEnvironment::of(env)?.held_locks.clone();
    let args = args.and_then(|(store, key)| Ok((in_context(env, &store)?, key)));
    let placement = args
        .as_ref()
        .map_or(Placement::Runtime, |(store, _)| placement_of(store));
    let executor = placement.executor();
    promise_of(env, log, placement, args, move |(store, key)| {
        let store = store.with_executor(executor);
        let locking = store.lock(&key);
        async move {
            let lock = locking.await?;
            let read = match read {
                ReadUnderLock::FromFile if store.is_files_only() => Some(store.get(&key).await?),
                ReadUnderLock::FromFile | ReadUnderLock::No => None,
            };
            held.fetch_add(1, Ordering::Relaxed);
            Ok(HeldKeyLock {
                service: store.service().to_owned(),
                lock: Some(lock),
                held,
                read,
            })
        }
    })
}

/// Returns the store for a call in the current context: changes of the keys whose locks the context holds are made under
/// those locks.
pub fn in_context(env: &Env, store: &SecureStore) -> Result<SecureStore, Failure> {
    Ok(match CurrentLocks::of(env)? {
        Some(current) => store.holding(current.locks),
        None => store.clone(),
    })
}

/// Returns the object for a call in the current context: its methods are called in that context.
pub fn object_in_context(env: &Env, object: &JsObject) -> Result<JsObject, Failure> {
    Ok(match CurrentLocks::of(env)? {
        Some(current) => object.in_context(current.run),
        None => object.clone(),
    })
}
