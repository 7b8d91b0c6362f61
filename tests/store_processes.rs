//! What only several processes can show about the store: exact updates, locks of killed processes, crashes, and that the
//! history of a key is that of a single register.
//!
//! See [`child`] for how the processes are started. `SECURESTORE_TEST_LONG` multiplies the rounds of the tests that kill
//! processes at random moments.
#![cfg(unix)]

use std::io::BufReader;
use std::path::Path;
use std::process::ChildStdout;
#[cfg(target_os = "linux")]
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use securestore::error::{Code, Error};
use securestore::fallback::FallbackDir;
use securestore::fallback::machine::HostIdentity;
use securestore::fs::lock::LockDir;
use securestore::secret::Secret;
use securestore::store::{Change, FallbackPolicy, KeyringProvider, SecureStore, SecureStoreConfig, SelectedKeyring};

#[path = "support/child.rs"]
mod child;
#[path = "support/file_keyring.rs"]
mod file_keyring;
#[path = "store_processes/history.rs"]
mod history;
#[cfg(target_os = "linux")]
#[path = "store_processes/unsynced.rs"]
mod unsynced;

use child::{Role, expect_success, next_line, report, rounds, spawn};
use file_keyring::{FileKeyring, random};
use history::{Action, Event, is_linearizable};

fn store(dir: &Path, failures: u32) -> SecureStore {
    SecureStore::new(config(dir, failures))
}

fn config(dir: &Path, failures: u32) -> SecureStoreConfig {
    let identity = HostIdentity {
        hostname: "host".to_owned(),
        username: "user".to_owned(),
    };
    SecureStoreConfig {
        service: "processes".to_owned(),
        files: FallbackDir::new(dir.join("files"), "processes", identity),
        policy: FallbackPolicy::Allow,
        keyring: KeyringProvider::Known(SelectedKeyring::Os(Arc::new(FileKeyring::new(dir, failures)))),
        limit: Duration::from_secs(60),
        locks: LockDir::new(dir.join("locks")),
        data_dir: dir.to_owned(),
    }
}

fn now() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos()
}

#[tokio::test]
async fn a_child_plays_its_role() {
    let Some(Role { name, dir, id }) = Role::of_this_process() else {
        return;
    };
    match name.as_str() {
        "increment" => {
            let store = store(&dir, 0);
            for _ in 0..25 {
                store.update("key", increment).await.unwrap();
            }
        }
        "hold" => {
            let _lock = store(&dir, 0).lock("key").await.unwrap();
            report("holding");
            std::future::pending::<()>().await;
        }
        "change and read" => change_and_read(&store(&dir, 30), id.parse().unwrap()).await,
        #[cfg(target_os = "linux")]
        "change what cannot be synced" => unsynced::change_what_cannot_be_synced(&dir).await,
        other => panic!("unknown role: {other}"),
    }
    report("end");
}

async fn increment(current: Option<Secret>) -> Result<Change, Error> {
    let current: u32 = current.map_or(0, |value| value.expose().parse().unwrap());
    Ok(Change::Store(Secret::new((current + 1).to_string())))
}

/// Runs operations on one key, and reports when each starts and ends.
async fn change_and_read(store: &SecureStore, id: u64) {
    report("ready");
    for n in 0..12 {
        let start = now();
        match random() % 5 {
            0 | 1 => {
                let value = id * 1000 + n;
                report(&format!("start {start} set {value}"));
                match store.set("key", Secret::new(value.to_string())).await {
                    Ok(_) => report(&format!("end {} set {value}", now())),
                    Err(_) => report("failed"),
                }
            }
            2 => {
                report(&format!("start {start} delete"));
                match store.delete("key").await {
                    Ok(_) => report(&format!("end {} delete", now())),
                    Err(_) => report("failed"),
                }
            }
            _ => {
                let value = store.get("key").await;
                let end = now();
                // A read that fails proves nothing about the value.
                if let Ok(value) = value {
                    let value = value.map_or("none".to_owned(), |value| value.expose().to_owned());
                    report(&format!("read {start} {end} {value}"));
                }
            }
        }
    }
}

/// Adds what a child reported to the history.
fn collect(output: &mut BufReader<ChildStdout>, history: &mut Vec<Event>) {
    let mut pending: Option<Event> = None;
    while let Some(line) = next_line(output) {
        let words: Vec<&str> = line.split(' ').collect();
        match words.as_slice() {
            ["start", start, change @ ..] => {
                let action = match change {
                    ["set", value] => Action::Set(value.parse().unwrap()),
                    _ => Action::Delete,
                };
                pending = Some(Event {
                    start: start.parse().unwrap(),
                    end: None,
                    action,
                });
            }
            ["end", end, ..] => {
                let event = pending.take().expect("an end follows a start");
                history.push(Event {
                    end: Some(end.parse().unwrap()),
                    ..event
                });
            }
            ["ready" | "end"] => {}
            ["failed"] => history.extend(pending.take()),
            ["read", start, end, value] => history.push(Event {
                start: start.parse().unwrap(),
                end: Some(end.parse().unwrap()),
                action: Action::Get(value.parse().ok()),
            }),
            _ => panic!("unknown report of a child: {line}"),
        }
    }
    // The child was killed during this change.
    history.extend(pending);
}

#[tokio::test]
async fn r7b_of_two_hundred_increments_by_eight_processes_none_is_lost() {
    let dir = tempfile::tempdir().unwrap();
    let children: Vec<_> = (0..8).map(|id| spawn("increment", dir.path(), id)).collect();
    children.into_iter().for_each(|child| drop(expect_success(child)));
    let value = store(dir.path(), 0).get("key").await.unwrap();
    assert_eq!(value, Some(Secret::from("200")));
}

#[tokio::test]
async fn r7b_the_lock_of_a_process_that_is_killed_is_acquired_by_a_waiting_process() {
    let dir = tempfile::tempdir().unwrap();
    let (mut holder, mut output) = spawn("hold", dir.path(), 0);
    assert_eq!(next_line(&mut output).as_deref(), Some("holding"));
    let waiting = tokio::spawn(store(dir.path(), 0).set("key", Secret::from("value")));
    let locks = LockDir::new(dir.path().join("locks"));
    assert!(locks.try_lock("processes", "key").await.unwrap().is_none());
    holder.kill().unwrap();
    holder.wait().unwrap();
    waiting.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn r13_a_holder_that_hangs_ends_as_timeout_for_every_change_and_nothing_is_changed() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(dir.path(), 0);
    store.set("key", Secret::from("before")).await.unwrap();
    let (mut holder, mut output) = spawn("hold", dir.path(), 0);
    assert_eq!(next_line(&mut output).as_deref(), Some("holding"));
    let pid = rustix::process::Pid::from_child(&holder);
    rustix::process::kill_process(pid, rustix::process::Signal::STOP).unwrap();
    let update = store.update("key", |_| async { panic!("nothing runs without the lock") });
    let outcomes = tokio::join!(
        async { store.lock("key").await.map(|_| ()) },
        async { update.await.map(|_| ()) },
        async { store.set("key", Secret::from("after")).await.map(|_| ()) },
        async { store.delete("key").await.map(|_| ()) },
    );
    for outcome in <[_; 4]>::from(outcomes) {
        let error = outcome.unwrap_err();
        assert_eq!(error.code(), Code::Timeout);
        assert!(
            error.message().contains("for more than 90000 ms"),
            "{}",
            error.message()
        );
    }
    assert_eq!(store.get("key").await.unwrap(), Some(Secret::from("before")));
    holder.kill().unwrap();
    holder.wait().unwrap();
    store.set("key", Secret::from("after")).await.unwrap();
}

#[tokio::test]
async fn r7b_the_history_of_a_key_is_linearizable_while_keyring_calls_fail_and_processes_are_killed() {
    for round in 0..rounds(12) {
        let dir = tempfile::tempdir().unwrap();
        let mut children: Vec<_> = (1..=4).map(|id| spawn("change and read", dir.path(), id)).collect();
        if round % 2 == 0 {
            assert_eq!(next_line(&mut children[0].1).as_deref(), Some("ready"));
            // The pause picks a random moment of the children's work. The test does not wait for anything here.
            std::thread::sleep(Duration::from_micros(u64::from(random() % 60_000)));
            children[0].0.kill().unwrap();
            children[1].0.kill().unwrap();
        }
        let mut history = Vec::new();
        for (child, output) in &mut children {
            collect(output, &mut history);
            child.wait().unwrap();
        }
        // The value at the end, as a new process whose keyring calls succeed reads it.
        let start = now();
        let value = store(dir.path(), 0).get("key").await.unwrap();
        let value = value.map(|value| value.expose().parse().unwrap());
        history.push(Event {
            start,
            end: Some(now()),
            action: Action::Get(value),
        });
        history.sort_by_key(|event| event.start);
        assert!(is_linearizable(history.clone()), "round {round}: {history:#?}");
    }
}

#[tokio::test]
async fn r7b_a_process_killed_at_any_moment_leaves_the_newest_acknowledged_change() {
    let dir = tempfile::tempdir().unwrap();
    let mut history = Vec::new();
    for id in 1..=rounds(40) {
        let (mut child, mut output) = spawn("change and read", dir.path(), id);
        assert_eq!(next_line(&mut output).as_deref(), Some("ready"));
        // The pause picks a random moment of the child's work. The test does not wait for anything here.
        std::thread::sleep(Duration::from_micros(u64::from(random() % 30_000)));
        child.kill().unwrap();
        child.wait().unwrap();
        collect(&mut output, &mut history);
        let start = now();
        let value = store(dir.path(), 0).get("key").await.unwrap();
        let value: Option<u64> = value.map(|value| value.expose().parse().unwrap());
        let end = now();
        history.push(Event {
            start,
            end: Some(end),
            action: Action::Get(value),
        });
        assert!(is_linearizable(history.clone()), "after {id} processes: {history:#?}");
        // The next history starts with the value that was read: no change of a killed process takes effect later.
        history = vec![];
        history.extend(value.map(|value| Event {
            start,
            end: Some(end),
            action: Action::Set(value),
        }));
    }
}
