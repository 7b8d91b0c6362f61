//! The sources of the machine secret: the order in which they are read, the one to write with, and where a secret is created.

use std::path::Path;
use std::sync::Arc;

use tokio::sync::{Mutex, OnceCell};

use super::file::{create_secret, random_secret, read_secret};
use super::secret::{MachineSecret, MachineSecretConfig, MachineSecretLoader, encode};
use crate::error::{Code, Error, Result};
use crate::fallback::envelope::Version;
use crate::fs::executor::FileExecutor;
use crate::telemetry::notices::{NoticeKind, notice};

/// The sources, with the secrets that were loaded from the loader and from the keyring.
#[derive(Default)]
pub(in crate::fallback) struct MachineSecrets {
    config: MachineSecretConfig,
    from_loader: OnceCell<Arc<MachineSecret>>,
    from_keyring: OnceCell<Arc<MachineSecret>>,
    /// Held while a secret is created, so that concurrent first writes of a process create only one.
    creating: Mutex<()>,
}

/// A source that may hold the secret. Reads try them in this order: the keyring is last, because it may show a prompt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::fallback) enum MachineSecretSource {
    Loader,
    File,
    Keyring,
}

impl MachineSecretSource {
    pub(in crate::fallback) const ALL: [MachineSecretSource; 3] = [
        MachineSecretSource::Loader,
        MachineSecretSource::File,
        MachineSecretSource::Keyring,
    ];
}

/// Why the keyring is not asked: it has just failed with this error, or it is absent (`None`).
pub(in crate::fallback) type KeyringFailure = Option<Error>;

impl MachineSecrets {
    pub(in crate::fallback) fn new(config: MachineSecretConfig) -> Self {
        Self {
            config,
            ..Self::default()
        }
    }

    /// Returns the same sources without the loaded secrets.
    pub(in crate::fallback) fn unloaded(&self) -> Self {
        Self::new(self.config.clone())
    }

    /// Loads the secret of a source; `None` when the source has none.
    ///
    /// With `keyring_failure`, the keyring is not asked, but a secret that was loaded from it before is returned.
    ///
    /// # Errors
    ///
    /// The error of the source; `CORRUPT` when its content is not a secret.
    pub(in crate::fallback) async fn load(
        &self,
        source: MachineSecretSource,
        executor: FileExecutor,
        keyring_failure: Option<&KeyringFailure>,
    ) -> Result<Option<Arc<MachineSecret>>> {
        match source {
            MachineSecretSource::Loader => match &self.config.loader {
                Some(loader) => load_once(&self.from_loader, loader.as_ref()).await,
                None => Ok(None),
            },
            MachineSecretSource::Keyring => match (&self.config.keyring, keyring_failure) {
                (None, _) => Ok(None),
                (Some(keyring), None) => load_once(&self.from_keyring, keyring.as_ref()).await,
                (Some(_), Some(failure)) => match (self.from_keyring.get(), failure) {
                    (Some(secret), _) => Ok(Some(secret.clone())),
                    (None, Some(error)) => Err(error.clone()),
                    (None, None) => Ok(None),
                },
            },
            MachineSecretSource::File => match self.config.file.clone() {
                Some(path) => executor.run(move || Ok(read_secret(&path)?.map(Arc::new))).await,
                None => Ok(None),
            },
        }
    }

    /// Returns the secrets that were loaded from the loader and the keyring before, and the one in the file. Blocks.
    pub(in crate::fallback) fn loaded_or_in_file(&self) -> Vec<Arc<MachineSecret>> {
        let loaded = self.from_loader.get().into_iter().chain(self.from_keyring.get());
        let mut secrets: Vec<_> = loaded.cloned().collect();
        // The file is read each time: that costs little, and the user may have restored another secret.
        let file = self.config.file.as_deref();
        secrets.extend(file.and_then(|path| read_secret(path).ok().flatten()).map(Arc::new));
        secrets
    }

    /// Returns the secret to write with; `None` when the file must be written in version 1. Creates a secret if there is none.
    ///
    /// # Errors
    ///
    /// The error of the caller's loader.
    pub(in crate::fallback) async fn for_writing(
        &self,
        executor: FileExecutor,
        keyring_failure: Option<&KeyringFailure>,
    ) -> Result<Option<Arc<MachineSecret>>> {
        if self.config.version == Version::V1 {
            return Ok(None);
        }
        if self.config.loader.is_some() {
            return self.load(MachineSecretSource::Loader, executor, None).await;
        }
        if let (Some(secret), _) = self.existing(executor, keyring_failure).await {
            return Ok(Some(secret));
        }
        let _guard = self.creating.lock().await;
        // Another write of this process may have created one while this one waited.
        let (secret, empty) = self.existing(executor, keyring_failure).await;
        let secret = match secret {
            Some(secret) => Some(secret),
            None => self.create(executor, empty).await,
        };
        if secret.is_none() && (self.config.keyring.is_some() || self.config.file.is_some()) {
            notice(
                NoticeKind::NoMachineSecret,
                Code::Unavailable,
                "Encrypted files are written in version 1: no machine secret can be read or created",
                "Make the data directory writable, or unlock the keyring",
            );
        }
        Ok(secret)
    }

    /// Returns the first secret in the keyring or the file. If there is none, returns the sources that are known to be empty.
    /// A source that fails is skipped: reads try all sources, so a value sealed with any of them can be opened.
    async fn existing(
        &self,
        executor: FileExecutor,
        keyring_failure: Option<&KeyringFailure>,
    ) -> (Option<Arc<MachineSecret>>, Vec<MachineSecretSource>) {
        let mut empty = Vec::new();
        for source in [MachineSecretSource::Keyring, MachineSecretSource::File] {
            match self.load(source, executor, keyring_failure).await {
                Ok(Some(secret)) => return (Some(secret), Vec::new()),
                Ok(None) => empty.push(source),
                Err(_) => {}
            }
        }
        if keyring_failure.is_some() {
            empty.retain(|source| *source != MachineSecretSource::Keyring);
        }
        (None, empty)
    }

    /// Creates a secret in the first of these sources that accepts it: the keyring, otherwise the file.
    async fn create(&self, executor: FileExecutor, empty: Vec<MachineSecretSource>) -> Option<Arc<MachineSecret>> {
        let bytes = random_secret().ok()?;
        if let (true, Some(keyring)) = (empty.contains(&MachineSecretSource::Keyring), &self.config.keyring) {
            let created = keyring.create(&encode(bytes.as_slice())).await.ok().flatten();
            if let Some(secret) = created.and_then(|bytes| MachineSecret::checked(&bytes, keyring.name()).ok()) {
                let secret = Arc::new(secret);
                let _ = self.from_keyring.set(secret.clone());
                return Some(secret);
            }
        }
        match (empty.contains(&MachineSecretSource::File), self.config.file.clone()) {
            (true, Some(path)) => {
                let creating = executor.run(move || create_secret(&path, bytes.as_slice()));
                creating.await.ok().map(Arc::new)
            }
            _ => None,
        }
    }

    /// Returns the error for a file that needs a secret when no source has one.
    pub(in crate::fallback) fn missing(&self, path: &Path) -> Error {
        let message = format!(
            "Failed to decrypt envelope {}: a v:2 envelope requires a machine secret, and there is none",
            path.display()
        );
        let names = self.names();
        let remedy = match names.as_slice() {
            [] => "No machine secret is configured".to_owned(),
            names => format!("The machine secret is missing from {}: restore it", names.join(" and ")),
        };
        Error::new(Code::Corrupt, message)
            .with_remediation(format!("{remedy}. Otherwise: {}", Code::Corrupt.remediation()))
    }

    fn names(&self) -> Vec<String> {
        let MachineSecretConfig {
            loader, keyring, file, ..
        } = &self.config;
        let loader = loader.as_ref().map(|loader| loader.name().to_owned());
        let keyring = keyring.as_ref().map(|keyring| keyring.name().to_owned());
        let file = file.as_ref().map(|path| path.display().to_string());
        [loader, keyring, file].into_iter().flatten().collect()
    }
}

/// Returns the loaded secret, or loads it. Concurrent callers share one load. An absent secret is not cached, because it may
/// be created later.
async fn load_once<L: MachineSecretLoader + ?Sized>(
    cell: &OnceCell<Arc<MachineSecret>>,
    loader: &L,
) -> Result<Option<Arc<MachineSecret>>> {
    let loaded = cell.get_or_try_init(|| async {
        match loader.load().await {
            Ok(Some(bytes)) => MachineSecret::checked(&bytes, loader.name())
                .map(Arc::new)
                .map_err(Some),
            Ok(None) => Err(None),
            Err(error) => Err(Some(error)),
        }
    });
    match loaded.await {
        Ok(secret) => Ok(Some(secret.clone())),
        Err(None) => Ok(None),
        Err(Some(error)) => Err(error),
    }
}
