use futures_util::FutureExt as _;

use super::*;
use crate::fallback::envelope::Version;

const DAY: u64 = 24 * 60 * 60;

fn secret(n: u8) -> MachineSecret {
    MachineSecret::new(&[n; 32])
}

fn salt(n: usize) -> Salt {
    let mut salt = [0; SALT_LEN];
    salt[..8].copy_from_slice(&n.to_le_bytes());
    salt
}

fn key(n: usize) -> DerivedKey {
    let mut bytes = [7; 32];
    bytes[..8].copy_from_slice(&n.to_le_bytes());
    DerivedKey::new(&bytes)
}

/// An envelope that the key of this number opens.
fn envelope(n: usize) -> Envelope {
    cipher::seal(&Secret::from("value"), Version::V2, salt(n), &key(n)).unwrap()
}

struct Home(tempfile::TempDir);

impl Home {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// The keys as a new process has them.
    fn keys(&self) -> DirectoryKeys {
        DirectoryKeys::new(self.0.path().to_owned(), "service")
    }

    fn loaded(&self, secret: &MachineSecret) -> DirectoryKeys {
        let keys = self.keys();
        keys.load(secret);
        keys
    }

    fn in_file(&self, secret: &MachineSecret) -> Vec<CachedKey> {
        read_cache(self.0.path()).open(&secret.section_key("service"))
    }

    /// Writes a cache file whose keys were last used at this time.
    fn write(&self, secret: &MachineSecret, numbers: std::ops::Range<usize>, last_used: u64) {
        let keys: Vec<CachedKey> = numbers
            .map(|n| CachedKey {
                salt: salt(n),
                password_id: [1; PASSWORD_ID_LEN],
                last_used,
                key: key(n),
            })
            .collect();
        let file = KeyCacheFile::default().merged(&secret.section_key("service"), &keys);
        fs::write(self.0.path().join(FILE_NAME), file.unwrap().unwrap().print()).unwrap();
    }
}

fn add(keys: &DirectoryKeys, n: usize, secret: Option<&MachineSecret>) {
    keys.add(salt(n), [1; PASSWORD_ID_LEN], secret, key(n));
}

fn opens(keys: &DirectoryKeys, n: usize) -> bool {
    keys.open(&envelope(n)).is_some()
}

#[test]
fn added_keys_are_saved_and_serve_the_next_process() {
    let (home, secret) = (Home::new(), secret(1));
    let first = home.keys();
    assert!(!first.has_unsaved());
    add(&first, 1, Some(&secret));
    assert!(opens(&first, 1) && first.has_unsaved());
    first.update_file(&secret);
    assert!(!first.has_unsaved());
    let next = home.keys();
    assert!(!opens(&next, 1));
    next.load(&secret);
    assert!(opens(&next, 1) && !next.has_unsaved());
    let (salt_found, key_found) = next.for_writing(&[1; PASSWORD_ID_LEN]).unwrap();
    assert_eq!((salt_found, key_found.expose()), (salt(1), key(1).expose()));
    assert!(next.for_writing(&[2; PASSWORD_ID_LEN]).is_none());
    // A key that is in the file already is not written again.
    let file = fs::read(home.0.path().join(FILE_NAME)).unwrap();
    add(&next, 1, Some(&secret));
    assert!(!next.has_unsaved());
    next.update_file(&secret);
    assert_eq!(fs::read(home.0.path().join(FILE_NAME)).unwrap(), file);
}

#[test]
fn a_key_is_saved_in_the_section_of_its_machine_secret_and_one_of_version_1_in_any() {
    let (home, ours, theirs) = (Home::new(), secret(1), secret(2));
    let keys = home.keys();
    add(&keys, 1, Some(&ours));
    keys.update_file(&theirs);
    assert!(keys.has_unsaved());
    assert!(home.in_file(&theirs).is_empty());
    add(&keys, 2, None);
    keys.update_file(&theirs);
    assert_eq!(home.in_file(&theirs).len(), 1);
    keys.update_file(&ours);
    assert_eq!(home.in_file(&ours).len(), 1);
    assert!(!keys.has_unsaved());

    let other = home.loaded(&theirs);
    assert!(other.has_elsewhere(&salt(1)) && !other.has_elsewhere(&salt(2)) && !other.has_elsewhere(&salt(3)));
    other.load(&ours);
    assert!(!other.has_elsewhere(&salt(1)));
}

#[test]
fn one_salt_may_have_several_keys_and_one_key_several_identities() {
    let (home, secret) = (Home::new(), secret(1));
    let keys = home.keys();
    // A key of another service or machine secret that was lost.
    keys.add(salt(1), [1; PASSWORD_ID_LEN], Some(&secret), key(2));
    keys.add(salt(1), [1; PASSWORD_ID_LEN], Some(&secret), key(1));
    keys.add(salt(1), [2; PASSWORD_ID_LEN], Some(&secret), key(1));
    assert!(opens(&keys, 1));
    for id in [1, 2] {
        assert!(keys.for_writing(&[id; PASSWORD_ID_LEN]).is_some());
    }
    keys.update_file(&secret);
    assert_eq!(home.in_file(&secret).len(), 3);
}

#[test]
fn while_another_process_updates_the_file_keys_stay_unsaved() {
    let (home, secret) = (Home::new(), secret(1));
    let keys = home.keys();
    add(&keys, 1, Some(&secret));
    let lock = DirectoryLock::acquire(home.0.path()).unwrap();
    keys.update_file(&secret);
    assert!(keys.has_unsaved() && home.in_file(&secret).is_empty());
    drop(lock);
    keys.update_file(&secret);
    assert!(!keys.has_unsaved() && home.in_file(&secret).len() == 1);
}

#[test]
fn a_file_that_cannot_be_written_is_given_up() {
    let (home, secret) = (Home::new(), secret(1));
    let keys = DirectoryKeys::new(home.0.path().join("missing"), "service");
    add(&keys, 1, Some(&secret));
    keys.update_file(&secret);
    assert!(!keys.has_unsaved() && opens(&keys, 1));
    add(&keys, 2, Some(&secret));
    keys.discard_unsaved();
    assert!(!keys.has_unsaved() && opens(&keys, 2));
}

#[test]
fn of_300_keys_all_are_known_to_the_process_and_256_to_the_next() {
    let (home, secret) = (Home::new(), secret(1));
    let keys = home.keys();
    for n in 0..300 {
        add(&keys, n, Some(&secret));
    }
    assert_eq!(keys.state().unsaved.len(), MAX_KEYS);
    keys.update_file(&secret);
    assert!(!keys.has_unsaved());
    assert_eq!((0..300).filter(|n| opens(&keys, *n)).count(), 300);
    let next = home.loaded(&secret);
    assert_eq!((0..300).filter(|n| opens(&next, *n)).count(), MAX_KEYS);
}

#[test]
fn a_use_is_saved_when_the_last_one_was_a_day_ago() {
    let (home, secret) = (Home::new(), secret(1));
    for (age, is_saved) in [(DAY - 60, false), (DAY, true), (3 * DAY, true)] {
        let before = now() - age;
        home.write(&secret, 1..2, before);
        let keys = home.loaded(&secret);
        assert!(opens(&keys, 1));
        assert_eq!(keys.has_unsaved(), is_saved, "{age}");
        keys.update_file(&secret);
        let last_used = home.in_file(&secret)[0].last_used;
        assert_eq!(last_used != before, is_saved, "{age}");
        assert!(last_used == before || last_used >= before + age);
        // Once a day is enough.
        assert!(opens(&keys, 1) && !keys.has_unsaved());
        assert!(keys.for_writing(&[1; PASSWORD_ID_LEN]).is_some() && !keys.has_unsaved());
    }
}

#[test]
fn a_file_that_another_process_replaced_is_read_again() {
    let (home, secret) = (Home::new(), secret(1));
    let keys = home.loaded(&secret);
    assert!(!opens(&keys, 1));
    home.write(&secret, 1..2, now());
    keys.load(&secret);
    assert!(opens(&keys, 1) && !opens(&keys, 2));
    home.write(&secret, 1..3, now());
    keys.load(&secret);
    assert!(opens(&keys, 2));
}

#[test]
fn the_salt_that_was_used_last_is_written_with_until_another_one_is_set() {
    let (home, secret) = (Home::new(), secret(1));
    let id = [1; PASSWORD_ID_LEN];
    home.write(&secret, 5..6, now() - 20);
    let older = home.loaded(&secret);
    add(&older, 3, Some(&secret));
    older.update_file(&secret);
    let keys = home.loaded(&secret);
    assert_eq!(keys.for_writing(&id).map(|(salt, _)| salt), Some(salt(3)));
    assert_eq!(keys.salt_for_writing(id, salt(9)), salt(3));
    let fresh = home.keys();
    assert_eq!(fresh.salt_for_writing(id, salt(9)), salt(9));
    assert_eq!(fresh.salt_for_writing(id, salt(8)), salt(9));
    assert!(fresh.for_writing(&id).is_none(), "its key is not derived yet");
}

#[test]
fn the_keys_in_memory_are_bounded_and_those_of_the_file_return() {
    let (home, secret) = (Home::new(), secret(1));
    home.write(&secret, 0..1, now());
    let keys = home.loaded(&secret);
    for n in 1..MAX_IN_MEMORY {
        add(&keys, n, Some(&secret));
    }
    assert!(opens(&keys, 0) && opens(&keys, 1));
    add(&keys, MAX_IN_MEMORY, Some(&secret));
    assert!(!opens(&keys, 0) && !opens(&keys, 1));
    keys.load(&secret);
    assert!(opens(&keys, 0));
    add(&keys, 1, Some(&secret));
    assert!(opens(&keys, 0) && opens(&keys, 1));
}

#[tokio::test]
async fn settled_waits_for_every_update() {
    let keys = Home::new().keys();
    keys.settled().await;
    let (first, second) = (keys.start_update(), keys.start_update());
    drop(first);
    let mut settled = std::pin::pin!(keys.settled());
    assert!(settled.as_mut().now_or_never().is_none());
    drop(second);
    settled.await;
}
