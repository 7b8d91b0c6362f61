//! Version 2: sealed with a machine secret (R4.3).

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use securestore::error::{Code, Error, Result};
use securestore::fallback::machine::HostIdentity;
use securestore::fallback::machine_secret::{Loading, MachineSecretConfig, MachineSecretLoader, decode};
use securestore::fallback::{FallbackDir, KeyringKind};
use securestore::secret::Secret;
use zeroize::Zeroizing;

type Answer = Box<dyn Fn() -> Result<Option<Vec<u8>>> + Send + Sync>;

/// A place that answers as it is told to, and counts how often it was asked.
struct Place {
    answer: Answer,
    asked: AtomicUsize,
}

impl Place {
    fn new(answer: impl Fn() -> Result<Option<Vec<u8>>> + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self {
            answer: Box::new(answer),
            asked: AtomicUsize::new(0),
        })
    }
}

impl MachineSecretLoader for Place {
    fn name(&self) -> &str {
        "the test's place"
    }
    fn load(&self) -> Loading<'_> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        Box::pin(async {
            tokio::task::yield_now().await;
            Ok((self.answer)()?.map(Zeroizing::new))
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

fn with(path: &Path, loaders: &[Arc<Place>], file: Option<PathBuf>) -> FallbackDir {
    plain(path).with_machine_secret(MachineSecretConfig {
        loaders: loaders.iter().map(|place| place.clone() as _).collect(),
        file,
        write_version_2: true,
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

#[tokio::test]
async fn r4_3_the_first_write_makes_a_secret_that_every_later_process_uses() {
    let temp = tempfile::tempdir().unwrap();
    let file = temp.path().join("home/.llxprt/machine_secret");
    let files = temp.path().join("files");
    let dir = with(&files, &[], Some(file.clone()));
    assert_eq!(value(&dir, "k").await, Ok(None));
    assert!(!file.exists(), "a read makes none");
    write(&dir, "v").await.unwrap();
    assert_eq!(version(&files), "{\"v\":2");
    assert_eq!(decode(&fs::read_to_string(&file).unwrap()).unwrap().len(), 32);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        let rest = fs::read_dir(file.parent().unwrap()).unwrap().count();
        assert_eq!(rest, 1, "no temporary beside it");
    }
    // Reading needs the secret, not the wish to write with it.
    let reader = plain(&files).with_machine_secret(MachineSecretConfig {
        file: Some(file),
        ..MachineSecretConfig::default()
    });
    assert_eq!(value(&reader, "k").await, Ok(Some("v".to_owned())));
}

#[tokio::test]
async fn r4_3_a_version_2_file_is_never_replaced_by_version_1() {
    let temp = tempfile::tempdir().unwrap();
    let secret = temp.path().join("secret");
    let files = temp.path().join("files");
    let dir = with(&files, &[], Some(secret.clone()));
    write(&plain(&files), "one").await.unwrap();
    write(&dir, "two").await.unwrap();
    let before = fs::read(files.join("k.enc")).unwrap();
    let reader = plain(&files).with_machine_secret(MachineSecretConfig {
        file: Some(secret),
        ..MachineSecretConfig::default()
    });
    for older in [plain(&files), reader] {
        let error = write(&older, "three").await.unwrap_err();
        assert_eq!(error.code(), Code::Unavailable);
        assert!(error.message().contains("version 2"), "{error}");
        assert_eq!(fs::read(files.join("k.enc")).unwrap(), before);
    }
    fs::write(files.join("k.enc"), "{\"v\":2}").unwrap();
    write(&plain(&files), "a malformed one may go").await.unwrap();
    assert_eq!(version(&files), "{\"v\":1");
}

#[tokio::test]
async fn r4_3_without_a_secret_a_version_2_file_is_corrupt_and_the_remedy_says_what_is_missing() {
    let temp = tempfile::tempdir().unwrap();
    let files = temp.path().join("files");
    write(&with(&files, &[Place::new(|| Ok(Some(vec![7; 32])))], None), "v")
        .await
        .unwrap();

    let error = plain(&files).read("k").await.unwrap_err();
    assert_eq!(error.code(), Code::Corrupt);
    assert!(
        error.remediation().contains("No machine secret is configured"),
        "{}",
        error.remediation()
    );

    let absent = temp.path().join("absent");
    let dir = with(&files, &[Place::new(|| Ok(None))], Some(absent.clone()));
    let error = dir.read("k").await.unwrap_err();
    assert_eq!(error.code(), Code::Corrupt);
    for word in [
        "machine secret",
        "the test's place",
        absent.to_str().unwrap(),
        "Re-save the key or re-authenticate",
    ] {
        assert!(error.remediation().contains(word), "{}", error.remediation());
    }
    assert!(!absent.exists());
    assert_eq!(dir.has("k").await, Ok(true));
}

#[tokio::test]
async fn r4_3_places_are_asked_in_order_until_a_secret_fits_and_remembered() {
    let temp = tempfile::tempdir().unwrap();
    let (files, file) = (temp.path().join("files"), temp.path().join("secret"));
    // Sealed while only the file had one; then another came into the first place.
    write(&with(&files, &[], Some(file.clone())), "v").await.unwrap();
    let place = Place::new(|| Ok(Some(vec![1; 32])));
    let dir = with(&files, std::slice::from_ref(&place), Some(file.clone()));
    assert_eq!(value(&dir, "k").await, Ok(Some("v".to_owned())));
    write(&dir, "w").await.unwrap();
    fs::remove_file(&file).unwrap();
    assert_eq!(
        value(&dir, "k").await,
        Ok(Some("w".to_owned())),
        "the first place's secret is written with"
    );
    assert_eq!(place.asked.load(Ordering::SeqCst), 1);
    assert!(!file.exists());
}

#[tokio::test]
async fn r4_3_many_first_reads_ask_a_place_once_and_that_it_had_none_is_not_remembered() {
    let temp = tempfile::tempdir().unwrap();
    let files = temp.path().join("files");
    let empty = Arc::new(AtomicUsize::new(2));
    let place = Place::new({
        let empty = empty.clone();
        move || {
            Ok((empty
                .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1))
                .is_err())
            .then(|| vec![9; 32]))
        }
    });
    write(&with(&files, &[Place::new(|| Ok(Some(vec![9; 32])))], None), "v")
        .await
        .unwrap();
    let dir = with(&files, std::slice::from_ref(&place), None);
    for _ in 0..2 {
        assert_eq!(dir.read("k").await.unwrap_err().code(), Code::Corrupt);
    }
    let mut reads = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let dir = dir.clone();
        reads.spawn(async move { value(&dir, "k").await });
    }
    assert!(
        reads
            .join_all()
            .await
            .iter()
            .all(|read| *read == Ok(Some("v".to_owned())))
    );
    assert_eq!(place.asked.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn r4_3_a_place_that_fails_is_reported_and_no_second_secret_is_made_beside_it() {
    let temp = tempfile::tempdir().unwrap();
    let (files, file) = (temp.path().join("files"), temp.path().join("secret"));
    write(&with(&files, &[Place::new(|| Ok(Some(vec![7; 32])))], None), "v")
        .await
        .unwrap();
    let locked = || Error::new(Code::Locked, "locked");
    let dir = with(&files, &[Place::new(move || Err(locked()))], Some(file.clone()));
    assert_eq!(value(&dir, "k").await, Err(locked()));
    assert_eq!(write(&dir, "w").await, Err(locked()));
    assert!(!file.exists());

    let dir = with(&files, &[Place::new(|| Ok(Some(vec![7; 16])))], None);
    assert_eq!(
        value(&dir, "k").await.unwrap_err().code(),
        Code::Corrupt,
        "half a secret is none"
    );
}

#[tokio::test]
async fn r4_3_a_damaged_secret_file_is_reported_and_never_overwritten() {
    let temp = tempfile::tempdir().unwrap();
    let (files, file) = (temp.path().join("files"), temp.path().join("secret"));
    for contents in ["", "not base64!", "AAAA", &"A".repeat(100_000)] {
        fs::write(&file, contents).unwrap();
        let error = write(&with(&files, &[], Some(file.clone())), "v").await.unwrap_err();
        assert_eq!(error.code(), Code::Corrupt);
        assert!(
            error.remediation().contains("machine secret"),
            "{}",
            error.remediation()
        );
        assert_eq!(fs::read_to_string(&file).unwrap(), contents);
    }
    assert!(!files.exists());
}

#[tokio::test]
async fn r4_3_many_values_of_both_versions_are_read_in_one_go() {
    let temp = tempfile::tempdir().unwrap();
    let (files, file) = (temp.path().join("files"), temp.path().join("secret"));
    let dir = with(&files, &[], Some(file));
    for n in 0..6 {
        let key = format!("k{n}");
        let writer = if n % 2 == 0 { dir.clone() } else { plain(&files) };
        writer
            .write(&key, &Secret::from(key.as_str()), Some(KeyringKind::Os))
            .await
            .unwrap();
    }
    let keys: Vec<_> = (0..7).map(|n| format!("k{n}")).collect();
    let read = dir.read_many(&keys).await;
    for (key, read) in keys.iter().zip(&read).take(6) {
        let stored = read.as_ref().unwrap().as_ref().unwrap();
        assert_eq!(
            (stored.value.expose(), stored.newer_than),
            (key.as_str(), Some(KeyringKind::Os))
        );
    }
    assert_eq!(read[6], Ok(None));
    let read = plain(&files).read_many(&keys).await;
    let failed: Vec<_> = read.iter().map(|read| read.is_err()).collect();
    assert_eq!(failed, [true, false, true, false, true, false, false]);
}
