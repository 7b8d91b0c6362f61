//! A Secret Service that does as a test tells it: hangs, is locked, waits for the user. It holds one item.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::sync::Notify;
use zbus::object_server::SignalEmitter;
use zbus::{OwnedObjectPath, Variant};
use zbus::{fdo, interface};

const SERVICE: &str = "/org/freedesktop/secrets";
const COLLECTION: &str = "/org/freedesktop/secrets/collection/fake";
const ITEM: &str = "/org/freedesktop/secrets/collection/fake/1";
const PROMPT: &str = "/org/freedesktop/secrets/prompt/1";
const SESSION: &str = "/org/freedesktop/secrets/session/1";

/// The secret of the one item, whatever is asked for.
pub const SECRET: &str = "fake secret";

pub struct Fake {
    bus: zbus::Connection,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    hangs: AtomicBool,
    hangs_at_unlock: AtomicBool,
    locked: AtomicBool,
    prompts: AtomicUsize,
    dismissals: AtomicUsize,
    sessions: AtomicUsize,
    prompted: Notify,
    held: Notify,
}

impl Fake {
    /// Takes the name of the Secret Service on this bus.
    pub async fn on(bus: zbus::Connection) -> Self {
        let state = Arc::<State>::default();
        let server = bus.object_server();
        server
            .at(SERVICE, Service(Arc::clone(&state)))
            .await
            .expect("a free path");
        server.at(ITEM, Item(Arc::clone(&state))).await.expect("a free path");
        server
            .at(PROMPT, Prompt(Arc::clone(&state)))
            .await
            .expect("a free path");
        bus.request_name("org.freedesktop.secrets").await.expect("a free name");
        Self { bus, state }
    }

    /// From now on, calls are accepted and never answered; or answered again.
    pub fn hangs(&self, hangs: bool) {
        self.state.hangs.store(hangs, Ordering::SeqCst);
    }

    /// From now on, only requests to unlock are never answered; or answered again.
    pub fn hangs_at_unlock(&self, hangs: bool) {
        self.state.hangs_at_unlock.store(hangs, Ordering::SeqCst);
    }

    pub fn locked(&self, locked: bool) {
        self.state.locked.store(locked, Ordering::SeqCst);
    }

    /// Returns when a prompt was shown that no earlier call of this has seen.
    pub async fn prompted(&self) {
        self.state.prompted.notified().await;
    }

    /// The user answers the prompt.
    pub async fn answer(&self, agrees: bool) {
        if agrees {
            self.locked(false);
        }
        let emitter = SignalEmitter::new(&self.bus, PROMPT).expect("a valid path");
        completed(&emitter, !agrees).await;
    }

    /// Returns when a call is held that will not be answered.
    pub async fn holds_a_call(&self) {
        self.state.held.notified().await;
    }

    /// The service dies with all it holds.
    pub async fn dies(self) {
        self.bus.close().await.expect("the connection is closed");
    }

    pub fn prompts(&self) -> usize {
        self.state.prompts.load(Ordering::SeqCst)
    }

    pub fn dismissals(&self) -> usize {
        self.state.dismissals.load(Ordering::SeqCst)
    }

    pub fn sessions(&self) -> usize {
        self.state.sessions.load(Ordering::SeqCst)
    }
}

impl State {
    async fn may_answer(&self) {
        if self.hangs.load(Ordering::SeqCst) {
            self.held.notify_one();
            std::future::pending::<()>().await;
        }
    }
}

fn path(path: &str) -> OwnedObjectPath {
    OwnedObjectPath::try_from(path).expect("a valid path")
}

async fn completed(emitter: &SignalEmitter<'_>, dismissed: bool) {
    let unlocked = if dismissed { vec![] } else { vec![path(COLLECTION)] };
    Prompt::completed(emitter, dismissed, Variant::from(unlocked))
        .await
        .expect("the signal is sent");
}

struct Service(Arc<State>);

#[interface(name = "org.freedesktop.Secret.Service")]
impl Service {
    async fn open_session(
        &self,
        algorithm: &str,
        _input: Variant<'_>,
    ) -> fdo::Result<(Variant<'static>, OwnedObjectPath)> {
        self.0.may_answer().await;
        if algorithm != "plain" {
            return Err(fdo::Error::NotSupported("plain is all there is".into()));
        }
        self.0.sessions.fetch_add(1, Ordering::SeqCst);
        Ok((Variant::from(""), path(SESSION)))
    }

    async fn search_items(&self, _attributes: HashMap<String, String>) -> (Vec<OwnedObjectPath>, Vec<OwnedObjectPath>) {
        self.0.may_answer().await;
        match self.0.locked.load(Ordering::SeqCst) {
            true => (vec![], vec![path(ITEM)]),
            false => (vec![path(ITEM)], vec![]),
        }
    }

    async fn unlock(&self, objects: Vec<OwnedObjectPath>) -> (Vec<OwnedObjectPath>, OwnedObjectPath) {
        if self.0.hangs_at_unlock.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        match self.0.locked.load(Ordering::SeqCst) {
            true => (vec![], path(PROMPT)),
            false => (objects, path("/")),
        }
    }
}

struct Item(Arc<State>);

#[interface(name = "org.freedesktop.Secret.Item")]
impl Item {
    #[zbus(out_args("secret"))]
    async fn get_secret(&self, session: OwnedObjectPath) -> ((OwnedObjectPath, Vec<u8>, Vec<u8>, String),) {
        self.0.may_answer().await;
        ((session, vec![], SECRET.as_bytes().to_vec(), "text/plain".to_owned()),)
    }
}

struct Prompt(Arc<State>);

#[interface(name = "org.freedesktop.Secret.Prompt")]
impl Prompt {
    async fn prompt(&self, _window: &str) {
        self.0.prompts.fetch_add(1, Ordering::SeqCst);
        self.0.prompted.notify_one();
    }

    async fn dismiss(&self, #[zbus(signal_emitter)] emitter: SignalEmitter<'_>) {
        self.0.dismissals.fetch_add(1, Ordering::SeqCst);
        completed(&emitter, true).await;
    }

    #[zbus(signal)]
    async fn completed(emitter: &SignalEmitter<'_>, dismissed: bool, result: Variant<'_>) -> zbus::Result<()>;
}
