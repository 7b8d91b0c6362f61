use proptest::prelude::*;

use super::*;

fn read(text: &str) -> Vec<(&str, String)> {
    values(text)
        .into_iter()
        .map(|(name, value)| (name, value.expose().to_owned()))
        .collect()
}

fn changes(changes: &[(&str, Option<&str>)]) -> Changes {
    changes
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.map(Secret::from)))
        .collect()
}

fn changed(text: &str, wanted: &[(&str, Option<&str>)]) -> Option<String> {
    change(text, &changes(wanted)).map(|text| text.expose().to_owned())
}

#[test]
fn r7_lines_of_the_usual_dialect_are_read() {
    for (line, value) in [
        ("A=plain", "plain"),
        ("A = spaced out \t", "spaced out"),
        ("A=", ""),
        ("A=\"\"", ""),
        ("\u{feff}A=after a mark", "after a mark"),
        ("export A=exported", "exported"),
        ("export\tA='exported'", "exported"),
        ("  A: with a colon", "with a colon"),
        ("A=value # comment", "value"),
        ("A= # comment", ""),
        ("A=#fff", "#fff"),
        ("A=a#b", "a#b"),
        ("A='in # quotes' # comment", "in # quotes"),
        ("A=\"in # quotes\"#comment", "in # quotes"),
        ("A='  kept  '", "  kept  "),
        ("A='$HOME ${X} \\n'", "$HOME ${X} \\n"),
        ("A=`'both' \"quotes\"`", "'both' \"quotes\""),
        (
            "A=\"line\\nline\\r\\\"quoted\\\" back\\\\slash \\t \\$\"",
            "line\nline\r\"quoted\" back\\slash \\t \\$",
        ),
        ("A='one\ntwo'", "one\ntwo"),
        ("A=\"one\r\ntwo\rthree\"\r\n", "one\ntwo\nthree"),
        ("A=`one\r\ntwo`\r\n", "one\ntwo"),
        ("A=carriage\r\nB=x", "carriage"),
        ("A=lone\rB=x", "lone"),
        ("A=first\nA=last", "last"),
        ("A=equals=inside==", "equals=inside=="),
        ("A={\"json\": [1, '2']}", "{\"json\": [1, '2']}"),
        ("A='it\\'s'", "it\\'s"),
        ("A='C:\\dir\\'\nB='x'", "C:\\dir\\"),
        ("A=\"C:\\dir\\\"\nB=\"x\"", "C:\\dir\\"),
        ("A='not closed\nB=x", "'not closed"),
        ("A='a' b", "'a' b"),
        ("# A=comment\nA=after", "after"),
        ("no assignment\n=nothing\nA=after", "after"),
        ("A=schlüssel 鍵 🔑", "schlüssel 鍵 🔑"),
    ] {
        let found = values(line);
        assert_eq!(found.get("A").map(Secret::expose), Some(value), "{line:?}");
    }
    assert_eq!(
        read("exported=1\nexport=2"),
        [("export", "2".into()), ("exported", "1".into())]
    );
}

#[test]
fn r7_files_of_the_former_program_are_read_with_their_original_values() {
    for (line, value) in [
        ("A=\"two words\"", "two words"),
        ("A=\"say \\\"hi\\\"\"", "say \"hi\""),
        ("A=\"C:\\\\new\\\\dir\\\\\"", "C:\\new\\dir\\"),
        ("A=\"a\\nb\\rc\"", "a\nb\rc"),
        ("A=a#b", "a#b"),
    ] {
        assert_eq!(read(line), [("A", value.to_owned())], "{line:?}");
    }
}

#[test]
fn r7_other_lines_stay_unchanged() {
    let text =
        "\u{feff}# a comment\r\n\r\nexport A = 'old' # mine\r\nOTHER=\"kept\\x\" # too\r\nA=again\r\nGONE=1\r\nrubbish";
    assert_eq!(
        changed(text, &[("A", Some("new one")), ("GONE", None), ("B", Some("b"))]).as_deref(),
        Some("\u{feff}# a comment\r\n\r\nexport A=\"new one\"\r\nOTHER=\"kept\\x\" # too\r\nrubbish\r\nB=b\r\n")
    );
    // An unchanged value keeps its line and the comment after it.
    let text = "A = 'same' # for me\n";
    assert_eq!(changed(text, &[("A", Some("same"))]).as_deref(), Some(text));
    assert_eq!(changed("A=1\nB=2\n", &[("A", None), ("B", None)]).as_deref(), Some(""));
}

#[test]
fn r7_a_line_that_would_be_read_as_part_of_another_is_refused() {
    assert_eq!(changed("OPEN=\"never closed\n", &[("A", Some("x\" # y"))]), None);
    assert!(changed("OPEN=\"never closed\n", &[("A", Some("harmless"))]).is_some());
}

#[test]
fn r7_quotes_are_chosen_so_that_other_parsers_read_the_same_value() {
    for (value, line) in [
        ("https://a.b/c?", "A=\"https://a.b/c?\"\n"),
        ("a-b_c.d/e:f@g%h+i,j=k", "A=a-b_c.d/e:f@g%h+i,j=k\n"),
        ("", "A=\"\"\n"),
        ("$HOME", "A='$HOME'\n"),
        ("it's", "A=\"it's\"\n"),
        ("it's \"it\"", "A=`it's \"it\"`\n"),
        ("one\ntwo", "A='one\ntwo'\n"),
        ("'`\"\r\n\\", "A=\"'`\\\"\\r\\n\\\\\"\n"),
    ] {
        assert_eq!(changed("", &[("A", Some(value))]).as_deref(), Some(line));
    }
}

proptest! {
    #[test]
    fn r7_every_value_is_read_as_it_was_written(value in "(?s)[^\\x00]{0,30}", nasty in "[\"'`\\\\#\r\n $=ab]{0,12}") {
        for value in [value, nasty] {
            let text = changed("", &[("A", Some(&value)), ("B", Some("b"))]).unwrap();
            prop_assert_eq!(read(&text), [("A", value), ("B", "b".to_owned())]);
        }
    }

    #[test]
    fn r7_pieces_cover_the_whole_file_and_a_change_keeps_other_values(
        text in "([A-C]|export |=|: |\"|'|`|\\\\|#| |\n|\r|x){0,40}",
        value in "[\"'`\\\\#\r\n x]{0,8}",
    ) {
        prop_assert_eq!(pieces(&text).iter().map(|piece| piece.text).collect::<String>(), text.clone());
        if let Some(new) = changed(&text, &[("A", Some(&value)), ("B", None)]) {
            let mut wanted: BTreeMap<_, _> = read(&text).into_iter().filter(|(name, _)| *name != "B").collect();
            wanted.insert("A", value);
            prop_assert_eq!(read(&new), wanted.into_iter().collect::<Vec<_>>());
        }
    }
}
