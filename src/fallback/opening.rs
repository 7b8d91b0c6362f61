//! Opens files that need a machine secret, and writes the derived-key cache behind the answer.

use std::sync::Arc;

use super::FallbackDir;
use super::directory::{CacheUpdate, Directory, Found};
use super::envelope::Version;
use super::file_state::StoredValue;
use super::files::EncryptedFile;
use super::machine_secret::{MachineSecret, Place};
use crate::error::Result;
use crate::fs::executor::submit;
use crate::telemetry::{propagate, propagate_blocking};

impl FallbackDir {
    /// Opens the files that no key at hand opens: with each machine secret that can be reached until one fits, then under the
    /// other names of the user.
    pub(super) async fn finish(&self, found: Vec<Result<Found>>) -> Vec<Result<Option<StoredValue>>> {
        let mut values = Vec::with_capacity(found.len());
        let mut waiting = Vec::new();
        for (at, found) in found.into_iter().enumerate() {
            values.push(match found {
                Ok(Found::Absent) => Ok(None),
                Ok(Found::Opened(stored)) => Ok(Some(stored)),
                Ok(Found::Sealed(file)) => {
                    waiting.push((at, file));
                    Ok(None)
                }
                Err(error) => Err(error),
            });
        }
        let (mut secrets, mut failure) = (Vec::new(), None);
        for place in Place::ALL {
            if waiting.is_empty() {
                break;
            }
            let loading = self
                .directory
                .secrets
                .load(place, self.executor(), self.keyring_failure.as_ref());
            match loading.await {
                Ok(None) => {}
                // This place may hold the right secret, so the caller must know that it could not be asked.
                Err(error) => failure = failure.or(Some(error)),
                Ok(Some(secret)) => {
                    secrets.push(secret.clone());
                    let open = move |directory: &Directory, (_, file): (usize, Arc<EncryptedFile>)| {
                        Ok(directory.open_with(&file, &secret))
                    };
                    let opened = self.run_many(waiting.clone(), open).await;
                    waiting = keep_unopened(waiting, opened, &mut values);
                }
            }
        }
        if !waiting.is_empty() {
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
            let opened = self.run_many(waiting.clone(), open).await;
            keep_unopened(waiting, opened, &mut values);
        }
        self.update_cache();
        values
    }

    /// Writes the derived-key cache if it lacks something, without waiting for it.
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

    /// A machine secret for keys of version 1, which are derived without one.
    async fn secret_for_cache(&self) -> Option<Arc<MachineSecret>> {
        for place in [Place::Loader, Place::Keyring] {
            // On macOS the keyring may ask the user, and nobody waits for this update.
            if place == Place::Keyring && cfg!(target_os = "macos") {
                continue;
            }
            let loading = self
                .directory
                .secrets
                .load(place, self.executor(), self.keyring_failure.as_ref());
            if let Ok(Some(secret)) = loading.await {
                return Some(secret);
            }
        }
        None
    }
}

/// Puts the values that were opened into their places, and returns the files that were not.
fn keep_unopened(
    waiting: Vec<(usize, Arc<EncryptedFile>)>,
    opened: Vec<Result<Option<StoredValue>>>,
    values: &mut [Result<Option<StoredValue>>],
) -> Vec<(usize, Arc<EncryptedFile>)> {
    let mut unopened = Vec::new();
    for ((at, file), opened) in waiting.into_iter().zip(opened) {
        match opened {
            Ok(None) => unopened.push((at, file)),
            done => values[at] = done,
        }
    }
    unopened
}
