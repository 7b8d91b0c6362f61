//! The blocking backend on the keyring family's own mock store, with prompts and hangs played by the test.

use std::collections::HashMap;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, LazyLock};

use keyring_core::api::CredentialStoreApi;
use keyring_core::mock::{Cred, Store};

use super::*;

/// A platform with a store, a gate and counters of its own, so that tests do not meet.
macro_rules! platform {
    ($name:ident) => {
        static STORE: LazyLock<Arc<Store>> = LazyLock::new(|| Store::new().expect("a mock store"));
        static GATE: Gate = Gate::new();
        #[allow(dead_code)]
        static SILENCED: AtomicUsize = AtomicUsize::new(0);
        #[allow(dead_code)]
        static HANGS: AtomicBool = AtomicBool::new(false);

        struct $name;

        impl Platform for $name {
            const NAME: &'static str = "The mock";

            fn entry(service: &str, account: &str) -> Result<Entry, Error> {
                while HANGS.load(Ordering::Relaxed) {
                    std::thread::yield_now();
                }
                STORE.build(service, account, None)
            }

            fn accounts(service: &str) -> Result<Vec<String>, Error> {
                let entries = STORE.search(&HashMap::from([("service", service)]))?;
                Ok(entries
                    .iter()
                    .filter_map(Entry::get_specifiers)
                    .map(|(_, account)| account)
                    .collect())
            }

            fn number(error: &Error) -> Option<(i64, ErrorKind)> {
                let Error::PlatformFailure(_) = error else {
                    return None;
                };
                Some((-128, ErrorKind::Failed(Code::Denied)))
            }

            fn gate() -> Option<&'static Gate> {
                Some(&GATE)
            }

            fn silence() -> Box<dyn Any> {
                SILENCED.fetch_add(1, Ordering::Relaxed);
                Box::new(())
            }
        }

        #[allow(dead_code)]
        fn fail_next(account: &str, error: Error) {
            let entry = STORE.build("svc", account, None).expect("a mock entry");
            let cred: &Cred = entry.as_any().downcast_ref().expect("a mock credential");
            cred.set_error(error);
        }
    };
}

const LIMIT: Duration = Duration::from_secs(20);

fn backend<P: Platform>(limit: Duration) -> Backend<P> {
    Backend::new(Environment::default(), limit)
}

fn dismissed() -> Error {
    Error::PlatformFailure(Box::new(std::io::Error::other("dismissed")))
}

#[tokio::test]
async fn r1_what_is_saved_is_read_listed_and_deleted() {
    platform!(Mock);
    let keyring = backend::<Mock>(LIMIT);
    assert_eq!(keyring.get("svc", "b").await, Ok(None));
    assert_eq!(keyring.delete("svc", "b").await, Ok(false));
    for account in ["b", "a"] {
        keyring.set("svc", account, &Secret::from(account)).await.unwrap();
    }
    assert_eq!(keyring.get("svc", "b").await, Ok(Some(Secret::from("b"))));
    assert_eq!(keyring.contains("svc", "b").await, Ok(true));
    assert_eq!(keyring.accounts("svc").await, Ok(vec!["a".to_owned(), "b".to_owned()]));
    // The mock lists what it was ever asked for: after the listing.
    assert_eq!(keyring.contains("svc", "none").await, Ok(false));
    let many = ["b".to_owned(), "none".to_owned(), "a".to_owned()];
    assert_eq!(
        keyring.get_many("svc", &many).await,
        [Ok(Some(Secret::from("b"))), Ok(None), Ok(Some(Secret::from("a")))]
    );
    assert_eq!(keyring.delete("svc", "b").await, Ok(true));
    assert_eq!(keyring.get("svc", "b").await, Ok(None));
}

#[tokio::test]
async fn r6_a_value_that_is_no_text_is_corrupt_and_does_not_show() {
    platform!(Mock);
    let keyring = backend::<Mock>(LIMIT);
    fail_next("key", Error::BadEncoding(b"sk-secret\xff".to_vec()));
    let error = keyring.get("svc", "key").await.unwrap_err();
    assert_eq!(error.error().code(), Code::Corrupt);
    assert!(!format!("{error:?} {error}").contains("sk-"));
}

#[tokio::test]
async fn r6_a_value_that_is_too_long_is_unavailable_and_the_message_says_the_limit() {
    platform!(Mock);
    let keyring = backend::<Mock>(LIMIT);
    fail_next("key", Error::TooLong("password encoded as UTF-16".into(), 2560));
    let error = keyring.set("svc", "key", &Secret::from("x")).await.unwrap_err();
    assert!(matches!(error, KeyringError::Failed(_)));
    assert_eq!(error.error().code(), Code::Unavailable);
    assert!(error.error().message().contains("2560 bytes"), "{error}");
}

#[tokio::test]
async fn r7b_a_call_that_hangs_is_a_timeout_and_the_next_one_works() {
    platform!(Mock);
    HANGS.store(true, Ordering::Relaxed);
    let error = backend::<Mock>(Duration::from_millis(50))
        .get("svc", "key")
        .await
        .unwrap_err();
    assert_eq!(error.error().code(), Code::Timeout);
    HANGS.store(false, Ordering::Relaxed);
    assert_eq!(backend::<Mock>(LIMIT).get("svc", "key").await, Ok(None));
}

#[tokio::test]
async fn r7b_after_a_dismissed_prompt_calls_are_silent_until_one_succeeds() {
    platform!(Mock);
    let keyring = backend::<Mock>(LIMIT);
    fail_next("key", dismissed());
    let error = keyring.get("svc", "key").await.unwrap_err();
    assert_eq!(error.error().code(), Code::Denied);
    assert!(error.error().message().contains("-128"), "{error}");
    assert_eq!(SILENCED.load(Ordering::Relaxed), 0);

    // Of the many, only the first may prompt; here none may any more.
    fail_next("key", dismissed());
    let many = keyring.get_many("svc", &["key".to_owned(), "other".to_owned()]).await;
    assert!(many[0].is_err());
    assert_eq!(many[1], Ok(None));
    assert_eq!(SILENCED.load(Ordering::Relaxed), 2);

    assert_eq!(keyring.get("svc", "key").await, Ok(None));
    assert_eq!(SILENCED.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn r1_a_store_that_is_gone_is_absent_unless_it_had_answered() {
    platform!(Mock);
    let keyring = backend::<Mock>(LIMIT);
    fail_next("key", Error::NoDefaultStore);
    assert!(matches!(keyring.get("svc", "key").await, Err(KeyringError::Absent(_))));
    assert_eq!(keyring.get("svc", "key").await, Ok(None));
    fail_next("key", Error::NoDefaultStore);
    assert!(matches!(keyring.get("svc", "key").await, Err(KeyringError::Failed(_))));
}
