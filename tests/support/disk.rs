//! A small file system of its own, where this process may mount one.
#![cfg(target_os = "linux")]
#![allow(dead_code)] // each test binary uses a part

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A file system of 128 KiB in memory. It is unmounted on drop.
pub struct Disk {
    dir: tempfile::TempDir,
}

impl Disk {
    /// Mounts the file system; `None` without the permission to.
    pub fn mount() -> Option<Self> {
        let disk = Self {
            dir: tempfile::tempdir().unwrap(),
        };
        disk.run_mount(&["-t", "tmpfs", "-o", "size=128k", "tmpfs"])
            .then_some(disk)
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Writes a file that takes all the space. Returns its path.
    pub fn fill(&self) -> PathBuf {
        let ballast = self.path().join("ballast");
        let full = fs::write(&ballast, vec![0; 1 << 20]).unwrap_err();
        assert_eq!(full.kind(), ErrorKind::StorageFull);
        ballast
    }

    /// Makes the file system read-only.
    pub fn make_read_only(&self) {
        assert!(self.run_mount(&["-o", "remount,ro"]), "the file system is remounted");
    }

    fn run_mount(&self, arguments: &[&str]) -> bool {
        let mount = Command::new("mount").args(arguments).arg(self.path()).output();
        mount.is_ok_and(|mount| mount.status.success())
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.path()).output();
    }
}
