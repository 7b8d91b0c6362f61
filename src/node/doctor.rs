//! `doctor`: a report on the data directory, the keyring and the stores.

use std::path::Path;
use std::sync::Arc;

use napi::Env;
use napi::bindgen_prelude::{JsObjectValue, Object, PromiseRaw, Unknown};
use napi_derive::napi;

use super::args;
use super::environment::JsEnvironment;
use super::error::Failure;
use super::keyring_choice::{choose_keyring, project_problem};
use super::legacy::JsLegacyData;
use super::options::{DEFAULT_LIMIT, milliseconds};
use super::promise::promise;
use crate::doctor::{KeyringReport, Problem, Report, StoreReport, Subject, examine};
use crate::keyring::misconfigured::MisconfiguredKeyring;
use crate::store::{KeyringProvider, SelectedKeyring};

/// Documented in `index.d.ts`, as are its parts.
#[napi(object, object_from_js = false, use_nullable = true)]
pub struct DoctorReport {
    pub versions: Versions,
    pub data_directory: DoctorDataDirectory,
    pub keyring: DoctorKeyring,
    pub places: Vec<DoctorPlace>,
    pub legacy: Vec<JsLegacyData>,
    pub problems: Vec<DoctorProblem>,
}

#[napi(object, object_from_js = false)]
pub struct DoctorDataDirectory {
    pub path: String,
    pub rule: &'static str,
}

#[napi(object, object_from_js = false)]
pub struct Versions {
    pub addon: &'static str,
    pub platform: String,
    pub runtime: String,
}

#[napi(object, object_from_js = false, use_nullable = true)]
pub struct DoctorKeyring {
    pub backend: String,
    pub why: String,
    pub chosen_by: Option<String>,
    pub works: bool,
    pub duration_ms: Option<f64>,
    pub code: Option<&'static str>,
    pub message: Option<String>,
    pub remediation: Option<String>,
}

#[napi(object, object_from_js = false, use_nullable = true)]
pub struct DoctorPlace {
    pub name: String,
    pub service: String,
    pub directory: String,
    pub keyring_keys: Option<u32>,
    pub file_keys: Option<u32>,
    pub directory_mode: Option<String>,
    pub directory_too_open: bool,
    pub files_too_open: u32,
}

#[napi(object, object_from_js = false)]
pub struct DoctorProblem {
    pub severity: &'static str,
    pub message: String,
    pub remedy: String,
}

/// See `index.d.ts`. `names` holds the names of the platform and of the runtime.
#[napi]
pub fn doctor<'env>(
    env: &'env Env,
    options: Unknown<'_>,
    names: Object<'_>,
) -> napi::Result<PromiseRaw<'env, DoctorReport>> {
    let versions = Versions {
        addon: env!("CARGO_PKG_VERSION"),
        platform: names.get_named_property("platform")?,
        runtime: names.get_named_property("runtime")?,
    };
    promise(env, subject(env, options), |(provider, mut subject)| async move {
        // A loader that does not answer in time is reported as an error of the keyring.
        subject.keyring = match provider.selected(subject.limit).await {
            Ok(keyring) => keyring,
            Err(error) => SelectedKeyring::Injected(Arc::new(MisconfiguredKeyring::new(error))),
        };
        Ok(report(examine(subject).await, versions))
    })
}

fn subject(env: &Env, options: Unknown<'_>) -> Result<(KeyringProvider, Subject), Failure> {
    let options = args::optional_object(options, "options")?;
    let limit = args::option(options.as_ref(), "keyringTimeoutMs")?
        .map(milliseconds)
        .transpose()?
        .unwrap_or(DEFAULT_LIMIT);
    let host = JsEnvironment::of(env)?.host(env)?;
    let choice = choose_keyring(env, &host, limit)?;
    let data_problem = project_problem(env, &host)?;
    let subject = Subject {
        keyring: SelectedKeyring::Nothing,
        data: host.data,
        chosen: choice.chosen,
        data_problem,
        home: host.home,
        limit,
    };
    Ok((choice.provider, subject))
}

fn report(report: Report, versions: Versions) -> DoctorReport {
    DoctorReport {
        versions,
        data_directory: DoctorDataDirectory {
            path: text(&report.data.path),
            rule: report.data.rule.description(),
        },
        keyring: report.keyring.into(),
        places: report.places.into_iter().map(DoctorPlace::from).collect(),
        legacy: report.legacy.into_iter().map(JsLegacyData::from).collect(),
        problems: report.problems.into_iter().map(DoctorProblem::from).collect(),
    }
}

impl From<KeyringReport> for DoctorKeyring {
    fn from(keyring: KeyringReport) -> Self {
        let error = keyring.error.as_ref();
        Self {
            backend: keyring.backend,
            chosen_by: keyring.chosen_by,
            works: keyring.works,
            duration_ms: keyring.duration.map(|duration| duration.as_micros() as f64 / 1000.0),
            code: error.map(|error| error.code().as_str()),
            message: error.map(|error| error.message().to_owned()),
            remediation: error.map(|error| error.remediation().to_owned()),
            why: keyring.why,
        }
    }
}

impl From<StoreReport> for DoctorPlace {
    fn from(place: StoreReport) -> Self {
        let files = place.files.ok();
        Self {
            name: place.name,
            service: place.service,
            directory: text(&place.directory),
            keyring_keys: place.keyring_keys.map(|keys| keys as u32),
            file_keys: files.map(|files| files.keys as u32),
            directory_mode: files.and_then(|files| files.mode).map(|mode| format!("{mode:04o}")),
            directory_too_open: files.is_some_and(|files| files.is_open()),
            files_too_open: files.map_or(0, |files| files.open_files as u32),
        }
    }
}

impl From<Problem> for DoctorProblem {
    fn from(problem: Problem) -> Self {
        Self {
            severity: problem.severity.as_str(),
            message: problem.message,
            remedy: problem.remedy,
        }
    }
}

fn text(path: &Path) -> String {
    path.display().to_string()
}
