//! Tests every combination of sources, and every failure of each source (R27.3). The expected results are written by hand.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::auth::key_file::PathContext;
use crate::auth::resolve::{Resolved, resolve};
use crate::auth::sources::{AuthSources, Profile, SETTINGS, Variable};
use crate::error::{Code, Error};
use crate::fallback::FallbackDir;
use crate::fallback::machine::HostIdentity;
use crate::fs::lock::LockDir;
use crate::keyring::memory::{FaultMode, MemoryKeyring};
use crate::provider_keys::{KeyStorage, ProviderKeys, SERVICE};
use crate::secret::Secret;
use crate::store::{FallbackPolicy, KeyringProvider, SecureStore, SecureStoreConfig, SelectedKeyring};

/// The expected result for one source.
struct Row {
    id: &'static str,
    key: &'static str,
    reference: Option<&'static str>,
    remembered: Option<(&'static str, &'static str)>,
    /// The description in the line "Using API key from".
    used: &'static str,
    /// The name in the lines "Ignoring … (overridden by …)".
    name: &'static str,
}

#[rustfmt::skip]
const EXPECTED: [Row; 7] = [
    Row { id: "key", key: "MARK-flag", reference: None, remembered: Some(("auth-key", "MARK-flag")),
          used: "--key (raw CLI flag)", name: "--key" },
    Row { id: "key-name", key: "MARK-named-by-flag", reference: Some("by-flag"), remembered: Some(("auth-key-name", "by-flag")),
          used: "--key-name 'by-flag' (keyring)", name: "--key-name" },
    Row { id: "profile-key-name", key: "MARK-named-by-profile", reference: Some("by-profile"), remembered: Some(("auth-key-name", "by-profile")),
          used: "profile 'work' auth-key-name 'by-profile' (keyring)", name: "profile auth-key-name" },
    Row { id: "keyfile", key: "MARK-file-of-flag", reference: Some("~/flag.key"), remembered: Some(("auth-keyfile", "~/flag.key")),
          used: "--keyfile '~/flag.key'", name: "--keyfile" },
    Row { id: "profile-keyfile", key: "MARK-file-of-profile", reference: Some("profile.key"), remembered: Some(("auth-keyfile", "profile.key")),
          used: "profile 'work' auth-keyfile 'profile.key'", name: "profile auth-keyfile" },
    Row { id: "profile-key", key: "MARK-profile", reference: None, remembered: Some(("auth-key", "MARK-profile")),
          used: "profile 'work' auth-key", name: "profile auth-key" },
    Row { id: "environment", key: "MARK-environment", reference: Some("GEMINI_API_KEY"), remembered: None,
          used: "environment variable GEMINI_API_KEY", name: "environment variable GEMINI_API_KEY" },
];

/// A home directory with key files, and a keyring with saved keys.
struct Setup {
    home: tempfile::TempDir,
    keyring: Arc<MemoryKeyring>,
    keys: ProviderKeys,
}

impl Setup {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        write(&home.path().join("flag.key"), "\u{feff} MARK-file-of-flag\r\n");
        write(&home.path().join("profile.key"), "MARK-file-of-profile");
        let keyring = Arc::new(MemoryKeyring::default());
        keyring.plant(SERVICE, "by-flag", "MARK-named-by-flag");
        keyring.plant(SERVICE, "by-profile", "MARK-named-by-profile");
        let identity = HostIdentity {
            hostname: "host".to_owned(),
            username: "user".to_owned(),
        };
        let keys = ProviderKeys::new(Arc::new(SecureStore::new(SecureStoreConfig {
            service: SERVICE.to_owned(),
            files: FallbackDir::new(home.path().join("keys"), SERVICE, identity),
            policy: FallbackPolicy::Allow,
            keyring: KeyringProvider::Known(SelectedKeyring::Injected(keyring.clone())),
            limit: Duration::from_secs(1),
            locks: LockDir::new(home.path().join("locks")),
            data_dir: home.path().to_owned(),
        })));
        Self { home, keyring, keys }
    }

    async fn resolve(&self, sources: &AuthSources) -> Result<Resolved, Error> {
        let paths = PathContext {
            home: self.home.path().to_owned(),
            directory: self.home.path().to_owned(),
        };
        resolve(sources, &paths, || {
            Ok::<Arc<dyn KeyStorage>, Error>(Arc::new(self.keys.clone()))
        })?
        .await
    }
}

fn write(path: &Path, content: impl AsRef<[u8]>) {
    std::fs::write(path, content).unwrap();
}

fn secret(text: &str) -> Option<Secret> {
    Some(Secret::from(text))
}

fn variable(name: &str, value: &str) -> Variable {
    Variable {
        name: name.to_owned(),
        value: Secret::from(value),
    }
}

/// Returns the sources whose bits are set. Bit 0 is the highest source.
fn sources(bits: usize) -> AuthSources {
    let given = |bit: usize, text: &str| (bits & (1 << bit) != 0).then(|| Secret::from(text));
    AuthSources {
        key: given(0, "MARK-flag"),
        key_name: given(1, "by-flag"),
        keyfile: given(3, "~/flag.key"),
        profile: Profile {
            name: Some("work".to_owned()),
            key_name: given(2, "by-profile"),
            keyfile: given(4, "profile.key"),
            key: given(5, "MARK-profile"),
        },
        environment: match given(6, "") {
            Some(_) => vec![variable("GEMINI_API_KEY", "MARK-environment")],
            None => Vec::new(),
        },
    }
}

#[tokio::test]
async fn r27_3_in_all_128_combinations_the_highest_source_wins_and_the_others_are_named() {
    let setup = Setup::new();
    for bits in 0..128 {
        let resolved = setup.resolve(&sources(bits)).await.unwrap();
        let present: Vec<&Row> = (0..7)
            .filter(|bit| bits & (1 << bit) != 0)
            .map(|bit| &EXPECTED[bit])
            .collect();
        let expected = match present.split_first() {
            None => Resolved {
                api_key: None,
                source: "none",
                reference: None,
                remembered: None,
                diagnostics: Vec::new(),
            },
            Some((used, ignored)) => {
                let mut diagnostics = vec![format!("[auth] Using API key from: {}", used.used)];
                for row in ignored {
                    diagnostics.push(format!("[auth] Ignoring {} (overridden by {})", row.name, used.name));
                }
                Resolved {
                    api_key: secret(used.key),
                    source: used.id,
                    reference: used.reference.map(str::to_owned),
                    remembered: used.remembered.map(|(setting, value)| (setting, Secret::from(value))),
                    diagnostics,
                }
            }
        };
        assert_eq!(resolved, expected, "{bits:07b}");
        let shown = format!("{resolved:?}");
        assert!(!shown.contains("MARK"), "{shown}");
    }
}

#[tokio::test]
async fn r23_the_key_storage_is_accessed_only_when_a_named_key_wins() {
    let setup = Setup::new();
    let paths = PathContext {
        home: setup.home.path().to_owned(),
        directory: setup.home.path().to_owned(),
    };
    for bits in 0..128 {
        let mut asked = false;
        let resolving = resolve(&sources(bits), &paths, || {
            asked = true;
            Ok::<Arc<dyn KeyStorage>, Error>(Arc::new(setup.keys.clone()))
        });
        resolving.unwrap().await.unwrap();
        let named_wins = bits & 0b001 == 0 && bits & 0b110 != 0;
        assert_eq!(asked, named_wins, "{bits:07b}");
        assert_eq!(!setup.keyring.take_calls().is_empty(), named_wins, "{bits:07b}");
    }
}

#[tokio::test]
async fn r24_a_failing_source_is_final_even_if_lower_sources_are_present() {
    // Bit of the source, its failure, the code of the error, a part of the message.
    type Break = fn(&Setup, &mut AuthSources);
    let missing = "Named key 'gone' not found. Use '/key save gone <key>' to store it.";
    let locked = "named key 'by-";
    let failures: [(usize, Break, Code, &str); 12] = [
        (
            1,
            |_, given| given.key_name = secret(""),
            Code::Corrupt,
            "--key-name requires a value",
        ),
        (1, |_, given| given.key_name = secret("gone"), Code::NotFound, missing),
        (
            1,
            |_, given| given.key_name = secret("a b"),
            Code::Corrupt,
            "Key name 'a b' is invalid.",
        ),
        (
            1,
            |setup, _| setup.keyring.set_mode(FaultMode::Fails(Code::Locked)),
            Code::Locked,
            locked,
        ),
        (
            1,
            |setup, _| setup.keyring.set_mode(FaultMode::Hangs),
            Code::Timeout,
            locked,
        ),
        (
            2,
            |_, given| given.profile.key_name = secret("gone"),
            Code::NotFound,
            missing,
        ),
        (
            2,
            |_, given| given.profile.key_name = secret("a/b"),
            Code::Corrupt,
            "Key name 'a/b' is invalid.",
        ),
        (
            2,
            |setup, _| setup.keyring.set_mode(FaultMode::Fails(Code::Denied)),
            Code::Denied,
            locked,
        ),
        (
            2,
            |setup, _| setup.keyring.set_mode(FaultMode::Absent),
            Code::NotFound,
            "Named key 'by-profile' not found.",
        ),
        (
            3,
            |_, given| given.keyfile = secret("~/gone"),
            Code::NotFound,
            "the key file '~/gone'",
        ),
        (
            4,
            |_, given| given.profile.keyfile = secret("gone"),
            Code::NotFound,
            "the key file 'gone'",
        ),
        (
            4,
            |setup, _| write(&setup.home.path().join("profile.key"), "\n"),
            Code::Corrupt,
            "the file is empty",
        ),
    ];
    for (bit, break_it, code, message) in failures {
        for below in 0..(128 >> (bit + 1)) {
            let setup = Setup::new();
            let mut given = sources((1 << bit) | (below << (bit + 1)));
            break_it(&setup, &mut given);
            let error = setup.resolve(&given).await.unwrap_err();
            assert_eq!((error.code(), error.exit_code()), (code, Some(41)), "{error}");
            assert!(error.message().contains(message), "{error}");
            assert!(!format!("{error:?}").contains("MARK"), "{error:?}");
        }
    }
}

#[tokio::test]
async fn r24_a_failing_source_below_a_working_one_is_ignored() {
    let setup = Setup::new();
    let mut given = sources(0b111_1110);
    given.profile.key_name = secret("a/b");
    given.keyfile = secret("~/gone");
    given.profile.keyfile = secret("gone");
    assert_eq!(setup.resolve(&given).await.unwrap().source, "key-name");
    // An empty name is an error even when a higher source is present.
    given.key_name = secret(" ");
    let error = setup.resolve(&given).await.unwrap_err();
    assert_eq!(error.message(), "--key-name requires a value");
}

#[tokio::test]
async fn r26_a_blank_value_in_a_profile_or_in_the_environment_counts_as_absent() {
    let setup = Setup::new();
    for blank in ["", " ", "\r\n\t", "\u{feff}"] {
        let given = AuthSources {
            profile: Profile {
                name: Some("work".to_owned()),
                key_name: secret(blank),
                keyfile: secret(blank),
                key: secret(blank),
            },
            environment: vec![variable("A", blank), variable("B", " sk "), variable("C", blank)],
            ..AuthSources::default()
        };
        let resolved = setup.resolve(&given).await.unwrap();
        assert_eq!(resolved.api_key, secret(" sk "));
        assert_eq!(
            resolved.diagnostics,
            ["[auth] Using API key from: environment variable B"]
        );
    }
}

#[tokio::test]
async fn r21_3_an_empty_key_or_key_file_counts_as_absent_and_names_are_trimmed() {
    let setup = Setup::new();
    for blank in ["", " ", "\t"] {
        let mut given = sources(1 << 6);
        (given.key, given.keyfile) = (secret(blank), secret(blank));
        assert_eq!(setup.resolve(&given).await.unwrap().source, "environment");
    }
    let mut given = sources(0);
    given.key_name = secret(" by-flag\n");
    assert_eq!(
        setup.resolve(&given).await.unwrap().api_key,
        secret("MARK-named-by-flag")
    );
}

#[tokio::test]
async fn r25_every_variable_that_is_set_is_reported_once_in_the_order_of_the_host() {
    let setup = Setup::new();
    let mut given = AuthSources {
        environment: vec![
            variable("B", "MARK-b"),
            variable("A", "MARK-a"),
            variable("B", "MARK-b"),
        ],
        ..AuthSources::default()
    };
    let resolved = setup.resolve(&given).await.unwrap();
    assert_eq!(
        (resolved.api_key, resolved.reference.as_deref()),
        (secret("MARK-b"), Some("B"))
    );
    assert_eq!(
        resolved.diagnostics,
        [
            "[auth] Using API key from: environment variable B",
            "[auth] Ignoring environment variable A (overridden by environment variable B)",
        ]
    );
    given.keyfile = secret("~/flag.key");
    assert_eq!(
        setup.resolve(&given).await.unwrap().diagnostics,
        [
            "[auth] Using API key from: --keyfile '~/flag.key'",
            "[auth] Ignoring environment variable B (overridden by --keyfile)",
            "[auth] Ignoring environment variable A (overridden by --keyfile)",
        ]
    );
}

#[tokio::test]
async fn r25_a_profile_without_a_name_is_reported_as_profile_and_line_breaks_are_escaped() {
    let setup = Setup::new();
    for (name, line) in [
        (None, "[auth] Using API key from: profile auth-key"),
        (Some(""), "[auth] Using API key from: profile auth-key"),
        (Some("a\nb"), "[auth] Using API key from: profile 'a\\nb' auth-key"),
    ] {
        let mut given = sources(1 << 5);
        given.profile.name = name.map(str::to_owned);
        assert_eq!(setup.resolve(&given).await.unwrap().diagnostics, [line]);
    }
}

#[tokio::test]
async fn r24_a_saved_key_of_white_space_counts_as_missing() {
    let setup = Setup::new();
    setup.keyring.plant(SERVICE, "by-flag", " ");
    assert_eq!(setup.resolve(&sources(0b10)).await.unwrap_err().code(), Code::NotFound);
}

#[test]
fn r21_2_the_settings_are_named_highest_first() {
    assert_eq!(SETTINGS, ["auth-key-name", "auth-keyfile", "auth-key"]);
}
