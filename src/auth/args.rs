//! `--key`, `--key-name` and `--keyfile` on a command line. Finds them, resolves nothing (R21.3), and logs nothing: a
//! command line holds keys.

use super::fatal;
use crate::error::{Code, Error, Result};
use crate::secret::Secret;
use crate::text::trim;

/// Its value is the key itself.
pub const KEY: &str = "--key";
/// Its value is the name of a saved key.
pub const KEY_NAME: &str = "--key-name";
/// Its value is the path of a file that holds the key.
pub const KEYFILE: &str = "--keyfile";

/// The values of the three flags; `None` where a flag is absent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyArgs {
    /// That of `--key`.
    pub key: Option<Secret>,
    /// That of `--key-name`.
    pub key_name: Option<Secret>,
    /// That of `--keyfile`.
    pub keyfile: Option<Secret>,
}

/// Finds the flags, as `--flag value` and as `--flag=value`; other arguments are ignored.
///
/// The rules of the command lines people know: an argument that starts with `-` is the next flag and no value (a value
/// that does is given as `--flag=value`), of a repeated flag the last one counts, and `--` ends the flags. Values are
/// not changed. A flag without a value, or with one of white space alone, is an error that names the flag.
pub fn parse(argv: &[Secret]) -> Result<KeyArgs> {
    let mut found = KeyArgs::default();
    let mut rest = argv
        .iter()
        .map(Secret::expose)
        .take_while(|arg| *arg != "--")
        .peekable();
    while let Some(arg) = rest.next() {
        let (flag, inline) = match arg.split_once('=') {
            Some((flag, value)) => (flag, Some(value)),
            None => (arg, None),
        };
        let (flag, place) = match flag {
            KEY => (KEY, &mut found.key),
            KEY_NAME => (KEY_NAME, &mut found.key_name),
            KEYFILE => (KEYFILE, &mut found.keyfile),
            _ => continue,
        };
        let value = inline.or_else(|| rest.next_if(|next| !next.starts_with('-')));
        *place = match value {
            Some(value) if !is_blank(value) => Some(Secret::from(value)),
            _ => return Err(requires_a_value(flag)),
        };
    }
    Ok(found)
}

/// What a flag without a value gives. Never the value.
pub fn requires_a_value(flag: &str) -> Error {
    let error = Error::new(Code::Corrupt, format!("{flag} requires a value"));
    fatal(error.with_remediation(format!(
        "Give a value: {flag} <value>, or {flag}=<value> for one that starts with a dash"
    )))
}

/// No text, or white space alone: no key, no name and no path anybody means.
pub fn is_blank(text: &str) -> bool {
    trim(text).is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `--key`, `--key-name`, `--keyfile`.
    type Values = [Option<&'static str>; 3];

    fn parsed(argv: &[&str]) -> Result<[Option<String>; 3], String> {
        let argv: Vec<Secret> = argv.iter().map(|arg| Secret::from(*arg)).collect();
        let text = |value: Option<Secret>| value.map(|value| value.expose().to_owned());
        match parse(&argv) {
            Ok(found) => Ok([text(found.key), text(found.key_name), text(found.keyfile)]),
            Err(error) => Err(error.message().to_owned()),
        }
    }

    #[test]
    fn r22_the_three_flags_are_found_in_both_forms_and_everything_else_is_ignored() {
        let table: &[(&[&str], Values)] = &[
            (&[], [None; 3]),
            (&["--key", "sk"], [Some("sk"), None, None]),
            (&["--key=sk"], [Some("sk"), None, None]),
            (&["--key-name", "work"], [None, Some("work"), None]),
            (&["--key-name=work"], [None, Some("work"), None]),
            (&["--keyfile", "~/k"], [None, None, Some("~/k")]),
            (&["--keyfile=~/k"], [None, None, Some("~/k")]),
            (
                &["--keyfile=f", "--key-name", "n", "--key", "k"],
                [Some("k"), Some("n"), Some("f")],
            ),
            (
                &["chat", "--model", "m", "--key", "sk", "hello"],
                [Some("sk"), None, None],
            ),
            // Only the whole word is the flag.
            (
                &["--keys", "a", "--key-names=b", "-key", "c", "key", "d", "--KEY", "e"],
                [None; 3],
            ),
            // Whatever follows the first "=" is the value.
            (&["--key=a=b=="], [Some("a=b=="), None, None]),
            (&["--key=--key-name"], [Some("--key-name"), None, None]),
            (&["--key=-sk"], [Some("-sk"), None, None]),
            (&["--key", " s k "], [Some(" s k "), None, None]),
            // The last one counts.
            (&["--key", "a", "--key=b"], [Some("b"), None, None]),
            // Nothing after "--" is a flag.
            (
                &["--key-name", "n", "--", "--key", "sk", "--keyfile"],
                [None, Some("n"), None],
            ),
        ];
        for (argv, values) in table {
            assert_eq!(
                parsed(argv),
                Ok(values.map(|value| value.map(str::to_owned))),
                "{argv:?}"
            );
        }
    }

    #[test]
    fn r22_a_flag_without_a_value_is_an_error_that_names_the_flag() {
        let no_values: &[&[&str]] = &[&[], &[""], &[" \t"], &["--model"], &["-m"], &["-"], &["--", "x"]];
        for flag in [KEY, KEY_NAME, KEYFILE] {
            let message = Err(format!("{flag} requires a value"));
            for rest in no_values {
                let argv = [&["--key-name", "n", flag], *rest].concat();
                assert_eq!(parsed(&argv), message, "{argv:?}");
            }
            assert_eq!(parsed(&[&format!("{flag}=")]), message);
            assert_eq!(parsed(&[&format!("{flag}= ")]), message);
            assert_eq!(parsed(&[flag, "value", flag]), message);
        }
    }

    #[test]
    fn r24_a_flag_without_a_value_ends_a_program_with_41() {
        let error = parse(&[Secret::from(KEY)]).unwrap_err();
        assert_eq!((error.code(), error.exit_code()), (Code::Corrupt, Some(41)));
    }
}
