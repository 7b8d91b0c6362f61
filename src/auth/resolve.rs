//! Resolves the key of a session: the key of the first source that is present.

use std::pin::Pin;
use std::sync::Arc;

use super::args::is_blank;
use super::fatal;
use super::key_file::{self, PathContext};
use super::sources::{AuthSources, TextKind, diagnostics, present};
use crate::error::{Code, Error, Result};
use crate::provider_keys::{KeyStorage, validate_name};
use crate::secret::Secret;
use crate::telemetry::events::key_source;
use crate::text::trim;

/// A resolved key, its source, and the setting to remember.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// The key; `None` when no source is present.
    pub api_key: Option<Secret>,
    /// The id of the source, such as `key-name`; `none` when no source is present.
    pub source: &'static str,
    /// The name of the key, the path of the file or the name of the variable. Never the key.
    pub reference: Option<String>,
    /// The setting to remember, with its value; `None` when there is nothing to remember.
    pub remembered: Option<(&'static str, Secret)>,
    /// Debug lines, without secrets.
    pub diagnostics: Vec<String>,
}

/// A future of the resolved key.
pub type Resolving = Pin<Box<dyn Future<Output = Result<Resolved>> + Send>>;

/// Resolves the key of the session. `keys` is called only if the source is a named key.
///
/// # Errors
///
/// Every error has exit code 41. `NOT_FOUND` for a named key that does not exist, `CORRUPT` for an invalid or empty name,
/// and the errors of [`KeyStorage::get`] and [`key_file::read`].
pub fn resolve<E: From<Error>>(
    sources: &AuthSources,
    paths: &PathContext,
    keys: impl FnOnce() -> Result<Arc<dyn KeyStorage>, E>,
) -> Result<Resolving, E> {
    let present = present(sources)?;
    let used = present.first();
    let mut resolved = Resolved {
        api_key: None,
        source: used.map_or("none", |used| used.id()),
        reference: used.and_then(|used| used.reference()),
        remembered: used.and_then(|used| used.remembered()),
        diagnostics: diagnostics(&present),
    };
    let Some(used) = used else {
        return Ok(Box::pin(
            async move { key_source("none", async { Ok(resolved) }).await },
        ));
    };
    let text = used.text();
    let looking_up: Pin<Box<dyn Future<Output = Result<Secret>> + Send>> = match used.kind() {
        TextKind::Key => Box::pin(std::future::ready(Ok(text.clone()))),
        TextKind::Name => Box::pin(named_key(keys()?, trim(text.expose()).to_owned())),
        TextKind::File => {
            let path = paths.resolve(text.expose());
            Box::pin(key_file::read(text.expose().to_owned(), path))
        }
    };
    Ok(Box::pin(async move {
        resolved.api_key = Some(key_source(resolved.source, looking_up).await.map_err(fatal)?);
        Ok(resolved)
    }))
}

async fn named_key(keys: Arc<dyn KeyStorage>, name: String) -> Result<Secret> {
    // A storage of the host may not validate names.
    validate_name(&name)?;
    let found = keys.get(&name).await.map_err(|error| {
        let message = format!("Cannot read the named key '{name}': {}", error.message());
        Error::new(error.code(), message).with_remediation(error.remediation())
    })?;
    // Another program may have saved white space, which is not a key.
    found.filter(|key| !is_blank(key.expose())).ok_or_else(|| {
        let message = format!("Named key '{name}' not found. Use '/key save {name} <key>' to store it.");
        Error::new(Code::NotFound, message)
    })
}

#[cfg(test)]
mod tests;
