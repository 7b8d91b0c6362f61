//! The OS keyring against a real gnome-keyring on a private bus.
#![cfg(target_os = "linux")]

mod support;

use futures_util::future::join_all;
use securestore::error::Code;
use securestore::keyring::Keyring;
use securestore::secret::Secret;
use support::Bus;
use support::secret_service::{SERVICE, secret};

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
async fn r1_a_missing_entry_is_none_false_or_an_empty_list() {
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
async fn r7b_calls_fail_while_the_daemon_is_down_and_succeed_after_its_restart() {
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
async fn r1_secret_tool_and_this_crate_read_the_entries_of_each_other() {
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

/// The attributes of an entry that `@napi-rs/keyring` up to version 1.1 writes.
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
    assert_eq!(bus.count(&OLDER).await, 1, "the program that created it still finds it");
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
async fn r1_a_batch_of_reads_returns_a_result_for_each_account() {
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
    bus.plant(&[service], b"no account").await;

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

    // Concurrent single reads are batched, with the same results.
    let together = join_all(accounts.iter().map(|account| keyring.get(SERVICE, account))).await;
    assert!(together[..10].iter().all(|value| *value == Ok(secret("value"))));
    assert_eq!(together[10..], rest[..]);

    // A few of many accounts are read individually, with the same results.
    for n in 0..40 {
        let account = format!("more-{n}");
        keyring.set(SERVICE, &account, &Secret::from("more")).await.unwrap();
    }
    assert_eq!(keyring.get_many(SERVICE, &accounts).await[10..], rest[..]);
}

#[tokio::test]
async fn r1_a_cached_entry_never_hides_a_change_by_another_program() {
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
    // The item is replaced by one with another path.
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
async fn r3_7_entries_without_a_user_name_are_not_listed() {
    let bus = Bus::with_keyring().await;
    bus.plant(&[("service", SERVICE), ("other", "x")], b"value").await;
    bus.plant(&OLDER, b"value").await;
    assert_eq!(bus.os_keyring().accounts(SERVICE).await.unwrap(), ["key"]);
}

#[tokio::test]
async fn r6_a_value_that_is_not_text_is_corrupt_and_is_not_shown() {
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
