//! Reports which keyring and which files are used, whether they work, and which problems there are, for users whose keys are
//! not found.
//!
//! An examination changes no file: modes are not tightened, and nothing is removed. The keyring is tested as a store tests it,
//! with a throw-away value. The report contains no name of a key.

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
use crate::store::{PROBE_PREFIX, SelectedKeyring, probe_keyring};
use crate::telemetry::{events, propagate};

mod places;
mod problems;

pub use places::{KeyringReport, StoreReport};
pub use problems::{Problem, Severity};

/// The name of a keyring that does not exist.
const NO_KEYRING: &str = "none";

/// The name of this platform's keyring.
const OS_KEYRING: &str = if cfg!(target_os = "macos") {
    "Keychain"
} else if cfg!(windows) {
    "Credential Manager"
} else {
    "Secret Service"
};

/// The subject of an examination.
pub struct Subject {
    /// The keyring that stores use, or none.
    pub keyring: SelectedKeyring,
    /// What chose that keyring; `None` for the platform's, which is used by default.
    pub chosen: Option<ChosenKeyring>,
    /// A problem with the location of the data directory.
    pub data_problem: Option<Error>,
    /// The home directory.
    pub home: PathBuf,
    /// The data directory.
    pub data: DataDirectory,
    /// The report is complete within this time, whatever the keyring does.
    pub limit: Duration,
}

/// A keyring that was chosen explicitly.
#[derive(Clone, Debug)]
pub struct ChosenKeyring {
    /// The name of the keyring; `None` for the platform's.
    pub name: Option<String>,
    /// What chose it: a function, an environment variable or a file.
    pub source: String,
}

/// The result of an examination.
#[derive(Debug)]
pub struct Report {
    /// The keyring.
    pub keyring: KeyringReport,
    /// The data directory.
    pub data: DataDirectory,
    /// The places where keys are, the known ones first.
    pub places: Vec<StoreReport>,
    /// Data of earlier programs. Empty also when the search failed, which is then one of the problems.
    pub legacy: Vec<LegacyData>,
    /// The problems and their remedies.
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
    let inspecting = tokio::task::spawn_blocking(move || {
        let former = home_data_directory(&home);
        let former = (former != data.path).then(|| StoreReport::all_below(&former));
        (StoreReport::all_below(&data.path), former.unwrap_or_default())
    });
    let testing = test(&subject, deadline);
    let directories = vec![home_data_directory(&subject.home), subject.data.path.clone()];
    let (keyring, inspected, legacy) = join3(testing, inspecting, legacy::find(directories)).await;
    let (mut places, former) = inspected.unwrap_or_default();
    if let (true, Some(os)) = (keyring.works, subject.keyring.keyring()) {
        let counting = join_all(places.iter().map(|place| count(os.as_ref(), &place.service)));
        if let Ok(counts) = timeout_at(deadline, counting).await {
            for (place, count) in places.iter_mut().zip(counts) {
                place.keyring_keys = count;
            }
        }
    }
    let mut problems: Vec<Problem> = problems::of_keyring(&keyring).into_iter().collect();
    problems.extend(subject.data_problem.iter().map(problems::of_data_directory));
    problems.extend(problems::of_two_directories(
        &places,
        &former,
        &subject.data,
        &subject.home,
    ));
    problems.extend(problems::of_unwritable_directories(&places, &keyring));
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

/// Tests the keyring: whether it returns a value that was written.
async fn test(subject: &Subject, deadline: Instant) -> KeyringReport {
    let chosen = subject.chosen.as_ref();
    let Some(keyring) = subject.keyring.keyring().cloned() else {
        let why = match chosen {
            Some(chosen) if chosen.name.is_some() => format!("encrypted files only, chosen by {}", chosen.source),
            _ => "the OS keyring is switched off (LLXPRT_DISABLE_OS_KEYRING=1 or a setting of the program)".to_owned(),
        };
        return KeyringReport {
            backend: NO_KEYRING.to_owned(),
            why,
            chosen_by: chosen.map(|chosen| chosen.source.clone()),
            works: false,
            duration: None,
            error: None,
        };
    };
    let started = Instant::now();
    // A separate task, so that a test that runs out of time still removes its throw-away account.
    let testing = timeout_at(deadline, tokio::spawn(propagate(test_keyring(keyring)))).await;
    let duration = started.elapsed();
    let state = match testing {
        Ok(Ok(state)) => state,
        Ok(Err(_)) => KeyringState::fails(Code::Unavailable, "The keyring test was interrupted"),
        Err(_) => KeyringState::fails(
            Code::Timeout,
            format!("The keyring did not answer within {} ms", subject.limit.as_millis()),
        ),
    };
    let name = chosen.and_then(|chosen| chosen.name.as_deref()).unwrap_or(OS_KEYRING);
    let reason = match chosen {
        Some(chosen) => format!("it was chosen by {}", chosen.source),
        None => "it is the platform's keyring".to_owned(),
    };
    let (backend, why, error) = match state {
        KeyringState::Works => (name, format!("{reason}, and it works"), None),
        KeyringState::Absent(error) => (
            NO_KEYRING,
            "the platform's keyring is not available".to_owned(),
            Some(error),
        ),
        KeyringState::Fails(error) => {
            let consequence = match error.is_final() {
                true => "its setting must be corrected before keys can be read or written",
                false => "while it fails, new keys go to encrypted files",
            };
            (name, format!("{reason}; {consequence}"), Some(error))
        }
    };
    KeyringReport {
        backend: backend.to_owned(),
        why,
        chosen_by: chosen.map(|chosen| chosen.source.clone()),
        works: error.is_none(),
        duration: (backend != NO_KEYRING).then_some(duration),
        error,
    }
}

async fn test_keyring(keyring: Arc<dyn Keyring>) -> KeyringState {
    // The cheapest call that shows whether there is a keyring. The probe alone would report an absent one as unavailable.
    if let Err(KeyringError::Absent(error)) = keyring.contains(PROBE_PREFIX, PROBE_PREFIX).await {
        return KeyringState::Absent(error);
    }
    let service = provider_keys::SERVICE;
    match events::probe(service, probe_keyring(keyring.as_ref(), service)).await {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fs::paths::DataDirectoryRule;
    use crate::keyring::memory::MemoryKeyring;
    use crate::keyring::misconfigured::MisconfiguredKeyring;

    async fn report(keyring: SelectedKeyring, chosen: Option<ChosenKeyring>) -> Report {
        let home = std::env::temp_dir().join("securestore doctor without anything");
        let data = DataDirectory {
            path: home.join(".llxprt"),
            rule: DataDirectoryRule::Home,
        };
        let problem = Error::new(Code::Denied, "LLXPRT_DATA_HOME points into the project");
        examine(Subject {
            keyring,
            chosen,
            data_problem: Some(problem.with_remediation("Unset it")),
            home,
            data,
            limit: Duration::from_secs(10),
        })
        .await
    }

    fn chosen(name: Option<&str>) -> Option<ChosenKeyring> {
        Some(ChosenKeyring {
            name: name.map(str::to_owned),
            source: "keyring.json".to_owned(),
        })
    }

    #[tokio::test]
    async fn a_chosen_keyring_is_reported_with_its_name_and_what_chose_it() {
        let keyring = || SelectedKeyring::Injected(Arc::new(MemoryKeyring::default()));
        let report = report(keyring(), chosen(Some("Vault at vault.example.com"))).await;
        assert_eq!(report.keyring.backend, "Vault at vault.example.com");
        assert_eq!(report.keyring.why, "it was chosen by keyring.json, and it works");
        assert_eq!(report.keyring.chosen_by.as_deref(), Some("keyring.json"));
        assert!(report.keyring.works);
    }

    #[tokio::test]
    async fn chosen_files_and_a_keyring_that_is_switched_off_have_different_reasons() {
        let files = report(SelectedKeyring::Nothing, chosen(Some("encrypted files")))
            .await
            .keyring;
        assert_eq!((files.backend.as_str(), files.error), ("none", None));
        assert_eq!(files.why, "encrypted files only, chosen by keyring.json");
        let disabled = report(SelectedKeyring::Nothing, chosen(None)).await.keyring;
        assert!(disabled.why.contains("switched off"));
    }

    #[tokio::test]
    async fn a_wrong_setting_and_a_data_directory_in_the_project_are_problems() {
        let error = Error::new(Code::Corrupt, "keyring.json is not JSON");
        let keyring = SelectedKeyring::Injected(Arc::new(MisconfiguredKeyring::new(error)));
        let report = report(keyring, chosen(Some("chosen keyring"))).await;
        assert!(report.keyring.why.contains("must be corrected"));
        let problems: Vec<_> = report.problems.iter().map(|problem| problem.message.as_str()).collect();
        assert_eq!(
            problems,
            [
                "The chosen keyring does not work (CORRUPT): keyring.json is not JSON",
                "Keys are kept in the project: LLXPRT_DATA_HOME points into the project",
            ]
        );
    }
}
