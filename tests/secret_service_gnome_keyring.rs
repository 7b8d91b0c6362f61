//! What the OS keyring does only with gnome-keyring, which answers messages in order.
#![cfg(target_os = "linux")]

mod support;

use std::fs::File;
use std::path::PathBuf;
use std::pin::pin;
use std::time::{Duration, SystemTime};

use futures_util::future::{join_all, select};
use securestore::error::Code;
use securestore::keyring::Keyring;
use securestore::keyring::os::OsKeyring;
use securestore::secret::Secret;
use support::Bus;
use support::fake::Fake;
use support::secret_service::monitor::Monitor;
use support::secret_service::other_program::OtherProgram;
use support::secret_service::{SERVICE, alice_and_bob, secret};

const KEYRING_FILE: &str = "login.keyring";

/// The messages that a read may send.
const CALLS: [&str; 4] = ["SearchItems", "GetSecret", "Attributes", "Locked"];

/// How often a test repeats what depends on the order in which processes run.
const ROUNDS: usize = 15;

#[tokio::test]
async fn r3_2_a_known_key_takes_its_secret_and_one_search_where_the_service_answers_in_order() {
    let (_bus, fake, keyring) = alice_and_bob().await;
    fake.claims_to_be_gnome_keyring().await;
    recognize(&fake, &keyring).await;
    assert_eq!(calls_of_get(&fake, &keyring).await, [1, 1, 0, 0]);
    fake.behave(|it| it.search_reply_waits_for_read = true);
    assert_eq!(calls_of_get(&fake, &keyring).await, [1, 1, 0, 0]);
}

#[tokio::test]
async fn r3_2_a_search_that_was_answered_before_the_secret_proves_nothing() {
    let (_bus, fake, keyring) = alice_and_bob().await;
    fake.claims_to_be_gnome_keyring().await;
    recognize(&fake, &keyring).await;
    fake.behave(|it| it.next_read_waits_for_search = true);
    assert_eq!(calls_of_get(&fake, &keyring).await, [1, 2, 1, 0]);
}

#[tokio::test]
async fn r3_2_any_other_service_is_always_asked_for_the_attributes_of_a_known_key() {
    let (_bus, fake, keyring) = alice_and_bob().await;
    for _ in 0..ROUNDS {
        assert_eq!(calls_of_get(&fake, &keyring).await, [1, 1, 1, 0]);
    }
}

#[tokio::test]
async fn r3_2_a_gnome_keyring_next_to_another_service_changes_nothing() {
    let (bus, fake, keyring) = alice_and_bob().await;
    let other = bus.connect().await;
    other.request_name("org.gnome.keyring").await.expect("a free name");
    for _ in 0..ROUNDS {
        assert_eq!(calls_of_get(&fake, &keyring).await, [1, 1, 1, 0]);
    }
}

#[tokio::test]
async fn r3_2_a_real_gnome_keyring_is_recognized() {
    let bus = Bus::with_keyring().await;
    let keyring = bus.os_keyring();
    keyring.set(SERVICE, "key", &Secret::from("value")).await.unwrap();
    let mut monitor = Monitor::on(&bus).await;
    loop {
        assert_eq!(keyring.get(SERVICE, "key").await, Ok(secret("value")));
        if monitor.calls().await == ["GetSecret", "SearchItems"] {
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn r3_2_items_that_exchange_their_names_are_read_under_the_name_that_they_have() {
    let (bus, keyring) = real_alice_and_bob().await;
    let other = OtherProgram::on(&bus).await;
    let items = [other.item(SERVICE, "alice").await, other.item(SERVICE, "bob").await];
    let mut values = ["alice's", "bob's"];
    for _ in 0..ROUNDS {
        while_reading(&keyring, async {
            // For a moment both items have one name. Nobody renames two items at once.
            other.rename(&items[0], SERVICE, "bob").await;
            other.rename(&items[1], SERVICE, "alice").await;
        })
        .await;
        values.swap(0, 1);
        assert_values(&keyring, [Some(values[0]), Some(values[1])]).await;
        while_reading(&keyring, async {
            other.rename(&items[1], SERVICE, "bob").await;
            other.rename(&items[0], SERVICE, "alice").await;
        })
        .await;
        values.swap(0, 1);
        assert_values(&keyring, [Some(values[0]), Some(values[1])]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn r3_2_a_renamed_or_recreated_item_is_read_under_the_name_that_it_has() {
    let (bus, keyring) = real_alice_and_bob().await;
    let other = OtherProgram::on(&bus).await;
    for round in 0..ROUNDS {
        let item = other.item(SERVICE, "bob").await;
        while_reading(&keyring, other.rename(&item, SERVICE, "carol")).await;
        assert_values(&keyring, [Some("alice's"), None]).await;
        assert_eq!(keyring.get(SERVICE, "carol").await, Ok(secret("bob's")));
        while_reading(&keyring, other.rename(&item, SERVICE, "bob")).await;
        assert_values(&keyring, [Some("alice's"), Some("bob's")]).await;
        let item = other.item(SERVICE, "alice").await;
        let value = format!("alice's {round}");
        while_reading(&keyring, async {
            other.delete(&item).await;
            bus.plant(&[("service", SERVICE), ("username", "alice")], value.as_bytes())
                .await;
        })
        .await;
        assert_values(&keyring, [Some(&value), Some("bob's")]).await;
        other.delete(&other.item(SERVICE, "alice").await).await;
        assert_values(&keyring, [None, Some("bob's")]).await;
        bus.plant(&[("service", SERVICE), ("username", "alice")], b"alice's")
            .await;
        assert_values(&keyring, [Some("alice's"), Some("bob's")]).await;
    }
}

#[tokio::test]
async fn r3_2_after_a_keyring_file_is_replaced_by_a_backup_its_values_are_read() {
    let (bus, keyring) = real_alice_and_bob().await;
    let backup = Backup::of(&bus);
    let other = OtherProgram::on(&bus).await;
    let items = [other.item(SERVICE, "alice").await, other.item(SERVICE, "bob").await];
    for hours in 1..=4 {
        other.rename(&items[0], SERVICE, "bob").await;
        other.rename(&items[1], SERVICE, "alice").await;
        assert_values(&keyring, [Some("bob's"), Some("alice's")]).await;
        backup.restore(hours);
        assert_values(&keyring, [Some("alice's"), Some("bob's")]).await;
    }
}

#[tokio::test]
async fn r3_7_a_listing_asks_for_no_name_that_is_known_and_a_program_that_lists_once_gets_no_signals() {
    let bus = Bus::with_keyring().await;
    let keyring = bus.os_keyring();
    for account in ["alice", "bob", "carol"] {
        keyring.set(SERVICE, account, &Secret::from("value")).await.unwrap();
    }
    let mut monitor = Monitor::on(&bus).await;
    list(&keyring, &["alice", "bob", "carol"]).await;
    let mut calls = monitor.calls().await;
    calls.sort_unstable();
    // One property is whether the collection is locked.
    assert_eq!(calls, ["Get", "Get", "Get", "Get", "SearchItems"]);
    loop {
        list(&keyring, &["alice", "bob", "carol"]).await;
        if monitor.calls().await == ["SearchItems"] {
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn r3_7_a_change_by_another_program_is_in_the_next_listing() {
    let (bus, keyring) = real_alice_and_bob().await;
    let other = OtherProgram::on(&bus).await;
    let bob = other.item(SERVICE, "bob").await;
    for round in 0..10 * ROUNDS {
        list(&keyring, &["alice", "bob"]).await;
        let name = format!("carol {round}");
        other.rename(&bob, SERVICE, &name).await;
        list(&keyring, &["alice", &name]).await;
        other.rename(&bob, "another service", "bob").await;
        // Before or after the change: the next listing must not depend on it.
        let (listed, ()) = tokio::join!(keyring.accounts(SERVICE), other.rename(&bob, SERVICE, "bob"));
        assert!([1, 2].contains(&listed.unwrap().len()));
    }
    for round in 0..ROUNDS {
        list(&keyring, &["alice", "bob"]).await;
        let name = format!("carol {round}");
        bus.plant(&[("service", SERVICE), ("username", &name)], b"value").await;
        list(&keyring, &["alice", "bob", &name]).await;
        other.delete(&other.item(SERVICE, &name).await).await;
    }
    // More signals than a connection queues, while nobody lists.
    for round in 0..200 {
        other.rename(&bob, SERVICE, &format!("carol {round}")).await;
    }
    list(&keyring, &["alice", "carol 199"]).await;
    other.rename(&bob, SERVICE, "bob").await;
    bus.lock().await;
    list(&keyring, &["alice", "bob"]).await;
    bus.unlock().await;
    list(&keyring, &["alice", "bob"]).await;
}

#[tokio::test]
async fn r3_7_a_listing_soon_shows_the_names_of_a_keyring_file_that_was_replaced_by_a_backup() {
    let (bus, keyring) = real_alice_and_bob().await;
    let backup = Backup::of(&bus);
    let other = OtherProgram::on(&bus).await;
    let bob = other.item(SERVICE, "bob").await;
    other.rename(&bob, SERVICE, "carol").await;
    for _ in 0..4 {
        list(&keyring, &["alice", "carol"]).await;
    }
    backup.restore(1);
    // gnome-keyring sends no signal for this change.
    while keyring.accounts(SERVICE).await.unwrap() != ["alice", "bob"] {}
}

#[tokio::test]
async fn r3_5_a_listing_that_finds_nothing_always_asks_whether_the_keyring_is_locked() {
    let (_bus, fake, keyring) = alice_and_bob().await;
    fake.claims_to_be_gnome_keyring().await;
    loop {
        let asked = fake.calls("Locked");
        list(&keyring, &["alice", "bob"]).await;
        if fake.calls("Locked") == asked {
            break;
        }
    }
    fake.behave(|it| (it.locked, it.hides_locked) = (true, true));
    let locked = async {
        let error = keyring.accounts(SERVICE).await.unwrap_err();
        assert_eq!(error.error().code(), Code::Denied);
    };
    tokio::join!(locked, fake.answer_next(false));
}

#[tokio::test]
async fn r3_7_any_other_service_is_always_asked_for_all_names() {
    let (_bus, fake, keyring) = alice_and_bob().await;
    for listings in 1..ROUNDS {
        list(&keyring, &["alice", "bob"]).await;
        keyring.get(SERVICE, "bob").await.unwrap();
        assert_eq!(fake.calls("Attributes"), 2 + 3 * listings);
    }
}

/// A copy of a keyring file.
struct Backup {
    folder: PathBuf,
    copy: PathBuf,
}

impl Backup {
    fn of(bus: &Bus) -> Self {
        let (folder, copy) = (bus.path().join("data/keyrings"), bus.path().join("backup"));
        std::fs::copy(folder.join(KEYRING_FILE), &copy).unwrap();
        Self { folder, copy }
    }

    /// Replaces the file, and sets its modification time to some hours ago. gnome-keyring loads a file again if its time, or that
    /// of its folder, differs by at least a second from the time that it saw before.
    fn restore(&self, hours: u64) {
        let (restored, file) = (self.copy.with_extension("restored"), self.folder.join(KEYRING_FILE));
        std::fs::copy(&self.copy, &restored).unwrap();
        std::fs::rename(restored, &file).unwrap();
        let time = SystemTime::now() - Duration::from_secs(3600 * hours);
        for path in [&file, &self.folder] {
            File::open(path).unwrap().set_modified(time).unwrap();
        }
    }
}

/// Starts a gnome-keyring with an item of Alice and one of Bob, recognized by a keyring that has read both.
async fn real_alice_and_bob() -> (Bus, OsKeyring) {
    let bus = Bus::with_keyring().await;
    let keyring = bus.os_keyring();
    for (account, value) in [("alice", "alice's"), ("bob", "bob's")] {
        keyring.set(SERVICE, account, &Secret::from(value)).await.unwrap();
    }
    let mut monitor = Monitor::on(&bus).await;
    loop {
        assert_values(&keyring, [Some("alice's"), Some("bob's")]).await;
        monitor.calls().await;
        keyring.get(SERVICE, "alice").await.unwrap();
        if monitor.calls().await == ["GetSecret", "SearchItems"] {
            return (bus, keyring);
        }
    }
}

/// Makes a change while many reads are made, some of them at the same time. Their results do not matter, but they must not
/// leave anything behind that makes a later read wrong.
async fn while_reading(keyring: &OsKeyring, change: impl Future<Output = ()>) {
    let mut change = pin!(change);
    let mut reading = pin!(async {
        loop {
            let reads = ["alice", "bob"].iter().cycle().take(10);
            join_all(reads.map(|account| keyring.get(SERVICE, account))).await;
            let _ = keyring.get(SERVICE, "alice").await;
        }
    });
    select(&mut change, &mut reading).await;
}

/// Asserts the names in a listing.
async fn list(keyring: &OsKeyring, expected: &[&str]) {
    assert_eq!(keyring.accounts(SERVICE).await.unwrap(), expected);
}

/// Asserts the values of Alice and Bob for a read, for ten reads at once and for a listing.
async fn assert_values(keyring: &OsKeyring, values: [Option<&str>; 2]) {
    let expected = values.map(|value| value.map(Secret::from));
    for (account, value) in ["alice", "bob"].iter().zip(&expected) {
        assert_eq!(keyring.get(SERVICE, account).await, Ok(value.clone()));
    }
    let reads = ["alice", "bob"].iter().cycle().take(10);
    let reads = join_all(reads.map(|account| keyring.get(SERVICE, account))).await;
    for (read, value) in reads.into_iter().zip(expected.iter().cycle()) {
        assert_eq!(read, Ok(value.clone()));
    }
    let listed = keyring.accounts_with_secrets(SERVICE).await.unwrap();
    let listed: Vec<_> = listed.into_iter().map(|it| (it.name, it.secret)).collect();
    for (account, value) in ["alice", "bob"].iter().zip(expected) {
        let found = listed.iter().find(|(name, _)| name == account);
        assert_eq!(found.map(|(_, secret)| secret.clone()), value.map(Some));
    }
}

/// Reads a key until the service is recognized as gnome-keyring, which happens in the background.
async fn recognize(fake: &Fake, keyring: &OsKeyring) {
    while calls_of_get(fake, keyring).await[2] > 0 {}
}

/// Returns how often each of `CALLS` is made when a known key is read.
async fn calls_of_get(fake: &Fake, keyring: &OsKeyring) -> [usize; 4] {
    let before = CALLS.map(|call| fake.calls(call));
    assert_eq!(keyring.get(SERVICE, "bob").await, Ok(secret("bob's")));
    let mut calls = CALLS.map(|call| fake.calls(call));
    for (calls, before) in calls.iter_mut().zip(before) {
        *calls -= before;
    }
    calls
}
