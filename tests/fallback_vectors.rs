//! Envelopes made with OpenSSL: those that must decrypt, and those that must be refused (R4.5, R4.6, R5).

use std::sync::Arc;

use securestore::error::Code;
use securestore::fallback::FallbackDir;
use securestore::fallback::machine::HostIdentity;
use securestore::fallback::machine_secret::{MachineSecretConfig, MachineSecretLoader, SecretFuture};
use serde_json::Value;
use zeroize::Zeroizing;

struct Fixed(Vec<u8>);

impl MachineSecretLoader for Fixed {
    fn name(&self) -> &str {
        "the test"
    }
    fn load(&self) -> SecretFuture<'_> {
        Box::pin(async { Ok(Some(Zeroizing::new(self.0.clone()))) })
    }
}

fn vectors(kind: &str) -> Vec<Value> {
    let all: Value = serde_json::from_str(include_str!("data/envelopes.json")).unwrap();
    let vectors = all[kind].as_array().unwrap().clone();
    assert!(!vectors.is_empty());
    vectors
}

/// A directory with the vector's envelope as the file of the key `k`.
fn directory(vector: &Value, temp: &tempfile::TempDir) -> FallbackDir {
    let text = |field: &str| vector[field].as_str().unwrap().to_owned();
    std::fs::write(temp.path().join("k.enc"), text("envelope")).unwrap();
    let identity = HostIdentity {
        hostname: text("hostname"),
        username: text("username"),
    };
    let dir = FallbackDir::new(temp.path().to_owned(), &text("service"), identity);
    match vector["machineSecretHex"].as_str() {
        None => dir,
        Some(hex) => dir.with_machine_secret(MachineSecretConfig {
            loader: Some(Arc::new(Fixed(unhex(hex)))),
            ..MachineSecretConfig::default()
        }),
    }
}

fn unhex(hex: &str) -> Vec<u8> {
    (0..hex.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
        .collect()
}

#[tokio::test]
async fn r4_5_every_accepted_vector_decrypts_to_its_plaintext() {
    for vector in vectors("accepted") {
        let temp = tempfile::tempdir().unwrap();
        let stored = directory(&vector, &temp).read("k").await.unwrap().unwrap();
        assert!(stored.value.expose() == vector["plaintext"], "{}", vector["name"]);
    }
}

#[tokio::test]
async fn r5_every_refused_vector_is_corrupt_with_the_remedy_for_its_reason() {
    for vector in vectors("refused") {
        let temp = tempfile::tempdir().unwrap();
        let dir = directory(&vector, &temp);
        let error = dir.read("k").await.unwrap_err();
        let (name, remedy) = (&vector["name"], error.remediation());
        assert_eq!(error.code(), Code::Corrupt, "{name}");
        assert!(!error.message().contains("P5YI84"), "{name}: no contents in messages");
        match vector["why"].as_str().unwrap() {
            "version" => {
                let v: Value = serde_json::from_str(vector["envelope"].as_str().unwrap()).unwrap();
                let start = format!("Unrecognized envelope version: {}", v["v"]);
                assert!(error.message().starts_with(&start), "{name}: {error}");
                assert!(remedy.contains("upgrade"), "{name}: {remedy}");
                assert_eq!(dir.has("k").await.unwrap_err(), error);
            }
            "malformed" => {
                assert_eq!(remedy, "Re-save the key or re-authenticate", "{name}");
                assert_eq!(dir.has("k").await.unwrap_err(), error);
            }
            "decrypt" => {
                assert!(
                    remedy.starts_with("Re-save the key or re-authenticate"),
                    "{name}: {remedy}"
                );
                assert!(remedy.contains("another machine"), "{name}: {remedy}");
                assert_eq!(dir.has("k").await, Ok(true));
            }
            other => panic!("unknown reason {other}"),
        }
    }
}
