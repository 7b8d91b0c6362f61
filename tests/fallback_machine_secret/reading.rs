//! Reads with machine secrets from several sources.

use securestore::fallback::machine_secret::{secret_for_encryption, secrets_for_decryption};

use super::*;

#[tokio::test]
async fn r4_3_without_a_secret_a_version_2_file_is_corrupt_and_the_remedy_names_what_is_missing() {
    let temp = tempfile::tempdir().unwrap();
    let (files, absent) = paths(&temp);
    write(&with(&files, Some(&TestSource::holding(7)), None, None), "v")
        .await
        .unwrap();

    let error = plain(&files).read("k").await.unwrap_err();
    assert_eq!(error.code(), Code::Corrupt);
    let remedy = error.remediation();
    assert!(remedy.contains("No machine secret is configured"), "{remedy}");

    let dir = with(&files, Some(&TestSource::new(|| Ok(None))), None, Some(&absent));
    let error = dir.read("k").await.unwrap_err();
    assert_eq!(error.code(), Code::Corrupt);
    for word in [
        "machine secret",
        "the test's source",
        absent.to_str().unwrap(),
        "Re-save the key or re-authenticate",
    ] {
        assert!(error.remediation().contains(word), "{}", error.remediation());
    }
    assert!(!absent.exists());
    assert_eq!(dir.has("k").await, Ok(true));
}

#[tokio::test]
async fn r4_3_many_first_reads_load_the_secret_once_and_a_source_without_one_is_loaded_again() {
    let temp = tempfile::tempdir().unwrap();
    let (files, _) = paths(&temp);
    let empty = Arc::new(AtomicUsize::new(2));
    let source = TestSource::new(move || {
        let emptied = empty.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1));
        Ok(emptied.is_err().then(|| vec![9; 32]))
    });
    write(&with(&files, Some(&TestSource::holding(9)), None, None), "v")
        .await
        .unwrap();
    let dir = with(&files, None, Some(&source), None);
    for _ in 0..2 {
        assert_eq!(dir.read("k").await.unwrap_err().code(), Code::Corrupt);
    }
    let mut reads = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let dir = dir.clone();
        reads.spawn(async move { value(&dir, "k").await });
    }
    let reads = reads.join_all().await;
    assert!(reads.iter().all(|read| *read == Ok(Some("v".to_owned()))));
    assert_eq!(source.loads.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn r4_3_the_secret_for_envelopes_outside_of_a_store_is_created_for_encryption_and_only_read_for_decryption() {
    let temp = tempfile::tempdir().unwrap();
    let (_, path) = paths(&temp);
    let config = || MachineSecretConfig {
        keyring: Some(TestSource::holding(7) as _),
        file: Some(path.clone()),
        ..MachineSecretConfig::default()
    };
    let only_file = || MachineSecretConfig {
        keyring: None,
        ..config()
    };
    assert!(secrets_for_decryption(only_file()).await.is_empty());
    assert!(!path.exists());
    assert!(secret_for_encryption(only_file()).await.is_some());
    assert!(path.exists());
    assert_eq!(secrets_for_decryption(config()).await.len(), 2);
    assert!(secret_for_encryption(MachineSecretConfig::default()).await.is_none());
}

#[tokio::test]
async fn keys_of_version_1_enter_the_cache_with_a_secret_that_only_the_keyring_holds() {
    let temp = tempfile::tempdir().unwrap();
    let (files, _) = paths(&temp);
    write(&plain(&files), "v").await.unwrap();
    let dir = with(&files, None, Some(&TestSource::holding(7)), None);
    assert_eq!(value(&dir, "k").await, Ok(Some("v".to_owned())));
    dir.settled().await;
    // On macOS the keyring may ask the user, and nobody waits for the cache.
    assert_eq!(files.join(".keys").exists(), !cfg!(target_os = "macos"));
}

#[tokio::test]
async fn r4_3_a_directory_that_is_given_other_names_keeps_its_machine_secret() {
    let temp = tempfile::tempdir().unwrap();
    let (files, _) = paths(&temp);
    let dir = with(&files, Some(&TestSource::holding(7)), None, None);
    let shared = dir.clone();
    write(&dir.with_other_usernames(vec![]), "v").await.unwrap();
    assert_eq!(version(&files), r#"{"v":2"#);
    assert_eq!(value(&shared, "k").await, Ok(Some("v".to_owned())));
}

#[tokio::test]
async fn r4_3_once_a_source_gave_the_right_secret_no_other_source_is_asked() {
    let temp = tempfile::tempdir().unwrap();
    let (files, _) = paths(&temp);
    let (loader, keyring) = (TestSource::holding(7), TestSource::failing());
    write(&with(&files, Some(&loader), Some(&keyring), None), "v")
        .await
        .unwrap();
    for has_cache in [true, false] {
        if !has_cache {
            fs::remove_file(files.join(".keys")).unwrap();
        }
        let dir = with(&files, Some(&loader), Some(&keyring), None);
        assert_eq!(value(&dir, "k").await, Ok(Some("v".to_owned())));
        dir.settled().await;
        assert_eq!(keyring.loads.load(Ordering::SeqCst), 0);
    }
}

#[tokio::test]
async fn r4_3_many_first_writes_create_one_secret() {
    let temp = tempfile::tempdir().unwrap();
    let (files, file) = paths(&temp);
    let keyring = TestSource::empty(OnCreate::Keeps);
    let dir = with(&files, None, Some(&keyring), Some(&file));
    let mut writes = tokio::task::JoinSet::new();
    for n in 0..20 {
        let dir = dir.clone();
        writes.spawn(async move { dir.write(&format!("k{n}"), &Secret::from("v"), None).await });
    }
    assert!(writes.join_all().await.iter().all(Result::is_ok));
    let later = TestSource::new({
        let bytes = keyring.created();
        move || Ok(bytes.clone())
    });
    let keys: Vec<_> = (0..20).map(|n| format!("k{n}")).collect();
    let read = with(&files, None, Some(&later), None).read_many(&keys).await;
    assert!(read.iter().all(|read| matches!(read, Ok(Some(_)))));
}

#[tokio::test]
async fn r4_3_the_error_of_a_source_is_reported_only_if_no_other_source_decrypts_the_file() {
    let temp = tempfile::tempdir().unwrap();
    let (files, file) = paths(&temp);
    write(&with(&files, Some(&TestSource::holding(7)), None, None), "v")
        .await
        .unwrap();
    let dir = with(&files, None, Some(&TestSource::failing()), Some(&file));
    assert_eq!(value(&dir, "k").await, Err(locked()));
    let dir = with(
        &files,
        Some(&TestSource::failing()),
        Some(&TestSource::holding(7)),
        Some(&file),
    );
    assert_eq!(value(&dir, "k").await, Ok(Some("v".to_owned())));
    let dir = with(&files, None, Some(&TestSource::new(|| Ok(Some(vec![7; 8])))), None);
    let error = value(&dir, "k").await.unwrap_err();
    assert_eq!(error.code(), Code::Corrupt, "an incomplete secret does not count");
}

#[tokio::test]
async fn r4_3_a_damaged_secret_file_is_never_overwritten() {
    let temp = tempfile::tempdir().unwrap();
    let (files, file) = paths(&temp);
    write(&with(&files, None, None, Some(&file)), "v").await.unwrap();
    fs::rename(files.join("k.enc"), files.join("encrypted.enc")).unwrap();
    for contents in ["", "not base64!", "AAAA", &"A".repeat(100_000)] {
        fs::write(&file, contents).unwrap();
        let dir = with(&files, None, None, Some(&file));
        write(&dir, "v").await.unwrap();
        assert_eq!(version(&files), "{\"v\":1", "no secret is available");
        assert_eq!(fs::read_to_string(&file).unwrap(), contents);
        let error = dir.read("encrypted").await.unwrap_err();
        assert_eq!(error.code(), Code::Corrupt);
        assert!(
            error.remediation().contains("machine secret"),
            "{}",
            error.remediation()
        );
    }
}

#[tokio::test]
async fn r4_3_many_values_of_both_versions_are_read_in_one_batch() {
    let temp = tempfile::tempdir().unwrap();
    let (files, file) = paths(&temp);
    let dir = with(&files, None, None, Some(&file));
    for n in 0..6 {
        let key = format!("k{n}");
        let writer = if n % 2 == 0 { dir.clone() } else { plain(&files) };
        let newer_than = Some(KeyringKind::Os);
        writer
            .write(&key, &Secret::from(key.as_str()), newer_than)
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
