//! The connections to the Secret Service in this process, one per bus address. This is process-wide state.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::call_error::CallError;
use super::prompt_gate::PromptGate;
use super::session::Session;

/// The number of secrets that one message may bring. With values of up to 32 KiB it stays below the size limit of D-Bus
/// messages, 128 MiB.
const MAX_BATCH: usize = 4096;

/// The number of secrets in one message of a service that did not return more, because they are large or because it cannot.
const SAFE_BATCH: usize = 64;

static CONNECTIONS: Mutex<BTreeMap<String, Arc<Connection>>> = Mutex::new(BTreeMap::new());

/// The connection to the Secret Service on one bus: a session that is opened on demand and replaced when it has ended.
pub(super) struct Connection {
    address: String,
    session: tokio::sync::Mutex<Option<Arc<Session>>>,
    was_reached: AtomicBool,
    /// Whether the service ever had a default collection. A daemon that starts owns its name before it has one.
    pub(super) had_collection: AtomicBool,
    pub(super) prompt_gate: Arc<PromptGate>,
    max_batch: AtomicUsize,
}

impl Connection {
    /// Returns the connection to this address. All callers share it.
    pub(super) fn to(address: &str) -> Arc<Self> {
        let mut connections = CONNECTIONS.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(connection) = connections.get(address) {
            return Arc::clone(connection);
        }
        let connection = Arc::new(Self {
            address: address.to_owned(),
            session: tokio::sync::Mutex::default(),
            was_reached: AtomicBool::new(false),
            had_collection: AtomicBool::new(false),
            prompt_gate: Arc::default(),
            max_batch: AtomicUsize::new(MAX_BATCH),
        });
        connections.insert(address.to_owned(), Arc::clone(&connection));
        connection
    }

    /// Returns whether a Secret Service ever answered at this address in this process. If so, it may hold a secret.
    pub(super) fn was_reached(&self) -> bool {
        self.was_reached.load(Ordering::Relaxed)
    }

    /// Returns the number of secrets that one message may bring.
    pub(super) fn max_batch(&self) -> usize {
        self.max_batch.load(Ordering::Relaxed)
    }

    /// Records that the service did not return so many secrets at once. Returns whether fewer may succeed.
    pub(super) fn reduce_batch(&self, failed: usize) -> bool {
        self.max_batch.fetch_min(SAFE_BATCH, Ordering::Relaxed);
        failed > SAFE_BATCH
    }

    /// Returns the live session, or opens one. Concurrent callers wait for the same one.
    pub(super) async fn session(&self) -> Result<Arc<Session>, CallError> {
        let mut current = self.session.lock().await;
        if let Some(session) = current.as_ref().filter(|session| session.is_alive()) {
            return Ok(Arc::clone(session));
        }
        *current = None;
        let session = Arc::new(Session::open(&self.address).await?);
        self.was_reached.store(true, Ordering::Relaxed);
        *current = Some(Arc::clone(&session));
        Ok(session)
    }

    /// Discards a session. Calls in flight on it continue; the next call opens another session.
    ///
    /// Does not wait: a caller that holds the lock is opening another session, or will check this one afterwards.
    pub(super) fn discard(&self, session: &Arc<Session>) {
        session.give_up();
        if let Ok(mut current) = self.session.try_lock() {
            current.take_if(|current| Arc::ptr_eq(current, session));
        }
    }
}
