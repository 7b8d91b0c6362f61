//! The machine secret, which files of version 2 are sealed with: what it is and where it may be.

use std::sync::Arc;

use crate::fs::executor::FileExecutor;

mod file;
mod places;
mod secret;

pub(super) use places::{MachineSecrets, Place};
pub(super) use secret::SECTION_ID_LEN;
pub use secret::{
    LEN, Loading, MAX_LEN, MIN_LEN, MachineSecret, MachineSecretConfig, MachineSecretKeyring, MachineSecretLoader,
    SectionKey, decode, encode,
};

/// Returns the machine secret to encrypt with, for envelopes outside of any store. Creates one if there is none; `None`
/// when that is not possible.
pub async fn secret_for_encryption(config: MachineSecretConfig) -> Option<Arc<MachineSecret>> {
    let secrets = MachineSecrets::new(config);
    secrets.for_writing(FileExecutor::Pool, None).await.ok().flatten()
}

/// Returns the machine secrets that can be read, for envelopes outside of any store. Never creates one.
pub async fn secrets_for_decryption(config: MachineSecretConfig) -> Vec<Arc<MachineSecret>> {
    let secrets = MachineSecrets::new(config);
    let mut found = Vec::new();
    for place in Place::ALL {
        found.extend(secrets.load(place, FileExecutor::Pool, None).await.ok().flatten());
    }
    found
}
