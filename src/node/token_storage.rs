//! The class `KeychainTokenStorage`.

use napi::bindgen_prelude::{Function, JsObjectValue, PromiseRaw, Unknown};
use napi::{Env, JsValue};
use napi_derive::napi;

use super::args;
use super::error::{Failure, rejected, thrown};
use super::json::{Parsed, ParsedMap, stringify};
use super::options::{service_defaults, service_name, store_with};
use super::promise::{promise, with_text};
use crate::error::Result as StoreResult;
use crate::secret::Secret;
use crate::token_storage::{Credentials, SERVICE, Tokens};

/// Documented in `index.d.ts`.
#[napi]
pub struct KeychainTokenStorage {
    tokens: Tokens,
}

#[napi]
impl KeychainTokenStorage {
    #[napi(constructor)]
    pub fn new(env: Env, service_name: Unknown<'_>, options: Unknown<'_>) -> napi::Result<Self> {
        thrown(&env, Self::build(&env, service_name, options))
    }

    fn build(env: &Env, service: Unknown<'_>, options: Unknown<'_>) -> Result<Self, Failure> {
        let service = match args::is_nothing(&service)? {
            true => SERVICE.to_owned(),
            false => service_name(service)?,
        };
        let mut defaults = service_defaults(&service);
        defaults.can_be_forced_to_files = true;
        let store = store_with(env, defaults, args::optional_object(options, "options")?)?;
        Ok(Self {
            tokens: Tokens::new(std::sync::Arc::new(store), &service),
        })
    }

    #[napi]
    pub fn get_credentials<'env>(
        &self,
        env: &'env Env,
        server_name: Unknown<'_>,
    ) -> napi::Result<PromiseRaw<'env, Option<Parsed>>> {
        let tokens = self.tokens.clone();
        with_text(env, server_name, "serverName", |server| {
            promise(env, async move {
                let found = tokens.get(&server).await?;
                Ok(found.map(|credentials| Parsed(credentials.into_json())))
            })
        })
    }

    #[napi]
    pub fn set_credentials<'env>(
        &self,
        env: &'env Env,
        credentials: Unknown<'_>,
    ) -> napi::Result<PromiseRaw<'env, ()>> {
        match stamped(env, credentials) {
            Ok(credentials) => promise(env, self.tokens.set(credentials)),
            Err(failure) => rejected(env, failure),
        }
    }

    #[napi]
    pub fn delete_credentials<'env>(
        &self,
        env: &'env Env,
        server_name: Unknown<'_>,
    ) -> napi::Result<PromiseRaw<'env, ()>> {
        with_text(env, server_name, "serverName", |server| {
            promise(env, self.tokens.delete(&server))
        })
    }

    #[napi]
    pub fn list_servers<'env>(&self, env: &'env Env) -> napi::Result<PromiseRaw<'env, Vec<String>>> {
        let tokens = self.tokens.clone();
        promise(env, async move { tokens.list().await })
    }

    #[napi]
    pub fn get_all_credentials<'env>(&self, env: &'env Env) -> napi::Result<PromiseRaw<'env, ParsedMap>> {
        let tokens = self.tokens.clone();
        promise(env, async move { pairs(tokens.get_all().await?.credentials) })
    }

    #[napi]
    pub fn clear_all<'env>(&self, env: &'env Env) -> napi::Result<PromiseRaw<'env, ()>> {
        let tokens = self.tokens.clone();
        promise(env, async move { tokens.clear().await })
    }

    #[napi]
    pub fn is_available<'env>(&self, env: &'env Env) -> napi::Result<PromiseRaw<'env, bool>> {
        let tokens = self.tokens.clone();
        promise(env, async move { Ok(tokens.is_available().await) })
    }
}

/// The caller's object, changed now: by the clock of `Date.now()`, which is the one the caller's own dates are of.
fn stamped(env: &Env, credentials: Unknown<'_>) -> Result<Credentials, Failure> {
    let json = stringify(env, args::object(credentials, "credentials")?, "credentials")?;
    let date: Unknown<'_> = env.get_global()?.get_named_property("Date")?;
    let now: Function<'_, (), f64> = date.coerce_to_object()?.get_named_property("now")?;
    Ok(Credentials::new(&json, now.call(())? as u64)?)
}

/// `[["server", { … }], …]`, made with room for all of it, so that the buffer never moves and leaves a copy behind.
fn pairs(all: Vec<(String, Credentials)>) -> StoreResult<ParsedMap> {
    let room = all
        .iter()
        .map(|(account, credentials)| account.len() + credentials.json().expose().len() + 6);
    let mut json = String::with_capacity(2 + room.sum::<usize>());
    for (account, credentials) in &all {
        json.push(if json.is_empty() { '[' } else { ',' });
        json.push('[');
        json.push_str(&serde_json::Value::from(account.as_str()).to_string());
        json.push(',');
        json.push_str(credentials.json().expose());
        json.push(']');
    }
    json.push_str(if json.is_empty() { "[]" } else { "]" });
    Ok(ParsedMap(Secret::new(json)))
}
