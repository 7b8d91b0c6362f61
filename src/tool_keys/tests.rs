use super::*;
use crate::fs::executor::FileExecutor;
use crate::keyring::memory::FaultMode;
use crate::store::FallbackPolicy;
use crate::store::testing::{at_once, store};

struct Setup {
    home: tempfile::TempDir,
    keyring: std::sync::Arc<crate::keyring::memory::MemoryKeyring>,
    keys: ToolKeys,
}

impl Setup {
    fn new(mode: FaultMode) -> Self {
        Self::with_policy(FallbackPolicy::Allow, mode)
    }

    fn with_policy(policy: FallbackPolicy, mode: FaultMode) -> Self {
        Self::with_store(SERVICE, policy, mode)
    }

    fn with_store(service: &str, policy: FallbackPolicy, mode: FaultMode) -> Self {
        let home = tempfile::tempdir().unwrap();
        let (store, keyring) = store(service, &home.path().join("tools"), policy, mode);
        let locks = store.locks().clone();
        let keys = ToolKeys::new(
            std::sync::Arc::new(store),
            home.path().join("tools"),
            home.path().to_owned(),
            locks,
        );
        Self { home, keyring, keys }
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.home.path().join(name), text).unwrap();
    }
}

fn key(text: &str) -> Result<Option<Secret>> {
    Ok(Some(Secret::from(text)))
}

#[tokio::test]
async fn r7_6_the_key_of_a_tool_is_saved_found_loaded_and_deleted() {
    for mode in [FaultMode::Works, FaultMode::Absent, FaultMode::Fails(Code::Denied)] {
        let Setup { keys, keyring, .. } = Setup::new(mode);
        keys.save("exa", Secret::from(" sk \n")).await.unwrap();
        assert_eq!(keys.get("exa").await, key(" sk \n"));
        assert_eq!(keys.has("exa").await, Ok(true));
        assert_eq!(keyring.peek(SERVICE, "exa").is_some(), mode == FaultMode::Works);
        keyring.set_mode(FaultMode::Works);
        assert_eq!(keys.delete("exa").await, Ok(true));
        assert_eq!(keys.delete("exa").await, Ok(false));
        assert_eq!(keys.get("exa").await, Ok(None));
    }
}

#[tokio::test]
async fn r7_6_every_call_refuses_an_unknown_tool_before_it_accesses_the_store_or_a_file() {
    let Setup { keys, keyring, home } = Setup::new(FaultMode::Works);
    for (tool, shown) in [
        ("other", "\"other\""),
        ("", "\"\""),
        ("EXA", "\"EXA\""),
        ("a\"\n", "\"a\\\"\\n\""),
    ] {
        let message = format!("Invalid tool key name: {shown}. Supported names: exa");
        for error in [
            keys.save(tool, Secret::from("sk")).await.unwrap_err(),
            keys.get(tool).await.unwrap_err(),
            keys.delete(tool).await.unwrap_err(),
            keys.has(tool).await.unwrap_err(),
            keys.resolve(tool).await.unwrap_err(),
            keys.set_keyfile_path(tool, "x").await.unwrap_err(),
            keys.keyfile_path(tool).await.unwrap_err(),
            keys.clear_keyfile_path(tool).await.unwrap_err(),
        ] {
            assert_eq!((error.code(), error.message()), (Code::Corrupt, message.as_str()));
        }
    }
    assert!(keyring.take_calls().is_empty());
    assert!(!home.path().join("tools").exists());
}

#[tokio::test]
async fn r7_6_a_key_file_is_used_when_no_key_is_stored_and_is_read_each_time() {
    let setup = Setup::new(FaultMode::Works);
    let keys = &setup.keys;
    assert_eq!(keys.resolve("exa").await, Ok(None));
    keys.set_keyfile_path("exa", "~/exa.txt").await.unwrap();
    assert_eq!(keys.keyfile_path("exa").await, Ok(Some("~/exa.txt".to_owned())));
    assert_eq!(keys.resolve("exa").await, Ok(None), "a missing file counts as absent");
    for (text, expected) in [
        ("sk-1\nsecond line", key("sk-1")),
        ("\u{feff} \t sk 2 \r\n", key("sk 2")),
        ("", Ok(None)),
        (" \n\t\n", Ok(None)),
        ("sk-3", key("sk-3")),
    ] {
        setup.write("exa.txt", text);
        assert_eq!(keys.resolve("exa").await, expected, "{text:?}");
    }
    keys.save("exa", Secret::from("stored")).await.unwrap();
    assert_eq!(keys.resolve("exa").await, key("stored"));
    keys.delete("exa").await.unwrap();
    assert_eq!(keys.resolve("exa").await, key("sk-3"));
    keys.clear_keyfile_path("exa").await.unwrap();
    assert_eq!(keys.keyfile_path("exa").await, Ok(None));
    assert_eq!(keys.resolve("exa").await, Ok(None));
    assert!(setup.home.path().join("exa.txt").exists());
}

#[tokio::test]
async fn r7_6_when_the_stored_key_cannot_be_read_the_key_file_is_used_or_the_error_is_returned() {
    let setup = Setup::new(FaultMode::Fails(Code::Locked));
    assert_eq!(setup.keys.resolve("exa").await.map_err(|e| e.code()), Err(Code::Locked));
    setup.keys.set_keyfile_path("exa", "~/exa.txt").await.unwrap();
    assert_eq!(setup.keys.resolve("exa").await.map_err(|e| e.code()), Err(Code::Locked));
    setup.write("exa.txt", "sk");
    assert_eq!(setup.keys.resolve("exa").await, key("sk"));
}

#[cfg(unix)]
#[tokio::test]
async fn r7_6_a_key_file_that_is_not_a_text_file_is_refused_without_waiting() {
    let setup = Setup::new(FaultMode::Works);
    let pipe = setup.home.path().join("pipe");
    crate::fs::testing::make_pipe(&pipe);
    std::fs::write(setup.home.path().join("binary"), b"\xff\xfe").unwrap();
    setup.write("large", &"k".repeat(MAX_LEN + 1));
    for (name, code) in [
        ("~/pipe", Code::Unavailable),
        ("~", Code::Unavailable),
        ("~/binary", Code::Corrupt),
        ("~/large", Code::Corrupt),
    ] {
        setup.keys.set_keyfile_path("exa", name).await.unwrap();
        let resolving = tokio::time::timeout(std::time::Duration::from_secs(10), setup.keys.resolve("exa"));
        assert_eq!(
            resolving.await.expect("no waiting").map_err(|e| e.code()),
            Err(code),
            "{name}"
        );
    }
}

#[tokio::test]
async fn r7_6_the_map_of_key_files_keeps_unknown_entries_and_is_not_overwritten_when_malformed() {
    let setup = Setup::new(FaultMode::Works);
    let map = "tools/keyfiles.json";
    let read = || std::fs::read_to_string(setup.home.path().join(map)).unwrap();
    setup.keys.clear_keyfile_path("exa").await.unwrap();
    assert!(!setup.home.path().join(map).exists());
    assert_eq!(
        setup
            .keys
            .set_keyfile_path("exa", "")
            .await
            .map_err(|e| e.message().to_owned()),
        Err("Key file path cannot be empty.".to_owned())
    );
    setup.keys.set_keyfile_path("exa", "k\"\\ä").await.unwrap();
    assert_eq!(read(), "{\n  \"exa\": \"k\\\"\\\\ä\"\n}\n");
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        assert_eq!(
            std::fs::metadata(setup.home.path().join(map)).unwrap().mode() & 0o777,
            0o600
        );
    }
    setup.write(map, "{\"other\": \"/k\", \"exa\": null}");
    assert_eq!(setup.keys.keyfile_path("exa").await, Ok(None));
    setup.keys.set_keyfile_path("exa", "/x").await.unwrap();
    setup.keys.clear_keyfile_path("exa").await.unwrap();
    assert_eq!(read(), "{\n  \"other\": \"/k\"\n}\n");
    for malformed in ["", "[]", "{\"exa\": 7", "{\"exa\": 7}"] {
        setup.write(map, malformed);
        let found = setup.keys.keyfile_path("exa").await;
        assert_eq!(found.map_err(|e| e.code()), Err(Code::Corrupt), "{malformed}");
    }
    setup.write(map, "{\"exa\": 7");
    assert!(setup.keys.set_keyfile_path("exa", "/x").await.is_err());
    assert_eq!(read(), "{\"exa\": 7");
}

#[tokio::test]
async fn r7_6_an_envelope_of_another_program_is_read_replaced_by_a_save_and_removed_by_a_delete() {
    for mode in [FaultMode::Works, FaultMode::Absent] {
        let Setup { keys, home, .. } = Setup::new(mode);
        let tools = home.path().join("tools");
        let (envelope, own) = (tools.join("exa.key"), tools.join("exa.enc"));
        let plant = async || {
            let store = keys.store().as_secure_store().unwrap();
            store.files().write("exa", &Secret::from("theirs"), None).await.unwrap();
            std::fs::rename(&own, &envelope).unwrap();
        };
        plant().await;
        assert_eq!(keys.get("exa").await, key("theirs"));
        assert_eq!(keys.has("exa").await, Ok(true));
        assert_eq!(keys.resolve("exa").await, key("theirs"));
        keys.save("exa", Secret::from("ours")).await.unwrap();
        assert!(!envelope.exists());
        assert_eq!(own.exists(), mode == FaultMode::Absent);
        plant().await;
        assert_eq!(keys.delete("exa").await, Ok(true));
        assert!(!envelope.exists() && !own.exists());
        assert_eq!(keys.get("exa").await, Ok(None));
        plant().await;
        assert_eq!(keys.delete("exa").await, Ok(true), "only the envelope was left");
        assert_eq!(keys.has("exa").await, Ok(false));
    }
}

#[tokio::test]
async fn r3_5_under_deny_an_envelope_of_another_program_is_not_read_but_removed_with_the_key() {
    let Setup { keys, home, keyring } = Setup::with_policy(FallbackPolicy::Deny, FaultMode::Works);
    let store = keys.store().as_secure_store().unwrap();
    let file = home.path().join("tools/exa.key");
    store.files().write("exa", &Secret::from("theirs"), None).await.unwrap();
    std::fs::rename(home.path().join("tools/exa.enc"), &file).unwrap();
    assert_eq!(keys.get("exa").await, Ok(None));
    assert_eq!(keys.has("exa").await, Ok(false));
    assert_eq!(keys.resolve("exa").await, Ok(None));
    keyring.set_mode(FaultMode::Fails(Code::Locked));
    assert_eq!(keys.get("exa").await.map_err(|error| error.code()), Err(Code::Locked));
    assert_eq!(keys.has("exa").await.map_err(|error| error.code()), Err(Code::Locked));
    keyring.set_mode(FaultMode::Works);
    keys.save("exa", Secret::from("ours")).await.unwrap();
    assert!(!file.exists());
}

#[tokio::test]
async fn r7_6_the_envelopes_of_another_program_are_left_alone_by_a_store_of_another_service() {
    let Setup { keys, home, .. } = Setup::with_store("another", FallbackPolicy::Allow, FaultMode::Absent);
    std::fs::create_dir(home.path().join("tools")).unwrap();
    let file = home.path().join("tools/exa.key");
    std::fs::write(&file, "{\"v\":1}").unwrap();
    assert_eq!(keys.get("exa").await, Ok(None));
    assert_eq!(keys.has("exa").await, Ok(false));
    assert_eq!(keys.delete("exa").await, Ok(false));
    keys.save("exa", Secret::from("sk")).await.unwrap();
    assert!(file.exists());
}

#[tokio::test]
async fn r7_6_a_broken_envelope_is_an_error_and_the_former_format_is_left_alone() {
    let Setup { keys, home, .. } = Setup::new(FaultMode::Absent);
    std::fs::create_dir(home.path().join("tools")).unwrap();
    let file = home.path().join("tools/exa.key");
    std::fs::write(&file, "00:11:22").unwrap();
    assert_eq!(keys.get("exa").await, Ok(None));
    assert_eq!(keys.has("exa").await, Ok(false));
    assert_eq!(keys.delete("exa").await, Ok(false));
    keys.save("exa", Secret::from("sk")).await.unwrap();
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "00:11:22");
    keys.delete("exa").await.unwrap();
    std::fs::write(&file, "{\"v\":1}").unwrap();
    assert_eq!(keys.get("exa").await.map_err(|error| error.code()), Err(Code::Corrupt));
    assert_eq!(keys.has("exa").await.map_err(|error| error.code()), Err(Code::Corrupt));
    assert_eq!(keys.delete("exa").await, Ok(true));
    assert!(!file.exists());
}

#[tokio::test]
async fn with_the_inline_executor_no_operation_waits_for_another_thread() {
    let Setup { keys, home, .. } = Setup::new(FaultMode::Absent);
    let store = keys.store().as_secure_store().unwrap().clone();
    let keys = keys.with_store(std::sync::Arc::new(store.with_executor(FileExecutor::Inline)));
    at_once(keys.save("exa", Secret::from("sk")));
    assert!(at_once(keys.has("exa")));
    assert!(at_once(keys.delete("exa")));
    // Repeated, because another thread may complete an operation before its first poll.
    for _ in 0..20 {
        assert!(!at_once(keys.has("exa")));
    }
    std::fs::write(home.path().join("exa"), "sk-file").unwrap();
    at_once(keys.set_keyfile_path("exa", "~/exa"));
    assert_eq!(at_once(keys.resolve("exa")), Some(Secret::from("sk-file")));
    at_once(keys.clear_keyfile_path("exa"));
    assert_eq!(at_once(keys.keyfile_path("exa")), None);
}
