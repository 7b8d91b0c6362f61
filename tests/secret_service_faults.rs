//! The OS keyring against a Secret Service that hangs, waits for the user, or does not exist.
#![cfg(target_os = "linux")]

mod support;

use std::fs::File;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use futures_util::future::join_all;
use securestore::error::Code;
use securestore::keyring::os::{Environment, OsKeyring};
use securestore::keyring::{Keyring, KeyringError};
use securestore::secret::Secret;
use support::Bus;
use support::secret_service::{NEVER, SERVICE, code, fake_service_with_key, impatient, patient, secret};

#[tokio::test]
async fn r1_a_service_that_knows_only_plain_sessions_is_read() {
    let (bus, _fake) = fake_service_with_key().await;
    assert_eq!(bus.os_keyring().get(SERVICE, "key").await, Ok(secret("value")));
}

#[tokio::test(flavor = "multi_thread")]
async fn r7b_a_service_that_never_answers_is_a_timeout_and_calls_of_another_service_succeed_meanwhile() {
    let (bus, fake) = fake_service_with_key().await;
    let other = Bus::with_keyring().await;
    let impatient = impatient(&bus);
    // This call opens the session that the other keyring shares.
    assert!(bus.os_keyring().get(SERVICE, "key").await.is_ok());

    fake.behave(|it| it.hangs = true);
    let hanging = tokio::spawn({
        let keyring = patient(&bus);
        async move { keyring.get(SERVICE, "key").await }
    });
    fake.holds_a_call().await;
    let keyring = other.os_keyring();
    keyring.set(SERVICE, "key", &Secret::from("value")).await.unwrap();
    assert_eq!(keyring.get(SERVICE, "key").await.unwrap(), secret("value"));
    assert!(!hanging.is_finished());
    hanging.abort();

    assert_eq!(code(impatient.get(SERVICE, "key").await), Code::Timeout);

    // The next call opens a new session, which hangs too.
    assert_eq!(code(impatient.get(SERVICE, "key").await), Code::Timeout);
    assert_eq!(
        code(impatient.set(SERVICE, "key", &Secret::from("x")).await),
        Code::Timeout
    );
    assert_eq!(code(impatient.delete(SERVICE, "key").await), Code::Timeout);
    assert_eq!(code(impatient.accounts(SERVICE).await), Code::Timeout);

    fake.behave(|it| it.hangs = false);
    assert!(bus.os_keyring().get(SERVICE, "key").await.is_ok());
    assert_eq!(fake.calls("sessions"), 2);
}

#[tokio::test]
async fn r7b_a_hung_call_does_not_fail_calls_with_a_longer_limit() {
    let (bus, fake) = fake_service_with_key().await;
    let patient = bus.os_keyring();
    assert!(patient.get(SERVICE, "key").await.is_ok());
    fake.behave(|it| it.hangs = true);
    let impatient = OsKeyring::new(bus.environment(), Duration::from_millis(100));
    assert_eq!(code(impatient.get(SERVICE, "key").await), Code::Timeout);
    fake.behave(|it| it.hangs = false);
    assert!(patient.get(SERVICE, "key").await.is_ok());
}

#[tokio::test]
async fn r7b_connections_of_calls_that_timed_out_are_closed() {
    let (bus, fake) = fake_service_with_key().await;
    assert!(bus.os_keyring().get(SERVICE, "key").await.is_ok());
    bus.has_connections(3).await; // the fake, the keyring, and the connection of this check
    fake.behave(|it| it.hangs = true);
    let keyring = OsKeyring::new(bus.environment(), Duration::from_millis(50));
    for _ in 0..10 {
        assert_eq!(code(keyring.get(SERVICE, "key").await), Code::Timeout);
    }
    bus.has_connections(2).await;
}

#[tokio::test]
async fn r7b_five_hundred_reads_that_hang_share_one_time_limit() {
    let (bus, fake) = fake_service_with_key().await;
    fake.behave(|it| it.hangs = true);
    let accounts: Vec<String> = (0..500).map(|n| format!("key-{n}")).collect();
    let (many, single) = (impatient(&bus), impatient(&bus));
    // Ten reads, each with a time limit of its own, take ten times as long as one limit.
    let ten_limits = async {
        for _ in 0..10 {
            assert_eq!(code(single.get(SERVICE, "key").await), Code::Timeout);
        }
    };
    let values = tokio::select! {
        values = many.get_many(SERVICE, &accounts) => values,
        () = ten_limits => panic!("the reads took longer than ten time limits"),
    };
    assert_eq!(values.len(), 500);
    assert!(values.into_iter().all(|value| code(value) == Code::Timeout));
}

#[tokio::test]
async fn r7b_callers_at_the_same_time_share_one_prompt() {
    let (bus, fake) = fake_service_with_key().await;
    fake.locked(true);
    let keyring = bus.os_keyring();
    let callers = join_all((0..10).map(|_| keyring.get(SERVICE, "key")));
    let (values, ()) = tokio::join!(callers, fake.answer_next(true));
    assert!(values.iter().all(|value| *value == Ok(secret("value"))));
    assert_eq!(fake.prompts(), 1);
}

#[tokio::test]
async fn r7b_after_a_dismissed_prompt_there_is_no_other_until_the_keyring_is_found_unlocked() {
    let (bus, fake) = fake_service_with_key().await;
    fake.locked(true);
    let keyring = patient(&bus);
    let (value, ()) = tokio::join!(keyring.get(SERVICE, "key"), fake.answer_next(false));
    assert_eq!(code(value), Code::Denied);

    for _ in 0..20 {
        assert_eq!(code(keyring.get(SERVICE, "key").await), Code::Locked);
    }
    assert_eq!(code(keyring.accounts(SERVICE).await), Code::Locked);
    assert_eq!(fake.prompts(), 1);

    fake.locked(false);
    assert!(keyring.get(SERVICE, "key").await.is_ok());
    fake.locked(true);
    let (value, ()) = tokio::join!(keyring.get(SERVICE, "key"), fake.answer_next(true));
    assert!(value.is_ok());
    assert_eq!(fake.prompts(), 2);
}

#[tokio::test]
async fn r7b_a_prompt_without_an_answer_is_a_timeout_and_is_closed() {
    let (bus, fake) = fake_service_with_key().await;
    fake.locked(true);
    let keyring = impatient(&bus);
    let values = join_all((0..3).map(|_| keyring.get(SERVICE, "key"))).await;
    assert!(values.into_iter().all(|value| code(value) == Code::Timeout));
    assert_eq!((fake.prompts(), fake.calls("Dismiss")), (1, 1));
    assert_eq!(code(keyring.get(SERVICE, "key").await), Code::Locked);
    assert_eq!(fake.prompts(), 1);
    // The connection is kept, because the service still answers.
    assert_eq!(fake.calls("sessions"), 1);
}

#[tokio::test]
async fn r7b_a_service_that_hangs_when_it_should_prompt_is_a_timeout_and_may_prompt_later() {
    let (bus, fake) = fake_service_with_key().await;
    assert!(bus.os_keyring().get(SERVICE, "key").await.is_ok());
    fake.locked(true);
    fake.behave(|it| it.hangs_at_unlock = true);
    assert_eq!(code(impatient(&bus).get(SERVICE, "key").await), Code::Timeout);

    fake.behave(|it| it.hangs_at_unlock = false);
    let keyring = bus.os_keyring();
    let (value, ()) = tokio::join!(keyring.get(SERVICE, "key"), fake.answer_next(true));
    assert!(value.is_ok(), "{value:?}");
    assert_eq!(fake.prompts(), 1);
}

#[tokio::test]
async fn r7b_a_call_in_flight_ends_without_waiting_for_its_time_limit_when_the_service_crashes() {
    let (bus, fake) = fake_service_with_key().await;
    let keyring = patient(&bus);
    assert!(keyring.get(SERVICE, "key").await.is_ok());
    fake.behave(|it| it.hangs = true);
    let crash = async {
        fake.holds_a_call().await;
        fake.dies().await;
    };
    let (value, ()) = tokio::join!(keyring.get(SERVICE, "key"), crash);
    assert_eq!(code(value), Code::Unavailable);
}

#[tokio::test]
async fn r7b_a_bus_that_restarts_is_used_again() {
    let mut bus = Bus::with_keyring().await;
    let environment = Environment {
        session_bus_address: None,
        runtime_dir: Some(bus.path().to_owned()),
    };
    let keyring = OsKeyring::new(environment, support::LIMIT);
    keyring.set(SERVICE, "key", &Secret::from("value")).await.unwrap();
    bus.kill_bus();
    bus.reap_keyring();
    std::fs::remove_file(bus.path().join("bus")).unwrap();
    let error = keyring.get(SERVICE, "key").await.unwrap_err();
    assert!(matches!(error, KeyringError::Failed(_)), "{error:?}");
    assert_eq!(error.error().code(), Code::Unavailable);
    bus.start_bus();
    bus.start_keyring().await;
    assert_eq!(keyring.get(SERVICE, "key").await.unwrap(), secret("value"));
}

#[test]
fn r7b_a_connection_whose_runtime_is_gone_is_replaced() {
    let runtime = || tokio::runtime::Runtime::new().unwrap();
    let first = runtime();
    let bus = first.block_on(Bus::with_keyring());
    let keyring = bus.os_keyring();
    first
        .block_on(keyring.set(SERVICE, "key", &Secret::from("value")))
        .unwrap();
    drop(first);
    for _ in 0..2 {
        let value = runtime().block_on(keyring.get(SERVICE, "key"));
        assert_eq!(value, Ok(secret("value")));
    }
}

#[tokio::test]
async fn r1_a_bus_without_a_secret_service_means_that_the_keyring_is_absent() {
    let bus = Bus::bare();
    let keyring = bus.os_keyring();
    assert!(matches!(
        keyring.get(SERVICE, "key").await,
        Err(KeyringError::Absent(_))
    ));
    assert!(matches!(keyring.accounts(SERVICE).await, Err(KeyringError::Absent(_))));
}

/// Returns addresses where no bus listens.
fn nowhere() -> Vec<Environment> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let closed = format!("tcp:host=127.0.0.1,port={port}");
    let addresses = [
        "",
        "unix:path=/nonexistent/bus",
        "unix:path=/dev/null",
        "unix:abstract=securestore-nobody",
        "unix:path=/nonexistent/a;unix:path=/nonexistent/b",
        "autolaunch:",
        "nonsense",
        // TEST-NET-1 (RFC 5737): packets get no answer at all.
        "tcp:host=192.0.2.1,port=1",
        &closed,
    ];
    let mut environments: Vec<Environment> = addresses
        .iter()
        .map(|address| Environment {
            session_bus_address: Some((*address).to_owned()),
            runtime_dir: None,
        })
        .collect();
    // Without an address, the socket that systemd makes for this user is tried too. It must not be the one of a real session.
    let uid = rustix::process::getuid().as_raw();
    if !PathBuf::from(format!("/run/user/{uid}/bus")).exists() {
        environments.push(Environment {
            session_bus_address: None,
            runtime_dir: Some(PathBuf::from("/nonexistent")),
        });
    }
    environments
}

/// The clock is paused: it advances to the next timer when nothing else can run. The shortest timer must therefore be that of
/// the connection attempt, not the time limit of the call, which would be a timeout.
#[tokio::test(start_paused = true)]
async fn r1_with_no_bus_or_an_address_where_none_listens_the_keyring_is_absent_before_the_time_limit() {
    for environment in nowhere() {
        let keyring = OsKeyring::new(environment.clone(), NEVER);
        let error = keyring.get(SERVICE, "key").await.unwrap_err();
        assert!(matches!(error, KeyringError::Absent(_)), "{environment:?}: {error:?}");
        assert_eq!(error.error().code(), Code::Unavailable);
    }
}

#[test]
fn r1_an_absent_keyring_prints_nothing_on_standard_error() {
    let output = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "r1_with_no_bus_or_an_address_where_none_listens_the_keyring_is_absent_before_the_time_limit",
        ])
        .arg("--nocapture")
        .output()
        .unwrap();
    assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[tokio::test]
async fn r7b_the_keyring_is_reached_with_fifteen_hundred_open_file_descriptors() {
    let (_, hard) = descriptor_limits();
    assert!(hard >= 1600, "raise the limit of open files: ulimit -n 2048");
    rustix::process::setrlimit(
        rustix::process::Resource::Nofile,
        rustix::process::Rlimit {
            current: Some(hard.min(4096)),
            maximum: Some(hard),
        },
    )
    .unwrap();
    let bus = Bus::with_keyring().await;
    let open: Vec<File> = (0..1500).map(|_| File::open("/dev/null").unwrap()).collect();
    let keyring = bus.os_keyring();
    keyring.set(SERVICE, "key", &Secret::from("value")).await.unwrap();
    assert_eq!(keyring.get(SERVICE, "key").await, Ok(secret("value")));
    drop(open);
}

fn descriptor_limits() -> (u64, u64) {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    (limit.current.unwrap_or(u64::MAX), limit.maximum.unwrap_or(u64::MAX))
}
