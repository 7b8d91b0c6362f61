//! Tests of the blocking backend on a simulated platform in memory, which can show dialogs and hang.

use std::collections::BTreeMap;

use super::*;

/// The state of the simulated platform, its faults, and counts of its calls.
#[derive(Default)]
struct Simulated {
    entries: BTreeMap<(String, String), String>,
    /// Entries whose secret is only given out in a dialog, which the user refuses.
    refused: Vec<&'static str>,
    /// The keyring is locked, and the user refuses to unlock it.
    locked: bool,
    /// The next call fails with this error.
    next_error: Option<ErrorKind>,
    /// A deletion has no effect.
    keeps_deleted: bool,
    hangs: bool,
    is_silent: bool,
    dialogs: usize,
    secrets_read: usize,
}

impl Simulated {
    /// Simulates a call that needs the secret of an entry.
    fn access(&mut self, account: &str) -> Result<(), BlockingError> {
        if !self.locked && !self.refused.contains(&account) {
            return Ok(());
        }
        if self.is_silent {
            return Err(failed(Code::Locked));
        }
        self.dialogs += 1;
        Err(failed(Code::Denied))
    }
}

fn failed(code: Code) -> BlockingError {
    (ErrorKind::Failed(code), format!("simulated {code}"))
}

fn key(service: &str, account: &str) -> (String, String) {
    (service.to_owned(), account.to_owned())
}

/// Defines a platform with its own state, so that tests do not affect each other.
macro_rules! platform {
    ($name:ident) => {
        static STATE: Mutex<Option<Simulated>> = Mutex::new(None);
        static PROMPTS: Prompts = Prompts::new();

        struct $name;

        #[allow(dead_code)]
        fn with<T>(change: impl FnOnce(&mut Simulated) -> T) -> T {
            change(STATE.lock().unwrap().get_or_insert_default())
        }

        fn call<T>(work: impl FnOnce(&mut Simulated) -> Result<T, BlockingError>) -> Result<T, BlockingError> {
            while with(|it| it.hangs) {
                std::thread::yield_now();
            }
            with(|it| match it.next_error.take() {
                Some(kind) => Err((kind, "simulated".to_owned())),
                None => work(it),
            })
        }

        impl Platform for $name {
            const NAME: &'static str = "The simulated keyring";

            fn get(service: &str, account: &str) -> Result<Secret, BlockingError> {
                call(|it| {
                    let value = it.entries.get(&key(service, account)).cloned();
                    let value = value.ok_or((ErrorKind::NotFound, String::new()))?;
                    it.access(account)?;
                    it.secrets_read += 1;
                    Ok(Secret::new(value))
                })
            }

            fn set(service: &str, account: &str, secret: &Secret) -> Result<(), BlockingError> {
                call(|it| {
                    it.entries
                        .insert(key(service, account), secret.expose().to_owned());
                    Ok(())
                })
            }

            fn delete(service: &str, account: &str) -> Result<(), BlockingError> {
                call(|it| match it.keeps_deleted {
                    true => Ok(()),
                    false => {
                        let removed = it.entries.remove(&key(service, account)).map(|_| ());
                        removed.ok_or((ErrorKind::NotFound, String::new()))
                    }
                })
            }

            fn contains(service: &str, account: &str) -> Result<bool, BlockingError> {
                call(|it| Ok(it.entries.contains_key(&key(service, account))))
            }

            fn accounts(service: &str) -> Result<Vec<String>, BlockingError> {
                call(|it| {
                    let keys = it.entries.keys().rev().filter(|(owner, _)| owner == service);
                    Ok(keys.map(|(_, account)| account.clone()).collect())
                })
            }

            fn prompts() -> Option<&'static Prompts> {
                Some(&PROMPTS)
            }

            fn is_locked() -> bool {
                with(|it| it.locked)
            }

            fn silence() -> Box<dyn Any> {
                struct Silence;
                impl Drop for Silence {
                    fn drop(&mut self) {
                        with(|it| it.is_silent = false);
                    }
                }
                with(|it| it.is_silent = true);
                Box::new(Silence)
            }
        }
    };
}

const LIMIT: Duration = Duration::from_secs(20);

fn backend<P: Platform>(limit: Duration) -> Backend<P> {
    Backend::new(Environment::default(), limit)
}

fn code<T: std::fmt::Debug>(result: Result<T, KeyringError>) -> Code {
    result.unwrap_err().error().code()
}

#[tokio::test]
async fn r1_values_are_saved_read_listed_and_deleted() {
    platform!(Keyring);
    let keyring = backend::<Keyring>(LIMIT);
    assert_eq!(keyring.get("svc", "b").await, Ok(None));
    assert_eq!(keyring.delete("svc", "b").await, Ok(false));
    for account in ["b", "a"] {
        keyring.set("svc", account, &Secret::from(account)).await.unwrap();
    }
    assert_eq!(keyring.get("svc", "b").await, Ok(Some(Secret::from("b"))));
    assert_eq!(keyring.accounts("svc").await, Ok(vec!["a".to_owned(), "b".to_owned()]));
    let many = ["b".to_owned(), "none".to_owned(), "a".to_owned()];
    assert_eq!(
        keyring.get_many("svc", &many).await,
        [Ok(Some(Secret::from("b"))), Ok(None), Ok(Some(Secret::from("a")))]
    );
    assert_eq!(keyring.delete("svc", "b").await, Ok(true));
    assert_eq!(keyring.get("svc", "b").await, Ok(None));
}

#[tokio::test]
async fn r3_8_existence_and_names_are_found_without_reading_a_secret() {
    platform!(Keyring);
    let keyring = backend::<Keyring>(LIMIT);
    keyring.set("svc", "key", &Secret::from("value")).await.unwrap();
    with(|it| it.refused = vec!["key"]);
    assert_eq!(keyring.contains("svc", "key").await, Ok(true));
    assert_eq!(keyring.contains("svc", "none").await, Ok(false));
    assert_eq!(keyring.accounts("svc").await, Ok(vec!["key".to_owned()]));
    assert_eq!(with(|it| (it.dialogs, it.secrets_read)), (0, 0));
}

#[tokio::test]
async fn r3_1_a_write_is_read_back_where_that_needs_no_dialog() {
    platform!(Keyring);
    let keyring = backend::<Keyring>(LIMIT);
    let value = Secret::from("value");
    assert_eq!(
        keyring.set_verified("svc", "key", &value).await,
        Ok(WriteOutcome::Verified)
    );
    with(|it| it.refused = vec!["key"]);
    assert_eq!(
        keyring.set_verified("svc", "key", &value).await,
        Ok(WriteOutcome::Verified)
    );
    assert_eq!(with(|it| (it.dialogs, it.secrets_read)), (0, 1));
}

#[tokio::test]
async fn r3_6_a_deletion_without_effect_is_detected() {
    platform!(Keyring);
    let keyring = backend::<Keyring>(LIMIT);
    keyring.set("svc", "key", &Secret::from("value")).await.unwrap();
    with(|it| it.keeps_deleted = true);
    assert_eq!(keyring.delete_verified("svc", "key").await, Ok(DeleteOutcome::Remains));
    with(|it| it.keeps_deleted = false);
    assert_eq!(keyring.delete_verified("svc", "key").await, Ok(DeleteOutcome::Deleted));
    assert_eq!(keyring.delete_verified("svc", "key").await, Ok(DeleteOutcome::NotFound));
}

#[tokio::test]
async fn r7b_a_call_that_hangs_is_a_timeout_and_the_next_one_works() {
    platform!(Keyring);
    with(|it| it.hangs = true);
    let hung = backend::<Keyring>(Duration::from_millis(50)).get("svc", "key").await;
    assert_eq!(code(hung), Code::Timeout);
    with(|it| it.hangs = false);
    assert_eq!(backend::<Keyring>(LIMIT).get("svc", "key").await, Ok(None));
}

#[tokio::test]
async fn r7b_a_refused_entry_shows_one_dialog_while_others_are_read() {
    platform!(Keyring);
    let keyring = backend::<Keyring>(LIMIT);
    for account in ["refused", "readable"] {
        keyring.set("svc", account, &Secret::from("value")).await.unwrap();
    }
    with(|it| it.refused = vec!["refused"]);
    assert_eq!(code(keyring.get("svc", "refused").await), Code::Denied);
    for _ in 0..10 {
        assert_eq!(code(keyring.get("svc", "refused").await), Code::Locked);
        assert!(keyring.get("svc", "readable").await.unwrap().is_some());
    }
    let many = ["refused".to_owned(), "readable".to_owned()];
    let read = keyring.get_many("svc", &many).await;
    assert!(read[0].is_err() && read[1].is_ok());
    assert_eq!(with(|it| it.dialogs), 1);
    with(|it| it.refused.clear());
    assert!(keyring.get("svc", "refused").await.unwrap().is_some());
}

#[tokio::test]
async fn r7b_after_a_refusal_to_unlock_all_calls_are_silent_until_one_succeeds() {
    platform!(Keyring);
    let keyring = backend::<Keyring>(LIMIT);
    for account in ["a", "b"] {
        keyring.set("svc", account, &Secret::from("value")).await.unwrap();
    }
    with(|it| it.locked = true);
    assert_eq!(code(keyring.get("svc", "a").await), Code::Denied);
    assert_eq!(code(keyring.get("svc", "b").await), Code::Locked);
    assert_eq!(keyring.contains("svc", "b").await, Ok(true));
    assert_eq!(code(keyring.get("svc", "b").await), Code::Locked);
    assert_eq!(keyring.get("svc", "none").await, Ok(None));
    assert_eq!(code(keyring.get("svc", "b").await), Code::Locked);
    assert_eq!(with(|it| it.dialogs), 1);

    with(|it| it.locked = false);
    assert!(keyring.get("svc", "a").await.unwrap().is_some());
    with(|it| it.locked = true);
    assert_eq!(code(keyring.get("svc", "b").await), Code::Denied);
    assert_eq!(with(|it| it.dialogs), 2);
}

#[tokio::test]
async fn r1_an_unreachable_store_is_absent_unless_it_answered_before() {
    platform!(Keyring);
    let keyring = backend::<Keyring>(LIMIT);
    with(|it| it.next_error = Some(ErrorKind::Unreachable));
    assert!(matches!(keyring.get("svc", "key").await, Err(KeyringError::Absent(_))));
    assert_eq!(keyring.get("svc", "key").await, Ok(None));
    with(|it| it.next_error = Some(ErrorKind::Unreachable));
    assert!(matches!(keyring.get("svc", "key").await, Err(KeyringError::Failed(_))));
}
