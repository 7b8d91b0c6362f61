//! The class `SecureStore`.

use napi::Env;
use napi::bindgen_prelude::{PromiseRaw, Unknown};
use napi_derive::napi;

use super::args;
use super::error::{Failure, rejected, thrown};
use super::options;
use super::promise::{JsSecret, promise, store_promise, with_text};
use crate::store;

/// Documented in `index.d.ts`.
#[napi]
pub struct SecureStore {
    pub(super) store: store::SecureStore,
}

#[napi]
impl SecureStore {
    #[napi(constructor)]
    pub fn new(env: Env, service_name: Unknown<'_>, options: Unknown<'_>) -> napi::Result<Self> {
        thrown(&env, Self::build(&env, service_name, options))
    }

    fn build(env: &Env, service_name: Unknown<'_>, options: Unknown<'_>) -> Result<Self, Failure> {
        let service = options::service_name(service_name)?;
        Ok(Self {
            store: options::store(env, &service, options)?,
        })
    }

    #[napi]
    pub fn set<'env>(
        &self,
        env: &'env Env,
        key: Unknown<'_>,
        value: Unknown<'_>,
    ) -> napi::Result<PromiseRaw<'env, ()>> {
        match args::text(key, "key").and_then(|key| Ok((key, args::secret(value, "value")?))) {
            Ok((key, value)) => {
                let setting = self.store.set(&key, value);
                store_promise(env, &self.store, async move { setting.await.map(|_| ()) })
            }
            Err(failure) => rejected(env, failure),
        }
    }

    #[napi]
    pub fn get<'env>(&self, env: &'env Env, key: Unknown<'_>) -> napi::Result<PromiseRaw<'env, Option<JsSecret>>> {
        let store = self.store.clone();
        with_text(env, key, "key", |key| {
            store_promise(
                env,
                &self.store,
                async move { Ok(store.get(&key).await?.map(JsSecret)) },
            )
        })
    }

    #[napi]
    pub fn delete<'env>(&self, env: &'env Env, key: Unknown<'_>) -> napi::Result<PromiseRaw<'env, bool>> {
        with_text(env, key, "key", |key| {
            store_promise(env, &self.store, self.store.delete(&key))
        })
    }

    #[napi]
    pub fn list<'env>(&self, env: &'env Env) -> napi::Result<PromiseRaw<'env, Vec<String>>> {
        let store = self.store.clone();
        store_promise(env, &self.store, async move { store.list().await })
    }

    #[napi]
    pub fn has<'env>(&self, env: &'env Env, key: Unknown<'_>) -> napi::Result<PromiseRaw<'env, bool>> {
        let store = self.store.clone();
        with_text(env, key, "key", |key| {
            store_promise(env, &self.store, async move { store.has(&key).await })
        })
    }

    #[napi]
    pub fn is_keychain_available<'env>(&self, env: &'env Env) -> napi::Result<PromiseRaw<'env, bool>> {
        let store = self.store.clone();
        promise(env, async move { Ok(store.is_keychain_available().await) })
    }
}
