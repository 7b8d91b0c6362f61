//! The keyring of an object without a loader: the one that an environment variable or a settings file selects, otherwise that
//! of the operating system.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use napi::Env;
use napi::bindgen_prelude::{FnArgs, Function, JsObjectValue, Unknown};

use super::adapter::JsLoader;
use super::environment::{DataDirectoryArgs, Host, JsEnvironment};
use super::error::Failure;
use super::log::EventLog;
use super::os_keyring::os_keyring;
use crate::doctor::ChosenKeyring;
use crate::error::{Code, Error};
use crate::keyring::misconfigured::MisconfiguredKeyring;
use crate::store::{KeyringProvider, SelectedKeyring};
use crate::telemetry::notices::{NoticeKind, notice};
use crate::telemetry::with_sink;

/// The keyring of an object without a loader.
pub struct KeyringChoice {
    /// The keyring. For an invalid setting, a keyring whose every call fails with the error of the setting.
    pub provider: KeyringProvider,
    /// What selected it; `None` for the default.
    pub chosen: Option<ChosenKeyring>,
}

/// Returns the keyring for objects without a loader.
pub fn choose_keyring(env: &Env, host: &Host, limit: Duration) -> Result<KeyringChoice, Failure> {
    let choose = JsEnvironment::of(env)?.choose_keyring.borrow_back(env)?;
    let Some(choice) = choose.call(data_directory_args(host))? else {
        return Ok(KeyringChoice {
            provider: KeyringProvider::Known(os_keyring(env, host, limit)?),
            chosen: None,
        });
    };
    let text = |name: &str| choice.get_named_property::<String>(name);
    let kind = text("kind")?;
    let chosen = ChosenKeyring {
        name: (kind != "os").then(|| text("description")).transpose()?,
        source: text("source")?,
    };
    let provider = match kind.as_str() {
        "os" => KeyringProvider::Known(os_keyring(env, host, limit)?),
        "files" => KeyringProvider::Known(SelectedKeyring::Nothing),
        "error" => {
            let code = Code::parse(&text("code")?).unwrap_or(Code::Unavailable);
            let error = Error::new(code, text("message")?).with_remediation(text("remediation")?);
            KeyringProvider::Known(SelectedKeyring::Injected(Arc::new(MisconfiguredKeyring::new(error))))
        }
        _ => {
            let loader = choice.get_named_property::<Function<'_, (), Unknown<'static>>>("loader")?;
            KeyringProvider::loaded(Arc::new(JsLoader::new(env, loader, limit)?))
        }
    };
    Ok(KeyringChoice {
        provider,
        chosen: Some(chosen),
    })
}

/// Returns the problem of a data directory that the environment moved into the current project.
pub fn project_problem(env: &Env, host: &Host) -> Result<Option<Error>, Failure> {
    let find = JsEnvironment::of(env)?.project_problem.borrow_back(env)?;
    let Some(problem) = find.call(data_directory_args(host))? else {
        return Ok(None);
    };
    let text = |name: &str| problem.get_named_property::<String>(name);
    Ok(Some(
        Error::new(Code::Denied, text("message")?).with_remediation(text("remediation")?),
    ))
}

/// Emits a notice if the environment moved the data directory into the current project.
pub fn notice_project(env: &Env, host: &Host, log: &EventLog) -> Result<(), Failure> {
    if let Some(problem) = project_problem(env, host)? {
        let message = format!("Keys are kept in the project: {}", problem.message());
        let emit = async move {
            notice(
                NoticeKind::KeysInProject,
                problem.code(),
                &message,
                problem.remediation(),
            )
        };
        // The future is complete when it is first polled.
        let _ = with_sink(log.sink(), emit).now_or_never();
    }
    Ok(())
}

fn data_directory_args(host: &Host) -> DataDirectoryArgs {
    FnArgs::from((host.data.path.to_string_lossy().into_owned(), host.data.rule.name()))
}
