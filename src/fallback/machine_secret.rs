//! The machine secret, which files of version 2 are sealed with: its forms and its sources.

use std::sync::Arc;

use crate::fs::executor::FileExecutor;

mod file;
mod secret;
mod sources;

pub(super) use secret::SECTION_ID_LEN;
pub use secret::{
    LEN, MAX_LEN, MIN_LEN, MachineSecret, MachineSecretConfig, MachineSecretKeyring, MachineSecretLoader, SecretFuture,
    SectionKey, decode, encode,
};
pub(super) use sources::{MachineSecretSource, MachineSecrets};

/// Returns the machine secret to encrypt with, for envelopes outside of any store. Creates one if there is none; returns
/// `None` when that is not possible.
pub async fn secret_for_encryption(config: MachineSecretConfig) -> Option<Arc<MachineSecret>> {
    let secrets = MachineSecrets::new(config);
    secrets.for_writing(FileExecutor::Pool, None).await.ok().flatten()
}

/// Returns the machine secrets that can be read, for envelopes outside of any store. Never creates one.
pub async fn secrets_for_decryption(config: MachineSecretConfig) -> Vec<Arc<MachineSecret>> {
    let secrets = MachineSecrets::new(config);
    let mut found = Vec::new();
    for source in MachineSecretSource::ALL {
        found.extend(secrets.load(source, FileExecutor::Pool, None).await.ok().flatten());
    }
    found
}
