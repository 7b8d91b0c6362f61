//! The key a session uses: that of the highest source that is there.

use std::pin::Pin;
use std::sync::Arc;

use super::args::is_blank;
use super::fatal;
use super::key_file::{self, PathContext};
use super::sources::{Kind, Sources, diagnostics, present};
use crate::error::{Code, Error, Result};
use crate::provider_keys::{KeyStorage, validate_name};
use crate::secret::Secret;
use crate::telemetry::events::key_source;

/// The key, where it came from, and what to remember.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// `None` when no source is there.
    pub api_key: Option<Secret>,
    /// The source's id, such as `key-name`; `none` when no source is there.
    pub source: &'static str,
    /// The key's name, the file's path or the variable's name, as it was given. Never the key.
    pub reference: Option<String>,
    /// The setting to remember the source by, and its value; `None` when there is nothing to remember.
    pub remembered: Option<(&'static str, Secret)>,
    /// Debug lines, without secrets (R25).
    pub diagnostics: Vec<String>,
}

/// A key on its way.
pub type Resolving = Pin<Box<dyn Future<Output = Result<Resolved>> + Send>>;

/// Finds the session's key. `keys` is asked for the saved keys only when the source is a named key.
///
/// Failure is final, and every error has the exit code 41 (R24): `NOT_FOUND` for a named key that is not there, `CORRUPT`
/// for an invalid name, what [`KeyStorage::get`] and [`key_file::read`] say, and `CORRUPT` for a flag without a value.
pub fn resolve<E: From<Error>>(
    sources: &Sources,
    surroundings: &PathContext,
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
        Kind::Key => Box::pin(std::future::ready(Ok(text.clone()))),
        Kind::Name => Box::pin(named_key(keys()?, text.expose().to_owned())),
        Kind::File => {
            let path = surroundings.resolve(text.expose());
            Box::pin(key_file::read(text.expose().to_owned(), path))
        }
    };
    Ok(Box::pin(async move {
        resolved.api_key = Some(key_source(resolved.source, looking_up).await.map_err(fatal)?);
        Ok(resolved)
    }))
}

async fn named_key(keys: Arc<dyn KeyStorage>, name: String) -> Result<Secret> {
    validate_name(&name)?;
    let found = keys.get(&name).await.map_err(|error| {
        let message = format!("Cannot read the named key '{name}': {}", error.message());
        Error::new(error.code(), message).with_remediation(error.remediation())
    })?;
    // A blank one is no key, whoever saved it.
    found.filter(|key| !is_blank(key.expose())).ok_or_else(|| {
        let message = format!("Named key '{name}' not found. Use '/key save {name} <key>' to store it.");
        Error::new(Code::NotFound, message)
    })
}

#[cfg(test)]
mod tests;
