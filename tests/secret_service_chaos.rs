//! Writes and reads while the keyring daemon is locked, stopped, killed and restarted.
//!
//! The changes of a key are numbered. A read must not return a value that is older than the newest change acknowledged before
//! the read started, nor one that was deleted, nor nothing for a key that has a value. It may fail. A read that finds neither a
//! service on the bus nor a file returns nothing, as on a machine without a keyring. It is not counted.
//!
//! One test runs for a few seconds. The long one runs by name, for five minutes or as long as `SECURESTORE_CHAOS_SECONDS`
//! says. `SECURESTORE_CHAOS_SEED` repeats a sequence.
#![cfg(target_os = "linux")]

mod support;

use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use futures_util::future::join_all;
use securestore::error::Code;
use securestore::fallback::FallbackDir;
use securestore::fallback::machine::HostIdentity;
use securestore::fs::lock::LockDir;
use securestore::keyring::os::OsKeyring;
use securestore::keyring::{DeleteOutcome, Keyring, KeyringError, Replies, Reply, WriteOutcome};
use securestore::secret::Secret;
use securestore::store::{FallbackPolicy, KeyringProvider, SecureStore, SecureStoreConfig, SelectedKeyring};
use support::Bus;

const SERVICE: &str = "securestore chaos";
const SHORT: Duration = Duration::from_secs(4);
const LONG_SECONDS: u64 = 300;
const KEYS: usize = 3;
const READERS_PER_KEY: usize = 3;

/// The time limit of a keyring call. It is short, so that many calls time out while the daemon is stopped.
const LIMIT: Duration = Duration::from_millis(500);

/// One key and its numbered changes. Every fourth change is a deletion.
#[derive(Default)]
struct History {
    started: AtomicU64,
    acknowledged: AtomicU64,
    sets: AtomicU64,
    deletions: AtomicU64,
    reads: AtomicU64,
}

impl std::fmt::Display for History {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [sets, deletions, reads] =
            [&self.sets, &self.deletions, &self.reads].map(|counter| counter.load(Ordering::SeqCst));
        write!(f, "{sets} sets and {deletions} deletions acknowledged, {reads} reads")
    }
}

fn is_deletion(change: u64) -> bool {
    change.is_multiple_of(4)
}

impl History {
    /// Returns whether changes of both kinds were acknowledged and something was read.
    fn is_complete(&self) -> bool {
        let counters = [&self.sets, &self.deletions, &self.reads];
        counters.iter().all(|counter| counter.load(Ordering::SeqCst) > 0)
    }

    /// Describes what is wrong with the result of a read that started after change `acknowledged`; `None` if it is possible.
    fn violation(&self, acknowledged: u64, value: Option<&str>) -> Option<String> {
        let started = self.started.load(Ordering::SeqCst);
        let is_possible = match value {
            // gnome-keyring saves a new item and then its secret. If it is killed in between, the item has no secret.
            Some("") => (acknowledged + 1..=started).any(|change| !is_deletion(change)),
            Some(value) => value
                .parse()
                .is_ok_and(|change| change >= acknowledged && change <= started && !is_deletion(change)),
            None => acknowledged == 0 || (acknowledged..=started).any(is_deletion),
        };
        (!is_possible)
            .then(|| format!("read {value:?} after change {acknowledged} was acknowledged (started: {started})"))
    }
}

/// The OS keyring of one reader, which remembers whether a read found no service on the bus.
struct ObservedKeyring {
    os: OsKeyring,
    was_unavailable: AtomicBool,
}

impl Keyring for ObservedKeyring {
    fn get<'a>(&'a self, service: &'a str, account: &'a str) -> Reply<'a, Option<Secret>> {
        Box::pin(async move {
            let read = self.os.get(service, account).await;
            let is_unavailable = |error: &KeyringError| error.error().code() == Code::Unavailable;
            if read.as_ref().is_err_and(is_unavailable) {
                self.was_unavailable.store(true, Ordering::SeqCst);
            }
            read
        })
    }

    fn set<'a>(&'a self, service: &'a str, account: &'a str, secret: &'a Secret) -> Reply<'a, ()> {
        self.os.set(service, account, secret)
    }

    fn set_verified<'a>(&'a self, service: &'a str, account: &'a str, secret: &'a Secret) -> Reply<'a, WriteOutcome> {
        self.os.set_verified(service, account, secret)
    }

    fn delete<'a>(&'a self, service: &'a str, account: &'a str) -> Reply<'a, bool> {
        self.os.delete(service, account)
    }

    fn delete_verified<'a>(&'a self, service: &'a str, account: &'a str) -> Reply<'a, DeleteOutcome> {
        self.os.delete_verified(service, account)
    }

    fn accounts<'a>(&'a self, service: &'a str) -> Reply<'a, Vec<String>> {
        self.os.accounts(service)
    }

    fn get_many<'a>(&'a self, service: &'a str, accounts: &'a [String]) -> Replies<'a, Option<Secret>> {
        self.os.get_many(service, accounts)
    }
}

/// A store, and the keyring that only this store uses.
struct Client {
    store: SecureStore,
    keyring: Arc<ObservedKeyring>,
}

fn client(bus: &Bus, home: &Path) -> Client {
    let identity = HostIdentity {
        hostname: "host".to_owned(),
        username: "user".to_owned(),
    };
    let keyring = Arc::new(ObservedKeyring {
        os: OsKeyring::new(bus.environment(), LIMIT),
        was_unavailable: AtomicBool::new(false),
    });
    let store = SecureStore::new(SecureStoreConfig {
        service: SERVICE.to_owned(),
        files: FallbackDir::new(home.join("files"), SERVICE, identity),
        policy: FallbackPolicy::Allow,
        keyring: KeyringProvider::Known(SelectedKeyring::Os(keyring.clone())),
        limit: LIMIT,
        locks: LockDir::new(home.join("locks")),
        data_dir: home.to_owned(),
    });
    Client { store, keyring }
}

async fn write(store: &SecureStore, key: &str, history: &History, is_finished: &AtomicBool) {
    for change in 1.. {
        if is_finished.load(Ordering::SeqCst) {
            return;
        }
        history.started.store(change, Ordering::SeqCst);
        let is_acknowledged = match is_deletion(change) {
            true => store.delete(key).await.is_ok(),
            false => store.set(key, Secret::new(change.to_string())).await.is_ok(),
        };
        if is_acknowledged {
            history.acknowledged.store(change, Ordering::SeqCst);
            let counter = if is_deletion(change) {
                &history.deletions
            } else {
                &history.sets
            };
            counter.fetch_add(1, Ordering::SeqCst);
        }
    }
}

/// Reads once, and returns the violation if there is one. A read that fails is no violation.
async fn read(client: &Client, key: &str, history: &History) -> Option<String> {
    let was_unavailable = &client.keyring.was_unavailable;
    was_unavailable.store(false, Ordering::SeqCst);
    let acknowledged = history.acknowledged.load(Ordering::SeqCst);
    let value = client.store.get(key).await.ok()?;
    if value.is_none() && was_unavailable.load(Ordering::SeqCst) {
        return None;
    }
    history.reads.fetch_add(1, Ordering::SeqCst);
    history.violation(acknowledged, value.as_ref().map(Secret::expose))
}

/// A pseudo-random sequence (xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }

    /// Pauses for a random time, up to `limit` milliseconds. It only spreads the disturbances; nothing is waited for.
    async fn pause(&mut self, limit: u64) {
        tokio::time::sleep(Duration::from_millis(self.below(limit))).await;
    }
}

/// Disturbs the daemon at random moments until that is enough, and leaves it unlocked and running.
async fn disturb(bus: &mut Bus, random: &mut Random, is_enough: impl Fn() -> bool) {
    while !is_enough() {
        random.pause(300).await;
        match random.below(3) {
            0 => {
                let locking = async {
                    bus.lock().await;
                    random.pause(400).await;
                    bus.unlock().await;
                };
                // gnome-keyring crashes now and then if it is unlocked while other programs ask for that, too.
                if AssertUnwindSafe(locking).catch_unwind().await.is_err() {
                    bus.kill_keyring().await;
                    bus.start_keyring().await;
                }
            }
            1 => {
                bus.stop_keyring();
                random.pause(1_000).await;
                bus.continue_keyring();
            }
            _ => {
                bus.kill_keyring().await;
                random.pause(400).await;
                bus.start_keyring().await;
            }
        }
    }
}

fn setting(name: &str, default: u64) -> u64 {
    let value = std::env::var(name).ok();
    value.map_or(default, |value| {
        value.parse().unwrap_or_else(|_| panic!("{name} is not a number"))
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn r7b_no_read_returns_an_older_or_deleted_value_while_the_daemon_comes_and_goes() {
    run_for(SHORT).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes five minutes"]
async fn r7b_in_five_minutes_no_read_returns_an_older_or_deleted_value_while_the_daemon_comes_and_goes() {
    run_for(Duration::from_secs(setting("SECURESTORE_CHAOS_SECONDS", LONG_SECONDS))).await;
}

async fn run_for(duration: Duration) {
    let seed = setting("SECURESTORE_CHAOS_SEED", u64::from(std::process::id()) + 1);
    println!("SECURESTORE_CHAOS_SEED={seed}");
    let mut bus = Bus::with_keyring().await;
    let home = tempfile::tempdir().unwrap();
    let histories: Vec<History> = (0..KEYS).map(|_| History::default()).collect();
    let is_finished = AtomicBool::new(false);
    let clients: Vec<Client> = (0..KEYS * (1 + READERS_PER_KEY))
        .map(|_| client(&bus, home.path()))
        .collect();
    let names: Vec<String> = (0..KEYS).map(|n| format!("key-{n}")).collect();

    let writers = (0..KEYS).map(|n| write(&clients[n].store, &names[n], &histories[n], &is_finished));
    let readers = (KEYS..clients.len()).map(|n| {
        let (client, key) = (&clients[n], n % KEYS);
        let (name, history, is_finished) = (&names[key], &histories[key], &is_finished);
        async move {
            let mut violations = Vec::new();
            while !is_finished.load(Ordering::SeqCst) {
                violations.extend(read(client, name, history).await);
                tokio::task::yield_now().await;
            }
            violations
        }
    });
    let end = Instant::now() + duration;
    let disturbance = async {
        let is_enough = || Instant::now() >= end && histories.iter().all(History::is_complete);
        disturb(&mut bus, &mut Random(seed), is_enough).await;
        is_finished.store(true, Ordering::SeqCst);
    };
    let (_, violations, ()) = tokio::join!(join_all(writers), join_all(readers), disturbance);
    let mut violations: Vec<String> = violations.into_iter().flatten().collect();

    for (n, (name, history)) in names.iter().zip(&histories).enumerate() {
        violations.extend(read(&clients[n], name, history).await);
        println!("{name}: {history}");
    }
    assert_eq!(violations, Vec::<String>::new());
}
