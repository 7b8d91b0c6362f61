//! OAuth credentials of MCP servers.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::value::RawValue;

use crate::error::{Code, Error, Result};
use crate::secret::{Secret, SecretBuilder};
use crate::store::{FallbackPolicy, SecretStore};
use crate::telemetry::events::credentials_skipped;

/// The default service of the credentials.
pub const SERVICE: &str = "llxprt-cli-mcp-oauth";

/// Prefix of the accounts with which an older program tested its keyring. Crashes left some of them behind.
const FORMER_PROBE_PREFIX: &str = "__keychain_test__";

/// The OAuth credentials of MCP servers, one account for each server. Cloning is cheap.
///
/// The account is the name of the server with `_` in place of every character outside `a-zA-Z0-9-_.`, so two servers may
/// share one. Every method fails with `CORRUPT` for an empty server name, and for one whose account cannot be stored.
#[derive(Clone)]
pub struct Tokens {
    store: Arc<dyn SecretStore>,
    service: Arc<str>,
}

/// The result of [`Tokens::get_all`].
#[derive(Debug, Default)]
pub struct AllCredentials {
    /// The credentials by account.
    pub credentials: Vec<(String, Credentials)>,
    /// The accounts whose stored credentials cannot be used.
    pub broken: Vec<BrokenCredentials>,
}

/// Stored credentials that cannot be used.
#[derive(Debug)]
pub struct BrokenCredentials {
    /// The account: the sanitised name of the server.
    pub account: String,
    /// Why they cannot be used. The code is `CORRUPT`.
    pub error: Error,
}

impl Tokens {
    /// Returns the credentials in this store. `service` is the service that events name.
    pub fn new(store: Arc<dyn SecretStore>, service: &str) -> Self {
        let service = Arc::from(service);
        Self { store, service }
    }

    /// Returns the store that holds the credentials.
    pub fn store(&self) -> &Arc<dyn SecretStore> {
        &self.store
    }

    /// Returns the credentials of a server; `None` when there are none.
    ///
    /// # Errors
    ///
    /// `CORRUPT` when the stored value is not valid credentials; the errors of the store otherwise.
    pub async fn get(&self, server: &str) -> Result<Option<Credentials>> {
        let Some(json) = self.store.get(&account(server)?).await? else {
            return Ok(None);
        };
        Credentials::stored(json).map(Some).ok_or_else(|| unparsable(server))
    }

    /// Stores credentials for the server that they name.
    ///
    /// # Errors
    ///
    /// The error of the store.
    pub fn set(&self, credentials: Credentials) -> impl Future<Output = Result<()>> + Send + use<> {
        let setting = account(&credentials.server_name).map(|account| self.store.set(&account, credentials.json));
        async move { setting?.await.map(|_| ()) }
    }

    /// Removes the credentials of a server.
    ///
    /// # Errors
    ///
    /// `NOT_FOUND` when there are none; the errors of the store otherwise.
    pub fn delete(&self, server: &str) -> impl Future<Output = Result<()>> + Send + use<> {
        let deleting = account(server).map(|account| self.store.delete(&account));
        let server = server.to_owned();
        async move {
            if deleting?.await? {
                return Ok(());
            }
            let message = format!("No credentials found for {server}");
            Err(Error::new(Code::NotFound, message).with_remediation("Authenticate with the MCP server first"))
        }
    }

    /// Returns the accounts, sorted. An empty list means that there are none.
    ///
    /// # Errors
    ///
    /// The error of a source that could not be listed, even if the others hold accounts.
    pub async fn list(&self) -> Result<Vec<String>> {
        let mut listed = self.store.keys().await?;
        if let Some(error) = listed.incomplete {
            return Err(error);
        }
        listed.keys.retain(|account| !account.starts_with(FORMER_PROBE_PREFIX));
        Ok(listed.keys)
    }

    /// Returns the credentials of every account, read in one batch. Broken credentials are logged and returned separately.
    ///
    /// # Errors
    ///
    /// The error of a source that could not be listed, or of a value that could not be read, unless it is `CORRUPT`.
    pub async fn get_all(&self) -> Result<AllCredentials> {
        let entries = self.store.entries().await?;
        if let Some(error) = entries.incomplete {
            return Err(error);
        }
        let mut all = AllCredentials::default();
        for entry in entries.entries {
            let account = entry.key;
            if account.starts_with(FORMER_PROBE_PREFIX) {
                continue;
            }
            let (reason, error) = match (entry.value, entry.error) {
                (Some(json), _) => match Credentials::stored(json) {
                    Some(credentials) => {
                        all.credentials.push((account, credentials));
                        continue;
                    }
                    None => ("unparsable", unparsable(&account)),
                },
                (None, Some(error)) if error.code() == Code::Corrupt => ("undecryptable", error),
                (None, Some(error)) => return Err(error),
                (None, None) => continue,
            };
            credentials_skipped(&self.service, &account, reason);
            all.broken.push(BrokenCredentials { account, error });
        }
        Ok(all)
    }

    /// Removes all credentials. A failure does not stop the other removals.
    ///
    /// # Errors
    ///
    /// After all removals were tried, an error with the code of the first failure and the messages of all; the error of a source
    /// that could not be listed counts as a failure.
    pub async fn clear(&self) -> Result<()> {
        let listed = self.store.keys().await?;
        let deleted = self.store.delete_many(&listed.keys).await;
        let failures: Vec<Error> = deleted
            .into_iter()
            .filter_map(Result::err)
            .chain(listed.incomplete)
            .collect();
        let Some(first) = failures.first() else { return Ok(()) };
        let messages: BTreeSet<&str> = failures.iter().map(Error::message).collect();
        let messages: Vec<&str> = messages.into_iter().collect();
        let message = format!("Failed to clear some credentials: {}", messages.join(", "));
        Err(Error::new(first.code(), message).with_remediation(first.remediation()))
    }

    /// Returns whether credentials can be stored: in files, if the policy allows them and their directory can be read, or in a
    /// working keyring.
    pub async fn is_available(&self) -> bool {
        let Some(store) = self.store.as_secure_store() else {
            return self.store.list().await.is_ok();
        };
        let files = store.policy() == FallbackPolicy::Allow && store.files().list().await.is_ok();
        files || store.is_keychain_available().await.unwrap_or(false)
    }
}

/// The OAuth credentials of one MCP server, as the JSON object they are stored as:
/// `{ serverName, token: { accessToken, tokenType, … }, updatedAt, … }`.
///
/// The JSON is kept as text. Only the required fields are parsed, in place: unknown fields stay unchanged, and no token is
/// copied into memory that is not wiped.
#[derive(Clone, Debug)]
pub struct Credentials {
    server_name: String,
    json: Secret,
}

/// The fields of a JSON object, each as its JSON text.
type JsonFields<'a> = BTreeMap<String, &'a RawValue>;

impl Credentials {
    /// Validates credentials and sets their field `updatedAt`, in milliseconds since 1970.
    ///
    /// # Errors
    ///
    /// `CORRUPT`, with a message that names the missing field.
    pub fn new(json: &Secret, updated_at: u64) -> Result<Self> {
        let invalid = |message: &str| {
            Error::new(Code::Corrupt, message).with_remediation("Pass complete credentials, or re-authenticate")
        };
        let mut fields = object(json.expose()).ok_or_else(|| invalid("Credentials must be an object"))?;
        let server_name = check(&fields).map_err(invalid)?;
        let now = RawValue::from_string(updated_at.to_string()).map_err(|_| invalid("Credentials must have a date"))?;
        fields.insert("updatedAt".to_owned(), &now);
        Ok(Self {
            server_name,
            json: print(&fields),
        })
    }

    /// Parses a stored value; `None` when it is not JSON, or a required field is missing.
    fn stored(json: Secret) -> Option<Self> {
        let server_name = check(&object(json.expose())?).ok()?;
        Some(Self { server_name, json })
    }

    /// Returns the name of the server.
    pub fn server_name(&self) -> &str {
        &self.server_name
    }

    /// Returns the JSON text.
    pub fn json(&self) -> &Secret {
        &self.json
    }

    /// Consumes `self` and returns the JSON text.
    pub fn into_json(self) -> Secret {
        self.json
    }
}

/// Returns the account of a server. A character outside the basic plane becomes two `_`, because older programs named the
/// accounts in JavaScript, where such a character is two code units.
///
/// # Errors
///
/// `CORRUPT` for an empty name, and for `.` and `..`, which are not valid keys.
pub fn account(server: &str) -> Result<String> {
    if server.is_empty() {
        return Err(Error::new(Code::Corrupt, "Server name is required").with_remediation("Name the server"));
    }
    let mut account = String::with_capacity(server.len());
    for c in server.chars() {
        match c {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '-' | '_' | '.' => account.push(c),
            c => (0..c.len_utf16()).for_each(|_| account.push('_')),
        }
    }
    if account == "." || account == ".." {
        let message = format!("Credentials cannot be stored for a server named '{server}'");
        return Err(Error::new(Code::Corrupt, message).with_remediation("Give the server another name"));
    }
    Ok(account)
}

/// Returns the name of the server, or a message about the required field that is missing, empty or of the wrong type.
fn check(fields: &JsonFields<'_>) -> Result<String, &'static str> {
    let server_name = fields.get("serverName").and_then(|name| text(name));
    let server_name = server_name.ok_or("Server name is required")?;
    let token = fields.get("token").and_then(|token| object(token.get()));
    let token = token.ok_or("Token is required")?;
    let has = |name| token.get(name).is_some_and(|value| is_text(value));
    match (has("accessToken"), has("tokenType")) {
        (false, _) => Err("Access token is required"),
        (_, false) => Err("Token type is required"),
        _ => Ok(server_name),
    }
}

fn unparsable(server: &str) -> Error {
    let message = format!("Failed to parse stored credentials for {server}");
    Error::new(Code::Corrupt, message).with_remediation("Re-authenticate with the MCP server")
}

fn object(json: &str) -> Option<JsonFields<'_>> {
    serde_json::from_str(json).ok()
}

/// Returns the text of a JSON string; `None` when it is empty or another value.
fn text(value: &RawValue) -> Option<String> {
    let text: String = serde_json::from_str(value.get()).ok()?;
    (!text.is_empty()).then_some(text)
}

/// Returns whether a value is a non-empty JSON string, without looking at its content.
fn is_text(value: &RawValue) -> bool {
    value.get().starts_with('"') && value.get() != "\"\""
}

fn print(fields: &JsonFields<'_>) -> Secret {
    let mut json = SecretBuilder::default();
    // Writing a map of JSON texts to memory cannot fail.
    let _ = serde_json::to_writer(&mut json, fields);
    json.finish()
}

#[cfg(test)]
mod tests;
