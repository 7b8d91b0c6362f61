//! The class `ExtensionSettingsStorage`.

use napi::bindgen_prelude::{JsObjectValue, Object, PromiseRaw, Unknown};
use napi::{Env, JsValue};
use napi_derive::napi;

use super::args;
use super::error::{Failure, rejected, thrown};
use super::json::Parsed;
use super::options::{self, service_defaults, store_with};
use super::promise::promise;
use crate::extension_settings::{ExtensionSettings, Setting, Values, service};
use crate::secret::Secret;

/// Documented in `index.d.ts`.
#[napi]
pub struct ExtensionSettingsStorage {
    settings: ExtensionSettings,
}

#[napi]
impl ExtensionSettingsStorage {
    #[napi(constructor)]
    pub fn new(
        env: Env,
        extension_name: Unknown<'_>,
        extension_dir: Unknown<'_>,
        options: Unknown<'_>,
    ) -> napi::Result<Self> {
        thrown(&env, Self::build(&env, extension_name, extension_dir, options))
    }

    fn build(env: &Env, name: Unknown<'_>, dir: Unknown<'_>, options: Unknown<'_>) -> Result<Self, Failure> {
        let service = service(&args::text(name, "extensionName")?);
        let dir = options::absolute(dir, "extensionDir", "the path of a directory")?;
        let options = args::optional_object(options, "options")?;
        let store = store_with(env, service_defaults(&service), options)?;
        let locks = store.locks().clone();
        Ok(Self {
            settings: ExtensionSettings::new(std::sync::Arc::new(store), dir, locks),
        })
    }

    #[napi]
    pub fn save_settings<'env>(
        &self,
        env: &'env Env,
        settings: Unknown<'_>,
        values: Unknown<'_>,
    ) -> napi::Result<PromiseRaw<'env, ()>> {
        let given = declared(settings).and_then(|declared| {
            let values = read_values(&declared, args::object(values, "values")?)?;
            Ok((declared, values))
        });
        match given {
            Ok((declared, values)) => promise(env, self.settings.save(declared, values)),
            Err(failure) => rejected(env, failure),
        }
    }

    #[napi]
    pub fn load_settings<'env>(&self, env: &'env Env, settings: Unknown<'_>) -> napi::Result<PromiseRaw<'env, Parsed>> {
        let storage = self.settings.clone();
        match declared(settings) {
            Ok(declared) => promise(env, async move { Ok(object(&storage.load(&declared).await?)) }),
            Err(failure) => rejected(env, failure),
        }
    }

    #[napi]
    pub fn delete_settings<'env>(&self, env: &'env Env, settings: Unknown<'_>) -> napi::Result<PromiseRaw<'env, ()>> {
        match declared_or_all(settings) {
            Ok(declared) => promise(env, self.settings.delete(declared)),
            Err(failure) => rejected(env, failure),
        }
    }

    #[napi]
    pub fn has_settings<'env>(&self, env: &'env Env, settings: Unknown<'_>) -> napi::Result<PromiseRaw<'env, bool>> {
        let storage = self.settings.clone();
        match declared_or_all(settings) {
            Ok(declared) => promise(env, async move { storage.has(declared.as_deref()).await }),
            Err(failure) => rejected(env, failure),
        }
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

/// The values of the settings; `null` and `undefined` are none. Own properties alone: `toString` is a variable's name, too.
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

/// As JSON, whose objects may have any name for a property. Room for all of it, as elsewhere: an escape takes six bytes.
fn object(values: &Values) -> Parsed {
    let room = values
        .iter()
        .map(|(name, value)| name.len() + 6 * value.expose().len() + 8);
    let mut json = Vec::with_capacity(room.sum::<usize>() + 2);
    json.push(b'{');
    for (name, value) in values {
        if json.len() > 1 {
            json.push(b',');
        }
        // Writing text as JSON to a vector cannot fail.
        let _ = serde_json::to_writer(&mut json, name);
        json.push(b':');
        let _ = serde_json::to_writer(&mut json, value.expose());
    }
    json.push(b'}');
    Parsed(Secret::from_utf8(json).unwrap_or_else(|| Secret::from("{}")))
}
