//! `createDefaultKeyringAdapter()`: the OS keyring for JavaScript, as an adapter.

use std::sync::Arc;

use napi::Env;
use napi::bindgen_prelude::{PromiseRaw, Unknown};
use napi_derive::napi;

use super::args;
use super::environment::JsEnvironment;
use super::error::Failure;
use super::options::DEFAULT_LIMIT;
use super::os_keyring::os_keyring;
use super::promise::{JsSecret, promise};
use crate::keyring::{Keyring, KeyringError};
use crate::store::PROBE_PREFIX;

/// The OS keyring as an adapter.
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

/// Called by `lib/calls.js`: returns the OS keyring as an adapter; `null` if there is none.
#[napi]
pub fn create_os_keyring_adapter<'env>(env: &'env Env) -> napi::Result<PromiseRaw<'env, Option<OsKeyringAdapter>>> {
    let host = JsEnvironment::of(env)?.host(env)?;
    let selected = os_keyring(env, &host, DEFAULT_LIMIT)?;
    promise(env, Ok(()), |()| async move {
        let Some(keyring) = selected.keyring().cloned() else {
            return Ok(None);
        };
        // The cheapest call that shows whether there is a keyring. A locked or slow keyring counts as present.
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
        promise(env, entry(service, account), |(service, account)| async move {
            let found = keyring.get(&service, &account).await;
            Ok(found.map_err(KeyringError::into_error)?.map(JsSecret))
        })
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
        let args = entry(service, account).and_then(|entry| Ok((entry, args::secret(password, "password")?)));
        promise(env, args, |((service, account), password)| async move {
            let set = keyring.set(&service, &account, &password).await;
            set.map_err(KeyringError::into_error)
        })
    }

    #[napi]
    pub fn delete_password<'env>(
        &self,
        env: &'env Env,
        service: Unknown<'_>,
        account: Unknown<'_>,
    ) -> napi::Result<PromiseRaw<'env, bool>> {
        let keyring = self.keyring.clone();
        promise(env, entry(service, account), |(service, account)| async move {
            let deleted = keyring.delete(&service, &account).await;
            deleted.map_err(KeyringError::into_error)
        })
    }

    #[napi]
    pub fn find_credentials<'env>(
        &self,
        env: &'env Env,
        service: Unknown<'_>,
    ) -> napi::Result<PromiseRaw<'env, Vec<Credential>>> {
        let keyring = self.keyring.clone();
        promise(env, args::text(service, "service"), |service| async move {
            let accounts = keyring.accounts(&service).await.map_err(KeyringError::into_error)?;
            let secrets = keyring.get_many(&service, &accounts).await;
            let mut found = Vec::with_capacity(accounts.len());
            for (account, secret) in accounts.into_iter().zip(secrets) {
                // An account that was deleted after the listing is left out.
                if let Some(secret) = secret.map_err(KeyringError::into_error)? {
                    found.push(Credential {
                        account,
                        password: JsSecret(secret),
                    });
                }
            }
            Ok(found)
        })
    }
}

fn entry(service: Unknown<'_>, account: Unknown<'_>) -> Result<(String, String), Failure> {
    Ok((args::text(service, "service")?, args::text(account, "account")?))
}
