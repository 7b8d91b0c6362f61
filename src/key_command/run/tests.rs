//! Tests every result with a working, an absent and a locked keyring, and with both keyring and files unusable.

use crate::error::Code;
use crate::key_command::testing::{Fixture, fixture};
use crate::key_command::{CommandResult, Context};
use crate::keyring::memory::FaultMode;
use crate::secret::Secret;

const KEY: &str = "sk-ant-api03";
const MASKED: &str = "sk********03";
const NO_KEYRING: &str = "Cannot access keyring. Keys cannot be saved. Use '/key <raw-key>' for ephemeral session key.";
const LOCKED: &str = "Simulated failure LOCKED — Unlock your keyring";
const UNKNOWN: &str = "Key 'work' not found. Use '/key list' to see saved keys.";
const IN_KEYRING: &str =
    "Saved key 'work' (sk********03) in the OS keyring. Use '/key load work' to use it in this session.";
const IN_FILE: &str = "Saved key 'work' (sk********03) in an encrypted file because the keyring is unavailable. \
                       Use '/key load work' to use it in this session.";

fn info(content: &str) -> CommandResult {
    CommandResult::Info(content.to_owned())
}

fn error(content: &str) -> CommandResult {
    CommandResult::Error(content.to_owned())
}

fn confirm(prompt: &str, raw: &str) -> CommandResult {
    CommandResult::Confirm {
        prompt: prompt.to_owned(),
        raw: Secret::from(raw),
    }
}

fn loaded(name: &str, key: &str) -> CommandResult {
    CommandResult::SetKey {
        key: Secret::from(key),
        loaded: Some(crate::key_command::run::LoadedKey {
            name: name.to_owned(),
            content: format!("Loaded key '{name}' — active for this session"),
        }),
    }
}

fn exists(raw: &str) -> CommandResult {
    confirm("Key 'work' already exists. Overwrite?", raw)
}

/// A keyring that holds `work` and has this fault mode.
fn with_work(mode: FaultMode) -> Fixture {
    let fixture = fixture();
    fixture.plant("work", KEY);
    fixture.keyring.set_mode(mode);
    fixture
}

#[tokio::test]
async fn r12_commands_that_need_no_saved_key_do_not_access_the_store() {
    let fixture = with_work(FaultMode::Hangs);
    fixture.spoil_files();
    let set = |key: &str| CommandResult::SetKey {
        key: Secret::from(key),
        loaded: None,
    };
    let table = [
        ("", CommandResult::KeyStatus),
        (" \t\n", CommandResult::KeyStatus),
        ("none", CommandResult::ClearKey),
        (" NONE ", CommandResult::ClearKey),
        (" sk raw ", set("sk raw")),
        ("SAVE work sk", set("SAVE work sk")),
        ("save", error("Usage: /key save <name> <api-key>")),
        ("load ", error("Usage: /key load <name>")),
        ("show", error("Usage: /key show <name>")),
        ("delete", error("Usage: /key delete <name>")),
        ("save work", error("API key value cannot be empty.")),
        ("save work \u{feff}", error("API key value cannot be empty.")),
        ("save a/b", error("API key value cannot be empty.")),
    ];
    for (args, answer) in table {
        assert_eq!(fixture.run(args).await, answer, "{args:?}");
        assert_eq!(fixture.non_interactive(args).await, answer, "{args:?}");
    }
    for args in ["save a/b sk", "load a/b", "show a/b", "delete a/b"] {
        let invalid =
            "Key name 'a/b' is invalid. Use only letters, numbers, dashes, underscores, and dots (1-64 chars).";
        assert_eq!(fixture.run(args).await, error(invalid), "{args:?}");
        assert_eq!(fixture.non_interactive(args).await, error(invalid), "{args:?}");
    }
    assert_eq!(fixture.keyring.take_calls(), [""; 0]);
}

#[tokio::test]
async fn r13_save_stores_the_trimmed_key_and_reports_where_it_is_stored() {
    for (mode, answer, file) in [
        (FaultMode::Works, IN_KEYRING, false),
        (FaultMode::Absent, IN_FILE, true),
        (FaultMode::Fails(Code::Unavailable), IN_FILE, true),
    ] {
        let fixture = fixture();
        fixture.keyring.set_mode(mode);
        assert_eq!(
            fixture.non_interactive(&format!(" save  work \t{KEY}\n")).await,
            info(answer),
            "{mode:?}"
        );
        assert_eq!(fixture.has_file("work"), file, "{mode:?}");
        assert_eq!(fixture.in_keyring("work").is_some(), !file, "{mode:?}");
        assert_eq!(fixture.run("load work").await, loaded("work", KEY), "{mode:?}");
    }
}

#[tokio::test]
async fn r13_save_asks_before_it_overwrites_and_overwrites_once_confirmed() {
    for mode in [FaultMode::Works, FaultMode::Absent] {
        let fixture = fixture();
        fixture.keyring.set_mode(mode);
        fixture.run("save work old-key-123").await;
        assert_eq!(
            fixture.run(&format!("save work {KEY}")).await,
            exists("/key save work ***"),
            "{mode:?}"
        );
        let context = Context {
            raw: Some(Secret::from("/key  save work …")),
            ..Context::default()
        };
        let asked = fixture.command.run(&format!("save work {KEY}"), context).await;
        assert_eq!(asked, exists("/key  save work …"));
        assert_eq!(
            fixture.run("load work").await,
            loaded("work", "old-key-123"),
            "{mode:?}"
        );
        let answer = if mode == FaultMode::Works { IN_KEYRING } else { IN_FILE };
        assert_eq!(fixture.confirmed(&format!("save work {KEY}")).await, info(answer));
        assert_eq!(fixture.run("load work").await, loaded("work", KEY));
    }
}

#[tokio::test]
async fn r13_a_non_interactive_save_overwrites_nothing() {
    for mode in [FaultMode::Works, FaultMode::Absent] {
        let fixture = fixture();
        fixture.keyring.set_mode(mode);
        fixture.run("save work old-key-123").await;
        let refused = "Key 'work' already exists. Overwriting requires interactive confirmation.";
        assert_eq!(
            fixture.non_interactive(&format!("save work {KEY}")).await,
            error(refused)
        );
        assert_eq!(fixture.run("load work").await, loaded("work", "old-key-123"));
    }
}

#[tokio::test(start_paused = true)]
async fn r13_save_that_cannot_tell_whether_the_name_exists_asks_and_never_overwrites_silently() {
    let table = [
        (
            FaultMode::Fails(Code::Locked),
            "Simulated failure LOCKED",
            "Unlock your keyring",
        ),
        (
            FaultMode::Fails(Code::Denied),
            "Simulated failure DENIED",
            "Check permissions, run as the correct user",
        ),
        (
            FaultMode::Fails(Code::Timeout),
            "Simulated failure TIMEOUT",
            "Retry, check system load",
        ),
        (
            FaultMode::Fails(Code::Corrupt),
            "Simulated failure CORRUPT",
            "Re-save the key or re-authenticate",
        ),
        (
            FaultMode::Hangs,
            "The keyring did not answer in time",
            "Retry, check system load",
        ),
    ];
    for (mode, message, remediation) in table {
        let fixture = with_work(mode);
        let prompt = format!("Cannot tell whether key 'work' exists ({message}). Save anyway?");
        assert_eq!(
            fixture.run("save work new-key-123").await,
            confirm(&prompt, "/key save work ***")
        );
        assert_eq!(
            fixture.non_interactive("save work new-key-123").await,
            error(&format!("{message} — {remediation}"))
        );
        assert!(!fixture.has_file("work"), "{mode:?}");
        let CommandResult::Info(saved) = fixture.confirmed("save work new-key-123").await else {
            panic!("{mode:?}: not saved");
        };
        assert!(saved.contains("in an encrypted file"), "{saved}");
        assert_eq!(
            fixture.run("load work").await,
            loaded("work", "new-key-123"),
            "{mode:?}"
        );
    }
}

#[tokio::test]
async fn r13_save_reports_an_error_that_ends_every_operation_and_does_not_ask() {
    for code in [Code::Conflict, Code::RuntimeReplaced] {
        let fixture = with_work(FaultMode::Fails(code));
        assert_eq!(
            fixture.run("save work new-key-123").await,
            error(&format!("Simulated failure {code} — {}", code.remediation()))
        );
        assert!(!fixture.has_file("work"), "{code}");
    }
}

#[tokio::test]
async fn r13_save_over_a_file_that_cannot_be_read_asks_first() {
    let fixture = fixture();
    fixture.spoil_file("work");
    let CommandResult::Confirm { prompt, .. } = fixture.run(&format!("save work {KEY}")).await else {
        panic!("not asked");
    };
    assert!(
        prompt.starts_with("Cannot tell whether key 'work' exists ("),
        "{prompt}"
    );
    assert_eq!(fixture.confirmed(&format!("save work {KEY}")).await, info(IN_KEYRING));
}

#[tokio::test]
async fn r13_two_saves_of_a_new_name_at_once_do_not_overwrite_each_other() {
    let fixture = fixture();
    let (first, second) = tokio::join!(
        fixture.run("save work first-key-1"),
        fixture.run("save work second-key")
    );
    assert!(matches!(first, CommandResult::Info(_)), "{first:?}");
    assert_eq!(second, exists("/key save work ***"));
}

#[tokio::test]
async fn r13_the_mask_of_a_key_is_not_stored_as_a_key() {
    let fixture = with_work(FaultMode::Works);
    for mask in ["***", MASKED] {
        let refused = "This is the mask of a key, not the key itself. Use '/key save <name> <api-key>'.";
        assert_eq!(fixture.confirmed(&format!("save work {mask}")).await, error(refused));
    }
    assert_eq!(fixture.in_keyring("work"), Some(Secret::from(KEY)));
}

#[tokio::test]
async fn r14_load_returns_the_key_for_the_session() {
    assert_eq!(with_work(FaultMode::Works).run("load work").await, loaded("work", KEY));
    assert_eq!(
        with_work(FaultMode::Works).non_interactive("load work").await,
        loaded("work", KEY)
    );
    assert_eq!(with_work(FaultMode::Absent).run("load work").await, error(UNKNOWN));
    assert_eq!(
        with_work(FaultMode::Fails(Code::Locked)).run("load work").await,
        error(LOCKED)
    );
}

#[tokio::test]
async fn r15_show_prints_the_mask_and_the_length_in_characters() {
    let fixture = with_work(FaultMode::Works);
    assert_eq!(fixture.run("show work").await, info("work: sk********03 (12 chars)"));
    fixture.plant("tiny", "schlüsse");
    fixture.plant("keys", "🔑🔑345678🔑🔑");
    assert_eq!(
        fixture.non_interactive("show tiny").await,
        info("tiny: ******** (8 chars)")
    );
    assert_eq!(
        fixture.non_interactive("show keys").await,
        info("keys: 🔑🔑******🔑🔑 (10 chars)")
    );
    assert_eq!(with_work(FaultMode::Absent).run("show work").await, error(UNKNOWN));
    assert_eq!(
        with_work(FaultMode::Fails(Code::Locked)).run("show work").await,
        error(LOCKED)
    );
}

#[tokio::test]
async fn r9_a_name_that_no_store_accepts_is_refused_before_the_keyring_is_called() {
    let fixture = with_work(FaultMode::Works);
    let refused = error("Key name is invalid: it is the name of a directory");
    for args in ["save . sk-1", "save .. sk-1", "load .", "show ..", "delete ."] {
        assert_eq!(fixture.run(args).await, refused, "{args}");
        assert_eq!(fixture.confirmed(args).await, refused, "{args}");
    }
    assert_eq!(fixture.keyring.take_calls(), [""; 0]);
}

#[tokio::test]
async fn r16_list_shows_every_name_masked_and_sorted_wherever_the_key_is() {
    let fixture = with_work(FaultMode::Works);
    assert_eq!(fixture.run("list").await, info("Saved keys:\n  work  sk********03"));
    fixture.plant("Zoo", "short");
    fixture.keyring.set_mode(FaultMode::Absent);
    fixture.run("save home home-key-123").await;
    fixture.keyring.set_mode(FaultMode::Works);
    let listed = "Saved keys:\n  Zoo  *****\n  home  ho********23\n  work  sk********03";
    assert_eq!(fixture.non_interactive("list").await, info(listed));
}

#[tokio::test]
async fn r16_list_stays_useful_when_a_key_cannot_be_read() {
    let fixture = fixture();
    fixture.keyring.set_mode(FaultMode::Absent);
    fixture.run(&format!("save work {KEY}")).await;
    fixture.spoil_file("broken");
    let listed = "Saved keys:\n  broken  (unable to retrieve)\n  work  sk********03";
    assert_eq!(fixture.run("list").await, info(listed));
}

#[tokio::test]
async fn r16_list_reports_that_there_are_no_keys() {
    let none = "No saved keys. Use '/key save <name> <api-key>' to store one.";
    for mode in [FaultMode::Works, FaultMode::Absent] {
        let fixture = fixture();
        fixture.keyring.set_mode(mode);
        assert_eq!(fixture.run("list").await, info(none));
    }
}

#[tokio::test]
async fn r17_delete_asks_and_then_deletes() {
    for mode in [FaultMode::Works, FaultMode::Absent] {
        let fixture = fixture();
        fixture.keyring.set_mode(mode);
        fixture.run(&format!("save work {KEY}")).await;
        assert_eq!(
            fixture.run("delete work").await,
            confirm("Delete key 'work'?", "/key delete work")
        );
        let context = Context {
            raw: Some(Secret::from("/key delete  work")),
            ..Context::default()
        };
        let asked = fixture.command.run("delete work", context).await;
        assert_eq!(asked, confirm("Delete key 'work'?", "/key delete  work"));
        let refused = "Deleting keys requires interactive confirmation.";
        assert_eq!(fixture.non_interactive("delete work").await, error(refused));
        assert_eq!(fixture.run("load work").await, loaded("work", KEY));
        assert_eq!(fixture.confirmed("delete work").await, info("Deleted key 'work'"));
        assert_eq!(fixture.confirmed("delete work").await, error(UNKNOWN));
        assert_eq!(fixture.run("delete work").await, error(UNKNOWN));
        assert_eq!(fixture.non_interactive("delete work").await, error(refused));
    }
}

#[tokio::test]
async fn r17_a_failed_delete_is_reported() {
    let fixture = with_work(FaultMode::Fails(Code::Locked));
    assert_eq!(fixture.run("delete work").await, error(LOCKED));
    assert_eq!(fixture.confirmed("delete work").await, error(LOCKED));
    assert_eq!(fixture.in_keyring("work"), Some(Secret::from(KEY)));
}

#[tokio::test]
async fn r18_without_keyring_and_files_every_command_names_the_alternative() {
    let fixture = with_work(FaultMode::Absent);
    fixture.spoil_files();
    let every = [
        "save work sk-123456789",
        "list",
        "load work",
        "show work",
        "delete work",
    ];
    // Windows reports that there is no file below a path that is not a directory, so a key is not found there.
    let commands = if cfg!(windows) { &every[..2] } else { &every[..] };
    for args in commands {
        assert_eq!(fixture.run(args).await, error(NO_KEYRING), "{args}");
        assert_eq!(fixture.confirmed(args).await, error(NO_KEYRING), "{args}");
    }
    for args in commands.iter().filter(|args| **args != "delete work") {
        assert_eq!(fixture.non_interactive(args).await, error(NO_KEYRING), "{args}");
    }
}

#[tokio::test]
async fn r18_a_locked_keyring_without_files_is_a_storage_failure_with_a_remedy() {
    let fixture = with_work(FaultMode::Fails(Code::Locked));
    fixture.spoil_files();
    assert_eq!(fixture.run("list").await, error(LOCKED));
}
