//! API keys of tools, and the key files that may hold them instead.

use std::path::PathBuf;
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::error::{Code, Error, Result};
use crate::fs::lock::LockDir;
use crate::fs::paths::expand_home;
use crate::fs::text_file::{TextFile, read_text};
use crate::secret::Secret;
use crate::store::{FallbackPolicy, SecretStore};
use crate::sync::KeyedMutex;
use crate::text::trim;

mod envelope_files;

pub use envelope_files::KEY_FILE_SUFFIX;

use envelope_files::EnvelopeFiles;

/// The service of the keys in the keyring.
pub const SERVICE: &str = "llxprt-code-tool-keys";

/// The directory of the keys' encrypted files, below the data directory.
pub const DIRECTORY: &str = "tools";

/// The file with the paths of key files, in the same directory: a JSON map from tool to path.
const KEYFILES: &str = "keyfiles.json";

/// Maximum size of a key file and of the map of paths, in bytes.
const MAX_LEN: usize = 1024 * 1024;

/// A tool that takes an API key.
pub struct Tool {
    /// The name of the tool, which is also the name of its key in the store.
    pub name: &'static str,
    /// The name to show to users.
    pub display_name: &'static str,
    /// The URL parameter that carries the key.
    pub url_param_name: &'static str,
    /// The purpose of the key.
    pub description: &'static str,
}

/// All tools.
pub const REGISTRY: [Tool; 1] = [Tool {
    name: "exa",
    display_name: "Exa Search",
    url_param_name: "exaApiKey",
    description: "API key for Exa web and code search",
}];

/// API keys of the tools in [`REGISTRY`]. Cloning is cheap. Every method fails with `CORRUPT` for any other tool, before it
/// accesses the store or a file.
#[derive(Clone)]
pub struct ToolKeys {
    store: Arc<dyn SecretStore>,
    /// The envelopes of other programs; `None` for a store of the host, which has no encrypted files, and for a store of
    /// another service, which cannot decrypt them.
    envelope_files: Option<EnvelopeFiles>,
    keyfiles: TextFile,
    mutexes: KeyedMutex,
    home: PathBuf,
}

impl ToolKeys {
    /// Returns the tool keys in this store. The paths of key files are stored in `tools_dir`; `home` replaces `~` in them.
    pub fn new(store: Arc<dyn SecretStore>, tools_dir: PathBuf, home: PathBuf, locks: LockDir) -> Self {
        let own = store.as_secure_store().filter(|store| store.service() == SERVICE);
        let files = own.map(|store| store.files().clone());
        let envelope_files = files.map(|files| EnvelopeFiles::new(files, tools_dir.clone()));
        let keyfiles = TextFile::new(tools_dir, KEYFILES, MAX_LEN, locks);
        let mutexes = KeyedMutex::default();
        Self {
            store,
            envelope_files,
            keyfiles,
            mutexes,
            home,
        }
    }

    /// Returns the same keys, accessed through another view of their store. Their files use its executor.
    #[must_use]
    pub fn with_store(self, store: Arc<dyn SecretStore>) -> Self {
        let executor = store.executor();
        Self {
            store,
            envelope_files: self.envelope_files.map(|files| files.with_executor(executor)),
            keyfiles: self.keyfiles.with_executor(executor),
            ..self
        }
    }

    /// Returns the store that holds the keys.
    pub fn store(&self) -> &Arc<dyn SecretStore> {
        &self.store
    }

    /// Stores the key of a tool, unchanged. Then removes an envelope that another program keeps in `<tool>.key`.
    ///
    /// # Errors
    ///
    /// The error of the store; after the key was stored, `DENIED` or `UNAVAILABLE` when the envelope cannot be removed.
    pub fn save(&self, tool: &str, api_key: Secret) -> impl Future<Output = Result<()>> + Send + use<> {
        let saving = known(tool).map(|tool| (tool, self.store.set(tool, api_key)));
        let files = self.envelope_files.clone();
        async move {
            let (tool, saving) = saving?;
            saving.await?;
            if let Some(files) = files {
                files.remove(tool).await?;
            }
            Ok(())
        }
    }

    /// Returns the stored key of a tool: that in the store, otherwise that in `<tool>.key`, which is not read under `Deny`.
    /// Returns `None` when there is none.
    ///
    /// # Errors
    ///
    /// The error of the store, if `<tool>.key` holds no key; the error of an envelope that cannot be read.
    pub async fn get(&self, tool: &str) -> Result<Option<Secret>> {
        let tool = known(tool)?;
        match (self.store.get(tool).await, self.readable_files()) {
            (Ok(Some(key)), _) => Ok(Some(key)),
            (Err(error), _) if error.is_final() => Err(error),
            (stored, Some(files)) => match files.read(tool).await? {
                Some(key) => Ok(Some(key)),
                None => stored,
            },
            (stored, None) => stored,
        }
    }

    /// Removes the stored key of a tool, also from `<tool>.key`; `false` when there was none.
    ///
    /// # Errors
    ///
    /// After both removals were tried, the error of the store, otherwise that of the file.
    pub fn delete(&self, tool: &str) -> impl Future<Output = Result<bool>> + Send + use<> {
        let deleting = known(tool).map(|tool| (tool, self.store.delete(tool)));
        let files = self.envelope_files.clone();
        async move {
            let (tool, deleting) = deleting?;
            let was_stored = deleting.await;
            let was_in_file = match files {
                Some(files) => files.remove(tool).await,
                None => Ok(false),
            };
            Ok(was_stored? | was_in_file?)
        }
    }

    /// Returns whether there is a stored key of a tool, in the store or in `<tool>.key`.
    ///
    /// # Errors
    ///
    /// As [`ToolKeys::get`].
    pub async fn has(&self, tool: &str) -> Result<bool> {
        let tool = known(tool)?;
        match (self.store.has(tool).await, self.readable_files()) {
            (Ok(true), _) => Ok(true),
            (Err(error), _) if error.is_final() => Err(error),
            (stored, Some(files)) => Ok(files.has(tool).await? || stored?),
            (stored, None) => stored,
        }
    }

    /// Returns the key that a tool should use: the stored one, otherwise the first line of its key file, which is read each
    /// time. Returns `None` when there is neither. A missing or empty key file counts as absent.
    ///
    /// # Errors
    ///
    /// The error of the stored key, if the key file holds no key; the error of the key file.
    pub async fn resolve(&self, tool: &str) -> Result<Option<Secret>> {
        let stored = self.get(known(tool)?).await;
        if matches!(stored, Ok(Some(_))) {
            return stored;
        }
        let Some(path) = self.keyfile_path(tool).await? else {
            return stored;
        };
        match self.read_keyfile(&path).await? {
            Some(key) => Ok(Some(key)),
            None => stored,
        }
    }

    /// Stores the path of a tool's key file, unchanged. Changes are made in the order of the calls.
    ///
    /// # Errors
    ///
    /// `CORRUPT` for an empty path, and when the stored map is malformed; the errors of [`TextFile::update`].
    pub fn set_keyfile_path(&self, tool: &str, path: &str) -> impl Future<Output = Result<()>> + Send + use<> {
        self.change_keyfile_path(tool, Some(path.to_owned()))
    }

    /// Returns the path of a tool's key file as it was stored; `None` when there is none.
    ///
    /// # Errors
    ///
    /// `CORRUPT` when the stored map is malformed; the errors of [`TextFile::read`].
    pub async fn keyfile_path(&self, tool: &str) -> Result<Option<String>> {
        let tool = known(tool)?;
        let text = self.keyfiles.read().await?;
        match self.parse(text.as_ref().map(Secret::expose))?.remove(tool) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(path)) => Ok(Some(path)),
            Some(_) => Err(self.malformed()),
        }
    }

    /// Removes the stored path of a tool's key file. The key file itself is kept.
    ///
    /// # Errors
    ///
    /// `CORRUPT` when the stored map is malformed; the errors of [`TextFile::update`].
    pub fn clear_keyfile_path(&self, tool: &str) -> impl Future<Output = Result<()>> + Send + use<> {
        self.change_keyfile_path(tool, None)
    }

    /// Returns the envelopes of other programs, unless the policy is `Deny`, under which no key is read from a file.
    fn readable_files(&self) -> Option<&EnvelopeFiles> {
        let policy = self.store.as_secure_store()?.policy();
        self.envelope_files.as_ref().filter(|_| policy == FallbackPolicy::Allow)
    }

    fn change_keyfile_path(&self, tool: &str, path: Option<String>) -> impl Future<Output = Result<()>> + Send + use<> {
        let (tool, lock, keys) = (known(tool), self.mutexes.lock(KEYFILES), self.clone());
        async move {
            let tool = tool?;
            if path.as_ref().is_some_and(String::is_empty) {
                let empty = Error::new(Code::Corrupt, "Key file path cannot be empty.");
                return Err(empty.with_remediation("Give a path"));
            }
            let _guard = lock.await;
            let keyfiles = keys.keyfiles.clone();
            let changing = keyfiles.update(move |text| {
                let mut paths = keys.parse(text)?;
                match &path {
                    Some(path) => paths.insert(tool.to_owned(), Value::String(path.clone())),
                    None if !paths.contains_key(tool) => return Ok(text.map(Secret::from)),
                    None => paths.remove(tool),
                };
                Ok(Some(Secret::new(format!("{:#}\n", Value::Object(paths)))))
            });
            changing.await
        }
    }

    /// Parses the map, which is empty when there is no file. A malformed map is not overwritten either: it was edited by hand,
    /// and repairing it keeps its content.
    fn parse(&self, text: Option<&str>) -> Result<Map<String, Value>> {
        text.map_or(Ok(Map::new()), |text| {
            serde_json::from_str(text).map_err(|_| self.malformed())
        })
    }

    fn malformed(&self) -> Error {
        let message = format!("{} is not a JSON map of tools to paths", self.keyfiles.path().display());
        Error::new(Code::Corrupt, message).with_remediation("Repair the file, or delete it and set the key file again")
    }

    async fn read_keyfile(&self, path: &str) -> Result<Option<Secret>> {
        let text = read_text(expand_home(path, &self.home), MAX_LEN, self.store.executor()).await?;
        Ok(text.and_then(|text| {
            let line = trim(text.expose()).lines().next().map(trim)?;
            (!line.is_empty()).then(|| Secret::from(line))
        }))
    }
}

/// Returns the registered name of a tool, or the error that lists all names.
fn known(name: &str) -> Result<&'static str> {
    let tool = REGISTRY.iter().find(|tool| tool.name == name);
    tool.map(|tool| tool.name).ok_or_else(|| {
        let names: Vec<&str> = REGISTRY.iter().map(|tool| tool.name).collect();
        let names = names.join(", ");
        // Quoted as JSON, so that the name cannot be mistaken for the rest of the message.
        let message = format!("Invalid tool key name: {}. Supported names: {names}", Value::from(name));
        Error::new(Code::Corrupt, message).with_remediation(format!("Use a supported name: {names}"))
    })
}

#[cfg(test)]
mod tests;
