//! `parseKeyArgs` and `resolveApiKey`.

use std::collections::BTreeMap;

use napi::Env;
use napi::bindgen_prelude::{Function, JsObjectValue, Object, PromiseRaw, Unknown};
use napi_derive::napi;

use super::args;
use super::environment::JsEnvironment;
use super::error::{Failure, or_throw};
use super::promise::{JsSecret, promise};
use super::provider_keys::key_storage;
use crate::auth::key_file::PathContext;
use crate::auth::resolve::{Resolved, Resolving, resolve};
use crate::auth::sources::{AuthSources, Profile, SETTINGS, Variable};
use crate::auth::{self, fatal};
use crate::secret::Secret;

/// See `index.d.ts`.
#[napi(object, js_name = "KeyArgs", object_from_js = false, use_nullable = true)]
pub struct JsKeyArgs {
    pub key_override: Option<JsSecret>,
    pub key_name_override: Option<JsSecret>,
    pub keyfile_override: Option<JsSecret>,
}

/// See `index.d.ts`.
#[napi(object, object_from_js = false, use_nullable = true)]
pub struct ResolvedApiKey {
    pub api_key: Option<JsSecret>,
    pub source: &'static str,
    pub reference: Option<String>,
    pub ephemeral: BTreeMap<&'static str, Option<JsSecret>>,
    pub diagnostics: Vec<String>,
}

/// See `index.d.ts`.
#[napi]
pub fn parse_key_args(env: Env, argv: Unknown<'_>) -> napi::Result<JsKeyArgs> {
    let parsed = args::strings(argv, "argv", args::secret).and_then(|argv| Ok(auth::args::parse(&argv)?));
    let found = or_throw(&env, parsed.map_err(into_fatal))?;
    Ok(JsKeyArgs {
        key_override: found.key.map(JsSecret),
        key_name_override: found.key_name.map(JsSecret),
        keyfile_override: found.keyfile.map(JsSecret),
    })
}

/// See `index.d.ts`. `fallbacks` holds the `env` and the `storage` (a function that returns it) for callers that pass none.
#[napi]
pub fn resolve_api_key<'env>(
    env: &'env Env,
    sources: Unknown<'_>,
    storage: Unknown<'_>,
    fallbacks: Object<'_>,
) -> napi::Result<PromiseRaw<'env, ResolvedApiKey>> {
    let resolving = resolving(env, sources, storage, &fallbacks).map_err(into_fatal);
    promise(env, resolving, |resolving| async move {
        resolving.await.map(ResolvedApiKey::from)
    })
}

fn resolving(
    env: &Env,
    sources: Unknown<'_>,
    storage: Unknown<'_>,
    fallbacks: &Object<'_>,
) -> Result<Resolving, Failure> {
    let sources = read(sources, fallbacks)?;
    let given = match args::is_nothing(&storage)? {
        true => None,
        false => Some(key_storage(env, storage, None)?.0.in_context(env)?),
    };
    let context = PathContext {
        home: JsEnvironment::of(env)?.host(env)?.home,
        // Without a current directory, reading a relative path fails with an error that names it.
        directory: std::env::current_dir().unwrap_or_default(),
    };
    resolve(&sources, &context, || match given {
        Some(keys) => Ok(keys),
        None => {
            let storage: Function<'_, (), Unknown<'_>> = fallbacks.get_named_property("storage")?;
            key_storage(env, storage.call(())?, None)?.0.in_context(env)
        }
    })
}

fn read(sources: Unknown<'_>, fallbacks: &Object<'_>) -> Result<AuthSources, Failure> {
    let sources = args::object(sources, "sources")?;
    let profile = match args::given(&sources, "profile")? {
        Some(profile) => read_profile(&args::object(profile, "sources.profile")?)?,
        None => Profile::default(),
    };
    let variables = match args::given(&sources, "env")? {
        Some(variables) => args::object(variables, "sources.env")?,
        None => fallbacks.get_named_property("env")?,
    };
    let mut environment = Vec::new();
    if let Some(names) = args::given(&sources, "envNames")? {
        for name in args::strings(names, "sources.envNames", args::text)? {
            if let Some(value) = text(&variables, "sources.env", &name)? {
                environment.push(Variable { name, value });
            }
        }
    }
    Ok(AuthSources {
        key: text(&sources, "sources", "key")?,
        key_name: text(&sources, "sources", "keyName")?,
        keyfile: text(&sources, "sources", "keyfile")?,
        profile,
        environment,
    })
}

fn read_profile(profile: &Object<'_>) -> Result<Profile, Failure> {
    let setting = |name: &str| text(profile, "sources.profile", name);
    Ok(Profile {
        name: setting("name")?.map(|name| name.expose().to_owned()),
        key_name: setting("auth-key-name")?,
        keyfile: setting("auth-keyfile")?,
        key: setting("auth-key")?,
    })
}

/// Returns the text of a property; `None` when it is missing, undefined or null.
fn text(object: &Object<'_>, object_name: &str, name: &str) -> Result<Option<Secret>, Failure> {
    let value = args::given(object, name)?;
    value
        .map(|value| args::secret(value, &format!("{object_name}.{name}")))
        .transpose()
}

/// Makes a storage error fatal, including the error of an argument.
fn into_fatal(failure: Failure) -> Failure {
    match failure {
        Failure::Storage(error) => Failure::Storage(fatal(error)),
        other => other,
    }
}

impl From<Resolved> for ResolvedApiKey {
    fn from(resolved: Resolved) -> Self {
        let ephemeral = match resolved.remembered {
            // The other settings are cleared, so that none of them refers to another key in the same session.
            Some((remembered, value)) => SETTINGS
                .into_iter()
                .map(|setting| (setting, (setting == remembered).then(|| JsSecret(value.clone()))))
                .collect(),
            None => BTreeMap::new(),
        };
        Self {
            api_key: resolved.api_key.map(JsSecret),
            source: resolved.source,
            reference: resolved.reference,
            ephemeral,
            diagnostics: resolved.diagnostics,
        }
    }
}
