use std::sync::atomic::AtomicUsize;

use futures_util::FutureExt as _;

use super::*;

const LIMIT: Duration = Duration::from_secs(20);

fn locks(dir: &tempfile::TempDir) -> LockDir {
    LockDir::new(dir.path().join("data").join("locks"))
}

/// Locks the file without the queue of this process, as another process does.
fn lock_as_another_process(locks: &LockDir, key: &str) -> File {
    let path = locks.lock_file("service", key);
    atomic::ensure_dir(locks.path()).unwrap();
    let file = open(&path).unwrap();
    file.try_lock().unwrap();
    file
}

fn failure(result: Result<KeyLock>) -> (Code, String) {
    let error = result.err().expect("no lock");
    (error.code(), error.message().to_owned())
}

#[tokio::test]
async fn r7b_a_lock_excludes_every_other_task_also_through_another_lock_directory_object() {
    let dir = tempfile::tempdir().unwrap();
    let shared = locks(&dir);
    let inside = Arc::new(AtomicUsize::new(0));
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..200 {
        let (locks, inside) = (if n % 10 == 0 { locks(&dir) } else { shared.clone() }, inside.clone());
        tasks.spawn(async move {
            let _lock = locks.lock("service", "key", LIMIT).await.unwrap();
            assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0, "alone");
            tokio::task::yield_now().await;
            inside.fetch_sub(1, Ordering::SeqCst);
        });
    }
    tasks.join_all().await;
}

#[tokio::test]
async fn r7b_another_key_or_service_has_another_lock() {
    let dir = tempfile::tempdir().unwrap();
    let locks = locks(&dir);
    let lock = locks.lock("service", "a", LIMIT).await.unwrap();
    assert!(locks.try_lock("service", "b").await.unwrap().is_some());
    assert!(locks.try_lock("other service", "a").await.unwrap().is_some());
    assert!(locks.try_lock("servicea", "").await.unwrap().is_some());
    assert!(locks.try_lock("service", "a").await.unwrap().is_none());
    assert!(lock.covers(&locks, "service", "a"));
    assert!(!lock.covers(&locks, "service", "b"));
    assert!(!lock.covers(&LockDir::new(dir.path().to_owned()), "service", "a"));
}

#[tokio::test]
async fn r7b_the_locks_of_a_process_are_acquired_in_the_order_of_the_requests() {
    let dir = tempfile::tempdir().unwrap();
    let locks = locks(&dir);
    let order = Arc::new(std::sync::Mutex::new(Vec::new()));
    let requests: Vec<_> = (0..50).map(|i| (i, locks.request("service", "key"))).collect();
    let tasks = requests.into_iter().rev().map(|(i, request)| {
        let order = order.clone();
        tokio::spawn(async move {
            let _lock = request.acquire(LIMIT).await.unwrap();
            order.lock().unwrap().push(i);
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
    assert_eq!(*order.lock().unwrap(), (0..50).collect::<Vec<_>>());
}

#[tokio::test]
async fn r7b_a_lock_that_another_process_holds_is_acquired_when_that_process_releases_it() {
    let dir = tempfile::tempdir().unwrap();
    let locks = locks(&dir);
    let held = lock_as_another_process(&locks, "key");
    assert!(locks.try_lock("service", "key").await.unwrap().is_none());
    let waiting = locks.request("service", "key");
    let mut waiting = std::pin::pin!(waiting.acquire(LIMIT));
    let first = std::future::poll_fn(|context| std::task::Poll::Ready(waiting.as_mut().poll(context))).await;
    assert!(first.is_pending(), "it waits while the lock is held");
    drop(held);
    waiting.await.unwrap();
}

#[tokio::test]
async fn r7b_waiting_for_locks_of_other_processes_occupies_no_threads() {
    let dir = tempfile::tempdir().unwrap();
    let locks = locks(&dir);
    let held: Vec<_> = (0..600)
        .map(|n| lock_as_another_process(&locks, &n.to_string()))
        .collect();
    let waiting: Vec<_> = (0..600)
        .map(|n| {
            let locks = locks.clone();
            tokio::spawn(async move { locks.lock("service", &n.to_string(), LIMIT).await.map(|_| ()) })
        })
        .collect();
    // The runtime has 512 blocking threads. If all were occupied, this would never run.
    for _ in 0..3 {
        locks.lock("service", "another", LIMIT).await.unwrap();
        tokio::task::spawn_blocking(|| ()).await.unwrap();
    }
    drop(held);
    for task in waiting {
        task.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn r7b_changes_hold_at_most_128_locks_at_a_time() {
    let dir = tempfile::tempdir().unwrap();
    // An attempt that is allowed to start is complete at the first poll.
    let locks = locks(&dir).with_executor(FileExecutor::Inline);
    let change = |n: usize| locks.request("service", &n.to_string()).acquire_for_change(LIMIT);
    let mut held = Vec::new();
    for n in 0..MAX_CHANGES {
        held.push(change(n).await.unwrap());
    }
    // Without a new budget, the runtime would suspend any future here.
    tokio::task::yield_now().await;
    let mut next = Box::pin(change(MAX_CHANGES));
    assert!(next.as_mut().now_or_never().is_none());
    held.pop();
    assert_eq!(next.await.unwrap().1, None);
}

#[tokio::test(start_paused = true)]
async fn r7b_waiting_longer_than_the_limit_is_a_timeout_for_a_holder_in_this_and_in_another_process() {
    let dir = tempfile::tempdir().unwrap();
    let locks = locks(&dir);
    let (limit, message) = (Duration::from_secs(60), "for more than 60000 ms");
    let other = lock_as_another_process(&locks, "key");
    let (code, text) = failure(locks.lock("service", "key", limit).await);
    assert_eq!(code, Code::Timeout);
    assert!(text.contains(message) && text.contains(".lock"), "{text}");
    drop(other);
    let _held = locks.lock("service", "key", limit).await.unwrap();
    let (code, text) = failure(locks.lock("service", "key", limit).await);
    assert_eq!(code, Code::Timeout);
    assert!(text.contains(message), "{text}");
}

#[tokio::test]
async fn r7b_a_request_that_is_dropped_leaves_the_queue() {
    let dir = tempfile::tempdir().unwrap();
    let locks = locks(&dir);
    let first = locks.lock("service", "key", LIMIT).await.unwrap();
    let waiting = tokio::spawn({
        let locks = locks.clone();
        async move { locks.lock("service", "key", LIMIT).await.map(|_| ()) }
    });
    drop(locks.request("service", "key"));
    waiting.abort();
    assert!(waiting.await.unwrap_err().is_cancelled());
    drop(first);
    assert!(locks.try_lock("service", "key").await.unwrap().is_some());
}

#[tokio::test]
async fn r7b_where_locking_is_unavailable_a_change_still_excludes_other_tasks_of_this_process() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("file"), "").unwrap();
    let locks = LockDir::new(dir.path().join("file").join("locks"));
    let (code, message) = failure(locks.lock("service", "key", LIMIT).await);
    assert_eq!(code, Code::Unavailable);
    assert!(cfg!(windows) || message.contains("Not a directory"), "{message}");
    let request = locks.request("service", "key");
    let (_lock, unavailable) = request.acquire_for_change(LIMIT).await.unwrap();
    assert_eq!(unavailable.map(|error| error.code()), Some(Code::Unavailable));
    assert!(locks.try_lock("service", "key").await.unwrap().is_none());
}

#[tokio::test]
async fn r7b_of_two_changes_under_one_lock_the_second_does_not_begin_before_the_first_ends() {
    let dir = tempfile::tempdir().unwrap();
    let lock = locks(&dir).lock("service", "key", LIMIT).await.unwrap();
    let first = lock.try_change().unwrap();
    assert!(lock.try_change().is_none());
    drop(first);
    let _second = lock.change().await;
    assert!(lock.try_change().is_none());
}

#[tokio::test]
async fn r7b_a_lock_is_released_although_a_child_process_that_is_being_started_has_a_copy_of_its_file() {
    let dir = tempfile::tempdir().unwrap();
    let locks = locks(&dir);
    let lock = locks.lock("service", "key", LIMIT).await.unwrap();
    // What fork does.
    let _copy = lock.file.as_ref().unwrap().try_clone().unwrap();
    drop(lock);
    assert!(locks.try_lock("service", "key").await.unwrap().is_some());
}

#[test]
fn lock_attempts_run_where_they_are_told_to() {
    let locks = LockDir::new(PathBuf::from("locks"));
    assert_eq!(locks.executor(), FileExecutor::Pool);
    assert_eq!(
        locks.with_executor(FileExecutor::Inline).executor(),
        FileExecutor::Inline
    );
}

#[cfg(unix)]
mod unix {
    use std::os::unix::fs::{MetadataExt as _, symlink};

    use super::*;

    #[tokio::test]
    async fn r7b_the_directory_and_the_file_are_private_and_the_file_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        let locks = locks(&dir);
        let path = locks.lock_file("service", "key");
        drop(locks.lock("service", "key", LIMIT).await.unwrap());
        let mode = |path: &Path| std::fs::metadata(path).unwrap().mode() & 0o777;
        assert_eq!((mode(locks.path()), mode(&path)), (0o700, 0o600));
        let inode = || std::fs::metadata(&path).unwrap().ino();
        let before = inode();
        drop(locks.lock("service", "key", LIMIT).await.unwrap());
        assert_eq!(inode(), before);
    }

    #[tokio::test]
    async fn r7b_anything_but_a_regular_file_at_the_path_of_a_lock_is_refused_and_kept() {
        let dir = tempfile::tempdir().unwrap();
        let locks = locks(&dir);
        std::fs::create_dir_all(locks.path()).unwrap();
        let path = |key: &str| locks.lock_file("service", key);
        std::fs::create_dir(path("directory")).unwrap();
        let target = dir.path().join("target");
        std::fs::write(&target, "untouched").unwrap();
        symlink(&target, path("link")).unwrap();
        symlink(dir.path().join("nowhere"), path("dangling")).unwrap();
        crate::fs::testing::make_pipe(&path("pipe"));
        for key in ["directory", "link", "dangling", "pipe"] {
            let (code, message) = failure(locks.lock("service", key, LIMIT).await);
            assert_eq!(code, Code::Unavailable, "{key}");
            assert!(message.contains(&path(key).display().to_string()), "{message}");
            assert!(std::fs::symlink_metadata(path(key)).is_ok());
        }
        assert!(!dir.path().join("nowhere").exists());
    }

    #[tokio::test]
    async fn r7b_a_lock_directory_that_is_a_dangling_link_is_refused_with_a_clear_message() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("locks");
        symlink(dir.path().join("nowhere"), &path).unwrap();
        let (code, message) = failure(LockDir::new(path).lock("service", "key", LIMIT).await);
        assert_eq!(code, Code::Unavailable);
        assert!(message.contains("a symbolic link that leads nowhere"), "{message}");
    }

    #[test]
    fn r13_a_file_system_without_locks_is_unavailable_in_the_systems_words_and_without_descriptors_it_is_tried_again() {
        use rustix::io::Errno;
        let path = Path::new("/network/locks/0123.lock");
        let outcome = |errno: Errno| outcome_of(path, Err(io::Error::from(errno)));
        for errno in [Errno::NOLCK, Errno::OPNOTSUPP, Errno::NOSYS, Errno::IO, Errno::ACCESS] {
            let LockOutcome::Unsupported(error) = outcome(errno) else {
                panic!("{errno} is no lock");
            };
            assert_eq!(error.code(), Code::Unavailable);
            let (words, message) = (io::Error::from(errno).to_string(), error.message());
            assert_eq!(message, format!("Cannot lock /network/locks/0123.lock: {words}"));
            assert!(error.remediation().contains("lockDir"));
        }
        for errno in [Errno::MFILE, Errno::NFILE] {
            assert!(matches!(outcome(errno), LockOutcome::Contended));
        }
    }

    #[tokio::test]
    async fn r7b_a_lock_directory_that_others_can_enter_becomes_private() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let locks = locks(&dir);
        std::fs::create_dir_all(locks.path()).unwrap();
        std::fs::set_permissions(locks.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        drop(locks.lock("service", "key", LIMIT).await.unwrap());
        assert_eq!(std::fs::metadata(locks.path()).unwrap().mode() & 0o777, 0o700);
    }

    #[test]
    fn r7b_a_lock_of_a_file_that_was_deleted_or_replaced_is_none() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let (first, second) = (open(&path).unwrap(), open(&path).unwrap());
        assert_eq!(lock_opened(&first, &path).unwrap(), TryLockOutcome::Acquired);
        assert_eq!(lock_opened(&second, &path).unwrap(), TryLockOutcome::Contended);
        drop(first);
        std::fs::remove_file(&path).unwrap();
        assert_eq!(lock_opened(&second, &path).unwrap(), TryLockOutcome::Deleted);
        let third = open(&path).unwrap();
        assert_eq!(lock_opened(&second, &path).unwrap(), TryLockOutcome::Deleted);
        assert_eq!(lock_opened(&third, &path).unwrap(), TryLockOutcome::Acquired);
    }

    #[tokio::test]
    async fn r7b_after_the_lock_file_was_deleted_a_waiter_locks_the_new_file() {
        let dir = tempfile::tempdir().unwrap();
        let locks = locks(&dir);
        let path = locks.lock_file("service", "key");
        let lock = locks.lock("service", "key", LIMIT).await.unwrap();
        // Deletes the file and its directory.
        std::fs::remove_dir_all(locks.path()).unwrap();
        drop(lock);
        let _lock = locks.lock("service", "key", LIMIT).await.unwrap();
        assert!(matches!(open(&path).unwrap().try_lock(), Err(TryLockError::WouldBlock)));
    }
}
