//! `createDefaultKeyringAdapter()`: the OS keyring for JavaScript, as an adapter.

use std::sync::Arc;

use napi::Env;
use napi::bindgen_prelude::{PromiseRaw, Unknown};
use napi_derive::napi;

use super::args;
use super::environment::Environment;
use super::error::rejected;
use super::options::{DEFAULT_LIMIT, os_keyring};
use super::promise::{JsSecret, promise};
use crate::keyring::{Keyring, KeyringError};
use crate::store::PROBE_PREFIX;

/// The OS keyring as an adapter. JavaScript gets one from `createDefaultKeyringAdapter`, never by `new`.
#[napi]
pub struct OsKeyringAdapter {
    keyring: Arc<dyn Keyring>,
}

/// One account and its password.
#[napi(object, object_from_js = false)]
pub struct Credential {
    pub account: String,
    pub password: JsSecret,
}

/// Documented in `index.d.ts`.
#[napi]
pub fn create_default_keyring_adapter<'env>(
    env: &'env Env,
) -> napi::Result<PromiseRaw<'env, Option<OsKeyringAdapter>>> {
    let host = Environment::of(env)?.host(env)?;
    let choice = os_keyring(&host, DEFAULT_LIMIT);
    promise(env, async move {
        let Some(keyring) = choice.keyring().cloned() else {
            return Ok(None);
        };
        // The cheapest question that tells whether anybody is there. A keyring that is locked or slow is one.
        match keyring.contains(PROBE_PREFIX, PROBE_PREFIX).await {
            Err(KeyringError::Absent(_)) => Ok(None),
            Ok(_) | Err(KeyringError::Failed(_)) => Ok(Some(OsKeyringAdapter { keyring })),
        }
    })
}

#[napi]
impl OsKeyringAdapter {
    #[napi]
    pub fn get_password<'env>(
        &self,
        env: &'env Env,
        service: Unknown<'_>,
        account: Unknown<'_>,
    ) -> napi::Result<PromiseRaw<'env, Option<JsSecret>>> {
        let keyring = self.keyring.clone();
        match entry(service, account) {
            Ok((service, account)) => promise(env, async move {
                let found = keyring
                    .get(&service, &account)
                    .await
                    .map_err(KeyringError::into_error)?;
                Ok(found.map(JsSecret))
            }),
            Err(failure) => rejected(env, failure),
        }
    }

    #[napi]
    pub fn set_password<'env>(
        &self,
        env: &'env Env,
        service: Unknown<'_>,
        account: Unknown<'_>,
        password: Unknown<'_>,
    ) -> napi::Result<PromiseRaw<'env, ()>> {
        let keyring = self.keyring.clone();
        match entry(service, account).and_then(|entry| Ok((entry, args::secret(password, "password")?))) {
            Ok(((service, account), password)) => promise(env, async move {
                keyring
                    .set(&service, &account, &password)
                    .await
                    .map_err(KeyringError::into_error)
            }),
            Err(failure) => rejected(env, failure),
        }
    }

    #[napi]
    pub fn delete_password<'env>(
        &self,
        env: &'env Env,
        service: Unknown<'_>,
        account: Unknown<'_>,
    ) -> napi::Result<PromiseRaw<'env, bool>> {
        let keyring = self.keyring.clone();
        match entry(service, account) {
            Ok((service, account)) => promise(env, async move {
                keyring
                    .delete(&service, &account)
                    .await
                    .map_err(KeyringError::into_error)
            }),
            Err(failure) => rejected(env, failure),
        }
    }

    #[napi]
    pub fn find_credentials<'env>(
        &self,
        env: &'env Env,
        service: Unknown<'_>,
    ) -> napi::Result<PromiseRaw<'env, Vec<Credential>>> {
        let keyring = self.keyring.clone();
        match args::text(service, "service") {
            Ok(service) => promise(env, async move {
                let accounts = keyring.accounts(&service).await.map_err(KeyringError::into_error)?;
                let secrets = keyring.get_many(&service, &accounts).await;
                let mut found = Vec::with_capacity(accounts.len());
                for (account, secret) in accounts.into_iter().zip(secrets) {
                    // An account that went away meanwhile is left out.
                    if let Some(secret) = secret.map_err(KeyringError::into_error)? {
                        found.push(Credential {
                            account,
                            password: JsSecret(secret),
                        });
                    }
                }
                Ok(found)
            }),
            Err(failure) => rejected(env, failure),
        }
    }
}

fn entry(service: Unknown<'_>, account: Unknown<'_>) -> Result<(String, String), super::error::Failure> {
    Ok((args::text(service, "service")?, args::text(account, "account")?))
}
