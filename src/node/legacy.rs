//! `findLegacyData`.

use napi::Env;
use napi::bindgen_prelude::{PromiseRaw, Unknown};
use napi_derive::napi;

use super::args;
use super::environment::Environment;
use super::error::{Failure, rejected};
use super::options;
use super::promise::promise;
use crate::fs::paths::home_data_directory;
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
    match directories(env, options) {
        Ok(directories) => promise(env, async move {
            let found = find(directories).await?;
            Ok(found.into_iter().map(LegacyData::from).collect())
        }),
        Err(failure) => rejected(env, failure),
    }
}

/// The data directories to look in: that of the home directory, and the one in use.
fn directories(env: &Env, options: Unknown<'_>) -> Result<Vec<std::path::PathBuf>, Failure> {
    let options = args::optional_object(options, "options")?;
    let path = |name| match &options {
        Some(options) => options::path(options, name, "the path of a directory"),
        None => Ok(None),
    };
    let home = match path("homeDir")? {
        Some(home) => home,
        None => Environment::of(env)?.host(env)?.home,
    };
    Ok([Some(home_data_directory(&home)), path("dataDir")?]
        .into_iter()
        .flatten()
        .collect())
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
