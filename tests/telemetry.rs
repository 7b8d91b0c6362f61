//! What is told, and to whom (R8). One process: `tracing` has one subscriber, and outlets tell the tests apart.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use securestore::error::Code;
use securestore::fallback::FallbackDir;
use securestore::fallback::machine::HostIdentity;
use securestore::fs::lock::LockDir;
use securestore::keyring::instrumented::InstrumentedKeyring;
use securestore::keyring::memory::{FaultMode, MemoryKeyring};
use securestore::keyring::{Keyring, Replies, Reply};
use securestore::secret::Secret;
use securestore::store::{FallbackPolicy, KeyringProvider, SecureStore, SecureStoreConfig, SelectedKeyring};
use securestore::telemetry::{EventSink, Record, Sink, Value, fingerprint, with_sink};

#[derive(Default)]
struct Heard(Mutex<Vec<Record>>);

impl Sink for Heard {
    fn take(&self, record: Record) {
        self.0.lock().expect("no test panics here").push(record);
    }
}

impl Heard {
    fn drain(&self) -> Vec<Record> {
        std::mem::take(&mut self.0.lock().expect("no test panics here"))
    }

    /// The events in the words of one line each, durations aside.
    fn lines(&self) -> Vec<String> {
        self.drain().iter().map(line).collect()
    }
}

fn line(record: &Record) -> String {
    let shown = |value: &Value| match value {
        Value::Text(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Flag(flag) => flag.to_string(),
    };
    let fields = record
        .fields
        .iter()
        .filter(|(name, _)| !matches!(*name, "duration_us" | "directory" | "service"))
        .map(|(name, value)| format!(" {name}={}", shown(value)));
    format!("{} {}{}", record.level, record.event, fields.collect::<String>())
}

fn listening() -> (Arc<EventSink>, Arc<Heard>) {
    let (outlet, heard) = (Arc::<EventSink>::default(), Arc::<Heard>::default());
    outlet.set_sink(Some(heard.clone()));
    (outlet, heard)
}

fn log(filter: &str) -> (Arc<EventSink>, Arc<Heard>) {
    let (outlet, heard) = (Arc::<EventSink>::default(), Arc::<Heard>::default());
    outlet.set_log(Some((filter.parse().expect("a filter"), heard.clone())));
    (outlet, heard)
}

/// A keyring that a test keeps a hand on.
struct Shared(Arc<MemoryKeyring>);

impl Keyring for Shared {
    fn get<'a>(&'a self, service: &'a str, account: &'a str) -> Reply<'a, Option<Secret>> {
        self.0.get(service, account)
    }
    fn set<'a>(&'a self, service: &'a str, account: &'a str, secret: &'a Secret) -> Reply<'a, ()> {
        self.0.set(service, account, secret)
    }
    fn delete<'a>(&'a self, service: &'a str, account: &'a str) -> Reply<'a, bool> {
        self.0.delete(service, account)
    }
    fn accounts<'a>(&'a self, service: &'a str) -> Reply<'a, Vec<String>> {
        self.0.accounts(service)
    }
    fn get_many<'a>(&'a self, service: &'a str, accounts: &'a [String]) -> Replies<'a, Option<Secret>> {
        self.0.get_many(service, accounts)
    }
}

fn store(dir: &Path, policy: FallbackPolicy) -> (SecureStore, Arc<MemoryKeyring>) {
    let keyring = Arc::new(MemoryKeyring::default());
    let identity = HostIdentity {
        hostname: "host".to_owned(),
        username: "user".to_owned(),
    };
    let store = SecureStore::new(SecureStoreConfig {
        service: "service".to_owned(),
        files: FallbackDir::new(dir.to_owned(), "service", identity),
        policy,
        keyring: KeyringProvider::Known(SelectedKeyring::Os(InstrumentedKeyring::os(Shared(keyring.clone())))),
        limit: Duration::from_secs(5),
        locks: LockDir::new(dir.join("locks")),
        data_dir: dir.to_owned(),
    });
    (store, keyring)
}

#[tokio::test]
async fn r8_an_operation_tells_what_it_was_what_answered_and_why_it_fell_back() {
    let dir = tempfile::tempdir().unwrap();
    let (store, keyring) = store(dir.path(), FallbackPolicy::Allow);
    let (outlet, heard) = log("securestore::store=debug");
    let key = fingerprint("key");
    let say = |text: &str| vec![text.replace("KEY", &key)];
    with_sink(outlet, async {
        store.set("key", Secret::from("value")).await.unwrap();
        assert_eq!(
            heard.lines(),
            say("debug operation operation=set key=KEY backend=keyring outcome=ok")
        );
        store.get("key").await.unwrap();
        assert_eq!(
            heard.lines(),
            say("debug operation operation=get key=KEY backend=keyring outcome=ok")
        );
        keyring.set_mode(FaultMode::Fails(Code::Locked));
        store.set("key", Secret::from("newer")).await.unwrap();
        let locked = "backend=file outcome=ok fallback=keyring_failed keyring_code=LOCKED";
        assert_eq!(
            heard.lines(),
            say(&format!("debug operation operation=set key=KEY {locked}"))
        );
        keyring.set_mode(FaultMode::Absent);
        store.has("key").await.unwrap();
        let absent = "backend=file outcome=ok fallback=no_keyring";
        assert_eq!(
            heard.lines(),
            say(&format!("debug operation operation=has key=KEY {absent}"))
        );
        keyring.set_mode(FaultMode::Works);
        store.get("key").await.unwrap();
        let newer = "backend=file outcome=ok fallback=file_is_newer";
        assert_eq!(
            heard.lines(),
            say(&format!("debug operation operation=get key=KEY {newer}"))
        );
        store.list().await.unwrap();
        let count = "debug operation operation=list backend=keyring outcome=ok count=1";
        assert_eq!(heard.lines(), say(count));
        store.delete("key").await.unwrap();
        assert_eq!(
            heard.lines(),
            say("debug operation operation=delete key=KEY backend=keyring outcome=ok")
        );
        store.get("key").await.unwrap();
        let nothing = "backend=file outcome=absent fallback=not_in_keyring";
        assert_eq!(
            heard.lines(),
            say(&format!("debug operation operation=get key=KEY {nothing}"))
        );
        assert!(store.is_keychain_available().await);
        assert_eq!(heard.lines(), ["debug probe available=true"]);
    })
    .await;
}

#[tokio::test]
async fn r8_a_failure_is_a_warning_with_its_code_and_without_its_message() {
    let dir = tempfile::tempdir().unwrap();
    let (store, keyring) = store(dir.path(), FallbackPolicy::Deny);
    let (outlet, heard) = log("warn");
    with_sink(outlet, async {
        for code in Code::ALL.into_iter().filter(|code| *code != Code::NotFound) {
            keyring.set_mode(FaultMode::Fails(code));
            store.get("key").await.unwrap_err();
            let key = fingerprint("key");
            let expected = format!("warn operation operation=get key={key} backend=keyring outcome=failed code={code}");
            assert_eq!(heard.lines(), [expected]);
        }
        store.get("a/b").await.unwrap_err();
        assert_eq!(
            heard.lines(),
            ["warn operation operation=get outcome=failed code=CORRUPT"]
        );
    })
    .await;
}

#[tokio::test]
async fn r8_each_layer_tells_its_calls_and_names_the_directory_not_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let (store, keyring) = store(dir.path(), FallbackPolicy::Allow);
    let (outlet, heard) = listening();
    keyring.set_mode(FaultMode::Absent);
    with_sink(outlet, async {
        store
            .set("a key of a name", Secret::from("a value of a key"))
            .await
            .unwrap();
        store.get("a key of a name").await.unwrap();
    })
    .await;
    let records = heard.drain();
    let named = |event: &str| records.iter().filter(|record| record.event == event).count();
    assert_eq!((named("operation"), named("keyring_call")), (2, 2));
    assert!(named("file_call") >= 2 && named("key_derived") >= 1, "{records:?}");
    let here = Value::Text(dir.path().display().to_string());
    for record in &records {
        assert!(record.field("duration_us").is_some(), "{record:?}");
        assert!(record.field("directory").is_none_or(|directory| *directory == here));
        let json = serde_json::to_string(record).unwrap();
        assert!(!json.contains("a key of") && !json.contains("a value of"), "{json}");
    }
}

#[tokio::test]
async fn r8_events_go_to_the_outlet_of_whoever_started_the_work_also_from_other_threads() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let ((first, first_keyring), (second, second_keyring)) = (
        store(one.path(), FallbackPolicy::Allow),
        store(two.path(), FallbackPolicy::Allow),
    );
    first_keyring.set_mode(FaultMode::Absent);
    second_keyring.set_mode(FaultMode::Absent);
    let ((outlet, heard), (other, heard_there)) = (listening(), listening());
    let here = with_sink(outlet, first.set("here", Secret::from("1")));
    let there = with_sink(other, second.set("there", Secret::from("2")));
    let (here, there) = tokio::join!(here, there);
    here.and(there).unwrap();
    // Without an outlet nobody hears.
    first.set("nowhere", Secret::from("3")).await.unwrap();
    for (heard, directory) in [(heard, one.path()), (heard_there, two.path())] {
        let records = heard.drain();
        let derived = records.iter().filter(|record| record.event == "key_derived");
        assert_eq!(derived.count(), 1, "from the thread of a derivation");
        let directory = Value::Text(directory.display().to_string());
        let told = records.iter().filter_map(|record| record.field("directory"));
        assert!(told.clone().count() > 0 && told.clone().all(|told| *told == directory));
    }
}

#[tokio::test]
async fn r8_no_filter_lets_through_what_other_libraries_tell() {
    let (outlet, heard) = log("trace");
    outlet.set_sink(Some(heard.clone()));
    with_sink(outlet, async {
        tracing::error!(target: "zbus::connection", body = "sk-secret", "a message");
        tracing::error!(target: "securestored", "somebody else's");
        let _span = tracing::error_span!(target: "securestore::store", "a span", secret = "sk-secret").entered();
        tracing::error!(target: "secret_service", "an item");
    })
    .await;
    assert_eq!(heard.drain(), []);
}

#[tokio::test]
async fn r8_off_means_that_nothing_is_formatted_and_no_fingerprint_computed() {
    use std::sync::atomic::{AtomicUsize, Ordering};
    static FORMATTED: AtomicUsize = AtomicUsize::new(0);
    struct Counts;
    impl std::fmt::Display for Counts {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            FORMATTED.fetch_add(1, Ordering::SeqCst);
            f.write_str("formatted")
        }
    }
    let tell = || tracing::warn!(target: "securestore::store", key = %Counts, "told");
    tell();
    // Somebody else listens, we do not; and a filter that lets nothing of this through.
    let (elsewhere, _heard) = listening();
    tell();
    let (filtered, nothing) = log("securestore::keyring=debug,securestore::store=error");
    with_sink(filtered, async { tell() }).await;
    assert_eq!((FORMATTED.load(Ordering::SeqCst), nothing.drain().len()), (0, 0));
    // It would be counted.
    with_sink(elsewhere.clone(), async { tell() }).await;
    assert_eq!(FORMATTED.load(Ordering::SeqCst), 1);
    elsewhere.set_sink(None);
    with_sink(elsewhere, async { tell() }).await;
    assert_eq!(FORMATTED.load(Ordering::SeqCst), 1);
}
