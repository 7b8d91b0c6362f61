//! OAuth credentials of MCP servers (R7).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::value::RawValue;

use crate::error::{Code, Error, Result};
use crate::secret::Secret;
use crate::store::{FallbackPolicy, SecretStore};
use crate::telemetry::events::credentials_skipped;

/// The service its accounts belong to, unless the caller names another.
pub const SERVICE: &str = "llxprt-cli-mcp-oauth";

/// How the accounts began that an older program tried its keyring with. A crash left some behind.
const FORMER_PROBE_PREFIX: &str = "__keychain_test__";

/// The OAuth credentials of MCP servers, an account for each.
///
/// The account is the server's name with `_` in place of what is not in `a-zA-Z0-9-_.`, so two servers may share one.
/// Any method answers `CORRUPT` for a server without a name, or whose account could not be stored.
#[derive(Clone)]
pub struct Tokens {
    store: Arc<dyn SecretStore>,
    service: Arc<str>,
}

impl Tokens {
    /// Credentials kept in this store. Events name the service.
    pub fn new(store: Arc<dyn SecretStore>, service: &str) -> Self {
        let service = Arc::from(service);
        Self { store, service }
    }

    /// The store the credentials are kept in.
    pub fn store(&self) -> &Arc<dyn SecretStore> {
        &self.store
    }

    /// The credentials of a server; `None` when there are none. `CORRUPT` when what is stored are none.
    pub async fn get(&self, server: &str) -> Result<Option<Credentials>> {
        let Some(json) = self.store.get(&account(server)?).await? else {
            return Ok(None);
        };
        Credentials::stored(json).map(Some).ok_or_else(|| {
            let message = format!("Failed to parse stored credentials for {server}");
            Error::new(Code::Corrupt, message).with_remediation("Re-authenticate with the MCP server")
        })
    }

    /// Stores credentials for the server they name.
    pub fn set(&self, credentials: Credentials) -> impl Future<Output = Result<()>> + Send + use<> {
        let setting = account(&credentials.server_name).map(|account| self.store.set(&account, credentials.json));
        async move { setting?.await.map(|_| ()) }
    }

    /// Removes the credentials of a server. `NOT_FOUND` when there are none.
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

    /// The accounts there are, sorted; empty when there are none. Fails when neither keyring nor files can be listed.
    pub async fn list(&self) -> Result<Vec<String>> {
        let mut accounts = self.store.list().await?;
        accounts.retain(|account| !account.starts_with(FORMER_PROBE_PREFIX));
        Ok(accounts)
    }

    /// The credentials of every account, read in one go. Those that are broken are left out, and reported in the log; a
    /// keyring or file that cannot be read fails the call, so that "none" and "cannot look" differ.
    pub async fn get_all(&self) -> Result<Vec<(String, Credentials)>> {
        let accounts = self.list().await?;
        let found = self.store.get_many(&accounts).await;
        let mut all = Vec::with_capacity(accounts.len());
        for (account, found) in accounts.into_iter().zip(found) {
            let broken = match found {
                Ok(None) => continue,
                Ok(Some(json)) => match Credentials::stored(json) {
                    Some(credentials) => {
                        all.push((account, credentials));
                        continue;
                    }
                    None => "unparsable",
                },
                Err(error) if error.code() == Code::Corrupt => "undecryptable",
                Err(error) => return Err(error),
            };
            credentials_skipped(&self.service, &account, broken);
        }
        Ok(all)
    }

    /// Removes all of them. One that fails stops none of the others; the code is that of the first failure.
    pub async fn clear(&self) -> Result<()> {
        let accounts = self.store.list().await?;
        let failures: Vec<Error> = self
            .store
            .delete_many(&accounts)
            .await
            .into_iter()
            .filter_map(Result::err)
            .collect();
        let Some(first) = failures.first() else { return Ok(()) };
        let messages: BTreeSet<&str> = failures.iter().map(Error::message).collect();
        let messages: Vec<&str> = messages.into_iter().collect();
        let message = format!("Failed to clear some credentials: {}", messages.join(", "));
        Err(Error::new(first.code(), message).with_remediation(first.remediation()))
    }

    /// Whether credentials can be kept: in files, where they are allowed and their directory can be read, or in a keyring
    /// that works. Never fails.
    pub async fn is_available(&self) -> bool {
        let Some(store) = self.store.as_secure_store() else {
            return self.store.list().await.is_ok();
        };
        let files = store.policy() == FallbackPolicy::Allow && store.files().list().await.is_ok();
        files || store.is_keychain_available().await
    }
}

/// The OAuth credentials of one MCP server, as the JSON object they are stored as:
/// `{ serverName, token: { accessToken, tokenType, … }, updatedAt, … }`.
///
/// They stay text, of which only what counts here is looked at, in place: fields nobody knows survive to the letter, and
/// no token is copied into memory that is not wiped.
#[derive(Clone, Debug)]
pub struct Credentials {
    server_name: String,
    json: Secret,
}

/// The fields of a JSON object, each as it is written.
type Fields<'a> = BTreeMap<String, &'a RawValue>;

impl Credentials {
    /// Credentials that were changed at this moment, in milliseconds since 1970. `CORRUPT`, with a message that says what
    /// is missing, when they lack what they must have.
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

    /// What the store held; `None` when it is no JSON, or lacks what credentials must have.
    fn stored(json: Secret) -> Option<Self> {
        let server_name = check(&object(json.expose())?).ok()?;
        Some(Self { server_name, json })
    }

    /// The server they are for.
    pub fn server_name(&self) -> &str {
        &self.server_name
    }

    /// The JSON text.
    pub fn json(&self) -> &Secret {
        &self.json
    }

    /// The same, taken over.
    pub fn into_json(self) -> Secret {
        self.json
    }
}

/// The server's name; an error names the field that is missing, empty or of the wrong type.
fn check(fields: &Fields<'_>) -> Result<String, &'static str> {
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

fn object(json: &str) -> Option<Fields<'_>> {
    serde_json::from_str(json).ok()
}

/// The text of a JSON string that is not empty.
fn text(value: &RawValue) -> Option<String> {
    let text: String = serde_json::from_str(value.get()).ok()?;
    (!text.is_empty()).then_some(text)
}

/// Whether it is a JSON string that is not empty; what it says is not looked at.
fn is_text(value: &RawValue) -> bool {
    value.get().starts_with('"') && value.get() != "\"\""
}

fn print(fields: &Fields<'_>) -> Secret {
    // Room for all of it, so that the buffer never moves and leaves a copy behind. A name takes at most six characters for
    // each of its own, as escapes do.
    let room = fields
        .iter()
        .map(|(name, value)| 6 * name.len() + value.get().len() + 4);
    let mut json = String::with_capacity(2 + room.sum::<usize>());
    for (name, value) in fields {
        json.push(if json.is_empty() { '{' } else { ',' });
        json.push_str(&serde_json::Value::from(name.as_str()).to_string());
        json.push(':');
        json.push_str(value.get());
    }
    json.push('}');
    Secret::new(json)
}

/// The account of a server. Characters are those of JavaScript, of which one outside the basic plane counts twice: that is
/// how the accounts there are were named.
fn account(server: &str) -> Result<String> {
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

#[cfg(test)]
mod tests;
