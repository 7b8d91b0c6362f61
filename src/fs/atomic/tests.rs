use super::*;

#[cfg(unix)]
#[test]
fn the_error_names_the_file_or_link_that_is_in_the_place_of_a_directory() {
    let temp = tempfile::tempdir().unwrap();
    let (file, link) = (temp.path().join("file"), temp.path().join("link"));
    fs::write(&file, "").unwrap();
    std::os::unix::fs::symlink(temp.path().join("nowhere"), &link).unwrap();
    let message = |path: &Path| ensure_dir(path).unwrap_err().to_string();
    assert!(
        message(&file).ends_with("file is not a directory"),
        "{}",
        message(&file)
    );
    assert!(
        message(&link).contains("link is a symbolic link to"),
        "{}",
        message(&link)
    );
    assert!(message(&link).ends_with("nowhere, which is not there"));
}

#[cfg(unix)]
#[test]
fn a_sticky_directory_keeps_its_mode_and_any_other_loses_the_permissions_of_group_and_others() {
    use std::os::unix::fs::PermissionsExt as _;
    let temp = tempfile::tempdir().unwrap();
    for (mode, after) in [(0o1777, 0o1777), (0o755, 0o700), (0o2770, 0o2700), (0o500, 0o500)] {
        fs::set_permissions(temp.path(), fs::Permissions::from_mode(mode)).unwrap();
        ensure_dir(temp.path()).unwrap();
        let found = fs::metadata(temp.path()).unwrap().permissions().mode() & 0o7777;
        assert_eq!(found, after, "{mode:o}");
    }
}

#[test]
fn a_file_is_created_only_if_it_is_absent_and_replaced_as_a_whole() {
    let temp = tempfile::tempdir().unwrap();
    let read = || fs::read(temp.path().join("f")).unwrap();
    assert!(create(temp.path(), "f", b"one").unwrap());
    assert!(!create(temp.path(), "f", b"two").unwrap());
    assert_eq!(read(), b"one");
    replace(temp.path(), "f", b"three").unwrap();
    assert_eq!(read(), b"three");
    replace_unsynced(temp.path(), "f", b"four").unwrap();
    assert_eq!(read(), b"four");
    let names = ["g", "f"].map(str::to_owned);
    assert!(remove(temp.path(), &names).unwrap());
    assert!(!remove(temp.path(), &names).unwrap());
    assert_eq!(fs::read_dir(temp.path()).unwrap().count(), 0);
}

#[test]
fn without_hard_links_an_existing_file_is_not_overwritten() {
    let temp = tempfile::tempdir().unwrap();
    let target = temp.path().join("f");
    fs::write(&target, "old").unwrap();
    let temporary = || Temporary::write(temp.path(), b"new", Durability::Synced).unwrap();
    let refused = temporary().rename_if_absent(&target).unwrap_err();
    assert_eq!(refused.kind(), io::ErrorKind::AlreadyExists);
    assert_eq!(fs::read(&target).unwrap(), b"old");
    fs::remove_file(&target).unwrap();
    temporary().rename_if_absent(&target).unwrap();
    assert_eq!(fs::read(&target).unwrap(), b"new");
    assert_eq!(
        fs::read_dir(temp.path()).unwrap().count(),
        1,
        "no temporary file is left"
    );
}

#[test]
fn errors_other_than_the_expected_ones_are_reported() {
    let temp = tempfile::tempdir().unwrap();
    let missing = temp.path().join("missing");
    let kind = |error: io::Error| error.kind();
    assert_eq!(create(&missing, "f", b"x").map_err(kind), Err(io::ErrorKind::NotFound));
    assert_eq!(replace(&missing, "f", b"x").map_err(kind), Err(io::ErrorKind::NotFound));
    fs::create_dir_all(temp.path().join("d/e")).unwrap();
    assert!(remove(temp.path(), &["d".to_owned()]).is_err());
    assert!(temp.path().join("d/e").exists());
}

#[test]
fn a_directory_that_another_process_creates_at_the_same_time_is_no_error() {
    let temp = tempfile::tempdir().unwrap();
    create_dir(temp.path()).unwrap();
    let deep = temp.path().join("a/b/c");
    ensure_dir(&deep).unwrap();
    assert!(deep.is_dir());
}

#[cfg(unix)]
#[test]
fn permissions_that_are_right_are_not_set_again() {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
    let temp = tempfile::tempdir().unwrap();
    let (dir, file) = (temp.path().join("d"), temp.path().join("f"));
    fs::create_dir(&dir).unwrap();
    fs::write(&file, "").unwrap();
    let changed = |path: &Path| {
        let metadata = fs::metadata(path).unwrap();
        (metadata.ctime(), metadata.ctime_nsec())
    };
    for (mode, is_right) in [(0o744, false), (0o700, true)] {
        for path in [&dir, &file] {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        }
        let before = (changed(&dir), changed(&file));
        // The clock of the file system ticks every few milliseconds.
        while changed(temp.path()) <= before.1 {
            fs::write(temp.path().join("tick"), "").unwrap();
            fs::remove_file(temp.path().join("tick")).unwrap();
        }
        tighten_dir(&dir);
        let open = File::open(&file).unwrap();
        tighten_file(&open, &open.metadata().unwrap());
        let after = (changed(&dir), changed(&file));
        assert_eq!(before.0 == after.0, is_right, "{mode:o}");
        assert_eq!(before.1 == after.1, is_right, "{mode:o}");
    }
}

#[test]
fn a_write_starts_over_a_bounded_number_of_times_and_only_when_its_file_is_gone() {
    let temp = tempfile::tempdir().unwrap();
    let attempts = |kind: io::ErrorKind| {
        let attempts = std::cell::Cell::new(0);
        let failed = with_temporary(temp.path(), b"x", Durability::Unsynced, |_| {
            attempts.set(attempts.get() + 1);
            Err(kind.into())
        });
        assert_eq!(failed.unwrap_err().kind(), kind);
        attempts.get()
    };
    assert_eq!(attempts(io::ErrorKind::NotFound), MAX_ATTEMPTS);
    assert_eq!(attempts(io::ErrorKind::AlreadyExists), 1);
}

#[test]
fn a_temporary_file_that_a_sweep_holds_is_not_used() {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("f");
    let created = File::create(&path).unwrap();
    let sweep = File::open(&path).unwrap();
    sweep.try_lock().unwrap();
    let refused = Temporary::lock(&created).map_err(|error| error.kind());
    assert_eq!(refused, Err(io::ErrorKind::NotFound));
    drop(sweep);
    Temporary::lock(&created).unwrap();
}

#[test]
fn a_write_whose_temporary_file_a_sweep_deletes_starts_over() {
    let temp = tempfile::tempdir().unwrap();
    let attempts = std::cell::Cell::new(0);
    with_temporary(temp.path(), b"new", Durability::Synced, |temporary| {
        attempts.set(attempts.get() + 1);
        if attempts.get() < 3 {
            fs::remove_file(&temporary.path).unwrap();
        }
        temporary.rename(&temp.path().join("f"))
    })
    .unwrap();
    assert_eq!(attempts.get(), 3);
    assert_eq!(fs::read(temp.path().join("f")).unwrap(), b"new");
    assert_eq!(fs::read_dir(temp.path()).unwrap().count(), 1);
}

#[cfg(target_os = "linux")]
#[test]
fn the_error_of_a_failed_directory_sync_says_that_the_change_was_made() {
    // Directories of this pseudo file system do not support fsync, which is ignored.
    assert!(sync_changed(Path::new("/proc/self")).is_ok());
    let error = sync_changed(Path::new("/proc/self/nowhere")).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::NotFound);
    assert!(
        error
            .to_string()
            .starts_with("the change was made, but a crash may undo it"),
        "{error}"
    );
}
