//! The encrypted files of a directory, in one process.

use std::fs;
use std::path::Path;

use securestore::error::{Code, Error};
use securestore::fallback::machine::HostIdentity;
use securestore::fallback::{DirectoryListing, FallbackDir, FileState, KeyringKind};
use securestore::secret::Secret;

#[path = "fallback_files/access.rs"]
mod access;
#[path = "fallback_files/refusals.rs"]
mod refusals;

fn identity() -> HostIdentity {
    HostIdentity {
        hostname: "devbox".into(),
        username: "alice".into(),
    }
}

fn open(path: &Path) -> FallbackDir {
    FallbackDir::new(path.to_owned(), "test-service", identity())
}

async fn value(dir: &FallbackDir, key: &str) -> Option<String> {
    let stored = dir.read(key).await.unwrap();
    stored.map(|stored| stored.value.expose().to_owned())
}

async fn keys(dir: &FallbackDir) -> Vec<String> {
    let DirectoryListing { keys, deleted } = dir.list().await.unwrap();
    assert_eq!(deleted, []);
    keys
}

async fn write(dir: &FallbackDir, key: &str, value: &str) {
    dir.write(key, &Secret::from(value), None).await.unwrap();
}

fn names(path: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(path)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[cfg(unix)]
fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt as _;
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[cfg(unix)]
fn set_mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[tokio::test]
async fn r3_a_value_is_read_listed_and_removed_by_the_object_that_wrote_it_and_by_another_one() {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("deep/er/files");
    let dir = open(&path);
    assert_eq!(dir.read("a:b").await, Ok(None));
    assert_eq!(keys(&dir).await, [""; 0]);
    assert_eq!(dir.remove("a:b").await, Ok(false));
    assert_eq!(dir.has("a:b").await, Ok(false));
    assert_eq!(dir.state("a:b").await, Ok(FileState::Absent));

    for text in ["", "sk-1", "quotes \" and\nlines", "🔑", &"x".repeat(1 << 20)] {
        write(&dir, "a:b", text).await;
        assert_eq!(value(&open(&path), "a:b").await.as_deref(), Some(text));
    }
    write(&dir, "Z", "1").await;
    let other = open(&path);
    assert_eq!(keys(&other).await, vec!["Z".to_owned(), "a:b".to_owned()]);
    assert_eq!(other.has("a:b").await, Ok(true));
    assert_eq!(names(&path), ["Z.enc", "a%3Ab.enc"]);
    assert_eq!(other.remove("a:b").await, Ok(true));
    assert_eq!(dir.read("a:b").await, Ok(None));
    assert_eq!(other.remove("a:b").await, Ok(false));
}

#[tokio::test]
async fn r7b_the_kind_of_keyring_that_a_file_is_newer_than_is_stored_with_the_value() {
    let temp = tempfile::tempdir().unwrap();
    let dir = open(temp.path());
    for newer_than in [Some(KeyringKind::Os), Some(KeyringKind::Injected), None] {
        dir.write("k", &Secret::from("v"), newer_than).await.unwrap();
        let dir = open(temp.path());
        assert_eq!(dir.state("k").await, Ok(FileState::Value { newer_than }));
        let stored = dir.read("k").await.unwrap().unwrap();
        assert_eq!((stored.value.expose(), stored.newer_than), ("v", newer_than));
    }
}

#[tokio::test]
async fn r7b_a_tombstone_reads_as_no_value_and_is_listed_as_deleted() {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("files");
    let dir = open(&path);
    let newer_than = KeyringKind::Injected;
    dir.write_tombstone("never:there", newer_than).await.unwrap();
    write(&dir, "gone", "v").await;
    write(&dir, "kept", "v").await;
    dir.write_tombstone("gone", newer_than).await.unwrap();
    let text = fs::read_to_string(path.join("gone.enc")).unwrap();
    assert_eq!(text, r#"{"v":2,"deleted":true,"newerThan":"injected"}"#);

    let dir = open(&path);
    assert_eq!(dir.state("gone").await, Ok(FileState::Deleted { newer_than }));
    assert_eq!(dir.read("gone").await, Ok(None));
    assert_eq!(dir.read_many(&["gone".to_owned()]).await, [Ok(None)]);
    assert_eq!(dir.has("gone").await, Ok(false));
    let listing = dir.list().await.unwrap();
    assert_eq!(listing.keys, ["kept"]);
    let deleted = ["gone", "never:there"].map(|key| (key.to_owned(), newer_than));
    assert_eq!(listing.deleted, deleted);

    assert_eq!(dir.remove("gone").await, Ok(false), "a tombstone holds no value");
    assert_eq!(dir.state("gone").await, Ok(FileState::Absent));
    write(&dir, "never:there", "again").await;
    assert_eq!(value(&dir, "never:there").await.as_deref(), Some("again"));
    assert_eq!(names(&path), ["kept.enc", "never%3Athere.enc"]);
}

#[cfg(unix)]
#[tokio::test]
async fn r7b_a_tombstone_hides_a_value_under_the_plain_name_and_a_value_hides_a_tombstone() {
    let temp = tempfile::tempdir().unwrap();
    let dir = open(temp.path());
    let (plain, encoded) = (temp.path().join("a:b.enc"), temp.path().join("a%3Ab.enc"));
    write(&dir, "a:b", "old").await;
    fs::rename(&encoded, &plain).unwrap();
    let old = fs::read(&plain).unwrap();
    dir.write_tombstone("a:b", KeyringKind::Os).await.unwrap();
    assert!(!plain.exists(), "the older value is removed");

    // The state after a crash between the two steps.
    fs::write(&plain, &old).unwrap();
    assert_eq!(dir.read("a:b").await, Ok(None));
    let listing = dir.list().await.unwrap();
    assert_eq!((listing.keys.len(), listing.deleted.len()), (0, 1));

    fs::rename(&encoded, &plain).unwrap();
    fs::write(&encoded, &old).unwrap();
    assert_eq!(value(&dir, "a:b").await.as_deref(), Some("old"));
    assert_eq!(keys(&dir).await, ["a:b"]);
}

#[tokio::test]
async fn r7b_the_state_of_a_file_that_cannot_be_read_is_an_error() {
    let temp = tempfile::tempdir().unwrap();
    let dir = open(temp.path());
    dir.write("k", &Secret::from("v"), Some(KeyringKind::Os)).await.unwrap();
    let file = temp.path().join("k.enc");
    let whole = fs::read_to_string(&file).unwrap();
    let torn = &whole[..whole.len() / 2];
    let unknown_kind = whole.replace("\"os\"", "\"cloud\"");
    let mixed = whole.replace("\"newerThan\"", "\"deleted\":true,\"newerThan\"");
    for contents in ["", torn, &unknown_kind, &mixed, r#"{"v":2,"deleted":true}"#] {
        fs::write(&file, contents).unwrap();
        assert_eq!(dir.state("k").await.unwrap_err().code(), Code::Corrupt, "{contents}");
        assert_eq!(keys(&dir).await, ["k"], "it is still listed");
    }
    fs::remove_file(&file).unwrap();
    fs::create_dir(&file).unwrap();
    assert_eq!(dir.state("k").await.unwrap_err().code(), Code::Unavailable);
}

#[tokio::test]
async fn r7b_a_file_is_removed_only_if_it_has_not_changed_since_it_was_read() {
    let temp = tempfile::tempdir().unwrap();
    let dir = open(temp.path());
    dir.write("k", &Secret::from("v"), Some(KeyringKind::Os)).await.unwrap();
    let first = dir.read("k").await.unwrap().unwrap().revision;
    dir.write("k", &Secret::from("v"), Some(KeyringKind::Os)).await.unwrap();
    assert_eq!(
        dir.remove_if_unchanged("k", &first).await,
        Ok(false),
        "the same value was written again"
    );
    let second = dir.read("k").await.unwrap().unwrap().revision;
    dir.write_tombstone("k", KeyringKind::Os).await.unwrap();
    assert_eq!(dir.remove_if_unchanged("k", &second).await, Ok(false));
    write(&dir, "k", "w").await;
    let third = dir.read("k").await.unwrap().unwrap().revision;
    assert_eq!(dir.remove_if_unchanged("k", &third).await, Ok(true));
    assert_eq!(dir.remove_if_unchanged("k", &third).await, Ok(false));
    assert_eq!(dir.read("k").await, Ok(None));
}

#[cfg(unix)]
#[tokio::test]
async fn r4_3_version_1_does_not_replace_a_file_that_cannot_be_read() {
    let temp = tempfile::tempdir().unwrap();
    let dir = open(temp.path());
    // No user, not even root, can open a symbolic link to itself.
    let file = temp.path().join("k.enc");
    std::os::unix::fs::symlink("k.enc", &file).unwrap();
    let error = dir.write("k", &Secret::from("v"), None).await.unwrap_err();
    assert_eq!(error.code(), Code::Unavailable);
    assert!(error.message().contains("version 2"), "{error}");
    assert!(
        fs::symlink_metadata(&file).unwrap().is_symlink(),
        "the file is unchanged"
    );
}

#[tokio::test]
async fn many_values_are_returned_in_the_order_of_the_keys() {
    let temp = tempfile::tempdir().unwrap();
    let dir = open(temp.path());
    for n in 0..10 {
        write(&dir, &format!("k{n}"), &n.to_string()).await;
    }
    fs::write(temp.path().join("k3.enc"), "broken").unwrap();
    let keys: Vec<_> = (0..12).rev().map(|n| format!("k{n}")).collect();
    let read = dir.read_many(&keys).await;
    assert_eq!(read.len(), 12);
    for (key, read) in keys.iter().zip(read) {
        match key.as_str() {
            "k10" | "k11" => assert_eq!(read, Ok(None)),
            "k3" => assert_eq!(read.unwrap_err().code(), Code::Corrupt),
            _ => assert_eq!(read.unwrap().unwrap().value.expose(), &key[1..]),
        }
    }
    assert_eq!(dir.read_many(&[]).await, vec![]);
}

#[cfg(unix)]
#[tokio::test]
async fn r4_8_a_file_under_the_plain_name_is_found_listed_replaced_and_removed() {
    let temp = tempfile::tempdir().unwrap();
    let dir = open(temp.path());
    let (plain, encoded) = (temp.path().join("a:b.enc"), temp.path().join("a%3Ab.enc"));
    write(&dir, "a:b", "old").await;
    fs::rename(&encoded, &plain).unwrap();
    assert_eq!(value(&dir, "a:b").await.as_deref(), Some("old"));
    assert_eq!(dir.has("a:b").await, Ok(true));
    assert_eq!(keys(&dir).await, vec!["a:b".to_owned()]);
    assert_eq!(
        value(&dir, "a%3Ab").await,
        None,
        "the encoded name belongs to the key a:b"
    );

    write(&dir, "a:b", "new").await;
    assert_eq!(names(temp.path()), ["a%3Ab.enc"], "the older file is removed");
    assert_eq!(value(&dir, "a%3Ab").await, None);

    fs::copy(&encoded, &plain).unwrap();
    assert_eq!(keys(&dir).await, vec!["a:b".to_owned()]);
    assert_eq!(dir.remove("a:b").await, Ok(true));
    assert_eq!(names(temp.path()), [""; 0]);

    write(&dir, "a%3Ab", "another").await;
    assert_eq!(value(&dir, "a:b").await, None);
}

#[tokio::test]
async fn r4_8_no_key_names_a_file_outside_the_directory_and_a_key_that_is_too_long_is_corrupt() {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("files");
    let dir = open(&path);
    for key in ["../up", "/etc/x", "..", ".", "a\\..\\b", "nul\0"] {
        write(&dir, key, "v").await;
        assert_eq!(value(&dir, key).await.as_deref(), Some("v"));
    }
    assert_eq!(names(temp.path()), ["files"]);
    let long = "k".repeat(252);
    let before = names(&path);
    for error in [
        dir.write(&long, &Secret::from("v"), None).await.unwrap_err(),
        dir.read(&long).await.unwrap_err(),
        dir.remove(&long).await.unwrap_err(),
    ] {
        assert_eq!(error.code(), Code::Corrupt);
    }
    assert_eq!(names(&path), before);
}
