//! Parses the text after `/key`.

use crate::secret::Secret;
use crate::text::{is_white_space, trim};

/// A subcommand of `/key`. Its word must be the first one and is case-sensitive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subcommand {
    /// Store a key.
    Save,
    /// Use a stored key for this session.
    Load,
    /// Show a stored key, masked.
    Show,
    /// Show all stored keys, masked.
    List,
    /// Remove a stored key.
    Delete,
}

impl Subcommand {
    /// Every subcommand, in the order in which completion offers them.
    pub const ALL: [Subcommand; 5] = [
        Subcommand::Save,
        Subcommand::Load,
        Subcommand::Show,
        Subcommand::List,
        Subcommand::Delete,
    ];

    /// Returns the word that stands for the subcommand.
    pub fn word(self) -> &'static str {
        match self {
            Subcommand::Save => "save",
            Subcommand::Load => "load",
            Subcommand::Show => "show",
            Subcommand::List => "list",
            Subcommand::Delete => "delete",
        }
    }

    /// Returns the subcommand of a word; `None` for any other word.
    pub fn parse(word: &str) -> Option<Subcommand> {
        Subcommand::ALL.into_iter().find(|subcommand| subcommand.word() == word)
    }

    /// Returns a description of the subcommand, for completion.
    pub fn description(self) -> &'static str {
        match self {
            Subcommand::Save => "Save an API key under a name",
            Subcommand::Load => "Use a saved key for this session",
            Subcommand::Show => "Show a saved key, masked",
            Subcommand::List => "List all saved keys, masked",
            Subcommand::Delete => "Delete a saved key",
        }
    }

    /// Returns the usage line.
    pub fn usage(self) -> &'static str {
        match self {
            Subcommand::Save => "/key save <name> <api-key>",
            Subcommand::Load => "/key load <name>",
            Subcommand::Show => "/key show <name>",
            Subcommand::List => "/key list",
            Subcommand::Delete => "/key delete <name>",
        }
    }

    /// Returns whether the next word is the name of a key.
    pub fn takes_name(self) -> bool {
        self != Subcommand::List
    }
}

/// A parsed `/key` command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Invocation {
    /// No text after `/key`: show the status of the session's key.
    Status,
    /// Store a key.
    Save {
        /// The name of the key.
        name: String,
        /// All the text after the name, trimmed. Never empty.
        key: Secret,
    },
    /// Use a stored key for this session.
    Load {
        /// The name of the key.
        name: String,
    },
    /// Show a stored key, masked.
    Show {
        /// The name of the key.
        name: String,
    },
    /// Show all stored keys, masked.
    List,
    /// Remove a stored key.
    Delete {
        /// The name of the key.
        name: String,
    },
    /// No subcommand: use the whole text as the key for this session.
    Set {
        /// Never empty.
        key: Secret,
    },
    /// `none`, in any letter case: clear the session's key.
    Clear,
    /// A subcommand that needs a name, without one.
    MissingName {
        /// The subcommand.
        subcommand: Subcommand,
    },
    /// `save` with a name and no key.
    MissingKey {
        /// The name of the key.
        name: String,
    },
}

impl Invocation {
    /// Returns the name of the stored key that the command concerns; `None` when it concerns none or is incomplete.
    pub fn stored_name(&self) -> Option<&str> {
        match self {
            Self::Save { name, .. } | Self::Load { name } | Self::Show { name } | Self::Delete { name } => Some(name),
            Self::Status | Self::List | Self::Set { .. } | Self::Clear => None,
            Self::MissingName { .. } | Self::MissingKey { .. } => None,
        }
    }
}

/// Parses the text after `/key`. Every text is a valid command.
///
/// The first word decides. Names are not validated here. Text after a name, other than the key of `save`, is ignored.
pub fn parse(args: &str) -> Invocation {
    let text = trim(args);
    if text.is_empty() {
        return Invocation::Status;
    }
    let (first, rest) = split_word(text);
    let Some(subcommand) = Subcommand::parse(first) else {
        return match text.eq_ignore_ascii_case("none") {
            true => Invocation::Clear,
            false => Invocation::Set {
                key: Secret::from(text),
            },
        };
    };
    let (name, rest) = split_word(rest);
    if name.is_empty() && subcommand.takes_name() {
        return Invocation::MissingName { subcommand };
    }
    let (name, key) = (name.to_owned(), trim(rest));
    match subcommand {
        Subcommand::Save if key.is_empty() => Invocation::MissingKey { name },
        Subcommand::Save => Invocation::Save {
            name,
            key: Secret::from(key),
        },
        Subcommand::Load => Invocation::Load { name },
        Subcommand::Show => Invocation::Show { name },
        Subcommand::List => Invocation::List,
        Subcommand::Delete => Invocation::Delete { name },
    }
}

/// Returns the first word and the text after it. White space before the word is skipped; the word is empty when there is
/// none.
pub fn split_word(text: &str) -> (&str, &str) {
    let text = text.trim_start_matches(is_white_space);
    text.split_at(text.find(is_white_space).unwrap_or(text.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn save(name: &str, key: &str) -> Invocation {
        Invocation::Save {
            name: name.into(),
            key: key.into(),
        }
    }

    fn set(key: &str) -> Invocation {
        Invocation::Set { key: key.into() }
    }

    fn load(name: &str) -> Invocation {
        Invocation::Load { name: name.into() }
    }

    fn missing_name(subcommand: Subcommand) -> Invocation {
        Invocation::MissingName { subcommand }
    }

    fn missing_key(name: &str) -> Invocation {
        Invocation::MissingKey { name: name.into() }
    }

    fn show(name: &str) -> Invocation {
        Invocation::Show { name: name.into() }
    }

    fn delete(name: &str) -> Invocation {
        Invocation::Delete { name: name.into() }
    }

    #[test]
    fn r27_2_every_line_of_the_table_is_parsed() {
        let table = [
            // R12 nothing
            ("", Invocation::Status),
            (" \t\r\n", Invocation::Status),
            ("\u{feff}\u{a0}\u{2028}", Invocation::Status),
            // R12 every subcommand
            ("save work sk-1", save("work", "sk-1")),
            ("load work", load("work")),
            ("show work", show("work")),
            ("list", Invocation::List),
            ("delete work", delete("work")),
            // R13 the key is all the text after the name
            ("save work two words", save("work", "two words")),
            ("save work  inner   spaces\tstay ", save("work", "inner   spaces\tstay")),
            ("save work \"quoted\" 'key'", save("work", "\"quoted\" 'key'")),
            ("save work line one\nline two\n", save("work", "line one\nline two")),
            ("save work save", save("work", "save")),
            ("save save save", save("save", "save")),
            ("save work none", save("work", "none")),
            ("save work \u{feff}sk-1", save("work", "sk-1")),
            ("save wörk 🔑", save("wörk", "🔑")),
            // R13–R17 missing arguments
            ("save", missing_name(Subcommand::Save)),
            ("save  ", missing_name(Subcommand::Save)),
            ("save work", missing_key("work")),
            ("save work \t\u{feff}", missing_key("work")),
            ("load", missing_name(Subcommand::Load)),
            ("show\t", missing_name(Subcommand::Show)),
            ("delete\n", missing_name(Subcommand::Delete)),
            // text after a name, and after `list`, is ignored
            ("load work and more", load("work")),
            ("show work work", show("work")),
            ("delete work -f", delete("work")),
            ("list all", Invocation::List),
            // R12 white space of every kind, around words and between them
            ("  load   work  ", load("work")),
            ("\tload\twork\t", load("work")),
            ("\r\nload\r\nwork\r\n", load("work")),
            ("\u{feff}load\u{feff}work", load("work")),
            ("\u{a0}load\u{3000}work\u{2003}", load("work")),
            ("load\u{2028}work\u{2029}", load("work")),
            ("load\u{b}work\u{c}", load("work")),
            // R12 anything else is a raw key, and case matters
            ("sk-ant-123", set("sk-ant-123")),
            (" sk with spaces ", set("sk with spaces")),
            ("LOAD work", set("LOAD work")),
            ("Save work key", set("Save work key")),
            ("saved", set("saved")),
            ("lists", set("lists")),
            ("\"load\" work", set("\"load\" work")),
            ("load\u{200b}work", set("load\u{200b}work")),
            ("remove work", set("remove work")),
            ("nonesuch", set("nonesuch")),
            ("none at all", set("none at all")),
            // `none` clears, in any case
            ("none", Invocation::Clear),
            (" NONE\n", Invocation::Clear),
            ("NoNe", Invocation::Clear),
        ];
        for (args, invocation) in table {
            assert_eq!(parse(args), invocation, "{args:?}");
        }
    }

    #[test]
    fn r27_2_a_key_may_be_very_long() {
        let key = "k y".repeat(350_000);
        assert_eq!(parse(&format!("save work {key}")), save("work", &key));
        assert_eq!(parse(&key), set(&key));
        let name = "n".repeat(1_000_000);
        assert_eq!(parse(&format!("load {name}")), load(&name));
    }

    #[test]
    fn r12_every_subcommand_is_found_only_by_its_exact_word() {
        for subcommand in Subcommand::ALL {
            assert_eq!(Subcommand::parse(subcommand.word()), Some(subcommand));
            assert_eq!(Subcommand::parse(&subcommand.word().to_uppercase()), None);
            assert!(subcommand.usage().starts_with(&format!("/key {}", subcommand.word())));
            assert_eq!(subcommand.usage().contains("<name>"), subcommand.takes_name());
        }
    }
}
