//! `list` and `entries`.

use super::*;

#[tokio::test]
async fn r3_7_list_rejects_when_a_source_fails_and_the_others_hold_no_key() {
    let home = Home::with_keyring_seen();
    let store = home.other();
    home.memory.set_mode(FaultMode::Fails(Code::Locked));
    assert_eq!(store.list().await.map_err(|error| error.code()), Err(Code::Locked));
    let entries = store.entries().await.unwrap();
    assert_eq!(entries.incomplete.map(|error| error.code()), Some(Code::Locked));
    home.plant_file("value", Some(KeyringKind::Os)).await;
    assert_eq!(store.list().await, Ok(vec!["key".to_owned()]));
    home.memory.set_mode(FaultMode::Works);
    std::fs::remove_dir_all(home.files().path()).unwrap();
    std::fs::write(home.files().path(), "not a directory").unwrap();
    assert_eq!(store.list().await.map_err(|error| error.code()), Err(Code::Unavailable));
    home.memory.plant(SERVICE, "another", "value");
    assert_eq!(store.list().await, Ok(vec!["another".to_owned()]));
    let entries = store.entries().await.unwrap();
    assert_eq!(entries.incomplete.map(|error| error.code()), Some(Code::Unavailable));
}

#[tokio::test]
async fn r3_7_entries_takes_one_listing_and_one_batch_and_returns_the_values_that_get_returns() {
    let home = Home::new();
    for n in 0..30 {
        home.memory.plant(SERVICE, &format!("keyring {n}"), "k");
    }
    home.memory.plant(SERVICE, "both", "newer file wins");
    home.files()
        .write("both", &Secret::from("f"), Some(KeyringKind::Os))
        .await
        .unwrap();
    home.memory.plant(SERVICE, "stale", "k");
    home.files().write("stale", &Secret::from("older"), None).await.unwrap();
    home.files().write("file", &Secret::from("f"), None).await.unwrap();
    home.memory.plant(SERVICE, "deleted", "k");
    home.files().write_tombstone("deleted", KeyringKind::Os).await.unwrap();
    std::fs::write(home.files().path().join("malformed.enc"), "no envelope").unwrap();
    let store = home.gated();
    let listed = store.entries().await.unwrap();
    assert_eq!(home.gated.batches(), 1);
    assert_eq!(
        home.memory
            .take_calls()
            .iter()
            .filter(|call| **call == "accounts")
            .count(),
        1
    );
    assert_eq!(listed.incomplete, None);
    let entry = |key: &str| listed.entries.iter().find(|entry| entry.key == key);
    let value = |key: &str| {
        entry(key)
            .and_then(|entry| entry.value.clone())
            .map(|value| value.expose().to_owned())
    };
    assert_eq!(listed.entries.len(), 34);
    assert_eq!(value("both").as_deref(), Some("f"));
    assert_eq!(value("stale").as_deref(), Some("k"));
    assert_eq!(value("file").as_deref(), Some("f"));
    assert!(entry("deleted").is_none());
    assert_eq!(entry("stale").map(|entry| entry.stored_in), Some(StoredIn::Keyring));
    assert_eq!(entry("file").map(|entry| entry.stored_in), Some(StoredIn::File));
    let malformed = entry("malformed").and_then(|entry| entry.error.as_ref());
    assert_eq!(malformed.map(Error::code), Some(Code::Corrupt));
    for entry in &listed.entries {
        let got = store.get(&entry.key).await;
        assert_eq!(got.ok().flatten(), entry.value, "{}", entry.key);
    }
}

#[tokio::test]
async fn r3_7_entries_returns_the_newer_value_of_a_key_that_moves_to_the_keyring_after_the_listing() {
    let home = Home::new();
    home.gated.lists_secrets.store(true, Ordering::Relaxed);
    home.memory.plant(SERVICE, "key", "older");
    home.memory.plant(SERVICE, "another", "listed");
    home.plant_file("newer", Some(KeyringKind::Os)).await;
    let stop = home.gated.stop("accounts", At::After);
    let listing = tokio::spawn({
        let store = home.gated();
        async move { store.entries().await.unwrap().entries }
    });
    let release = stop.reached().await;
    assert_eq!(get(&home.other()).await.as_deref(), Some("newer"));
    assert_eq!(home.state().await, FileState::Absent);
    home.memory.take_calls();
    release.send(()).unwrap();
    let entries = listing.await.unwrap();
    let values: Vec<_> = entries
        .iter()
        .map(|entry| (entry.key.as_str(), entry.value.as_ref().map(Secret::expose)))
        .collect();
    assert_eq!(values, [("another", Some("listed")), ("key", Some("newer"))]);
    assert_eq!(home.memory.take_calls(), ["get"]);
}

#[tokio::test]
async fn r6_entries_rejects_with_a_final_error() {
    let home = Home::new();
    home.memory.plant(SERVICE, "key", "value");
    let stop = home.gated.stop("accounts", At::After);
    let listing = tokio::spawn({
        let store = home.gated();
        async move { store.entries().await.map(|_| ()) }
    });
    let release = stop.reached().await;
    home.memory.set_mode(FaultMode::Fails(Code::RuntimeReplaced));
    release.send(()).unwrap();
    assert_eq!(
        listing.await.unwrap().map_err(|error| error.code()),
        Err(Code::RuntimeReplaced)
    );
}
