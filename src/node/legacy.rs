//! `findLegacyData`.

use napi::Env;
use napi::bindgen_prelude::{PromiseRaw, Unknown};
use napi_derive::napi;

use super::args;
use super::environment::Environment;
use super::error::{Failure, rejected};
use super::options;
use super::promise::promise;
use crate::legacy::find;

/// Documented in `index.d.ts`.
#[napi(object, object_from_js = false)]
pub struct LegacyData {
    pub path: String,
    pub kind: &'static str,
    pub message: String,
}

/// Documented in `index.d.ts`.
#[napi]
pub fn find_legacy_data<'env>(env: &'env Env, options: Unknown<'_>) -> napi::Result<PromiseRaw<'env, Vec<LegacyData>>> {
    match home(env, options) {
        Ok(home) => promise(env, async move {
            let found = find(home).await?;
            Ok(found.into_iter().map(LegacyData::from).collect())
        }),
        Err(failure) => rejected(env, failure),
    }
}

fn home(env: &Env, options: Unknown<'_>) -> Result<std::path::PathBuf, Failure> {
    if let Some(options) = args::optional_object(options, "options")?
        && let Some(home) = options::path(&options, "homeDir", "the path of a directory")?
    {
        return Ok(home);
    }
    Ok(Environment::of(env)?.host(env)?.home)
}

impl From<crate::legacy::LegacyData> for LegacyData {
    fn from(data: crate::legacy::LegacyData) -> Self {
        Self {
            path: data.path.display().to_string(),
            kind: data.kind,
            message: data.message,
        }
    }
}
