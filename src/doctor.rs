//! What is there, what works, what is wrong: a report for people who ask why their keys are not found (R8).
//!
//! It looks and does not touch: no mode is tightened, no file swept. Of the keyring it asks what a store asks of it
//! first: whether a throw-away value comes back. It names no key.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{join_all, join3};
use tokio::time::{Instant, timeout_at};

use crate::error::{Code, Error};
use crate::fallback::file_name;
use crate::fallback::inspect::{Inspection, inspect};
use crate::keyring::{Keyring, KeyringError};
use crate::legacy::{self, LegacyData};
use crate::provider_keys;
use crate::store::{PROBE_PREFIX, SelectedKeyring, ask_keyring};
use crate::telemetry::{events, propagate};
use crate::tool_keys;

/// Below the home directory: a directory for each service that has no place of its own.
const DATA: &str = ".llxprt";
const STORES: [&str; 2] = [".llxprt", "secure-store"];

/// What the keyring of this platform is called.
const OS_KEYRING: &str = if cfg!(target_os = "macos") {
    "Keychain"
} else if cfg!(windows) {
    "Credential Manager"
} else {
    "Secret Service"
};

/// What the report is about.
pub struct Subject {
    /// The operating system's keyring, or none.
    pub keyring: SelectedKeyring,
    /// The home directory.
    pub home: PathBuf,
    /// The report is there within this time, whatever the keyring does.
    pub limit: Duration,
}

/// What was found.
#[derive(Debug)]
pub struct Report {
    /// The keyring.
    pub keyring: KeyringReport,
    /// The places where keys are, known ones first.
    pub places: Vec<StoreReport>,
    /// Data of earlier programs; empty also when it cannot be looked for, which is a problem then.
    pub legacy: Vec<LegacyData>,
    /// What is wrong, and what to do about it; empty when all is well.
    pub problems: Vec<Problem>,
}

/// Which keyring is used, and how it does.
#[derive(Debug)]
pub struct KeyringReport {
    /// Its name; `none` where there is none.
    pub backend: &'static str,
    /// Why that one.
    pub why: String,
    /// Whether a value that was written came back.
    pub works: bool,
    /// How long that took, or its failure; `None` where there is no keyring.
    pub duration: Option<Duration>,
    /// Why it does not work; `None` when it does, and when it is switched off.
    pub error: Option<Error>,
}

/// A place where keys are: a service in the keyring, a directory of files.
#[derive(Debug)]
pub struct StoreReport {
    /// What is kept there: `provider keys`, `tool keys`, else the service.
    pub name: String,
    /// Its service.
    pub service: String,
    /// The directory of its files, whether it is there or not.
    pub directory: PathBuf,
    /// How many keys the keyring has; `None` when it could not be asked.
    pub keyring_keys: Option<usize>,
    /// What is in the directory; an empty one is what a missing one is like. The error when it cannot be looked at.
    pub files: Result<Inspection, Error>,
}

/// Something that is wrong, in words for the terminal.
#[derive(Debug)]
pub struct Problem {
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub remedy: String,
}

/// How a keyring does.
enum State {
    Works,
    Absent(Error),
    Fails(Error),
}

/// Examines keyring and files. Never fails: what fails is in the report.
pub async fn examine(subject: Subject) -> Report {
    let deadline = Instant::now() + subject.limit;
    let home = subject.home.clone();
    let looking = tokio::task::spawn_blocking(move || places(&home));
    let testing = test(&subject.keyring, deadline, subject.limit);
    let (keyring, places, legacy) = join3(testing, looking, legacy::find(subject.home)).await;
    let mut places = places.unwrap_or_default();
    if let (true, Some(os)) = (keyring.works, subject.keyring.keyring()) {
        let counting = join_all(places.iter().map(|place| count(os.as_ref(), &place.service)));
        if let Ok(counts) = timeout_at(deadline, counting).await {
            for (place, count) in places.iter_mut().zip(counts) {
                place.keyring_keys = count;
            }
        }
    }
    let problems = problems(&keyring, &places, &legacy);
    Report {
        keyring,
        places,
        legacy: legacy.unwrap_or_default(),
        problems,
    }
}

/// Whether a value that is written comes back.
async fn test(choice: &SelectedKeyring, deadline: Instant, limit: Duration) -> KeyringReport {
    let Some(keyring) = choice.keyring().cloned() else {
        return KeyringReport {
            backend: "none",
            why: "LLXPRT_DISABLE_OS_KEYRING=1 switches it off".to_owned(),
            works: false,
            duration: None,
            error: None,
        };
    };
    let started = Instant::now();
    // A task of its own: when its time is over it still takes its throw-away account away.
    let trying = timeout_at(deadline, tokio::spawn(propagate(try_out(keyring)))).await;
    let duration = started.elapsed();
    let state = match trying {
        Ok(Ok(state)) => state,
        Ok(Err(_)) => State::fails(Code::Unavailable, "The test of the keyring stopped before its end"),
        Err(_) => State::fails(
            Code::Timeout,
            format!("The keyring did not answer within {} ms", limit.as_millis()),
        ),
    };
    let (backend, why, error) = match state {
        State::Works => (
            OS_KEYRING,
            "it is the platform's keyring, and it works".to_owned(),
            None,
        ),
        State::Absent(error) => ("none", "the platform's keyring is not there".to_owned(), Some(error)),
        State::Fails(error) => {
            let why = "it is the platform's keyring; as it fails, new keys go to encrypted files";
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

async fn try_out(keyring: Arc<dyn Keyring>) -> State {
    // The cheapest question that tells whether anybody is there.
    if let Err(KeyringError::Absent(error)) = keyring.contains(PROBE_PREFIX, PROBE_PREFIX).await {
        return State::Absent(error);
    }
    let service = provider_keys::SERVICE;
    match events::probe(service, ask_keyring(keyring.as_ref(), service)).await {
        Ok(true) => State::Works,
        Ok(false) => State::fails(
            Code::Unavailable,
            "The keyring gave back another value than was written",
        ),
        Err(error) => State::Fails(error),
    }
}

impl State {
    fn fails(code: Code, message: impl Into<String>) -> Self {
        Self::Fails(Error::new(code, message))
    }
}

/// How many keys a service has in the keyring; `None` when it does not say.
async fn count(keyring: &dyn Keyring, service: &str) -> Option<usize> {
    let accounts = keyring.accounts(service).await.ok()?;
    Some(accounts.iter().filter(|name| !name.starts_with(PROBE_PREFIX)).count())
}

/// The known places, then a place for each other directory of files. Blocks.
fn places(home: &Path) -> Vec<StoreReport> {
    let below = |parts: &[&str]| parts.iter().fold(home.to_owned(), |path, part| path.join(part));
    let place = |name: &str, service: &str, directory: PathBuf| StoreReport {
        name: name.to_owned(),
        service: service.to_owned(),
        keyring_keys: None,
        files: inspect(&directory).map(Option::unwrap_or_default),
        directory,
    };
    let mut places = vec![
        place(
            "provider keys",
            provider_keys::SERVICE,
            below(&[DATA, provider_keys::DIRECTORY]),
        ),
        place("tool keys", tool_keys::SERVICE, below(&[DATA, tool_keys::DIRECTORY])),
    ];
    let mut others = BTreeMap::new();
    for entry in std::fs::read_dir(below(&STORES)).into_iter().flatten().flatten() {
        if let Some(name) = entry.file_name().to_str()
            && entry.path().is_dir()
        {
            // A service's directory is spelled like a key's file, without its ending.
            let service = file_name::decode(&format!("{name}{}", file_name::SUFFIX));
            others.insert(service.unwrap_or_else(|| name.to_owned()), entry.path());
        }
    }
    places.extend(
        others
            .into_iter()
            .map(|(service, directory)| place(&service, &service, directory)),
    );
    places
}

fn problems(keyring: &KeyringReport, places: &[StoreReport], legacy: &Result<Vec<LegacyData>, Error>) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut tell = |message: String, remedy: String| problems.push(Problem { message, remedy });
    if let Some(error) = &keyring.error {
        let message = match keyring.backend {
            "none" => format!("No keyring: {}. Keys are kept in encrypted files", error.message()),
            name => format!("The {name} does not work ({}): {}", error.code(), error.message()),
        };
        tell(message, error.remediation().to_owned());
    }
    for place in places {
        let directory = place.directory.display();
        match &place.files {
            Err(error) => tell(error.message().to_owned(), error.remediation().to_owned()),
            Ok(files) => {
                if files.is_open() {
                    let mode = files.mode.unwrap_or_default();
                    tell(
                        format!("Others have access to {directory}: its mode is {mode:04o}"),
                        format!("chmod 700 '{directory}'"),
                    );
                }
                if files.open_files > 0 {
                    tell(
                        format!("Others have access to {} files in {directory}", files.open_files),
                        format!("chmod 600 '{directory}'/*{}", file_name::SUFFIX),
                    );
                }
            }
        }
    }
    match legacy {
        Err(error) => tell(error.message().to_owned(), error.remediation().to_owned()),
        Ok(found) => found.iter().for_each(|found| {
            let message = format!("{} is of an earlier program, and is not read", found.path.display());
            tell(message, found.message.clone());
        }),
    }
    problems
}
