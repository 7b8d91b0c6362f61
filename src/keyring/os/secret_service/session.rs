//! A session with the Secret Service: a bus connection and an encrypted session on it.

use std::num::NonZeroUsize;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::StreamExt;
use futures_util::future::{Either, join, select};
use serde::de::DeserializeOwned;
use tokio::sync::{Semaphore, watch};
use tokio::task::AbortHandle;
use zbus::{MatchRule, MessageStream, OwnedObjectPath, OwnedVariant, Type, Variant};

use super::body::Body;
use super::bus::{BUS, SERVICE_NAME, connect, send};
use super::call_error::{CallError, ReadResult};
use super::gnome_keyring::GnomeKeyring;
use super::item_cache::ItemCache;
use super::read_batcher::ReadBatcher;
use super::session_cipher::{ENCRYPTED, KeyPair, PLAIN, SessionCipher};
use crate::error::Code;
use crate::keyring::errors::ErrorKind;

/// Maximum number of calls that wait for their replies on one connection. A bus rejects further calls or closes the
/// connection at its quota, which is 128 by default.
const MAX_PENDING_CALLS: usize = 96;

pub(super) const SERVICE_PATH: &str = "/org/freedesktop/secrets";
pub(super) const SERVICE: &str = "org.freedesktop.Secret.Service";

/// A live session. Dropping it closes the connection, and the service forgets the session.
pub(super) struct Session {
    pub(super) bus: zbus::Connection,
    pub(super) path: OwnedObjectPath,
    pub(super) cipher: SessionCipher,
    pub(super) items: ItemCache,
    pub(super) read_batcher: ReadBatcher<ReadResult>,
    /// Closed when the service leaves the bus, when the connection ends, and when the runtime of the watching task ends.
    alive: watch::Receiver<()>,
    watcher: AbortHandle,
    pub(super) gnome_keyring: Arc<GnomeKeyring>,
    is_given_up: AtomicBool,
    pending_calls: Semaphore,
}

impl Drop for Session {
    fn drop(&mut self) {
        // The watching task holds the connection, which would stay open forever.
        self.watcher.abort();
    }
}

impl Session {
    /// Connects to the bus and opens a session with the Secret Service there. The bus may start the service for that.
    ///
    /// The session is encrypted. A service that refuses the key exchange, with whatever error, gets a plain session.
    pub(super) async fn open(address: &str) -> Result<Self, CallError> {
        // The key pair is generated while the bus accepts the connection.
        let generating = async { KeyPair::generate().map(|pair| (Variant::from(pair.public()), pair)) };
        let (bus, keys) = join(connect(address), generating).await;
        let (bus, (public, pair)) = (bus?, keys?);
        let (path, cipher) = match open_session(&bus, ENCRYPTED, &public).await {
            Ok((answer, path)) => {
                let theirs = Vec::try_from(answer)?;
                let cipher = pair.agree(&theirs).ok_or_else(|| {
                    let message = "The keyring service answered with a weak public key";
                    CallError::failed(Code::Unavailable, message)
                })?;
                (path, cipher)
            }
            Err(refusal) if is_refusal(&refusal) => match open_session(&bus, PLAIN, &Variant::from("")).await {
                Ok((_, path)) => (path, SessionCipher::Plain),
                Err(error) if is_refusal(&error) => return Err(refusal),
                Err(error) => return Err(error),
            },
            Err(error) => return Err(error),
        };
        let (sender, alive) = watch::channel(());
        let gnome_keyring = Arc::new(GnomeKeyring::new());
        let watcher = tokio::spawn(watch_owner(bus.clone(), sender, Arc::clone(&gnome_keyring))).abort_handle();
        Ok(Self {
            bus,
            path,
            cipher,
            items: ItemCache::default(),
            read_batcher: ReadBatcher::default(),
            alive,
            watcher,
            gnome_keyring,
            is_given_up: AtomicBool::new(false),
            pending_calls: Semaphore::new(MAX_PENDING_CALLS),
        })
    }

    /// Returns whether the service still owns its name, as far as the bus has reported, and the session was not given up.
    pub(super) fn is_alive(&self) -> bool {
        self.alive.has_changed().is_ok() && !self.is_given_up.load(Ordering::Relaxed)
    }

    /// Keeps later calls from using this session.
    pub(super) fn give_up(&self) {
        self.is_given_up.store(true, Ordering::Relaxed);
    }

    /// Returns when the session has ended.
    pub(super) async fn ended(&self) {
        let _ = self.alive.clone().changed().await;
    }

    /// Calls a method of the service and decodes the reply.
    pub(super) async fn call<T>(
        &self,
        path: &str,
        interface: &str,
        method: &str,
        body: &Body<'_>,
    ) -> Result<T, CallError>
    where
        T: DeserializeOwned + Type,
    {
        let reply = self.send(path, interface, method, body).await?;
        Ok(reply.body().deserialize()?)
    }

    /// Calls a method of the service.
    pub(super) async fn send(
        &self,
        path: &str,
        interface: &str,
        method: &str,
        body: &Body<'_>,
    ) -> Result<zbus::Message, CallError> {
        // The semaphore is never closed, so an error cannot happen.
        let _permit = self.pending_calls.acquire().await;
        Ok(send(&self.bus, SERVICE_NAME, path, interface, method, body).await?)
    }
}

/// Returns the service's half of the key exchange and the path of the new session.
async fn open_session(
    bus: &zbus::Connection,
    algorithm: &str,
    input: &Variant<'_>,
) -> Result<(OwnedVariant, OwnedObjectPath), CallError> {
    let reply = send(
        bus,
        SERVICE_NAME,
        SERVICE_PATH,
        SERVICE,
        "OpenSession",
        &Body::KeyExchange(algorithm, input),
    )
    .await?;
    Ok(reply.body().deserialize()?)
}

/// Returns whether the error is a reply of the service, and not a failure to reach it.
fn is_refusal(error: &CallError) -> bool {
    !matches!(
        error.kind,
        ErrorKind::Unreachable | ErrorKind::SessionExpired | ErrorKind::Failed(Code::Timeout)
    )
}

/// Waits until the owner of the Secret Service's name changes or the connection ends, then closes `alive`. Runs
/// [`GnomeKeyring::watch`] in the meantime.
async fn watch_owner(bus: zbus::Connection, alive: watch::Sender<()>, gnome_keyring: Arc<GnomeKeyring>) {
    let rule = MatchRule::builder()
        .msg_type(zbus::message::Type::Signal)
        .sender(BUS)
        .interface(BUS)
        .member("NameOwnerChanged")
        .arg(0, SERVICE_NAME)
        .build();
    let changes = match rule {
        Ok(rule) => MessageStream::for_match_rule(rule, &bus, Some(NonZeroUsize::MIN)).await,
        Err(error) => Err(error),
    };
    match changes {
        Ok(mut changes) => {
            let watching = pin!(gnome_keyring.watch(&bus));
            if let Either::Right((_, next)) = select(changes.next(), watching).await {
                next.await;
            }
        }
        // A bus that does not allow the subscription, such as a sandbox's proxy: the session lives until a call on it fails.
        Err(_) => std::future::pending().await,
    }
    drop(alive);
}
