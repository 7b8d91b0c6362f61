//! The class `ProviderKeyStorage`, and what goes with names and keys.

use napi::Env;
use napi::bindgen_prelude::{PromiseRaw, Unknown};
use napi_derive::napi;

use super::args;
use super::error::{Failure, rejected, thrown};
use super::options::{Defaults, store_with};
use super::promise::{JsSecret, store_promise, with_text};
use super::secure_store::SecureStore;
use crate::key_command::SavedNames;
use crate::key_command::mask::mask_for_display;
use crate::provider_keys::{self, DIRECTORY, KeyStorage as _, ProviderKeys, SERVICE};

/// Documented in `index.d.ts`.
#[napi]
pub struct ProviderKeyStorage {
    pub(super) keys: ProviderKeys,
    /// What `/key` completes from: shared by the commands on this storage, and dropped by its changes.
    pub(super) names: SavedNames,
}

#[napi]
impl ProviderKeyStorage {
    #[napi(constructor)]
    pub fn new(env: Env, options: Unknown<'_>) -> napi::Result<Self> {
        thrown(&env, Self::build(&env, options))
    }

    fn build(env: &Env, options: Unknown<'_>) -> Result<Self, Failure> {
        let given = match args::optional_object(options, "options")? {
            Some(options) => args::option(&options, "secureStore")?,
            None => None,
        };
        let store = match given {
            Some(store) => secure_store(store)?,
            None => store_with(
                env,
                Defaults {
                    service: SERVICE,
                    directory: [".llxprt", DIRECTORY].iter().collect(),
                    can_be_forced_to_files: false,
                },
                None,
            )?,
        };
        Ok(Self {
            keys: ProviderKeys::new(std::sync::Arc::new(store)),
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
        match args::text(name, "name").and_then(|name| Ok((name, args::secret(api_key, "apiKey")?))) {
            Ok((name, api_key)) => {
                let (saving, names) = (self.keys.save(&name, &api_key), self.names.clone());
                store_promise(env, self.keys.store().as_ref(), async move {
                    let saved = saving.await;
                    names.forget();
                    saved.map(|_| ())
                })
            }
            Err(failure) => rejected(env, failure),
        }
    }

    #[napi]
    pub fn get_key<'env>(&self, env: &'env Env, name: Unknown<'_>) -> napi::Result<PromiseRaw<'env, Option<JsSecret>>> {
        let keys = self.keys.clone();
        with_text(env, name, "name", |name| {
            store_promise(env, self.keys.store().as_ref(), async move {
                Ok(keys.get(&name).await?.map(JsSecret))
            })
        })
    }

    #[napi]
    pub fn delete_key<'env>(&self, env: &'env Env, name: Unknown<'_>) -> napi::Result<PromiseRaw<'env, bool>> {
        with_text(env, name, "name", |name| {
            store_promise(env, self.keys.store().as_ref(), {
                let (deleting, names) = (self.keys.delete(&name), self.names.clone());
                async move {
                    let deleted = deleting.await;
                    names.forget();
                    deleted
                }
            })
        })
    }

    #[napi]
    pub fn list_keys<'env>(&self, env: &'env Env) -> napi::Result<PromiseRaw<'env, Vec<String>>> {
        let keys = self.keys.clone();
        store_promise(env, self.keys.store().as_ref(), async move { keys.list().await })
    }

    #[napi]
    pub fn has_key<'env>(&self, env: &'env Env, name: Unknown<'_>) -> napi::Result<PromiseRaw<'env, bool>> {
        let keys = self.keys.clone();
        with_text(env, name, "name", |name| {
            store_promise(env, self.keys.store().as_ref(), async move { keys.has(&name).await })
        })
    }
}

/// Documented in `index.d.ts`.
#[napi]
pub fn validate_key_name(env: Env, name: Unknown<'_>) -> napi::Result<()> {
    let checked = args::text(name, "name").and_then(|name| Ok(provider_keys::validate_name(&name)?));
    thrown(&env, checked)
}

/// Documented in `index.d.ts`.
#[napi]
pub fn mask_key_for_display(env: Env, key: Unknown<'_>) -> napi::Result<String> {
    thrown(
        &env,
        args::display_text(key, "key").map(|key| mask_for_display(key.expose())),
    )
}

/// The keys behind a JavaScript `ProviderKeyStorage`.
pub fn provider_keys(value: Unknown<'_>, name: &str) -> Result<ProviderKeys, Failure> {
    args::instance::<ProviderKeyStorage>(value)
        .map(|storage| storage.keys.clone())
        .ok_or_else(|| Failure::Type(format!("{name} must be a ProviderKeyStorage")))
}

/// The store behind a JavaScript `SecureStore`.
fn secure_store(value: Unknown<'_>) -> Result<crate::store::SecureStore, Failure> {
    let wrong = || Failure::Type("options.secureStore must be a SecureStore".to_owned());
    args::instance::<SecureStore>(value)
        .map(|store| store.store.clone())
        .ok_or_else(wrong)
}
