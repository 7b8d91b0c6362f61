//! File modes, symbolic links, and files that are not regular.
#![cfg(unix)]

use super::*;

#[tokio::test]
async fn r4_7_new_files_and_directories_are_private_and_modes_that_are_too_open_are_tightened() {
    let temp = tempfile::tempdir().unwrap();
    let (above, path) = (temp.path().join("above"), temp.path().join("above/files"));
    let dir = open(&path);
    write(&dir, "k", "v").await;
    let file = path.join("k.enc");
    assert_eq!((mode(&above), mode(&path), mode(&file)), (0o700, 0o700, 0o600));

    set_mode(&path, 0o755);
    set_mode(&file, 0o644);
    assert_eq!(value(&dir, "k").await.as_deref(), Some("v"));
    assert_eq!((mode(&path), mode(&file)), (0o700, 0o600));

    set_mode(&path, 0o777);
    dir.list().await.unwrap();
    assert_eq!(mode(&path), 0o700);

    set_mode(&path, 0o750);
    set_mode(&file, 0o666);
    write(&dir, "k", "w").await;
    assert_eq!((mode(&path), mode(&file)), (0o700, 0o600));
}

#[tokio::test]
async fn r4_8_a_read_follows_a_symbolic_link_and_a_write_or_a_removal_replaces_or_removes_the_link_itself() {
    let temp = tempfile::tempdir().unwrap();
    let (elsewhere, path) = (temp.path().join("elsewhere"), temp.path().join("files"));
    write(&open(&elsewhere), "k", "linked").await;
    let target = elsewhere.join("k.enc");
    set_mode(&target, 0o644);
    fs::create_dir(&path).unwrap();
    std::os::unix::fs::symlink(&target, path.join("k.enc")).unwrap();
    std::os::unix::fs::symlink(temp.path().join("nowhere"), path.join("dangling.enc")).unwrap();

    let dir = open(&path);
    assert_eq!(value(&dir, "k").await.as_deref(), Some("linked"));
    assert_eq!(keys(&dir).await, vec!["k".to_owned()]);
    assert_eq!(mode(&target), 0o644, "the mode of the target of a link is unchanged");
    write(&dir, "k", "own").await;
    assert_eq!(value(&dir, "k").await.as_deref(), Some("own"));
    assert_eq!(value(&open(&elsewhere), "k").await.as_deref(), Some("linked"));

    std::os::unix::fs::symlink(&target, path.join("l.enc")).unwrap();
    assert_eq!(dir.remove("l").await, Ok(true));
    assert!(target.exists());
}

#[tokio::test]
async fn r4_8_a_directory_or_a_pipe_with_the_name_of_a_file_is_an_error_and_is_not_listed() {
    let temp = tempfile::tempdir().unwrap();
    fs::create_dir(temp.path().join("d.enc")).unwrap();
    let pipe = temp.path().join("p.enc");
    assert!(
        std::process::Command::new("mkfifo")
            .arg(pipe)
            .status()
            .unwrap()
            .success()
    );
    let dir = open(temp.path());
    for key in ["d", "p"] {
        let error = dir.read(key).await.unwrap_err();
        assert_eq!(error.code(), Code::Unavailable);
        assert!(error.message().contains("regular file"), "{error}");
    }
    assert_eq!(keys(&dir).await, [""; 0]);
    let error = dir.write("d", &Secret::from("v"), None).await.unwrap_err();
    assert_eq!(error.code(), Code::Unavailable);
    assert!(error.message().contains("regular file"), "{error}");
    assert_eq!(names(temp.path()), ["d.enc", "p.enc"], "no temporary file is left");
}
