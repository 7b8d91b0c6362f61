//! Paths: the data directory, and `~`.

use std::path::{Path, PathBuf};

/// The directory below the home directory that holds all data unless another one is chosen.
const HOME_DIRECTORY: &str = ".llxprt";

/// The facts that decide where the data directory is. Whoever builds them reads the environment.
#[derive(Clone, Debug, Default)]
pub struct DataDirectoryInputs {
    /// What the host configured.
    pub configured: Option<PathBuf>,
    /// The environment variable `LLXPRT_DATA_HOME`.
    pub data_home: Option<String>,
    /// The environment variable `LLXPRT_CONFIG_HOME`.
    pub config_home: Option<String>,
    /// The platform's data directory of the CLI, whether it exists or not.
    pub platform: Option<PathBuf>,
    /// The home directory.
    pub home: PathBuf,
}

/// Where all data is, and why there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataDirectory {
    /// The directory.
    pub path: PathBuf,
    /// The rule that chose it.
    pub rule: DataDirectoryRule,
}

/// Why a data directory was chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DataDirectoryRule {
    /// The host configured it.
    Configured,
    /// The environment variable `LLXPRT_DATA_HOME` names it.
    DataHome,
    /// The environment variable `LLXPRT_CONFIG_HOME` names it.
    ConfigHome,
    /// The platform's data directory of the CLI exists.
    Platform,
    /// None of the other rules applies.
    Home,
}

impl DataDirectoryRule {
    /// Returns a short name: of an environment variable where one applies.
    pub fn name(self) -> &'static str {
        match self {
            Self::Configured => "configure",
            Self::DataHome => "LLXPRT_DATA_HOME",
            Self::ConfigHome => "LLXPRT_CONFIG_HOME",
            Self::Platform => "platform",
            Self::Home => "home",
        }
    }

    /// Describes the rule for people.
    pub fn description(self) -> &'static str {
        match self {
            Self::Configured => "configured by the program",
            Self::DataHome => "set by LLXPRT_DATA_HOME",
            Self::ConfigHome => "set by LLXPRT_CONFIG_HOME",
            Self::Platform => "the platform's data directory, which exists",
            Self::Home => "the default",
        }
    }
}

/// Chooses the data directory: the configured one, else that of `LLXPRT_DATA_HOME`, else that of `LLXPRT_CONFIG_HOME`, else
/// the platform's if it exists, else `~/.llxprt`.
///
/// The variables count when they hold an absolute path, after trimming. Looks at the file system once, for the platform's
/// directory.
pub fn data_directory(inputs: &DataDirectoryInputs) -> DataDirectory {
    let chosen = |path: PathBuf, rule| DataDirectory { path, rule };
    if let Some(path) = &inputs.configured {
        return chosen(path.clone(), DataDirectoryRule::Configured);
    }
    if let Some(path) = absolute(inputs.data_home.as_deref()) {
        return chosen(path, DataDirectoryRule::DataHome);
    }
    if let Some(path) = absolute(inputs.config_home.as_deref()) {
        return chosen(path, DataDirectoryRule::ConfigHome);
    }
    if let Some(path) = inputs.platform.as_ref().filter(|path| path.is_dir()) {
        return chosen(path.clone(), DataDirectoryRule::Platform);
    }
    chosen(inputs.home.join(HOME_DIRECTORY), DataDirectoryRule::Home)
}

/// Returns the data directory that is used when no other rule applies: `~/.llxprt`.
pub fn home_data_directory(home: &Path) -> PathBuf {
    home.join(HOME_DIRECTORY)
}

/// Replaces `~` at the start of a path, alone or before a separator, by the home directory.
pub fn expand_home(path: &str, home: &Path) -> PathBuf {
    match path.strip_prefix('~') {
        Some("") => home.to_owned(),
        Some(rest) if rest.starts_with(std::path::is_separator) => {
            home.join(rest.trim_start_matches(std::path::is_separator))
        }
        _ => PathBuf::from(path),
    }
}

fn absolute(text: Option<&str>) -> Option<PathBuf> {
    let path = PathBuf::from(text?.trim());
    path.is_absolute().then_some(path)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn inputs() -> DataDirectoryInputs {
        DataDirectoryInputs {
            configured: Some("/configured".into()),
            data_home: Some(" /data ".to_owned()),
            config_home: Some("/config".to_owned()),
            platform: Some(std::env::temp_dir()),
            home: "/home/user".into(),
        }
    }

    fn chosen(change: impl FnOnce(&mut DataDirectoryInputs)) -> (String, DataDirectoryRule) {
        let mut inputs = inputs();
        change(&mut inputs);
        let chosen = data_directory(&inputs);
        (chosen.path.display().to_string(), chosen.rule)
    }

    #[test]
    fn the_first_rule_that_applies_chooses_the_data_directory() {
        assert_eq!(
            chosen(|_| ()),
            ("/configured".to_owned(), DataDirectoryRule::Configured)
        );
        assert_eq!(
            chosen(|inputs| inputs.configured = None),
            ("/data".to_owned(), DataDirectoryRule::DataHome)
        );
        assert_eq!(
            chosen(|inputs| (inputs.configured, inputs.data_home) = (None, Some("relative".to_owned()))),
            ("/config".to_owned(), DataDirectoryRule::ConfigHome)
        );
        let without_variables = |inputs: &mut DataDirectoryInputs| {
            inputs.configured = None;
            (inputs.data_home, inputs.config_home) = (Some("  ".to_owned()), None);
        };
        assert_eq!(chosen(without_variables).1, DataDirectoryRule::Platform);
        assert_eq!(
            chosen(|inputs| {
                without_variables(inputs);
                inputs.platform = Some("/does/not/exist".into());
            }),
            ("/home/user/.llxprt".to_owned(), DataDirectoryRule::Home)
        );
    }

    #[test]
    fn a_tilde_is_the_home_directory_only_alone_or_before_a_separator() {
        let home = Path::new("/home/user");
        for (path, expanded) in [
            ("~", "/home/user"),
            ("~/a", "/home/user/a"),
            ("~//a", "/home/user/a"),
            ("~a", "~a"),
            ("/a/~", "/a/~"),
        ] {
            assert_eq!(expand_home(path, home), Path::new(expanded), "{path}");
        }
    }
}
