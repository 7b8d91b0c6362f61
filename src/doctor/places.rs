//! The keyring and the places where keys are, as a report describes them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::error::Error;
use crate::fallback::file_name;
use crate::fallback::inspect::{Inspection, inspect};
use crate::fs::access::check_writable;
use crate::provider_keys;
use crate::tool_keys;

/// The directory with one directory for each other service, below the data directory.
const STORES_DIRECTORY: &str = "secure-store";

/// The keyring that is used, and whether it works.
#[derive(Debug)]
pub struct KeyringReport {
    /// The name of the keyring; `none` if there is none.
    pub backend: String,
    /// Why this keyring is used.
    pub why: String,
    /// What chose it: a function, an environment variable or a file. `None` for the platform's default.
    pub chosen_by: Option<String>,
    /// Whether it returned a value that was written.
    pub works: bool,
    /// How long the test took; `None` without a keyring.
    pub duration: Option<Duration>,
    /// Why it does not work; `None` when it works, and when it is switched off.
    pub error: Option<Error>,
}

/// A place where keys are: a service in the keyring and a directory of files.
#[derive(Debug)]
pub struct StoreReport {
    /// The kind of keys: `provider keys`, `tool keys`, otherwise the service.
    pub name: String,
    /// The service.
    pub service: String,
    /// The directory of the files, whether it exists or not.
    pub directory: PathBuf,
    /// Number of keys in the keyring; `None` when it could not be listed.
    pub keyring_keys: Option<usize>,
    /// The state of the directory. A missing directory is an empty one.
    pub files: Result<Inspection, Error>,
    /// `Ok` if files can be created in the directory, otherwise the reason.
    pub writable: Result<(), Error>,
}

impl StoreReport {
    /// Reports on every directory of files below a data directory: the known ones, then those of other services. Blocks.
    pub(super) fn all_below(data: &Path) -> Vec<Self> {
        let mut places = vec![
            Self::of(
                "provider keys",
                provider_keys::SERVICE,
                data.join(provider_keys::DIRECTORY),
            ),
            Self::of("tool keys", tool_keys::SERVICE, data.join(tool_keys::DIRECTORY)),
        ];
        let mut others = BTreeMap::new();
        for entry in std::fs::read_dir(data.join(STORES_DIRECTORY))
            .into_iter()
            .flatten()
            .flatten()
        {
            if let Some(name) = entry.file_name().to_str()
                && entry.path().is_dir()
            {
                // The name of a service's directory is encoded as that of a key's file, without the suffix.
                let service = file_name::decode(&format!("{name}{}", file_name::SUFFIX));
                others.insert(service.unwrap_or_else(|| name.to_owned()), entry.path());
            }
        }
        places.extend(
            others
                .into_iter()
                .map(|(service, directory)| Self::of(&service, &service, directory)),
        );
        places
    }

    fn of(name: &str, service: &str, directory: PathBuf) -> Self {
        Self {
            name: name.to_owned(),
            service: service.to_owned(),
            keyring_keys: None,
            files: inspect(&directory).map(Option::unwrap_or_default),
            writable: check_writable(&directory),
            directory,
        }
    }

    /// Returns whether the directory holds a key.
    pub(super) fn holds_files(&self) -> bool {
        self.files.as_ref().is_ok_and(|files| files.keys > 0)
    }
}
