//! The places of the machine secret: which one is read, which one is written with, and where the first one is created.

use std::path::Path;
use std::sync::Arc;

use tokio::sync::{Mutex, OnceCell};

use super::file::{create_secret, random_secret, read_secret};
use super::secret::{MachineSecret, MachineSecretConfig, MachineSecretLoader, encode};
use crate::error::{Code, Error, Result};
use crate::fallback::envelope::Version;
use crate::fs::executor::FileExecutor;
use crate::telemetry::notices::{NoticeKind, notice};

/// The places, and what the loader and the keyring gave.
#[derive(Default)]
pub(in crate::fallback) struct MachineSecrets {
    config: MachineSecretConfig,
    from_loader: OnceCell<Arc<MachineSecret>>,
    from_keyring: OnceCell<Arc<MachineSecret>>,
    /// Held while a secret is created, so that simultaneous first writes of a process create one.
    creating: Mutex<()>,
}

/// A place that may hold the secret, in the order in which reads ask: the keyring, which may need its user, comes last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::fallback) enum Place {
    Loader,
    File,
    Keyring,
}

impl Place {
    pub(in crate::fallback) const ALL: [Place; 3] = [Place::Loader, Place::File, Place::Keyring];
}

/// Why the keyring is not asked: it has just failed, or is known to be absent.
pub(in crate::fallback) type KeyringFailure = Option<Error>;

impl MachineSecrets {
    pub(in crate::fallback) fn new(config: MachineSecretConfig) -> Self {
        Self {
            config,
            ..Self::default()
        }
    }

    /// Returns the same places, with nothing loaded.
    pub(in crate::fallback) fn unloaded(&self) -> Self {
        Self::new(self.config.clone())
    }

    /// Loads the secret that a place holds; `None` when it holds none.
    ///
    /// `keyring_failure` keeps the keyring from being asked. A secret that it gave before is known all the same.
    ///
    /// # Errors
    ///
    /// The error of the place; `CORRUPT` when what it holds is not a secret.
    pub(in crate::fallback) async fn load(
        &self,
        place: Place,
        executor: FileExecutor,
        keyring_failure: Option<&KeyringFailure>,
    ) -> Result<Option<Arc<MachineSecret>>> {
        match place {
            Place::Loader => match &self.config.loader {
                Some(loader) => load_once(&self.from_loader, loader.as_ref()).await,
                None => Ok(None),
            },
            Place::Keyring => match (&self.config.keyring, keyring_failure) {
                (None, _) => Ok(None),
                (Some(keyring), None) => load_once(&self.from_keyring, keyring.as_ref()).await,
                (Some(_), Some(failure)) => match (self.from_keyring.get(), failure) {
                    (Some(secret), _) => Ok(Some(secret.clone())),
                    (None, Some(error)) => Err(error.clone()),
                    (None, None) => Ok(None),
                },
            },
            Place::File => match self.config.file.clone() {
                Some(path) => executor.run(move || Ok(read_secret(&path)?.map(Arc::new))).await,
                None => Ok(None),
            },
        }
    }

    /// Returns the secrets that are known without asking anybody, or that a file holds. Blocks.
    pub(in crate::fallback) fn at_hand(&self) -> Vec<Arc<MachineSecret>> {
        let known = self.from_loader.get().into_iter().chain(self.from_keyring.get());
        let mut secrets: Vec<_> = known.cloned().collect();
        // Not remembered: reading it costs little, and somebody may restore another one.
        let file = self.config.file.as_deref();
        secrets.extend(file.and_then(|path| read_secret(path).ok().flatten()).map(Arc::new));
        secrets
    }

    /// Returns the secret to write with; `None` when version 1 is to be written. Creates one if there is none.
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
            return self.load(Place::Loader, executor, None).await;
        }
        if let (Some(secret), _) = self.existing(executor, keyring_failure).await {
            return Ok(Some(secret));
        }
        let _guard = self.creating.lock().await;
        // Another write of this process may have created one meanwhile.
        let (secret, vacant) = self.existing(executor, keyring_failure).await;
        let secret = match secret {
            Some(secret) => Some(secret),
            None => self.create(executor, vacant).await,
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

    /// Returns the first secret in the keyring or the file; without one, the places that answered that they hold none. A
    /// place that fails is skipped, because reads try all places.
    async fn existing(
        &self,
        executor: FileExecutor,
        keyring_failure: Option<&KeyringFailure>,
    ) -> (Option<Arc<MachineSecret>>, Vec<Place>) {
        let mut vacant = Vec::new();
        for place in [Place::Keyring, Place::File] {
            match self.load(place, executor, keyring_failure).await {
                Ok(Some(secret)) => return (Some(secret), Vec::new()),
                Ok(None) => vacant.push(place),
                Err(_) => {}
            }
        }
        if keyring_failure.is_some() {
            vacant.retain(|place| *place != Place::Keyring);
        }
        (None, vacant)
    }

    async fn create(&self, executor: FileExecutor, vacant: Vec<Place>) -> Option<Arc<MachineSecret>> {
        let bytes = random_secret().ok()?;
        if let (true, Some(keyring)) = (vacant.contains(&Place::Keyring), &self.config.keyring) {
            let created = keyring.create(&encode(bytes.as_slice())).await.ok().flatten();
            if let Some(secret) = created.and_then(|bytes| MachineSecret::checked(&bytes, keyring.name()).ok()) {
                let secret = Arc::new(secret);
                let _ = self.from_keyring.set(secret.clone());
                return Some(secret);
            }
        }
        match (vacant.contains(&Place::File), self.config.file.clone()) {
            (true, Some(path)) => {
                let creating = executor.run(move || create_secret(&path, bytes.as_slice()));
                creating.await.ok().map(Arc::new)
            }
            _ => None,
        }
    }

    /// Returns the error for a file that needs a secret when no place has one.
    pub(in crate::fallback) fn missing(&self, path: &Path) -> Error {
        let message = format!(
            "{} is sealed with a machine secret (version 2), and there is none",
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

/// Of callers at the same time one asks the place. That it has none yet is not remembered.
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
