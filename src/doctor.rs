//! A report on what is there, what works and what is wrong, for people who ask why their keys are not found.
//!
//! The report changes nothing: no mode is tightened and no file is removed. Of the keyring it asks what a store asks first:
//! whether a throw-away value comes back. It names no key.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{join_all, join3};
use tokio::time::{Instant, timeout_at};

use crate::error::{Code, Error};
use crate::fs::paths::{DataDirectory, home_data_directory};
use crate::keyring::{Keyring, KeyringError};
use crate::legacy::{self, LegacyData};
use crate::provider_keys;
use crate::store::{PROBE_PREFIX, SelectedKeyring, ask_keyring};
use crate::telemetry::{events, propagate};

mod places;
mod problems;

pub use places::{KeyringReport, StoreReport};
pub use problems::{Problem, Severity};

/// The name of this platform's keyring.
const OS_KEYRING: &str = if cfg!(target_os = "macos") {
    "Keychain"
} else if cfg!(windows) {
    "Credential Manager"
} else {
    "Secret Service"
};

/// What to examine.
pub struct Subject {
    /// The operating system's keyring, or none.
    pub keyring: SelectedKeyring,
    /// The home directory.
    pub home: PathBuf,
    /// The data directory.
    pub data: DataDirectory,
    /// The report is complete within this time, whatever the keyring does.
    pub limit: Duration,
}

/// The result of an examination.
#[derive(Debug)]
pub struct Report {
    /// The keyring.
    pub keyring: KeyringReport,
    /// Where all data is.
    pub data: DataDirectory,
    /// The places where keys are, the known ones first.
    pub places: Vec<StoreReport>,
    /// Data of earlier programs. Also empty when it could not be looked for; then a problem says so.
    pub legacy: Vec<LegacyData>,
    /// What is wrong, and what to do about it.
    pub problems: Vec<Problem>,
}

/// The state of a keyring.
enum KeyringState {
    Works,
    Absent(Error),
    Fails(Error),
}

/// Examines the keyring and the files. Never fails: every failure is part of the report.
pub async fn examine(subject: Subject) -> Report {
    let deadline = Instant::now() + subject.limit;
    let (home, data) = (subject.home.clone(), subject.data.clone());
    let looking = tokio::task::spawn_blocking(move || {
        let former = home_data_directory(&home);
        let former = (former != data.path).then(|| StoreReport::all_below(&former));
        (StoreReport::all_below(&data.path), former.unwrap_or_default())
    });
    let testing = test(&subject.keyring, deadline, subject.limit);
    let directories = vec![home_data_directory(&subject.home), subject.data.path.clone()];
    let (keyring, looked, legacy) = join3(testing, looking, legacy::find(directories)).await;
    let (mut places, former) = looked.unwrap_or_default();
    if let (true, Some(os)) = (keyring.works, subject.keyring.keyring()) {
        let counting = join_all(places.iter().map(|place| count(os.as_ref(), &place.service)));
        if let Ok(counts) = timeout_at(deadline, counting).await {
            for (place, count) in places.iter_mut().zip(counts) {
                place.keyring_keys = count;
            }
        }
    }
    let mut problems: Vec<Problem> = problems::of_keyring(&keyring).into_iter().collect();
    problems.extend(problems::of_two_directories(
        &places,
        &former,
        &subject.data,
        &subject.home,
    ));
    problems.extend(problems::of_places(&places));
    problems.extend(problems::of_legacy(&legacy));
    Report {
        keyring,
        data: subject.data,
        places,
        legacy: legacy.unwrap_or_default(),
        problems,
    }
}

/// Tests whether a value that is written comes back.
async fn test(selected: &SelectedKeyring, deadline: Instant, limit: Duration) -> KeyringReport {
    let Some(keyring) = selected.keyring().cloned() else {
        return KeyringReport {
            backend: "none",
            why: "the OS keyring is switched off (LLXPRT_DISABLE_OS_KEYRING=1 or a setting of the program)".to_owned(),
            works: false,
            duration: None,
            error: None,
        };
    };
    let started = Instant::now();
    // In a task of its own, so that a test that runs out of time still removes its throw-away account.
    let testing = timeout_at(deadline, tokio::spawn(propagate(test_keyring(keyring)))).await;
    let duration = started.elapsed();
    let state = match testing {
        Ok(Ok(state)) => state,
        Ok(Err(_)) => KeyringState::fails(Code::Unavailable, "The keyring test was interrupted"),
        Err(_) => KeyringState::fails(
            Code::Timeout,
            format!("The keyring did not answer within {} ms", limit.as_millis()),
        ),
    };
    let (backend, why, error) = match state {
        KeyringState::Works => (
            OS_KEYRING,
            "it is the platform's keyring, and it works".to_owned(),
            None,
        ),
        KeyringState::Absent(error) => ("none", "the platform's keyring is not there".to_owned(), Some(error)),
        KeyringState::Fails(error) => {
            let why = "it is the platform's keyring; while it fails, new keys go to encrypted files";
            (OS_KEYRING, why.to_owned(), Some(error))
        }
    };
    KeyringReport {
        backend,
        why,
        works: error.is_none(),
        duration: (backend != "none").then_some(duration),
        error,
    }
}

async fn test_keyring(keyring: Arc<dyn Keyring>) -> KeyringState {
    // The cheapest call that shows whether there is a keyring at all.
    if let Err(KeyringError::Absent(error)) = keyring.contains(PROBE_PREFIX, PROBE_PREFIX).await {
        return KeyringState::Absent(error);
    }
    let service = provider_keys::SERVICE;
    match events::probe(service, ask_keyring(keyring.as_ref(), service)).await {
        Ok(true) => KeyringState::Works,
        Ok(false) => KeyringState::fails(
            Code::Unavailable,
            "The keyring returned another value than the one written",
        ),
        Err(error) => KeyringState::Fails(error),
    }
}

/// Counts the keys of a service in the keyring; `None` when it cannot be listed.
async fn count(keyring: &dyn Keyring, service: &str) -> Option<usize> {
    let accounts = keyring.accounts(service).await.ok()?;
    Some(accounts.iter().filter(|name| !name.starts_with(PROBE_PREFIX)).count())
}

impl KeyringState {
    fn fails(code: Code, message: impl Into<String>) -> Self {
        Self::Fails(Error::new(code, message))
    }
}
