use proptest::prelude::*;

use super::*;

const DATA: &str = "P5YI84Ewhe0jq3mKEth0HM/+0aA87Eyr9FmJKLA4xtx5sNG564snUMmUcJvrqWbEzwwXEiL+Pc+5HPU684HEd7MC";

fn line(v: &str, crypto: &str, data: &str) -> String {
    format!(r#"{{"v":{v},"crypto":{crypto},"data":"{data}"}}"#)
}

const CRYPTO: &str = r#"{"alg":"aes-256-gcm","kdf":"scrypt","N":16384,"r":8,"p":1,"saltLen":16}"#;

fn value(envelope: Envelope, newer_than: Option<KeyringKind>) -> Result<FileContent, Fault> {
    Ok(FileContent::Value { envelope, newer_than })
}

fn example() -> Envelope {
    match parse(line("1", CRYPTO, DATA).as_bytes()) {
        Ok(FileContent::Value { envelope, .. }) => envelope,
        other => panic!("no envelope: {other:?}"),
    }
}

#[test]
fn a_file_of_exactly_the_largest_length_is_parsed_and_a_longer_one_is_not() {
    let parsed = |len: usize| parse(&vec![b'['; len]).unwrap_err();
    assert_ne!(parsed(MAX_LEN), Fault::TOO_LARGE);
    assert_eq!(parsed(MAX_LEN + 1), Fault::TOO_LARGE);
}

#[test]
fn the_longest_value_that_fits_fills_the_largest_file() {
    let (mut fitting, mut too_long) = (0, MAX_LEN);
    while too_long - fitting > 1 {
        let middle = fitting + (too_long - fitting) / 2;
        match fits(middle) {
            true => fitting = middle,
            false => too_long = middle,
        }
    }
    let data = (SALT_LEN + NONCE_LEN + TAG_LEN + fitting).div_ceil(3) * 4;
    assert!((MAX_LEN - 4..=MAX_LEN).contains(&(data + MAX_FRAME_LEN)), "{fitting}");
}

#[test]
fn r4_5_the_printed_line_is_exactly_that_of_the_format() {
    assert_eq!(print(&example(), None), line("1", CRYPTO, DATA).as_bytes());
}

#[test]
fn r7b_the_kind_of_keyring_is_the_last_field_and_white_space_after_the_json_has_no_meaning() {
    let whole = line("1", CRYPTO, DATA);
    let start = whole.trim_end_matches('}');
    for (newer_than, end) in [
        (None, "}"),
        (Some(KeyringKind::Os), r#","newerThan":"os"}"#),
        (Some(KeyringKind::Injected), r#","newerThan":"injected"}"#),
    ] {
        let bytes = print(&example(), newer_than);
        assert_eq!(bytes, format!("{start}{end}").as_bytes());
        assert_eq!(parse(&bytes), value(example(), newer_than));
    }
    for end in ["\n", " ", "\t", "  ", "\r\n"] {
        assert_eq!(
            parse(format!("{whole}{end}").as_bytes()),
            value(example(), None),
            "{end:?}"
        );
    }
}

#[test]
fn r7b_a_mark_that_cannot_be_read_is_an_error() {
    let start = line("1", CRYPTO, DATA);
    let start = start.trim_end_matches('}');
    for mark in [
        "null",
        "true",
        "1",
        r#""""#,
        r#""Os""#,
        r#""cloud""#,
        r#"["os"]"#,
        r#""os","newerThan":"os""#,
    ] {
        let fault = parse(format!(r#"{start},"newerThan":{mark}}}"#).as_bytes()).unwrap_err();
        assert!(matches!(fault, Fault::Malformed(_)), "{mark}");
    }
}

#[test]
fn r7b_a_tombstone_is_small_names_the_kind_of_keyring_and_has_no_field_of_an_envelope() {
    for newer_than in [KeyringKind::Os, KeyringKind::Injected] {
        let bytes = print_tombstone(newer_than);
        assert!(bytes.len() <= MAX_TOMBSTONE_LEN);
        assert_eq!(parse(&bytes), Ok(FileContent::Deleted { newer_than }));
    }
    let empty = Envelope {
        ciphertext: Vec::new(),
        ..example()
    };
    assert!(
        print(&empty, None).len() > MAX_TOMBSTONE_LEN,
        "the smallest file with a value"
    );
    for text in [
        r#"{"v":2,"deleted":true}"#,
        r#"{"v":2,"deleted":false,"newerThan":"os"}"#,
        r#"{"v":2,"deleted":null,"newerThan":"os"}"#,
        r#"{"v":1,"deleted":true,"newerThan":"os"}"#,
        r#"{"v":2,"newerThan":"os"}"#,
        r#"{"v":2,"deleted":true,"newerThan":"os","data":"AAAA"}"#,
        &format!(
            r#"{{"v":2,"deleted":true,"newerThan":"os"}}{}"#,
            " ".repeat(MAX_TOMBSTONE_LEN)
        ),
        &line("2", CRYPTO, DATA).replace("\"data\"", "\"deleted\":false,\"data\""),
    ] {
        let fault = parse(text.as_bytes()).unwrap_err();
        assert!(matches!(fault, Fault::Malformed(_)), "{text}");
    }
    assert_eq!(parse(br#"{"v":3,"deleted":true}"#), Err(Fault::Version("3".to_owned())));
}

#[test]
fn r5_an_unknown_version_is_another_fault_than_a_malformed_file() {
    for (v, shown) in [
        ("3", "3"),
        ("0", "0"),
        ("1.5", "1.5"),
        ("-1", "-1"),
        ("3.0", "3"),
        ("1e300", "1e300"),
    ] {
        let fault = parse(line(v, "{}", "").as_bytes()).unwrap_err();
        assert_eq!(fault, Fault::Version(shown.to_owned()));
    }
    for v in ["\"1\"", "null", "true", "[1]", "{}", "1e999", ""] {
        let fault = parse(line(v, CRYPTO, DATA).as_bytes()).unwrap_err();
        assert!(matches!(fault, Fault::Malformed(_)), "{v}");
    }
}

#[test]
fn r5_fields_in_the_wrong_place_shape_or_number_are_malformed() {
    let wrong = [
        format!(r#"[1,{CRYPTO},"{DATA}"]"#),
        line("1", r#"["aes-256-gcm","scrypt",16384,8,1,16]"#, DATA),
        line("1", &CRYPTO.replace("\"r\":8", "\"r\":8,\"x\":1"), DATA),
        line("1", &CRYPTO.replace("\"r\":8", "\"r\":8,\"r\":8"), DATA),
        line("1", &CRYPTO.replace("8", "8.0"), DATA),
        line("1", &CRYPTO.replace("scrypt", "SCRYPT"), DATA),
        line("1", CRYPTO, &DATA.replace('P', " ")),
        line("1", CRYPTO, &DATA[..58]),
        line("1", CRYPTO, &DATA[..56]),
        format!("\u{feff}{}", line("1", CRYPTO, DATA)),
        line("1", CRYPTO, DATA) + "x",
        line("1", CRYPTO, DATA) + "\0",
        "[".repeat(100_000),
        r#"{"v":"#.repeat(10_000),
    ];
    for text in wrong {
        let fault = parse(text.as_bytes()).unwrap_err();
        assert!(matches!(fault, Fault::Malformed(_)), "{}", &text[..text.len().min(200)]);
    }
}

#[test]
fn r5_white_space_unknown_fields_and_escapes_are_accepted() {
    let spaced = line(" 1.0 ", CRYPTO, DATA).replace("\"data\"", "\n\t\"note\":[{}], \"data\"");
    assert_eq!(parse(spaced.as_bytes()), value(example(), None));
    let escaped = line("1", &CRYPTO.replace("scrypt", "\\u0073crypt"), DATA);
    assert_eq!(parse(escaped.as_bytes()), value(example(), None));
}

#[test]
fn r4_5_the_largest_value_that_fits_can_be_read_again_and_a_larger_file_is_refused() {
    let largest = (0..MAX_LEN).rev().find(|len| fits(*len)).unwrap();
    assert!(largest > (48 << 20) - 1024);
    let mut envelope = example();
    envelope.ciphertext = vec![0; largest];
    let bytes = print(&envelope, Some(KeyringKind::Os));
    assert!(bytes.len() <= MAX_LEN);
    assert_eq!(parse(&bytes), value(envelope, Some(KeyringKind::Os)));
    assert!(matches!(parse(&vec![b' '; MAX_LEN + 1]), Err(Fault::Malformed(_))));
}

fn any_envelope() -> impl Strategy<Value = Envelope> {
    let version = prop_oneof![Just(Version::V1), Just(Version::V2)];
    (
        version,
        any::<[u8; SALT_LEN]>(),
        any::<[u8; NONCE_LEN]>(),
        any::<[u8; TAG_LEN]>(),
        any::<Vec<u8>>(),
    )
        .prop_map(|(version, salt, nonce, tag, ciphertext)| Envelope {
            version,
            salt,
            nonce,
            tag,
            ciphertext,
        })
}

fn any_kind() -> impl Strategy<Value = Option<KeyringKind>> {
    prop_oneof![
        Just(None),
        Just(Some(KeyringKind::Os)),
        Just(Some(KeyringKind::Injected))
    ]
}

proptest! {
    #[test]
    fn r4_5_a_printed_envelope_parses_to_the_same_envelope(envelope in any_envelope(), newer_than in any_kind()) {
        let bytes = print(&envelope, newer_than);
        prop_assert_eq!(bytes.iter().filter(|b| **b == b'\n').count(), 0);
        prop_assert_eq!(parse(&bytes), value(envelope, newer_than));
    }

    #[test]
    fn r5_random_bytes_are_a_fault(bytes in any::<Vec<u8>>()) {
        prop_assert!(parse(&bytes).is_err());
    }

    #[test]
    fn r5_a_mutated_envelope_is_refused_or_parses_to_one_that_can_be_printed(
        envelope in any_envelope(),
        newer_than in any_kind(),
        at in any::<prop::sample::Index>(),
        cut in 0usize..4,
        put in prop::collection::vec(any::<u8>(), 0..4),
    ) {
        let mut bytes = print(&envelope, newer_than);
        let at = at.index(bytes.len());
        let end = (at + cut).min(bytes.len());
        bytes.splice(at..end, put);
        if let Ok(FileContent::Value { envelope, newer_than }) = parse(&bytes) {
            prop_assert_eq!(parse(&print(&envelope, newer_than)), value(envelope, newer_than));
        }
    }
}

#[test]
fn r5_an_unknown_version_is_named_as_javascript_prints_it() {
    for (number, name) in [("3", "3"), ("1e20", "100000000000000000000"), ("1e21", "1e21")] {
        let text = format!(r#"{{"v":{number}}}"#);
        assert_eq!(parse(text.as_bytes()), Err(Fault::Version(name.to_owned())));
    }
}
