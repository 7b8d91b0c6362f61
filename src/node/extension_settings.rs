//! The class `ExtensionSettingsStorage`.

use napi::bindgen_prelude::{JsObjectValue, Object, PromiseRaw, ToNapiValue, Unknown};
use napi::{Env, JsValue};
use napi_derive::napi;
use serde::Serializer as _;

use super::args;
use super::error::{Failure, or_throw};
use super::json::JsonValue;
use super::object::{Defaults, StoreObject};
use super::options;
use crate::error::Result as StoreResult;
use crate::extension_settings::{ExtensionSettings, Setting, Values, service};
use crate::secret::SecretBuilder;

/// See `index.d.ts`.
#[napi(js_name = "ExtensionSettingsStorage")]
pub struct JsExtensionSettings {
    object: StoreObject,
    settings: ExtensionSettings,
}

#[napi]
impl JsExtensionSettings {
    #[napi(constructor)]
    pub fn new(
        env: Env,
        extension_name: Unknown<'_>,
        extension_dir: Unknown<'_>,
        options: Unknown<'_>,
    ) -> napi::Result<Self> {
        or_throw(&env, Self::build(&env, extension_name, extension_dir, options))
    }

    fn build(env: &Env, name: Unknown<'_>, dir: Unknown<'_>, options: Unknown<'_>) -> Result<Self, Failure> {
        let name = args::text(name, "extensionName")?;
        let dir = options::absolute(dir, "extensionDir", "the path of a directory")?;
        let options = args::optional_object(options, "options")?;
        let service = match args::option(options.as_ref(), "serviceName")? {
            Some(given) => options::service_name(given, "options.serviceName")?,
            None => service(&name),
        };
        let object = StoreObject::create(env, Defaults::of_service(&service), options.as_ref())?;
        let settings = ExtensionSettings::new(object.secret_store(), dir, object.locks());
        Ok(Self { object, settings })
    }

    #[napi]
    pub fn save_settings<'env>(
        &self,
        env: &'env Env,
        settings: Unknown<'_>,
        values: Unknown<'_>,
    ) -> napi::Result<PromiseRaw<'env, ()>> {
        let args = declared(settings).and_then(|declared| {
            let values = read_values(&declared, args::object(values, "values")?)?;
            Ok((declared, values))
        });
        self.call(env, args, |(declared, values), storage| storage.save(declared, values))
    }

    #[napi]
    pub fn load_settings<'env>(
        &self,
        env: &'env Env,
        settings: Unknown<'_>,
    ) -> napi::Result<PromiseRaw<'env, JsonValue>> {
        self.call(env, declared(settings), |declared, storage| async move {
            Ok(object(&storage.load(&declared).await?))
        })
    }

    #[napi]
    pub fn delete_settings<'env>(&self, env: &'env Env, settings: Unknown<'_>) -> napi::Result<PromiseRaw<'env, ()>> {
        self.call(env, declared_or_all(settings), |declared, storage| {
            storage.delete(declared)
        })
    }

    #[napi]
    pub fn has_settings<'env>(&self, env: &'env Env, settings: Unknown<'_>) -> napi::Result<PromiseRaw<'env, bool>> {
        self.call(env, declared_or_all(settings), |declared, storage| async move {
            storage.has(declared.as_deref()).await
        })
    }

    fn call<'env, A, T, F>(
        &self,
        env: &'env Env,
        args: Result<A, Failure>,
        work: impl FnOnce(A, ExtensionSettings) -> F,
    ) -> napi::Result<PromiseRaw<'env, T>>
    where
        T: ToNapiValue + Send + 'static,
        F: Future<Output = StoreResult<T>> + Send + 'static,
    {
        let settings = self.settings.clone();
        self.object
            .call(env, args, |args, store| work(args, settings.with_store(store)))
    }
}

fn declared_or_all(settings: Unknown<'_>) -> Result<Option<Vec<Setting>>, Failure> {
    match args::is_nothing(&settings)? {
        true => Ok(None),
        false => declared(settings).map(Some),
    }
}

fn declared(settings: Unknown<'_>) -> Result<Vec<Setting>, Failure> {
    if !settings.is_array()? {
        let kind = args::kind(&settings)?;
        return Err(Failure::Type(format!("settings must be an array, not {kind}")));
    }
    let settings: Object<'_> = args::cast(settings)?;
    let setting = |at| {
        let name = format!("settings[{at}]");
        let setting = args::object(settings.get_element(at)?, &name)?;
        let env_var: Unknown<'_> = setting.get_named_property("envVar")?;
        let sensitive = match args::given(&setting, "sensitive")? {
            Some(sensitive) => args::boolean(sensitive, &format!("{name}.sensitive"))?,
            None => false,
        };
        Ok(Setting {
            env_var: args::text(env_var, &format!("{name}.envVar"))?,
            sensitive,
        })
    };
    (0..settings.get_array_length()?).map(setting).collect()
}

/// Reads the values of the settings; `null` and `undefined` count as missing. Reads own properties only, because `toString`
/// is a valid variable name.
fn read_values(settings: &[Setting], values: Object<'_>) -> Result<Values, Failure> {
    let mut read = Values::new();
    for Setting { env_var, .. } in settings {
        if values.has_own_property(env_var)?
            && let Some(value) = args::given(&values, env_var)?
        {
            read.insert(env_var.clone(), args::secret(value, &format!("values.{env_var}"))?);
        }
    }
    Ok(read)
}

/// Returns the values as a JSON object.
fn object(values: &Values) -> JsonValue {
    let mut json = SecretBuilder::default();
    let texts = values.iter().map(|(name, value)| (name, value.expose()));
    // Writing text as JSON to memory cannot fail.
    let _ = serde_json::Serializer::new(&mut json).collect_map(texts);
    JsonValue(json.finish())
}
