//! The OS keyring connections of this process, one per bus address: the second of the three named globals.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::prompt::PromptGate;
use super::session::{CallError, Session};

static CONNECTIONS: Mutex<BTreeMap<String, Arc<Connection>>> = Mutex::new(BTreeMap::new());

/// The way to the Secret Service on one bus: a session, opened when it is needed, replaced when it is dead.
pub(super) struct Connection {
    address: String,
    session: tokio::sync::Mutex<Option<Arc<Session>>>,
    reached: AtomicBool,
    pub(super) prompt: Arc<PromptGate>,
}

impl Connection {
    /// The connection to this address; the same one for everybody.
    pub(super) fn to(address: &str) -> Arc<Self> {
        let mut connections = CONNECTIONS.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(connection) = connections.get(address) {
            return Arc::clone(connection);
        }
        let connection = Arc::new(Self {
            address: address.to_owned(),
            session: tokio::sync::Mutex::default(),
            reached: AtomicBool::new(false),
            prompt: Arc::default(),
        });
        connections.insert(address.to_owned(), Arc::clone(&connection));
        connection
    }

    /// Whether a Secret Service ever answered at this address in this process: if so, a secret may be behind it.
    pub(super) fn was_reached(&self) -> bool {
        self.reached.load(Ordering::Relaxed)
    }

    /// The live session; opens one if there is none. Callers who come meanwhile wait for the same one.
    pub(super) async fn session(&self) -> Result<Arc<Session>, CallError> {
        let mut current = self.session.lock().await;
        if let Some(session) = current.as_ref().filter(|session| session.is_alive()) {
            return Ok(Arc::clone(session));
        }
        *current = None;
        let session = Arc::new(Session::open(&self.address).await?);
        self.reached.store(true, Ordering::Relaxed);
        *current = Some(Arc::clone(&session));
        Ok(session)
    }

    /// Gives a session up: calls in flight on it go on, the next call opens another.
    ///
    /// Waits for nobody: whoever holds the lock is opening another session, or will look at this one after us.
    pub(super) fn discard(&self, session: &Arc<Session>) {
        session.give_up();
        if let Ok(mut current) = self.session.try_lock() {
            current.take_if(|current| Arc::ptr_eq(current, session));
        }
    }
}
