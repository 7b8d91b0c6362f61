//! No room: on a small file system of its own where we may mount one, and under a limit on file sizes anywhere.

use std::path::Path;

use securestore::secret::Secret;

#[cfg(target_os = "linux")]
use super::disk::Disk;
use super::{expect_refused, open};

/// Runs in a child, for the limit is the process's.
pub async fn meet_a_limit_on_file_sizes(path: &Path) {
    let dir = open(path);
    dir.write("k", &Secret::from("old"), None).await.unwrap();
    expect_refused(&dir, &Secret::new("x".repeat(1 << 20)), "File too large").await;
    assert!(dir.read("k").await.unwrap().unwrap().value == Secret::from("old"));
    dir.write("k", &Secret::from("new"), None).await.unwrap();
    assert!(dir.read("k").await.unwrap().unwrap().value == Secret::from("new"));
}

#[cfg(target_os = "linux")]
pub async fn meet_a_full_disk() {
    let Some(disk) = Disk::mount() else {
        eprintln!("not allowed to mount: the limit on file sizes stands for the full disk");
        return;
    };
    let path = disk.path().join("files");
    let dir = open(&path);
    let old = Secret::new("old".repeat(1000));
    dir.write("k", &old, None).await.unwrap();
    let ballast = disk.fill();

    for value in ["new".repeat(1000), "new".repeat(100_000)] {
        expect_refused(&dir, &Secret::new(value), "No space left on device").await;
        assert!(dir.read("k").await.unwrap().unwrap().value == old);
    }
    std::fs::remove_file(&ballast).unwrap();
    dir.write("k", &Secret::from("new"), None).await.unwrap();
    assert!(dir.read("k").await.unwrap().unwrap().value == Secret::from("new"));
}
