use std::sync::Arc;

use super::*;
use crate::fs::executor::FileExecutor;
use crate::keyring::memory::{FaultMode, MemoryKeyring};
use crate::store::FallbackPolicy;
use crate::store::testing::{at_once, store};

struct Setup {
    dir: tempfile::TempDir,
    keyring: Arc<MemoryKeyring>,
    settings: ExtensionSettings,
}

const SERVICE: &str = "LLxprt Code Extension x";

fn set_up(policy: FallbackPolicy, mode: FaultMode) -> Setup {
    let dir = tempfile::tempdir().unwrap();
    let (store, keyring) = store(SERVICE, &dir.path().join("store"), policy, mode);
    let locks = store.locks().clone();
    let settings = ExtensionSettings::new(std::sync::Arc::new(store), dir.path().join("extension"), locks);
    Setup { dir, keyring, settings }
}

impl Setup {
    fn env_file(&self) -> PathBuf {
        self.dir.path().join("extension").join(".env")
    }

    fn text(&self) -> Option<String> {
        std::fs::read_to_string(self.env_file()).ok()
    }
}

fn declared(settings: &[(&str, bool)]) -> Vec<Setting> {
    let setting = |(name, sensitive): &(&str, bool)| Setting {
        env_var: (*name).to_owned(),
        sensitive: *sensitive,
    };
    settings.iter().map(setting).collect()
}

fn values(values: &[(&str, &str)]) -> Values {
    values
        .iter()
        .map(|(name, value)| ((*name).to_owned(), Secret::from(*value)))
        .collect()
}

fn failure<T>(result: Result<T>) -> Option<(Code, String)> {
    result.err().map(|error| (error.code(), error.message().to_owned()))
}

#[test]
fn r7_a_service_is_the_reduced_name_of_the_extension_cut_at_255_characters() {
    assert_eq!(service("my ext/1.2_ä-b"), "LLxprt Code Extension myext12_-b");
    assert_eq!(service("鍵"), "LLxprt Code Extension ");
    let long = service(&"n".repeat(300));
    assert_eq!(long.len(), 255);
    assert!(long.starts_with("LLxprt Code Extension nnn"));
}

#[tokio::test]
async fn r7_6_settings_are_saved_loaded_and_deleted_with_a_keyring_and_without() {
    for mode in [FaultMode::Works, FaultMode::Absent, FaultMode::Fails(Code::Denied)] {
        let setup = set_up(FallbackPolicy::Allow, mode);
        let wanted = declared(&[("URL", false), ("TOKEN", true), ("EMPTY", false), ("UNSET", true)]);
        let given = values(&[
            ("URL", "a 'b' \"c\"\n\\d"),
            ("TOKEN", "t\"\n"),
            ("EMPTY", ""),
            ("STRANGER", "x"),
        ]);
        if mode == FaultMode::Fails(Code::Denied) {
            // The keyring may still hold a value of the setting without one.
            let failed = failure(setup.settings.save(wanted.clone(), given.clone()).await);
            assert_eq!(failed, Some((Code::Denied, "Simulated failure DENIED".to_owned())));
            assert_eq!(
                setup.settings.load(&wanted[..3]).await.unwrap().len(),
                3,
                "all others are saved"
            );
            continue;
        }
        setup.settings.save(wanted.clone(), given.clone()).await.unwrap();
        let mut expected = given;
        expected.remove("STRANGER");
        assert_eq!(setup.settings.load(&wanted).await, Ok(expected));
        assert_eq!(setup.text().unwrap(), "EMPTY=\"\"\nURL=`a 'b' \"c\"\n\\d`\n");
        assert_eq!(setup.keyring.peek(SERVICE, "TOKEN").is_some(), mode == FaultMode::Works);
        assert_eq!(setup.settings.has(None).await, Ok(true));
        assert_eq!(setup.settings.has(Some(&wanted[1..2])).await, Ok(true));
        assert_eq!(setup.settings.has(Some(&wanted[3..])).await, Ok(false));
        setup.settings.delete(Some(wanted[..2].to_vec())).await.unwrap();
        assert_eq!(setup.settings.load(&wanted).await, Ok(values(&[("EMPTY", "")])));
        setup.settings.delete(None).await.unwrap();
        assert_eq!(setup.settings.has(None).await, Ok(false));
        assert_eq!(setup.text(), None);
        setup.settings.delete(None).await.unwrap();
    }
}

#[tokio::test]
async fn r7_6_a_setting_without_a_value_is_removed_and_other_lines_stay() {
    let setup = set_up(FallbackPolicy::Allow, FaultMode::Works);
    let wanted = declared(&[("A", false), ("B", false), ("S", true)]);
    std::fs::create_dir(setup.dir.path().join("extension")).unwrap();
    std::fs::write(setup.env_file(), "# mine\nOTHER=1\nA=old\nB=old\nS=plain\n").unwrap();
    setup.keyring.plant(SERVICE, "S", "old");
    setup
        .settings
        .save(wanted.clone(), values(&[("A", "new")]))
        .await
        .unwrap();
    assert_eq!(setup.text().unwrap(), "# mine\nOTHER=1\nA=new\n");
    assert_eq!(setup.keyring.peek(SERVICE, "S"), None);
    assert_eq!(setup.settings.load(&wanted).await, Ok(values(&[("A", "new")])));
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        assert_eq!(std::fs::metadata(setup.env_file()).unwrap().mode() & 0o777, 0o600);
    }
}

#[tokio::test]
async fn r7_6_invalid_input_is_refused_before_anything_changes() {
    let setup = set_up(FallbackPolicy::Allow, FaultMode::Works);
    for name in ["", "1A", "A B", "A-B", "Ä", "A.B", "A=B", "A\n"] {
        let message = format!(
            "Setting variable '{name}' is not a valid environment variable name: use letters, digits and underscores, not starting with a digit"
        );
        let wanted = declared(&[("GOOD", true), (name, false)]);
        let refused = Some((Code::Corrupt, message));
        assert_eq!(
            failure(setup.settings.save(wanted.clone(), values(&[("GOOD", "x")])).await),
            refused
        );
        assert_eq!(failure(setup.settings.load(&wanted).await), refused);
        assert_eq!(failure(setup.settings.delete(Some(wanted.clone())).await), refused);
        assert_eq!(failure(setup.settings.has(Some(&wanted)).await), refused);
    }
    let twice = declared(&[("A", true), ("A", false)]);
    assert_eq!(
        failure(setup.settings.save(twice.clone(), values(&[("A", "x")])).await),
        Some((
            Code::Corrupt,
            "Setting variable 'A' is declared both as sensitive and as not sensitive".to_owned()
        ))
    );
    let wanted = declared(&[("A", false), ("S", true)]);
    for name in ["A", "S"] {
        let mut given = values(&[("A", "x"), ("S", "x")]);
        given.insert(name.to_owned(), Secret::from("a\0b"));
        let message =
            format!("The value of {name} contains a NUL character, which an environment variable cannot hold");
        assert_eq!(
            failure(setup.settings.save(wanted.clone(), given).await),
            Some((Code::Corrupt, message))
        );
    }
    std::fs::create_dir(setup.dir.path().join("extension")).unwrap();
    std::fs::write(setup.env_file(), "OPEN=\"never closed\n").unwrap();
    let refused = setup
        .settings
        .save(wanted.clone(), values(&[("A", "x\" # y"), ("S", "x")]))
        .await;
    assert_eq!(
        failure(refused),
        Some((
            Code::Corrupt,
            format!(
                "{} has a quote that is not closed. Its meaning would change",
                setup.env_file().display()
            )
        ))
    );
    assert!(setup.keyring.take_calls().is_empty());
    assert_eq!(setup.text().unwrap(), "OPEN=\"never closed\n");
}

#[tokio::test]
async fn r7_6_a_failing_keyring_is_an_error_and_the_plain_copy_is_kept_until_the_value_is_stored() {
    let setup = set_up(FallbackPolicy::Deny, FaultMode::Fails(Code::Locked));
    let wanted = declared(&[("S", true)]);
    std::fs::create_dir(setup.dir.path().join("extension")).unwrap();
    std::fs::write(setup.env_file(), "S=plain\n").unwrap();
    let locked = Some((Code::Locked, "Simulated failure LOCKED".to_owned()));
    assert_eq!(
        failure(setup.settings.save(wanted.clone(), values(&[("S", "new")])).await),
        locked
    );
    assert_eq!(setup.text().unwrap(), "S=plain\n");
    assert_eq!(failure(setup.settings.load(&wanted).await), locked);
    assert_eq!(failure(setup.settings.has(Some(&wanted)).await), locked);
    setup.keyring.set_mode(FaultMode::Works);
    setup
        .settings
        .save(wanted.clone(), values(&[("S", "new")]))
        .await
        .unwrap();
    assert_eq!(setup.text(), None);
    assert_eq!(setup.settings.load(&wanted).await, Ok(values(&[("S", "new")])));
}

#[tokio::test]
async fn r7_6_changes_are_made_in_the_order_of_the_calls() {
    let setup = set_up(FallbackPolicy::Allow, FaultMode::Works);
    let wanted = declared(&[("A", false), ("S", true)]);
    let calls: Vec<_> = (0..20)
        .map(|i| {
            setup
                .settings
                .save(wanted.clone(), values(&[("A", &i.to_string()), ("S", &i.to_string())]))
        })
        .collect();
    let tasks: Vec<_> = calls.into_iter().rev().map(tokio::spawn).collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    assert_eq!(
        setup.settings.load(&wanted).await,
        Ok(values(&[("A", "19"), ("S", "19")]))
    );
}

#[tokio::test]
async fn r7_6_a_failing_keyring_does_not_look_like_an_extension_without_settings() {
    let setup = set_up(FallbackPolicy::Allow, FaultMode::Absent);
    setup.keyring.set_mode(FaultMode::Fails(Code::Locked));
    let code = |result: Result<bool>| result.map_err(|error| error.code());
    assert_eq!(code(setup.settings.has(None).await), Err(Code::Locked));
    let secret = declared(&[("SECRET", true)]);
    assert_eq!(code(setup.settings.has(Some(&secret)).await), Err(Code::Locked));
    let deleted = setup.settings.delete(None).await;
    assert_eq!(deleted.map_err(|error| error.code()), Err(Code::Locked));
}

#[tokio::test]
async fn with_the_inline_executor_no_operation_waits_for_another_thread() {
    let Setup { settings, .. } = set_up(FallbackPolicy::Allow, FaultMode::Absent);
    let store = settings.store().as_secure_store().unwrap().clone();
    let settings = settings.with_store(Arc::new(store.with_executor(FileExecutor::Inline)));
    let both = declared(&[("TOKEN", true), ("PLAIN", false)]);
    let saved = values(&[("TOKEN", "secret"), ("PLAIN", "text")]);
    at_once(settings.save(both.clone(), saved.clone()));
    assert_eq!(at_once(settings.load(&both)), saved);
    assert!(at_once(settings.has(Some(&both))));
    at_once(settings.delete(None));
    assert!(!at_once(settings.has(None)));
}
