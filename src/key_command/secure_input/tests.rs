//! Tests how much of a key is visible while it is typed and in the history.

use proptest::prelude::*;

use crate::key_command::mask::mask_for_display;
use crate::key_command::parse::{Invocation, parse};
use crate::key_command::secure_input::{SecureInputHandler, Units, is_secure, key_for_history, key_while_typing};
use crate::text::is_white_space;

fn units(text: &str) -> Units {
    Units::new(text.encode_utf16().collect())
}

fn text(units: &[u16]) -> String {
    String::from_utf16(units).expect("well-formed text stays well-formed")
}

fn processed(line: &str) -> String {
    text(&SecureInputHandler::default().process_input(units(line)))
}

fn sanitized(line: &str) -> String {
    text(&SecureInputHandler::sanitize_for_history(&units(line)))
}

#[test]
fn r20_secure_lines_start_with_one_of_three_words() {
    for secure in [
        "/key",
        "/key ",
        "/key sk",
        "/keyfile",
        "/keyfile ~/k",
        "/toolkey exa",
        " \t/key",
        "\n\u{feff}/key\nsk",
    ] {
        assert!(is_secure(secure), "{secure:?}");
    }
    for open in [
        "",
        " ",
        "key",
        "/ke",
        "/keys",
        "/keyring x",
        "/key:x",
        "/KEY sk",
        "/toolkeys exa",
        "a /key sk",
        "hello\n/key sk",
    ] {
        assert!(!is_secure(open), "{open:?}");
        assert_eq!(processed(open), open);
        assert_eq!(sanitized(open), open);
    }
}

#[test]
fn r20_the_key_is_masked_and_the_rest_stays_unchanged() {
    // A line and its masked form, which is the same while typing and in the history if the key has no line break.
    let table = [
        ("/key", "/key"),
        ("/key ", "/key "),
        ("/key  \t", "/key  \t"),
        ("/key sk-1", "/key ****"),
        ("/key sk-ant-api03", "/key sk********03"),
        ("/key sk-ant-api03  ", "/key sk********03  "),
        (" \t/key\t\u{a0}sk-ant-api03", " \t/key\t\u{a0}sk********03"),
        ("\n/key sk-ant-api03", "\n/key sk********03"),
        ("/key\nsk-ant-api03", "/key\nsk********03"),
        ("\u{feff}/key sk-ant-api03", "\u{feff}/key sk********03"),
        ("/key key with spaces", "/key ke***********es"),
        ("/key none", "/key ****"),
        ("/key LOAD work", "/key LO*****rk"),
        ("/key saved", "/key *****"),
        ("/key 🔑🔑34567🔒🔒", "/key 🔑🔑*****🔒🔒"),
        ("/key save", "/key save"),
        ("/key save ", "/key save "),
        ("/key save work", "/key save work"),
        ("/key save work  ", "/key save work  "),
        ("/key save work sk-1", "/key save work ****"),
        ("/key save work sk-ant-api03", "/key save work sk********03"),
        (
            "/key  save   work   key with spaces",
            "/key  save   work   ke***********es",
        ),
        ("/key save save save", "/key save save ****"),
        ("/key\tsave\twork\tsk-ant-api03\t", "/key\tsave\twork\tsk********03\t"),
        ("/key load work", "/key load work"),
        ("/key load work and more", "/key load work and more"),
        ("/key show work", "/key show work"),
        ("/key list", "/key list"),
        ("/key list everything", "/key list everything"),
        ("/key delete work", "/key delete work"),
        ("/keyfile", "/keyfile"),
        ("/keyfile ~/.keys/anthropic key", "/keyfile ~/.keys/anthropic key"),
        ("/toolkey", "/toolkey"),
        ("/toolkey exa", "/toolkey exa"),
        ("/toolkey exa ", "/toolkey exa "),
        ("/toolkey exa exa-1234567", "/toolkey exa ex*******67"),
        (
            "  /toolkey \t exa\u{3000}exa-1234567",
            "  /toolkey \t exa\u{3000}ex*******67",
        ),
        ("/toolkey show exa", "/toolkey show ***"),
    ];
    for (line, masked) in table {
        assert_eq!(processed(line), masked, "{line:?}");
        assert_eq!(sanitized(line), masked, "{line:?}");
    }
}

#[test]
fn r20_while_typing_masking_ends_at_the_first_line_break_and_the_rest_stays_unchanged() {
    let table = [
        ("/key sk-ant-api03\nnotes", "/key sk********03\nnotes"),
        ("/key sk-ant-api03 \r\nnotes\n", "/key sk********03 \r\nnotes\n"),
        (
            "/key save work sk-ant-api03\rnotes",
            "/key save work sk********03\rnotes",
        ),
        ("/toolkey exa exa-1234567\nnotes", "/toolkey exa ex*******67\nnotes"),
        // A line break before the key: the key is still masked from its start.
        (
            "/key save work\nsk-ant-api03\nnotes",
            "/key save work\nsk********03\nnotes",
        ),
        // Other separators do not end a line.
        ("/key sk-ant\u{2028}api03", "/key sk********03"),
    ];
    for (line, masked) in table {
        assert_eq!(processed(line), masked, "{line:?}");
    }
}

#[test]
fn r20_in_the_history_a_key_is_masked_to_its_end_over_any_number_of_lines() {
    let table = [
        ("/key sk-ant\n-api03", "/key sk*********03"),
        ("/key sk-ant\r\n-api03\n", "/key sk**********03\n"),
        ("/key save work line one\nline two", "/key save work li*************wo"),
        ("/toolkey exa exa-\n1234567", "/toolkey exa ex********67"),
        // Commands pasted together: the first has no key, the key of the second is masked.
        ("/key list\n/key sk-ant-api03", "/key list\n/key sk********03"),
        (
            "/keyfile ~/k\r\n\r\nnotes\r\n /key save work sk-1\r\nend",
            "/keyfile ~/k\r\n\r\nnotes\r\n /key save work sk*****nd",
        ),
        ("/key load work\nnotes", "/key load work\nnotes"),
        ("/key load\n/key", "/key load\n/key"),
    ];
    for (line, masked) in table {
        assert_eq!(sanitized(line), masked, "{line:?}");
    }
}

#[test]
fn r20_the_handler_holds_the_typed_text_until_it_is_reset() {
    let mut handler = SecureInputHandler::default();
    assert_eq!(handler.actual_value(), &[0; 0]);
    assert!(!handler.is_in_secure_mode());
    handler.process_input(units("/key sk-ant-api03\nnotes"));
    assert_eq!(text(handler.actual_value()), "/key sk-ant-api03\nnotes");
    assert!(handler.is_in_secure_mode());
    handler.process_input(units("hello"));
    assert_eq!(text(handler.actual_value()), "hello");
    assert!(!handler.is_in_secure_mode());
    handler.process_input(units("/key"));
    handler.reset();
    assert_eq!(handler.actual_value(), &[0; 0]);
    assert!(!handler.is_in_secure_mode());
}

#[test]
fn r20_an_unpaired_surrogate_is_kept_unchanged_outside_a_mask() {
    let half = 0xd83d;
    let with_half = |before: &str, after: &str| {
        let mut line = units(before);
        line.push(half);
        line.extend(after.encode_utf16());
        line
    };
    let mut handler = SecureInputHandler::default();
    for line in [
        with_half("hello ", ""),
        with_half("/key load ", " x"),
        with_half("/keyfile ", ""),
    ] {
        assert_eq!(handler.process_input(line.clone()), line);
        assert_eq!(handler.actual_value(), &line[..]);
        assert_eq!(SecureInputHandler::sanitize_for_history(&line), line);
    }
    let shown = handler.process_input(with_half("/key sk-ant-", "-api03\nnotes"));
    assert_eq!(text(&shown), "/key sk**********03\nnotes");
    let shown = handler.process_input(with_half("/key sk-ant-api03\n", "!"));
    assert_eq!(shown, with_half("/key sk********03\n", "!"));
    // In the two visible characters at the end of a mask it becomes U+FFFD.
    assert_eq!(
        text(&handler.process_input(with_half("/key ", "23456789"))),
        "/key \u{fffd}2*****89"
    );
}

#[test]
fn r20_a_line_of_a_megabyte_is_masked() {
    const LENGTH: usize = 1 << 20;
    for (start, unit) in [
        ("/key ", "k "),
        ("/key save work ", "k"),
        ("/key", " "),
        ("/key list\n", "\n "),
        ("/key list\n", "x\n"),
        ("/keyfile ", "/key load\n"),
        ("/toolkey exa ", "🔑"),
        ("", "/key save\n"),
        ("", "\n"),
    ] {
        let line = format!("{start}{}", unit.repeat(LENGTH / unit.len()));
        assert_eq!(processed(&line).chars().count(), line.chars().count());
        assert_eq!(sanitized(&line).chars().count(), line.chars().count());
    }
}

/// White space of every kind, at least one character.
const SPACE: &str = "[ \t\n\r\u{b}\u{a0}\u{feff}\u{2028}\u{3000}]{1,4}";

/// Generates starts of lines up to the key: the command, then a name or a tool.
fn starts() -> impl Strategy<Value = String> {
    let space = || SPACE.prop_map(String::from).boxed();
    prop_oneof![
        space().prop_map(|a| format!("/key{a}")),
        (space(), space(), "[a-z]{1,9}", space()).prop_map(|(a, b, name, c)| format!("/key{a}save{b}{name}{c}")),
        (space(), "[a-z]{1,9}", space()).prop_map(|(a, tool, b)| format!("/toolkey{a}{tool}{b}")),
    ]
    .prop_flat_map(|start| (Just(start), "[ \t\r\n\u{feff}]{0,3}"))
    .prop_map(|(start, before)| format!("{before}{start}"))
}

/// Generates trimmed keys. They share only white space with the starts.
fn keys() -> impl Strategy<Value = String> {
    "[A-Z0-9🔑é\"']([A-Z0-9🔑é\"' \t\r\n]{0,60}[A-Z0-9🔑é\"'])?"
}

/// Generates lines from the words of `/key` commands and any text between them.
fn any_line() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        Just("/key".to_owned()),
        Just("/keyfile".to_owned()),
        Just("/toolkey".to_owned()),
        Just("save".to_owned()),
        Just("load".to_owned()),
        Just("list".to_owned()),
        Just("none".to_owned()),
        SPACE.prop_map(String::from),
        any::<String>(),
    ];
    prop::collection::vec(word, 0..9).prop_map(|words| words.concat())
}

proptest! {
    #[test]
    fn r20_only_the_mask_of_a_key_is_in_the_history(
        start in starts(), key in keys(), after in "[ \t\r\n]{0,3}",
    ) {
        let shown = sanitized(&format!("{start}{key}{after}"));
        prop_assert_eq!(&shown, &format!("{start}{}{after}", mask_for_display(&key)));
        let mask = &shown[start.len()..shown.len() - after.len()];
        let characters: Vec<char> = key.chars().collect();
        for run in characters.windows(3).filter(|run| !run.iter().copied().all(is_white_space)) {
            prop_assert!(!mask.contains(&run.iter().collect::<String>()));
        }
    }

    #[test]
    fn r20_while_typing_only_the_mask_of_a_key_is_shown_before_the_first_line_break(
        start in starts(), key in keys(),
    ) {
        let shown = processed(&format!("{start}{key}"));
        let first = key.split(['\r', '\n']).next().unwrap().trim_end();
        prop_assert_eq!(&shown, &format!("{start}{}{}", mask_for_display(first), &key[first.len()..]));
    }

    #[test]
    fn r20_masking_is_idempotent_and_keeps_the_length(line in any_line()) {
        for mask in [processed, sanitized] {
            let once = mask(&line);
            prop_assert_eq!(&mask(&once), &once);
            prop_assert_eq!(once.chars().count(), line.chars().count());
        }
    }

    #[test]
    fn r20_the_masked_range_is_the_key_that_the_parser_finds(line in any_line()) {
        let command = format!("/key {line}");
        match parse(&line) {
            Invocation::Save { key, .. } | Invocation::Set { key } => {
                prop_assert_eq!(key_for_history(&command).map(|range| &command[range]), Some(key.expose()));
                let typing = key_while_typing(&command).map(|range| &command[range]).unwrap_or_default();
                prop_assert!(!typing.is_empty() && key.expose().starts_with(typing));
            }
            Invocation::Clear => prop_assert!(key_while_typing(&command).is_some()),
            _ => prop_assert_eq!(key_while_typing(&command), None),
        }
    }

    #[test]
    fn r20_any_utf_16_text_is_held_unchanged(
        start in starts(), rest in prop::collection::vec(any::<u16>(), 0..40),
    ) {
        let mut line = units(&start);
        line.extend(rest);
        let mut handler = SecureInputHandler::default();
        let shown = handler.process_input(line.clone());
        prop_assert_eq!(handler.actual_value(), &line[..]);
        prop_assert_eq!(&handler.process_input(shown.clone()), &shown);
        let kept = SecureInputHandler::sanitize_for_history(&line);
        prop_assert_eq!(&SecureInputHandler::sanitize_for_history(&kept), &kept);
    }
}
