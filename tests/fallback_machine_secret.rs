//! Files of version 2, which are encrypted with a machine secret (R4.3).

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use securestore::error::{Code, Error, Result};
use securestore::fallback::envelope::Version;
use securestore::fallback::machine::HostIdentity;
use securestore::fallback::machine_secret::{
    MachineSecretConfig, MachineSecretKeyring, MachineSecretLoader, SecretFuture, decode,
};
use securestore::fallback::{FallbackDir, KeyringKind};
use securestore::secret::Secret;
use zeroize::Zeroizing;

#[path = "fallback_machine_secret/reading.rs"]
mod reading;

type LoadFn = Box<dyn Fn() -> Result<Option<Vec<u8>>> + Send + Sync>;

/// A source of the machine secret that the test controls. Counts its loads, and keeps what is created in it.
struct TestSource {
    load: LoadFn,
    loads: AtomicUsize,
    on_create: Mutex<OnCreate>,
    created: Mutex<Option<Vec<u8>>>,
}

/// What the keyring does when a secret is created in it.
enum OnCreate {
    Keeps,
    Forgets,
    Fails,
    HoldsAnother(Vec<u8>),
}

impl TestSource {
    fn new(load: impl Fn() -> Result<Option<Vec<u8>>> + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self {
            load: Box::new(load),
            loads: AtomicUsize::new(0),
            on_create: Mutex::new(OnCreate::Keeps),
            created: Mutex::new(None),
        })
    }

    fn holding(byte: u8) -> Arc<Self> {
        Self::new(move || Ok(Some(vec![byte; 32])))
    }

    fn empty(on_create: OnCreate) -> Arc<Self> {
        let source = Self::new(|| Ok(None));
        *source.on_create.lock().unwrap() = on_create;
        source
    }

    fn failing() -> Arc<Self> {
        Self::new(|| Err(locked()))
    }

    fn created(&self) -> Option<Vec<u8>> {
        self.created.lock().unwrap().clone()
    }
}

fn locked() -> Error {
    Error::new(Code::Locked, "locked")
}

impl MachineSecretLoader for TestSource {
    fn name(&self) -> &str {
        "the test's source"
    }
    fn load(&self) -> SecretFuture<'_> {
        self.loads.fetch_add(1, Ordering::SeqCst);
        Box::pin(async {
            tokio::task::yield_now().await;
            Ok(self.created().or((self.load)()?).map(Zeroizing::new))
        })
    }
}

impl MachineSecretKeyring for TestSource {
    fn create<'a>(&'a self, secret: &'a Secret) -> SecretFuture<'a> {
        Box::pin(async {
            tokio::task::yield_now().await;
            match &*self.on_create.lock().unwrap() {
                OnCreate::Keeps => {
                    let bytes = decode(secret.expose()).unwrap();
                    *self.created.lock().unwrap() = Some(bytes.to_vec());
                    Ok(Some(bytes))
                }
                OnCreate::Forgets => Ok(None),
                OnCreate::Fails => Err(locked()),
                OnCreate::HoldsAnother(bytes) => Ok(Some(Zeroizing::new(bytes.clone()))),
            }
        })
    }
}

fn plain(path: &Path) -> FallbackDir {
    let identity = HostIdentity {
        hostname: "devbox".into(),
        username: "alice".into(),
    };
    FallbackDir::new(path.to_owned(), "test-service", identity)
}

fn with(
    path: &Path,
    loader: Option<&Arc<TestSource>>,
    keyring: Option<&Arc<TestSource>>,
    file: Option<&Path>,
) -> FallbackDir {
    plain(path).with_machine_secret(MachineSecretConfig {
        loader: loader.map(|source| source.clone() as _),
        keyring: keyring.map(|source| source.clone() as _),
        file: file.map(Path::to_owned),
        version: Version::V2,
    })
}

async fn value(dir: &FallbackDir, key: &str) -> Result<Option<String>> {
    let stored = dir.read(key).await?;
    Ok(stored.map(|stored| stored.value.expose().to_owned()))
}

async fn write(dir: &FallbackDir, value: &str) -> Result<()> {
    dir.write("k", &Secret::from(value), None).await
}

fn version(path: &Path) -> String {
    fs::read_to_string(path.join("k.enc")).unwrap()[..6].to_owned()
}

fn paths(temp: &tempfile::TempDir) -> (PathBuf, PathBuf) {
    (temp.path().join("files"), temp.path().join("home/machine_secret"))
}

#[tokio::test]
async fn r4_3_without_any_secret_the_first_write_creates_one_in_the_keyring() {
    let temp = tempfile::tempdir().unwrap();
    let (files, file) = paths(&temp);
    let keyring = TestSource::empty(OnCreate::Keeps);
    let dir = with(&files, None, Some(&keyring), Some(&file));
    assert_eq!(value(&dir, "k").await, Ok(None));
    assert_eq!(keyring.created(), None, "a read creates no secret");
    write(&dir, "v").await.unwrap();
    assert_eq!(version(&files), "{\"v\":2");
    assert_eq!(keyring.created().map(|bytes| bytes.len()), Some(32));
    assert!(!file.exists());
    let later = TestSource::new({
        let bytes = keyring.created();
        move || Ok(bytes.clone())
    });
    assert_eq!(
        value(&with(&files, None, Some(&later), None), "k").await,
        Ok(Some("v".to_owned()))
    );
}

#[tokio::test]
async fn r4_3_the_secret_is_created_in_the_file_when_the_keyring_fails_or_forgets_it() {
    for keyring in [
        TestSource::empty(OnCreate::Forgets),
        TestSource::empty(OnCreate::Fails),
        TestSource::failing(),
        TestSource::new(|| Ok(Some(vec![1; 8]))),
    ] {
        let temp = tempfile::tempdir().unwrap();
        let (files, file) = paths(&temp);
        write(&with(&files, None, Some(&keyring), Some(&file)), "v")
            .await
            .unwrap();
        assert_eq!(version(&files), "{\"v\":2");
        assert_eq!(decode(&fs::read_to_string(&file).unwrap()).unwrap().len(), 32);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
            let rest = fs::read_dir(file.parent().unwrap()).unwrap().count();
            assert_eq!(rest, 1, "no temporary file is left");
        }
        // The file is read although the keyring still fails.
        let dir = with(&files, None, Some(&keyring), Some(&file));
        assert_eq!(value(&dir, "k").await, Ok(Some("v".to_owned())));
    }
}

#[tokio::test]
async fn r4_3_the_secret_that_another_program_created_first_is_used() {
    let temp = tempfile::tempdir().unwrap();
    let (files, file) = paths(&temp);
    let keyring = TestSource::empty(OnCreate::HoldsAnother(vec![5; 32]));
    write(&with(&files, None, Some(&keyring), Some(&file)), "v")
        .await
        .unwrap();
    let later = with(&files, None, Some(&TestSource::holding(5)), None);
    assert_eq!(value(&later, "k").await, Ok(Some("v".to_owned())));
    assert!(!file.exists());
}

#[tokio::test]
async fn r4_3_writes_use_the_keyring_before_the_file_and_reads_try_both() {
    let temp = tempfile::tempdir().unwrap();
    let (files, file) = paths(&temp);
    write(&with(&files, None, None, Some(&file)), "by the file")
        .await
        .unwrap();
    fs::rename(files.join("k.enc"), files.join("old.enc")).unwrap();
    let keyring = TestSource::holding(1);
    let dir = with(&files, None, Some(&keyring), Some(&file));
    write(&dir, "by the keyring").await.unwrap();
    let both = with(&files, None, Some(&TestSource::holding(1)), Some(&file));
    assert_eq!(value(&both, "k").await, Ok(Some("by the keyring".to_owned())));
    assert_eq!(value(&both, "old").await, Ok(Some("by the file".to_owned())));
    fs::remove_file(&file).unwrap();
    assert_eq!(value(&dir, "k").await, Ok(Some("by the keyring".to_owned())));
    assert_eq!(keyring.loads.load(Ordering::SeqCst), 1, "its secret is cached");
    assert!(!file.exists());
}

#[tokio::test]
async fn r4_3_a_loader_is_the_only_source_and_null_from_it_means_version_1() {
    let temp = tempfile::tempdir().unwrap();
    let (files, file) = paths(&temp);
    let keyring = TestSource::empty(OnCreate::Keeps);
    let none = TestSource::new(|| Ok(None));
    let dir = with(&files, Some(&none), Some(&keyring), Some(&file));
    write(&dir, "v").await.unwrap();
    assert_eq!(version(&files), "{\"v\":1");
    assert_eq!((keyring.created(), file.exists()), (None, false));
    assert_eq!(keyring.loads.load(Ordering::SeqCst), 0);

    for len in [16, 64] {
        let loader = TestSource::new(move || Ok(Some(vec![3; len])));
        write(&with(&files, Some(&loader), Some(&TestSource::holding(1)), None), "w")
            .await
            .unwrap();
        assert_eq!(version(&files), "{\"v\":2");
        let later = TestSource::new(move || Ok(Some(vec![3; len])));
        assert_eq!(
            value(&with(&files, Some(&later), None, None), "k").await,
            Ok(Some("w".to_owned()))
        );
    }
    let before = fs::read(files.join("k.enc")).unwrap();
    let error = write(&dir, "x").await.unwrap_err();
    assert_eq!(error.code(), Code::Unavailable);
    assert_eq!(fs::read(files.join("k.enc")).unwrap(), before);

    assert_eq!(
        write(&with(&files, Some(&TestSource::failing()), None, None), "x").await,
        Err(locked())
    );
    for len in [0, 15, 65] {
        let loader = TestSource::new(move || Ok(Some(vec![3; len])));
        let error = write(&with(&files, Some(&loader), None, None), "x").await.unwrap_err();
        assert_eq!(error.code(), Code::Corrupt, "{len} bytes");
    }
}

#[tokio::test]
async fn r4_3_a_keyring_that_has_just_failed_is_not_read_again_and_its_cached_secret_is_still_used() {
    let temp = tempfile::tempdir().unwrap();
    let (files, file) = paths(&temp);
    let keyring = TestSource::holding(1);
    let dir = with(&files, None, Some(&keyring), Some(&file));
    let without = dir.without_keyring(Some(locked()));
    write(&without, "by the file").await.unwrap();
    assert!(file.exists());
    assert_eq!(value(&without, "k").await, Ok(Some("by the file".to_owned())));
    assert_eq!(keyring.loads.load(Ordering::SeqCst), 0);

    write(&dir, "by the keyring").await.unwrap();
    assert_eq!(keyring.loads.load(Ordering::SeqCst), 1);
    write(&without, "cached").await.unwrap();
    fs::remove_file(&file).unwrap();
    assert_eq!(
        value(&with(&files, None, Some(&TestSource::holding(1)), None), "k").await,
        Ok(Some("cached".to_owned()))
    );

    let other = with(&files, None, Some(&TestSource::holding(1)), None);
    assert_eq!(
        value(&other.without_keyring(Some(locked())), "k").await,
        Err(locked()),
        "the keyring may hold the secret"
    );
    let error = value(&other.without_keyring(None), "k").await.unwrap_err();
    assert_eq!(error.code(), Code::Corrupt, "there is no keyring");
}

#[tokio::test]
async fn r4_3_version_1_is_written_when_no_secret_is_available_and_never_replaces_version_2() {
    let temp = tempfile::tempdir().unwrap();
    let (files, file) = paths(&temp);
    // A file has the path of the secret's directory, so the secret cannot be created.
    fs::write(temp.path().join("home"), "").unwrap();
    let dir = with(&files, None, Some(&TestSource::failing()), Some(&file));
    write(&dir, "v").await.unwrap();
    assert_eq!(version(&files), "{\"v\":1");
    assert_eq!(value(&dir, "k").await, Ok(Some("v".to_owned())));

    write(&with(&files, None, Some(&TestSource::holding(1)), None), "w")
        .await
        .unwrap();
    let before = fs::read(files.join("k.enc")).unwrap();
    let error = write(&dir, "x").await.unwrap_err();
    assert_eq!(error.code(), Code::Unavailable);
    assert!(error.message().contains("version 2"), "{error}");
    assert_eq!(fs::read(files.join("k.enc")).unwrap(), before);
    fs::write(files.join("k.enc"), "{\"v\":2}").unwrap();
    write(&dir, "a malformed one may be replaced").await.unwrap();
    assert_eq!(version(&files), "{\"v\":1");
}

#[tokio::test]
async fn r4_3_version_1_is_written_on_request_and_both_versions_are_read() {
    let temp = tempfile::tempdir().unwrap();
    let (files, file) = paths(&temp);
    let keyring = TestSource::empty(OnCreate::Keeps);
    let older = plain(&files).with_machine_secret(MachineSecretConfig {
        loader: None,
        keyring: Some(keyring.clone()),
        file: Some(file.clone()),
        version: Version::V1,
    });
    write(&older, "v").await.unwrap();
    assert_eq!(version(&files), "{\"v\":1");
    assert_eq!((keyring.loads.load(Ordering::SeqCst), file.exists()), (0, false));
    assert_eq!(
        value(&with(&files, None, None, Some(&file)), "k").await,
        Ok(Some("v".to_owned()))
    );
    write(&with(&files, None, None, Some(&file)), "w").await.unwrap();
    assert_eq!(value(&older, "k").await, Ok(Some("w".to_owned())));
    assert_eq!(write(&older, "x").await.unwrap_err().code(), Code::Unavailable);
}
