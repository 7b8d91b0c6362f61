//! Finds the data directory and expands `~`.

use std::path::{Path, PathBuf};

/// The name of the default data directory, below the home directory.
const HOME_DIRECTORY: &str = ".llxprt";

/// The inputs that decide where the data directory is. The caller reads them from the environment; this module does not.
#[derive(Clone, Debug, Default)]
pub struct DataDirectoryInputs {
    /// The directory that the host configured.
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

/// The data directory, and the rule that chose it.
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
    /// Returns a short name: that of the environment variable if the rule is one, otherwise a word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Configured => "configure",
            Self::DataHome => "LLXPRT_DATA_HOME",
            Self::ConfigHome => "LLXPRT_CONFIG_HOME",
            Self::Platform => "platform",
            Self::Home => "home",
        }
    }

    /// Returns a description of the rule for users.
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

/// Returns the data directory: the first of these that applies.
///
/// 1. The configured directory.
/// 2. `LLXPRT_DATA_HOME`, if it is an absolute path after trimming.
/// 3. `LLXPRT_CONFIG_HOME`, under the same condition.
/// 4. The platform's directory, if it exists. This is the only access to the file system.
/// 5. `~/.llxprt`.
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

/// Returns the default data directory, `~/.llxprt`.
pub fn home_data_directory(home: &Path) -> PathBuf {
    home.join(HOME_DIRECTORY)
}

/// Replaces a leading `~` by the home directory if it is the whole path or a separator follows.
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
    fn the_data_directory_is_that_of_the_first_rule_that_applies() {
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
    fn every_rule_has_a_name_and_a_description_of_its_own() {
        use DataDirectoryRule::{ConfigHome, Configured, DataHome, Home, Platform};
        let mut texts = Vec::new();
        for (rule, name) in [
            (Configured, "configure"),
            (DataHome, "LLXPRT_DATA_HOME"),
            (ConfigHome, "LLXPRT_CONFIG_HOME"),
            (Platform, "platform"),
            (Home, "home"),
        ] {
            assert_eq!(rule.name(), name);
            assert!(rule.description().contains(' '), "{}", rule.description());
            texts.push(rule.description());
        }
        texts.sort_unstable();
        texts.dedup();
        assert_eq!(texts.len(), 5);
        assert_eq!(
            home_data_directory(Path::new("/home/user")),
            Path::new("/home/user/.llxprt")
        );
    }

    #[test]
    fn a_tilde_is_expanded_only_alone_or_before_a_separator() {
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
