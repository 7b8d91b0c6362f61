//! Injected faults (R27.1): a keyring that fails between two calls, and writers that contend meanwhile.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use securestore::error::Code;
use securestore::fallback::machine::HostIdentity;
use securestore::fallback::{FallbackDir, KeyringKind};
use securestore::fs::lock::LockDir;
use securestore::keyring::memory::{FaultMode, MemoryKeyring};
use securestore::keyring::{Keyring, KeyringError, Replies, Reply};
use securestore::secret::Secret;
use securestore::store::{FallbackPolicy, KeyringProvider, SecureStore, SecureStoreConfig, SelectedKeyring, StoredIn};

const SERVICE: &str = "faults";

struct Home {
    home: tempfile::TempDir,
    keyring: Arc<MemoryKeyring>,
}

impl Home {
    fn new() -> Self {
        let keyring = Arc::new(MemoryKeyring::new(Duration::from_millis(1)));
        Self {
            home: tempfile::tempdir().expect("a temporary directory"),
            keyring,
        }
    }

    fn files(&self) -> FallbackDir {
        let identity = HostIdentity {
            hostname: "host".to_owned(),
            username: "user".to_owned(),
        };
        FallbackDir::new(self.home.path().join("files"), SERVICE, identity)
    }

    /// Opens a store as another process does: it shares only the keyring and the directory with other stores.
    fn store(&self) -> SecureStore {
        self.store_with(self.keyring.clone())
    }

    fn store_with(&self, keyring: Arc<dyn Keyring>) -> SecureStore {
        SecureStore::new(SecureStoreConfig {
            service: SERVICE.to_owned(),
            files: self.files(),
            policy: FallbackPolicy::Allow,
            keyring: KeyringProvider::Known(SelectedKeyring::Os(keyring)),
            limit: Duration::from_secs(1),
            locks: LockDir::new(self.home.path().join("locks")),
            data_dir: self.home.path().to_owned(),
        })
    }

    async fn value(&self, key: &str) -> String {
        let value = self.store().get(key).await.expect("an answer").expect("a value");
        value.expose().to_owned()
    }
}

/// A keyring that stores at most ten bytes, and counts the attempts to write.
struct LimitedKeyring {
    memory: MemoryKeyring,
    writes: AtomicUsize,
}

impl Keyring for LimitedKeyring {
    fn accepts(&self, secret: &Secret) -> bool {
        secret.expose().len() <= 10
    }

    fn get<'a>(&'a self, service: &'a str, account: &'a str) -> Reply<'a, Option<Secret>> {
        self.memory.get(service, account)
    }

    fn set<'a>(&'a self, service: &'a str, account: &'a str, secret: &'a Secret) -> Reply<'a, ()> {
        self.writes.fetch_add(1, Ordering::SeqCst);
        match self.accepts(secret) {
            true => self.memory.set(service, account, secret),
            false => Box::pin(async { Err(KeyringError::failed(Code::Unavailable, "too long")) }),
        }
    }

    fn delete<'a>(&'a self, service: &'a str, account: &'a str) -> Reply<'a, bool> {
        self.memory.delete(service, account)
    }

    fn accounts<'a>(&'a self, service: &'a str) -> Reply<'a, Vec<String>> {
        self.memory.accounts(service)
    }

    fn get_many<'a>(&'a self, service: &'a str, accounts: &'a [String]) -> Replies<'a, Option<Secret>> {
        self.memory.get_many(service, accounts)
    }
}

#[tokio::test]
async fn r3_1_a_value_that_is_too_long_for_the_keyring_stays_in_its_file_and_reads_do_not_try_to_move_it() {
    let home = Home::new();
    let keyring = Arc::new(LimitedKeyring {
        memory: MemoryKeyring::default(),
        writes: AtomicUsize::new(0),
    });
    let store = home.store_with(keyring.clone());
    let long = || Secret::from("a value of more than ten bytes");
    assert_eq!(store.set("key", Secret::from("short")).await, Ok(StoredIn::Keyring));
    assert_eq!(store.set("key", long()).await, Ok(StoredIn::File));
    assert_eq!(keyring.writes.load(Ordering::SeqCst), 2);
    for _ in 0..3 {
        assert_eq!(store.get("key").await, Ok(Some(long())));
        assert_eq!(store.get_many(&["key".to_owned()]).await, [Ok(Some(long()))]);
        assert_eq!(store.locate("key").await, Ok(Some(StoredIn::File)));
    }
    assert_eq!(keyring.writes.load(Ordering::SeqCst), 2);
    assert_eq!(store.set("key", Secret::from("short")).await, Ok(StoredIn::Keyring));
    assert_eq!(store.get("key").await, Ok(Some(Secret::from("short"))));
}

#[tokio::test]
async fn r27_1_a_keyring_that_fails_after_a_fallback_write_changes_nothing_and_r7b_its_older_value_is_replaced_later() {
    let home = Home::new();
    let store = home.store();
    assert_eq!(store.set("key", Secret::from("old")).await, Ok(StoredIn::Keyring));
    home.keyring.set_mode(FaultMode::Fails(Code::Denied));
    assert_eq!(store.set("key", Secret::from("new")).await, Ok(StoredIn::File));
    let failures = Code::ALL.into_iter().filter(|code| !code.is_final());
    for mode in failures
        .map(FaultMode::Fails)
        .chain([FaultMode::Absent, FaultMode::Hangs])
    {
        home.keyring.set_mode(mode);
        assert_eq!(home.value("key").await, "new", "{mode:?}");
    }
    assert_eq!(
        home.keyring.peek(SERVICE, "key"),
        Some(Secret::from("old")),
        "no read changed the keyring"
    );

    home.keyring.set_mode(FaultMode::Works);
    assert_eq!(home.value("key").await, "new");
    assert_eq!(home.keyring.peek(SERVICE, "key"), Some(Secret::from("new")));
    assert_eq!(home.files().read("key").await, Ok(None));
}

#[tokio::test]
async fn r7b_a_crash_between_the_keyrings_write_and_the_files_removal_loses_nothing() {
    let home = Home::new();
    // The state after such a crash: the keyring has the new value, and the file marked as newer still exists.
    home.keyring.plant(SERVICE, "key", "value");
    home.files()
        .write("key", &Secret::from("value"), Some(KeyringKind::Os))
        .await
        .expect("a file");
    assert_eq!(home.value("key").await, "value");
    assert_eq!(
        home.files().read("key").await,
        Ok(None),
        "the next get removes the file"
    );
}

#[tokio::test]
async fn r7b_a_file_that_is_newer_than_one_kind_of_keyring_does_not_win_over_another_kind() {
    let home = Home::new();
    home.keyring.plant(SERVICE, "key", "in the keyring");
    home.files()
        .write("key", &Secret::from("in the file"), Some(KeyringKind::Injected))
        .await
        .expect("a file");
    assert_eq!(home.value("key").await, "in the keyring");
}

#[tokio::test]
async fn r7b_a_newer_file_that_cannot_be_decrypted_is_corrupt_although_the_keyring_has_an_older_value() {
    let home = Home::new();
    home.keyring.plant(SERVICE, "key", "old");
    let elsewhere = HostIdentity {
        hostname: "another".to_owned(),
        username: "user".to_owned(),
    };
    let files = FallbackDir::new(home.home.path().join("files"), SERVICE, elsewhere);
    files
        .write("key", &Secret::from("new"), Some(KeyringKind::Os))
        .await
        .expect("a file");
    assert_eq!(
        home.store().get("key").await.map_err(|error| error.code()),
        Err(Code::Corrupt)
    );
    assert_eq!(
        home.store().set("key", Secret::from("again")).await,
        Ok(StoredIn::Keyring)
    );
    assert_eq!(home.value("key").await, "again");
}

/// Each writer makes one change after the other, so the final value must be the last value of one writer. Any other value
/// would mean that an older value replaced an acknowledged write.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn r27_1_contending_writers_lose_no_acknowledged_write_while_the_keyring_fails_now_and_then() {
    const WRITERS: usize = 6;
    const VALUES: usize = 25;
    for round in 0..4 {
        let home = Arc::new(Home::new());
        let stop = Arc::new(AtomicBool::new(false));
        let faults = tokio::spawn({
            let (home, stop) = (home.clone(), stop.clone());
            async move {
                let modes = [
                    FaultMode::Works,
                    FaultMode::Fails(Code::Locked),
                    FaultMode::Absent,
                    FaultMode::Fails(Code::Unavailable),
                ];
                for mode in modes.into_iter().cycle() {
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                    home.keyring.set_mode(mode);
                    // The interval of the faults. Nothing is waited for.
                    tokio::time::sleep(Duration::from_millis(1 + round)).await;
                }
            }
        });
        let readers: Vec<_> = (0..2)
            .map(|_| {
                let (store, stop) = (home.store(), stop.clone());
                tokio::spawn(async move {
                    while !stop.load(Ordering::Relaxed) {
                        // The result does not matter: reads move values from the file to the keyring.
                        let _ = store.get("key").await;
                    }
                })
            })
            .collect();
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let store = home.store();
                tokio::spawn(async move {
                    for value in 0..VALUES {
                        let value = Secret::new(format!("{writer}:{value}"));
                        store.set("key", value).await.expect("every write is acknowledged");
                    }
                })
            })
            .collect();
        for writer in writers {
            writer.await.expect("no writer panics");
        }
        stop.store(true, Ordering::Relaxed);
        for task in readers.into_iter().chain([faults]) {
            task.await.expect("no task panics");
        }
        home.keyring.set_mode(FaultMode::Works);
        let last: BTreeSet<String> = (0..WRITERS).map(|writer| format!("{writer}:{}", VALUES - 1)).collect();
        let value = home.value("key").await;
        assert!(last.contains(&value), "{value} is no writer's last value");
        assert_eq!(home.value("key").await, value);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn r27_1_after_a_set_and_a_delete_at_the_same_time_get_has_and_list_agree() {
    for _ in 0..20 {
        let home = Home::new();
        home.store().set("key", Secret::from("first")).await.expect("a value");
        let (setting, deleting) = (home.store(), home.store());
        let set = tokio::spawn(async move { setting.set("key", Secret::from("second")).await });
        let delete = tokio::spawn(async move { deleting.delete("key").await });
        set.await.expect("no task panics").expect("a set");
        assert_eq!(delete.await.expect("no task panics"), Ok(true));
        let store = home.store();
        let value = store.get("key").await.expect("an answer");
        assert_eq!(store.has("key").await, Ok(value.is_some()));
        assert_eq!(
            store.list().await.map(|keys| keys.len()),
            Ok(usize::from(value.is_some()))
        );
    }
}
