//! Notices. Each kind is emitted at most once per process, so each case runs in a child process of its own.

use std::path::Path;
use std::sync::Arc;

use securestore::error::{Code, Error};
use securestore::fallback::FallbackDir;
use securestore::fallback::envelope::Version;
use securestore::fallback::machine::HostIdentity;
use securestore::fallback::machine_secret::{
    MachineSecretConfig, MachineSecretKeyring, MachineSecretLoader, SecretFuture,
};
use securestore::keyring::memory::FaultMode;
use securestore::secret::Secret;
use securestore::store::FallbackPolicy;
use securestore::telemetry::with_sink;

use crate::child::{command, report, run};
use crate::{CollectingSink, line, listening, store};

const NO_MACHINE_SECRET: &str = "warn notice code=UNAVAILABLE \
     message=Encrypted files are written in version 1: no machine secret can be read or created \
     remediation=Make the data directory writable, or unlock the keyring";

const FILES_ONLY: &str = "warn notice code=UNAVAILABLE \
     message=Keys are kept in encrypted files, because no keyring is available \
     remediation=Run 'llxprt-key doctor' to see why";

/// A keyring or a loader that holds no machine secret, and in which none can be created.
struct NoSecret;

impl MachineSecretLoader for NoSecret {
    fn name(&self) -> &str {
        "the test's source"
    }
    fn load(&self) -> SecretFuture<'_> {
        Box::pin(async { Ok(None) })
    }
}

impl MachineSecretKeyring for NoSecret {
    fn create<'a>(&'a self, _: &'a Secret) -> SecretFuture<'a> {
        Box::pin(async { Err(Error::new(Code::Locked, "locked")) })
    }
}

/// Writes two files with the sources of a machine secret that are named in `sources`, and reports the versions of the files and
/// every notice.
pub async fn write_files(dir: &Path, sources: &str) {
    let is_named = |name: &str| sources.split(' ').any(|source| source == name);
    // A file has the path of the parent directory, so the secret cannot be created there.
    std::fs::write(dir.join("blocked"), "").unwrap();
    let file = |name: &str, parent: &str| is_named(name).then(|| dir.join(parent).join("machine_secret"));
    let config = MachineSecretConfig {
        loader: is_named("loader").then(|| Arc::new(NoSecret) as _),
        keyring: is_named("keyring").then(|| Arc::new(NoSecret) as _),
        file: file("file", "blocked").or(file("writable-file", "home")),
        version: if is_named("version-1") {
            Version::V1
        } else {
            Version::V2
        },
    };
    let identity = HostIdentity {
        hostname: "host".to_owned(),
        username: "user".to_owned(),
    };
    let files = dir.join("files");
    let (sink, events) = listening();
    with_sink(sink, async {
        let dir = FallbackDir::new(files.clone(), "service", identity).with_machine_secret(config);
        for key in ["one", "two"] {
            dir.write(key, &Secret::from("value"), None).await.unwrap();
        }
    })
    .await;
    for key in ["one", "two"] {
        let text = std::fs::read_to_string(files.join(format!("{key}.enc"))).unwrap();
        report(&text[..6]);
    }
    report_notices(&events);
}

/// Saves and reads two keys in a store whose keyring behaves as `mode` says, and reports every notice.
pub async fn use_a_store(dir: &Path, mode: &str) {
    let (store, keyring) = store(dir, FallbackPolicy::Allow);
    keyring.set_mode(match mode {
        "absent" => FaultMode::Absent,
        "locked" => FaultMode::Fails(Code::Locked),
        _ => FaultMode::Works,
    });
    let (sink, events) = listening();
    with_sink(sink, async {
        for key in ["one", "two"] {
            store.set(key, Secret::from("value")).await.unwrap();
            assert_eq!(store.get(key).await.unwrap(), Some(Secret::from("value")));
        }
    })
    .await;
    report_notices(&events);
}

fn report_notices(events: &CollectingSink) {
    for record in events.drain() {
        if record.event == "notice" {
            report(&line(&record));
        }
    }
}

/// Returns the notices of a child that writes files with these sources. Asserts the version of both files.
fn notices(sources: &str, version: u8) -> Vec<String> {
    let temp = tempfile::tempdir().unwrap();
    let mut command = command("write files", temp.path());
    command.env("SECURESTORE_TEST_ID", sources);
    let mut lines = run(command);
    let notices = lines.split_off(2);
    let start = format!("{{\"v\":{version}");
    assert_eq!(lines, [start.clone(), start], "{sources}");
    notices
}

#[test]
fn r4_3_a_notice_says_once_that_version_1_is_written_because_no_source_has_or_accepts_a_machine_secret() {
    for sources in ["keyring", "file", "keyring file"] {
        assert_eq!(notices(sources, 1), [NO_MACHINE_SECRET], "{sources}");
    }
}

#[test]
fn r4_3_no_notice_about_the_machine_secret_where_version_1_is_chosen_or_a_secret_exists() {
    for (sources, version) in [
        ("no-source", 1),
        ("loader", 1),
        ("loader keyring file", 1),
        ("keyring file version-1", 1),
        ("keyring writable-file", 2),
    ] {
        assert_eq!(notices(sources, version), [""; 0], "{sources}");
    }
}

#[test]
fn r1_a_notice_says_once_that_keys_are_kept_in_files_because_there_is_no_keyring() {
    for (mode, expected) in [("absent", &[FILES_ONLY][..]), ("locked", &[]), ("works", &[])] {
        let temp = tempfile::tempdir().unwrap();
        let mut command = command("use a store", temp.path());
        command.env("SECURESTORE_TEST_ID", mode);
        assert_eq!(run(command), expected, "{mode}");
    }
}
