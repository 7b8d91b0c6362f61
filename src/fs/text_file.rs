//! Small text files that are not encrypted.
//!
//! A change replaces the whole file. One task of one process changes a file at a time.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::executor::FileExecutor;
use super::lock::LockDir;
use super::read::{Contents, read_as_is};
use super::{atomic, io_error};
use crate::error::{Code, Error, Result};
use crate::secret::Secret;

/// Time limit for acquiring the lock of a file.
const LOCK_LIMIT: Duration = Duration::from_secs(60);

/// A text file, which need not exist. Cloning is cheap; clones refer to the same file.
#[derive(Clone)]
pub struct TextFile {
    inner: Arc<Inner>,
    locks: LockDir,
}

struct Inner {
    dir: PathBuf,
    name: String,
    limit: usize,
}

impl TextFile {
    /// Returns the file `name` in `dir`, of at most `limit` bytes. Neither need exist. File operations use the executor of
    /// `locks`.
    pub fn new(dir: PathBuf, name: &str, limit: usize, locks: LockDir) -> Self {
        Self {
            inner: Arc::new(Inner {
                dir,
                name: name.to_owned(),
                limit,
            }),
            locks,
        }
    }

    /// Runs file operations with this executor. Earlier clones keep theirs.
    #[must_use]
    pub fn with_executor(mut self, executor: FileExecutor) -> Self {
        self.locks = self.locks.with_executor(executor);
        self
    }

    /// Returns the path of the file.
    pub fn path(&self) -> PathBuf {
        self.inner.dir.join(&self.inner.name)
    }

    /// Returns the text; `None` when there is no file.
    ///
    /// # Errors
    ///
    /// As [`read_text`].
    pub async fn read(&self) -> Result<Option<Secret>> {
        read_text(self.path(), self.inner.limit, self.locks.executor()).await
    }

    /// Replaces the text with the result of `change`, atomically and with mode 0600. `None` means that there is no file, in the
    /// argument and in the result. A missing directory is created with mode 0700 if there is a text to write.
    ///
    /// Changes through this function exclude each other, in this process and in others. Where locking is unavailable, a change
    /// is still atomic, but a concurrent one may overwrite it.
    ///
    /// # Errors
    ///
    /// The error of [`read_text`] or of `change`; `CORRUPT` when the new text is too large; `DENIED` or `UNAVAILABLE` when it
    /// cannot be written; `TIMEOUT` when another change takes too long. The file is then unchanged, unless the message says that
    /// the change was made.
    pub async fn update<F>(&self, change: F) -> Result<()>
    where
        F: Fn(Option<&str>) -> Result<Option<Secret>> + Send + 'static,
    {
        let inner = self.inner.clone();
        let request = self.locks.request("text file", &self.path().to_string_lossy());
        let (lock, _unlocked) = request.acquire_for_change(LOCK_LIMIT).await?;
        let updating = move || {
            let _lock = lock;
            inner.update(change)
        };
        self.locks.executor().run(updating).await
    }
}

/// Returns the text of any file; `None` when there is no file. A link to a missing file counts as no file.
///
/// # Errors
///
/// `CORRUPT` when the file is larger than `limit` bytes or not UTF-8 text; `DENIED` or `UNAVAILABLE` when it cannot be read.
/// A path that is not a regular file, such as a directory or a pipe, is `UNAVAILABLE` at once.
pub async fn read_text(path: PathBuf, limit: usize, executor: FileExecutor) -> Result<Option<Secret>> {
    executor.run(move || read_now(&path, limit)).await
}

fn read_now(path: &Path, limit: usize) -> Result<Option<Secret>> {
    let unusable = |why: String| {
        let message = format!("{} cannot be used: {why}", path.display());
        Error::new(Code::Corrupt, message).with_remediation("Repair the file, or delete it and save again")
    };
    let unreadable = |error| match io_error::io_error("read", path, &error) {
        error if error.code() == Code::Unavailable => {
            error.with_remediation("Check the path, and that the file is readable")
        }
        error => error,
    };
    match read_as_is(path, limit).map_err(unreadable)? {
        Contents::Absent => Ok(None),
        Contents::TooLarge => Err(unusable(format!("it is larger than {limit} bytes"))),
        Contents::Bytes(mut bytes) => Secret::from_utf8(std::mem::take(&mut *bytes))
            .map(Some)
            .ok_or_else(|| unusable("it is not UTF-8 text".to_owned())),
    }
}

impl Inner {
    fn update(&self, change: impl Fn(Option<&str>) -> Result<Option<Secret>>) -> Result<()> {
        let path = self.dir.join(&self.name);
        let failed = |error| io_error::io_error("write", &path, &error);
        let old = read_now(&path, self.limit)?;
        let new = change(old.as_ref().map(Secret::expose))?;
        match &new {
            _ if new == old => Ok(()),
            None => atomic::remove(&self.dir, std::slice::from_ref(&self.name))
                .map(|_| ())
                .map_err(failed),
            Some(text) if text.expose().len() > self.limit => Err(Error::new(
                Code::Corrupt,
                format!("{} would be larger than {} bytes", path.display(), self.limit),
            )
            .with_remediation("Save less")),
            Some(text) => {
                atomic::ensure_dir(&self.dir).map_err(|error| io_error::io_error("create", &self.dir, &error))?;
                atomic::replace(&self.dir, &self.name, text.expose().as_bytes()).map_err(failed)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(dir: &tempfile::TempDir) -> TextFile {
        let locks = LockDir::new(dir.path().join("locks"));
        TextFile::new(dir.path().join("missing"), "notes.txt", 100, locks)
    }

    fn file() -> (tempfile::TempDir, TextFile) {
        let dir = tempfile::tempdir().unwrap();
        let file = open(&dir);
        (dir, file)
    }

    async fn text(file: &TextFile) -> Option<String> {
        file.read().await.unwrap().map(|text| text.expose().to_owned())
    }

    #[tokio::test]
    async fn r7_a_change_creates_the_directory_only_when_there_is_a_text_to_write() {
        let (_dir, file) = file();
        file.update(|_| Ok(None)).await.unwrap();
        assert!(!file.path().parent().unwrap().exists());
        file.update(|old| {
            assert_eq!(old, None);
            Ok(Some("one".into()))
        })
        .await
        .unwrap();
        assert_eq!(text(&file).await.as_deref(), Some("one"));
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt as _;
            let mode = |path: &Path| std::fs::metadata(path).unwrap().mode() & 0o777;
            assert_eq!(mode(&file.path()), 0o600);
            assert_eq!(mode(file.path().parent().unwrap()), 0o700);
        }
        file.update(|_| Ok(None)).await.unwrap();
        assert_eq!(text(&file).await, None);
    }

    #[tokio::test]
    async fn r7_no_concurrent_change_is_lost() {
        let (dir, first) = file();
        // Stands for another process, which has its own `TextFile`.
        let second = open(&dir);
        let add = |file: &TextFile| {
            let file = file.clone();
            tokio::spawn(async move {
                file.update(|old| Ok(Some(Secret::new(format!("{}x", old.unwrap_or_default())))))
                    .await
            })
        };
        let tasks: Vec<_> = (0..40)
            .map(|i| add(if i % 2 == 0 { &first } else { &second }))
            .collect();
        for task in tasks {
            task.await.unwrap().unwrap();
        }
        assert_eq!(text(&first).await, Some("x".repeat(40)));
        let names: Vec<_> = std::fs::read_dir(dir.path().join("missing")).unwrap().collect();
        assert_eq!(names.len(), 1, "no temporary file is left");
    }

    #[tokio::test]
    async fn r7_a_change_that_fails_or_is_too_large_leaves_the_file_unchanged() {
        let (_dir, file) = file();
        file.update(|_| Ok(Some("one".into()))).await.unwrap();
        let refused = file.update(|_| Err(Error::new(Code::Corrupt, "no"))).await;
        assert_eq!(refused.unwrap_err().message(), "no");
        let too_large = file.update(|_| Ok(Some(Secret::new("x".repeat(101))))).await;
        assert_eq!(too_large.unwrap_err().code(), Code::Corrupt);
        assert_eq!(text(&file).await.as_deref(), Some("one"));
        file.update(|_| Ok(Some(Secret::new("x".repeat(100))))).await.unwrap();
        assert_eq!(text(&file).await.map(|text| text.len()), Some(100));
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn r7_a_change_to_the_same_text_does_not_write_the_file() {
        use std::os::unix::fs::MetadataExt as _;
        let (_dir, file) = file();
        // A write replaces the file by another one.
        let written = || std::fs::metadata(file.path()).unwrap().ino();
        file.update(|_| Ok(Some("one".into()))).await.unwrap();
        let first = written();
        file.update(|_| Ok(Some("one".into()))).await.unwrap();
        assert_eq!(written(), first);
        file.update(|_| Ok(Some("two".into()))).await.unwrap();
        assert_ne!(written(), first);
    }

    #[tokio::test]
    async fn r7_anything_but_a_small_regular_text_file_is_refused_without_waiting() {
        let (dir, _) = file();
        let path = |name: &str| dir.path().join(name);
        std::fs::write(path("binary"), b"a\xff").unwrap();
        std::fs::write(path("large"), "x".repeat(101)).unwrap();
        std::fs::create_dir(path("dir")).unwrap();
        let code = |name: &str| {
            let reading = read_text(path(name), 100, FileExecutor::Pool);
            async { reading.await.map_err(|error| error.code()) }
        };
        assert_eq!(code("absent").await, Ok(None));
        assert_eq!(code("binary").await, Err(Code::Corrupt));
        assert_eq!(code("large").await, Err(Code::Corrupt));
        assert_eq!(code("dir").await, Err(Code::Unavailable));
        let directory = read_text(path("dir"), 100, FileExecutor::Pool).await.unwrap_err();
        assert_eq!(directory.remediation(), "Check the path, and that the file is readable");
        #[cfg(unix)]
        {
            crate::fs::testing::make_pipe(&path("pipe"));
            assert_eq!(code("pipe").await, Err(Code::Unavailable));
        }
    }
}
