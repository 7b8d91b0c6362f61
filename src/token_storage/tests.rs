use std::sync::Arc;

use super::*;
use crate::keyring::memory::{FaultMode, MemoryKeyring};
use crate::store::testing::store;

struct Setup {
    dir: tempfile::TempDir,
    keyring: Arc<MemoryKeyring>,
    tokens: Tokens,
}

fn set_up(policy: FallbackPolicy, mode: FaultMode) -> Setup {
    let dir = tempfile::tempdir().unwrap();
    let (store, keyring) = store(SERVICE, dir.path(), policy, mode);
    let tokens = Tokens::new(Arc::new(store), SERVICE);
    Setup { dir, keyring, tokens }
}

fn json(server: &str) -> String {
    format!("{{\"serverName\":\"{server}\",\"token\":{{\"accessToken\":\"at\",\"tokenType\":\"Bearer\"}}}}")
}

fn credentials(server: &str) -> Credentials {
    Credentials::new(&Secret::new(json(server)), 7).unwrap()
}

#[test]
fn r7_6_incomplete_credentials_are_refused_and_the_message_names_the_missing_field() {
    for (json, message) in [
        ("[]", "Credentials must be an object"),
        ("{}", "Server name is required"),
        ("{\"serverName\":\"\"}", "Server name is required"),
        ("{\"serverName\":7}", "Server name is required"),
        ("{\"serverName\":\"s\"}", "Token is required"),
        ("{\"serverName\":\"s\",\"token\":null}", "Token is required"),
        ("{\"serverName\":\"s\",\"token\":{}}", "Access token is required"),
        (
            "{\"serverName\":\"s\",\"token\":{\"accessToken\":\"\",\"tokenType\":\"B\"}}",
            "Access token is required",
        ),
        (
            "{\"serverName\":\"s\",\"token\":{\"accessToken\":\"a\"}}",
            "Token type is required",
        ),
        (
            "{\"serverName\":\"s\",\"token\":{\"accessToken\":\"a\",\"tokenType\":null}}",
            "Token type is required",
        ),
    ] {
        let error = Credentials::new(&Secret::from(json), 0).unwrap_err();
        assert_eq!((error.code(), error.message()), (Code::Corrupt, message), "{json}");
    }
}

#[test]
fn r7_6_unknown_fields_stay_unchanged_and_the_date_is_set() {
    let text = "{\"serverName\":\"s\",\"updatedAt\":1,\"a\\\"\\u0001b\":[1.50, null],\
                \"token\":{\"tokenType\":\"B\",\"id_token\": \"\\ud83d x\",\"accessToken\":\"a\\u0000b\",\"expiresAt\":1e3}}";
    let stamped = Credentials::new(&Secret::from(text), 1_700_000_000_000).unwrap();
    assert_eq!(
        stamped.json().expose(),
        "{\"a\\\"\\u0001b\":[1.50, null],\"serverName\":\"s\",\
         \"token\":{\"tokenType\":\"B\",\"id_token\": \"\\ud83d x\",\"accessToken\":\"a\\u0000b\",\"expiresAt\":1e3},\
         \"updatedAt\":1700000000000}"
    );
    assert_eq!(stamped.server_name(), "s");
    assert!(!format!("{stamped:?}").contains("id_token"), "R8");
}

#[test]
fn r7_an_account_is_the_server_name_with_an_underscore_for_each_utf_16_unit_outside_the_allowed_characters() {
    for (server, name) in [
        ("plain-1_2.x", "plain-1_2.x"),
        ("https://a.b/c?d", "https___a.b_c_d"),
        ("a b\n", "a_b_"),
        ("ä鍵", "__"),
        ("🔑", "__"),
    ] {
        assert_eq!(account(server).as_deref(), Ok(name));
    }
    for server in [".", ".."] {
        let error = account(server).unwrap_err();
        assert_eq!(error.code(), Code::Corrupt);
        assert_eq!(
            error.message(),
            format!("Credentials cannot be stored for a server named '{server}'")
        );
    }
}

#[tokio::test]
async fn r7_6_credentials_are_stored_loaded_listed_and_deleted_with_a_keyring_and_without() {
    for mode in [FaultMode::Works, FaultMode::Absent] {
        let Setup { tokens, keyring, .. } = set_up(FallbackPolicy::Allow, mode);
        assert_eq!(tokens.list().await, Ok(Vec::new()));
        assert!(tokens.get("a b").await.unwrap().is_none());
        tokens.set(credentials("a b")).await.unwrap();
        tokens.set(credentials("c")).await.unwrap();
        assert_eq!(keyring.peek(SERVICE, "a_b").is_some(), mode == FaultMode::Works);
        let found = tokens.get("a b").await.unwrap().unwrap();
        assert_eq!(found.server_name(), "a b");
        assert!(found.json().expose().contains("\"updatedAt\":7"));
        assert_eq!(tokens.list().await, Ok(vec!["a_b".to_owned(), "c".to_owned()]));
        let all: Vec<String> = tokens
            .get_all()
            .await
            .unwrap()
            .credentials
            .into_iter()
            .map(|(name, _)| name)
            .collect();
        assert_eq!(all, ["a_b", "c"]);
        tokens.delete("a b").await.unwrap();
        let error = tokens.delete("a b").await.unwrap_err();
        assert_eq!(
            (error.code(), error.message()),
            (Code::NotFound, "No credentials found for a b")
        );
        tokens.clear().await.unwrap();
        assert_eq!(tokens.list().await, Ok(Vec::new()));
        tokens.clear().await.unwrap();
    }
}

#[tokio::test]
async fn r7_6_a_value_that_cannot_be_parsed_is_an_error_of_get_and_reported_separately_by_get_all() {
    let Setup { tokens, keyring, dir } = set_up(FallbackPolicy::Allow, FaultMode::Works);
    tokens.set(credentials("good")).await.unwrap();
    for (server, text) in [
        ("no-json", "{"),
        ("no-token", "{\"serverName\":\"no-token\"}"),
        ("text", "\"x\""),
    ] {
        keyring.plant(SERVICE, server, text);
        let error = tokens.get(server).await.unwrap_err();
        assert_eq!(error.code(), Code::Corrupt);
        assert_eq!(
            error.message(),
            format!("Failed to parse stored credentials for {server}")
        );
    }
    std::fs::write(dir.path().join("broken-file.enc"), "no envelope").unwrap();
    keyring.plant(SERVICE, "__keychain_test__0123456789abcdef", "test");
    let all = tokens.get_all().await.unwrap();
    assert_eq!(all.credentials.len(), 1);
    let broken: Vec<&str> = all.broken.iter().map(|broken| broken.account.as_str()).collect();
    assert_eq!(broken, ["broken-file", "no-json", "no-token", "text"]);
    assert!(all.broken.iter().all(|broken| broken.error.code() == Code::Corrupt));
    assert_eq!(
        tokens.list().await.unwrap(),
        ["broken-file", "good", "no-json", "no-token", "text"]
    );
    tokens.clear().await.unwrap();
    assert!(keyring.all_accounts(SERVICE).is_empty());
}

#[tokio::test]
async fn r7_6_a_keyring_that_cannot_be_read_is_an_error_and_not_an_empty_list() {
    let Setup { tokens, keyring, .. } = set_up(FallbackPolicy::Deny, FaultMode::Works);
    tokens.set(credentials("a")).await.unwrap();
    tokens.set(credentials("b")).await.unwrap();
    assert!(tokens.is_available().await);
    keyring.set_mode(FaultMode::Fails(Code::Locked));
    assert_eq!(tokens.get("a").await.map_err(|e| e.code()).err(), Some(Code::Locked));
    assert_eq!(tokens.list().await.map_err(|e| e.code()), Err(Code::Locked));
    assert_eq!(tokens.get_all().await.map_err(|e| e.code()).err(), Some(Code::Locked));
    assert_eq!(tokens.clear().await.map_err(|e| e.code()), Err(Code::Locked));
}

#[tokio::test]
async fn r7_6_a_keyring_that_cannot_be_listed_is_an_error_even_when_files_hold_credentials() {
    let Setup { tokens, keyring, dir } = set_up(FallbackPolicy::Allow, FaultMode::Absent);
    tokens.set(credentials("a")).await.unwrap();
    keyring.set_mode(FaultMode::Fails(Code::Locked));
    assert_eq!(tokens.list().await.map_err(|e| e.code()), Err(Code::Locked));
    assert_eq!(tokens.get_all().await.map_err(|e| e.code()).err(), Some(Code::Locked));
    assert_eq!(tokens.clear().await.map_err(|e| e.code()), Err(Code::Locked));
    keyring.set_mode(FaultMode::Absent);
    assert_eq!(
        tokens.list().await,
        Ok(Vec::new()),
        "clear removed the file in spite of the error"
    );
    drop(dir);
}

#[tokio::test]
async fn r7_6_clear_continues_after_a_failure_and_reports_it() {
    let Setup { tokens, keyring, dir } = set_up(FallbackPolicy::Allow, FaultMode::Absent);
    tokens.set(credentials("a")).await.unwrap();
    std::fs::create_dir(dir.path().join("unused")).unwrap();
    keyring.set_mode(FaultMode::Fails(Code::Denied));
    let error = tokens.clear().await.unwrap_err();
    assert_eq!(error.code(), Code::Denied);
    assert_eq!(
        error.message(),
        "Failed to clear some credentials: Simulated failure DENIED"
    );
    let file = std::fs::read_to_string(dir.path().join("a.enc")).unwrap();
    assert!(
        !file.contains("\"data\""),
        "the value was removed in spite of the error: {file}"
    );
}

#[tokio::test]
async fn r7_6_the_storage_is_available_when_files_are_allowed_or_the_keyring_works() {
    for (policy, mode, available) in [
        (FallbackPolicy::Allow, FaultMode::Works, true),
        (FallbackPolicy::Allow, FaultMode::Absent, true),
        (FallbackPolicy::Deny, FaultMode::Works, true),
        (FallbackPolicy::Deny, FaultMode::Absent, false),
    ] {
        let Setup { tokens, .. } = set_up(policy, mode);
        assert_eq!(tokens.is_available().await, available, "{policy:?} {mode:?}");
    }
}
