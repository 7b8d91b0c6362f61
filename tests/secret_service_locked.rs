//! The OS keyring against a real gnome-keyring that is locked or has no collection.
#![cfg(target_os = "linux")]

mod support;

use std::time::{Duration, Instant};

use securestore::error::Code;
use securestore::keyring::Keyring;
use securestore::secret::Secret;
use support::Bus;

const SERVICE: &str = "securestore test";

fn secret(text: &str) -> Option<Secret> {
    Some(Secret::from(text))
}

#[tokio::test]
async fn r7b_a_locked_keyring_without_a_display_is_locked_and_is_used_again_once_unlocked() {
    let bus = Bus::with_keyring().await;
    let keyring = bus.os_keyring();
    keyring.set(SERVICE, "key", &Secret::from("value")).await.unwrap();
    assert_eq!(keyring.contains(SERVICE, "key").await, Ok(true));
    assert_eq!(keyring.contains(SERVICE, "other").await, Ok(false));
    bus.lock().await;
    assert_eq!(
        keyring.contains(SERVICE, "key").await,
        Ok(true),
        "a locked entry is there, and nobody is prompted"
    );

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

#[tokio::test]
async fn r7b_a_keyring_without_a_collection_and_without_a_display_fails_soon() {
    let mut bus = Bus::bare();
    bus.start_keyring_locked().await;
    let keyring = bus.os_keyring();
    assert_eq!(keyring.get(SERVICE, "key").await.unwrap(), None);
    let start = Instant::now();
    let value = Secret::from("value");
    let first = keyring.set(SERVICE, "key", &value).await.unwrap_err();
    assert_eq!(first.error().code(), Code::Denied);
    let second = keyring.set(SERVICE, "key", &value).await.unwrap_err();
    assert_eq!(second.error().code(), Code::Locked);
    assert!(start.elapsed() < Duration::from_secs(4));
}

#[tokio::test]
async fn r7b_on_a_desktop_bus_a_locked_keyring_without_a_display_answers_in_four_seconds() {
    let mut bus = Bus::with_activation();
    bus.start_keyring().await;
    let keyring = bus.os_keyring();
    keyring.set(SERVICE, "key", &Secret::from("value")).await.unwrap();
    bus.lock().await;
    let start = Instant::now();
    let error = keyring.get(SERVICE, "key").await.unwrap_err();
    assert!(start.elapsed() < Duration::from_secs(4), "{:?}", start.elapsed());
    assert!(matches!(error.error().code(), Code::Denied | Code::Locked), "{error:?}");
    bus.unlock().await;
    assert_eq!(keyring.get(SERVICE, "key").await.unwrap(), secret("value"));
}

#[tokio::test]
async fn r7b_a_daemon_that_the_bus_restarts_is_locked_and_not_empty() {
    let mut bus = Bus::with_activation();
    bus.start_keyring().await;
    let keyring = bus.os_keyring();
    keyring.set(SERVICE, "key", &Secret::from("value")).await.unwrap();
    bus.kill_keyring().await;
    let error = keyring.get(SERVICE, "key").await.unwrap_err();
    assert!(matches!(error.error().code(), Code::Denied | Code::Locked), "{error:?}");
    let error = keyring.accounts(SERVICE).await.unwrap_err();
    assert_eq!(error.error().code(), Code::Locked);
    bus.unlock().await;
    assert_eq!(keyring.get(SERVICE, "key").await.unwrap(), secret("value"));
}
