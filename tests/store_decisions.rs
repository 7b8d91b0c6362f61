//! All decisions of the store: runs every row of `data/decisions.txt` with a keyring in memory and a real directory.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use securestore::error::{Code, Result};
use securestore::fallback::machine::HostIdentity;
use securestore::fallback::{FallbackDir, FileState, KeyringKind};
use securestore::fs::lock::LockDir;
use securestore::keyring::memory::{FaultMode, MemoryKeyring};
use securestore::secret::Secret;
use securestore::store::{FallbackPolicy, KeyringProvider, SecureStore, SecureStoreConfig, SelectedKeyring, StoredIn};

const TABLE: &str = include_str!("data/decisions.txt");
const SERVICE: &str = "decisions";
const KEY: &str = "key";

const CALLS: [&str; 6] = ["set", "get", "delete", "list", "has", "locate"];
const POLICIES: [&str; 2] = ["allow", "deny"];
const FILES: [&str; 6] = ["none", "plain", "newer", "deleted", "malformed", "blocked"];
const KEYRINGS: [&str; 12] = [
    "absent",
    "empty",
    "holds",
    "UNAVAILABLE",
    "LOCKED",
    "DENIED",
    "CORRUPT",
    "TIMEOUT",
    "NOT_FOUND",
    "RUNTIME_REPLACED",
    "CONFLICT",
    "hangs",
];
const REFUSES: [&str; 5] = ["LOCKED", "DENIED", "CORRUPT", "TIMEOUT", "hangs"];

/// A row, with its groups expanded.
struct Row {
    line: usize,
    requirement: &'static str,
    call: &'static str,
    policy: Vec<&'static str>,
    keyring: Vec<&'static str>,
    file: Vec<&'static str>,
    result: &'static str,
    keyring_after: &'static str,
    file_after: &'static str,
}

#[tokio::test]
async fn r3_every_decision_is_the_one_in_the_table() {
    let rows = rows();
    let home = tempfile::tempdir().expect("a temporary directory");
    let identity = HostIdentity {
        hostname: "host".to_owned(),
        username: "user".to_owned(),
    };
    // All cases share one object, whose files are removed in between. It keeps its salt, so one key derivation is enough.
    let files = FallbackDir::new(home.path().join("files"), SERVICE, identity);
    fs::create_dir(home.path().join("data")).expect("a directory");
    fs::write(home.path().join("data").join("keyring_seen"), "").expect("a marker");
    let mut failures = Vec::new();
    for row in &rows {
        for (policy, keyring, file) in row.combinations() {
            let case_name = format!(
                "line {}: {} {} {policy} {keyring} {file}",
                row.line, row.requirement, row.call
            );
            let case = Case::new(&files, policy, keyring, file).await;
            let (keyring_before, file_before) = (case.keyring_holds(), case.file_holds().await);
            let result = case.call(row.call).await;
            case.keyring.set_mode(FaultMode::Works);
            let expected = [
                row.result
                    .replace("its-code", if keyring == "hangs" { "TIMEOUT" } else { keyring }),
                row.keyring_after.replace('=', &keyring_before),
                row.file_after.replace('=', &file_before),
            ];
            let actual = [result, case.keyring_holds(), case.file_holds().await];
            if expected != actual {
                failures.push(format!(
                    "{case_name}\n    expected {expected:?}\n    actually {actual:?}"
                ));
            }
        }
    }
    assert!(
        failures.is_empty(),
        "{} decisions differ:\n{}",
        failures.len(),
        failures.join("\n")
    );
}

#[test]
fn r3_the_table_has_each_combination_exactly_once() {
    let rows = rows();
    let mut violations = Vec::new();
    for call in CALLS {
        for policy in POLICIES {
            for keyring in KEYRINGS {
                for file in FILES {
                    let matching: Vec<_> = rows
                        .iter()
                        .filter(|row| row.call == call && row.combinations().any(|c| c == (policy, keyring, file)))
                        .map(|row| row.line)
                        .collect();
                    if matching.len() != 1 {
                        violations.push(format!("{call} {policy} {keyring} {file}: lines {matching:?}"));
                    }
                }
            }
        }
    }
    assert!(violations.is_empty(), "{}", violations.join("\n"));
}

impl Row {
    fn combinations(&self) -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
        self.policy.iter().flat_map(move |policy| {
            self.keyring
                .iter()
                .flat_map(move |keyring| self.file.iter().map(move |file| (*policy, *keyring, *file)))
        })
    }
}

fn rows() -> Vec<Row> {
    let lines = TABLE
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|(at, line)| {
            let cells: Vec<&str> = line.split_whitespace().collect();
            let &[
                requirement,
                call,
                policy,
                keyring,
                file,
                result,
                keyring_after,
                file_after,
            ] = cells.as_slice()
            else {
                panic!("line {} has {} cells", at + 1, cells.len());
            };
            Row {
                line: at + 1,
                requirement,
                call,
                policy: expanded(policy, &POLICIES),
                keyring: expanded(keyring, &KEYRINGS),
                file: expanded(file, &FILES),
                result,
                keyring_after,
                file_after,
            }
        })
        .collect()
}

fn expanded(cell: &'static str, all: &[&'static str]) -> Vec<&'static str> {
    cell.split('/')
        .flat_map(|word| match word {
            "any" => all.to_vec(),
            "refuses" => REFUSES.to_vec(),
            "final" => vec!["RUNTIME_REPLACED", "CONFLICT"],
            "fails" => [&["UNAVAILABLE"], REFUSES.as_slice()].concat(),
            word => {
                assert!(all.contains(&word), "{word:?} is not a word of the table");
                vec![word]
            }
        })
        .collect()
}

/// A store in one combination of policy, keyring and file.
struct Case {
    files: FallbackDir,
    keyring: Arc<MemoryKeyring>,
    store: SecureStore,
}

impl Case {
    async fn new(files: &FallbackDir, policy: &str, keyring: &str, file: &str) -> Self {
        let _ = fs::remove_dir_all(files.path());
        let memory = Arc::new(MemoryKeyring::new(Duration::from_millis(1)));
        let case = Self {
            store: SecureStore::new(SecureStoreConfig {
                service: SERVICE.to_owned(),
                files: files.clone(),
                policy: if policy == "allow" {
                    FallbackPolicy::Allow
                } else {
                    FallbackPolicy::Deny
                },
                keyring: KeyringProvider::Known(SelectedKeyring::Os(memory.clone())),
                limit: Duration::from_secs(1),
                locks: LockDir::new(files.path().with_file_name("locks")),
                data_dir: files.path().with_file_name("data"),
            }),
            files: files.clone(),
            keyring: memory,
        };
        case.plant_file(file).await;
        case.plant_keyring(keyring);
        case
    }

    async fn plant_file(&self, file: &str) {
        let write = async |value: &str, mark| self.files.write(KEY, &Secret::from(value), mark).await.expect("a file");
        match file {
            "plain" => write("F", None).await,
            "newer" => write("M", Some(KeyringKind::Os)).await,
            "deleted" => self
                .files
                .write_tombstone(KEY, KeyringKind::Os)
                .await
                .expect("a tombstone"),
            "malformed" => {
                fs::create_dir(self.files.path()).expect("a directory");
                fs::write(self.path(), "no envelope").expect("a file");
            }
            // A directory that is not empty: it can neither be replaced by a rename nor removed.
            "blocked" => fs::create_dir_all(self.path().join("something")).expect("a directory"),
            _ => {}
        }
    }

    fn plant_keyring(&self, keyring: &str) {
        if keyring != "empty" && keyring != "absent" {
            self.keyring.plant(SERVICE, KEY, "K");
        }
        self.keyring.set_mode(match keyring {
            "absent" => FaultMode::Absent,
            "empty" | "holds" => FaultMode::Works,
            "hangs" => FaultMode::Hangs,
            code => FaultMode::Fails(Code::parse(code).expect("a code")),
        });
    }

    /// Makes a call and returns its result in the words of the table.
    async fn call(&self, call: &str) -> String {
        match call {
            "set" => word(self.store.set(KEY, Secret::from("N")).await, |place| self.place(place)),
            "locate" => word(self.store.locate(KEY).await, |place| {
                place.map_or("null".to_owned(), |place| self.place(place))
            }),
            "get" => word(self.store.get(KEY).await, |value| match value {
                Some(value) => value.expose().to_owned(),
                None => "null".to_owned(),
            }),
            "delete" => word(self.store.delete(KEY).await, |was_there| was_there.to_string()),
            "has" => word(self.store.has(KEY).await, |is_there| is_there.to_string()),
            _ => word(self.store.list().await, |keys| match keys.as_slice() {
                [] => "not-listed".to_owned(),
                [key] if key == KEY => "listed".to_owned(),
                keys => format!("{keys:?}"),
            }),
        }
    }

    fn place(&self, place: StoredIn) -> String {
        match place {
            StoredIn::Keyring => "keyring".to_owned(),
            StoredIn::File => "file".to_owned(),
        }
    }

    fn keyring_holds(&self) -> String {
        self.keyring
            .peek(SERVICE, KEY)
            .map_or("none".to_owned(), |value| value.expose().to_owned())
    }

    /// Returns the state of the file in the words of the table. `newer:N` is a file with the value N that is marked as newer.
    async fn file_holds(&self) -> String {
        if matches!(
            self.files.state(KEY).await,
            Ok(FileState::Deleted {
                newer_than: KeyringKind::Os
            })
        ) {
            return "tombstone".to_owned();
        }
        match self.files.read(KEY).await {
            Ok(None) => "none".to_owned(),
            Ok(Some(stored)) if stored.newer_than == Some(KeyringKind::Os) => {
                format!("newer:{}", stored.value.expose())
            }
            Ok(Some(stored)) => format!("plain:{}", stored.value.expose()),
            Err(_) if self.path().is_dir() => "blocked".to_owned(),
            Err(_) => "malformed".to_owned(),
        }
    }

    fn path(&self) -> PathBuf {
        self.files.path().join(format!("{KEY}.enc"))
    }
}

fn word<T>(result: Result<T>, on_success: impl FnOnce(T) -> String) -> String {
    result.map_or_else(|error| error.code().as_str().to_owned(), on_success)
}
