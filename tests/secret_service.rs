//! The OS keyring against a real gnome-keyring on a private bus.
#![cfg(target_os = "linux")]

mod support;

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use securestore::error::Code;
use securestore::keyring::Keyring;
use securestore::secret::Secret;
use support::Bus;

const SERVICE: &str = "securestore test";

fn secret(text: &str) -> Option<Secret> {
    Some(Secret::from(text))
}

#[tokio::test]
async fn r1_values_come_back_as_they_were_saved() {
    let bus = Bus::with_keyring().await;
    let keyring = bus.os_keyring();
    let long = "0123456789abcdef".repeat(1280);
    for value in ["", "sk-123", &long, "one\ntwo\r\n\n", "schlüssel 鍵 🔑\u{feff}", "a\0b"] {
        keyring.set(SERVICE, "key", &Secret::from(value)).await.unwrap();
        assert_eq!(keyring.get(SERVICE, "key").await.unwrap(), secret(value));
    }
}

#[tokio::test]
async fn r1_what_was_never_saved_is_none_false_and_an_empty_list() {
    let bus = Bus::with_keyring().await;
    let keyring = bus.os_keyring();
    assert_eq!(keyring.get(SERVICE, "key").await.unwrap(), None);
    assert!(!keyring.delete(SERVICE, "key").await.unwrap());
    assert!(keyring.accounts(SERVICE).await.unwrap().is_empty());
}

#[tokio::test]
async fn r1_fifty_keys_at_once_are_saved_read_listed_and_deleted() {
    let bus = Bus::with_keyring().await;
    let keyring = &bus.os_keyring();
    let accounts: Vec<String> = (0..50).map(|n| format!("key-{n:02}")).collect();
    let values: Vec<Secret> = (0..50).map(|n| Secret::from(format!("value {n}").as_str())).collect();

    let saved = join_all(
        accounts
            .iter()
            .zip(&values)
            .map(|(account, value)| keyring.set(SERVICE, account, value)),
    );
    assert!(saved.await.iter().all(Result::is_ok));
    assert_eq!(keyring.accounts(SERVICE).await.unwrap(), accounts);
    let read = keyring.get_many(SERVICE, &accounts).await;
    let read: Vec<Secret> = read.into_iter().map(|value| value.unwrap().unwrap()).collect();
    assert!(read == values);
    let deleted = join_all(accounts.iter().map(|account| keyring.delete(SERVICE, account))).await;
    assert!(deleted.into_iter().all(|deleted| deleted.unwrap()));
    assert!(keyring.accounts(SERVICE).await.unwrap().is_empty());
}

#[tokio::test]
async fn r7b_a_killed_daemon_is_used_again_after_its_restart() {
    let mut bus = Bus::with_keyring().await;
    let keyring = bus.os_keyring();
    keyring.set(SERVICE, "key", &Secret::from("before")).await.unwrap();

    bus.kill_keyring().await;
    for _ in 0..2 {
        let error = keyring.get(SERVICE, "key").await.unwrap_err();
        assert!(
            matches!(error, securestore::keyring::KeyringError::Failed(_)),
            "{error:?}"
        );
        assert_eq!(error.error().code(), Code::Unavailable);
    }

    bus.start_keyring().await;
    assert_eq!(keyring.get(SERVICE, "key").await.unwrap(), secret("before"));
    keyring.set(SERVICE, "key", &Secret::from("after")).await.unwrap();
    assert_eq!(keyring.get(SERVICE, "key").await.unwrap(), secret("after"));
    assert!(keyring.delete(SERVICE, "key").await.unwrap());
}

#[tokio::test]
async fn r7b_a_locked_keyring_without_a_display_says_so_and_is_used_again_once_unlocked() {
    let bus = Bus::with_keyring().await;
    let keyring = bus.os_keyring();
    keyring.set(SERVICE, "key", &Secret::from("value")).await.unwrap();
    bus.lock().await;

    let start = Instant::now();
    let error = keyring.get(SERVICE, "key").await.unwrap_err();
    assert!(start.elapsed() < Duration::from_secs(4));
    assert!(matches!(error.error().code(), Code::Denied | Code::Locked), "{error:?}");

    let start = Instant::now();
    let error = keyring.get(SERVICE, "key").await.unwrap_err();
    assert_eq!(error.error().code(), Code::Locked);
    let error = keyring.set(SERVICE, "key", &Secret::from("new")).await.unwrap_err();
    assert_eq!(error.error().code(), Code::Locked);
    let error = keyring.set(SERVICE, "other", &Secret::from("new")).await.unwrap_err();
    assert_eq!(error.error().code(), Code::Locked);
    let error = keyring.delete(SERVICE, "key").await.unwrap_err();
    assert_eq!(error.error().code(), Code::Locked);
    let error = keyring.accounts(SERVICE).await.unwrap_err();
    assert_eq!(error.error().code(), Code::Locked);
    assert!(start.elapsed() < Duration::from_secs(1));

    bus.unlock().await;
    assert_eq!(keyring.get(SERVICE, "key").await.unwrap(), secret("value"));
    keyring.set(SERVICE, "other", &Secret::from("new")).await.unwrap();
    assert_eq!(keyring.accounts(SERVICE).await.unwrap(), ["key", "other"]);
}
