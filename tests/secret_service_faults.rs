//! The OS keyring against a Secret Service that hangs, waits for the user, or is not there at all.
#![cfg(target_os = "linux")]

mod support;

use std::fs::File;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use securestore::error::Code;
use securestore::keyring::os::{Environment, OsKeyring};
use securestore::keyring::{Keyring, KeyringError};
use securestore::secret::Secret;
use support::Bus;
use support::fake::Fake;

const SERVICE: &str = "securestore test";

fn code<T: std::fmt::Debug>(result: Result<T, KeyringError>) -> Code {
    result.unwrap_err().error().code()
}

/// The secret of the one item.
const SECRET: &str = "fake secret";

async fn fake() -> (Bus, Fake) {
    let bus = Bus::bare();
    let fake = Fake::on(bus.connect().await).await;
    fake.plant(SERVICE, "key", SECRET).await;
    (bus, fake)
}

#[tokio::test]
async fn r1_a_service_that_knows_only_plain_sessions_is_read() {
    let (bus, _fake) = fake().await;
    assert_eq!(
        bus.os_keyring().get(SERVICE, "key").await,
        Ok(Some(Secret::from(SECRET)))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn r7b_a_service_that_never_answers_is_a_timeout_and_others_are_unaffected() {
    let (bus, fake) = fake().await;
    let other = Bus::with_keyring().await;
    let hurried = OsKeyring::new(bus.environment(), Duration::from_millis(300));
    // With patience: it opens the session that the hurried one shares.
    assert!(bus.os_keyring().get(SERVICE, "key").await.is_ok());

    fake.behave(|it| it.hangs = true);
    let start = Instant::now();
    let hung = async {
        let code = code(hurried.get(SERVICE, "key").await);
        (code, start.elapsed())
    };
    let fine = async {
        let keyring = other.os_keyring();
        keyring.set(SERVICE, "key", &Secret::from("value")).await.unwrap();
        keyring.get(SERVICE, "key").await.unwrap()
    };
    let ((code_of_hung, took), value) = tokio::join!(hung, fine);
    assert_eq!(code_of_hung, Code::Timeout);
    assert!(
        took >= Duration::from_millis(300) && took < Duration::from_secs(2),
        "{took:?}"
    );
    assert_eq!(value, Some(Secret::from("value")));

    // The next call opens a session of its own, which hangs too, and ends too.
    assert_eq!(code(hurried.get(SERVICE, "key").await), Code::Timeout);
    assert_eq!(
        code(hurried.set(SERVICE, "key", &Secret::from("x")).await),
        Code::Timeout
    );
    assert_eq!(code(hurried.delete(SERVICE, "key").await), Code::Timeout);
    assert_eq!(code(hurried.accounts(SERVICE).await), Code::Timeout);

    fake.behave(|it| it.hangs = false);
    assert!(bus.os_keyring().get(SERVICE, "key").await.is_ok());
    assert_eq!(fake.calls("sessions"), 2);
}

#[tokio::test]
async fn r7b_a_hung_call_costs_calls_with_a_longer_limit_nothing_but_patience() {
    let (bus, fake) = fake().await;
    let patient = bus.os_keyring();
    assert!(patient.get(SERVICE, "key").await.is_ok());
    fake.behave(|it| it.hangs = true);
    let hurried = OsKeyring::new(bus.environment(), Duration::from_millis(100));
    assert_eq!(code(hurried.get(SERVICE, "key").await), Code::Timeout);
    fake.behave(|it| it.hangs = false);
    assert!(patient.get(SERVICE, "key").await.is_ok());
}

#[tokio::test]
async fn r7b_connections_that_were_given_up_are_closed() {
    let (bus, fake) = fake().await;
    assert!(bus.os_keyring().get(SERVICE, "key").await.is_ok());
    bus.has_connections(3).await; // the fake, the keyring, the one that asks
    fake.behave(|it| it.hangs = true);
    let keyring = OsKeyring::new(bus.environment(), Duration::from_millis(50));
    for _ in 0..10 {
        assert_eq!(code(keyring.get(SERVICE, "key").await), Code::Timeout);
    }
    bus.has_connections(2).await;
}

#[tokio::test]
async fn r7b_many_reads_that_hang_end_together_within_one_limit() {
    let (bus, fake) = fake().await;
    let keyring = OsKeyring::new(bus.environment(), Duration::from_millis(500));
    fake.behave(|it| it.hangs = true);
    let accounts: Vec<String> = (0..500).map(|n| format!("key-{n}")).collect();
    let start = Instant::now();
    let values = keyring.get_many(SERVICE, &accounts).await;
    assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
    assert_eq!(values.len(), 500);
    assert!(values.into_iter().all(|value| code(value) == Code::Timeout));
}

#[tokio::test]
async fn r7b_callers_at_the_same_time_share_one_prompt() {
    let (bus, fake) = fake().await;
    fake.locked(true);
    let keyring = bus.os_keyring();
    let callers = join_all((0..10).map(|_| keyring.get(SERVICE, "key")));
    let user = async {
        fake.prompted().await;
        fake.answer(true).await;
    };
    let (values, ()) = tokio::join!(callers, user);
    assert!(values.iter().all(|value| *value == Ok(Some(Secret::from(SECRET)))));
    assert_eq!(fake.prompts(), 1);
}

#[tokio::test]
async fn r7b_after_a_dismissed_prompt_there_is_no_other_until_the_keyring_is_found_unlocked() {
    let (bus, fake) = fake().await;
    fake.locked(true);
    let keyring = bus.os_keyring();
    let user = async {
        fake.prompted().await;
        fake.answer(false).await;
    };
    let (value, ()) = tokio::join!(keyring.get(SERVICE, "key"), user);
    assert_eq!(code(value), Code::Denied);

    let start = Instant::now();
    for _ in 0..20 {
        assert_eq!(code(keyring.get(SERVICE, "key").await), Code::Locked);
    }
    assert_eq!(code(keyring.accounts(SERVICE).await), Code::Locked);
    assert!(start.elapsed() < Duration::from_secs(1));
    assert_eq!(fake.prompts(), 1);

    fake.locked(false);
    assert!(keyring.get(SERVICE, "key").await.is_ok());
    fake.locked(true);
    let user = async {
        fake.prompted().await;
        fake.answer(true).await;
    };
    let (value, ()) = tokio::join!(keyring.get(SERVICE, "key"), user);
    assert!(value.is_ok());
    assert_eq!(fake.prompts(), 2);
}

#[tokio::test]
async fn r7b_a_prompt_nobody_answers_is_a_timeout_and_is_taken_off_the_screen() {
    let (bus, fake) = fake().await;
    fake.locked(true);
    let keyring = OsKeyring::new(bus.environment(), Duration::from_millis(500));
    let start = Instant::now();
    let values = join_all((0..3).map(|_| keyring.get(SERVICE, "key"))).await;
    assert!(start.elapsed() < Duration::from_secs(3));
    assert!(values.into_iter().all(|value| code(value) == Code::Timeout));
    assert_eq!((fake.prompts(), fake.calls("Dismiss")), (1, 1));
    assert_eq!(code(keyring.get(SERVICE, "key").await), Code::Locked);
    assert_eq!(fake.prompts(), 1);
    // The service answers: the connection was none of the problem, and is kept.
    assert_eq!(fake.calls("sessions"), 1);
}

#[tokio::test]
async fn r7b_a_service_that_hangs_when_it_should_prompt_is_a_timeout_and_may_prompt_later() {
    let (bus, fake) = fake().await;
    assert!(bus.os_keyring().get(SERVICE, "key").await.is_ok());
    fake.locked(true);
    fake.behave(|it| it.hangs_at_unlock = true);
    let hurried = OsKeyring::new(bus.environment(), Duration::from_millis(200));
    assert_eq!(code(hurried.get(SERVICE, "key").await), Code::Timeout);

    fake.behave(|it| it.hangs_at_unlock = false);
    let keyring = bus.os_keyring();
    let user = async {
        fake.prompted().await;
        fake.answer(true).await;
    };
    let (value, ()) = tokio::join!(keyring.get(SERVICE, "key"), user);
    assert!(value.is_ok(), "{value:?}");
    assert_eq!(fake.prompts(), 1);
}

#[tokio::test]
async fn r7b_a_call_in_flight_when_the_service_dies_ends_at_once() {
    let (bus, fake) = fake().await;
    let keyring = bus.os_keyring();
    assert!(keyring.get(SERVICE, "key").await.is_ok());
    fake.behave(|it| it.hangs = true);
    let start = Instant::now();
    let death = async {
        fake.holds_a_call().await;
        fake.dies().await;
    };
    let (value, ()) = tokio::join!(keyring.get(SERVICE, "key"), death);
    assert_eq!(code(value), Code::Unavailable);
    assert!(start.elapsed() < support::LIMIT / 2);
}

#[tokio::test]
async fn r7b_a_bus_that_comes_back_is_used_again() {
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
    assert_eq!(keyring.get(SERVICE, "key").await.unwrap(), Some(Secret::from("value")));
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
        assert_eq!(value, Ok(Some(Secret::from("value"))));
    }
}

#[tokio::test]
async fn r1_a_bus_without_a_keyring_is_no_keyring() {
    let bus = Bus::bare();
    let keyring = bus.os_keyring();
    assert!(matches!(
        keyring.get(SERVICE, "key").await,
        Err(KeyringError::Absent(_))
    ));
    assert!(matches!(keyring.accounts(SERVICE).await, Err(KeyringError::Absent(_))));
}

/// Addresses where nobody listens.
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
        // TEST-NET-1 (RFC 5737): packets go nowhere, and no refusal comes back.
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
    environments.push(Environment {
        session_bus_address: None,
        runtime_dir: Some(PathBuf::from("/nonexistent")),
    });
    environments
}

#[tokio::test]
async fn r1_no_bus_an_empty_address_or_one_that_points_nowhere_is_absent_within_a_second() {
    for environment in nowhere() {
        // A socket of the machine's own session would be found, and rightly so.
        if environment.session_bus_address.is_none() && PathBuf::from("/run/user/0/bus").exists() {
            continue;
        }
        let keyring = OsKeyring::new(environment.clone(), support::LIMIT);
        let start = Instant::now();
        let error = keyring.get(SERVICE, "key").await.unwrap_err();
        assert!(start.elapsed() < Duration::from_secs(1), "{environment:?}");
        assert!(matches!(error, KeyringError::Absent(_)), "{environment:?}: {error:?}");
        assert_eq!(error.error().code(), Code::Unavailable);
    }
}

#[test]
fn r1_an_absent_keyring_says_nothing_on_stderr() {
    let output = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "r1_no_bus_an_empty_address_or_one_that_points_nowhere_is_absent_within_a_second",
        ])
        .arg("--nocapture")
        .output()
        .unwrap();
    assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[tokio::test]
async fn r7b_fifteen_hundred_open_descriptors_are_no_obstacle() {
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
    assert_eq!(keyring.get(SERVICE, "key").await, Ok(Some(Secret::from("value"))));
    assert_eq!(open.len(), 1500);
}

fn descriptor_limits() -> (u64, u64) {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    (limit.current.unwrap_or(u64::MAX), limit.maximum.unwrap_or(u64::MAX))
}
