//! The class `SecureStore`.

use napi::Env;
use napi::bindgen_prelude::{PromiseRaw, ToNapiValue, Unknown};
use napi_derive::napi;

use super::args;
use super::error::{Failure, or_throw};
use super::object::{Defaults, JsSecureStore, placement_of};
use super::options::service_name;
use super::promise::{JsSecret, promise_of};
use crate::error::Result as StoreResult;
use crate::store::SecureStore;

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
        self.call(env, Ok(()), |(), store| async move {
            Ok(store.is_keychain_available().await)
        })
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
        let store = self.store.clone();
        promise_of(env, self.log.clone(), placement_of(&self.store), args, |args| {
            work(args, store)
        })
    }
}
