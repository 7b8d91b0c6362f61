//! What only several processes can show about the encrypted files: crashes, races, a full disk, system calls, and secrets left
//! in memory. See [`child`] for how the processes are started.
#![cfg(unix)]

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
#[cfg(target_os = "linux")]
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use securestore::error::Code;
use securestore::fallback::FallbackDir;
use securestore::fallback::machine::HostIdentity;
use securestore::fallback::machine_secret::MachineSecretConfig;
use securestore::secret::Secret;

#[path = "support/child.rs"]
mod child;
#[path = "support/disk.rs"]
mod disk;
#[path = "fallback_processes/disk_full.rs"]
mod disk_full;
#[path = "fallback_processes/memory.rs"]
mod memory;

use child::{Role, command_with_file_limit, expect_success, next_line, report, run, spawn};

fn open(path: &Path) -> FallbackDir {
    let identity = HostIdentity {
        hostname: "devbox".into(),
        username: "alice".into(),
    };
    FallbackDir::new(path.to_owned(), "test-service", identity)
}

fn with_secret(path: &Path, file: PathBuf) -> FallbackDir {
    open(path).with_machine_secret(MachineSecretConfig {
        file: Some(file),
        ..MachineSecretConfig::default()
    })
}

/// Returns a value of 64 KiB that repeats its head, so that a torn value is noticed.
fn long_value(head: &str) -> Secret {
    Secret::new(format!("{head};").repeat(64 * 1024 / (head.len() + 1)))
}

fn head(value: &Secret) -> String {
    let head = value.expose().split(';').next().unwrap().to_owned();
    assert!(*value == long_value(&head), "the value is torn");
    head
}

/// Returns the names of the files that interrupted writers left: those that hold neither a value nor the cached keys.
fn residue(dir: &Path) -> Vec<String> {
    let names = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name());
    names
        .map(|name| name.into_string().unwrap())
        .filter(|name| !name.ends_with(".enc") && name != ".keys")
        .collect()
}

#[tokio::test]
async fn a_child_plays_its_role() {
    let Some(Role { name, dir: path, id }) = Role::of_this_process() else {
        return;
    };
    let dir = open(&path);
    match name.as_str() {
        "write until killed" => {
            for n in 0u64.. {
                report(&format!("start {id}.{n}"));
                dir.write("k", &long_value(&format!("{id}.{n}")), None).await.unwrap();
                report(&format!("done {id}.{n}"));
            }
        }
        "write one key" => {
            for n in 0..30 {
                dir.write("k", &long_value(&format!("{id}.{n}")), None).await.unwrap();
            }
        }
        "write forty keys" => {
            for n in 0..40 {
                let key = format!("key:{id}.{n}");
                dir.write(&key, &Secret::from(key.as_str()), None).await.unwrap();
            }
        }
        "write once" => dir.write("k", &Secret::from("v"), None).await.unwrap(),
        "remove" => assert!(dir.remove("k").await.unwrap()),
        "write with a machine secret" => {
            let dir = with_secret(&path.join("files"), path.join("secret"));
            report("ready");
            std::io::stdin().read_line(&mut String::new()).unwrap();
            dir.write(&id, &Secret::from(id.as_str()), None).await.unwrap();
        }
        "exceed the limit on file sizes" => disk_full::exceed_the_limit_on_file_sizes(&path).await,
        "search memory" => {
            // On a thread of its own: it starts and ends a runtime, which a task cannot do.
            std::thread::spawn(move || memory::search(&path)).join().unwrap();
        }
        other => panic!("unknown role: {other}"),
    }
    report("end");
}

#[tokio::test]
async fn r4_8_a_hundred_writers_killed_at_random_moments_lose_and_damage_no_value() {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("files");
    let mut interrupted = 0;
    for id in 0..100 {
        let (mut child, mut output) = spawn("write until killed", &path, id);
        assert_eq!(next_line(&mut output).unwrap(), format!("start {id}.0"));
        let mut random = [0u8; 2];
        getrandom::fill(&mut random).unwrap();
        // The pause picks a random moment of the child's work. The test does not wait for anything here.
        std::thread::sleep(Duration::from_micros(u64::from(u16::from_ne_bytes(random))));
        child.kill().unwrap();
        child.wait().unwrap();

        let (mut started, mut done) = (format!("{id}.0"), None);
        while let Some(line) = next_line(&mut output) {
            match line.split_once(' ').unwrap() {
                ("start", value) => started = value.to_owned(),
                (_, value) => done = Some(value.to_owned()),
            }
        }
        interrupted += usize::from(done.as_ref() != Some(&started));
        // A new object has no keys in memory, like that of a new process.
        let dir = open(&path);
        match dir.read("k").await.unwrap() {
            Some(stored) => {
                let read = head(&stored.value);
                let fine = read == started || done.as_ref().is_none_or(|done| *done == read);
                assert!(fine, "acknowledged {done:?}, in flight {started}, read {read}");
            }
            None => assert_eq!(done, None, "the first write of all"),
        }
        // The first write of a process sweeps its directory.
        securestore::fs::sweep::sweep(&path);
        assert_eq!(residue(&path), [""; 0], "after {started}");
    }
    assert!(
        interrupted > 10,
        "only {interrupted} of 100 were killed in the middle of a write"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn r4_8_eight_processes_write_one_key_and_a_ninth_reads_only_whole_values() {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().to_owned();
    open(&path).write("k", &long_value("first"), None).await.unwrap();
    let writers: Vec<_> = (0..8).map(|id| spawn("write one key", &path, id)).collect();
    let finished = std::sync::Arc::new(AtomicBool::new(false));
    let reader = tokio::spawn({
        let (finished, path) = (finished.clone(), path.clone());
        async move {
            let dir = open(&path);
            let mut seen = std::collections::HashSet::new();
            while !finished.load(Ordering::SeqCst) {
                seen.insert(head(
                    &dir.read("k").await.unwrap().expect("a value at every moment").value,
                ));
            }
            seen.len()
        }
    });
    tokio::task::spawn_blocking(move || writers.into_iter().for_each(|writer| drop(expect_success(writer))))
        .await
        .unwrap();
    finished.store(true, Ordering::SeqCst);
    assert!(reader.await.unwrap() > 1, "the reader saw a single value");
    assert_eq!(residue(&path), [""; 0]);
}

#[tokio::test]
async fn r4_8_eight_processes_write_forty_keys_each_and_all_are_there() {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("files");
    let writers: Vec<_> = (0..8).map(|id| spawn("write forty keys", &path, id)).collect();
    writers.into_iter().for_each(|writer| drop(expect_success(writer)));
    let dir = open(&path);
    let keys = dir.list().await.unwrap().keys;
    assert_eq!(keys.len(), 320);
    for (key, read) in keys.iter().zip(dir.read_many(&keys).await) {
        assert!(read.unwrap().unwrap().value.expose() == key);
    }
    assert_eq!(residue(&path), [""; 0]);
}

#[tokio::test]
async fn r4_3_two_processes_that_create_the_machine_secret_at_once_use_the_same_one() {
    for _ in 0..20 {
        let temp = tempfile::tempdir().unwrap();
        let mut writers: Vec<_> = (0..2)
            .map(|id| spawn("write with a machine secret", temp.path(), id))
            .collect();
        for (_, output) in &mut writers {
            assert_eq!(next_line(output).as_deref(), Some("ready"));
        }
        for (child, _) in &mut writers {
            writeln!(child.stdin.take().unwrap(), "go").unwrap();
        }
        writers.into_iter().for_each(|writer| drop(expect_success(writer)));
        let dir = with_secret(&temp.path().join("files"), temp.path().join("secret"));
        for id in ["0", "1"] {
            assert!(dir.read(id).await.unwrap().unwrap().value.expose() == id);
        }
        let names = fs::read_dir(temp.path()).unwrap().count();
        assert_eq!(names, 2, "only the files and the secret are left, no temporary file");
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn r4_3_the_machine_secret_is_created_on_a_file_system_without_hard_links() {
    let temp = tempfile::tempdir().unwrap();
    let child = child::command("write with a machine secret", temp.path());
    let mut strace = Command::new("strace");
    strace.args([
        "-f",
        "-qq",
        "-e",
        "trace=link,linkat",
        "-e",
        "inject=link,linkat:error=EPERM",
    ]);
    strace.arg("-o").arg(temp.path().join("strace.log"));
    strace.arg(child.get_program()).args(child.get_args());
    strace.envs(child.get_envs().filter_map(|(name, value)| Some((name, value?))));
    strace
        .env("SECURESTORE_TEST_ID", "k")
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    run(strace);
    let dir = with_secret(&temp.path().join("files"), temp.path().join("secret"));
    assert!(dir.read("k").await.unwrap().unwrap().value.expose() == "k");
    let log = fs::read_to_string(temp.path().join("strace.log")).unwrap();
    assert!(log.contains("EPERM"), "{log}");
    assert_eq!(fs::read_dir(temp.path()).unwrap().count(), 3, "files, secret and log");
}

#[cfg(target_os = "linux")]
#[test]
fn r4_8_strace_shows_the_file_synced_before_the_rename_and_the_directory_after_it() {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("files");
    let calls = strace("write once", &path, temp.path());
    let find = |call: &str, of: &str| {
        let at = calls.iter().position(|line| line.contains(call) && line.contains(of));
        at.unwrap_or_else(|| panic!("no {call} of {of} in {calls:#?}"))
    };
    let (file, rename) = (find("fsync(", ".tmp>"), find("rename", "k.enc"));
    let directory = calls
        .iter()
        .rposition(|line| line.contains("fsync(") && line.contains("files>"))
        .unwrap();
    let above = find("fsync(", &format!("{}>", temp.path().display()));
    assert!(file < rename && rename < directory, "{calls:#?}");
    assert!(
        above < rename,
        "a new directory is synced before its first file: {calls:#?}"
    );

    let calls = strace("remove", &path, temp.path());
    let unlink = calls
        .iter()
        .position(|line| line.contains("unlink") && line.contains("k.enc"))
        .unwrap();
    assert!(
        calls[unlink..]
            .iter()
            .any(|line| line.contains("fsync(") && line.contains("files>")),
        "{calls:#?}"
    );
}

/// Runs a child and returns its system calls that rename, unlink or sync files, in their order.
#[cfg(target_os = "linux")]
fn strace(role: &str, dir: &Path, log: &Path) -> Vec<String> {
    let log = log.join("strace.log");
    let child = child::command(role, dir);
    let mut strace = Command::new("strace");
    strace.args([
        "-f",
        "-y",
        "-e",
        "trace=fsync,fdatasync,rename,renameat,renameat2,unlink,unlinkat",
        "-o",
    ]);
    strace.arg(&log).arg(child.get_program()).args(child.get_args());
    for (name, value) in child.get_envs() {
        strace.env(name, value.unwrap());
    }
    let run = strace.stdin(Stdio::null()).output();
    let run = run.expect("this test needs strace: apt-get install strace");
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    fs::read_to_string(&log).unwrap().lines().map(str::to_owned).collect()
}

#[cfg(target_os = "linux")]
#[test]
fn r8_no_copy_of_a_secret_stays_in_memory_after_it_was_dropped() {
    let temp = tempfile::tempdir().unwrap();
    run(child::command("search memory", temp.path()));
}

#[test]
fn r6_a_write_beyond_the_limit_on_file_sizes_fails_with_the_message_of_the_system_and_changes_nothing() {
    let temp = tempfile::tempdir().unwrap();
    run(command_with_file_limit(
        "exceed the limit on file sizes",
        temp.path(),
        64,
    ));
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn r6_a_write_to_a_full_disk_fails_with_the_message_of_the_system_and_changes_nothing() {
    disk_full::write_to_a_full_disk().await;
}

async fn expect_refused(dir: &FallbackDir, value: &Secret, words: &str) {
    let error = dir.write("k", value, None).await.unwrap_err();
    assert_eq!(error.code(), Code::Unavailable);
    assert!(error.message().contains(words), "{error}");
    assert!(error.message().contains("k.enc"), "{error}");
    assert_eq!(dir.list().await.unwrap().keys, ["k"]);
    assert_eq!(residue(dir.path()), [""; 0]);
}
