//! Whether a keyring was ever reached from a data directory.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::fs::atomic;
use crate::fs::executor::FileExecutor;
use crate::fs::read::known_existence;
use crate::telemetry::propagate_blocking;

/// The marker file in the data directory.
const MARKER: &str = "keyring_seen";

/// Records in a marker file that a keyring was reached. Only then can a keyring hold a value that a tombstone must hide, so a
/// machine without a keyring collects no tombstones.
#[derive(Clone)]
pub(super) struct KeyringSeen {
    data_dir: Arc<PathBuf>,
    is_recorded: Arc<AtomicBool>,
    executor: FileExecutor,
}

impl KeyringSeen {
    pub fn new(data_dir: PathBuf) -> Self {
        Self {
            data_dir: Arc::new(data_dir),
            is_recorded: Arc::default(),
            executor: FileExecutor::default(),
        }
    }

    /// Runs file operations with this executor. Earlier clones keep theirs.
    pub fn with_executor(mut self, executor: FileExecutor) -> Self {
        self.executor = executor;
        self
    }

    /// Records that a keyring was reached. If the marker cannot be written, the next call tries again.
    pub async fn record(&self) {
        if self.is_recorded.load(Ordering::Relaxed) {
            return;
        }
        // The usual case: an earlier process wrote the marker. Starting a thread to see that would delay the first call.
        if known_existence(&self.data_dir.join(MARKER)) == Some(true) {
            self.is_recorded.store(true, Ordering::Relaxed);
            return;
        }
        let dir = self.data_dir.clone();
        let writing = self.executor.run(propagate_blocking(move || {
            let exists = dir.join(MARKER).exists()
                || atomic::ensure_dir(&dir)
                    .and_then(|()| atomic::create(&dir, MARKER, b""))
                    .is_ok();
            Ok(exists)
        }));
        if writing.await.unwrap_or(false) {
            self.is_recorded.store(true, Ordering::Relaxed);
        }
    }

    /// Returns whether a keyring was ever reached; `true` if that cannot be determined.
    pub async fn is_recorded(&self) -> bool {
        if self.is_recorded.load(Ordering::Relaxed) {
            return true;
        }
        let path = self.data_dir.join(MARKER);
        let check = propagate_blocking(move || Ok(path.try_exists().unwrap_or(true)));
        self.executor.run(check).await.unwrap_or(true)
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn r7b_a_marker_of_an_earlier_process_is_seen_without_a_thread() {
        let temp = tempfile::tempdir().unwrap();
        let seen = || KeyringSeen::new(temp.path().to_owned());
        let first = seen();
        first.record().await;
        assert!(temp.path().join(MARKER).exists());
        let second = seen();
        assert_eq!(second.record().now_or_never(), Some(()));
        assert_eq!(second.is_recorded().now_or_never(), Some(true));
    }
}
