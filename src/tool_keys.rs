//! API keys of tools, and the files that may hold them instead (R7).

use std::path::PathBuf;
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::error::{Code, Error, Result};
use crate::fs::lock::LockDir;
use crate::fs::paths::expand_home;
use crate::fs::text_file::{TextFile, read_text};
use crate::secret::Secret;
use crate::store::SecretStore;
use crate::sync::KeyedMutex;
use crate::text::trim;

/// The service its accounts belong to.
pub const SERVICE: &str = "llxprt-code-tool-keys";

/// The directory of its files, below the data directory.
pub const DIRECTORY: &str = "tools";

/// Where the paths of key files are, in the same directory: a JSON map of tools to paths.
const KEYFILES: &str = "keyfiles.json";

/// The largest key file, and the largest map of them, in bytes.
const LIMIT: usize = 1024 * 1024;

/// A tool that takes an API key.
pub struct Tool {
    /// Its name here, which is also its account's.
    pub name: &'static str,
    /// Its name for people.
    pub display_name: &'static str,
    /// The URL parameter that carries the key.
    pub url_param_name: &'static str,
    /// What the key is for.
    pub description: &'static str,
}

/// The tools there are.
pub const REGISTRY: [Tool; 1] = [Tool {
    name: "exa",
    display_name: "Exa Search",
    url_param_name: "exaApiKey",
    description: "API key for Exa web and code search",
}];

/// API keys of the tools in [`REGISTRY`]; any other tool is `CORRUPT`, before anything is touched.
#[derive(Clone)]
pub struct ToolKeys {
    store: Arc<dyn SecretStore>,
    keyfiles: TextFile,
    mutexes: KeyedMutex,
    home: PathBuf,
}

impl ToolKeys {
    /// Keys kept in this store. The paths of key files are kept in `tools_dir`; `home` is what `~` means in them.
    pub fn new(store: Arc<dyn SecretStore>, tools_dir: PathBuf, home: PathBuf, locks: LockDir) -> Self {
        let keyfiles = TextFile::new(tools_dir, KEYFILES, LIMIT, locks);
        let mutexes = KeyedMutex::default();
        Self {
            store,
            keyfiles,
            mutexes,
            home,
        }
    }

    /// The store the keys are kept in.
    pub fn store(&self) -> &Arc<dyn SecretStore> {
        &self.store
    }

    /// Stores a tool's key, as it is.
    pub fn save(&self, tool: &str, api_key: Secret) -> impl Future<Output = Result<()>> + Send + use<> {
        let saving = known(tool).map(|tool| self.store.set(tool, api_key));
        async move { saving?.await.map(|_| ()) }
    }

    /// The stored key of a tool; `None` when there is none.
    pub async fn get(&self, tool: &str) -> Result<Option<Secret>> {
        self.store.get(known(tool)?).await
    }

    /// Removes a tool's stored key; `false` when there was none.
    pub fn delete(&self, tool: &str) -> impl Future<Output = Result<bool>> + Send + use<> {
        let deleting = known(tool).map(|tool| self.store.delete(tool));
        async move { deleting?.await }
    }

    /// Whether there is a stored key of a tool.
    pub async fn has(&self, tool: &str) -> Result<bool> {
        self.store.has(known(tool)?).await
    }

    /// The key a tool is to use: the stored one, else the first line of its key file, read anew each time. `None` when
    /// there is neither; a key file that is missing or empty is none.
    ///
    /// A stored key that cannot be read does not stand in the way of a key file, but where there is no key in one its
    /// error is what comes back: there may well be a key.
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

    /// Remembers the path of a tool's key file, as it is given. `CORRUPT` for an empty path. Changes happen in the order
    /// of the calls.
    pub fn set_keyfile_path(&self, tool: &str, path: &str) -> impl Future<Output = Result<()>> + Send + use<> {
        self.change_keyfile_path(tool, Some(path.to_owned()))
    }

    /// The path of a tool's key file, as it was given; `None` when there is none.
    pub async fn keyfile_path(&self, tool: &str) -> Result<Option<String>> {
        let tool = known(tool)?;
        let text = self.keyfiles.read().await?;
        match self.parse(text.as_ref().map(Secret::expose))?.remove(tool) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(path)) => Ok(Some(path)),
            Some(_) => Err(self.malformed()),
        }
    }

    /// Forgets the path of a tool's key file, if there is one. The key file itself stays.
    pub fn clear_keyfile_path(&self, tool: &str) -> impl Future<Output = Result<()>> + Send + use<> {
        self.change_keyfile_path(tool, None)
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

    /// The map in the file's text; empty when there is no file. A malformed one is `CORRUPT` also for a change: it was
    /// edited by hand, and repairing it keeps what is in it.
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
        let text = read_text(expand_home(path, &self.home), LIMIT).await?;
        Ok(text.and_then(|text| {
            let line = trim(text.expose()).lines().next().map(trim)?;
            (!line.is_empty()).then(|| Secret::from(line))
        }))
    }
}

/// The registered name; for any other tool the error that lists those there are.
fn known(name: &str) -> Result<&'static str> {
    let tool = REGISTRY.iter().find(|tool| tool.name == name);
    tool.map(|tool| tool.name).ok_or_else(|| {
        let names: Vec<&str> = REGISTRY.iter().map(|tool| tool.name).collect();
        let names = names.join(", ");
        // Quoted as JSON does it: whatever the name holds, it cannot be taken for the rest of the message.
        let message = format!("Invalid tool key name: {}. Supported names: {names}", Value::from(name));
        Error::new(Code::Corrupt, message).with_remediation(format!("Use a supported name: {names}"))
    })
}

#[cfg(test)]
mod tests;
