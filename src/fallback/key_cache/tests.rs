use proptest::prelude::*;

use super::*;
use crate::fallback::machine_secret::MachineSecret;

fn section_key(n: u8) -> SectionKey {
    MachineSecret::new(&[n; 32]).section_key("service")
}

fn cached(n: usize, last_used: u64) -> CachedKey {
    let mut salt = [0; SALT_LEN];
    salt[..8].copy_from_slice(&n.to_le_bytes());
    CachedKey {
        salt,
        password_id: [7; PASSWORD_ID_LEN],
        last_used,
        key: DerivedKey::new(&[n as u8; KEY_LEN]),
    }
}

fn with(file: &KeyCacheFile, key: &SectionKey, new: &[CachedKey]) -> KeyCacheFile {
    file.merged(key, new).unwrap().expect("something changed")
}

fn salts(keys: &[CachedKey]) -> Vec<u64> {
    keys.iter()
        .map(|key| u64::from_le_bytes(key.salt[..8].try_into().unwrap()))
        .collect()
}

#[test]
fn keys_are_read_from_the_printed_file_only_with_their_machine_secret_and_service() {
    let (ours, theirs) = (section_key(1), section_key(2));
    let file = with(&KeyCacheFile::default(), &ours, &[cached(1, 10), cached(2, 20)]);
    let file = with(&file, &theirs, &[cached(3, 5)]);
    let bytes = file.print();
    assert!(bytes.len() <= MAX_LEN);
    let file = KeyCacheFile::parse(&bytes).unwrap();
    let keys = file.open(&ours);
    assert_eq!(salts(&keys), [2, 1], "the most recently used first");
    assert_eq!(
        (keys[1].key.expose(), keys[1].password_id),
        (&[1; KEY_LEN], [7; PASSWORD_ID_LEN])
    );
    assert_eq!(salts(&file.open(&theirs)), [3]);
    assert!(file.open(&section_key(3)).is_empty());
    assert!(
        file.open(&MachineSecret::new(&[1; 32]).section_key("another service"))
            .is_empty()
    );
    assert!(file.has_elsewhere(&cached(3, 0).salt, &[*ours.id()]));
    assert!(!file.has_elsewhere(&cached(1, 0).salt, &[*ours.id()]));
}

#[test]
fn no_key_is_in_the_file_in_plain_text() {
    let file = with(&KeyCacheFile::default(), &section_key(1), &[cached(9, 1)]);
    let bytes = file.print();
    assert!(!bytes.windows(8).any(|window| window == [9; 8]));
    assert!(!bytes.windows(8).any(|window| window == [7; 8]));
}

#[test]
fn several_keys_of_one_salt_are_kept_and_a_known_key_changes_nothing() {
    let key = section_key(1);
    let other_password = CachedKey {
        password_id: [8; PASSWORD_ID_LEN],
        key: DerivedKey::new(&[9; KEY_LEN]),
        ..cached(1, 10)
    };
    let file = with(&KeyCacheFile::default(), &key, &[cached(1, 10), other_password.clone()]);
    assert_eq!(salts(&file.open(&key)), [1, 1]);
    assert_eq!(file.merged(&key, &[cached(1, 10), other_password]), Ok(None));
    assert_eq!(file.merged(&key, &[cached(1, 9)]), Ok(None), "an older use");
    let used = with(&file, &key, &[cached(1, 30)]);
    assert_eq!(used.open(&key)[0].last_used, 30);
    assert_eq!(used.open(&key).len(), 2);
}

#[test]
fn at_most_256_keys_are_kept_and_the_least_recently_used_are_dropped() {
    let key = section_key(1);
    let all: Vec<_> = (0..300).map(|n| cached(n, n as u64)).collect();
    let file = with(&KeyCacheFile::default(), &key, &all);
    let kept = salts(&file.open(&key));
    assert_eq!(kept, (44..300).rev().collect::<Vec<_>>());
    assert!(file.print().len() <= MAX_LEN);
    let file = with(&file, &key, &[cached(1, 1000)]);
    let kept = salts(&file.open(&key));
    assert_eq!((kept.len(), kept[0]), (256, 1));
    assert!(!kept.contains(&44));
}

#[test]
fn other_sections_stay_as_long_as_there_is_room() {
    let (ours, theirs) = (section_key(1), section_key(2));
    let hundred: Vec<_> = (0..100).map(|n| cached(n, 1)).collect();
    let file = with(&KeyCacheFile::default(), &theirs, &hundred);
    let file = with(&file, &ours, &(0..156).map(|n| cached(n, 1)).collect::<Vec<_>>());
    assert_eq!((file.open(&ours).len(), file.open(&theirs).len()), (156, 100));
    let file = with(&file, &ours, &[cached(1000, 1)]);
    assert_eq!((file.open(&ours).len(), file.open(&theirs).len()), (157, 0));

    let mut file = KeyCacheFile::default();
    for n in 0..20 {
        file = with(&file, &section_key(n), &[cached(usize::from(n), 1)]);
    }
    assert_eq!(file.sections.len(), MAX_SECTIONS);
    assert!(KeyCacheFile::parse(&file.print()).is_some());
}

#[test]
fn the_file_with_the_most_sections_and_keys_has_the_largest_length() {
    let per_section = MAX_KEYS / MAX_SECTIONS;
    let keys: Vec<_> = (0..per_section).map(|n| cached(n, 1)).collect();
    let mut file = KeyCacheFile::default();
    for n in 0..MAX_SECTIONS as u8 {
        file = with(&file, &section_key(n), &keys);
    }
    let bytes = file.print();
    assert_eq!(bytes.len(), MAX_LEN);
    assert_eq!(KeyCacheFile::parse(&bytes), Some(file));
}

#[test]
fn a_section_is_dropped_when_those_before_it_leave_no_room() {
    let hundred: Vec<_> = (0..100).map(|n| cached(n, 1)).collect();
    let mut file = KeyCacheFile::default();
    for n in 1..=3 {
        file = with(&file, &section_key(n), &hundred);
        file = KeyCacheFile::parse(&file.print()).unwrap();
    }
    let lengths = [3, 2, 1].map(|n| file.open(&section_key(n)).len());
    assert_eq!(lengths, [100, 100, 0]);
    let mut file = KeyCacheFile::default();
    for (n, len) in [(1, 100), (2, 50), (3, 100)] {
        file = with(&file, &section_key(n), &hundred[..len]);
    }
    let lengths = [3, 2, 1].map(|n| file.open(&section_key(n)).len());
    assert_eq!(lengths, [100, 50, 100]);
}

#[test]
fn a_file_whose_sections_have_too_many_keys_together_is_no_cache() {
    let file = |n: u8, keys: usize| {
        let keys: Vec<_> = (0..keys).map(|n| cached(n, 1)).collect();
        with(&KeyCacheFile::default(), &section_key(n), &keys)
    };
    for (keys, is_cache) in [(128, true), (129, false)] {
        let sections = [file(1, 128).sections, file(2, keys).sections].concat();
        let bytes = KeyCacheFile { sections }.print();
        assert_eq!(KeyCacheFile::parse(&bytes).is_some(), is_cache, "{keys}");
    }
}

#[test]
fn every_altered_bit_of_a_section_loses_the_section_and_nothing_else() {
    let (ours, theirs) = (section_key(1), section_key(2));
    let file = with(&KeyCacheFile::default(), &theirs, &[cached(1, 1)]);
    let bytes = with(&file, &ours, &[cached(2, 2)]).print();
    let section = MAGIC.len() + 1..MAGIC.len() + 1 + SECTION_HEADER_LEN + ENTRY_LEN + SEALED_LEN;
    for at in section {
        let mut altered = bytes.clone();
        altered[at] ^= 0x10;
        let Some(file) = KeyCacheFile::parse(&altered) else {
            continue;
        };
        assert!(file.open(&ours).is_empty(), "byte {at}");
        assert_eq!(file.open(&theirs).len(), 1, "byte {at}");
    }
}

#[test]
fn bytes_that_are_not_a_cache_of_this_version_are_rejected() {
    let good = with(&KeyCacheFile::default(), &section_key(1), &[cached(1, 1)]).print();
    let mut later = good.clone();
    later[7] = 2;
    let mut many_sections = good.clone();
    many_sections[8] = 9;
    let mut many_keys = good.clone();
    let count = MAGIC.len() + 1 + SECTION_HEADER_LEN - 2;
    many_keys[count..count + 2].copy_from_slice(&u16::MAX.to_le_bytes());
    let longer = [good.as_slice(), b"x"].concat();
    for bytes in [
        &b""[..],
        b"llxkeys",
        &good[..good.len() - 1],
        &later,
        &many_sections,
        &many_keys,
        &longer,
    ] {
        assert_eq!(KeyCacheFile::parse(bytes), None);
    }
    assert!(KeyCacheFile::parse(&good).is_some());
}

#[test]
fn the_test_vector_is_parsed_opened_and_printed() {
    let vector: serde_json::Value = serde_json::from_str(include_str!("../../../tests/data/key_cache.json")).unwrap();
    let unhex = |text: &serde_json::Value| -> Vec<u8> {
        let digits: Vec<_> = text.as_str().unwrap().chars().filter_map(|c| c.to_digit(16)).collect();
        digits.chunks(2).map(|pair| (pair[0] * 16 + pair[1]) as u8).collect()
    };
    let file = KeyCacheFile::parse(&unhex(&vector["file"])).unwrap();
    assert_eq!(file.print(), unhex(&vector["file"]));
    let secret = MachineSecret::new(&unhex(&vector["machineSecret"]));
    let keys = file.open(&secret.section_key(vector["service"].as_str().unwrap()));
    assert_eq!(keys.len(), vector["keys"].as_array().unwrap().len());
    for (key, wanted) in keys.iter().zip(vector["keys"].as_array().unwrap()) {
        assert_eq!(key.salt.as_slice(), unhex(&wanted["salt"]));
        assert_eq!(key.password_id.as_slice(), unhex(&wanted["passwordId"]));
        assert_eq!(key.key.expose().as_slice(), unhex(&wanted["key"]));
        assert_eq!(key.last_used, wanted["lastUsed"].as_u64().unwrap());
    }
}

proptest! {
    #[test]
    fn any_bytes_parse_or_are_rejected_and_a_parsed_cache_prints_the_same_bytes(bytes in any::<Vec<u8>>(), header in any::<bool>()) {
        let bytes = if header { [&MAGIC[..], &bytes].concat() } else { bytes };
        if let Some(file) = KeyCacheFile::parse(&bytes) {
            prop_assert_eq!(file.print(), bytes);
            prop_assert!(file.open(&section_key(1)).is_empty());
        }
    }
}
