//! The OS keyring lists and reads many items: how many messages that takes, and what proves an empty list.
#![cfg(target_os = "linux")]

mod support;

use std::time::Duration;

use futures_util::future::join_all;
use securestore::keyring::os::OsKeyring;
use securestore::keyring::{DeleteOutcome, Keyring};
use securestore::secret::Secret;
use support::Bus;
use support::fake::Fake;

const SERVICE: &str = "securestore test";

/// A limit that a test waits for.
const SHORT: Duration = Duration::from_millis(800);

/// The methods and properties that a listing may use.
const CALLS: [&str; 5] = ["SearchItems", "Locked", "GetSecrets", "Attributes", "GetSecret"];

/// A service with numbered keys, whose values are their names.
async fn fake(count: usize) -> (Bus, Fake, Vec<(String, Option<Secret>)>) {
    let bus = Bus::bare();
    let fake = Fake::on(bus.connect().await).await;
    let names: Vec<String> = (0..count).map(|n| format!("key-{n:03}")).collect();
    join_all(names.iter().map(|name| fake.plant(SERVICE, name, name))).await;
    let entry = |name: String| (name.clone(), Some(Secret::from(name.as_str())));
    (bus, fake, names.into_iter().map(entry).collect())
}

async fn entries(keyring: &OsKeyring) -> Vec<(String, Option<Secret>)> {
    let accounts = keyring.accounts_with_secrets(SERVICE).await.unwrap();
    accounts
        .into_iter()
        .map(|account| (account.name, account.secret))
        .collect()
}

fn calls(fake: &Fake) -> [usize; 5] {
    CALLS.map(|call| fake.calls(call))
}

#[tokio::test]
async fn r3_7_all_entries_take_one_search_one_batch_and_the_attributes_of_each_item() {
    for count in [50, 300] {
        let (bus, fake, expected) = fake(count).await;
        let keyring = bus.os_keyring();
        for listings in 1..=2 {
            assert_eq!(entries(&keyring).await, expected);
            assert_eq!(calls(&fake), [1, 1, 1, count, 0].map(|calls| calls * listings));
        }
    }
}

#[tokio::test]
async fn r3_7_the_names_take_one_search_and_the_attributes_of_each_item() {
    let (bus, fake, expected) = fake(300).await;
    let names: Vec<String> = expected.into_iter().map(|(name, _)| name).collect();
    assert_eq!(bus.os_keyring().accounts(SERVICE).await.unwrap(), names);
    assert_eq!(calls(&fake), [1, 1, 0, 300, 0]);
}

#[tokio::test]
async fn r3_7_a_known_key_takes_one_search_its_secret_and_its_attributes() {
    let (bus, fake, _) = fake(1).await;
    let keyring = bus.os_keyring();
    keyring.get(SERVICE, "key-000").await.unwrap();
    let before = calls(&fake);
    keyring.get(SERVICE, "key-000").await.unwrap();
    let after = calls(&fake);
    let counted: Vec<usize> = after.iter().zip(before).map(|(after, before)| after - before).collect();
    assert_eq!(counted, [1, 0, 0, 1, 1]);
}

#[tokio::test]
async fn r3_7_secrets_that_are_too_large_for_one_message_are_read_in_smaller_batches_from_then_on() {
    let (bus, fake, expected) = fake(150).await;
    fake.behave(|it| it.max_secrets = Some(64));
    let keyring = OsKeyring::new(bus.environment(), SHORT);
    assert_eq!(entries(&keyring).await, expected);
    assert_eq!(fake.calls("GetSecrets"), 1 + 3);
    assert_eq!(entries(&keyring).await, expected);
    assert_eq!(fake.calls("GetSecrets"), 1 + 3 + 3);
}

#[tokio::test]
async fn r3_7_a_service_that_returns_no_batch_is_asked_for_each_secret() {
    let (bus, fake, expected) = fake(20).await;
    fake.behave(|it| it.max_secrets = Some(0));
    let keyring = OsKeyring::new(bus.environment(), SHORT);
    assert_eq!(entries(&keyring).await, expected);
    assert_eq!(fake.calls("GetSecret"), 20);
}

#[tokio::test]
async fn r3_7_of_duplicates_the_newest_is_listed() {
    let (bus, fake, _) = fake(0).await;
    fake.plant(SERVICE, "key", "older").await;
    fake.plant(SERVICE, "key", "newer").await;
    let expected = vec![("key".to_owned(), Some(Secret::from("newer")))];
    assert_eq!(entries(&bus.os_keyring()).await, expected);
}

#[tokio::test]
async fn r3_5_a_service_that_is_unlocked_while_it_is_searched_is_not_empty() {
    let (bus, fake, expected) = fake(1).await;
    let keyring = &bus.os_keyring();
    let hide = || fake.behave(|it| (it.locked, it.hides_locked, it.unlocks_after_search) = (true, true, true));
    hide();
    assert_eq!(keyring.contains(SERVICE, "key-000").await, Ok(true));
    hide();
    assert_eq!(keyring.accounts(SERVICE).await.unwrap(), ["key-000"]);
    hide();
    assert_eq!(entries(keyring).await, expected);
    hide();
    assert_eq!(keyring.get(SERVICE, "key-000").await, Ok(Some(Secret::from("key-000"))));
    hide();
    assert_eq!(keyring.delete(SERVICE, "key-000").await, Ok(true));
    assert_eq!(fake.prompts(), 0);
}

#[tokio::test]
async fn r3_6_an_item_that_a_search_overtakes_while_it_is_deleted_does_not_remain() {
    let (bus, fake, _) = fake(1).await;
    let keyring = bus.os_keyring();
    assert_eq!(keyring.accounts(SERVICE).await.unwrap(), ["key-000"]);
    fake.behave(|it| it.deletes_after_search = true);
    assert_eq!(
        keyring.delete_verified(SERVICE, "key-000").await,
        Ok(DeleteOutcome::Deleted)
    );
}
