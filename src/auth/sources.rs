//! Where an API key can come from, in order of precedence. Each source is described once, in [`TABLE`].

use super::args::{self, is_blank};
use crate::error::Result;
use crate::secret::Secret;

/// What the host knows; `None` for what is not there.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// The value of `--key`.
    pub key: Option<Secret>,
    /// The value of `--key-name`.
    pub key_name: Option<Secret>,
    /// The value of `--keyfile`.
    pub keyfile: Option<Secret>,
    /// The loaded profile's settings.
    pub profile: Profile,
    /// The environment variables that count, in the host's order.
    pub environment: Vec<Variable>,
}

/// The settings of a profile that say where the key is.
#[derive(Clone, Debug, Default)]
pub struct Profile {
    /// The profile's name; an inline profile has none.
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
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: Secret,
}

/// The profile settings that say where a key is (R21.2).
pub const SETTINGS: [&str; 3] = [Kind::Name.setting(), Kind::File.setting(), Kind::Key.setting()];

/// A source: its id, what its text is, and where that text is found.
#[derive(Debug)]
pub struct Source {
    /// What `ResolvedApiKey.source` calls it.
    pub id: &'static str,
    kind: Kind,
    place: Place,
}

/// What a source's text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The key itself.
    Key,
    /// The name of a saved key.
    Name,
    /// The path of a file that holds the key.
    File,
}

#[derive(Debug)]
enum Place {
    Flag(&'static str, fn(&Sources) -> &Option<Secret>),
    Profile(fn(&Profile) -> &Option<Secret>),
    Environment,
}

/// The sources, highest first.
#[rustfmt::skip]
static TABLE: [Source; 7] = [
    Source { id: "key",              kind: Kind::Key,  place: Place::Flag(args::KEY, |given| &given.key) },
    Source { id: "key-name",         kind: Kind::Name, place: Place::Flag(args::KEY_NAME, |given| &given.key_name) },
    Source { id: "profile-key-name", kind: Kind::Name, place: Place::Profile(|profile| &profile.key_name) },
    Source { id: "keyfile",          kind: Kind::File, place: Place::Flag(args::KEYFILE, |given| &given.keyfile) },
    Source { id: "profile-keyfile",  kind: Kind::File, place: Place::Profile(|profile| &profile.keyfile) },
    Source { id: "profile-key",      kind: Kind::Key,  place: Place::Profile(|profile| &profile.key) },
    Source { id: "environment",      kind: Kind::Key,  place: Place::Environment },
];

/// A source that is there. Each environment variable is one of its own.
#[derive(Clone, Copy, Debug)]
pub struct Present<'a> {
    source: &'static Source,
    text: &'a Secret,
    /// The profile's or the variable's name.
    owner: Option<&'a str>,
}

/// The sources that are there, highest first; none when there is none.
///
/// Text of white space alone is no source in a profile or in the environment. As a flag's value it is an error, whether or
/// not the flag would count: whoever typed it meant something by it.
pub fn present(given: &Sources) -> Result<Vec<Present<'_>>> {
    let mut present: Vec<Present<'_>> = Vec::new();
    for source in &TABLE {
        match source.place {
            Place::Flag(flag, value) => {
                if let Some(text) = value(given) {
                    if is_blank(text.expose()) {
                        return Err(args::requires_a_value(flag));
                    }
                    let owner = None;
                    present.push(Present { source, text, owner });
                }
            }
            Place::Profile(value) => {
                if let Some(text) = value(&given.profile).as_ref().filter(|text| !is_blank(text.expose())) {
                    let owner = given.profile.name.as_deref().filter(|name| !name.is_empty());
                    present.push(Present { source, text, owner });
                }
            }
            Place::Environment => {
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

/// The debug lines (R25): what is used, then what is ignored for it. None when nothing is there. They hold no key.
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
    /// What `ResolvedApiKey.source` calls it.
    pub fn id(&self) -> &'static str {
        self.source.id
    }

    /// What its text is.
    pub fn kind(&self) -> Kind {
        self.source.kind
    }

    /// The key itself, its name or its file's path.
    pub fn text(&self) -> &Secret {
        self.text
    }

    /// The key's name, the file's path or the variable's name; `None` for a key that was given itself.
    pub fn reference(&self) -> Option<String> {
        match self.source.kind {
            Kind::Name | Kind::File => Some(self.text.expose().to_owned()),
            Kind::Key if self.is_variable() => self.owner.map(str::to_owned),
            Kind::Key => None,
        }
    }

    /// The setting to remember it by, and its value: the reference, never what it led to. `None` for an environment
    /// variable: it is there in the next session as well.
    pub fn remembered(&self) -> Option<(&'static str, Secret)> {
        (!self.is_variable()).then(|| (self.source.kind.setting(), self.text.clone()))
    }

    /// Such as `profile auth-key-name`.
    fn name(&self) -> String {
        self.named(None)
    }

    /// Such as `profile 'work' auth-key-name 'anthropic' (keyring)`.
    fn description(&self) -> String {
        let name = self.named(self.owner);
        match (self.source.kind, &self.source.place) {
            (Kind::Name, _) => format!("{name} '{}' (keyring)", self.text.expose()),
            (Kind::File, _) => format!("{name} '{}'", self.text.expose()),
            (Kind::Key, Place::Flag(..)) => format!("{name} (raw CLI flag)"),
            (Kind::Key, _) => name,
        }
    }

    fn named(&self, profile: Option<&str>) -> String {
        let setting = self.source.kind.setting();
        match (&self.source.place, profile) {
            (Place::Flag(flag, _), _) => (*flag).to_owned(),
            (Place::Profile(_), Some(profile)) => format!("profile '{profile}' {setting}"),
            (Place::Profile(_), None) => format!("profile {setting}"),
            (Place::Environment, _) => format!("environment variable {}", self.owner.unwrap_or_default()),
        }
    }

    fn is_variable(&self) -> bool {
        matches!(self.source.place, Place::Environment)
    }
}

impl Kind {
    /// The profile setting that holds such a text.
    const fn setting(self) -> &'static str {
        match self {
            Kind::Key => "auth-key",
            Kind::Name => "auth-key-name",
            Kind::File => "auth-keyfile",
        }
    }
}

/// A path or a profile's name may hold line breaks; a debug line does not.
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
