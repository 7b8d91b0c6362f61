//! The class `KeychainTokenStorage`.

use std::sync::Arc;

use napi::bindgen_prelude::{FnArgs, Function, FunctionRef, JsObjectValue, PromiseRaw, ToNapiValue, TypeName, Unknown};
use napi::{Env, JsValue, ValueType, sys};
use napi_derive::napi;

use super::args;
use super::environment::JsEnvironment;
use super::error::{Failure, or_throw, storage_error};
use super::json::{JsonMap, JsonValue, stringify};
use super::locks::{HeldKeyLock, ReadUnderLock, acquire};
use super::object::{Defaults, StoreObject};
use super::options::service_name;
use crate::error::Result as StoreResult;
use crate::secret::{Secret, SecretBuilder};
use crate::token_storage::{BrokenCredentials, Credentials, SERVICE, Tokens, account};

/// See `index.d.ts`.
#[napi(js_name = "KeychainTokenStorage")]
pub struct JsTokenStorage {
    object: StoreObject,
    service: String,
    on_broken: Option<Arc<OnBroken>>,
}

/// The option `onBrokenCredentials`.
type OnBroken = FunctionRef<FnArgs<(String, Unknown<'static>)>, Unknown<'static>>;

#[napi]
impl JsTokenStorage {
    #[napi(constructor)]
    pub fn new(env: Env, service_name: Unknown<'_>, options: Unknown<'_>) -> napi::Result<Self> {
        or_throw(&env, Self::build(&env, service_name, options))
    }

    fn build(env: &Env, service: Unknown<'_>, options: Unknown<'_>) -> Result<Self, Failure> {
        let service = match args::is_nothing(&service)? {
            true => SERVICE.to_owned(),
            false => service_name(service, "serviceName")?,
        };
        let options = args::optional_object(options, "options")?;
        let defaults = Defaults {
            can_be_forced_to_files: true,
            ..Defaults::of_service(&service)
        };
        let on_broken = args::option(options.as_ref(), "onBrokenCredentials")?
            .map(|callback| {
                args::function(callback, "options.onBrokenCredentials")?
                    .create_ref()
                    .map_err(Failure::from)
            })
            .transpose()?;
        Ok(Self {
            object: StoreObject::create(env, defaults, options.as_ref())?,
            service,
            on_broken: on_broken.map(Arc::new),
        })
    }

    #[napi]
    pub fn get_credentials<'env>(
        &self,
        env: &'env Env,
        server_name: Unknown<'_>,
    ) -> napi::Result<PromiseRaw<'env, Option<JsonValue>>> {
        self.call(
            env,
            args::text(server_name, "serverName"),
            |server, tokens| async move {
                let found = tokens.get(&server).await?;
                Ok(found.map(|credentials| JsonValue(credentials.into_json())))
            },
        )
    }

    #[napi]
    pub fn set_credentials<'env>(
        &self,
        env: &'env Env,
        credentials: Unknown<'_>,
    ) -> napi::Result<PromiseRaw<'env, ()>> {
        self.call(env, stamped(env, credentials), |credentials, tokens| {
            tokens.set(credentials)
        })
    }

    #[napi]
    pub fn delete_credentials<'env>(
        &self,
        env: &'env Env,
        server_name: Unknown<'_>,
    ) -> napi::Result<PromiseRaw<'env, ()>> {
        self.call(env, args::text(server_name, "serverName"), |server, tokens| {
            tokens.delete(&server)
        })
    }

    #[napi]
    pub fn list_servers<'env>(&self, env: &'env Env) -> napi::Result<PromiseRaw<'env, Vec<String>>> {
        self.call(env, Ok(()), |(), tokens| async move { tokens.list().await })
    }

    #[napi]
    pub fn get_all_credentials<'env>(&self, env: &'env Env) -> napi::Result<PromiseRaw<'env, JsAllCredentials>> {
        let on_broken = self.on_broken.clone();
        self.call(env, Ok(()), |(), tokens| async move {
            let all = tokens.get_all().await?;
            Ok(JsAllCredentials {
                credentials: JsonMap(pairs(&all.credentials)),
                broken: all.broken,
                on_broken,
            })
        })
    }

    #[napi]
    pub fn clear_all<'env>(&self, env: &'env Env) -> napi::Result<PromiseRaw<'env, ()>> {
        self.call(env, Ok(()), |(), tokens| async move { tokens.clear().await })
    }

    #[napi]
    pub fn is_available<'env>(&self, env: &'env Env) -> napi::Result<PromiseRaw<'env, bool>> {
        self.call(env, Ok(()), |(), tokens| async move { Ok(tokens.is_available().await) })
    }

    fn call<'env, A, T, F>(
        &self,
        env: &'env Env,
        args: Result<A, Failure>,
        work: impl FnOnce(A, Tokens) -> F,
    ) -> napi::Result<PromiseRaw<'env, T>>
    where
        T: ToNapiValue + Send + 'static,
        F: Future<Output = StoreResult<T>> + Send + 'static,
    {
        self.object
            .call(env, args, |args, store| work(args, Tokens::new(store, &self.service)))
    }
}

/// Called by `lib/locks.js`: acquires the lock of a server's credentials.
#[napi]
pub fn lock_credentials<'env>(
    env: &'env Env,
    storage: Unknown<'_>,
    server_name: Unknown<'_>,
) -> napi::Result<PromiseRaw<'env, HeldKeyLock>> {
    let storage = args::instance::<JsTokenStorage>(storage);
    let storage = storage.ok_or_else(|| Failure::Type("not a KeychainTokenStorage".to_owned()));
    let object = or_throw(env, storage)?.object.clone();
    let args =
        args::text(server_name, "serverName").and_then(|server| Ok((object.locking().clone(), account(&server)?)));
    acquire(env, object.log(), ReadUnderLock::No, args)
}

/// Returns the caller's object as credentials, with `updatedAt` set to `Date.now()`, the clock of the caller's own dates.
fn stamped(env: &Env, credentials: Unknown<'_>) -> Result<Credentials, Failure> {
    let json = stringify(env, args::object(credentials, "credentials")?, "credentials")?;
    let date: Unknown<'_> = env.get_global()?.get_named_property("Date")?;
    let now: Function<'_, (), f64> = date.coerce_to_object()?.get_named_property("now")?;
    Ok(Credentials::new(&json, now.call(())? as u64)?)
}

/// All credentials, returned to JavaScript as a `Map`. Broken ones are reported to the host when the `Map` is created.
pub struct JsAllCredentials {
    credentials: JsonMap,
    broken: Vec<BrokenCredentials>,
    on_broken: Option<Arc<OnBroken>>,
}

impl TypeName for JsAllCredentials {
    fn type_name() -> &'static str {
        "Map"
    }

    fn value_type() -> ValueType {
        ValueType::Object
    }
}

impl ToNapiValue for JsAllCredentials {
    #[allow(unsafe_code)]
    unsafe fn to_napi_value(raw_env: sys::napi_env, value: Self) -> napi::Result<sys::napi_value> {
        let env = Env::from_raw(raw_env);
        if let Some(on_broken) = &value.on_broken {
            let report = JsEnvironment::of(&env)?.report_broken.borrow_back(&env)?;
            for BrokenCredentials { account, error } in value.broken {
                let callback: Unknown<'_> = on_broken.borrow_back(&env)?.to_unknown();
                report.call(FnArgs::from((callback, account, storage_error(&env, &error)?)))?;
            }
        }
        // SAFETY: forwarded, under the same conditions.
        unsafe { JsonMap::to_napi_value(raw_env, value.credentials) }
    }
}

/// Returns the JSON text `[["server", { … }], …]`.
fn pairs(all: &[(String, Credentials)]) -> Secret {
    let mut json = SecretBuilder::default();
    json.push('[');
    for (at, (account, credentials)) in all.iter().enumerate() {
        json.push_str(if at == 0 { "[" } else { ",[" });
        json.push_str(&serde_json::Value::from(account.as_str()).to_string());
        json.push(',');
        json.push_str(credentials.json().expose());
        json.push(']');
    }
    json.push(']');
    json.finish()
}
