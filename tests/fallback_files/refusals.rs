//! Files that are refused, and temporary files that are swept.

use super::*;

#[tokio::test]
async fn r5_a_file_that_is_malformed_of_another_version_or_from_another_host_is_corrupt_and_can_be_replaced() {
    let temp = tempfile::tempdir().unwrap();
    let dir = open(temp.path());
    let file = temp.path().join("k.enc");
    let remedy = |error: Error| {
        assert_eq!(error.code(), Code::Corrupt);
        assert!(error.message().contains("k.enc"), "{error}");
        error.remediation().to_owned()
    };
    for contents in ["", "SECRET", "{}", "aa:bb:cc"] {
        fs::write(&file, contents).unwrap();
        let error = dir.read("k").await.unwrap_err();
        assert!(!error.message().contains("SECRET"));
        assert_eq!(remedy(error), "Re-save the key or re-authenticate");
        assert_eq!(
            remedy(dir.has("k").await.unwrap_err()),
            "Re-save the key or re-authenticate"
        );
    }
    fs::write(&file, r#"{"v":3}"#).unwrap();
    let error = dir.read("k").await.unwrap_err();
    assert!(error.message().starts_with("Unrecognized envelope version: 3"));
    assert!(remedy(error).contains("upgrade"));

    let elsewhere = HostIdentity {
        hostname: "other".into(),
        username: "alice".into(),
    };
    let theirs = FallbackDir::new(temp.path().to_owned(), "test-service", elsewhere);
    write(&theirs, "k", "v").await;
    let remedy = remedy(dir.read("k").await.unwrap_err());
    assert!(
        remedy.contains("Re-save the key or re-authenticate") && remedy.contains("another machine"),
        "{remedy}"
    );
    assert_eq!(dir.has("k").await, Ok(true), "no derived key is needed");

    write(&dir, "k", "mine").await;
    assert_eq!(value(&dir, "k").await.as_deref(), Some("mine"));
}

#[tokio::test]
async fn r5_a_file_that_is_far_too_large_is_refused_without_reading_it() {
    let temp = tempfile::tempdir().unwrap();
    let file = fs::File::create(temp.path().join("k.enc")).unwrap();
    // Sparse on Unix. Windows reserves the space.
    let size = if cfg!(windows) { 1 << 28 } else { 1 << 40 };
    file.set_len(size).expect("the file system supports files of this size");
    let error = open(temp.path()).read("k").await.unwrap_err();
    assert_eq!(error.code(), Code::Corrupt);
    assert!(error.message().contains("64 MiB"), "{error}");
}

#[tokio::test]
async fn a_writer_uses_the_salt_of_the_directory_and_a_new_nonce_for_each_file() {
    let temp = tempfile::tempdir().unwrap();
    for n in 0..5 {
        write(&open(temp.path()), &format!("k{n}"), "v").await;
    }
    let starts: std::collections::HashSet<_> = (0..5)
        .map(|n| {
            let line = fs::read_to_string(temp.path().join(format!("k{n}.enc"))).unwrap();
            let (_, data) = line.split_once("\"data\":\"").unwrap();
            // The salt of 16 bytes fills 21 digits. The 16 digits after the next one belong to the nonce alone.
            (data[..21].to_owned(), data[22..38].to_owned())
        })
        .collect();
    let salts: std::collections::HashSet<_> = starts.iter().map(|(salt, _)| salt).collect();
    assert_eq!((salts.len(), starts.len()), (1, 5));
}

#[cfg(unix)]
#[tokio::test]
async fn r4_8_temporary_files_are_swept_unless_a_process_holds_their_lock_or_they_have_another_name() {
    let temp = tempfile::tempdir().unwrap();
    let dir = open(temp.path());
    let file = |name: &str| fs::File::create(temp.path().join(name)).unwrap();
    for abandoned in [".0123456789abcdef.tmp", ".fedcba9876543210.lock"] {
        file(abandoned);
    }
    let locked = [".00000000000000aa.lock", ".00000000000000bb.tmp"];
    let held = locked.map(|name| {
        let file = file(name);
        file.lock().unwrap();
        file
    });
    let foreign = [".mine.tmp", "0123456789abcdef.tmp", ".0123456789abcdeg.tmp"];
    foreign.iter().for_each(|name| drop(file(name)));
    let link = temp.path().join(".1111111111111111.tmp");
    std::os::unix::fs::symlink(temp.path().join(".mine.tmp"), &link).unwrap();

    write(&dir, "k", "v").await;
    let mut expected = vec!["k.enc", ".1111111111111111.tmp"];
    expected.extend(locked.iter().chain(&foreign));
    expected.sort();
    assert_eq!(names(temp.path()), expected);
    assert_eq!(keys(&dir).await, vec!["k".to_owned()]);

    drop(held);
    write(&dir, "k", "w").await;
    assert!(
        locked.iter().all(|name| temp.path().join(name).exists()),
        "a process sweeps a directory once"
    );
    securestore::fs::sweep::sweep(temp.path());
    assert!(locked.iter().all(|name| !temp.path().join(name).exists()));
}
