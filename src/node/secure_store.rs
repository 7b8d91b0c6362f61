//! The class `SecureStore`.

use napi::Env;
use napi::bindgen_prelude::{Null, Object, PromiseRaw, ToNapiValue, Unknown};
use napi_derive::napi;

use super::args;
use super::error::{Failure, or_throw, storage_error};
use super::locks::{HeldKeyLock, ReadUnderLock, acquire, in_context};
use super::object::{Defaults, JsSecureStore};
use super::options::service_name;
use super::promise::{JsSecret, placement_of, promise_of};
use super::shape::{Shape, Shaped};
use crate::error::{Error, Result as StoreResult};
use crate::store::{SecureStore, StoreEntries, StoreEntry, StoredIn};

#[napi]
impl JsSecureStore {
    #[napi(constructor)]
    pub fn new(env: Env, service_name: Unknown<'_>, options: Unknown<'_>) -> napi::Result<Self> {
        or_throw(&env, Self::build(&env, service_name, options))
    }

    fn build(env: &Env, service: Unknown<'_>, options: Unknown<'_>) -> Result<Self, Failure> {
        let service = service_name(service, "serviceName")?;
        let options = args::optional_object(options, "options")?;
        Self::create(env, Defaults::of_service(&service), options.as_ref())
    }

    #[napi]
    pub fn set<'env>(
        &self,
        env: &'env Env,
        key: Unknown<'_>,
        value: Unknown<'_>,
    ) -> napi::Result<PromiseRaw<'env, ()>> {
        let args = args::text(key, "key").and_then(|key| Ok((key, args::secret(value, "value")?)));
        self.call(env, args, |(key, value), store| {
            let setting = store.set(&key, value);
            async move { setting.await.map(|_| ()) }
        })
    }

    #[napi]
    pub fn get<'env>(&self, env: &'env Env, key: Unknown<'_>) -> napi::Result<PromiseRaw<'env, Option<JsSecret>>> {
        self.call(env, args::text(key, "key"), |key, store| async move {
            Ok(store.get(&key).await?.map(JsSecret))
        })
    }

    #[napi]
    pub fn delete<'env>(&self, env: &'env Env, key: Unknown<'_>) -> napi::Result<PromiseRaw<'env, bool>> {
        self.call(env, args::text(key, "key"), |key, store| store.delete(&key))
    }

    #[napi]
    pub fn list<'env>(&self, env: &'env Env) -> napi::Result<PromiseRaw<'env, Vec<String>>> {
        self.call(env, Ok(()), |(), store| async move { store.list().await })
    }

    #[napi]
    pub fn has<'env>(&self, env: &'env Env, key: Unknown<'_>) -> napi::Result<PromiseRaw<'env, bool>> {
        self.call(env, args::text(key, "key"), |key, store| async move {
            store.has(&key).await
        })
    }

    #[napi]
    pub fn is_keychain_available<'env>(&self, env: &'env Env) -> napi::Result<PromiseRaw<'env, bool>> {
        self.call(
            env,
            Ok(()),
            |(), store| async move { store.is_keychain_available().await },
        )
    }

    #[napi]
    pub fn locate<'env>(
        &self,
        env: &'env Env,
        key: Unknown<'_>,
    ) -> napi::Result<PromiseRaw<'env, Option<&'static str>>> {
        self.call(env, args::text(key, "key"), |key, store| async move {
            Ok(store.locate(&key).await?.map(stored_in))
        })
    }

    #[napi]
    pub fn entries<'env>(&self, env: &'env Env) -> napi::Result<PromiseRaw<'env, Shaped<StoreEntries>>> {
        self.call(
            env,
            Ok(()),
            |(), store| async move { Ok(Shaped(store.entries().await?)) },
        )
    }

    fn call<'env, A, T, F>(
        &self,
        env: &'env Env,
        args: Result<A, Failure>,
        work: impl FnOnce(A, SecureStore) -> F,
    ) -> napi::Result<PromiseRaw<'env, T>>
    where
        T: ToNapiValue + Send + 'static,
        F: Future<Output = StoreResult<T>> + Send + 'static,
    {
        let placement = placement_of(&self.store);
        let args = args.and_then(|args| {
            let store = in_context(env, &self.store)?;
            Ok((args, store.with_executor(placement.executor())))
        });
        promise_of(env, self.log.clone(), placement, args, |(args, store)| {
            work(args, store)
        })
    }
}

/// Called by `lib/locks.js`: acquires the lock of a key, and with `read` also reads a value that can only be in a file.
#[napi]
pub fn lock_key<'env>(
    env: &'env Env,
    store: Unknown<'_>,
    key: Unknown<'_>,
    read: bool,
) -> napi::Result<PromiseRaw<'env, HeldKeyLock>> {
    let store = args::instance::<JsSecureStore>(store).ok_or_else(|| Failure::Type("not a SecureStore".to_owned()));
    let store = or_throw(env, store)?;
    let args = args::text(key, "key").map(|key| (store.store.clone(), key));
    let read = if read {
        ReadUnderLock::FromFile
    } else {
        ReadUnderLock::No
    };
    acquire(env, store.log.clone(), read, args)
}

/// The `StoreEntries` of `index.d.ts`.
impl Shape for StoreEntries {
    fn fill(self, env: &Env, object: &mut Object<'_>) -> napi::Result<()> {
        let entries: Vec<Shaped<StoreEntry>> = self.entries.into_iter().map(Shaped).collect();
        object.set("entries", entries)?;
        set_error(env, object, "incomplete", self.incomplete.as_ref())
    }
}

impl Shape for StoreEntry {
    fn fill(self, env: &Env, object: &mut Object<'_>) -> napi::Result<()> {
        object.set("key", self.key)?;
        object.set("value", self.value.map(JsSecret))?;
        object.set("storedIn", stored_in(self.stored_in))?;
        set_error(env, object, "error", self.error.as_ref())
    }
}

fn set_error(env: &Env, object: &mut Object<'_>, name: &str, error: Option<&Error>) -> napi::Result<()> {
    match error {
        Some(error) => object.set(name, storage_error(env, error)?),
        None => object.set(name, Null),
    }
}

fn stored_in(stored_in: StoredIn) -> &'static str {
    match stored_in {
        StoredIn::Keyring => "keyring",
        StoredIn::File => "file",
    }
}
