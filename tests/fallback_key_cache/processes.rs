//! The cache in processes that run at the same time, that are killed, and that cannot write it.
//!
//! With `SECURESTORE_TEST_LONG=4` a hundred processes are killed, and a directory gets 300 salts.

use std::collections::HashSet;
use std::io::Write as _;
use std::time::Duration;

use securestore::fallback::FallbackDir;
use securestore::fallback::envelope::Version;
use securestore::fallback::key_cache::{KeyCacheFile, MAX_KEYS, MAX_LEN};
use securestore::fallback::machine::HostIdentity;
use securestore::fs::sweep;
use securestore::secret::Secret;

use super::child::{Role, command, command_with_file_limit, expect_success, next_line, report, rounds, run, spawn};
#[cfg(target_os = "linux")]
use super::disk::Disk;
use super::*;

/// Plays a role in a child process.
pub async fn play(role: Role) {
    let home = Home::at(role.dir, Version::V2);
    match role.name.as_str() {
        "add keys until killed" => {
            for n in 0u64.. {
                add_key(&home, &format!("{}.{n}", role.id)).await;
            }
        }
        "add ten keys" => {
            report("ready");
            std::io::stdin().read_line(&mut String::new()).unwrap();
            for n in 0..10 {
                add_key(&home, &format!("{}.{n}", role.id)).await;
            }
        }
        "read all" => {
            let mut correct = 0;
            let derived = derivations(async {
                let dir = home.on("alpha");
                let keys = dir.list().await.unwrap().keys;
                let values = dir.read_many(&keys).await;
                correct = values.into_iter().filter(is_a_value).count();
                dir.settled().await;
            })
            .await;
            report(&format!("{correct} read, {derived} derived"));
        }
        other => panic!("unknown role: {other}"),
    }
    report("end");
}

/// Writes a file under a new host name, whose derived key is not in the cache.
async fn add_key(home: &Home, host: &str) {
    let dir = home.on(host);
    dir.write(host, &Secret::from(host), None).await.unwrap();
    // The cache is being updated now.
    report(&format!("written {host}"));
    dir.settled().await;
    report(&format!("cached {host}"));
}

fn is_a_value(read: &securestore::error::Result<Option<securestore::fallback::StoredValue>>) -> bool {
    matches!(read, Ok(Some(stored)) if stored.value.expose() == "value")
}

/// Lists and reads everything in a new process. Returns the number of values and the number of derivations.
fn read_all(home: &Home) -> String {
    run(command("read all", &home.root)).join("; ")
}

/// Copies the file of a key `count` times.
fn copy(home: &Home, key: &str, count: usize) {
    let file = fs::read(home.files().join(format!("{key}.enc"))).unwrap();
    for n in 0..count {
        fs::write(home.files().join(format!("{key}{n}.enc")), &file).unwrap();
    }
}

async fn write_value(dir: &FallbackDir, key: &str) {
    dir.write(key, &Secret::from("value"), None).await.unwrap();
    dir.settled().await;
}

#[tokio::test]
async fn processes_killed_while_they_update_the_cache_lose_no_key_and_their_temporary_files_are_swept() {
    let home = Home::new(Version::V2).with_secret().await;
    let processes = rounds(25);
    let (mut interrupted, mut cached) = (0, Vec::new());
    // On a fast machine most updates end before the kill, so more processes follow until some were interrupted.
    let enough = processes / 10 + 1;
    let mut id = 0;
    while id < processes || interrupted < enough {
        let (mut child, mut output) = spawn("add keys until killed", &home.root, id);
        let mut written = vec![format!("{id}.0")];
        assert_eq!(next_line(&mut output).unwrap(), format!("written {id}.0"));
        // The pause picks a random moment of the update. The test does not wait for anything here.
        let mut random = [0; 2];
        getrandom::fill(&mut random).unwrap();
        std::thread::sleep(Duration::from_micros(u64::from(u16::from_ne_bytes(random) % 1500)));
        child.kill().unwrap();
        child.wait().unwrap();
        while let Some(line) = next_line(&mut output) {
            match line.split_once(' ').unwrap() {
                ("written", host) => written.push(host.to_owned()),
                (_, host) => cached.push(host.to_owned()),
            }
        }
        interrupted += usize::from(written.last() != cached.last());
        // Under another host name, only the cached keys decrypt the files.
        let another = home.on("another");
        for host in &cached {
            read(&another, host).await;
        }
        for host in &written {
            read(&home.on(host), host).await;
            read(&home.on("another"), host).await;
        }
        // The first write of a process sweeps its directory.
        sweep::sweep(&home.files());
        let left: Vec<String> = names(&home.files());
        let left = left.iter().filter(|name| !name.ends_with(".enc"));
        assert_eq!(left.collect::<Vec<_>>(), [".keys"]);
        cached.extend(written);
        cached.dedup();
        id += 1;
    }
}

#[tokio::test]
async fn two_processes_that_update_the_cache_at_once_keep_the_keys_of_both() {
    let home = Home::new(Version::V2).with_secret().await;
    let mut children: Vec<_> = (0..2).map(|id| spawn("add ten keys", &home.root, id)).collect();
    for (_, output) in &mut children {
        assert_eq!(next_line(output).as_deref(), Some("ready"));
    }
    for (child, _) in &mut children {
        writeln!(child.stdin.take().unwrap(), "go").unwrap();
    }
    for child in children {
        expect_success(child);
    }
    let another = home.on("another");
    for (id, n) in (0..2).flat_map(|id| (0..10).map(move |n| (id, n))) {
        read(&another, &format!("{id}.{n}")).await;
    }
}

#[tokio::test]
async fn a_directory_of_ten_thousand_files_is_read_with_one_derivation_and_later_with_none() {
    let home = Home::new(Version::V2);
    write_value(&home.on("alpha"), "k").await;
    copy(&home, "k", 9_999);
    fs::remove_file(home.cache()).unwrap();
    assert_eq!(read_all(&home), "10000 read, 1 derived");
    assert_eq!(read_all(&home), "10000 read, 0 derived");
}

#[tokio::test]
async fn files_with_different_salts_are_all_read_and_the_cache_keeps_the_256_keys_used_last() {
    let home = Home::new(Version::V2).with_secret().await;
    let files = if rounds(1) > 1 { 300 } else { 12 };
    fs::create_dir(home.files()).unwrap();
    // Each file is written in a new directory, so that it gets a salt of its own, as older programs give it.
    let mut writers = tokio::task::JoinSet::new();
    for n in 0..files {
        let target = home.files().join(format!("k{n}.enc"));
        writers.spawn(async move {
            let temp = tempfile::tempdir().unwrap();
            let identity = HostIdentity {
                hostname: "alpha".to_owned(),
                username: "alice".to_owned(),
            };
            write_value(&FallbackDir::new(temp.path().to_owned(), "service", identity), "k").await;
            fs::copy(temp.path().join("k.enc"), target).unwrap();
        });
    }
    writers.join_all().await;
    let salts: HashSet<_> = (0..files)
        .map(|n| salt(&home.files().join(format!("k{n}.enc"))))
        .collect();
    assert_eq!(salts.len(), files);
    assert_eq!(read_all(&home), format!("{files} read, {files} derived"));
    let too_many = files.saturating_sub(MAX_KEYS);
    for _ in 0..2 {
        assert_eq!(read_all(&home), format!("{files} read, {too_many} derived"));
        let cache = fs::read(home.cache()).unwrap();
        assert!(cache.len() <= MAX_LEN && KeyCacheFile::parse(&cache).is_some());
    }
}

#[tokio::test]
async fn the_cached_keys_of_another_machine_are_kept() {
    let (here, there) = (Home::new(Version::V2), Home::new(Version::V2));
    write_value(&there.on("alpha"), "theirs").await;
    // The directory is copied, without the machine secret.
    fs::create_dir(here.files()).unwrap();
    for name in names(&there.files()) {
        fs::copy(there.files().join(&name), here.files().join(&name)).unwrap();
    }
    let refused = here.on("alpha").read("theirs").await.unwrap_err();
    assert_eq!(refused.code(), Code::Corrupt, "{refused}");
    write_value(&here.on("alpha"), "ours").await;
    let refused = here.on("alpha").read("theirs").await.unwrap_err();
    assert_eq!(refused.code(), Code::Corrupt, "{refused}");
    fs::remove_file(here.files().join("theirs.enc")).unwrap();
    assert_eq!(read_all(&here), "1 read, 0 derived");
    // The cache returns to the other machine with the keys of both.
    fs::copy(here.cache(), there.cache()).unwrap();
    assert_eq!(read_all(&there), "1 read, 0 derived");
}

#[tokio::test]
async fn all_values_are_read_without_a_cache_when_no_file_can_be_written() {
    let home = Home::new(Version::V2);
    write_value(&home.on("alpha"), "k").await;
    fs::remove_file(home.cache()).unwrap();
    for _ in 0..2 {
        let read = run(command_with_file_limit("read all", &home.root, 0));
        assert_eq!(read, ["1 read, 1 derived"]);
        assert_eq!(names(&home.files()), ["k.enc"]);
    }
    assert_eq!(read_all(&home), "1 read, 1 derived");
    assert_eq!(names(&home.files()), [".keys", "k.enc"]);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn on_a_full_disk_all_values_are_read_and_the_cache_is_unchanged() {
    let disk = Disk::mount();
    let home = Home::at(disk.path().to_owned(), Version::V2);
    write_value(&home.on("alpha"), "k").await;
    let cache = fs::read(home.cache()).unwrap();
    write_value(&home.on("beta"), "other").await;
    fs::remove_file(home.cache()).unwrap();
    for cache in [None, Some(cache)] {
        if let Some(cache) = &cache {
            fs::write(home.cache(), cache).unwrap();
        }
        let ballast = disk.fill();
        let before = names(&home.files());
        let beta = home.on("beta");
        assert!(is_a_value(&beta.read("other").await));
        beta.settled().await;
        assert_eq!(names(&home.files()), before);
        assert_eq!(fs::read(home.cache()).ok(), cache);
        fs::remove_file(ballast).unwrap();
    }
    assert!(is_a_value(&home.on("beta").read("other").await));
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn in_a_read_only_directory_all_values_are_read_without_a_cache() {
    let disk = Disk::mount();
    let home = Home::at(disk.path().to_owned(), Version::V2);
    write_value(&home.on("alpha"), "k").await;
    copy(&home, "k", 9);
    fs::remove_file(home.cache()).unwrap();
    disk.make_read_only();
    for _ in 0..2 {
        assert_eq!(read_all(&home), "10 read, 1 derived");
    }
    let refused = home.on("alpha").write("k", &Secret::from("new"), None).await;
    let refused = refused.unwrap_err();
    assert_eq!(refused.code(), Code::Unavailable);
    assert!(refused.message().contains("Read-only file system"), "{refused}");
    assert_eq!(read_all(&home), "10 read, 1 derived");
}
