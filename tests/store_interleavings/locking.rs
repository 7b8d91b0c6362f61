//! Changes under a lock that the caller holds, updates, and probes.

use super::*;

#[tokio::test]
async fn r3_changes_under_a_lock_that_the_caller_holds_do_not_wait_for_it_and_keep_their_order() {
    let home = Home::new();
    let store = home.other();
    let lock = store.lock("key").await.unwrap();
    let inside = store.holding(vec![lock.clone()]);
    assert!(Arc::ptr_eq(&lock, &inside.lock("key").await.unwrap()));
    let changes: Vec<_> = (0..20)
        .map(|n| tokio::spawn(inside.set("key", Secret::new(n.to_string()))))
        .collect();
    for change in changes {
        assert_eq!(change.await.unwrap(), Ok(StoredIn::Keyring));
    }
    assert_eq!(get(&store).await.as_deref(), Some("19"));
    assert_eq!(inside.delete("key").await, Ok(true));
    assert_eq!(
        inside.set("another key", Secret::from("value")).await,
        Ok(StoredIn::Keyring)
    );
    let mut outside = Box::pin(store.set("key", Secret::from("outside")));
    assert!(is_waiting(&mut outside).await);
    drop((lock, inside));
    assert_eq!(outside.await, Ok(StoredIn::Keyring));
}

#[tokio::test]
async fn r7b_a_lock_and_a_change_are_made_in_the_order_of_the_calls() {
    let home = Home::new();
    let store = home.other();
    let locking = store.lock("key");
    let mut change = Box::pin(store.set("key", Secret::from("value")));
    assert!(is_waiting(&mut change).await);
    drop(locking.await.unwrap());
    assert_eq!(change.await, Ok(StoredIn::Keyring));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn r7b_of_a_hundred_updates_by_several_stores_at_once_none_is_lost() {
    let home = Home::new();
    let shared = home.other();
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..100 {
        let store = if n % 5 == 0 { home.other() } else { shared.clone() };
        tasks.spawn(async move { store.update("key", increment).await.unwrap() });
    }
    tasks.join_all().await;
    assert_eq!(get(&shared).await.as_deref(), Some("100"));
}

async fn increment(current: Option<Secret>) -> Result<Change, Error> {
    let current: u32 = current.map_or(0, |value| value.expose().parse().unwrap());
    Ok(Change::Store(Secret::new((current + 1).to_string())))
}

#[tokio::test]
async fn an_update_stores_deletes_keeps_or_fails_as_its_function_returns() {
    let home = Home::new();
    let store = home.other();
    let stored = store
        .update("key", async |_| Ok(Change::Store(Secret::from("a"))))
        .await;
    assert_eq!(stored, Ok(Some(Secret::from("a"))));
    assert_eq!(store.update("key", async |_| Ok(Change::Keep)).await, stored);
    let refused = Err(Error::new(Code::Corrupt, "no"));
    let failed = store
        .update("key", async |_| Err(Error::new(Code::Corrupt, "no")))
        .await;
    assert_eq!((failed, get(&store).await.as_deref()), (refused, Some("a")));
    assert_eq!(store.update("key", async |_| Ok(Change::Delete)).await, Ok(None));
    assert_eq!(get(&store).await, None);
    home.memory.set_mode(FaultMode::Fails(Code::Locked));
    let unread = store
        .update("key", async |_| {
            panic!("update calls its function only with a value that was read")
        })
        .await;
    assert_eq!(unread.map_err(|error| error.code()), Err(Code::Locked));
}

#[tokio::test]
async fn without_locks_update_is_unavailable_and_set_and_delete_succeed() {
    let home = Home::new();
    std::fs::write(home.dir.path().join("locks"), "not a directory").unwrap();
    let store = home.other();
    let updated = store.update("key", async |_| Ok(Change::Delete)).await;
    assert_eq!(updated.map_err(|error| error.code()), Err(Code::Unavailable));
    assert_eq!(store.set("key", Secret::from("value")).await, Ok(StoredIn::Keyring));
    assert_eq!(store.delete("key").await, Ok(true));
}

#[tokio::test]
async fn r2_three_failures_of_the_store_in_a_row_drop_the_cached_result_of_the_probe() {
    let home = Home::new();
    let store = home.other();
    assert_eq!(store.is_keychain_available().await, Ok(true));
    home.memory.set_mode(FaultMode::Fails(Code::Denied));
    for _ in 0..2 {
        let _ = store.get("key").await;
    }
    assert_eq!(
        store.is_keychain_available().await,
        Ok(true),
        "two failures keep the cached result"
    );
    let _ = store.has("key").await;
    assert_eq!(store.is_keychain_available().await, Ok(false));
}

#[tokio::test]
async fn r2_the_account_of_a_probe_whose_read_failed_is_removed() {
    let home = Home::new();
    let store = home.gated();
    let (set, delete) = (home.gated.stop("set", At::After), home.gated.stop("delete", At::Before));
    let probe = tokio::spawn(async move { store.is_keychain_available().await });
    let release = set.reached().await;
    assert_eq!(home.memory.all_accounts(SERVICE).len(), 1);
    home.memory.set_mode(FaultMode::Fails(Code::Denied));
    release.send(()).unwrap();
    let release = delete.reached().await;
    home.memory.set_mode(FaultMode::Works);
    release.send(()).unwrap();
    assert_eq!(probe.await.unwrap(), Ok(false));
    assert!(home.memory.all_accounts(SERVICE).is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn r7b_two_stores_set_two_thousand_keys_each_at_once_in_one_directory_without_a_deadlock() {
    let home = Home::new();
    home.memory.set_mode(FaultMode::Absent);
    let stores = [home.other(), home.other()];
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..2_000 {
        for store in &stores {
            tasks.spawn(store.set(&format!("key {n}"), Secret::from("value")));
        }
    }
    for set in tasks.join_all().await {
        assert_eq!(set, Ok(StoredIn::File));
    }
    assert_eq!(stores[0].list().await.map(|keys| keys.len()), Ok(2_000));
}
