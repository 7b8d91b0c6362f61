//! The names of files: two different keys never share one.
//!
//! Characters that some file system refuses or interprets are percent-encoded, byte by byte of their UTF-8 form. `%` itself
//! is always encoded, so the encoding can be reversed. A name that does not change when it is decoded and encoded again is an
//! encoded name. Any other name follows the older convention, where the key was the name.
//!
//! A file system that ignores case (the default of macOS and Windows) has one file for `Key` and `key`, and macOS has one for
//! two keys that differ only in Unicode normalisation. Encoding those characters too would separate them, but the names would
//! no longer be readable, nor those of the older programs.

use crate::error::{Code, Error, Result};

/// The end of the name of every file with a value.
pub const SUFFIX: &str = ".enc";

/// The longest file name, in bytes. Linux counts 255 bytes, macOS and Windows 255 UTF-16 units, which are never more.
pub const MAX_LEN: usize = 255;

/// Characters that are always encoded, besides control characters.
const SPECIAL: [char; 10] = ['*', '<', '>', ':', '"', '/', '\\', '|', '?', '%'];

/// Device names of Windows. No file may have such a name, with any extension.
const DEVICES: [&str; 6] = ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"];
/// Device names that are followed by a digit. Windows counts superscripts as digits.
const NUMBERED_DEVICES: [&str; 2] = ["COM", "LPT"];
const DEVICE_DIGITS: &str = "123456789¹²³";

/// Returns the name of a key's file.
///
/// # Errors
///
/// `CORRUPT` when the key is empty, or its name is longer than [`MAX_LEN`] bytes.
pub fn file_name(key: &str) -> Result<String> {
    if key.is_empty() {
        return Err(Error::new(Code::Corrupt, "A key must not be empty"));
    }
    let name = encode(key) + SUFFIX;
    if name.len() > MAX_LEN {
        return Err(Error::new(
            Code::Corrupt,
            format!(
                "The key is too long: its file name would take {} bytes, and {MAX_LEN} are allowed",
                name.len()
            ),
        )
        .with_remediation("Re-save the key or re-authenticate under a shorter name"));
    }
    Ok(name)
}

/// Returns the name that older programs gave the file of this key: the key itself. Returns `None` when that is the current
/// name, when it is the encoded name of *another* key, and when it cannot be the name of a file on this system.
pub fn plain_name(key: &str) -> Option<String> {
    let name = format!("{key}{SUFFIX}");
    let usable = is_key(key) && name.len() <= MAX_LEN && !(cfg!(windows) && is_special_on_windows(key));
    (usable && decode_canonical(&name).is_none()).then_some(name)
}

/// Returns the key whose file has this name, encoded or plain; `None` when it is not the name of a key's file.
pub fn decode(name: &str) -> Option<String> {
    decode_canonical(name).or_else(|| {
        let key = name.strip_suffix(SUFFIX)?;
        is_key(key).then(|| key.to_owned())
    })
}

/// Returns whether a store accepts this as a key.
pub fn is_key(key: &str) -> bool {
    !key.is_empty() && !matches!(key, "." | "..") && !key.contains(['/', '\\', '\0'])
}

/// Encodes a text as the name of a file or directory, without [`SUFFIX`]. Different texts have different names.
pub fn encode(key: &str) -> String {
    let last = key.chars().next_back().map_or(0, |c| key.len() - c.len_utf8());
    let device = is_device(key);
    let mut name = String::with_capacity(key.len() + SUFFIX.len());
    for (at, c) in key.char_indices() {
        let trailing = at == last && matches!(c, '.' | ' ');
        if c.is_control() || SPECIAL.contains(&c) || trailing || (device && at == 0) {
            for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                name.push('%');
                name.push(hex_digit(byte >> 4));
                name.push(hex_digit(byte & 15));
            }
        } else {
            name.push(c);
        }
    }
    name
}

fn hex_digit(value: u8) -> char {
    char::from(b"0123456789ABCDEF"[usize::from(value)])
}

/// Returns the key that [`file_name`] turns into exactly this name.
fn decode_canonical(name: &str) -> Option<String> {
    let stem = name.strip_suffix(SUFFIX)?;
    let mut bytes = Vec::with_capacity(stem.len());
    let mut rest = stem.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let (high, low) = (char::from(rest.next()?), char::from(rest.next()?));
                u8::try_from(high.to_digit(16)? * 16 + low.to_digit(16)?).ok()?
            }
            other => other,
        });
    }
    let key = String::from_utf8(bytes).ok()?;
    (!key.is_empty() && encode(&key) == stem).then_some(key)
}

/// Returns whether Windows takes the name for a device. Windows ignores case, everything after the first dot, and spaces
/// before that dot.
fn is_device(key: &str) -> bool {
    let base = key.split('.').next().unwrap_or(key).trim_end_matches(' ');
    let is = |device: &str| base.eq_ignore_ascii_case(device);
    DEVICES.into_iter().any(is)
        || NUMBERED_DEVICES.into_iter().any(|device| {
            base.get(..device.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(device))
                && {
                    let mut digits = base[device.len()..].chars();
                    digits.next().is_some_and(|c| DEVICE_DIGITS.contains(c)) && digits.next().is_none()
                }
        })
}

/// Returns whether the plain name is not a file's name on Windows but a stream (`a:b`), a pattern or a device.
fn is_special_on_windows(key: &str) -> bool {
    is_device(key)
        || key
            .chars()
            .any(|c| c != '%' && (c.is_control() || SPECIAL.contains(&c)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn r4_8_streams_patterns_and_devices_are_special_on_windows() {
        for key in ["a:b", "*", "what?", "a|b", "con", "NUL.txt", "tab\there"] {
            assert!(is_special_on_windows(key), "{key:?}");
        }
        for key in ["key", "100%", "two words", "console", "schlüssel", "a.b"] {
            assert!(!is_special_on_windows(key), "{key:?}");
        }
    }

    #[test]
    fn r4_8_special_characters_are_percent_encoded_and_the_others_stay() {
        let names = [
            ("plain-key_1.x", "plain-key_1.x.enc"),
            ("a:b", "a%3Ab.enc"),
            ("*<>:\"/\\|?%", "%2A%3C%3E%3A%22%2F%5C%7C%3F%25.enc"),
            ("tab\there", "tab%09here.enc"),
            ("del\u{7f}", "del%7F.enc"),
            ("next\u{85}line", "next%C2%85line.enc"),
            ("dot.", "dot%2E.enc"),
            ("dots..", "dots.%2E.enc"),
            ("space ", "space%20.enc"),
            ("in the middle", "in the middle.enc"),
            (".", "%2E.enc"),
            ("..", ".%2E.enc"),
            (".hidden", ".hidden.enc"),
            ("schlüssel-🔑", "schlüssel-🔑.enc"),
            ("already%3Aencoded", "already%253Aencoded.enc"),
        ];
        for (key, name) in names {
            assert_eq!(file_name(key).unwrap(), name);
            assert_eq!(decode(name).as_deref(), Some(key));
        }
    }

    #[test]
    fn r4_8_names_of_windows_devices_are_encoded_whatever_their_case_and_extension() {
        let names = [
            ("CON", "%43ON.enc"),
            ("con.txt", "%63on.txt.enc"),
            ("Nul", "%4Eul.enc"),
            ("com1", "%63om1.enc"),
            ("LPT9.a.b", "%4CPT9.a.b.enc"),
            ("COM¹", "%43OM¹.enc"),
            ("aux .x", "%61ux .x.enc"),
            ("CONIN$", "%43ONIN$.enc"),
            ("COM0", "COM0.enc"),
            ("COM10", "COM10.enc"),
            ("CONSOLE", "CONSOLE.enc"),
            ("my.CON", "my.CON.enc"),
        ];
        for (key, name) in names {
            assert_eq!(file_name(key).unwrap(), name);
            assert_eq!(decode(name).as_deref(), Some(key));
        }
    }

    #[test]
    fn r4_8_a_name_that_is_too_long_for_the_file_system_is_refused() {
        assert_eq!(file_name(&"k".repeat(251)).unwrap().len(), 255);
        for key in ["k".repeat(252), ":".repeat(84), "🔑".repeat(63), String::new()] {
            assert_eq!(file_name(&key).unwrap_err().code(), Code::Corrupt);
        }
    }

    #[test]
    fn r4_8_a_plain_name_is_found_unless_it_is_the_encoding_of_another_key() {
        if cfg!(not(windows)) {
            assert_eq!(plain_name("a:b").as_deref(), Some("a:b.enc"));
            assert_eq!(decode("a:b.enc").as_deref(), Some("a:b"));
        }
        assert_eq!(plain_name("100%").as_deref(), Some("100%.enc"));
        assert_eq!(
            plain_name("a%3ab").as_deref(),
            Some("a%3ab.enc"),
            "the encoding has upper-case digits"
        );
        assert_eq!(plain_name("a%3Ab"), None, "that is the file of a:b");
        assert_eq!(plain_name("abc"), None, "that is its current name");
        assert_eq!(plain_name("../x"), None);
        assert_eq!(plain_name(".."), None);
    }

    #[test]
    fn r4_8_names_of_other_files_do_not_decode_to_a_key() {
        for name in ["", ".enc", "a", "a.tmp", "a.ENC", "..enc", "...enc", "a\\b.enc"] {
            assert_eq!(decode(name), None, "{name}");
        }
    }

    proptest! {
        #[test]
        fn r4_8_decoding_undoes_encoding(key in any::<String>()) {
            if let Ok(name) = file_name(&key) {
                prop_assert_eq!(decode(&name), Some(key));
                prop_assert!(!name.contains(['/', '\\', '\0', ':']));
            }
        }

        #[test]
        fn r4_8_different_keys_never_share_a_name(a in "[%2-5A-Fa-f:. ]{1,6}", b in "[%2-5A-Fa-f:. ]{1,6}") {
            prop_assert_eq!(a == b, file_name(&a).unwrap() == file_name(&b).unwrap());
            if let Some(plain) = plain_name(&a) {
                prop_assert_ne!(&plain, &file_name(&b).unwrap(), "plain name of one, encoded name of the other");
                prop_assert_eq!(decode(&plain), Some(a));
            }
        }

        #[test]
        fn r4_8_any_name_decodes_or_not_without_a_panic(name in any::<String>()) {
            let name = name + SUFFIX;
            if let Some(key) = decode(&name) {
                prop_assert!(encode(&key) + SUFFIX == name || plain_name(&key).as_ref() == Some(&name) || cfg!(windows));
            }
        }
    }
}
