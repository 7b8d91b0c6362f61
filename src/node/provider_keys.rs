//! The class `ProviderKeyStorage`, and functions for names and keys.

use std::sync::Arc;

use napi::Env;
use napi::bindgen_prelude::{PromiseRaw, Unknown};
use napi_derive::napi;

use super::args;
use super::error::{Failure, or_throw};
use super::locks::object_in_context;
use super::object::{Defaults, StoreObject};
use super::promise::JsSecret;
use super::storage::{JsKeyStorage, JsObject, StorageArgument};
use crate::fs::executor::FileExecutor;
use crate::key_command::SavedNames;
use crate::key_command::mask::mask_for_display;
use crate::provider_keys::{self, DIRECTORY, KeyStorage, ProviderKeys, SERVICE};

/// See `index.d.ts`.
#[napi(js_name = "ProviderKeyStorage")]
pub struct JsProviderKeyStorage {
    object: StoreObject,
    /// The names that `/key` completes. Commands on this storage share them, and its changes clear them.
    names: SavedNames,
}

/// The names that `/key` completes for a JavaScript object; `lib/api.js` keeps one cache for each object.
#[napi]
#[derive(Default)]
pub struct CompletionCache {
    names: SavedNames,
}

#[napi]
impl CompletionCache {
    #[napi(constructor)]
    pub fn new() -> Self {
        Self::default()
    }
}

#[napi]
impl JsProviderKeyStorage {
    #[napi(constructor)]
    pub fn new(env: Env, options: Unknown<'_>) -> napi::Result<Self> {
        or_throw(&env, Self::build(&env, options))
    }

    fn build(env: &Env, options: Unknown<'_>) -> Result<Self, Failure> {
        let options = args::optional_object(options, "options")?;
        let defaults = Defaults {
            directory: DIRECTORY.into(),
            ..Defaults::of_service(SERVICE)
        };
        Ok(Self {
            object: StoreObject::create(env, defaults, options.as_ref())?,
            names: SavedNames::default(),
        })
    }

    #[napi]
    pub fn save_key<'env>(
        &self,
        env: &'env Env,
        name: Unknown<'_>,
        api_key: Unknown<'_>,
    ) -> napi::Result<PromiseRaw<'env, ()>> {
        let args = args::text(name, "name").and_then(|name| Ok((name, args::secret(api_key, "apiKey")?)));
        let names = self.names.clone();
        self.object.call(env, args, |(name, api_key), store| {
            let saving = ProviderKeys::new(store).save(&name, &api_key);
            async move {
                let saved = saving.await;
                names.forget();
                saved.map(|_| ())
            }
        })
    }

    #[napi]
    pub fn get_key<'env>(&self, env: &'env Env, name: Unknown<'_>) -> napi::Result<PromiseRaw<'env, Option<JsSecret>>> {
        self.object
            .call(env, args::text(name, "name"), |name, store| async move {
                Ok(ProviderKeys::new(store).get(&name).await?.map(JsSecret))
            })
    }

    #[napi]
    pub fn delete_key<'env>(&self, env: &'env Env, name: Unknown<'_>) -> napi::Result<PromiseRaw<'env, bool>> {
        let names = self.names.clone();
        self.object.call(env, args::text(name, "name"), |name, store| {
            let deleting = ProviderKeys::new(store).delete(&name);
            async move {
                let deleted = deleting.await;
                names.forget();
                deleted
            }
        })
    }

    #[napi]
    pub fn list_keys<'env>(&self, env: &'env Env) -> napi::Result<PromiseRaw<'env, Vec<String>>> {
        self.object.call(
            env,
            Ok(()),
            |(), store| async move { ProviderKeys::new(store).list().await },
        )
    }

    #[napi]
    pub fn has_key<'env>(&self, env: &'env Env, name: Unknown<'_>) -> napi::Result<PromiseRaw<'env, bool>> {
        self.object
            .call(env, args::text(name, "name"), |name, store| async move {
                ProviderKeys::new(store).has(&name).await
            })
    }
}

/// See `index.d.ts`.
#[napi]
pub fn validate_key_name(env: Env, name: Unknown<'_>) -> napi::Result<()> {
    let checked = args::text(name, "name").and_then(|name| Ok(provider_keys::validate_name(&name)?));
    or_throw(&env, checked)
}

/// See `index.d.ts`.
#[napi]
pub fn mask_key_for_display(env: Env, key: Unknown<'_>) -> napi::Result<String> {
    or_throw(
        &env,
        args::display_text(key, "key").map(|key| mask_for_display(key.expose())),
    )
}

/// A `ProviderKeyStorageLike`: a native one, or any other object.
pub enum KeyStorageHandle {
    Native(Box<StoreObject>),
    Object(JsObject),
}

impl KeyStorageHandle {
    /// Returns the storage for a call in the current asynchronous context.
    pub fn in_context(&self, env: &Env) -> Result<Arc<dyn KeyStorage>, Failure> {
        Ok(match self {
            Self::Native(object) => Arc::new(ProviderKeys::new(object.in_context(env, FileExecutor::Pool)?)),
            Self::Object(object) => Arc::new(JsKeyStorage(object_in_context(env, object)?)),
        })
    }
}

/// Reads an argument that is a `ProviderKeyStorageLike`. Also returns the names that `/key` completes from it; for an object
/// that is not native, `cache` holds them.
///
/// # Errors
///
/// A `TypeError` for a value without the methods of a `ProviderKeyStorage`.
pub fn key_storage(
    env: &Env,
    value: Unknown<'_>,
    cache: Option<Unknown<'_>>,
) -> Result<(KeyStorageHandle, SavedNames), Failure> {
    let argument = StorageArgument::read(env, value, "ProviderKeyStorage", "storage")?;
    let native = args::instance::<JsProviderKeyStorage>(value);
    match (argument, native) {
        (StorageArgument::Native, Some(native)) => Ok((
            KeyStorageHandle::Native(Box::new(native.object.clone())),
            native.names.clone(),
        )),
        (StorageArgument::Native, None) => Err(Failure::Type("storage must be a ProviderKeyStorage".to_owned())),
        (StorageArgument::Object(object), native) => {
            let cache = cache.and_then(args::instance::<CompletionCache>);
            let names = match (native, cache) {
                (Some(native), _) => native.names.clone(),
                (None, Some(cache)) => cache.names.clone(),
                (None, None) => SavedNames::default(),
            };
            Ok((KeyStorageHandle::Object(object), names))
        }
    }
}
