//! The OS keyring against a Secret Service that returns wrong answers.
#![cfg(target_os = "linux")]

mod support;

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use securestore::error::Code;
use securestore::keyring::os::{Environment, OsKeyring};
use securestore::keyring::runtime_file::RuntimeFile;
use securestore::keyring::{DeleteOutcome, Keyring, WriteOutcome};
use securestore::secret::Secret;
use support::secret_service::{
    NEVER, SERVICE, SHORT, alice_and_bob, code, fake_service, fake_service_with_key, secret,
};

#[tokio::test]
async fn r3_2_after_two_items_exchange_their_names_every_read_returns_the_item_of_that_name() {
    let (_bus, fake, keyring) = alice_and_bob().await;
    let names: Vec<String> = ["alice", "bob"]
        .iter()
        .cycle()
        .take(10)
        .map(|it| (*it).to_owned())
        .collect();
    keyring.get_many(SERVICE, &names).await;
    fake.swap("alice", "bob");
    assert_eq!(keyring.get(SERVICE, "bob").await, Ok(secret("alice's")));
    fake.swap("alice", "bob");
    for read in [
        keyring.get_many(SERVICE, &names).await,
        join_all(names.iter().map(|name| keyring.get(SERVICE, name))).await,
    ] {
        for (name, value) in names.iter().zip(read) {
            assert_eq!(value, Ok(secret(&format!("{name}'s"))));
        }
    }
}

#[tokio::test]
async fn r3_7_a_renamed_item_is_listed_and_read_under_its_new_name() {
    let (_bus, fake, keyring) = alice_and_bob().await;
    assert_eq!(keyring.accounts(SERVICE).await.unwrap(), ["alice", "bob"]);
    fake.rename("bob", "carol");
    assert_eq!(keyring.accounts(SERVICE).await.unwrap(), ["alice", "carol"]);
    assert_eq!(keyring.get(SERVICE, "carol").await, Ok(secret("bob's")));
    assert_eq!(keyring.get(SERVICE, "bob").await, Ok(None));
}

#[tokio::test]
async fn r3_2_the_item_of_another_key_is_never_read_overwritten_or_deleted() {
    let (_bus, fake, keyring) = alice_and_bob().await;
    fake.behave(|it| it.returns_item_of = Some("alice".to_owned()));
    for account in ["bob", "carol"] {
        assert_eq!(code(keyring.get(SERVICE, account).await), Code::Unavailable);
        assert_eq!(
            code(keyring.set(SERVICE, account, &Secret::from("new")).await),
            Code::Unavailable
        );
        assert_eq!(code(keyring.delete(SERVICE, account).await), Code::Unavailable);
    }
    assert_eq!(fake.secrets("alice"), ["alice's"]);
    assert_eq!(keyring.get(SERVICE, "alice").await, Ok(secret("alice's")));
}

#[tokio::test]
async fn r6_a_secret_that_cannot_be_decrypted_is_an_error_and_its_name_is_still_listed() {
    let (bus, fake) = fake_service().await;
    fake.behave(|it| it.undecryptable = true);
    let names: Vec<String> = (0..10).map(|n| format!("key-{n}")).collect();
    for name in &names {
        fake.plant(SERVICE, name, "sixteen bytes at least").await;
    }
    let keyring = bus.os_keyring();
    assert!(keyring.get(SERVICE, "key-0").await.is_err());
    assert!(keyring.get_many(SERVICE, &names).await.iter().all(Result::is_err));
    assert_eq!(keyring.accounts(SERVICE).await.unwrap(), names);
}

#[tokio::test]
async fn r7b_a_search_with_too_many_results_is_an_error_and_no_item_is_read() {
    let (bus, fake) = fake_service().await;
    fake.behave(|it| it.endless_search = 70_000);
    let keyring = bus.os_keyring();
    assert_eq!(code(keyring.get(SERVICE, "key").await), Code::Unavailable);
    assert_eq!(code(keyring.accounts(SERVICE).await), Code::Unavailable);
    assert_eq!(fake.calls("Attributes"), 0);
}

#[tokio::test]
async fn r3_2_a_known_key_is_read_in_one_round_trip() {
    let (_bus, fake, keyring) = alice_and_bob().await;
    fake.behave(|it| it.search_reply_waits_for_read = true);
    assert_eq!(keyring.get(SERVICE, "bob").await, Ok(secret("bob's")));
}

#[tokio::test]
async fn r3_1_a_write_is_read_back_in_the_round_trip_of_the_write() {
    let (_bus, fake, keyring) = alice_and_bob().await;
    fake.behave(|it| it.write_reply_waits_for_read = true);
    let outcome = keyring.set_verified(SERVICE, "bob", &Secret::from("new")).await;
    assert_eq!(outcome, Ok(WriteOutcome::Verified));
    assert_eq!(fake.secrets("bob"), ["new"]);
}

#[tokio::test]
async fn r3_1_a_write_is_read_back_and_another_value_is_a_conflict() {
    let (bus, fake) = fake_service().await;
    fake.plant(SERVICE, "key", "old").await;
    let keyring = bus.os_keyring();
    let new = Secret::from("new");
    assert_eq!(
        keyring.set_verified(SERVICE, "key", &new).await,
        Ok(WriteOutcome::Verified)
    );
    assert_eq!(fake.secrets("key"), ["new"]);
    assert_eq!(
        keyring.set_verified(SERVICE, "other", &new).await,
        Ok(WriteOutcome::Verified)
    );
    fake.behave(|it| it.ignores_writes = true);
    let outcome = keyring.set_verified(SERVICE, "key", &Secret::from("newer")).await;
    assert_eq!(outcome, Ok(WriteOutcome::Conflict));
}

#[tokio::test]
async fn r3_6_after_a_deletion_the_item_is_looked_up_and_an_item_that_remains_is_reported() {
    let (_bus, fake, keyring) = alice_and_bob().await;
    let delete = |account| keyring.delete_verified(SERVICE, account);
    assert_eq!(delete("alice").await, Ok(DeleteOutcome::Deleted));
    assert_eq!(delete("alice").await, Ok(DeleteOutcome::NotFound));
    fake.behave(|it| it.keeps_deleted = true);
    assert_eq!(delete("bob").await, Ok(DeleteOutcome::Remains));
}

#[tokio::test]
async fn r6_once_the_program_is_replaced_no_call_reaches_the_keyring() {
    let (bus, fake) = fake_service_with_key().await;
    let program = bus.path().join("program");
    std::fs::write(&program, "").unwrap();
    let file = Arc::new(RuntimeFile::open(&program).unwrap());
    let keyring = bus.os_keyring().with_runtime_file(file);
    assert_eq!(keyring.get(SERVICE, "key").await, Ok(secret("value")));
    std::fs::remove_file(&program).unwrap();
    let (searches, value) = (fake.calls("SearchItems"), Secret::from("new"));
    assert_eq!(code(keyring.get(SERVICE, "key").await), Code::RuntimeReplaced);
    assert_eq!(code(keyring.contains(SERVICE, "key").await), Code::RuntimeReplaced);
    assert_eq!(
        code(keyring.set_verified(SERVICE, "key", &value).await),
        Code::RuntimeReplaced
    );
    assert_eq!(
        code(keyring.delete_verified(SERVICE, "key").await),
        Code::RuntimeReplaced
    );
    assert_eq!(code(keyring.accounts(SERVICE).await), Code::RuntimeReplaced);
    let many = ["key".to_owned()];
    let read = keyring.get_many(SERVICE, &many).await.remove(0);
    assert_eq!(code(read), Code::RuntimeReplaced);
    assert_eq!(fake.calls("SearchItems"), searches);
}

#[tokio::test]
async fn r1_a_service_that_refuses_the_key_exchange_with_any_error_gets_a_plain_session() {
    let (bus, fake) = fake_service().await;
    fake.behave(|it| it.refuses_with_invalid_args = true);
    let keyring = bus.os_keyring();
    let value = Secret::from("value");
    assert_eq!(
        keyring.set_verified(SERVICE, "key", &value).await,
        Ok(WriteOutcome::Verified)
    );
    assert_eq!(keyring.get(SERVICE, "key").await, Ok(secret("value")));
}

#[tokio::test]
async fn r7b_creating_an_item_is_not_retried_when_the_service_refuses_it() {
    let (bus, fake) = fake_service().await;
    fake.behave(|it| it.creation_fails = true);
    let keyring = bus.os_keyring();
    let saved = keyring.set(SERVICE, "key", &Secret::from("value")).await;
    assert_eq!(code(saved), Code::Unavailable);
    assert_eq!(fake.calls("CreateItem"), 1);
}

#[tokio::test]
async fn r1_a_first_address_that_does_not_answer_does_not_delay_the_second_until_the_time_limit() {
    let (bus, _fake) = fake_service_with_key().await;
    let mute = bus.path().join("mute");
    let _listener = std::os::unix::net::UnixListener::bind(&mute).unwrap();
    let environment = Environment {
        session_bus_address: Some(format!("unix:path={};{}", mute.display(), bus.address())),
        runtime_dir: None,
    };
    let keyring = OsKeyring::new(environment, NEVER);
    assert_eq!(keyring.get(SERVICE, "key").await, Ok(secret("value")));
}

#[tokio::test]
async fn r1_a_runtime_directory_may_hold_any_character() {
    use std::os::unix::ffi::OsStringExt;
    let (bus, _fake) = fake_service_with_key().await;
    for name in ["run time", "100%", "é,;=", "%20"]
        .map(|it| it.as_bytes().to_vec())
        .into_iter()
        .chain([vec![0xff]])
    {
        let directory = bus.path().join(std::ffi::OsString::from_vec(name));
        std::fs::create_dir(&directory).unwrap();
        std::os::unix::fs::symlink(bus.path().join("bus"), directory.join("bus")).unwrap();
        let environment = Environment {
            session_bus_address: None,
            runtime_dir: Some(directory),
        };
        let keyring = OsKeyring::new(environment, support::LIMIT);
        assert_eq!(keyring.get(SERVICE, "key").await, Ok(secret("value")));
    }
    let directory = bus.path().join("run time");
    let address = format!("unix:path={}/bus", directory.display()).replace(' ', "%20");
    let environment = Environment {
        session_bus_address: Some(address),
        runtime_dir: None,
    };
    let keyring = OsKeyring::new(environment, support::LIMIT);
    assert_eq!(keyring.get(SERVICE, "key").await, Ok(secret("value")));
}

#[tokio::test]
async fn r7b_a_bus_that_never_completes_its_greeting_is_a_timeout_also_when_it_keeps_sending_bytes() {
    use std::io::Write;
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("bus");
    let listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    std::thread::spawn(move || {
        while let Ok((mut stream, _)) = listener.accept() {
            std::thread::spawn(move || {
                while stream.write_all(b"x").is_ok() {
                    // Makes single bytes arrive throughout the time limit. The test does not wait for this thread.
                    std::thread::sleep(Duration::from_millis(5));
                }
            });
        }
    });
    let environment = Environment {
        session_bus_address: Some(format!("unix:path={}", socket.display())),
        runtime_dir: None,
    };
    let keyring = OsKeyring::new(environment, SHORT);
    assert_eq!(code(keyring.get(SERVICE, "key").await), Code::Timeout);
}
