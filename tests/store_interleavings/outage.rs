//! Changes while the keyring is unreachable.

use super::*;

#[tokio::test]
async fn r7b_after_a_delete_during_an_outage_the_older_value_in_the_keyring_does_not_come_back() {
    for (mode, deleted) in [
        (FaultMode::Absent, Ok(true)),
        (FaultMode::Fails(Code::Locked), Err(Code::Locked)),
        (FaultMode::Hangs, Err(Code::Timeout)),
    ] {
        let home = Home::new();
        let store = home.other();
        store.set("key", Secret::from("v1")).await.unwrap();
        home.memory.set_mode(mode);
        assert_eq!(store.set("key", Secret::from("v2")).await, Ok(StoredIn::File));
        assert_eq!(store.delete("key").await.map_err(|error| error.code()), deleted);
        assert_eq!(get(&store).await, None);
        home.memory.set_mode(FaultMode::Works);
        // Each of these operations reaches the keyring and deletes the value there.
        for read in ["get", "has", "list", "get_many", "entries", "locate"] {
            home.memory.plant(SERVICE, "key", "v1");
            home.files().write_tombstone("key", KeyringKind::Os).await.unwrap();
            let store = home.other();
            let is_gone = match read {
                "get" => get(&store).await.is_none(),
                "has" => !store.has("key").await.unwrap(),
                "list" => store.list().await.unwrap().is_empty(),
                "get_many" => store.get_many(&["key".to_owned()]).await == [Ok(None)],
                "entries" => store.entries().await.unwrap().entries.is_empty(),
                _ => store.locate("key").await.unwrap().is_none(),
            };
            assert!(is_gone, "{read}");
            assert_eq!(home.in_keyring(), None, "{read}");
            assert_eq!(home.state().await, FileState::Absent, "{read}");
        }
    }
}

#[tokio::test]
async fn r7b_a_set_waits_while_a_tombstone_is_applied_to_the_keyring_and_is_not_undone_by_it() {
    let home = Home::new();
    home.memory.plant(SERVICE, "key", "old");
    home.files().write_tombstone("key", KeyringKind::Os).await.unwrap();
    let stop = home.gated.stop("delete", At::Before);
    let read = tokio::spawn({
        let store = home.gated();
        async move { get(&store).await }
    });
    let release = stop.reached().await;
    let mut set = Box::pin(home.other().set("key", Secret::from("new")));
    assert!(is_waiting(&mut set).await);
    release.send(()).unwrap();
    assert_eq!(read.await.unwrap(), None);
    assert_eq!(set.await, Ok(StoredIn::Keyring));
    assert_eq!(get(&home.other()).await.as_deref(), Some("new"));
}

#[tokio::test]
async fn r7b_an_entry_whose_creation_was_interrupted_does_not_hide_the_value_in_the_file() {
    let home = Home::new();
    // What a keyring leaves that is killed between creating an entry and storing its value.
    home.memory.plant(SERVICE, "key", "");
    let stop = home.gated.stop("get", At::After);
    let read = tokio::spawn({
        let store = home.gated();
        async move { get(&store).await }
    });
    let release = stop.reached().await;
    home.memory.set_mode(FaultMode::Fails(Code::Locked));
    let set = home.other().set("key", Secret::from("new")).await;
    assert_eq!(set, Ok(StoredIn::File));
    release.send(()).unwrap();
    assert_eq!(read.await.unwrap().as_deref(), Some("new"));
}

#[tokio::test]
async fn r7b_a_tombstone_of_one_kind_of_keyring_does_not_hide_the_value_of_another_kind() {
    let home = Home::new();
    home.memory.plant(SERVICE, "key", "value");
    home.files()
        .write_tombstone("key", KeyringKind::Injected)
        .await
        .unwrap();
    let store = home.other();
    assert_eq!(get(&store).await.as_deref(), Some("value"));
    assert_eq!(store.has("key").await, Ok(true));
    assert_eq!(store.list().await, Ok(vec!["key".to_owned()]));
    assert_eq!(
        store.get_many(&["key".to_owned()]).await,
        [Ok(Some(Secret::from("value")))]
    );
}

#[tokio::test]
async fn r7b_tombstones_are_written_only_after_a_keyring_was_reached_once() {
    let home = Home::new();
    home.memory.set_mode(FaultMode::Absent);
    let store = home.other();
    assert_eq!(store.delete("key").await, Ok(false));
    store.set("key", Secret::from("value")).await.unwrap();
    assert_eq!(store.delete("key").await, Ok(true));
    home.memory.set_mode(FaultMode::Fails(Code::Unavailable));
    assert_eq!(
        store.delete("key").await.map_err(|error| error.code()),
        Err(Code::Unavailable)
    );
    assert_eq!(home.state().await, FileState::Absent);
    assert!(!home.marker().exists());
    home.memory.set_mode(FaultMode::Works);
    assert_eq!(store.get("key").await, Ok(None));
    assert!(home.marker().exists());
    home.memory.set_mode(FaultMode::Absent);
    // A later process finds the marker file.
    assert_eq!(home.other().delete("key").await, Ok(false));
    assert_eq!(home.state().await, DELETED);
}
