//! Files that are newer than a keyring, and tombstones.

use securestore::fallback::{FileState, KeyringKind};

use super::*;

#[tokio::test]
async fn r7b_a_delete_leaves_a_tombstone_only_where_a_failure_or_the_past_proves_a_keyring() {
    for (mode, is_evidence) in [
        (FaultMode::Fails(Code::Timeout), true),
        (FaultMode::Fails(Code::Locked), true),
        (FaultMode::Fails(Code::Unavailable), false),
        (FaultMode::Absent, false),
    ] {
        let home = Home::new();
        home.keyring.plant(SERVICE, "k", "old");
        home.keyring.set_mode(mode);
        let _ = home.allow().delete("k").await;
        let state = home.files().state("k").await.unwrap();
        assert_eq!(matches!(state, FileState::Deleted { .. }), is_evidence, "{mode:?}");
        home.keyring.set_mode(FaultMode::Works);
        let expected = if is_evidence { Ok(None) } else { value("old") };
        assert_eq!(home.allow().get("k").await, expected, "{mode:?}");
        assert_eq!(home.keyring.peek(SERVICE, "k").is_none(), is_evidence, "{mode:?}");
    }
}

#[tokio::test]
async fn r7b_a_key_that_is_deleted_by_a_tombstone_is_not_deleted_again() {
    let home = Home::new();
    home.keyring.plant(SERVICE, "k", "old");
    home.files().write_tombstone("k", KeyringKind::Os).await.unwrap();
    assert_eq!(home.allow().delete("k").await, Ok(false));
    assert_eq!(home.keyring.peek(SERVICE, "k"), None);
    assert_eq!(home.files().state("k").await, Ok(FileState::Absent));
}

#[tokio::test]
async fn r7b_a_value_that_was_stored_without_a_keyring_is_newer_than_the_keyring_that_was_missing_and_no_other() {
    // The OS keyring was disabled.
    let home = Home::new();
    home.keyring.plant(SERVICE, "k", "old");
    home.without_keyring().set("k", Secret::from("new")).await.unwrap();
    assert_eq!(
        home.files().state("k").await,
        Ok(FileState::Value {
            newer_than: Some(KeyringKind::Os)
        })
    );
    let injected = home.loaded(SelectedKeyring::Injected(home.keyring.clone()));
    assert_eq!(injected.get("k").await, value("old"));
    assert_eq!(home.allow().get("k").await, value("new"));

    // The loader returned nothing. Later it returns the OS keyring.
    let home = Home::new();
    home.keyring.plant(SERVICE, "k", "old");
    let nothing = home.loaded(SelectedKeyring::Nothing);
    nothing.set("k", Secret::from("new")).await.unwrap();
    assert_eq!(
        home.files().state("k").await,
        Ok(FileState::Value {
            newer_than: Some(KeyringKind::Injected)
        })
    );
    assert_eq!(home.allow().get("k").await, value("old"));
    assert_eq!(home.loaded(home.os()).get("k").await, value("new"));
}

#[tokio::test]
async fn r7b_a_listing_that_cannot_carry_out_a_deletion_hides_the_key_unless_the_error_ends_everything() {
    for (fault, is_final) in [(Code::Locked, false), (Code::RuntimeReplaced, true)] {
        let home = Home::new();
        home.keyring.plant(SERVICE, "k", "old");
        home.files().write_tombstone("k", KeyringKind::Os).await.unwrap();
        let keyring = SelectedKeyring::Os(Arc::new(WriteOnly {
            memory: home.keyring.clone(),
            code: fault,
            broken: AtomicBool::new(true),
        }));
        let store = home.with(KeyringProvider::Known(keyring), FallbackPolicy::Allow);
        match is_final {
            true => assert_eq!(code(store.list().await), Some(fault)),
            false => assert_eq!(store.list().await, Ok(vec![])),
        }
        let state = home.files().state("k").await.unwrap();
        assert!(matches!(state, FileState::Deleted { .. }));
    }
}

#[tokio::test]
async fn r7b_a_listing_that_finds_a_key_in_the_keyring_proves_that_there_is_one() {
    for is_listed in [true, false] {
        let home = Home::new();
        home.keyring.plant(SERVICE, "k", "old");
        if is_listed {
            assert_eq!(home.allow().list().await, Ok(keys(["k"])));
        }
        home.keyring.set_mode(FaultMode::Absent);
        let _ = home.allow().delete("k").await;
        let state = home.files().state("k").await.unwrap();
        assert_eq!(matches!(state, FileState::Deleted { .. }), is_listed);
    }
}
