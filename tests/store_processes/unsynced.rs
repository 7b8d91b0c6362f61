//! A directory that cannot be synced: strace makes its fsync fail.

use std::process::Stdio;

use securestore::error::Code;

use super::child::{command, run};
use super::*;

const OUTCOME: &str =
    "the change was made, but a crash may undo it: the directory cannot be synced: Input/output error";

/// Runs in a child process.
pub async fn change_what_cannot_be_synced(dir: &Path) {
    let store = without_keyring(dir);
    let error = store.set("key", Secret::from("new")).await.unwrap_err();
    assert_eq!(error.code(), Code::Unavailable);
    assert!(error.message().contains(OUTCOME), "{error}");
    assert_eq!(store.get("key").await, Ok(Some(Secret::from("new"))));

    let error = store.delete("key").await.unwrap_err();
    assert_eq!(error.code(), Code::Unavailable);
    assert!(error.message().contains(OUTCOME), "{error}");
    assert_eq!(store.get("key").await, Ok(None));
}

pub fn without_keyring(dir: &Path) -> SecureStore {
    SecureStore::new(SecureStoreConfig {
        keyring: KeyringProvider::Known(SelectedKeyring::Nothing),
        ..config(dir, 0)
    })
}

#[tokio::test]
async fn r6_a_change_whose_directory_cannot_be_synced_is_an_error_that_says_the_change_was_made() {
    let dir = tempfile::tempdir().unwrap();
    let store = without_keyring(dir.path());
    store.set("key", Secret::from("old")).await.unwrap();

    let child = command("change what cannot be synced", dir.path());
    let mut strace = Command::new("strace");
    strace.args(["-f", "-qq", "-o"]).arg(dir.path().join("strace.log"));
    strace.args(["-e", "trace=fsync", "-e", "inject=fsync:error=EIO", "-P"]);
    strace
        .arg(dir.path().join("files"))
        .arg(child.get_program())
        .args(child.get_args());
    strace.envs(child.get_envs().filter_map(|(name, value)| Some((name, value?))));
    strace.stdin(Stdio::null()).stdout(Stdio::piped());
    run(strace);
    assert_eq!(store.get("key").await, Ok(None));
    // The directory can be synced again.
    store.set("key", Secret::from("newer")).await.unwrap();
    assert_eq!(store.get("key").await, Ok(Some(Secret::from("newer"))));
}
