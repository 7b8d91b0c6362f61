//! Writes without room: on a full file system, and beyond a limit on file sizes.

use std::path::Path;

use securestore::secret::Secret;

#[cfg(target_os = "linux")]
use super::disk::Disk;
use super::{expect_refused, open};

/// Runs in a child process, because the limit is that of the process.
pub async fn exceed_the_limit_on_file_sizes(path: &Path) {
    let dir = open(path);
    dir.write("k", &Secret::from("old"), None).await.unwrap();
    expect_refused(&dir, &Secret::new("x".repeat(1 << 20)), "File too large").await;
    assert!(dir.read("k").await.unwrap().unwrap().value == Secret::from("old"));
    dir.write("k", &Secret::from("new"), None).await.unwrap();
    assert!(dir.read("k").await.unwrap().unwrap().value == Secret::from("new"));
}

#[cfg(target_os = "linux")]
pub async fn write_to_a_full_disk() {
    let disk = Disk::mount();
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
