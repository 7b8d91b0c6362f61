//! A keyring whose calls can be stopped, so that a test controls what happens between two steps of an operation.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use securestore::keyring::memory::MemoryKeyring;
use securestore::keyring::{Keyring, KeyringError, ListedAccount, Replies, Reply};
use securestore::secret::Secret;
use tokio::sync::oneshot;

/// Where a call stops.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum At {
    /// Before the call reaches the keyring.
    Before,
    /// After the keyring has returned, before the caller gets the result.
    After,
}

/// Forwards every call to a keyring in memory.
pub struct GatedKeyring {
    pub memory: Arc<MemoryKeyring>,
    gates: Mutex<Vec<Gate>>,
    batches: Mutex<usize>,
    /// A listing that is asked for secrets brings them.
    pub lists_secrets: AtomicBool,
}

struct Gate {
    call: &'static str,
    at: At,
    arrived: oneshot::Sender<()>,
    released: oneshot::Receiver<()>,
}

/// The test's side of a gate.
pub struct Stop {
    arrived: oneshot::Receiver<()>,
    release: oneshot::Sender<()>,
}

impl Stop {
    /// Waits until a call has stopped at the gate. Sending on the returned channel lets it continue.
    pub async fn reached(self) -> oneshot::Sender<()> {
        self.arrived.await.expect("a call stops at the gate");
        self.release
    }
}

impl GatedKeyring {
    pub fn new(memory: Arc<MemoryKeyring>) -> Arc<Self> {
        Arc::new(Self {
            memory,
            gates: Mutex::default(),
            batches: Mutex::default(),
            lists_secrets: AtomicBool::default(),
        })
    }

    /// Stops the next call of this name.
    pub fn stop(&self, call: &'static str, at: At) -> Stop {
        let ((arrived, arrival), (release, released)) = (oneshot::channel(), oneshot::channel());
        self.gates.lock().unwrap().push(Gate {
            call,
            at,
            arrived,
            released,
        });
        Stop {
            arrived: arrival,
            release,
        }
    }

    /// Returns the number of batches that were read.
    pub fn batches(&self) -> usize {
        *self.batches.lock().unwrap()
    }

    async fn gate(&self, call: &'static str, at: At) {
        let gate = {
            let mut gates = self.gates.lock().unwrap();
            let found = gates.iter().position(|gate| gate.call == call && gate.at == at);
            found.map(|found| gates.remove(found))
        };
        if let Some(gate) = gate {
            let _ = gate.arrived.send(());
            let _ = gate.released.await;
        }
    }

    async fn pass<T>(&self, call: &'static str, reply: Reply<'_, T>) -> Result<T, KeyringError> {
        self.gate(call, At::Before).await;
        let result = reply.await;
        self.gate(call, At::After).await;
        result
    }
}

impl Keyring for GatedKeyring {
    fn get<'a>(&'a self, service: &'a str, account: &'a str) -> Reply<'a, Option<Secret>> {
        Box::pin(self.pass("get", self.memory.get(service, account)))
    }

    fn set<'a>(&'a self, service: &'a str, account: &'a str, secret: &'a Secret) -> Reply<'a, ()> {
        Box::pin(self.pass("set", self.memory.set(service, account, secret)))
    }

    fn delete<'a>(&'a self, service: &'a str, account: &'a str) -> Reply<'a, bool> {
        Box::pin(self.pass("delete", self.memory.delete(service, account)))
    }

    fn accounts<'a>(&'a self, service: &'a str) -> Reply<'a, Vec<String>> {
        Box::pin(self.pass("accounts", self.memory.accounts(service)))
    }

    fn accounts_with_secrets<'a>(&'a self, service: &'a str) -> Reply<'a, Vec<ListedAccount>> {
        let lists_secrets = self.lists_secrets.load(Ordering::Relaxed);
        let listed = async move {
            let names = self.memory.accounts(service).await?;
            let secret = |name: &str| self.memory.peek(service, name).filter(|_| lists_secrets);
            let listed = names.into_iter().map(|name| ListedAccount {
                secret: secret(&name),
                name,
            });
            Ok(listed.collect())
        };
        Box::pin(self.pass("accounts", Box::pin(listed)))
    }

    fn get_many<'a>(&'a self, service: &'a str, accounts: &'a [String]) -> Replies<'a, Option<Secret>> {
        *self.batches.lock().unwrap() += 1;
        self.memory.get_many(service, accounts)
    }
}
