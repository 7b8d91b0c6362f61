//! No room: on a small file system of its own where we may mount one, and under a limit on file sizes anywhere.

use std::path::Path;
#[cfg(target_os = "linux")]
use std::path::PathBuf;
#[cfg(target_os = "linux")]
use std::process::Command;

use securestore::secret::Secret;

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
    let temp = tempfile::tempdir().unwrap();
    let Some(disk) = Disk::mount(temp.path()) else {
        eprintln!("not allowed to mount: the limit on file sizes stands for the full disk");
        return;
    };
    let path = disk.0.join("files");
    let dir = open(&path);
    let old = Secret::new("old".repeat(1000));
    dir.write("k", &old, None).await.unwrap();
    let ballast = disk.0.join("ballast");
    let full = std::fs::write(&ballast, vec![0; 1 << 20]).unwrap_err();
    assert_eq!(full.kind(), std::io::ErrorKind::StorageFull);

    for value in ["new".repeat(1000), "new".repeat(100_000)] {
        expect_refused(&dir, &Secret::new(value), "No space left on device").await;
        assert!(dir.read("k").await.unwrap().unwrap().value == old);
    }
    std::fs::remove_file(&ballast).unwrap();
    dir.write("k", &Secret::from("new"), None).await.unwrap();
    assert!(dir.read("k").await.unwrap().unwrap().value == Secret::from("new"));
}

/// A file system of 128 KiB in memory, gone on drop.
#[cfg(target_os = "linux")]
struct Disk(PathBuf);

#[cfg(target_os = "linux")]
impl Disk {
    fn mount(path: &Path) -> Option<Self> {
        let mount = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=128k", "tmpfs"])
            .arg(path)
            .output();
        mount
            .is_ok_and(|mount| mount.status.success())
            .then(|| Self(path.to_owned()))
    }
}

#[cfg(target_os = "linux")]
impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}
