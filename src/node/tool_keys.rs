//! The class `ToolKeyStorage`, and the registry of tools.

use napi::Env;
use napi::bindgen_prelude::{PromiseRaw, Unknown};
use napi_derive::napi;

use super::args;
use super::environment::Environment;
use super::error::{Failure, rejected, thrown};
use super::options::{self, Defaults, store_with};
use super::promise::{JsSecret, promise, with_text};
use crate::tool_keys::{DIRECTORY, REGISTRY, SERVICE, ToolKeys};

/// Documented in `index.d.ts`.
#[napi(object, object_from_js = false)]
pub struct ToolKeyRegistryEntry {
    pub tool_key_name: &'static str,
    pub display_name: &'static str,
    pub url_param_name: &'static str,
    pub description: &'static str,
}

/// The tools there are, for the map that `index.js` makes of them.
#[napi]
pub fn tool_key_registry() -> Vec<ToolKeyRegistryEntry> {
    let entries = REGISTRY.iter().map(|tool| ToolKeyRegistryEntry {
        tool_key_name: tool.name,
        display_name: tool.display_name,
        url_param_name: tool.url_param_name,
        description: tool.description,
    });
    entries.collect()
}

/// Documented in `index.d.ts`.
#[napi]
pub struct ToolKeyStorage {
    keys: ToolKeys,
}

#[napi]
impl ToolKeyStorage {
    #[napi(constructor)]
    pub fn new(env: Env, options: Unknown<'_>) -> napi::Result<Self> {
        thrown(&env, Self::build(&env, options))
    }

    fn build(env: &Env, options: Unknown<'_>) -> Result<Self, Failure> {
        let options = args::optional_object(options, "options")?;
        let given = match &options {
            Some(options) => options::path(options, "toolsDir", "the path of a directory")?,
            None => None,
        };
        let defaults = Defaults {
            service: SERVICE,
            // Below the home directory, unless it is absolute, as the caller's is.
            directory: given.unwrap_or_else(|| [".llxprt", DIRECTORY].iter().collect()),
            can_be_forced_to_files: false,
        };
        let store = store_with(env, defaults, options)?;
        let tools_dir = store.files().path().to_owned();
        let home = Environment::of(env)?.host(env)?.home;
        let locks = store.locks().clone();
        Ok(Self {
            keys: ToolKeys::new(std::sync::Arc::new(store), tools_dir, home, locks),
        })
    }

    #[napi]
    pub fn save_key<'env>(
        &self,
        env: &'env Env,
        tool_name: Unknown<'_>,
        api_key: Unknown<'_>,
    ) -> napi::Result<PromiseRaw<'env, ()>> {
        match args::text(tool_name, "toolName").and_then(|tool| Ok((tool, args::secret(api_key, "apiKey")?))) {
            Ok((tool, api_key)) => promise(env, self.keys.save(&tool, api_key)),
            Err(failure) => rejected(env, failure),
        }
    }

    #[napi]
    pub fn get_key<'env>(
        &self,
        env: &'env Env,
        tool_name: Unknown<'_>,
    ) -> napi::Result<PromiseRaw<'env, Option<JsSecret>>> {
        let keys = self.keys.clone();
        with_text(env, tool_name, "toolName", |tool| {
            promise(env, async move { Ok(keys.get(&tool).await?.map(JsSecret)) })
        })
    }

    #[napi]
    pub fn delete_key<'env>(&self, env: &'env Env, tool_name: Unknown<'_>) -> napi::Result<PromiseRaw<'env, bool>> {
        with_text(env, tool_name, "toolName", |tool| promise(env, self.keys.delete(&tool)))
    }

    #[napi]
    pub fn has_key<'env>(&self, env: &'env Env, tool_name: Unknown<'_>) -> napi::Result<PromiseRaw<'env, bool>> {
        let keys = self.keys.clone();
        with_text(env, tool_name, "toolName", |tool| {
            promise(env, async move { keys.has(&tool).await })
        })
    }

    #[napi]
    pub fn resolve_key<'env>(
        &self,
        env: &'env Env,
        tool_name: Unknown<'_>,
    ) -> napi::Result<PromiseRaw<'env, Option<JsSecret>>> {
        let keys = self.keys.clone();
        with_text(env, tool_name, "toolName", |tool| {
            promise(env, async move { Ok(keys.resolve(&tool).await?.map(JsSecret)) })
        })
    }

    #[napi]
    pub fn set_keyfile_path<'env>(
        &self,
        env: &'env Env,
        tool_name: Unknown<'_>,
        path: Unknown<'_>,
    ) -> napi::Result<PromiseRaw<'env, ()>> {
        match args::text(tool_name, "toolName").and_then(|tool| Ok((tool, args::text(path, "path")?))) {
            Ok((tool, path)) => promise(env, self.keys.set_keyfile_path(&tool, &path)),
            Err(failure) => rejected(env, failure),
        }
    }

    #[napi]
    pub fn get_keyfile_path<'env>(
        &self,
        env: &'env Env,
        tool_name: Unknown<'_>,
    ) -> napi::Result<PromiseRaw<'env, Option<String>>> {
        let keys = self.keys.clone();
        with_text(env, tool_name, "toolName", |tool| {
            promise(env, async move { keys.keyfile_path(&tool).await })
        })
    }

    #[napi]
    pub fn clear_keyfile_path<'env>(
        &self,
        env: &'env Env,
        tool_name: Unknown<'_>,
    ) -> napi::Result<PromiseRaw<'env, ()>> {
        with_text(env, tool_name, "toolName", |tool| {
            promise(env, self.keys.clear_keyfile_path(&tool))
        })
    }
}
