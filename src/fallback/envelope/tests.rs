use proptest::prelude::*;

use super::*;

const DATA: &str = "P5YI84Ewhe0jq3mKEth0HM/+0aA87Eyr9FmJKLA4xtx5sNG564snUMmUcJvrqWbEzwwXEiL+Pc+5HPU684HEd7MC";

fn line(v: &str, crypto: &str, data: &str) -> String {
    format!(r#"{{"v":{v},"crypto":{crypto},"data":"{data}"}}"#)
}

const CRYPTO: &str = r#"{"alg":"aes-256-gcm","kdf":"scrypt","N":16384,"r":8,"p":1,"saltLen":16}"#;

fn example() -> Envelope {
    parse(line("1", CRYPTO, DATA).as_bytes()).unwrap().0
}

#[test]
fn r4_5_the_line_is_printed_to_the_letter() {
    assert_eq!(print(&example(), Mark::None), line("1", CRYPTO, DATA).as_bytes());
}

#[test]
fn r7b_the_mark_is_white_space_after_the_json_and_the_file_stays_one_line() {
    for (mark, end) in [
        (Mark::None, ""),
        (Mark::NewerThanOs, " "),
        (Mark::NewerThanInjected, "\t"),
    ] {
        let bytes = print(&example(), mark);
        assert_eq!(bytes, (line("1", CRYPTO, DATA) + end).as_bytes());
        assert_eq!(parse(&bytes), Ok((example(), mark)));
    }
    for end in ["\n", "  ", " \n", "\t\t", "\r\n", " \t"] {
        let bytes = line("1", CRYPTO, DATA) + end;
        assert_eq!(parse(bytes.as_bytes()), Ok((example(), Mark::None)), "{end:?}");
    }
}

#[test]
fn r5_an_unknown_version_is_told_from_a_malformed_file() {
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
fn r5_what_does_not_change_the_meaning_is_let_through() {
    let spaced = line(" 1.0 ", CRYPTO, DATA).replace("\"data\"", "\n\t\"note\":[{}], \"data\"");
    assert_eq!(parse(spaced.as_bytes()), Ok((example(), Mark::None)));
    let escaped = line("1", &CRYPTO.replace("scrypt", "\\u0073crypt"), DATA);
    assert_eq!(parse(escaped.as_bytes()), Ok((example(), Mark::None)));
}

#[test]
fn r4_5_the_largest_value_that_is_written_can_be_read_and_no_larger_one_is_written() {
    let largest = (0..MAX_LEN).rev().find(|len| fits(*len)).unwrap();
    assert!(largest > (48 << 20) - 1024);
    let mut envelope = example();
    envelope.ciphertext = vec![0; largest];
    let bytes = print(&envelope, Mark::NewerThanOs);
    assert!(bytes.len() <= MAX_LEN);
    assert_eq!(parse(&bytes), Ok((envelope, Mark::NewerThanOs)));
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

fn any_mark() -> impl Strategy<Value = Mark> {
    prop_oneof![Just(Mark::None), Just(Mark::NewerThanOs), Just(Mark::NewerThanInjected)]
}

proptest! {
    #[test]
    fn r4_5_what_is_printed_parses_back(envelope in any_envelope(), mark in any_mark()) {
        let bytes = print(&envelope, mark);
        prop_assert_eq!(bytes.iter().filter(|b| **b == b'\n').count(), 0);
        prop_assert_eq!(parse(&bytes), Ok((envelope, mark)));
    }

    #[test]
    fn r5_any_bytes_give_an_envelope_or_a_fault(bytes in any::<Vec<u8>>()) {
        prop_assert!(parse(&bytes).is_err(), "random bytes are no envelope");
    }

    #[test]
    fn r5_a_mutated_envelope_is_refused_or_reads_as_one_of_ours(
        envelope in any_envelope(),
        mark in any_mark(),
        at in any::<prop::sample::Index>(),
        cut in 0usize..4,
        put in prop::collection::vec(any::<u8>(), 0..4),
    ) {
        let mut bytes = print(&envelope, mark);
        let at = at.index(bytes.len());
        let end = (at + cut).min(bytes.len());
        bytes.splice(at..end, put);
        if let Ok((parsed, mark)) = parse(&bytes) {
            prop_assert_eq!(parse(&print(&parsed, mark)), Ok((parsed, mark)));
        }
    }
}
