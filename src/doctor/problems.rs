//! The problems of a report, as text for users.

use std::path::Path;

use super::places::{KeyringReport, StoreReport};
use crate::error::Error;
use crate::fallback::file_name;
use crate::fs::paths::{DataDirectory, DataDirectoryRule, home_data_directory};
use crate::legacy::LegacyData;

/// A problem and its remedy.
#[derive(Debug, PartialEq, Eq)]
pub struct Problem {
    /// The severity.
    pub severity: Severity,
    /// A sentence that describes the problem.
    pub message: String,
    /// What the user can do about it.
    pub remedy: String,
}

/// The severity of a problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// Keys cannot be read or written.
    Error,
    /// The user should do something.
    Warning,
    /// The user need not do anything.
    Info,
}

impl Severity {
    /// Returns the text form: `error`, `warning` or `info`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Info => "info",
        }
    }
}

/// Returns the problem of the keyring. An absent keyring is only information, because encrypted files work without one.
pub(super) fn of_keyring(keyring: &KeyringReport) -> Option<Problem> {
    let error = keyring.error.as_ref()?;
    let (severity, message) = match keyring.backend.as_str() {
        "none" => (
            Severity::Info,
            format!("No keyring: {}. Keys are kept in encrypted files", error.message()),
        ),
        name => (
            Severity::Error,
            format!("The {name} does not work ({}): {}", error.code(), error.message()),
        ),
    };
    Some(Problem {
        severity,
        message,
        remedy: error.remediation().to_owned(),
    })
}

/// Returns the problem of a data directory in a location where keys should not be.
pub(super) fn of_data_directory(error: &Error) -> Problem {
    Problem {
        severity: Severity::Warning,
        message: format!("Keys are kept in the project: {}", error.message()),
        remedy: error.remediation().to_owned(),
    }
}

/// Returns the problem of keys in `~/.llxprt` that are not read because another data directory is in use. It is reported if that
/// directory holds keys too, or if it is the platform's, which another program may have created after the keys were saved.
pub(super) fn of_two_directories(
    places: &[StoreReport],
    former: &[StoreReport],
    data: &DataDirectory,
    home: &Path,
) -> Option<Problem> {
    if !former.iter().any(StoreReport::holds_files) {
        return None;
    }
    let (used, unused) = (data.path.display(), home_data_directory(home).display().to_string());
    let rule = data.rule.description();
    if places.iter().any(StoreReport::holds_files) {
        return Some(Problem {
            severity: Severity::Warning,
            message: format!("There are keys in {used} ({rule}) and in {unused}, which is not read"),
            remedy: format!(
                "If the keys in {unused} are old copies, remove them. Otherwise set LLXPRT_DATA_HOME='{unused}' to read them, and save them again"
            ),
        });
    }
    (data.rule == DataDirectoryRule::Platform).then(|| Problem {
        severity: Severity::Info,
        message: format!("There are keys in {unused}, which is not read, and none in {used} ({rule})"),
        remedy: format!("Set LLXPRT_DATA_HOME='{unused}' to read them, and save them again"),
    })
}

/// Returns the problem that keys cannot be saved in files. Its severity is `Info` while the keyring works.
pub(super) fn of_unwritable_directories(places: &[StoreReport], keyring: &KeyringReport) -> Option<Problem> {
    // A directory that cannot be read is reported as another problem.
    let mut readable = places.iter().filter(|place| place.files.is_ok());
    let error = readable.find_map(|place| place.writable.as_ref().err())?;
    Some(Problem {
        severity: match keyring.works {
            true => Severity::Info,
            false => Severity::Error,
        },
        message: format!("Keys cannot be saved in files: {}", error.message()),
        remedy: "Make that directory writable, or set LLXPRT_DATA_HOME to a directory that is".to_owned(),
    })
}

/// Returns the problems of directories that cannot be read, and of directories and files that others can access.
pub(super) fn of_places(places: &[StoreReport]) -> Vec<Problem> {
    let mut problems = Vec::new();
    for place in places {
        let directory = place.directory.display();
        let files = match &place.files {
            Ok(files) => files,
            Err(error) => {
                problems.push(of_error(error));
                continue;
            }
        };
        if files.is_open() {
            let mode = files.mode.unwrap_or_default();
            problems.push(Problem {
                severity: Severity::Warning,
                message: format!("Others have access to {directory}: its mode is {mode:04o}"),
                remedy: format!("chmod 700 '{directory}'"),
            });
        }
        if files.open_files > 0 {
            problems.push(Problem {
                severity: Severity::Warning,
                message: format!("Others have access to {} files in {directory}", files.open_files),
                remedy: format!("chmod 600 '{directory}'/*{}", file_name::SUFFIX),
            });
        }
    }
    problems
}

/// Returns a problem for each file of an earlier program.
pub(super) fn of_legacy(legacy: &Result<Vec<LegacyData>, Error>) -> Vec<Problem> {
    match legacy {
        Err(error) => vec![of_error(error)],
        Ok(found) => found
            .iter()
            .map(|found| Problem {
                severity: Severity::Warning,
                message: format!("{} is from an earlier program and is not read", found.path.display()),
                remedy: found.message.clone(),
            })
            .collect(),
    }
}

fn of_error(error: &Error) -> Problem {
    Problem {
        severity: Severity::Error,
        message: error.message().to_owned(),
        remedy: error.remediation().to_owned(),
    }
}
