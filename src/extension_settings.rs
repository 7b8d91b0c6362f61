//! Settings of an extension: the sensitive ones in the store, the others in the extension's `.env` file.

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

/// Prefix of the service; the name of the extension follows.
const SERVICE_PREFIX: &str = "LLxprt Code Extension ";

/// Maximum length of a service name, in characters.
const MAX_SERVICE_LEN: usize = 255;

/// The file of the settings that are not sensitive, in the extension's directory.
const ENV_FILE: &str = ".env";

/// Maximum size of that file, in bytes.
const MAX_ENV_FILE_LEN: usize = 16 * 1024 * 1024;

/// A setting, as the extension declares it.
#[derive(Clone, Debug)]
pub struct Setting {
    /// The environment variable that gets the value. Its name is also the key in the store.
    pub env_var: String,
    /// Whether its value is a secret.
    pub sensitive: bool,
}

/// Values by the name of the environment variable.
pub type Values = BTreeMap<String, Secret>;

/// The settings of one extension. Cloning is cheap.
#[derive(Clone)]
pub struct ExtensionSettings {
    store: Arc<dyn SecretStore>,
    env_file: TextFile,
    mutexes: KeyedMutex,
}

/// Returns the service of an extension: the prefix and the extension's name reduced to `a-zA-Z0-9-_`, cut at 255
/// characters. Extensions whose reduced names are equal share a service.
pub fn service(extension_name: &str) -> String {
    let allowed = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    SERVICE_PREFIX
        .chars()
        .chain(extension_name.chars().filter(allowed))
        .take(MAX_SERVICE_LEN)
        .collect()
}

impl ExtensionSettings {
    /// Returns the settings in this store and in the `.env` file of this directory.
    pub fn new(store: Arc<dyn SecretStore>, extension_dir: PathBuf, locks: LockDir) -> Self {
        let env_file = TextFile::new(extension_dir, ENV_FILE, MAX_ENV_FILE_LEN, locks);
        let mutexes = KeyedMutex::default();
        Self {
            store,
            env_file,
            mutexes,
        }
    }

    /// Returns the same settings, accessed through another view of their store. The `.env` file uses its executor.
    #[must_use]
    pub fn with_store(self, store: Arc<dyn SecretStore>) -> Self {
        let env_file = self.env_file.with_executor(store.executor());
        Self {
            store,
            env_file,
            ..self
        }
    }

    /// Returns the store that holds the sensitive settings.
    pub fn store(&self) -> &Arc<dyn SecretStore> {
        &self.store
    }

    /// Stores the values of the settings.
    ///
    /// A setting without a value is removed. A sensitive setting is removed from the file. Values of other names are ignored,
    /// and other lines of the file stay unchanged. Saves and deletions are made in the order of the calls.
    ///
    /// # Errors
    ///
    /// `CORRUPT`, with nothing changed, for an invalid variable name, a variable that is declared both as sensitive and as not
    /// sensitive, a value with a NUL character, and a file with an unclosed quote that a new line would close. A value that
    /// cannot be stored does not stop the others; the first failure is returned at the end.
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
            let message =
                format!("The value of {name} contains a NUL character, which an environment variable cannot hold");
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
        // Checks that the file can be changed before anything is stored.
        let text = self.env_file.read().await?;
        self.changed(text.as_ref().map(Secret::expose), &changes)?;
        let mut failure = Ok(());
        for (name, stored) in self.store_all(names(&settings, true), sensitive).await {
            if let Err(error) = stored {
                // The plain copy stays in the file until the store has the value.
                changes.remove(&name);
                failure = failure.and(Err(error));
            }
        }
        self.change_env_file(changes).await?;
        failure
    }

    /// Returns the values of the settings. A setting without a value is left out.
    ///
    /// # Errors
    ///
    /// `CORRUPT` for invalid settings; the error of the file or of a value that cannot be read.
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

    /// Removes the values of these settings; without settings, removes the `.env` file and all values in the store. A missing
    /// value is not an error.
    ///
    /// # Errors
    ///
    /// `CORRUPT` for invalid settings, and the error of the file, before any value in the store is removed. After all removals
    /// from the store were tried, the first failure, or the error of a source that could not be listed.
    pub fn delete(&self, settings: Option<Vec<Setting>>) -> impl Future<Output = Result<()>> + Send + use<> {
        let (this, lock) = (self.clone(), self.mutexes.lock(ENV_FILE));
        async move {
            let _guard = lock.await;
            this.delete_now(settings.as_deref()).await
        }
    }

    async fn delete_now(&self, settings: Option<&[Setting]>) -> Result<()> {
        let (accounts, incomplete) = match settings {
            Some(settings) => {
                let settings = check(settings)?;
                let changes = settings.keys().map(|name| ((*name).to_owned(), None));
                self.change_env_file(changes.collect()).await?;
                (names(&settings, true), None)
            }
            None => {
                self.env_file.update(|_| Ok(None)).await?;
                let listed = self.store.keys().await?;
                (listed.keys, listed.incomplete)
            }
        };
        let deleted = self.store.delete_many(&accounts).await;
        deleted.into_iter().try_for_each(|deleted| deleted.map(|_| ()))?;
        incomplete.map_or(Ok(()), Err)
    }

    /// Returns whether any of these settings has a value; without settings, whether the extension has any value.
    ///
    /// # Errors
    ///
    /// `CORRUPT` for invalid settings; the error of the file; the error of a store that could not be read, if no value was
    /// found.
    pub async fn has(&self, settings: Option<&[Setting]>) -> Result<bool> {
        let settings = settings.map(check).transpose()?;
        if let Some(text) = self.env_file.read().await? {
            let in_file = dotenv::values(text.expose());
            let is_wanted = |name: &&str| {
                settings
                    .as_ref()
                    .is_none_or(|settings| settings.get(*name) == Some(&false))
            };
            if in_file.keys().any(is_wanted) {
                return Ok(true);
            }
        }
        let Some(settings) = settings else {
            let listed = self.store.keys().await?;
            return match listed.incomplete {
                Some(error) if listed.keys.is_empty() => Err(error),
                _ => Ok(!listed.keys.is_empty()),
            };
        };
        let mut failure = Ok(false);
        for name in names(&settings, true) {
            match self.store.has(&name).await {
                Ok(true) => return Ok(true),
                Ok(false) => {}
                Err(error) => failure = failure.and(Err(error)),
            }
        }
        failure
    }

    /// Stores the values of the names that have one, and removes the other names.
    async fn store_all(&self, names: Vec<String>, mut values: Values) -> Vec<(String, Result<()>)> {
        let (present, missing): (Vec<String>, Vec<String>) =
            names.into_iter().partition(|name| values.contains_key(name));
        let setting = present
            .iter()
            .filter_map(|name| Some(self.store.set(name, values.remove(name)?)));
        let set = futures_util::future::join_all(setting.collect::<Vec<_>>()).await;
        let deleted = self.store.delete_many(&missing).await;
        let outcomes = set
            .into_iter()
            .map(|set| set.map(|_| ()))
            .chain(deleted.into_iter().map(|deleted| deleted.map(|_| ())));
        present.into_iter().chain(missing).zip(outcomes).collect()
    }

    async fn change_env_file(&self, changes: dotenv::Changes) -> Result<()> {
        let settings = self.clone();
        self.env_file.update(move |text| settings.changed(text, &changes)).await
    }

    /// Returns the new text of the file; `None`, which removes the file, if nothing would be left in it.
    fn changed(&self, text: Option<&str>, changes: &dotenv::Changes) -> Result<Option<Secret>> {
        let new = dotenv::change(text.unwrap_or_default(), changes).ok_or_else(|| {
            let path = self.env_file.path();
            let message = format!(
                "{} has a quote that is not closed. Its meaning would change",
                path.display()
            );
            Error::new(Code::Corrupt, message).with_remediation("Repair the file, then save again")
        })?;
        Ok((!new.expose().is_empty()).then_some(new))
    }
}

/// Validates the settings and returns them by the names of their variables; `true` means sensitive.
fn check(settings: &[Setting]) -> Result<BTreeMap<&str, bool>> {
    let mut checked = BTreeMap::new();
    for setting in settings {
        let name = setting.env_var.as_str();
        let fault = if !is_variable(name) {
            "is not a valid environment variable name: use letters, digits and underscores, not starting with a digit"
        } else if checked.insert(name, setting.sensitive) == Some(!setting.sensitive) {
            "is declared both as sensitive and as not sensitive"
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

/// Returns the names of the settings that are sensitive, or of those that are not.
fn names(settings: &BTreeMap<&str, bool>, sensitive: bool) -> Vec<String> {
    let wanted = settings.iter().filter(|(_, is_sensitive)| **is_sensitive == sensitive);
    wanted.map(|(name, _)| (*name).to_owned()).collect()
}

#[cfg(test)]
mod tests;
