//! The derived-key cache: which derivations it saves, and that a damaged or missing cache costs only time.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use securestore::error::Code;
use securestore::fallback::envelope::Version;
use securestore::fallback::machine::HostIdentity;
use securestore::fallback::machine_secret::{
    MachineSecretConfig, MachineSecretKeyring, MachineSecretLoader, SecretFuture,
};
use securestore::fallback::{FallbackDir, FileState};
use securestore::secret::Secret;
use securestore::telemetry::{Record, Sink, event_sink, with_sink};
use zeroize::Zeroizing;

#[cfg(unix)]
#[path = "support/child.rs"]
mod child;
#[path = "support/disk.rs"]
mod disk;
#[cfg(unix)]
#[path = "fallback_key_cache/processes.rs"]
mod processes;

/// A directory of encrypted files with a machine secret, opened under changing host and user names.
struct Home {
    root: PathBuf,
    version: Version,
    /// Keeps the directory until the home is dropped.
    _temp: Option<tempfile::TempDir>,
}

impl Home {
    fn new(version: Version) -> Self {
        let temp = tempfile::tempdir().unwrap();
        let mut home = Self::at(temp.path().to_owned(), version);
        home._temp = Some(temp);
        home
    }

    fn at(root: PathBuf, version: Version) -> Self {
        Self {
            root,
            version,
            _temp: None,
        }
    }

    fn files(&self) -> PathBuf {
        self.root.join("files")
    }

    fn cache(&self) -> PathBuf {
        self.files().join(".keys")
    }

    /// Opens the directory on this host, with no derived keys in memory, as a new process does.
    fn on(&self, hostname: &str) -> FallbackDir {
        self.on_as(hostname, "alice")
    }

    fn on_as(&self, hostname: &str, username: &str) -> FallbackDir {
        let identity = HostIdentity {
            hostname: hostname.to_owned(),
            username: username.to_owned(),
        };
        FallbackDir::new(self.files(), "service", identity)
            .with_other_usernames(vec!["root".to_owned(), "unknown".to_owned(), "1000".to_owned()])
            .with_machine_secret(MachineSecretConfig {
                file: Some(self.root.join("machine_secret")),
                version: self.version,
                ..MachineSecretConfig::default()
            })
    }

    /// Creates the machine secret.
    async fn with_secret(self) -> Self {
        let path = self.root.join("elsewhere");
        let identity = HostIdentity {
            hostname: "any".to_owned(),
            username: "any".to_owned(),
        };
        let dir = FallbackDir::new(path, "service", identity).with_machine_secret(MachineSecretConfig {
            file: Some(self.root.join("machine_secret")),
            ..MachineSecretConfig::default()
        });
        dir.write("k", &Secret::from("v"), None).await.unwrap();
        dir.settled().await;
        self
    }
}

async fn write(dir: &FallbackDir, key: &str) {
    dir.write(key, &Secret::from(key), None).await.unwrap();
    dir.settled().await;
}

async fn read(dir: &FallbackDir, key: &str) {
    let stored = dir.read(key).await.unwrap().expect("a value");
    assert_eq!(stored.value.expose(), key);
    dir.settled().await;
}

#[derive(Default)]
struct Derivations(Mutex<usize>);

impl Sink for Derivations {
    fn take(&self, record: Record) {
        *self.0.lock().unwrap() += usize::from(record.event == "key_derived");
    }
}

/// Runs work and returns the number of keys that it derived.
async fn derivations(work: impl Future<Output = ()>) -> usize {
    let (sink, count) = (event_sink(), Arc::<Derivations>::default());
    sink.set_log(Some(("securestore::files=debug".parse().unwrap(), count.clone())));
    with_sink(sink, work).await;
    *count.0.lock().unwrap()
}

fn names(dir: &Path) -> Vec<String> {
    let names = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<_> = names.map(|name| name.into_string().unwrap()).collect();
    names.sort();
    names
}

fn salt(path: &Path) -> String {
    let line = fs::read_to_string(path).unwrap();
    let (_, data) = line.split_once("\"data\":\"").unwrap();
    data[..21].to_owned()
}

#[cfg(unix)]
#[tokio::test]
async fn a_child_plays_its_role() {
    if let Some(role) = child::Role::of_this_process() {
        processes::play(role).await;
    }
}

#[tokio::test]
async fn one_derivation_is_enough_for_all_files_of_a_directory_under_one_identity() {
    let home = Home::new(Version::V2);
    let count = derivations(async {
        for n in 0..5 {
            let dir = home.on("alpha");
            write(&dir, &format!("k{n}")).await;
            read(&dir, "k0").await;
            read(&home.on("alpha"), &format!("k{n}")).await;
        }
    })
    .await;
    assert_eq!(count, 1);
    // All files share one salt, so another process needs one derivation too.
    let salts: HashSet<_> = (0..5).map(|n| salt(&home.files().join(format!("k{n}.enc")))).collect();
    assert_eq!(salts.len(), 1);
}

#[tokio::test]
async fn files_of_both_versions_are_read_under_four_host_names_once_they_were_opened() {
    for version in [Version::V1, Version::V2] {
        let home = Home::new(version).with_secret().await;
        for host in ["alpha", "beta", "gamma"] {
            write(&home.on(host), host).await;
        }
        for host in ["alpha", "beta", "gamma", "delta"] {
            let dir = home.on(host);
            for key in ["alpha", "beta", "gamma"] {
                read(&dir, key).await;
                assert_eq!(dir.has(key).await, Ok(true));
            }
        }
        assert!(names(&home.files()).contains(&".keys".to_owned()));
    }
}

#[tokio::test]
async fn a_version_1_file_of_another_program_is_read_under_another_host_name_once_it_was_opened() {
    let home = Home::new(Version::V2).with_secret().await;
    let identity = HostIdentity {
        hostname: "alpha".to_owned(),
        username: "alice".to_owned(),
    };
    write(&FallbackDir::new(home.files(), "service", identity), "opened").await;
    assert!(!home.cache().exists());
    read(&home.on("alpha"), "opened").await;
    assert!(home.cache().exists());
    read(&home.on("beta"), "opened").await;
    assert_eq!(
        home.on("beta").state("opened").await,
        Ok(FileState::Value { newer_than: None })
    );
}

/// A source that holds a machine secret of 32 bytes with this value.
struct FixedSecret(u8);

impl MachineSecretLoader for FixedSecret {
    fn name(&self) -> &str {
        "a fixed secret"
    }

    fn load(&self) -> SecretFuture<'_> {
        Box::pin(async { Ok(Some(Zeroizing::new(vec![self.0; 32]))) })
    }
}

impl MachineSecretKeyring for FixedSecret {
    fn create<'a>(&'a self, _: &'a Secret) -> SecretFuture<'a> {
        self.load()
    }
}

#[tokio::test]
async fn no_key_is_derived_from_a_machine_secret_if_the_cache_has_a_key_under_another_one() {
    let home = Home::new(Version::V2);
    let with_loader = |secret: Option<u8>| {
        home.on("alpha").with_machine_secret(MachineSecretConfig {
            loader: secret.map(|secret| Arc::new(FixedSecret(secret)) as _),
            keyring: Some(Arc::new(FixedSecret(2))),
            ..MachineSecretConfig::default()
        })
    };
    write(&with_loader(None), "k").await;
    let count = derivations(async { read(&with_loader(Some(1)), "k").await }).await;
    assert_eq!(count, 0);
}

#[tokio::test]
async fn a_writer_encrypts_under_the_current_identity_and_not_with_the_cached_key_of_an_earlier_one() {
    let home = Home::new(Version::V2);
    write(&home.on("alpha"), "old").await;
    write(&home.on("beta"), "new").await;
    // Another program does not read the cache.
    fs::remove_file(home.cache()).unwrap();
    read(&home.on("beta"), "new").await;
    let error = home.on("gamma").read("old").await.unwrap_err();
    assert_eq!(error.code(), Code::Corrupt);
    read(&home.on("alpha"), "old").await;
}

#[tokio::test]
async fn other_names_of_the_user_are_tried_before_a_file_is_corrupt() {
    for version in [Version::V1, Version::V2] {
        let home = Home::new(version).with_secret().await;
        for name in ["root", "unknown", "1000", "alice"] {
            write(&home.on_as("alpha", name), name).await;
        }
        let _ = fs::remove_file(home.cache());
        for name in ["root", "unknown", "1000"] {
            read(&home.on("alpha"), name).await;
            let _ = fs::remove_file(home.cache());
        }
        write(&home.on_as("alpha", "mallory"), "foreign").await;
        let _ = fs::remove_file(home.cache());
        let error = home.on("alpha").read("foreign").await.unwrap_err();
        assert_eq!(error.code(), Code::Corrupt);
        assert!(error.remediation().contains("another user"), "{}", error.remediation());
        assert_eq!(
            error.message().contains("machine secret"),
            version == Version::V2,
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_damaged_or_foreign_cache_is_ignored_and_written_anew() {
    let home = Home::new(Version::V2);
    write(&home.on("alpha"), "k").await;
    let good = fs::read(home.cache()).unwrap();
    let foreign = {
        let other = Home::new(Version::V2);
        write(&other.on("alpha"), "k").await;
        fs::read(other.cache()).unwrap()
    };
    let mut altered = good.clone();
    *altered.last_mut().unwrap() ^= 1;
    for bytes in [
        &b""[..],
        b"{}",
        &good[..good.len() / 2],
        &altered,
        &foreign,
        &vec![0xff; 1 << 20],
    ] {
        fs::write(home.cache(), bytes).unwrap();
        read(&home.on("alpha"), "k").await;
        write(&home.on("alpha"), "k").await;
        assert!(fs::read(home.cache()).unwrap().starts_with(b"llxkeys\x01"));
        read(&home.on("beta"), "k").await;
    }
}

#[cfg(unix)]
#[tokio::test]
async fn values_are_read_and_written_when_the_cache_cannot_be_read_or_written() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    let home = Home::new(Version::V2);
    write(&home.on("alpha"), "k").await;
    let target = home.root.join("target");
    let obstacles: [&dyn Fn(&Path); 3] = [
        &|path| fs::create_dir(path).unwrap(),
        &|path| symlink(&target, path).unwrap(),
        &|path| symlink(path, path).unwrap(),
    ];
    for create in obstacles {
        match fs::symlink_metadata(home.cache()).unwrap().is_dir() {
            true => fs::remove_dir(home.cache()).unwrap(),
            false => fs::remove_file(home.cache()).unwrap(),
        }
        fs::write(&target, "not ours").unwrap();
        create(&home.cache());
        read(&home.on("alpha"), "k").await;
        write(&home.on("alpha"), "k").await;
        assert_eq!(fs::read_to_string(&target).unwrap(), "not ours");
    }
    let _ = fs::remove_file(home.cache());
    fs::set_permissions(home.files(), fs::Permissions::from_mode(0o500)).unwrap();
    read(&home.on("alpha"), "k").await;
    assert_eq!(
        names(&home.files())
            .iter()
            .filter(|name| name.ends_with(".tmp"))
            .count(),
        0
    );
    fs::set_permissions(home.files(), fs::Permissions::from_mode(0o700)).unwrap();
}

#[cfg(unix)]
#[tokio::test]
async fn the_cache_has_mode_0600_and_is_not_listed_as_a_key() {
    use std::os::unix::fs::PermissionsExt as _;
    let home = Home::new(Version::V2);
    let dir = home.on("alpha");
    write(&dir, "k").await;
    assert_eq!(fs::metadata(home.cache()).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(dir.list().await.unwrap().keys, ["k"]);
    assert_eq!(dir.read(".keys").await, Ok(None));
    write(&dir, ".keys").await;
    assert_eq!(names(&home.files()), [".keys", ".keys.enc", "k.enc"]);
    fs::set_permissions(home.cache(), fs::Permissions::from_mode(0o644)).unwrap();
    read(&home.on("alpha"), "k").await;
    assert_eq!(fs::metadata(home.cache()).unwrap().permissions().mode() & 0o777, 0o600);
}

#[tokio::test]
async fn without_a_machine_secret_there_is_no_cache() {
    let home = Home::new(Version::V1);
    write(&home.on("alpha"), "k").await;
    read(&home.on("alpha"), "k").await;
    assert_eq!(names(&home.files()), ["k.enc"]);
}

#[tokio::test]
async fn keys_that_several_directory_objects_add_at_once_are_all_kept() {
    let home = Home::new(Version::V2).with_secret().await;
    let hosts: Vec<String> = (0..12).map(|n| format!("host{n}")).collect();
    let mut writers = tokio::task::JoinSet::new();
    for host in &hosts {
        let (dir, host) = (home.on(host), host.clone());
        writers.spawn(async move { write(&dir, &host).await });
    }
    writers.join_all().await;
    let another = home.on("another");
    for host in &hosts {
        read(&another, host).await;
    }
}
