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
async fn r1_secret_tool_reads_what_is_saved_here_and_the_other_way_round() {
    let bus = Bus::with_keyring().await;
    let keyring = bus.os_keyring();
    keyring.set(SERVICE, "ours", &Secret::from("one\ntwo")).await.unwrap();
    let output = bus.secret_tool(&["lookup", "service", SERVICE, "username", "ours"], "");
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "one\ntwo");

    let arguments = ["store", "--label=x", "service", SERVICE, "username", "theirs"];
    assert!(bus.secret_tool(&arguments, "three").status.success());
    assert_eq!(keyring.get(SERVICE, "theirs").await.unwrap(), secret("three"));
    assert_eq!(keyring.accounts(SERVICE).await.unwrap(), ["ours", "theirs"]);
    keyring.set(SERVICE, "theirs", &Secret::from("four")).await.unwrap();
    let output = bus.secret_tool(&["lookup", "service", SERVICE, "username", "theirs"], "");
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "four");
    assert!(keyring.delete(SERVICE, "theirs").await.unwrap());
    let output = bus.secret_tool(&["lookup", "service", SERVICE, "username", "theirs"], "");
    assert_eq!(output.stdout, b"");
}

#[tokio::test]
async fn r1_a_new_entry_has_the_label_and_the_attributes_of_the_keyring_family() {
    let bus = Bus::with_keyring().await;
    bus.os_keyring()
        .set(SERVICE, "key", &Secret::from("value"))
        .await
        .unwrap();
    let output = bus.secret_tool(&["search", "--all", "service", SERVICE], "");
    assert!(
        String::from_utf8(output.stdout)
            .unwrap()
            .contains("label = keyring:key@securestore test\n")
    );
    let mut attributes: Vec<String> = String::from_utf8(output.stderr)
        .unwrap()
        .lines()
        .map(str::to_owned)
        .collect();
    attributes.sort();
    assert_eq!(
        attributes,
        ["attribute.service = securestore test", "attribute.username = key"]
    );
}

/// What `@napi-rs/keyring` up to 1.1 writes beside service and user name.
const OLDER: [(&str, &str); 4] = [
    ("service", SERVICE),
    ("username", "key"),
    ("target", "default"),
    ("application", "rust-keyring"),
];

#[tokio::test]
async fn r1_an_entry_with_further_attributes_is_read_replaced_in_place_and_deleted() {
    let bus = Bus::with_keyring().await;
    let keyring = bus.os_keyring();
    bus.plant(&OLDER, b"old").await;
    assert_eq!(keyring.get(SERVICE, "key").await.unwrap(), secret("old"));
    keyring.set(SERVICE, "key", &Secret::from("new")).await.unwrap();
    assert_eq!(keyring.get(SERVICE, "key").await.unwrap(), secret("new"));
    assert_eq!(bus.count(&OLDER).await, 1, "its own program still finds it");
    assert_eq!(bus.count(&OLDER[..2]).await, 1);
    assert!(keyring.delete(SERVICE, "key").await.unwrap());
    assert_eq!(bus.count(&OLDER[..2]).await, 0);
}

#[tokio::test]
async fn r1_of_two_entries_for_one_account_the_newest_is_read_and_set_leaves_one() {
    let bus = Bus::with_keyring().await;
    let keyring = bus.os_keyring();
    for (mark, value) in [("a", "first"), ("b", "second"), ("c", "third")] {
        let attributes = [("service", SERVICE), ("username", "key"), ("mark", mark)];
        bus.plant(&attributes, value.as_bytes()).await;
    }
    assert_eq!(bus.count(&OLDER[..2]).await, 3);
    assert_eq!(keyring.get(SERVICE, "key").await.unwrap(), secret("third"));
    assert_eq!(keyring.accounts(SERVICE).await.unwrap(), ["key"]);
    keyring.set(SERVICE, "key", &Secret::from("fourth")).await.unwrap();
    assert_eq!(bus.count(&OLDER[..2]).await, 1);
    assert_eq!(keyring.get(SERVICE, "key").await.unwrap(), secret("fourth"));
}

#[tokio::test]
async fn r1_many_reads_at_once_answer_for_each_account_by_itself() {
    let bus = Bus::with_keyring().await;
    let keyring = bus.os_keyring();
    let service = ("service", SERVICE);
    for n in 0..10 {
        let account = format!("key-{n}");
        keyring.set(SERVICE, &account, &Secret::from("value")).await.unwrap();
    }
    bus.plant(&[service, ("username", "twice"), ("mark", "a")], b"older")
        .await;
    bus.plant(&[service, ("username", "twice"), ("mark", "b")], b"newer")
        .await;
    bus.plant(&[service, ("username", "no text")], b"\xff").await;
    bus.plant(&[service], b"of nobody").await;

    let mut accounts: Vec<String> = (0..10).map(|n| format!("key-{n}")).collect();
    accounts.extend(["none", "twice", "no text", "", "twice"].map(str::to_owned));
    let mut read = keyring.get_many(SERVICE, &accounts).await;
    let rest: Vec<_> = read.drain(10..).collect();
    assert!(read.into_iter().all(|value| value == Ok(secret("value"))));
    assert_eq!(rest[0], Ok(None));
    assert_eq!(rest[1], Ok(secret("newer")));
    assert_eq!(rest[2].as_ref().unwrap_err().error().code(), Code::Corrupt);
    assert_eq!(rest[3], Ok(None));
    assert_eq!(rest[4], Ok(secret("newer")));

    // Asked for one by one at the same time, they are read together; the answers are the same.
    let together = join_all(accounts.iter().map(|account| keyring.get(SERVICE, account))).await;
    assert!(together[..10].iter().all(|value| *value == Ok(secret("value"))));
    assert_eq!(together[10..], rest[..]);

    // A few of many are looked for one by one; the answers are the same.
    for n in 0..40 {
        let account = format!("more-{n}");
        keyring.set(SERVICE, &account, &Secret::from("more")).await.unwrap();
    }
    assert_eq!(keyring.get_many(SERVICE, &accounts).await[10..], rest[..]);
}

#[tokio::test]
async fn r1_what_is_remembered_of_an_entry_never_hides_what_another_program_does() {
    let bus = Bus::with_keyring().await;
    let keyring = bus.os_keyring();
    let theirs = |value: &str| {
        let arguments = [
            "store",
            "--label=x",
            "service",
            SERVICE,
            "username",
            "key",
            "mark",
            value,
        ];
        assert!(bus.secret_tool(&arguments, value).status.success());
    };
    theirs("one");
    theirs("two");
    keyring.set(SERVICE, "other", &Secret::from("ours")).await.unwrap();
    for _ in 0..2 {
        assert_eq!(keyring.get(SERVICE, "key").await.unwrap(), secret("two"));
        assert_eq!(keyring.accounts(SERVICE).await.unwrap(), ["key", "other"]);
    }
    bus.secret_tool(&["clear", "service", SERVICE, "username", "key", "mark", "two"], "");
    assert_eq!(keyring.get(SERVICE, "key").await.unwrap(), secret("one"));
    // Replaced by one of another path, which is now the only one.
    bus.secret_tool(&["clear", "service", SERVICE, "username", "key"], "");
    assert_eq!(keyring.get(SERVICE, "key").await.unwrap(), None);
    assert_eq!(keyring.accounts(SERVICE).await.unwrap(), ["other"]);
    theirs("three");
    assert_eq!(keyring.get(SERVICE, "key").await.unwrap(), secret("three"));
    assert_eq!(keyring.accounts(SERVICE).await.unwrap(), ["key", "other"]);
}

#[tokio::test]
async fn r1_delete_removes_every_entry_of_an_account() {
    let bus = Bus::with_keyring().await;
    let keyring = bus.os_keyring();
    for mark in ["a", "b"] {
        let attributes = [("service", SERVICE), ("username", "key"), ("mark", mark)];
        bus.plant(&attributes, b"value").await;
    }
    assert!(keyring.delete(SERVICE, "key").await.unwrap());
    assert_eq!(bus.count(&OLDER[..2]).await, 0);
}

#[tokio::test]
async fn r1_fifty_writers_of_one_account_leave_one_entry() {
    let bus = Bus::with_keyring().await;
    let keyring = &bus.os_keyring();
    let value = &Secret::from("value");
    let saved = join_all((0..50).map(|_| keyring.set(SERVICE, "key", value))).await;
    assert!(saved.iter().all(Result::is_ok));
    assert_eq!(bus.count(&OLDER[..2]).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn r1_saving_reading_listing_and_deleting_one_account_at_the_same_time_never_fails() {
    let bus = Bus::with_keyring().await;
    let keyring = &bus.os_keyring();
    let value = &Secret::from("value");
    let saving = async {
        for _ in 0..50 {
            keyring.set(SERVICE, "key", value).await.unwrap();
        }
    };
    let deleting = async {
        for _ in 0..50 {
            keyring.delete(SERVICE, "key").await.unwrap();
        }
    };
    let reading = async {
        for _ in 0..100 {
            let read = keyring.get(SERVICE, "key").await.unwrap();
            assert!(read.is_none() || read.as_ref() == Some(value));
        }
    };
    let listing = async {
        for _ in 0..100 {
            keyring.accounts(SERVICE).await.unwrap();
        }
    };
    tokio::join!(saving, deleting, reading, listing);
}

#[tokio::test]
async fn r3_7_entries_without_a_user_name_are_no_accounts() {
    let bus = Bus::with_keyring().await;
    bus.plant(&[("service", SERVICE), ("other", "x")], b"value").await;
    bus.plant(&OLDER, b"value").await;
    assert_eq!(bus.os_keyring().accounts(SERVICE).await.unwrap(), ["key"]);
}

#[tokio::test]
async fn r6_a_value_that_is_no_text_is_corrupt_and_does_not_show() {
    let bus = Bus::with_keyring().await;
    bus.plant(&OLDER, b"sk-secret\xff").await;
    let error = bus.os_keyring().get(SERVICE, "key").await.unwrap_err();
    assert_eq!(error.error().code(), Code::Corrupt);
    assert!(!format!("{error:?} {error}").contains("sk-"));
    assert!(!error.error().message().contains("key k"), "{error}");
}

#[tokio::test]
async fn r6_a_name_with_a_nul_is_refused() {
    let bus = Bus::with_keyring().await;
    let keyring = bus.os_keyring();
    let value = Secret::from("value");
    let many = ["a\0b".to_owned()];
    for error in [
        keyring.get(SERVICE, "a\0b").await.unwrap_err(),
        keyring.set("a\0b", "key", &value).await.unwrap_err(),
        keyring.delete(SERVICE, "\0").await.unwrap_err(),
        keyring.accounts("\0").await.unwrap_err(),
        keyring.get_many(SERVICE, &many).await.remove(0).unwrap_err(),
    ] {
        assert_eq!(error.error().code(), Code::Corrupt);
    }
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
    let mut bus = Bus::of_a_desktop();
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
async fn r7b_a_daemon_that_the_bus_restarts_locked_is_not_taken_for_an_empty_one() {
    let mut bus = Bus::of_a_desktop();
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
