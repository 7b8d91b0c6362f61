//! The OS keyring against a Secret Service that is locked or shows dialogs.
#![cfg(target_os = "linux")]

mod support;

use securestore::error::Code;
use securestore::keyring::{DeleteOutcome, Keyring, WriteOutcome};
use securestore::secret::Secret;
use support::secret_service::{
    SERVICE, alice_and_bob, code, fake_service, fake_service_with_key, impatient, patient, secret,
};

#[tokio::test]
async fn r3_5_a_locked_service_that_finds_nothing_counts_as_locked_and_not_as_empty() {
    let (bus, fake) = fake_service_with_key().await;
    fake.behave(|it| (it.locked, it.hides_locked) = (true, true));
    let keyring = bus.os_keyring();
    assert_eq!(code(keyring.contains(SERVICE, "key").await), Code::Locked);
    assert_eq!(fake.prompts(), 0, "contains does not prompt");
    let (value, ()) = tokio::join!(keyring.get(SERVICE, "key"), fake.answer_next(false));
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
    let (bus, fake) = fake_service_with_key().await;
    fake.behave(|it| (it.locked, it.hides_locked) = (true, true));
    let keyring = bus.os_keyring();
    let (value, ()) = tokio::join!(keyring.get(SERVICE, "key"), fake.answer_next(true));
    assert_eq!(value, Ok(secret("value")));
}

#[tokio::test]
async fn r7b_a_search_that_hangs_while_locked_times_out_once_and_later_calls_do_not_search() {
    let (bus, fake) = fake_service_with_key().await;
    fake.behave(|it| (it.locked, it.searches_wait_while_locked) = (true, true));
    assert_eq!(code(impatient(&bus).get(SERVICE, "key").await), Code::Locked);
    let keyring = patient(&bus);
    assert_eq!(code(keyring.get(SERVICE, "key").await), Code::Locked);
    assert_eq!(code(keyring.contains(SERVICE, "key").await), Code::Locked);
    assert_eq!(code(keyring.accounts(SERVICE).await), Code::Locked);
    assert_eq!(
        code(keyring.set(SERVICE, "key", &Secret::from("x")).await),
        Code::Locked
    );
    assert_eq!(code(keyring.delete(SERVICE, "key").await), Code::Locked);
    assert_eq!(fake.calls("SearchItems"), 1);
    fake.locked(false);
    assert_eq!(keyring.get(SERVICE, "key").await, Ok(secret("value")));
}

#[tokio::test]
async fn r7b_a_refused_item_never_prompts_again_while_others_stay_readable() {
    let (_bus, fake, keyring) = alice_and_bob().await;
    fake.lock_item("bob", true);
    let (value, ()) = tokio::join!(keyring.get(SERVICE, "bob"), fake.answer_next(false));
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
    let (bus, fake) = fake_service().await;
    let names: Vec<String> = (0..20).map(|n| format!("key-{n:02}")).collect();
    for name in &names {
        fake.plant(SERVICE, name, name).await;
        fake.lock_item(name, true);
    }
    let keyring = bus.os_keyring();
    let (values, ()) = tokio::join!(keyring.get_many(SERVICE, &names), fake.answer_next(true));
    assert!(names.iter().zip(values).all(|(name, value)| value == Ok(secret(name))));
    assert_eq!(fake.prompts(), 1);
}

#[tokio::test]
async fn r7b_creating_an_item_prompts_once_per_process() {
    let (bus, fake) = fake_service().await;
    fake.behave(|it| it.creation_prompts = true);
    let keyring = bus.os_keyring();
    let value = Secret::from("value");
    let (saved, ()) = tokio::join!(keyring.set(SERVICE, "key", &value), fake.answer_next(false));
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
    let (bus, fake) = fake_service().await;
    fake.behave(|it| it.creation_prompts = true);
    let keyring = bus.os_keyring();
    let value = Secret::from("value");
    let (saved, ()) = tokio::join!(keyring.set_verified(SERVICE, "key", &value), fake.answer_next(true));
    assert_eq!(saved, Ok(WriteOutcome::Verified));
}

#[tokio::test]
async fn r7b_a_prompt_that_timed_out_is_dismissed() {
    let (bus, fake) = fake_service().await;
    fake.behave(|it| it.creation_prompts = true);
    let old = impatient(&bus).set(SERVICE, "key", &Secret::from("old")).await;
    assert_eq!(code(old), Code::Timeout);
    assert_eq!((fake.prompts(), fake.calls("Dismiss")), (1, 1));
}

#[tokio::test]
async fn r7b_after_a_prompt_that_cannot_be_dismissed_a_new_session_is_opened() {
    let (bus, fake) = fake_service().await;
    fake.behave(|it| (it.creation_prompts, it.ignores_dismissal) = (true, true));
    let keyring = impatient(&bus);
    let value = Secret::from("value");
    assert_eq!(code(keyring.set(SERVICE, "key", &value).await), Code::Timeout);
    assert_eq!(keyring.get(SERVICE, "key").await, Ok(None));
    assert_eq!(fake.calls("sessions"), 2);
}

#[tokio::test]
async fn r7b_deleting_an_item_prompts_once_per_process() {
    let (_bus, fake, keyring) = alice_and_bob().await;
    fake.behave(|it| it.deletion_prompts = true);
    let (deleted, ()) = tokio::join!(keyring.delete(SERVICE, "alice"), fake.answer_next(false));
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
    let (deleted, ()) = tokio::join!(keyring.delete_verified(SERVICE, "alice"), fake.answer_next(true));
    assert_eq!(deleted, Ok(DeleteOutcome::Deleted));
    assert_eq!(keyring.accounts(SERVICE).await.unwrap(), ["bob"]);
}

#[tokio::test]
async fn r3_1_an_older_duplicate_that_cannot_be_deleted_holds_the_new_value() {
    let (bus, fake) = fake_service().await;
    fake.plant(SERVICE, "key", "oldest").await;
    fake.plant(SERVICE, "key", "older").await;
    fake.behave(|it| it.deletion_prompts = true);
    let keyring = bus.os_keyring();
    let outcome = keyring.set_verified(SERVICE, "key", &Secret::from("new")).await;
    assert_eq!(outcome, Ok(WriteOutcome::Verified));
    assert_eq!(fake.secrets("key"), ["new", "new"]);
    assert_eq!(fake.prompts(), 0, "no dialog is shown to remove a duplicate");
}

#[tokio::test]
async fn r3_1_an_older_duplicate_is_removed() {
    let (bus, fake) = fake_service().await;
    fake.plant(SERVICE, "key", "oldest").await;
    fake.plant(SERVICE, "key", "older").await;
    let keyring = bus.os_keyring();
    keyring.set(SERVICE, "key", &Secret::from("new")).await.unwrap();
    assert_eq!(fake.secrets("key"), ["new"]);
}
