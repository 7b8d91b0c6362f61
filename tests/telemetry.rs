//! Events and their sinks. The tests of this file may share a process and so one `tracing` subscriber. Each uses its own sink.

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
use securestore::telemetry::{EventSink, Record, Sink, Value, event_sink, fingerprint, with_sink};

#[path = "support/child.rs"]
mod child;
#[path = "telemetry/notices.rs"]
mod notices;

#[derive(Default)]
struct CollectingSink(Mutex<Vec<Record>>);

impl Sink for CollectingSink {
    fn take(&self, record: Record) {
        self.0.lock().expect("no test panics here").push(record);
    }
}

impl CollectingSink {
    fn drain(&self) -> Vec<Record> {
        std::mem::take(&mut self.0.lock().expect("no test panics here"))
    }

    /// Returns each event as one line, without durations.
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

fn listening() -> (Arc<EventSink>, Arc<CollectingSink>) {
    let (sink, events) = (event_sink(), Arc::<CollectingSink>::default());
    sink.set_sink(Some(events.clone()));
    (sink, events)
}

fn log(filter: &str) -> (Arc<EventSink>, Arc<CollectingSink>) {
    let (sink, events) = (event_sink(), Arc::<CollectingSink>::default());
    sink.set_log(Some((filter.parse().expect("a filter"), events.clone())));
    (sink, events)
}

/// Forwards to a keyring in memory, which the test also holds.
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
async fn a_child_plays_its_role() {
    let Some(role) = child::Role::of_this_process() else {
        return;
    };
    match role.name.as_str() {
        "write files" => notices::write_files(&role.dir, &role.id).await,
        "use a store" => notices::use_a_store(&role.dir, &role.id).await,
        other => panic!("unknown role: {other}"),
    }
    child::report("end");
}

#[tokio::test]
async fn r8_an_operation_event_names_the_operation_the_backend_and_the_reason_of_a_fallback() {
    let dir = tempfile::tempdir().unwrap();
    let (store, keyring) = store(dir.path(), FallbackPolicy::Allow);
    let (sink, events) = log("securestore::store=debug");
    let key = fingerprint("key");
    let expected = |text: &str| vec![text.replace("KEY", &key)];
    with_sink(sink, async {
        store.set("key", Secret::from("value")).await.unwrap();
        assert_eq!(
            events.lines(),
            expected("debug operation operation=set key=KEY backend=keyring outcome=ok")
        );
        store.get("key").await.unwrap();
        assert_eq!(
            events.lines(),
            expected("debug operation operation=get key=KEY backend=keyring outcome=ok")
        );
        keyring.set_mode(FaultMode::Fails(Code::Locked));
        store.set("key", Secret::from("newer")).await.unwrap();
        let locked = "backend=file outcome=ok fallback=keyring_failed keyring_code=LOCKED";
        assert_eq!(
            events.lines(),
            expected(&format!("debug operation operation=set key=KEY {locked}"))
        );
        keyring.set_mode(FaultMode::Absent);
        store.has("key").await.unwrap();
        let newer = "backend=file outcome=ok fallback=file_is_newer";
        assert_eq!(
            events.lines(),
            expected(&format!("debug operation operation=has key=KEY {newer}"))
        );
        keyring.set_mode(FaultMode::Works);
        store.get("key").await.unwrap();
        assert_eq!(
            events.lines(),
            expected(&format!("debug operation operation=get key=KEY {newer}"))
        );
        store.list().await.unwrap();
        let count = "debug operation operation=list backend=keyring outcome=ok count=1";
        assert_eq!(events.lines(), expected(count));
        store.delete("key").await.unwrap();
        assert_eq!(
            events.lines(),
            expected("debug operation operation=delete key=KEY backend=keyring outcome=ok")
        );
        store.get("key").await.unwrap();
        let nothing = "backend=file outcome=absent fallback=not_in_keyring";
        assert_eq!(
            events.lines(),
            expected(&format!("debug operation operation=get key=KEY {nothing}"))
        );
        store.has("key").await.unwrap();
        assert_eq!(
            events.lines(),
            expected(&format!("debug operation operation=has key=KEY {nothing}"))
        );
        assert_eq!(store.is_keychain_available().await, Ok(true));
        assert_eq!(events.lines(), ["debug probe available=true"]);
    })
    .await;
}

#[tokio::test]
async fn r8_a_list_fails_in_its_event_when_nothing_was_found_and_a_source_failed() {
    let dir = tempfile::tempdir().unwrap();
    let (store, keyring) = store(dir.path(), FallbackPolicy::Allow);
    let (sink, events) = log("securestore::store=debug");
    with_sink(sink, async {
        keyring.set_mode(FaultMode::Fails(Code::Locked));
        store.keys().await.unwrap();
        let lines = events.lines();
        assert_eq!(lines.len(), 1);
        assert!(
            lines[0].contains("operation=list") && lines[0].contains("outcome=failed code=LOCKED"),
            "{lines:?}"
        );
        store.set("key", Secret::from("value")).await.unwrap();
        events.lines();
        store.keys().await.unwrap();
        let lines = events.lines();
        assert!(
            lines[0].contains("outcome=ok") && lines[0].contains("count=1"),
            "{lines:?}"
        );
    })
    .await;
}

#[tokio::test]
async fn r8_a_failure_is_a_warning_with_its_code_and_without_its_message() {
    let dir = tempfile::tempdir().unwrap();
    let (store, keyring) = store(dir.path(), FallbackPolicy::Deny);
    let (sink, events) = log("warn");
    with_sink(sink, async {
        for code in Code::ALL.into_iter().filter(|code| *code != Code::NotFound) {
            keyring.set_mode(FaultMode::Fails(code));
            store.get("key").await.unwrap_err();
            let key = fingerprint("key");
            let expected = format!("warn operation operation=get key={key} backend=keyring outcome=failed code={code}");
            assert_eq!(events.lines(), [expected]);
        }
        store.get("a/b").await.unwrap_err();
        assert_eq!(
            events.lines(),
            ["warn operation operation=get outcome=failed code=CORRUPT"]
        );
    })
    .await;
}

#[tokio::test]
async fn r8_each_layer_emits_its_calls_and_names_the_directory_not_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let (store, keyring) = store(dir.path(), FallbackPolicy::Allow);
    let (sink, events) = listening();
    keyring.set_mode(FaultMode::Absent);
    with_sink(sink, async {
        store
            .set("a key of a name", Secret::from("a value of a key"))
            .await
            .unwrap();
        store.get("a key of a name").await.unwrap();
    })
    .await;
    let records = events.drain();
    let named = |event: &str| records.iter().filter(|record| record.event == event).count();
    assert_eq!((named("operation"), named("keyring_call")), (2, 2));
    assert!(named("file_call") >= 2 && named("key_derived") >= 1, "{records:?}");
    let here = Value::Text(dir.path().display().to_string());
    for record in &records {
        let is_notice = record.event == "notice";
        assert_ne!(record.field("duration_us").is_some(), is_notice, "{record:?}");
        assert!(record.field("directory").is_none_or(|directory| *directory == here));
        let json = serde_json::to_string(record).unwrap();
        assert!(!json.contains("a key of") && !json.contains("a value of"), "{json}");
    }
}

#[tokio::test]
async fn r8_events_of_blocking_threads_go_to_the_sink_of_the_caller() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let ((first, first_keyring), (second, second_keyring)) = (
        store(one.path(), FallbackPolicy::Allow),
        store(two.path(), FallbackPolicy::Allow),
    );
    first_keyring.set_mode(FaultMode::Absent);
    second_keyring.set_mode(FaultMode::Absent);
    let ((sink, events), (other, other_events)) = (listening(), listening());
    let here = with_sink(sink, first.set("here", Secret::from("1")));
    let there = with_sink(other, second.set("there", Secret::from("2")));
    let (here, there) = tokio::join!(here, there);
    here.and(there).unwrap();
    // Events without a sink are dropped.
    first.set("nowhere", Secret::from("3")).await.unwrap();
    for (events, directory) in [(events, one.path()), (other_events, two.path())] {
        let records = events.drain();
        let derived = records.iter().filter(|record| record.event == "key_derived");
        assert_eq!(derived.count(), 1, "the derivation ran on a blocking thread");
        let directory = Value::Text(directory.display().to_string());
        let directories = records.iter().filter_map(|record| record.field("directory"));
        assert!(directories.clone().count() > 0 && directories.clone().all(|directories| *directories == directory));
    }
}

#[tokio::test]
async fn r8_no_filter_lets_events_of_other_libraries_through() {
    let (sink, events) = log("trace");
    sink.set_sink(Some(events.clone()));
    with_sink(sink, async {
        tracing::error!(target: "zbus::connection", body = "sk-secret", "a message");
        tracing::error!(target: "securestored", "an event of another crate");
        let _span = tracing::error_span!(target: "securestore::store", "a span", secret = "sk-secret").entered();
        tracing::error!(target: "secret_service", "an item");
    })
    .await;
    assert_eq!(events.drain(), []);
}

#[tokio::test]
async fn r8_a_field_is_formatted_only_when_a_sink_takes_its_event() {
    use std::sync::atomic::{AtomicUsize, Ordering};
    static FORMATTED: AtomicUsize = AtomicUsize::new(0);
    struct Counts;
    impl std::fmt::Display for Counts {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            FORMATTED.fetch_add(1, Ordering::SeqCst);
            f.write_str("formatted")
        }
    }
    let emit = || tracing::warn!(target: "securestore::store", key = %Counts, "emitted");
    emit();
    // There is a sink, but not for this task; and the filter of the next one passes none of these events.
    let (elsewhere, _events) = listening();
    emit();
    let (filtered, nothing) = log("securestore::keyring=debug,securestore::store=error");
    with_sink(filtered, async { emit() }).await;
    assert_eq!((FORMATTED.load(Ordering::SeqCst), nothing.drain().len()), (0, 0));
    // With a sink it is formatted.
    with_sink(elsewhere.clone(), async { emit() }).await;
    assert_eq!(FORMATTED.load(Ordering::SeqCst), 1);
    elsewhere.set_sink(None);
    with_sink(elsewhere, async { emit() }).await;
    assert_eq!(FORMATTED.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn r8_a_long_wait_for_a_lock_emits_lock_wait_and_lock_acquired_with_its_duration() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = store(dir.path(), FallbackPolicy::Allow);
    let (sink, events) = log("securestore::store=warn");
    let key = fingerprint("key");
    let lock = store.lock("key").await.unwrap();
    with_sink(sink, async {
        let waiting = store.set("key", Secret::from("value"));
        // The clock is paused, so these waits take no time.
        let release = async {
            tokio::time::sleep(Duration::from_millis(900)).await;
            assert!(events.lines().is_empty(), "a short wait is no event");
            tokio::time::sleep(Duration::from_millis(200)).await;
            assert_eq!(events.lines(), [format!("warn lock_wait key={key}")]);
            drop(lock);
        };
        let (stored, ()) = tokio::join!(waiting, release);
        stored.unwrap();
    })
    .await;
    assert_eq!(events.lines(), [format!("warn lock_acquired key={key}")]);
}

#[tokio::test]
async fn r8_a_change_without_a_lock_emits_lock_unavailable() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = store(dir.path(), FallbackPolicy::Allow);
    std::fs::write(dir.path().join("locks"), "not a directory").unwrap();
    let (sink, events) = log("securestore::store=warn");
    with_sink(sink, async { store.set("key", Secret::from("value")).await.unwrap() }).await;
    let key = fingerprint("key");
    assert_eq!(
        events.lines(),
        [format!("warn lock_unavailable key={key} code=UNAVAILABLE")]
    );
}
