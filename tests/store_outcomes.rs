//! What the operations of a store return when the keyring fails in a particular way, for one key and for many.

use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::Duration;

use securestore::error::{Code, Error, Result};
use securestore::fallback::FallbackDir;
use securestore::fallback::machine::HostIdentity;
use securestore::fallback::machine_secret::MachineSecretConfig;
use securestore::fs::executor::FileExecutor;
use securestore::fs::lock::LockDir;
use securestore::keyring::memory::{FaultMode, MemoryKeyring};
use securestore::keyring::{Keyring, KeyringError, Replies, Reply};
use securestore::secret::Secret;
use securestore::store::{
    FallbackPolicy, KeyringEntry, KeyringProvider, Loader, SecureStore, SecureStoreConfig, SelectedKeyring, StoredIn,
};

#[path = "store_outcomes/marks.rs"]
mod marks;

const SERVICE: &str = "outcomes";
const LIMIT: Duration = Duration::from_secs(20);

struct Home {
    dir: tempfile::TempDir,
    keyring: Arc<MemoryKeyring>,
}

impl Home {
    fn new() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
            keyring: Arc::default(),
        }
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("files")
    }

    fn files(&self) -> FallbackDir {
        let identity = HostIdentity {
            hostname: "host".to_owned(),
            username: "user".to_owned(),
        };
        FallbackDir::new(self.path(), SERVICE, identity)
    }

    fn with(&self, keyring: KeyringProvider, policy: FallbackPolicy) -> SecureStore {
        SecureStore::new(SecureStoreConfig {
            service: SERVICE.to_owned(),
            files: self.files(),
            policy,
            keyring,
            limit: LIMIT,
            locks: LockDir::new(self.dir.path().join("locks")),
            data_dir: self.dir.path().to_owned(),
        })
    }

    fn os(&self) -> SelectedKeyring {
        SelectedKeyring::Os(self.keyring.clone())
    }

    fn store(&self, policy: FallbackPolicy) -> SecureStore {
        self.with(KeyringProvider::Known(self.os()), policy)
    }

    fn allow(&self) -> SecureStore {
        self.store(FallbackPolicy::Allow)
    }

    fn without_keyring(&self) -> SecureStore {
        self.with(KeyringProvider::Known(SelectedKeyring::Nothing), FallbackPolicy::Allow)
    }

    /// A store whose loader gives this keyring.
    fn loaded(&self, keyring: SelectedKeyring) -> SecureStore {
        self.with(
            KeyringProvider::loaded(Arc::new(FixedLoader(keyring))),
            FallbackPolicy::Allow,
        )
    }

    /// Writes a file without a mark: the keyring's value wins.
    async fn write_file(&self, key: &str, value: &str) {
        self.files().write(key, &Secret::from(value), None).await.unwrap();
    }
}

struct FixedLoader(SelectedKeyring);

impl Loader for FixedLoader {
    fn load(self: Arc<Self>) -> Pin<Box<dyn Future<Output = SelectedKeyring> + Send>> {
        Box::pin(async move { self.0.clone() })
    }
}

/// A keyring that takes and lists values and, while it is broken, fails to read and to delete them.
struct WriteOnly {
    memory: Arc<MemoryKeyring>,
    code: Code,
    broken: AtomicBool,
}

impl Keyring for WriteOnly {
    fn get<'a>(&'a self, service: &'a str, account: &'a str) -> Reply<'a, Option<Secret>> {
        match self.broken.load(SeqCst) {
            true => Box::pin(async { Err(KeyringError::failed(self.code, "Reading fails")) }),
            false => self.memory.get(service, account),
        }
    }

    fn set<'a>(&'a self, service: &'a str, account: &'a str, secret: &'a Secret) -> Reply<'a, ()> {
        self.memory.set(service, account, secret)
    }

    fn delete<'a>(&'a self, service: &'a str, account: &'a str) -> Reply<'a, bool> {
        match self.broken.load(SeqCst) {
            true => Box::pin(async { Err(KeyringError::failed(self.code, "Deleting fails")) }),
            false => self.memory.delete(service, account),
        }
    }

    fn accounts<'a>(&'a self, service: &'a str) -> Reply<'a, Vec<String>> {
        self.memory.accounts(service)
    }

    fn get_many<'a>(&'a self, service: &'a str, accounts: &'a [String]) -> Replies<'a, Option<Secret>> {
        self.memory.get_many(service, accounts)
    }
}

fn keys<const N: usize>(keys: [&str; N]) -> Vec<String> {
    keys.map(str::to_owned).to_vec()
}

fn code<T>(result: Result<T>) -> Option<Code> {
    result.err().map(|error| error.code())
}

fn value(text: &str) -> Result<Option<Secret>> {
    Ok(Some(Secret::from(text)))
}

#[tokio::test]
async fn r3_an_error_that_ends_everything_ends_every_operation_although_a_file_holds_the_key() {
    for fault in [Code::Conflict, Code::RuntimeReplaced] {
        let home = Home::new();
        home.write_file("k", "file").await;
        home.keyring.set_mode(FaultMode::Fails(fault));
        let store = home.allow();
        let list = keys(["k"]);
        assert_eq!(code(store.get("k").await), Some(fault));
        assert_eq!(code(store.has("k").await), Some(fault));
        assert_eq!(code(store.locate("k").await), Some(fault));
        assert_eq!(code(store.list().await), Some(fault));
        assert_eq!(code(store.entries().await), Some(fault));
        assert_eq!(code(store.set("k", Secret::from("new")).await), Some(fault));
        assert_eq!(code(store.delete("k").await), Some(fault));
        assert_eq!(code(store.get_many(&list).await.remove(0)), Some(fault));
        assert_eq!(code(store.delete_many(&list).await.remove(0)), Some(fault));
        assert_eq!(home.without_keyring().get("k").await, value("file"));
    }
}

#[tokio::test]
async fn r3_many_keys_are_read_from_the_files_while_the_keyring_is_locked_and_the_others_are_not_said_to_be_absent() {
    let home = Home::new();
    home.write_file("k", "file").await;
    home.keyring.set_mode(FaultMode::Fails(Code::Locked));
    let mut values = home.allow().get_many(&keys(["k", "other"])).await;
    assert_eq!(code(values.pop().unwrap()), Some(Code::Locked));
    assert_eq!(values.pop().unwrap(), value("file"));
    let mut values = home.store(FallbackPolicy::Deny).get_many(&keys(["k"])).await;
    assert_eq!(code(values.pop().unwrap()), Some(Code::Locked));
    // UNAVAILABLE means that there is no value behind the failure.
    home.keyring.set_mode(FaultMode::Fails(Code::Unavailable));
    let store = home.allow();
    assert_eq!(store.get_many(&keys(["other"])).await, [Ok(None)]);
    assert_eq!(store.get("other").await, Ok(None));
}

#[tokio::test]
async fn r3_7_an_absent_keyring_is_a_source_that_failed_only_when_there_are_no_files() {
    let home = Home::new();
    home.keyring.set_mode(FaultMode::Absent);
    let allowed = home.allow().entries().await.unwrap();
    assert!(allowed.entries.is_empty() && allowed.incomplete.is_none());
    assert_eq!(home.allow().list().await, Ok(vec![]));
    let denied = home.store(FallbackPolicy::Deny).entries().await.unwrap();
    assert_eq!(denied.incomplete.map(|error| error.code()), Some(Code::Unavailable));
    assert_eq!(
        code(home.store(FallbackPolicy::Deny).list().await),
        Some(Code::Unavailable)
    );
    home.keyring.set_mode(FaultMode::Fails(Code::Locked));
    home.write_file("k", "file").await;
    let locked = home.allow().entries().await.unwrap();
    assert_eq!(locked.incomplete.map(|error| error.code()), Some(Code::Locked));
    assert_eq!(locked.entries.len(), 1);
    assert_eq!(locked.entries[0].stored_in, StoredIn::File);
}

#[tokio::test]
async fn r3_6_many_keys_are_deleted_in_order_and_a_failure_does_not_stop_the_others() {
    let home = Home::new();
    home.keyring.plant(SERVICE, "a", "value");
    home.write_file("b", "value").await;
    let mut deleted = home.allow().delete_many(&keys(["a", "bad/key", "b", "absent"])).await;
    assert_eq!(code(deleted.remove(1)), Some(Code::Corrupt));
    assert_eq!(deleted, [Ok(true), Ok(true), Ok(false)]);
    assert_eq!(home.allow().list().await, Ok(vec![]));
}

#[tokio::test]
async fn r3_an_empty_value_in_the_keyring_is_a_value() {
    let home = Home::new();
    home.keyring.plant(SERVICE, "k", "");
    assert_eq!(home.allow().get("k").await, value(""));
    home.write_file("k", "file").await;
    assert_eq!(home.allow().get("k").await, value(""));
}

#[tokio::test]
async fn r4_2_without_a_keyring_the_message_of_a_refused_set_says_so() {
    let home = Home::new();
    for (mode, message) in [
        (FaultMode::Absent, "Keyring is unavailable and fallback is denied"),
        (FaultMode::Fails(Code::Locked), "Simulated failure LOCKED"),
    ] {
        home.keyring.set_mode(mode);
        let refused = home.store(FallbackPolicy::Deny).set("k", Secret::from("value")).await;
        assert_eq!(refused.unwrap_err().message(), message);
    }
    assert!(!home.path().exists());
}

#[tokio::test]
async fn r3_1_a_read_back_that_fails_sends_the_value_to_the_file_unless_the_error_ends_everything() {
    for (fault, is_final) in [(Code::Locked, false), (Code::RuntimeReplaced, true)] {
        let home = Home::new();
        let keyring = Arc::new(WriteOnly {
            memory: home.keyring.clone(),
            code: fault,
            broken: AtomicBool::new(true),
        });
        let provider = KeyringProvider::Known(SelectedKeyring::Os(keyring.clone()));
        let store = home.with(provider, FallbackPolicy::Allow);
        let stored = store.set("k", Secret::from("new")).await;
        match is_final {
            true => assert_eq!(code(stored), Some(fault)),
            false => assert_eq!(stored, Ok(StoredIn::File)),
        }
        // The file is newer, and bringing the keyring up to date fails in the same way.
        home.without_keyring().set("k", Secret::from("newer")).await.unwrap();
        let read = store.get("k").await;
        match is_final {
            true => assert_eq!(code(read), Some(fault)),
            false => assert_eq!(read, value("newer")),
        }
        keyring.broken.store(false, SeqCst);
        assert_eq!(store.get("k").await, value("newer"));
        assert_eq!(home.keyring.peek(SERVICE, "k"), Some(Secret::from("newer")));
    }
}

#[tokio::test]
async fn r3_not_found_as_an_error_means_the_same_as_an_empty_answer() {
    let home = Home::new();
    home.keyring.set_mode(FaultMode::Fails(Code::NotFound));
    let store = home.allow();
    assert_eq!(store.get("k").await, Ok(None));
    assert_eq!(store.has("k").await, Ok(false));
    assert_eq!(store.locate("k").await, Ok(None));
    assert_eq!(store.delete("k").await, Ok(false));
    assert_eq!(store.list().await, Ok(vec![]));
    assert_eq!(store.get_many(&keys(["k"])).await, [Ok(None)]);
    assert_eq!(home.store(FallbackPolicy::Deny).get("k").await, Ok(None));
}

#[tokio::test]
async fn r4_3_a_keyring_that_failed_is_not_called_again_for_the_machine_secret() {
    let home = Home::new();
    let provider = KeyringProvider::Known(home.os());
    let locks = LockDir::new(home.dir.path().join("locks"));
    let files = home.files().with_machine_secret(MachineSecretConfig {
        keyring: Some(Arc::new(KeyringEntry::new(provider.clone(), LIMIT, locks.clone()))),
        file: Some(home.dir.path().join("machine_secret")),
        ..MachineSecretConfig::default()
    });
    let store = SecureStore::new(SecureStoreConfig {
        service: SERVICE.to_owned(),
        files,
        policy: FallbackPolicy::Allow,
        keyring: provider,
        limit: LIMIT,
        locks,
        data_dir: home.dir.path().to_owned(),
    });
    for mode in [
        FaultMode::Fails(Code::Locked),
        FaultMode::Fails(Code::Unavailable),
        FaultMode::Absent,
    ] {
        // The Credential Manager may have refused a value that is too long, and still hold the machine secret.
        if cfg!(windows) && mode == FaultMode::Fails(Code::Unavailable) {
            continue;
        }
        home.keyring.set_mode(mode);
        home.keyring.take_calls();
        assert_eq!(store.set("k", Secret::from("value")).await, Ok(StoredIn::File));
        assert_eq!(home.keyring.take_calls(), ["set"], "{mode:?}");
    }
}

#[tokio::test]
async fn a_store_says_what_it_was_made_of() {
    let home = Home::new();
    let store = home.allow();
    assert_eq!((store.service(), store.policy()), (SERVICE, FallbackPolicy::Allow));
    assert!(!store.is_files_only() && home.without_keyring().is_files_only());
    let nothing = home.loaded(SelectedKeyring::Nothing);
    assert!(!nothing.is_files_only(), "the loader was not asked yet");
    assert_eq!(nothing.get("k").await, Ok(None));
    assert!(nothing.is_files_only());
    let os = home.loaded(home.os());
    assert_eq!(os.get("k").await, Ok(None));
    assert!(!os.is_files_only());
    assert_eq!(store.executor(), FileExecutor::Pool);
    assert_eq!(
        store.with_executor(FileExecutor::Inline).executor(),
        FileExecutor::Inline
    );
}

#[tokio::test]
async fn r3_a_key_that_no_backend_can_hold_is_refused_with_the_reason() {
    let store = Home::new().allow();
    for (key, reason) in [
        ("", "it is empty"),
        ("a/b", "it contains a slash"),
        ("a\\b", "it contains a backslash"),
        ("a\0b", "it contains a NUL character"),
        ("..", "it is the name of a directory"),
    ] {
        let refused: Error = store.get(key).await.unwrap_err();
        assert_eq!(refused.message(), format!("Key name is invalid: {reason}"));
    }
}
