//! Files that cannot be opened, and what is swept.

use super::*;

#[tokio::test]
async fn r5_what_is_malformed_of_another_version_or_sealed_elsewhere_is_corrupt_and_can_be_replaced() {
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
    assert_eq!(dir.has("k").await, Ok(true), "that needs no key");

    write(&dir, "k", "mine").await;
    assert_eq!(value(&dir, "k").await.as_deref(), Some("mine"));
}

#[tokio::test]
async fn r5_a_file_of_terabytes_is_refused_without_reading_it() {
    let temp = tempfile::tempdir().unwrap();
    let file = fs::File::create(temp.path().join("k.enc")).unwrap();
    if file.set_len(1 << 40).is_err() {
        return; // A file system that has no such sizes.
    }
    let error = open(temp.path()).read("k").await.unwrap_err();
    assert_eq!(error.code(), Code::Corrupt);
    assert!(error.message().contains("64 MiB"), "{error}");
}

#[tokio::test]
async fn a_writer_takes_over_the_salt_of_the_directory_and_never_a_nonce() {
    let temp = tempfile::tempdir().unwrap();
    for n in 0..5 {
        write(&open(temp.path()), &format!("k{n}"), "v").await;
    }
    let starts: std::collections::HashSet<_> = (0..5)
        .map(|n| {
            let line = fs::read_to_string(temp.path().join(format!("k{n}.enc"))).unwrap();
            let (_, data) = line.split_once("\"data\":\"").unwrap();
            // 16 bytes of salt fill 21 digits; the next 16 digits are of the nonce alone.
            (data[..21].to_owned(), data[22..38].to_owned())
        })
        .collect();
    let salts: std::collections::HashSet<_> = starts.iter().map(|(salt, _)| salt).collect();
    assert_eq!((salts.len(), starts.len()), (1, 5));
}

#[cfg(unix)]
#[tokio::test]
async fn r4_8_what_the_dead_left_is_swept_and_what_the_living_hold_or_others_made_is_not() {
    let temp = tempfile::tempdir().unwrap();
    let dir = open(temp.path());
    let file = |name: &str| fs::File::create(temp.path().join(name)).unwrap();
    for dead in [".0123456789abcdef.tmp", ".fedcba9876543210.lock"] {
        file(dead);
    }
    let alive = [".00000000000000aa.lock", ".00000000000000bb.tmp"];
    let held = alive.map(|name| {
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
    expected.extend(alive.iter().chain(&foreign));
    expected.sort();
    assert_eq!(names(temp.path()), expected);
    assert_eq!(keys(&dir).await, vec!["k".to_owned()]);

    drop(held);
    write(&dir, "k", "w").await;
    assert!(
        alive.iter().all(|name| temp.path().join(name).exists()),
        "a process sweeps once"
    );
    securestore::fs::sweep::sweep(temp.path());
    assert!(alive.iter().all(|name| !temp.path().join(name).exists()));
}
