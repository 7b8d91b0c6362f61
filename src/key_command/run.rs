//! What `/key` does, and what it answers (R13–R18).
//!
//! A command always has an answer: a storage failure is one too. No answer holds a key but that of a session key, which is
//! there to hand the key over; the host's own `raw` goes back to it as it came.

use std::sync::Arc;

use tokio::sync::Mutex;

use super::complete::{SavedNames, Suggestion, complete};
use super::mask::{PLACEHOLDER, is_mask, mask_for_display};
use super::parse::{Invocation, Subcommand, parse};
use crate::error::{Code, Error, Result};
use crate::provider_keys::{KeyStorage, validate_name};
use crate::secret::Secret;
use crate::store::{StoreEntries, StoredIn};

const NO_KEYRING: &str = "Cannot access keyring. Keys cannot be saved. Use '/key <raw-key>' for ephemeral session key.";
const NO_KEYS: &str = "No saved keys. Use '/key save <name> <api-key>' to store one.";
const EMPTY_KEY: &str = "API key value cannot be empty.";
const MASK_AS_KEY: &str = "This is the mask of a key, not the key itself. Use '/key save <name> <api-key>'.";
const DELETE_UNASKED: &str = "Deleting keys requires interactive confirmation.";

/// How a command is run.
#[derive(Clone, Debug)]
pub struct Context {
    /// Whether there is somebody to ask. Where there is nobody, nothing is overwritten or deleted.
    pub interactive: bool,
    /// Whether they were asked, and agreed.
    pub confirmed: bool,
    /// The whole invocation as the host knows it, to be run again after a confirmation. `None` where it gave none.
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

/// What the host does about a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Show that it was done, or what there is.
    Info(String),
    /// Show that it was not done, and why.
    Error(String),
    /// Ask, and run the same command again, confirmed.
    Confirm {
        /// The question.
        prompt: String,
        /// The invocation: the host's own, else one with the key replaced by [`PLACEHOLDER`].
        raw: Secret,
    },
    /// Make this the session's key.
    SetKey {
        /// The key.
        key: Secret,
        /// The name it is saved under, and what to show; `None` for a key that was typed.
        loaded: Option<Loaded>,
    },
    /// Clear the session's key.
    ClearKey,
    /// Show the status of the session's key.
    KeyStatus,
}

/// A key that was loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loaded {
    /// The name it is saved under.
    pub name: String,
    /// What to show.
    pub content: String,
}

/// The `/key` command on named keys. Cloning is cheap; clones are the same command.
#[derive(Clone)]
pub struct KeyCommand {
    keys: Arc<dyn KeyStorage>,
    names: SavedNames,
    changes: Arc<Mutex<()>>,
}

impl KeyCommand {
    /// A command on these keys. `names` is what it completes from; commands on the same keys may share it.
    pub fn new(keys: Arc<dyn KeyStorage>, names: SavedNames) -> Self {
        Self {
            keys,
            names,
            changes: Arc::default(),
        }
    }

    /// Does what the text after `/key` asks for.
    pub async fn run(&self, args: &str, context: Context) -> Answer {
        let invocation = parse(args);
        if let Some(Err(invalid)) = invocation.stored_name().map(validate_name) {
            return Answer::Error(invalid.message().to_owned());
        }
        let done = match invocation {
            Invocation::Status => Ok(Answer::KeyStatus),
            Invocation::Clear => Ok(Answer::ClearKey),
            Invocation::Set { key } => Ok(Answer::SetKey { key, loaded: None }),
            Invocation::MissingName { subcommand } => Ok(Answer::Error(format!("Usage: {}", subcommand.usage()))),
            Invocation::MissingKey { .. } => Ok(Answer::Error(EMPTY_KEY.to_owned())),
            Invocation::List => self.list().await,
            Invocation::Save { name, key } => self.save(&name, &key, context).await,
            Invocation::Load { name } => self.load(name).await,
            Invocation::Show { name } => self.show(&name).await,
            Invocation::Delete { name } => self.delete(&name, context).await,
        };
        done.unwrap_or_else(|error| failure(&error))
    }

    /// What the word under the cursor may become; see [`complete`].
    pub async fn complete(&self, args: &str) -> Vec<Suggestion> {
        complete(args, self.keys.as_ref(), &self.names).await
    }

    async fn save(&self, name: &str, key: &Secret, context: Context) -> Result<Answer> {
        if is_mask(key.expose()) {
            // Our own `raw`, or a line of the history, run again: a real key must not be overwritten with it.
            return Ok(Answer::Error(MASK_AS_KEY.to_owned()));
        }
        // Two saves of one new name at the same time: the second finds what the first stored, and asks.
        let _change = self.changes.lock().await;
        if !(context.interactive && context.confirmed) {
            let question = match self.keys.has(name).await {
                Ok(false) => None,
                Ok(true) if context.interactive => Some(format!("Key '{name}' already exists. Overwrite?")),
                Ok(true) => {
                    return Ok(Answer::Error(format!(
                        "Key '{name}' already exists. Overwriting requires interactive confirmation."
                    )));
                }
                Err(error) if matches!(error.code(), Code::Unavailable | Code::NotFound) => None,
                Err(error) if context.interactive => Some(format!(
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
        let place = match saved.map_err(|error| without_key(error, key))? {
            Some(StoredIn::Keyring) => " in the OS keyring",
            Some(StoredIn::File) => " in an encrypted file because the keyring is unavailable",
            None => "",
        };
        let masked = mask_for_display(key.expose());
        Ok(Answer::Info(format!(
            "Saved key '{name}' ({masked}){place}. Use '/key load {name}' to use it in this session."
        )))
    }

    async fn load(&self, name: String) -> Result<Answer> {
        let Some(key) = self.keys.get(&name).await? else {
            return Ok(not_found(&name));
        };
        let content = format!("Loaded key '{name}' — active for this session");
        Ok(Answer::SetKey {
            key,
            loaded: Some(Loaded { name, content }),
        })
    }

    async fn show(&self, name: &str) -> Result<Answer> {
        let Some(key) = self.keys.get(name).await? else {
            return Ok(not_found(name));
        };
        let (masked, length) = (mask_for_display(key.expose()), key.expose().chars().count());
        Ok(Answer::Info(format!("{name}: {masked} ({length} chars)")))
    }

    async fn list(&self) -> Result<Answer> {
        let StoreEntries { entries, incomplete } = self.keys.entries().await?;
        if entries.is_empty() {
            return match incomplete {
                Some(error) => Err(error),
                None => Ok(Answer::Info(NO_KEYS.to_owned())),
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
        Ok(Answer::Info(content))
    }

    async fn delete(&self, name: &str, context: Context) -> Result<Answer> {
        if !context.interactive {
            return Ok(Answer::Error(DELETE_UNASKED.to_owned()));
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
            true => Answer::Info(format!("Deleted key '{name}'")),
            false => not_found(name),
        })
    }
}

/// The answer of a command that the store did not carry out (R18).
pub fn failure(error: &Error) -> Answer {
    Answer::Error(match error.code() {
        Code::Unavailable => NO_KEYRING.to_owned(),
        _ => format!("{} — {}", error.message(), error.remediation()),
    })
}

fn not_found(name: &str) -> Answer {
    Answer::Error(format!("Key '{name}' not found. Use '/key list' to see saved keys."))
}

fn confirm(prompt: String, subcommand: Subcommand, name: &str, context: Context) -> Answer {
    let raw = context.raw.unwrap_or_else(|| {
        let key = match subcommand {
            Subcommand::Save => format!(" {PLACEHOLDER}"),
            _ => String::new(),
        };
        Secret::new(format!("/key {} {name}{key}", subcommand.word()))
    });
    Answer::Confirm { prompt, raw }
}

/// The error without the key: an injected keyring writes its messages itself, and was given the key.
fn without_key(error: Error, key: &Secret) -> Error {
    if !error.message().contains(key.expose()) && !error.remediation().contains(key.expose()) {
        return error;
    }
    let hidden = |text: &str| text.replace(key.expose(), PLACEHOLDER);
    Error::new(error.code(), hidden(error.message())).with_remediation(hidden(error.remediation()))
}

#[cfg(test)]
mod tests;
