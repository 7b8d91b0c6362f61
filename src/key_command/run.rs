//! Runs `/key` commands.
//!
//! Every command has a result; a storage failure is a result too. Of the results, only [`CommandResult::SetKey`] holds a key,
//! which the host asked for, and [`CommandResult::Confirm`] may, because it returns the host's `raw` unchanged.

use std::sync::Arc;

use tokio::sync::Mutex;

use super::complete::{SavedNames, Suggestion, complete};
use super::mask::{PLACEHOLDER, is_mask, mask_for_display};
use super::parse::{Invocation, Subcommand, parse};
use crate::error::{Code, Error, Result};
use crate::provider_keys::{KeyStorage, validate_name};
use crate::secret::Secret;
use crate::store::{Key, StoreEntries, StoredIn};

const NO_KEYRING: &str = "Cannot access keyring. Keys cannot be saved. Use '/key <raw-key>' for ephemeral session key.";
const NO_KEYS: &str = "No saved keys. Use '/key save <name> <api-key>' to store one.";
const EMPTY_KEY: &str = "API key value cannot be empty.";
const MASK_AS_KEY: &str = "This is the mask of a key, not the key itself. Use '/key save <name> <api-key>'.";
const DELETE_NEEDS_CONFIRMATION: &str = "Deleting keys requires interactive confirmation.";

/// The circumstances in which a command runs.
#[derive(Clone, Debug)]
pub struct Context {
    /// Whether the user can be asked. If not, nothing is overwritten or deleted.
    pub interactive: bool,
    /// Whether the user was asked and agreed.
    pub confirmed: bool,
    /// The host's form of the invocation, which it runs again after a confirmation; `None` if the host passed none.
    pub raw: Option<Secret>,
}

impl Default for Context {
    fn default() -> Self {
        Self {
            interactive: true,
            confirmed: false,
            raw: None,
        }
    }
}

/// The result of a command: an instruction for the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CommandResult {
    /// Show this information.
    Info(String),
    /// Show this error.
    Error(String),
    /// Ask the user, then run the same command again as confirmed.
    Confirm {
        /// The question.
        prompt: String,
        /// The invocation of the host, or one with the key replaced by [`PLACEHOLDER`].
        raw: Secret,
    },
    /// Use this key for the session.
    SetKey {
        /// The key.
        key: Secret,
        /// The saved key it was loaded from; `None` for a key that was typed.
        loaded: Option<LoadedKey>,
    },
    /// Clear the session's key.
    ClearKey,
    /// Show the status of the session's key.
    KeyStatus,
}

/// A saved key that was loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadedKey {
    /// The name of the key.
    pub name: String,
    /// The text to show.
    pub content: String,
}

/// The `/key` command on a storage of named keys. Cloning is cheap.
#[derive(Clone)]
pub struct KeyCommand {
    keys: Arc<dyn KeyStorage>,
    names: SavedNames,
    /// Held by a save or a deletion, so that changes run one at a time.
    changes: Arc<Mutex<()>>,
}

impl KeyCommand {
    /// Returns the command on these keys. `names` is the listing for completion; commands on the same keys may share it.
    pub fn new(keys: Arc<dyn KeyStorage>, names: SavedNames) -> Self {
        Self {
            keys,
            names,
            changes: Arc::default(),
        }
    }

    /// Returns the same command on another view of its keys.
    #[must_use]
    pub fn with_keys(self, keys: Arc<dyn KeyStorage>) -> Self {
        Self { keys, ..self }
    }

    /// Parses and runs the text after `/key`.
    pub async fn run(&self, args: &str, context: Context) -> CommandResult {
        let invocation = parse(args);
        if let Some(Err(invalid)) = invocation.stored_name().map(check_name) {
            return CommandResult::Error(invalid.message().to_owned());
        }
        let done = match invocation {
            Invocation::Status => Ok(CommandResult::KeyStatus),
            Invocation::Clear => Ok(CommandResult::ClearKey),
            Invocation::Set { key } => Ok(CommandResult::SetKey { key, loaded: None }),
            Invocation::MissingName { subcommand } => {
                Ok(CommandResult::Error(format!("Usage: {}", subcommand.usage())))
            }
            Invocation::MissingKey { .. } => Ok(CommandResult::Error(EMPTY_KEY.to_owned())),
            Invocation::List => self.list().await,
            Invocation::Save { name, key } => self.save(&name, &key, context).await,
            Invocation::Load { name } => self.load(name).await,
            Invocation::Show { name } => self.show(&name).await,
            Invocation::Delete { name } => self.delete(&name, context).await,
        };
        done.unwrap_or_else(|error| failure(&error))
    }

    /// Completes the word under the cursor; see [`complete`].
    pub async fn complete(&self, args: &str) -> Vec<Suggestion> {
        complete(args, self.keys.as_ref(), &self.names).await
    }

    async fn save(&self, name: &str, key: &Secret, context: Context) -> Result<CommandResult> {
        if is_mask(key.expose()) {
            // A rerun of `raw` or of a line of the history must not overwrite a real key with a mask.
            return Ok(CommandResult::Error(MASK_AS_KEY.to_owned()));
        }
        // Of two concurrent saves of a new name, the second must find the key of the first and ask.
        let _change = self.changes.lock().await;
        if !(context.interactive && context.confirmed) {
            let question = match self.keys.has(name).await {
                Ok(false) => None,
                Ok(true) if context.interactive => Some(format!("Key '{name}' already exists. Overwrite?")),
                Ok(true) => {
                    return Ok(CommandResult::Error(format!(
                        "Key '{name}' already exists. Overwriting requires interactive confirmation."
                    )));
                }
                Err(error) if matches!(error.code(), Code::Unavailable | Code::NotFound) => None,
                Err(error) if context.interactive && !error.is_final() => Some(format!(
                    "Cannot tell whether key '{name}' exists ({}). Save anyway?",
                    error.message()
                )),
                Err(error) => return Err(error),
            };
            if let Some(prompt) = question {
                return Ok(confirm(prompt, Subcommand::Save, name, context));
            }
        }
        let saved = self.keys.save(name, key).await;
        self.names.forget();
        let location = match saved.map_err(|error| without_key(error, key))? {
            Some(StoredIn::Keyring) => " in the OS keyring",
            Some(StoredIn::File) => " in an encrypted file because the keyring is unavailable",
            None => "",
        };
        let masked = mask_for_display(key.expose());
        Ok(CommandResult::Info(format!(
            "Saved key '{name}' ({masked}){location}. Use '/key load {name}' to use it in this session."
        )))
    }

    async fn load(&self, name: String) -> Result<CommandResult> {
        let Some(key) = self.keys.get(&name).await? else {
            return Ok(not_found(&name));
        };
        let content = format!("Loaded key '{name}' — active for this session");
        Ok(CommandResult::SetKey {
            key,
            loaded: Some(LoadedKey { name, content }),
        })
    }

    async fn show(&self, name: &str) -> Result<CommandResult> {
        let Some(key) = self.keys.get(name).await? else {
            return Ok(not_found(name));
        };
        let (masked, length) = (mask_for_display(key.expose()), key.expose().chars().count());
        Ok(CommandResult::Info(format!("{name}: {masked} ({length} chars)")))
    }

    async fn list(&self) -> Result<CommandResult> {
        let StoreEntries { entries, incomplete } = self.keys.entries().await?;
        if entries.is_empty() {
            return match incomplete {
                Some(error) => Err(error),
                None => Ok(CommandResult::Info(NO_KEYS.to_owned())),
            };
        }
        let mut content = "Saved keys:".to_owned();
        for entry in &entries {
            let shown = match &entry.value {
                Some(key) => mask_for_display(key.expose()),
                None => "(unable to retrieve)".to_owned(),
            };
            content.push_str(&format!("\n  {}  {shown}", entry.key));
        }
        if let Some(error) = incomplete {
            content.push_str(&format!("\n(OS keyring could not be read: {})", error.message()));
        }
        Ok(CommandResult::Info(content))
    }

    async fn delete(&self, name: &str, context: Context) -> Result<CommandResult> {
        if !context.interactive {
            return Ok(CommandResult::Error(DELETE_NEEDS_CONFIRMATION.to_owned()));
        }
        let _change = self.changes.lock().await;
        if !context.confirmed {
            return Ok(match self.keys.has(name).await? {
                true => confirm(format!("Delete key '{name}'?"), Subcommand::Delete, name, context),
                false => not_found(name),
            });
        }
        let deleted = self.keys.delete(name).await;
        self.names.forget();
        Ok(match deleted? {
            true => CommandResult::Info(format!("Deleted key '{name}'")),
            false => not_found(name),
        })
    }
}

/// Checks that a key can be stored under the name. `.` and `..` match the pattern of names, but no store accepts them.
fn check_name(name: &str) -> Result<()> {
    validate_name(name)?;
    Key::parse(name).map(|_| ())
}

/// Returns the result of a command whose storage call failed.
pub fn failure(error: &Error) -> CommandResult {
    CommandResult::Error(match error.code() {
        Code::Unavailable => NO_KEYRING.to_owned(),
        _ => format!("{} — {}", error.message(), error.remediation()),
    })
}

fn not_found(name: &str) -> CommandResult {
    CommandResult::Error(format!("Key '{name}' not found. Use '/key list' to see saved keys."))
}

fn confirm(prompt: String, subcommand: Subcommand, name: &str, context: Context) -> CommandResult {
    let raw = context.raw.unwrap_or_else(|| {
        let key = match subcommand {
            Subcommand::Save => format!(" {PLACEHOLDER}"),
            _ => String::new(),
        };
        Secret::new(format!("/key {} {name}{key}", subcommand.word()))
    });
    CommandResult::Confirm { prompt, raw }
}

/// Removes the key from an error: the message of an injected keyring may contain it.
fn without_key(error: Error, key: &Secret) -> Error {
    if !error.message().contains(key.expose()) && !error.remediation().contains(key.expose()) {
        return error;
    }
    let hidden = |text: &str| text.replace(key.expose(), PLACEHOLDER);
    Error::new(error.code(), hidden(error.message())).with_remediation(hidden(error.remediation()))
}

#[cfg(test)]
mod tests;
