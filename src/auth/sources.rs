//! The sources of an API key, in order of precedence. [`TABLE`] describes each source once.

use super::args::{self, is_blank};
use crate::error::Result;
use crate::secret::Secret;
use crate::text::trim;

/// The sources that the host passes in; `None` for a source that is absent.
#[derive(Clone, Debug, Default)]
pub struct AuthSources {
    /// The value of `--key`.
    pub key: Option<Secret>,
    /// The value of `--key-name`.
    pub key_name: Option<Secret>,
    /// The value of `--keyfile`.
    pub keyfile: Option<Secret>,
    /// The settings of the loaded profile.
    pub profile: Profile,
    /// The environment variables that may hold a key, in the order of the host.
    pub environment: Vec<Variable>,
}

/// The profile settings that name a key or hold it.
#[derive(Clone, Debug, Default)]
pub struct Profile {
    /// The name of the profile; `None` for an inline profile.
    pub name: Option<String>,
    /// `auth-key-name`.
    pub key_name: Option<Secret>,
    /// `auth-keyfile`.
    pub keyfile: Option<Secret>,
    /// `auth-key`.
    pub key: Option<Secret>,
}

/// An environment variable that is set.
#[derive(Clone, Debug)]
pub struct Variable {
    /// The name.
    pub name: String,
    /// The value.
    pub value: Secret,
}

/// The names of the profile settings that name a key or hold it, highest source first.
pub const SETTINGS: [&str; 3] = [
    TextKind::Name.setting(),
    TextKind::File.setting(),
    TextKind::Key.setting(),
];

/// A source: its id, the kind of its text, and the origin of the text.
#[derive(Debug)]
pub struct KeySource {
    /// The value of `ResolvedApiKey.source`.
    pub id: &'static str,
    kind: TextKind,
    origin: Origin,
}

/// The kind of a source's text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextKind {
    /// The key itself.
    Key,
    /// The name of a saved key.
    Name,
    /// The path of a file that holds the key.
    File,
}

/// The origin of a source's text.
#[derive(Debug)]
enum Origin {
    Flag(&'static str, fn(&AuthSources) -> &Option<Secret>),
    Profile(fn(&Profile) -> &Option<Secret>),
    Environment,
}

/// All sources, highest first.
#[rustfmt::skip]
static TABLE: [KeySource; 7] = [
    KeySource { id: "key",              kind: TextKind::Key,  origin: Origin::Flag(args::KEY, |given| &given.key) },
    KeySource { id: "key-name",         kind: TextKind::Name, origin: Origin::Flag(args::KEY_NAME, |given| &given.key_name) },
    KeySource { id: "profile-key-name", kind: TextKind::Name, origin: Origin::Profile(|profile| &profile.key_name) },
    KeySource { id: "keyfile",          kind: TextKind::File, origin: Origin::Flag(args::KEYFILE, |given| &given.keyfile) },
    KeySource { id: "profile-keyfile",  kind: TextKind::File, origin: Origin::Profile(|profile| &profile.keyfile) },
    KeySource { id: "profile-key",      kind: TextKind::Key,  origin: Origin::Profile(|profile| &profile.key) },
    KeySource { id: "environment",      kind: TextKind::Key,  origin: Origin::Environment },
];

/// A source that is present. Each environment variable is a separate source.
#[derive(Clone, Copy, Debug)]
pub struct Present<'a> {
    source: &'static KeySource,
    text: &'a Secret,
    /// The name of the profile or of the variable.
    owner: Option<&'a str>,
}

/// Returns the sources that are present, highest first.
///
/// A source whose text is empty or white space counts as absent.
///
/// # Errors
///
/// `CORRUPT` for an empty `--key-name`, whether or not a higher source is present.
pub fn present(given: &AuthSources) -> Result<Vec<Present<'_>>> {
    let mut present: Vec<Present<'_>> = Vec::new();
    for source in &TABLE {
        match source.origin {
            Origin::Flag(flag, value) => match value(given) {
                Some(text) if !is_blank(text.expose()) => present.push(Present {
                    source,
                    text,
                    owner: None,
                }),
                Some(_) if source.kind == TextKind::Name => return Err(args::missing_value(flag)),
                _ => {}
            },
            Origin::Profile(value) => {
                if let Some(text) = value(&given.profile).as_ref().filter(|text| !is_blank(text.expose())) {
                    let owner = given.profile.name.as_deref().filter(|name| !name.is_empty());
                    present.push(Present { source, text, owner });
                }
            }
            Origin::Environment => {
                for Variable { name, value: text } in &given.environment {
                    let owner = Some(name.as_str());
                    let repeated = present.iter().any(|other| other.is_variable() && other.owner == owner);
                    if !repeated && !is_blank(text.expose()) {
                        present.push(Present { source, text, owner });
                    }
                }
            }
        }
    }
    Ok(present)
}

/// Returns the debug lines: the source that is used, then those it overrides; no lines if no source is present. No line holds
/// a key.
pub fn diagnostics(present: &[Present<'_>]) -> Vec<String> {
    let Some((used, ignored)) = present.split_first() else {
        return Vec::new();
    };
    let using = format!("[auth] Using API key from: {}", used.description());
    let by = used.name();
    let ignoring = ignored
        .iter()
        .map(|source| format!("[auth] Ignoring {} (overridden by {by})", source.name()));
    std::iter::once(using)
        .chain(ignoring)
        .map(|line| one_line(&line))
        .collect()
}

impl Present<'_> {
    /// Returns the value of `ResolvedApiKey.source`.
    pub fn id(&self) -> &'static str {
        self.source.id
    }

    /// Returns the kind of the text.
    pub fn kind(&self) -> TextKind {
        self.source.kind
    }

    /// Returns the text: the key itself, its name or the path of its file.
    pub fn text(&self) -> &Secret {
        self.text
    }

    /// Returns the name of the key, the path of the file or the name of the variable; `None` for a key given as text.
    pub fn reference(&self) -> Option<String> {
        match self.source.kind {
            TextKind::Name | TextKind::File => Some(self.given().to_owned()),
            TextKind::Key if self.is_variable() => self.owner.map(str::to_owned),
            TextKind::Key => None,
        }
    }

    /// Returns the setting to remember, with the text of the source as its value. A name or a path is remembered, never the key
    /// that it refers to. Returns `None` for an environment variable, because the next session has it too.
    pub fn remembered(&self) -> Option<(&'static str, Secret)> {
        (!self.is_variable()).then(|| (self.source.kind.setting(), Secret::from(self.given())))
    }

    /// Returns the text as it is used: names are trimmed.
    fn given(&self) -> &str {
        match self.source.kind {
            TextKind::Name => trim(self.text.expose()),
            TextKind::Key | TextKind::File => self.text.expose(),
        }
    }

    /// Returns the source's name in diagnostics, such as `profile auth-key-name`.
    fn name(&self) -> String {
        self.named(None)
    }

    /// Returns the full description, such as `profile 'work' auth-key-name 'anthropic' (keyring)`.
    fn description(&self) -> String {
        let name = self.named(self.owner);
        match (self.source.kind, &self.source.origin) {
            (TextKind::Name, _) => format!("{name} '{}' (keyring)", self.given()),
            (TextKind::File, _) => format!("{name} '{}'", self.text.expose()),
            (TextKind::Key, Origin::Flag(..)) => format!("{name} (raw CLI flag)"),
            (TextKind::Key, _) => name,
        }
    }

    fn named(&self, profile: Option<&str>) -> String {
        let setting = self.source.kind.setting();
        match (&self.source.origin, profile) {
            (Origin::Flag(flag, _), _) => (*flag).to_owned(),
            (Origin::Profile(_), Some(profile)) => format!("profile '{profile}' {setting}"),
            (Origin::Profile(_), None) => format!("profile {setting}"),
            (Origin::Environment, _) => format!("environment variable {}", self.owner.unwrap_or_default()),
        }
    }

    fn is_variable(&self) -> bool {
        matches!(self.source.origin, Origin::Environment)
    }
}

impl TextKind {
    /// Returns the name of the profile setting for this kind.
    const fn setting(self) -> &'static str {
        match self {
            TextKind::Key => "auth-key",
            TextKind::Name => "auth-key-name",
            TextKind::File => "auth-keyfile",
        }
    }
}

/// Escapes control characters, so that a line with a path or a profile name stays one line.
fn one_line(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut line, c| {
        if c.is_control() {
            line.extend(c.escape_default());
        } else {
            line.push(c);
        }
        line
    })
}
