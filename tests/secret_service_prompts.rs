//! The OS keyring against a Secret Service that is locked or shows dialogs.
#![cfg(target_os = "linux")]

mod support;

use std::time::{Duration, Instant};

use securestore::error::Code;
use securestore::keyring::os::OsKeyring;
use securestore::keyring::{DeleteOutcome, Keyring, KeyringError, WriteOutcome};
use securestore::secret::Secret;
use support::Bus;
use support::fake::Fake;

const SERVICE: &str = "securestore test";

/// A limit that a test waits for.
const SHORT: Duration = Duration::from_millis(400);

fn secret(text: &str) -> Option<Secret> {
    Some(Secret::from(text))
}

fn code<T: std::fmt::Debug>(result: Result<T, KeyringError>) -> Code {
    result.unwrap_err().error().code()
}

async fn fake() -> (Bus, Fake) {
    let bus = Bus::bare();
    let fake = Fake::on(bus.connect().await).await;
    (bus, fake)
}

/// A service with a key of Alice and one of Bob, both of which the keyring has read before.
async fn alice_and_bob() -> (Bus, Fake, OsKeyring) {
    let (bus, fake) = fake().await;
    fake.plant(SERVICE, "alice", "alice's").await;
    fake.plant(SERVICE, "bob", "bob's").await;
    let keyring = bus.os_keyring();
    assert_eq!(keyring.get(SERVICE, "alice").await, Ok(secret("alice's")));
    assert_eq!(keyring.get(SERVICE, "bob").await, Ok(secret("bob's")));
    (bus, fake, keyring)
}

#[tokio::test]
async fn r3_5_a_locked_service_that_finds_nothing_is_locked_and_not_empty() {
    let (bus, fake) = fake().await;
    fake.plant(SERVICE, "key", "value").await;
    fake.behave(|it| (it.locked, it.hides_locked) = (true, true));
    let keyring = bus.os_keyring();
    assert_eq!(code(keyring.contains(SERVICE, "key").await), Code::Locked);
    assert_eq!(fake.prompts(), 0, "has does not prompt");
    let user = async {
        fake.prompted().await;
        fake.answer(false).await;
    };
    let (value, ()) = tokio::join!(keyring.get(SERVICE, "key"), user);
    assert_eq!(code(value), Code::Denied);
    let new = Secret::from("new");
    assert_eq!(code(keyring.get(SERVICE, "key").await), Code::Locked);
    assert_eq!(code(keyring.contains(SERVICE, "key").await), Code::Locked);
    assert_eq!(code(keyring.accounts(SERVICE).await), Code::Locked);
    assert_eq!(code(keyring.set(SERVICE, "key", &new).await), Code::Locked);
    assert_eq!(code(keyring.delete(SERVICE, "key").await), Code::Locked);
    let many = vec!["key".to_owned(); 10];
    let read = keyring.get_many(SERVICE, &many).await;
    assert!(read.into_iter().all(|value| code(value) == Code::Locked));
    assert_eq!(fake.prompts(), 1);

    fake.locked(false);
    assert_eq!(keyring.get(SERVICE, "key").await, Ok(secret("value")));
    assert_eq!(keyring.get(SERVICE, "none").await, Ok(None));
    assert_eq!(keyring.accounts(SERVICE).await.unwrap(), ["key"]);
}

#[tokio::test]
async fn r3_5_a_hidden_item_is_read_once_the_user_unlocks_the_service() {
    let (bus, fake) = fake().await;
    fake.plant(SERVICE, "key", "value").await;
    fake.behave(|it| (it.locked, it.hides_locked) = (true, true));
    let keyring = bus.os_keyring();
    let user = async {
        fake.prompted().await;
        fake.answer(true).await;
    };
    let (value, ()) = tokio::join!(keyring.get(SERVICE, "key"), user);
    assert_eq!(value, Ok(secret("value")));
}

#[tokio::test]
async fn r7b_a_search_that_waits_for_a_dialog_is_waited_for_once_and_then_answered_at_once() {
    let (bus, fake) = fake().await;
    fake.plant(SERVICE, "key", "value").await;
    fake.behave(|it| (it.locked, it.searches_wait_while_locked) = (true, true));
    let impatient = OsKeyring::new(bus.environment(), SHORT);
    assert_eq!(code(impatient.get(SERVICE, "key").await), Code::Locked);
    // These calls have a long limit and do not use it.
    let keyring = bus.os_keyring();
    let start = Instant::now();
    assert_eq!(code(keyring.get(SERVICE, "key").await), Code::Locked);
    assert_eq!(code(keyring.contains(SERVICE, "key").await), Code::Locked);
    assert_eq!(code(keyring.accounts(SERVICE).await), Code::Locked);
    assert_eq!(
        code(keyring.set(SERVICE, "key", &Secret::from("x")).await),
        Code::Locked
    );
    assert_eq!(code(keyring.delete(SERVICE, "key").await), Code::Locked);
    assert!(start.elapsed() < support::LIMIT);
    assert_eq!(fake.calls("SearchItems"), 1);
    fake.locked(false);
    assert_eq!(keyring.get(SERVICE, "key").await, Ok(secret("value")));
}

#[tokio::test]
async fn r7b_a_refused_item_never_prompts_again_while_others_stay_readable() {
    let (_bus, fake, keyring) = alice_and_bob().await;
    fake.lock_item("bob", true);
    let user = async {
        fake.prompted().await;
        fake.answer(false).await;
    };
    let (value, ()) = tokio::join!(keyring.get(SERVICE, "bob"), user);
    assert_eq!(code(value), Code::Denied);
    for _ in 0..10 {
        assert_eq!(code(keyring.get(SERVICE, "bob").await), Code::Locked);
        assert_eq!(keyring.get(SERVICE, "alice").await, Ok(secret("alice's")));
    }
    let new = Secret::from("new");
    assert_eq!(code(keyring.set(SERVICE, "bob", &new).await), Code::Locked);
    assert_eq!(code(keyring.delete(SERVICE, "bob").await), Code::Locked);
    assert_eq!(keyring.accounts(SERVICE).await.unwrap(), ["alice", "bob"]);
    assert_eq!(keyring.contains(SERVICE, "bob").await, Ok(true));
    assert_eq!(fake.prompts(), 1);

    fake.lock_item("bob", false);
    assert_eq!(keyring.get(SERVICE, "bob").await, Ok(secret("bob's")));
}

#[tokio::test]
async fn r7b_the_names_of_locked_items_are_listed_without_a_prompt() {
    let (_bus, fake, keyring) = alice_and_bob().await;
    fake.lock_item("alice", true);
    fake.lock_item("bob", true);
    assert_eq!(keyring.accounts(SERVICE).await.unwrap(), ["alice", "bob"]);
    assert_eq!(keyring.contains(SERVICE, "bob").await, Ok(true));
    assert_eq!(fake.prompts(), 0);
}

#[tokio::test]
async fn r7b_many_locked_items_are_unlocked_with_one_prompt() {
    let (bus, fake) = fake().await;
    let names: Vec<String> = (0..20).map(|n| format!("key-{n:02}")).collect();
    for name in &names {
        fake.plant(SERVICE, name, name).await;
        fake.lock_item(name, true);
    }
    let keyring = bus.os_keyring();
    let user = async {
        fake.prompted().await;
        fake.answer(true).await;
    };
    let (values, ()) = tokio::join!(keyring.get_many(SERVICE, &names), user);
    assert!(names.iter().zip(values).all(|(name, value)| value == Ok(secret(name))));
    assert_eq!(fake.prompts(), 1);
}

#[tokio::test]
async fn r7b_creating_an_item_prompts_once_per_process() {
    let (bus, fake) = fake().await;
    fake.behave(|it| it.creation_prompts = true);
    let keyring = bus.os_keyring();
    let value = Secret::from("value");
    let user = async {
        fake.prompted().await;
        fake.answer(false).await;
    };
    let (saved, ()) = tokio::join!(keyring.set(SERVICE, "key", &value), user);
    assert_eq!(code(saved), Code::Denied);
    for _ in 0..3 {
        assert_eq!(code(keyring.set(SERVICE, "key", &value).await), Code::Locked);
    }
    assert_eq!(fake.prompts(), 1);
    assert_eq!(fake.calls("Dismiss"), 3, "prompts that are not shown are dismissed");
    assert_eq!(keyring.get(SERVICE, "key").await, Ok(None));
}

#[tokio::test]
async fn r7b_an_item_is_created_when_the_user_agrees() {
    let (bus, fake) = fake().await;
    fake.behave(|it| it.creation_prompts = true);
    let keyring = bus.os_keyring();
    let value = Secret::from("value");
    let user = async {
        fake.prompted().await;
        fake.answer(true).await;
    };
    let (saved, ()) = tokio::join!(keyring.set_verified(SERVICE, "key", &value), user);
    assert_eq!(saved, Ok(WriteOutcome::Verified));
}

#[tokio::test]
async fn r7b_a_prompt_that_timed_out_is_dismissed_and_writes_nothing_later() {
    let (bus, fake) = fake().await;
    fake.behave(|it| it.creation_prompts = true);
    let impatient = OsKeyring::new(bus.environment(), SHORT);
    let old = impatient.set(SERVICE, "key", &Secret::from("old")).await;
    assert_eq!(code(old), Code::Timeout);
    assert_eq!((fake.prompts(), fake.calls("Dismiss")), (1, 1));
}

#[tokio::test]
async fn r7b_a_prompt_that_cannot_be_dismissed_loses_its_session() {
    let (bus, fake) = fake().await;
    fake.behave(|it| (it.creation_prompts, it.ignores_dismissal) = (true, true));
    let impatient = OsKeyring::new(bus.environment(), SHORT);
    let value = Secret::from("value");
    assert_eq!(code(impatient.set(SERVICE, "key", &value).await), Code::Timeout);
    assert_eq!(impatient.get(SERVICE, "key").await, Ok(None));
    assert_eq!(fake.calls("sessions"), 2);
}

#[tokio::test]
async fn r7b_deleting_an_item_prompts_once_per_process() {
    let (_bus, fake, keyring) = alice_and_bob().await;
    fake.behave(|it| it.deletion_prompts = true);
    let user = async {
        fake.prompted().await;
        fake.answer(false).await;
    };
    let (deleted, ()) = tokio::join!(keyring.delete(SERVICE, "alice"), user);
    assert_eq!(code(deleted), Code::Denied);
    assert_eq!(code(keyring.delete(SERVICE, "alice").await), Code::Locked);
    assert_eq!(code(keyring.delete(SERVICE, "bob").await), Code::Locked);
    assert_eq!(fake.prompts(), 1);
    assert_eq!(keyring.accounts(SERVICE).await.unwrap(), ["alice", "bob"]);
}

#[tokio::test]
async fn r7b_an_item_is_deleted_when_the_user_agrees() {
    let (_bus, fake, keyring) = alice_and_bob().await;
    fake.behave(|it| it.deletion_prompts = true);
    let user = async {
        fake.prompted().await;
        fake.answer(true).await;
    };
    let (deleted, ()) = tokio::join!(keyring.delete_verified(SERVICE, "alice"), user);
    assert_eq!(deleted, Ok(DeleteOutcome::Deleted));
    assert_eq!(keyring.accounts(SERVICE).await.unwrap(), ["bob"]);
}

#[tokio::test]
async fn r3_1_an_older_duplicate_that_cannot_be_deleted_holds_the_new_value() {
    let (bus, fake) = fake().await;
    fake.plant(SERVICE, "key", "oldest").await;
    fake.plant(SERVICE, "key", "older").await;
    fake.behave(|it| it.deletion_prompts = true);
    let keyring = bus.os_keyring();
    let outcome = keyring.set_verified(SERVICE, "key", &Secret::from("new")).await;
    assert_eq!(outcome, Ok(WriteOutcome::Verified));
    assert_eq!(fake.secrets("key"), ["new", "new"]);
    assert_eq!(fake.prompts(), 0, "removing a duplicate is not worth a dialog");
}

#[tokio::test]
async fn r3_1_an_older_duplicate_is_removed() {
    let (bus, fake) = fake().await;
    fake.plant(SERVICE, "key", "oldest").await;
    fake.plant(SERVICE, "key", "older").await;
    let keyring = bus.os_keyring();
    keyring.set(SERVICE, "key", &Secret::from("new")).await.unwrap();
    assert_eq!(fake.secrets("key"), ["new"]);
}
