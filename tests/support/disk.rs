//! A small file system that a test mounts.
#![cfg(target_os = "linux")]
#![allow(dead_code)] // each test binary uses a part

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A file system of 128 KiB in memory. It is unmounted on drop.
pub struct Disk {
    dir: tempfile::TempDir,
}

impl Disk {
    /// Mounts the file system, with `sudo` if this process is not root.
    pub fn mount() -> Self {
        let disk = Self {
            dir: tempfile::tempdir().unwrap(),
        };
        let owner = rustix::process::getuid().as_raw();
        disk.mount_with(&["-t", "tmpfs", "-o", &format!("size=128k,mode=700,uid={owner}"), "tmpfs"]);
        disk
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Writes a file that takes all free space, and returns its path.
    pub fn fill(&self) -> PathBuf {
        let ballast = self.path().join("ballast");
        let full = fs::write(&ballast, vec![0; 1 << 20]).unwrap_err();
        assert_eq!(full.kind(), ErrorKind::StorageFull);
        ballast
    }

    /// Makes the file system read-only.
    pub fn make_read_only(&self) {
        self.mount_with(&["-o", "remount,ro"]);
    }

    fn mount_with(&self, arguments: &[&str]) {
        let mount = self.run_as_root("mount", arguments);
        assert!(
            mount.status.success(),
            "This test mounts a file system. Run it as root, or allow `sudo mount` without a password: {}",
            String::from_utf8_lossy(&mount.stderr)
        );
    }

    fn run_as_root(&self, program: &str, arguments: &[&str]) -> Output {
        let mut command = match rustix::process::getuid().is_root() {
            true => Command::new(program),
            false => {
                let mut sudo = Command::new("sudo");
                sudo.args(["--non-interactive", program]);
                sudo
            }
        };
        command.args(arguments).arg(self.path());
        let output = command.output();
        output.unwrap_or_else(|error| panic!("This test runs {program} as root: {error}"))
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        self.run_as_root("umount", &["-l"]);
    }
}
