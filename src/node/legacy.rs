//! `findLegacyData`.

use std::path::PathBuf;

use napi::Env;
use napi::bindgen_prelude::{PromiseRaw, Unknown};
use napi_derive::napi;

use super::args;
use super::environment::JsEnvironment;
use super::error::Failure;
use super::options;
use super::promise::promise;
use crate::fs::paths::home_data_directory;
use crate::legacy::find;

/// See `index.d.ts`.
#[napi(object, js_name = "LegacyData", object_from_js = false)]
pub struct JsLegacyData {
    pub path: String,
    pub kind: &'static str,
    pub message: String,
}

/// See `index.d.ts`.
#[napi]
pub fn find_legacy_data<'env>(
    env: &'env Env,
    options: Unknown<'_>,
) -> napi::Result<PromiseRaw<'env, Vec<JsLegacyData>>> {
    promise(env, directories(env, options), |directories| async move {
        let found = find(directories).await?;
        Ok(found.into_iter().map(JsLegacyData::from).collect())
    })
}

/// Returns the data directories to search: that of the home directory, and the one in use.
fn directories(env: &Env, options: Unknown<'_>) -> Result<Vec<PathBuf>, Failure> {
    let options = args::optional_object(options, "options")?;
    let path = |name| options::path(options.as_ref(), name, "the path of a directory");
    let host = JsEnvironment::of(env)?.host(env)?;
    let (home, data) = (path("homeDir")?, path("dataDir")?);
    // The data directory in use belongs to the user's home directory, not to another one.
    let data = data.or_else(|| home.is_none().then_some(host.data.path));
    let home = home_data_directory(&home.unwrap_or(host.home));
    Ok([Some(home), data].into_iter().flatten().collect())
}

impl From<crate::legacy::LegacyData> for JsLegacyData {
    fn from(data: crate::legacy::LegacyData) -> Self {
        Self {
            path: data.path.display().to_string(),
            kind: data.kind,
            message: data.message,
        }
    }
}
