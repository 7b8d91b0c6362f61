//! The class `ToolKeyStorage`, and the registry of tools.

use napi::Env;
use napi::bindgen_prelude::{PromiseRaw, ToNapiValue, Unknown};
use napi_derive::napi;

use super::args;
use super::environment::JsEnvironment;
use super::error::{Failure, or_throw};
use super::object::{Defaults, StoreObject};
use super::options;
use super::promise::JsSecret;
use crate::error::Result as StoreResult;
use crate::tool_keys::{DIRECTORY, REGISTRY, SERVICE, ToolKeys};

/// See `index.d.ts`.
#[napi(object, object_from_js = false)]
pub struct ToolKeyRegistryEntry {
    pub tool_key_name: &'static str,
    pub display_name: &'static str,
    pub url_param_name: &'static str,
    pub description: &'static str,
}

/// Called by `lib/api.js`: returns all tools.
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

/// See `index.d.ts`.
#[napi(js_name = "ToolKeyStorage")]
pub struct JsToolKeyStorage {
    object: StoreObject,
    keys: ToolKeys,
}

#[napi]
impl JsToolKeyStorage {
    #[napi(constructor)]
    pub fn new(env: Env, options: Unknown<'_>) -> napi::Result<Self> {
        or_throw(&env, Self::build(&env, options))
    }

    fn build(env: &Env, options: Unknown<'_>) -> Result<Self, Failure> {
        let options = args::optional_object(options, "options")?;
        let host = JsEnvironment::of(env)?.host(env)?;
        let given = options::path(options.as_ref(), "toolsDir", "the path of a directory")?;
        let tools_dir = given.unwrap_or_else(|| host.data.path.join(DIRECTORY));
        let defaults = Defaults {
            directory: tools_dir.clone(),
            ..Defaults::of_service(SERVICE)
        };
        let object = StoreObject::create(env, defaults, options.as_ref())?;
        let keys = ToolKeys::new(object.secret_store(), tools_dir, host.home, object.locks());
        Ok(Self { object, keys })
    }

    #[napi]
    pub fn save_key<'env>(
        &self,
        env: &'env Env,
        tool_name: Unknown<'_>,
        api_key: Unknown<'_>,
    ) -> napi::Result<PromiseRaw<'env, ()>> {
        let args = args::text(tool_name, "toolName").and_then(|tool| Ok((tool, args::secret(api_key, "apiKey")?)));
        self.call(env, args, |(tool, api_key), keys| keys.save(&tool, api_key))
    }

    #[napi]
    pub fn get_key<'env>(
        &self,
        env: &'env Env,
        tool_name: Unknown<'_>,
    ) -> napi::Result<PromiseRaw<'env, Option<JsSecret>>> {
        self.call(env, args::text(tool_name, "toolName"), |tool, keys| async move {
            Ok(keys.get(&tool).await?.map(JsSecret))
        })
    }

    #[napi]
    pub fn delete_key<'env>(&self, env: &'env Env, tool_name: Unknown<'_>) -> napi::Result<PromiseRaw<'env, bool>> {
        self.call(env, args::text(tool_name, "toolName"), |tool, keys| keys.delete(&tool))
    }

    #[napi]
    pub fn has_key<'env>(&self, env: &'env Env, tool_name: Unknown<'_>) -> napi::Result<PromiseRaw<'env, bool>> {
        self.call(env, args::text(tool_name, "toolName"), |tool, keys| async move {
            keys.has(&tool).await
        })
    }

    #[napi]
    pub fn resolve_key<'env>(
        &self,
        env: &'env Env,
        tool_name: Unknown<'_>,
    ) -> napi::Result<PromiseRaw<'env, Option<JsSecret>>> {
        self.call(env, args::text(tool_name, "toolName"), |tool, keys| async move {
            Ok(keys.resolve(&tool).await?.map(JsSecret))
        })
    }

    #[napi]
    pub fn set_keyfile_path<'env>(
        &self,
        env: &'env Env,
        tool_name: Unknown<'_>,
        path: Unknown<'_>,
    ) -> napi::Result<PromiseRaw<'env, ()>> {
        let args = args::text(tool_name, "toolName").and_then(|tool| Ok((tool, args::text(path, "path")?)));
        self.call(env, args, |(tool, path), keys| keys.set_keyfile_path(&tool, &path))
    }

    #[napi]
    pub fn get_keyfile_path<'env>(
        &self,
        env: &'env Env,
        tool_name: Unknown<'_>,
    ) -> napi::Result<PromiseRaw<'env, Option<String>>> {
        self.call(env, args::text(tool_name, "toolName"), |tool, keys| async move {
            keys.keyfile_path(&tool).await
        })
    }

    #[napi]
    pub fn clear_keyfile_path<'env>(
        &self,
        env: &'env Env,
        tool_name: Unknown<'_>,
    ) -> napi::Result<PromiseRaw<'env, ()>> {
        self.call(env, args::text(tool_name, "toolName"), |tool, keys| {
            keys.clear_keyfile_path(&tool)
        })
    }

    fn call<'env, A, T, F>(
        &self,
        env: &'env Env,
        args: Result<A, Failure>,
        work: impl FnOnce(A, ToolKeys) -> F,
    ) -> napi::Result<PromiseRaw<'env, T>>
    where
        T: ToNapiValue + Send + 'static,
        F: Future<Output = StoreResult<T>> + Send + 'static,
    {
        let keys = self.keys.clone();
        self.object
            .call(env, args, |args, store| work(args, keys.with_store(store)))
    }
}
