//! The OS keyring against a real gnome-keyring that is locked or has no collection.
#![cfg(target_os = "linux")]

mod support;

use securestore::error::Code;
use securestore::keyring::Keyring;
use securestore::secret::Secret;
use support::Bus;
use support::secret_service::{SERVICE, code, patient, secret};

#[tokio::test]
async fn r7b_a_locked_keyring_without_a_display_is_locked_and_is_used_again_once_unlocked() {
    let bus = Bus::with_keyring().await;
    let keyring = patient(&bus);
    keyring.set(SERVICE, "key", &Secret::from("value")).await.unwrap();
    assert_eq!(keyring.contains(SERVICE, "key").await, Ok(true));
    assert_eq!(keyring.contains(SERVICE, "other").await, Ok(false));
    bus.lock().await;
    assert_eq!(
        keyring.contains(SERVICE, "key").await,
        Ok(true),
        "contains finds a locked entry without a prompt"
    );

    let error = keyring.get(SERVICE, "key").await.unwrap_err();
    assert!(matches!(error.error().code(), Code::Denied | Code::Locked), "{error:?}");

    assert_eq!(code(keyring.get(SERVICE, "key").await), Code::Locked);
    assert_eq!(
        code(keyring.set(SERVICE, "key", &Secret::from("new")).await),
        Code::Locked
    );
    assert_eq!(
        code(keyring.set(SERVICE, "other", &Secret::from("new")).await),
        Code::Locked
    );
    assert_eq!(code(keyring.delete(SERVICE, "key").await), Code::Locked);
    assert_eq!(code(keyring.accounts(SERVICE).await), Code::Locked);

    bus.unlock().await;
    assert_eq!(keyring.get(SERVICE, "key").await.unwrap(), secret("value"));
    keyring.set(SERVICE, "other", &Secret::from("new")).await.unwrap();
    assert_eq!(keyring.accounts(SERVICE).await.unwrap(), ["key", "other"]);
}

#[tokio::test]
async fn r7b_a_keyring_without_a_collection_and_without_a_display_refuses_a_write_without_waiting_for_the_time_limit() {
    let mut bus = Bus::bare();
    bus.start_keyring_locked().await;
    let keyring = patient(&bus);
    assert_eq!(keyring.get(SERVICE, "key").await.unwrap(), None);
    let value = Secret::from("value");
    let first = keyring.set(SERVICE, "key", &value).await.unwrap_err();
    assert_eq!(first.error().code(), Code::Denied);
    let second = keyring.set(SERVICE, "key", &value).await.unwrap_err();
    assert_eq!(second.error().code(), Code::Locked);
}

#[tokio::test]
async fn r7b_on_a_desktop_bus_a_locked_keyring_without_a_display_answers_without_waiting_for_the_time_limit() {
    let mut bus = Bus::with_activation();
    bus.start_keyring().await;
    let keyring = patient(&bus);
    keyring.set(SERVICE, "key", &Secret::from("value")).await.unwrap();
    bus.lock().await;
    let error = keyring.get(SERVICE, "key").await.unwrap_err();
    assert!(matches!(error.error().code(), Code::Denied | Code::Locked), "{error:?}");
    bus.unlock().await;
    assert_eq!(keyring.get(SERVICE, "key").await.unwrap(), secret("value"));
}

#[tokio::test]
async fn r7b_a_daemon_that_the_bus_restarts_counts_as_locked_and_not_as_empty() {
    let mut bus = Bus::with_activation();
    bus.start_keyring().await;
    let keyring = patient(&bus);
    keyring.set(SERVICE, "key", &Secret::from("value")).await.unwrap();
    bus.kill_keyring().await;
    let error = keyring.get(SERVICE, "key").await.unwrap_err();
    assert!(matches!(error.error().code(), Code::Denied | Code::Locked), "{error:?}");
    assert_eq!(code(keyring.accounts(SERVICE).await), Code::Locked);
    bus.unlock().await;
    assert_eq!(keyring.get(SERVICE, "key").await.unwrap(), secret("value"));
}
