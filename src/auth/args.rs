//! Finds `--key`, `--key-name` and `--keyfile` on a command line.
//!
//! This module does not resolve the values. It logs nothing, because a command line may hold keys.

use super::fatal;
use crate::error::{Code, Error, Result};
use crate::secret::Secret;
use crate::text::trim;

/// The flag whose value is the key itself.
pub const KEY: &str = "--key";
/// The flag whose value is the name of a saved key.
pub const KEY_NAME: &str = "--key-name";
/// The flag whose value is the path of a file that holds the key.
pub const KEYFILE: &str = "--keyfile";

/// The values of the three flags; `None` where a flag is absent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyArgs {
    /// The value of `--key`, unchanged.
    pub key: Option<Secret>,
    /// The value of `--key-name`, trimmed.
    pub key_name: Option<Secret>,
    /// The value of `--keyfile`, unchanged.
    pub keyfile: Option<Secret>,
}

/// Finds the flags, as `--flag value` and as `--flag=value`. Other arguments are ignored.
///
/// An argument that starts with `-` is the next flag and not a value; such a value must be given as `--flag=value`. If a flag
/// is repeated, the last one counts. `--` ends the flags. A value of `--key` or `--keyfile` that is empty or white space
/// counts as absent, as in `--key "$UNSET"`.
///
/// # Errors
///
/// `CORRUPT`, naming the flag, for a flag without a value and for an empty `--key-name`.
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
        if ![KEY, KEY_NAME, KEYFILE].contains(&flag) {
            continue;
        }
        let value = inline.or_else(|| rest.next_if(|next| !next.starts_with('-')));
        let value = value.ok_or_else(|| missing_value(flag))?;
        let present = (!is_blank(value)).then(|| Secret::from(value));
        match flag {
            KEY => found.key = present,
            KEYFILE => found.keyfile = present,
            _ if present.is_none() => return Err(missing_value(flag)),
            _ => found.key_name = Some(Secret::from(trim(value))),
        }
    }
    Ok(found)
}

/// Returns the error for a flag without a value. It never holds a value.
pub fn missing_value(flag: &str) -> Error {
    let error = Error::new(Code::Corrupt, format!("{flag} requires a value"));
    fatal(error.with_remediation(format!(
        "Give a value: {flag} <value>, or {flag}=<value> for one that starts with a dash"
    )))
}

/// Returns whether a text is empty or white space.
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
            // A flag must be the whole word.
            (
                &["--keys", "a", "--key-names=b", "-key", "c", "key", "d", "--KEY", "e"],
                [None; 3],
            ),
            // The text after the first "=" is the value.
            (&["--key=a=b=="], [Some("a=b=="), None, None]),
            (&["--key=--key-name"], [Some("--key-name"), None, None]),
            (&["--key=-sk"], [Some("-sk"), None, None]),
            (&["--key", " s k "], [Some(" s k "), None, None]),
            // Names are trimmed.
            (&["--key-name", " work\t"], [None, Some("work"), None]),
            // The last one counts.
            (&["--key", "a", "--key=b"], [Some("b"), None, None]),
            // An empty value counts as absent.
            (&["--key", "", "--keyfile="], [None; 3]),
            (&["--key= ", "--keyfile", "\t"], [None; 3]),
            (&["--key", "a", "--key="], [None; 3]),
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
        let no_values: &[&[&str]] = &[&[], &["--model"], &["-m"], &["-"], &["--", "x"]];
        for flag in [KEY, KEY_NAME, KEYFILE] {
            let message = Err(format!("{flag} requires a value"));
            for rest in no_values {
                let argv = [&["--key-name", "n", flag], *rest].concat();
                assert_eq!(parsed(&argv), message, "{argv:?}");
            }
            assert_eq!(parsed(&[flag, "value", flag]), message);
        }
    }

    #[test]
    fn r22_an_empty_key_name_is_an_error() {
        for argv in [&["--key-name", ""][..], &["--key-name= "], &["--key-name", " \t"]] {
            assert_eq!(parsed(argv), Err("--key-name requires a value".to_owned()), "{argv:?}");
        }
    }

    #[test]
    fn r24_a_flag_without_a_value_has_exit_code_41() {
        let error = parse(&[Secret::from(KEY)]).unwrap_err();
        assert_eq!((error.code(), error.exit_code()), (Code::Corrupt, Some(41)));
    }
}
