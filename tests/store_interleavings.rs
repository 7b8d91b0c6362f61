//! What the store does when another change happens between two of its steps. A gated keyring makes each interleaving exact.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::Duration;

use securestore::error::{Code, Error};
use securestore::fallback::machine::HostIdentity;
use securestore::fallback::{FallbackDir, FileState, KeyringKind};
use securestore::fs::lock::LockDir;
use securestore::keyring::memory::{FaultMode, MemoryKeyring};
use securestore::secret::Secret;
use securestore::store::{
    Change, FallbackPolicy, KeyringProvider, Loader, SecureStore, SecureStoreConfig, SelectedKeyring, StoredIn,
};

#[path = "support/gated_keyring.rs"]
mod gated_keyring;

use gated_keyring::{At, GatedKeyring};

#[path = "store_interleavings/listing.rs"]
mod listing;
#[path = "store_interleavings/locking.rs"]
mod locking;
#[path = "store_interleavings/outage.rs"]
mod outage;

const SERVICE: &str = "interleavings";
const REMAINS: &str = "Credential remains after keyring deletion";
const UNVERIFIED: &str = "Keyring write could not be verified and fallback is denied";

struct Home {
    dir: tempfile::TempDir,
    memory: Arc<MemoryKeyring>,
    gated: Arc<GatedKeyring>,
}

impl Home {
    fn new() -> Self {
        let memory = Arc::new(MemoryKeyring::default());
        Self {
            dir: tempfile::tempdir().unwrap(),
            gated: GatedKeyring::new(memory.clone()),
            memory,
        }
    }

    /// Creates a home with the marker of a keyring that was reached.
    fn with_keyring_seen() -> Self {
        let home = Self::new();
        std::fs::write(home.marker(), "").unwrap();
        home
    }

    fn marker(&self) -> std::path::PathBuf {
        self.dir.path().join("keyring_seen")
    }

    fn files(&self) -> FallbackDir {
        let identity = HostIdentity {
            hostname: "host".to_owned(),
            username: "user".to_owned(),
        };
        FallbackDir::new(self.dir.path().join("files"), SERVICE, identity)
    }

    fn locks(&self) -> LockDir {
        LockDir::new(self.dir.path().join("locks"))
    }

    fn store_with(&self, policy: FallbackPolicy, keyring: KeyringProvider) -> SecureStore {
        SecureStore::new(SecureStoreConfig {
            service: SERVICE.to_owned(),
            files: self.files(),
            policy,
            keyring,
            limit: Duration::from_secs(20),
            locks: self.locks(),
            data_dir: self.dir.path().to_owned(),
        })
    }

    /// Opens a store whose keyring calls can be stopped.
    fn gated(&self) -> SecureStore {
        let keyring = SelectedKeyring::Os(self.gated.clone());
        self.store_with(FallbackPolicy::Allow, KeyringProvider::Known(keyring))
    }

    /// Opens a store as another process does: it shares only the keyring, the files and the locks with other stores.
    fn other(&self) -> SecureStore {
        let keyring = SelectedKeyring::Os(self.memory.clone());
        self.store_with(FallbackPolicy::Allow, KeyringProvider::Known(keyring))
    }

    fn in_keyring(&self) -> Option<String> {
        self.memory.peek(SERVICE, "key").map(|value| value.expose().to_owned())
    }

    async fn state(&self) -> FileState {
        self.files().state("key").await.unwrap()
    }

    async fn plant_file(&self, value: &str, newer_than: Option<KeyringKind>) {
        self.files()
            .write("key", &Secret::from(value), newer_than)
            .await
            .unwrap();
    }
}

const NEWER: FileState = FileState::Value {
    newer_than: Some(KeyringKind::Os),
};
const DELETED: FileState = FileState::Deleted {
    newer_than: KeyringKind::Os,
};

async fn get(store: &SecureStore) -> Option<String> {
    let value = store.get("key").await.unwrap();
    value.map(|value| value.expose().to_owned())
}

/// Polls a future a hundred times, and returns whether it is still pending.
async fn is_waiting<F: Future + Unpin>(future: &mut F) -> bool {
    for _ in 0..100 {
        let poll = std::future::poll_fn(|context| Poll::Ready(Pin::new(&mut *future).poll(context))).await;
        if poll.is_ready() {
            return false;
        }
        tokio::task::yield_now().await;
    }
    true
}

#[tokio::test]
async fn r3_1_a_set_that_another_program_overwrote_rejects_with_conflict_and_touches_nothing() {
    let home = Home::new();
    home.plant_file("left over", None).await;
    let stop = home.gated.stop("set", At::After);
    let set = tokio::spawn(home.gated().set("key", Secret::from("ours")));
    let release = stop.reached().await;
    home.memory.plant(SERVICE, "key", "theirs");
    release.send(()).unwrap();
    let error = set.await.unwrap().unwrap_err();
    assert_eq!(error.code(), Code::Conflict);
    assert!(!error.message().contains("theirs"));
    assert_eq!(home.in_keyring().as_deref(), Some("theirs"));
    assert_eq!(home.state().await, FileState::Value { newer_than: None });
}

#[tokio::test]
async fn r3_1_a_write_that_cannot_be_read_back_counts_as_refused() {
    for policy in [FallbackPolicy::Allow, FallbackPolicy::Deny] {
        for read_back_fails in [false, true] {
            let home = Home::new();
            let store = home.store_with(policy, KeyringProvider::Known(SelectedKeyring::Os(home.gated.clone())));
            let stop = home.gated.stop("set", At::After);
            let set = tokio::spawn(store.set("key", Secret::from("value")));
            let release = stop.reached().await;
            match read_back_fails {
                true => home.memory.set_mode(FaultMode::Fails(Code::Locked)),
                false => home.memory.remove(SERVICE, "key"),
            }
            release.send(()).unwrap();
            let set = set.await.unwrap();
            if policy == FallbackPolicy::Deny {
                let error = set.unwrap_err();
                assert_eq!((error.code(), error.message()), (Code::Unavailable, UNVERIFIED));
                assert_eq!(home.state().await, FileState::Absent);
            } else {
                assert_eq!(set, Ok(StoredIn::File));
                assert_eq!(home.state().await, NEWER);
                home.memory.set_mode(FaultMode::Works);
                assert_eq!(get(&home.other()).await.as_deref(), Some("value"));
            }
        }
    }
}

#[tokio::test]
async fn r6_set_rejects_with_a_final_error_of_its_read_back_and_writes_no_file() {
    let home = Home::new();
    let stop = home.gated.stop("set", At::After);
    let set = tokio::spawn(home.gated().set("key", Secret::from("value")));
    let release = stop.reached().await;
    home.memory.set_mode(FaultMode::Fails(Code::RuntimeReplaced));
    release.send(()).unwrap();
    assert_eq!(
        set.await.unwrap().map_err(|error| error.code()),
        Err(Code::RuntimeReplaced)
    );
    assert_eq!(home.state().await, FileState::Absent);
}

#[tokio::test]
async fn r3_6_a_credential_that_remains_after_its_deletion_is_reported_and_a_newer_file_is_kept() {
    for (planted, newer_than, left) in [
        ("stale", None, FileState::Absent),
        ("newest", Some(KeyringKind::Os), NEWER),
    ] {
        let home = Home::new();
        home.memory.plant(SERVICE, "key", "value");
        home.plant_file(planted, newer_than).await;
        let stop = home.gated.stop("delete", At::After);
        let delete = tokio::spawn(home.gated().delete("key"));
        let release = stop.reached().await;
        home.memory.plant(SERVICE, "key", "value");
        release.send(()).unwrap();
        let error = delete.await.unwrap().unwrap_err();
        assert_eq!((error.code(), error.message()), (Code::Unavailable, REMAINS));
        assert_eq!(home.state().await, left);
    }
}

/// A loader that returns no keyring, or panics.
struct NoKeyring {
    panics: bool,
}

impl Loader for NoKeyring {
    fn load(self: Arc<Self>) -> Pin<Box<dyn Future<Output = SelectedKeyring> + Send>> {
        Box::pin(async move {
            assert!(!self.panics, "the loader panics");
            SelectedKeyring::Nothing
        })
    }
}

#[tokio::test]
async fn r7b_a_value_stored_while_the_loader_returned_no_keyring_is_newer_than_the_value_in_that_keyring() {
    for panics in [false, true] {
        let home = Home::new();
        home.memory.plant(SERVICE, "key", "old");
        let loader = KeyringProvider::loaded(Arc::new(NoKeyring { panics }));
        let without = home.store_with(FallbackPolicy::Allow, loader);
        assert_eq!(without.set("key", Secret::from("new")).await, Ok(StoredIn::File));
        let keyring = KeyringProvider::Known(SelectedKeyring::Injected(home.memory.clone()));
        let with = home.store_with(FallbackPolicy::Allow, keyring);
        assert_eq!(get(&with).await.as_deref(), Some("new"));
        assert_eq!(home.in_keyring().as_deref(), Some("new"));
    }
}

#[tokio::test]
async fn r7b_a_change_waits_for_the_lock_of_another_process_and_a_read_does_not() {
    let home = Home::new();
    home.plant_file("value", Some(KeyringKind::Os)).await;
    let lock = home.locks().lock(SERVICE, "key", Duration::from_secs(5)).await.unwrap();
    let store = home.gated();
    let (mut set, mut delete) = (
        Box::pin(store.set("key", Secret::from("new"))),
        Box::pin(store.delete("key")),
    );
    assert!(is_waiting(&mut set).await && is_waiting(&mut delete).await);
    assert_eq!(get(&store).await.as_deref(), Some("value"));
    assert_eq!(store.has("key").await, Ok(true));
    assert_eq!(store.list().await, Ok(vec!["key".to_owned()]));
    assert_eq!(
        home.memory.take_calls(),
        ["get", "accounts"],
        "nothing was changed in the keyring"
    );
    drop(lock);
    assert_eq!(set.await, Ok(StoredIn::Keyring));
    assert_eq!(delete.await, Ok(true));
    assert_eq!((home.in_keyring(), home.state().await), (None, FileState::Absent));
}

#[tokio::test]
async fn r7b_changes_under_deny_and_before_the_directory_exists_take_the_lock_too() {
    let home = Home::new();
    let keyring = KeyringProvider::Known(SelectedKeyring::Os(home.memory.clone()));
    let store = home.store_with(FallbackPolicy::Deny, keyring);
    let lock = home.locks().lock(SERVICE, "key", Duration::from_secs(5)).await.unwrap();
    let mut set = Box::pin(store.set("key", Secret::from("value")));
    assert!(is_waiting(&mut set).await);
    assert!(home.memory.take_calls().is_empty() && !home.files().path().exists());
    drop(lock);
    assert_eq!(set.await, Ok(StoredIn::Keyring));
}

#[tokio::test]
async fn r7b_a_change_that_is_cancelled_releases_its_lock() {
    let home = Home::new();
    let stop = home.gated.stop("set", At::Before);
    let set = tokio::spawn(home.gated().set("key", Secret::from("cancelled")));
    let _release = stop.reached().await;
    assert!(home.locks().try_lock(SERVICE, "key").await.unwrap().is_none());
    set.abort();
    assert!(set.await.unwrap_err().is_cancelled());
    assert!(home.locks().try_lock(SERVICE, "key").await.unwrap().is_some());
}

#[tokio::test]
async fn r7b_a_read_that_syncs_the_keyring_removes_only_the_file_that_it_read() {
    let home = Home::new();
    home.plant_file("older", Some(KeyringKind::Os)).await;
    let stop = home.gated.stop("set", At::Before);
    let read = tokio::spawn({
        let store = home.gated();
        async move { get(&store).await }
    });
    let release = stop.reached().await;
    // A process that cannot lock writes like this.
    home.plant_file("newer", Some(KeyringKind::Os)).await;
    release.send(()).unwrap();
    assert_eq!(read.await.unwrap().as_deref(), Some("older"));
    assert_eq!(home.state().await, NEWER);
    assert_eq!(get(&home.other()).await.as_deref(), Some("newer"));
}

#[tokio::test]
async fn r7b_a_sync_to_the_keyring_holds_the_lock_and_keeps_a_newer_value_of_another_program() {
    let home = Home::new();
    home.plant_file("in the file", Some(KeyringKind::Os)).await;
    let stop = home.gated.stop("set", At::After);
    let read = tokio::spawn({
        let store = home.gated();
        async move { get(&store).await }
    });
    let release = stop.reached().await;
    assert!(home.locks().try_lock(SERVICE, "key").await.unwrap().is_none());
    home.memory.plant(SERVICE, "key", "of another program");
    release.send(()).unwrap();
    assert_eq!(read.await.unwrap().as_deref(), Some("of another program"));
    assert_eq!(home.state().await, FileState::Absent);
}

#[tokio::test]
async fn r7b_the_file_is_kept_when_the_keyring_forgets_the_value_that_was_synced_to_it() {
    let home = Home::new();
    home.plant_file("value", Some(KeyringKind::Os)).await;
    let stop = home.gated.stop("set", At::After);
    let read = tokio::spawn({
        let store = home.gated();
        async move { get(&store).await }
    });
    let release = stop.reached().await;
    home.memory.remove(SERVICE, "key");
    release.send(()).unwrap();
    assert_eq!(read.await.unwrap().as_deref(), Some("value"));
    assert_eq!(home.state().await, NEWER);
}

#[tokio::test]
async fn r7b_a_key_that_moves_from_file_to_keyring_during_get_has_and_list_is_found() {
    let home = Home::new();
    for call in ["get", "has", "list"] {
        home.memory.remove(SERVICE, "key");
        home.plant_file("before", None).await;
        let stop = home
            .gated
            .stop(if call == "list" { "accounts" } else { "get" }, At::After);
        let reading = tokio::spawn({
            let store = home.gated();
            async move {
                match call {
                    "get" => get(&store).await.as_deref() == Some("after"),
                    "has" => store.has("key").await.unwrap(),
                    _ => store.list().await.unwrap() == ["key"],
                }
            }
        });
        let release = stop.reached().await;
        assert_eq!(
            home.other().set("key", Secret::from("after")).await,
            Ok(StoredIn::Keyring)
        );
        release.send(()).unwrap();
        assert!(reading.await.unwrap(), "{call}");
    }
}
