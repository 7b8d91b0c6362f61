//! Opens files that need a machine secret, and updates the derived-key cache in the background.

use std::sync::Arc;

use super::FallbackDir;
use super::directory::{CacheUpdate, Directory, Found};
use super::envelope::Version;
use super::file_state::StoredValue;
use super::files::EncryptedFile;
use super::machine_secret::{MachineSecret, MachineSecretSource};
use crate::error::Result;
use crate::fs::executor::{FileExecutor, submit};
use crate::telemetry::{propagate, propagate_blocking};

impl FallbackDir {
    /// Opens the files that [`Directory::find`] did not open: with each machine secret that can be read until one opens them,
    /// then under the other names of the user.
    pub(super) async fn finish(&self, found: Vec<Result<Found>>) -> Vec<Result<Option<StoredValue>>> {
        let mut values = Vec::with_capacity(found.len());
        let mut unopened = Vec::new();
        for (at, found) in found.into_iter().enumerate() {
            values.push(match found {
                Ok(Found::Absent) => Ok(None),
                Ok(Found::Opened(stored)) => Ok(Some(stored)),
                Ok(Found::Unopened(file)) => {
                    unopened.push((at, file));
                    Ok(None)
                }
                Err(error) => Err(error),
            });
        }
        let (mut secrets, mut failure) = (Vec::new(), None);
        for source in MachineSecretSource::ALL {
            if unopened.is_empty() {
                break;
            }
            let loading = self
                .directory
                .secrets
                .load(source, self.executor, self.keyring_failure.as_ref());
            match loading.await {
                Ok(None) => {}
                // This source may hold the right secret. If no other opens the file, the caller gets this error.
                Err(error) => failure = failure.or(Some(error)),
                Ok(Some(secret)) => {
                    secrets.push(secret.clone());
                    let open = move |directory: &Directory, (_, file): (usize, Arc<EncryptedFile>)| {
                        Ok(directory.open_with(&file, &secret))
                    };
                    let opened = self.run_many(unopened.clone(), open).await;
                    unopened = keep_unopened(unopened, opened, &mut values);
                }
            }
        }
        if !unopened.is_empty() {
            let missing = secrets.is_empty();
            let open = move |directory: &Directory, (_, file): (usize, Arc<EncryptedFile>)| {
                let needs_secret = file.envelope.version == Version::V2;
                match directory.open_with_derived(&file, &secrets) {
                    Ok(stored) => Ok(Some(stored)),
                    Err(_) if needs_secret && failure.is_some() => failure.clone().map_or(Ok(None), Err),
                    Err(_) if needs_secret && missing => Err(directory.secrets.missing(&file.path)),
                    Err(error) => Err(error),
                }
            };
            let opened = self.run_many(unopened.clone(), open).await;
            keep_unopened(unopened, opened, &mut values);
        }
        self.update_cache();
        values
    }

    /// Starts an update of the derived-key cache if there are unsaved keys. Does not wait for it.
    pub(super) fn update_cache(&self) {
        if !self.directory.keys.has_unsaved() {
            return;
        }
        let guard = self.directory.keys.start_update();
        let directory = self.directory.clone();
        let updating = submit(propagate_blocking(move || Ok(directory.update_cache(None))));
        let dir = self.clone();
        tokio::spawn(propagate(async move {
            if let Ok(CacheUpdate::NoSecret) = updating.await {
                let secret = dir.secret_for_cache().await;
                let directory = dir.directory.clone();
                let update = move || Ok(directory.update_cache(secret.as_deref()));
                if let Ok(CacheUpdate::NoSecret) = submit(propagate_blocking(update)).await {
                    dir.directory.keys.discard_unsaved();
                }
            }
            drop(guard);
        }));
    }

    /// Returns a machine secret to seal keys of version 1 with, which are derived without one. The file's secret was tried
    /// before.
    async fn secret_for_cache(&self) -> Option<Arc<MachineSecret>> {
        for source in [MachineSecretSource::Loader, MachineSecretSource::Keyring] {
            // On macOS reading the keyring may show a dialog, which a background update must not do.
            if source == MachineSecretSource::Keyring && cfg!(target_os = "macos") {
                continue;
            }
            // The pool: this is a task of the runtime, whose threads must not block.
            let loading = self
                .directory
                .secrets
                .load(source, FileExecutor::Pool, self.keyring_failure.as_ref());
            if let Ok(Some(secret)) = loading.await {
                return Some(secret);
            }
        }
        None
    }
}

/// Stores the values of the opened files at their indices in `values`, and returns the files that are still unopened.
fn keep_unopened(
    files: Vec<(usize, Arc<EncryptedFile>)>,
    opened: Vec<Result<Option<StoredValue>>>,
    values: &mut [Result<Option<StoredValue>>],
) -> Vec<(usize, Arc<EncryptedFile>)> {
    let mut unopened = Vec::new();
    for ((at, file), opened) in files.into_iter().zip(opened) {
        match opened {
            Ok(None) => unopened.push((at, file)),
            done => values[at] = done,
        }
    }
    unopened
}
