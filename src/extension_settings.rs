//! Settings of an extension (R7): the sensitive ones in the store, the others in the extension's `.env` file.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use crate::error::{Code, Error, Result};
use crate::fs::lock::LockDir;
use crate::fs::text_file::TextFile;
use crate::secret::Secret;
use crate::store::SecretStore;
use crate::sync::KeyedMutex;

pub mod dotenv;

/// What the name of its service begins with; the extension's name follows.
const SERVICE_PREFIX: &str = "LLxprt Code Extension ";

/// The longest name of a service, in characters.
const SERVICE_LIMIT: usize = 255;

/// The file of the settings that are not sensitive, in the extension's directory.
const ENV_FILE: &str = ".env";

/// The largest such file, in bytes.
const ENV_FILE_LIMIT: usize = 16 * 1024 * 1024;

/// A setting, as the extension declares it.
#[derive(Clone, Debug)]
pub struct Setting {
    /// The environment variable it becomes, which is also its account's name.
    pub env_var: String,
    /// Whether its value is a secret.
    pub sensitive: bool,
}

/// Values by the names of their variables.
pub type Values = BTreeMap<String, Secret>;

/// The settings of one extension.
#[derive(Clone)]
pub struct ExtensionSettings {
    store: Arc<dyn SecretStore>,
    env_file: TextFile,
    mutexes: KeyedMutex,
}

/// The service of an extension: its name reduced to `a-zA-Z0-9-_`, the whole cut at 255 characters. Extensions whose names
/// are then the same share one.
pub fn service(extension_name: &str) -> String {
    let allowed = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    SERVICE_PREFIX
        .chars()
        .chain(extension_name.chars().filter(allowed))
        .take(SERVICE_LIMIT)
        .collect()
}

impl ExtensionSettings {
    /// Settings kept in this store, and in the `.env` file of this directory.
    pub fn new(store: Arc<dyn SecretStore>, extension_dir: PathBuf, locks: LockDir) -> Self {
        let env_file = TextFile::new(extension_dir, ENV_FILE, ENV_FILE_LIMIT, locks);
        let mutexes = KeyedMutex::default();
        Self {
            store,
            env_file,
            mutexes,
        }
    }

    /// The store the sensitive settings are kept in.
    pub fn store(&self) -> &Arc<dyn SecretStore> {
        &self.store
    }

    /// Makes the values those of the settings: one without a value is removed, and a sensitive one that stood in the file
    /// leaves it. Values of other names are ignored; other lines of the file stay as they are.
    ///
    /// `CORRUPT`, with nothing changed, for a variable's name that is none, one declared both sensitive and not, a value
    /// with a NUL character, and a file that would be read in another way then. What cannot be stored stops nothing else, and is
    /// reported in the end.
    ///
    /// This and [`ExtensionSettings::delete`] happen in the order of the calls.
    pub fn save(&self, settings: Vec<Setting>, values: Values) -> impl Future<Output = Result<()>> + Send + use<> {
        let (this, lock) = (self.clone(), self.mutexes.lock(ENV_FILE));
        async move {
            let _guard = lock.await;
            this.save_now(&settings, values).await
        }
    }

    async fn save_now(&self, settings: &[Setting], mut values: Values) -> Result<()> {
        let settings = check(settings)?;
        values.retain(|name, _| settings.contains_key(name.as_str()));
        if let Some((name, _)) = values.iter().find(|(_, value)| value.expose().contains('\0')) {
            let message = format!("The value of {name} holds a NUL character, which no environment variable can");
            return Err(Error::new(Code::Corrupt, message).with_remediation("Save a value without it"));
        }
        let mut changes: dotenv::Changes = settings.keys().map(|name| ((*name).to_owned(), None)).collect();
        let mut sensitive = Values::new();
        for (name, value) in values {
            match settings.get(name.as_str()) {
                Some(true) => drop(sensitive.insert(name, value)),
                _ => drop(changes.insert(name, Some(value))),
            }
        }
        // Whether the file can take its part is known before anything changes.
        let text = self.env_file.read().await?;
        self.changed(text.as_ref().map(Secret::expose), &changes)?;
        let mut failure = Ok(());
        for (name, stored) in self.store_all(names(&settings, true), sensitive).await {
            if let Err(error) = stored {
                // A plain copy of it stays in the file until the store has it.
                changes.remove(&name);
                failure = failure.and(Err(error));
            }
        }
        self.change_env_file(changes).await?;
        failure
    }

    /// The values of the settings; one that has none is left out. Fails when a value may be there and cannot be read.
    pub async fn load(&self, settings: &[Setting]) -> Result<Values> {
        let settings = check(settings)?;
        let mut loaded = Values::new();
        if settings.values().any(|sensitive| !sensitive)
            && let Some(text) = self.env_file.read().await?
        {
            let values = dotenv::values(text.expose()).into_iter();
            loaded.extend(
                values
                    .filter(|(name, _)| settings.get(name) == Some(&false))
                    .map(|(name, value)| (name.to_owned(), value)),
            );
        }
        let sensitive: Vec<String> = names(&settings, true);
        let values = self.store.get_many(&sensitive).await;
        for (name, value) in sensitive.into_iter().zip(values) {
            if let Some(value) = value? {
                loaded.insert(name, value);
            }
        }
        Ok(loaded)
    }

    /// Removes the values of these settings; without any named, everything the extension has: its `.env` file and all that
    /// is stored for it. What is not there is no error.
    pub fn delete(&self, settings: Option<Vec<Setting>>) -> impl Future<Output = Result<()>> + Send + use<> {
        let (this, lock) = (self.clone(), self.mutexes.lock(ENV_FILE));
        async move {
            let _guard = lock.await;
            this.delete_now(settings.as_deref()).await
        }
    }

    async fn delete_now(&self, settings: Option<&[Setting]>) -> Result<()> {
        let accounts = match settings {
            Some(settings) => {
                let settings = check(settings)?;
                let changes = settings.keys().map(|name| ((*name).to_owned(), None));
                self.change_env_file(changes.collect()).await?;
                names(&settings, true)
            }
            None => {
                self.env_file.update(|_| Ok(None)).await?;
                self.store.list().await?
            }
        };
        let deleted = self.store.delete_many(&accounts).await;
        deleted.into_iter().try_for_each(|deleted| deleted.map(|_| ()))
    }

    /// Whether any of these settings has a value; without any named, whether the extension has anything at all.
    pub async fn has(&self, settings: Option<&[Setting]>) -> Result<bool> {
        let Some(settings) = settings else {
            let text = self.env_file.read().await?;
            let in_file = text.is_some_and(|text| !dotenv::values(text.expose()).is_empty());
            return Ok(in_file || !self.store.list().await?.is_empty());
        };
        let settings = check(settings)?;
        if let Some(text) = self.env_file.read().await? {
            let values = dotenv::values(text.expose());
            if values.keys().any(|name| settings.get(name) == Some(&false)) {
                return Ok(true);
            }
        }
        for name in names(&settings, true) {
            if self.store.has(&name).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Stores those of the names that have a value, and removes the others.
    async fn store_all(&self, names: Vec<String>, mut values: Values) -> Vec<(String, Result<()>)> {
        let (kept, gone): (Vec<String>, Vec<String>) = names.into_iter().partition(|name| values.contains_key(name));
        let setting = kept
            .iter()
            .filter_map(|name| Some(self.store.set(name, values.remove(name)?)));
        let set = futures_util::future::join_all(setting.collect::<Vec<_>>()).await;
        let deleted = self.store.delete_many(&gone).await;
        let outcomes = set
            .into_iter()
            .map(|set| set.map(|_| ()))
            .chain(deleted.into_iter().map(|deleted| deleted.map(|_| ())));
        kept.into_iter().chain(gone).zip(outcomes).collect()
    }

    async fn change_env_file(&self, changes: dotenv::Changes) -> Result<()> {
        let settings = self.clone();
        self.env_file.update(move |text| settings.changed(text, &changes)).await
    }

    /// What the file's text becomes; `None` is no file: one that would be empty was ours alone.
    fn changed(&self, text: Option<&str>, changes: &dotenv::Changes) -> Result<Option<Secret>> {
        let new = dotenv::change(text.unwrap_or_default(), changes).ok_or_else(|| {
            let path = self.env_file.path();
            let message = format!(
                "{} has a quote that is not closed, and would be read in another way",
                path.display()
            );
            Error::new(Code::Corrupt, message).with_remediation("Repair the file, then save again")
        })?;
        Ok((!new.expose().is_empty()).then_some(new))
    }
}

/// The settings by the names of their variables; true is sensitive.
fn check(settings: &[Setting]) -> Result<BTreeMap<&str, bool>> {
    let mut checked = BTreeMap::new();
    for setting in settings {
        let name = setting.env_var.as_str();
        let fault = if !is_variable(name) {
            "is no name of an environment variable: use letters, digits and underscores, and no digit first"
        } else if checked.insert(name, setting.sensitive) == Some(!setting.sensitive) {
            "is declared both sensitive and not"
        } else {
            continue;
        };
        let message = format!("Setting variable '{name}' {fault}");
        return Err(Error::new(Code::Corrupt, message).with_remediation("Correct the extension's settings"));
    }
    Ok(checked)
}

fn is_variable(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && name.bytes().next().is_some_and(|first| !first.is_ascii_digit())
}

fn names(settings: &BTreeMap<&str, bool>, sensitive: bool) -> Vec<String> {
    let wanted = settings.iter().filter(|(_, is_sensitive)| **is_sensitive == sensitive);
    wanted.map(|(name, _)| (*name).to_owned()).collect()
}

#[cfg(test)]
mod tests;
