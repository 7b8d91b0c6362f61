//! One conversation with the Secret Service: a bus connection, an encrypted session on it, and the calls this crate makes.
//!
//! Every call is one message, in the words of the specification.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::{Either, select};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::watch;
use tokio::task::AbortHandle;
use zbus::address::Transport;
use zbus::{Address, DynamicType, MatchRule, MessageStream, ObjectPath, OwnedObjectPath, OwnedVariant, Type, Variant};
use zeroize::Zeroizing;

use super::call::Answer;
use super::item_cache::ItemCache;
use super::read_batcher::ReadBatcher;
use super::transfer::{ENCRYPTED, KeyPair, PLAIN, Transfer};
use crate::error::Code;
use crate::keyring::errors::{ErrorKind, zbus_error};

pub(super) const DESTINATION: &str = "org.freedesktop.secrets";
pub(super) const DEFAULT_COLLECTION: &str = "/org/freedesktop/secrets/aliases/default";
const SERVICE_PATH: &str = "/org/freedesktop/secrets";
const SERVICE: &str = "org.freedesktop.Secret.Service";
const COLLECTION: &str = "org.freedesktop.Secret.Collection";
const ITEM: &str = "org.freedesktop.Secret.Item";
const PROMPT: &str = "org.freedesktop.Secret.Prompt";
const PROPERTIES: &str = "org.freedesktop.DBus.Properties";

/// Every value is UTF-8 text.
const CONTENT_TYPE: &str = "text/plain";

/// How long a bus that is reached over a network may take to accept: beyond it nobody is there. A local socket refuses at once.
const NETWORK_CONNECT_LIMIT: Duration = Duration::from_millis(900);

/// Why a call on the Secret Service gave nothing: what it means, and a sentence about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CallError {
    pub(super) meaning: ErrorKind,
    pub(super) what: String,
}

impl CallError {
    pub(super) fn new(meaning: ErrorKind, what: impl Into<String>) -> Self {
        let what = what.into();
        Self { meaning, what }
    }
}

impl From<zbus::Error> for CallError {
    fn from(error: zbus::Error) -> Self {
        let (meaning, what) = zbus_error(&error);
        Self { meaning, what }
    }
}

/// The specification's struct `Secret`: session, parameters, value, content type.
type Sealed<'a> = (ObjectPath<'a>, &'a [u8], &'a [u8], &'a str);

/// A live session. Dropping it closes the connection, and the service forgets the session.
pub(super) struct Session {
    bus: zbus::Connection,
    path: OwnedObjectPath,
    transfer: Transfer,
    /// Which account an item belongs to, as far as it was asked.
    pub(super) known: ItemCache,
    /// Reads that go together.
    pub(super) read_batcher: ReadBatcher<Answer>,
    /// Closed as soon as the daemon has left the bus, the bus is gone, or the runtime this lives on is.
    alive: watch::Receiver<()>,
    watcher: AbortHandle,
    given_up: AtomicBool,
}

impl Drop for Session {
    fn drop(&mut self) {
        // The watcher holds the connection, which would stay open for ever.
        self.watcher.abort();
    }
}

impl Session {
    /// Connects to the bus and opens a session with whoever is the Secret Service there (the bus may start it).
    ///
    /// Secrets travel encrypted; a service that only knows plain sessions gets one.
    pub(super) async fn open(address: &str) -> Result<Self, CallError> {
        let bus = connect(address).await?;
        let pair = KeyPair::generate().map_err(no_random)?;
        let public = Variant::from(pair.public());
        let (path, transfer) = match open_session(&bus, ENCRYPTED, &public).await {
            Ok((answer, path)) => {
                let theirs = Vec::try_from(answer)?;
                let transfer = pair.agree(&theirs).ok_or_else(|| {
                    let what = "The keyring service answered with a public key that gives the secrets away";
                    CallError::new(ErrorKind::Failed(Code::Unavailable), what)
                })?;
                (path, transfer)
            }
            Err(error) if is_not_supported(&error) => {
                let (_, path) = open_session(&bus, PLAIN, &Variant::from("")).await?;
                (path, Transfer::Plain)
            }
            Err(error) => return Err(error.into()),
        };
        let (sender, alive) = watch::channel(());
        let watcher = tokio::spawn(watch_owner(bus.clone(), sender)).abort_handle();
        Ok(Self {
            bus,
            path,
            transfer,
            known: ItemCache::default(),
            read_batcher: ReadBatcher::default(),
            alive,
            watcher,
            given_up: AtomicBool::new(false),
        })
    }

    /// Whether the daemon this session was opened with still owns its name, as far as anybody has heard, and answers.
    pub(super) fn is_alive(&self) -> bool {
        self.alive.has_changed().is_ok() && !self.given_up.load(Ordering::Relaxed)
    }

    /// It is not to be used for further calls.
    pub(super) fn give_up(&self) {
        self.given_up.store(true, Ordering::Relaxed);
    }

    /// Returns when the session is over.
    pub(super) async fn ended(&self) {
        let _ = self.alive.clone().changed().await;
    }

    /// The items with these attributes in all collections: first the unlocked ones, then the locked ones.
    pub(super) async fn search(
        &self,
        attributes: &HashMap<&str, &str>,
    ) -> Result<(Vec<OwnedObjectPath>, Vec<OwnedObjectPath>), CallError> {
        self.call(SERVICE_PATH, SERVICE, "SearchItems", &(attributes,)).await
    }

    /// The secret of an unlocked item.
    pub(super) async fn secret(&self, item: &OwnedObjectPath) -> Result<Zeroizing<Vec<u8>>, CallError> {
        let reply = send(&self.bus, item, ITEM, "GetSecret", &(&self.path,)).await?;
        let body = reply.body();
        let (sealed,): (Sealed<'_>,) = body.deserialize()?;
        self.open_secret(&sealed)
    }

    /// The secrets of many items in one message; those that are gone or locked are left out.
    pub(super) async fn secrets(
        &self,
        items: &[&OwnedObjectPath],
    ) -> Result<HashMap<OwnedObjectPath, Zeroizing<Vec<u8>>>, CallError> {
        let reply = send(&self.bus, SERVICE_PATH, SERVICE, "GetSecrets", &(items, &self.path)).await?;
        let body = reply.body();
        let (secrets,): (HashMap<ObjectPath<'_>, Sealed<'_>>,) = body.deserialize()?;
        let opened = secrets
            .iter()
            .map(|(item, sealed)| Ok((item.to_owned().into(), self.open_secret(sealed)?)));
        opened.collect()
    }

    /// Replaces the secret of an unlocked item; its attributes stay.
    pub(super) async fn set_secret(&self, item: &OwnedObjectPath, secret: &str) -> Result<(), CallError> {
        let (parameters, value) = self.transfer.seal(secret.as_bytes()).map_err(no_random)?;
        let sealed: Sealed<'_> = (self.path.as_ref(), &parameters, &value, CONTENT_TYPE);
        self.call(item, ITEM, "SetSecret", &(sealed,)).await
    }

    /// Creates an item in the default collection, or replaces the one with the same attributes there. What comes back is
    /// the item, or `/` and a prompt to show first.
    pub(super) async fn create(
        &self,
        label: &str,
        attributes: HashMap<&str, &str>,
        secret: &str,
    ) -> Result<(OwnedObjectPath, OwnedObjectPath), CallError> {
        let (parameters, value) = self.transfer.seal(secret.as_bytes()).map_err(no_random)?;
        let sealed: Sealed<'_> = (self.path.as_ref(), &parameters, &value, CONTENT_TYPE);
        let properties = HashMap::from([
            ("org.freedesktop.Secret.Item.Label", Variant::from(label)),
            ("org.freedesktop.Secret.Item.Attributes", Variant::from(attributes)),
        ]);
        const REPLACE: bool = true;
        self.call(
            DEFAULT_COLLECTION,
            COLLECTION,
            "CreateItem",
            &(properties, sealed, REPLACE),
        )
        .await
    }

    /// Deletes an item; what comes back is a prompt to show, or `/`.
    pub(super) async fn delete(&self, item: &OwnedObjectPath) -> Result<OwnedObjectPath, CallError> {
        self.call(item, ITEM, "Delete", &()).await
    }

    /// The attributes of an unlocked item.
    pub(super) async fn attributes(&self, item: &OwnedObjectPath) -> Result<HashMap<String, String>, CallError> {
        let (value,): (OwnedVariant,) = self.call(item, PROPERTIES, "Get", &(ITEM, "Attributes")).await?;
        Ok(HashMap::try_from(value)?)
    }

    /// When an item was last modified and created, in seconds since 1970; 0 where the service does not say.
    pub(super) async fn times(&self, item: &OwnedObjectPath) -> Result<(u64, u64), CallError> {
        let all: HashMap<String, OwnedVariant> = self.call(item, PROPERTIES, "GetAll", &(ITEM,)).await?;
        let time = |name: &str| all.get(name).and_then(|value| u64::try_from(value).ok()).unwrap_or(0);
        Ok((time("Modified"), time("Created")))
    }

    /// The collection behind the alias `default`; `None` when there is none.
    pub(super) async fn default_collection(&self) -> Result<Option<OwnedObjectPath>, CallError> {
        let path: OwnedObjectPath = self.call(SERVICE_PATH, SERVICE, "ReadAlias", &("default",)).await?;
        Ok((path.as_str() != "/").then_some(path))
    }

    /// Asks for a collection behind the alias `default`; what comes back is a prompt to show, or `/`.
    pub(super) async fn create_default_collection(&self) -> Result<OwnedObjectPath, CallError> {
        let properties = HashMap::from([(
            "org.freedesktop.Secret.Collection.Label",
            // libsecret's label for it, so that a user finds one name for one thing.
            Variant::from("Default keyring"),
        )]);
        let (_, prompt): (OwnedObjectPath, OwnedObjectPath) = self
            .call(SERVICE_PATH, SERVICE, "CreateCollection", &(properties, "default"))
            .await?;
        Ok(prompt)
    }

    /// Asks for objects to be unlocked; what comes back is a prompt to show, or `/`.
    pub(super) async fn unlock(&self, objects: &[OwnedObjectPath]) -> Result<OwnedObjectPath, CallError> {
        let (_, prompt): (Vec<OwnedObjectPath>, OwnedObjectPath) =
            self.call(SERVICE_PATH, SERVICE, "Unlock", &(objects,)).await?;
        Ok(prompt)
    }

    /// Shows a prompt and waits until it is completed. `true` when the user agreed, `false` when it was dismissed.
    pub(super) async fn show(&self, prompt: &OwnedObjectPath) -> Result<bool, CallError> {
        let rule = MatchRule::builder()
            .msg_type(zbus::message::Type::Signal)
            .interface(PROMPT)
            .member("Completed")
            .path(prompt.as_str())
            .build()?;
        let mut completed = MessageStream::for_match_rule(rule, &self.bus, None).await?;
        // An empty window id: this process has no window (Secret Service, Prompt.Prompt).
        let _: () = self.call(prompt, PROMPT, "Prompt", &("",)).await?;
        let gone = || CallError::new(ErrorKind::Stale, "The keyring went away while it asked the user");
        let signal = match select(completed.next(), pin!(self.ended())).await {
            Either::Left((signal, _)) => signal.ok_or_else(gone)??,
            Either::Right(_) => return Err(gone()),
        };
        let body = signal.body();
        let (dismissed, _): (bool, Variant<'_>) = body.deserialize()?;
        Ok(!dismissed)
    }

    /// Takes a prompt off the screen.
    pub(super) async fn dismiss(&self, prompt: &OwnedObjectPath) -> Result<(), CallError> {
        self.call(prompt, PROMPT, "Dismiss", &()).await
    }

    fn open_secret(&self, (_, parameters, value, _): &Sealed<'_>) -> Result<Zeroizing<Vec<u8>>, CallError> {
        let opened = self.transfer.open(parameters, value);
        // The two sides no longer agree on the session's key.
        opened.ok_or_else(|| CallError::new(ErrorKind::Stale, "The keyring's answer could not be decrypted"))
    }

    async fn call<B, T>(&self, path: &str, interface: &str, method: &str, body: &B) -> Result<T, CallError>
    where
        B: Serialize + DynamicType,
        T: DeserializeOwned + Type,
    {
        let reply = send(&self.bus, path, interface, method, body).await?;
        Ok(reply.body().deserialize()?)
    }
}

async fn send<B>(
    bus: &zbus::Connection,
    path: &str,
    interface: &str,
    method: &str,
    body: &B,
) -> zbus::Result<zbus::Message>
where
    B: Serialize + DynamicType,
{
    bus.call_method(Some(DESTINATION), path, Some(interface), method, body)
        .await
}

/// What the service answers to our half of the key exchange, and the session.
async fn open_session(
    bus: &zbus::Connection,
    algorithm: &str,
    input: &Variant<'_>,
) -> zbus::Result<(OwnedVariant, OwnedObjectPath)> {
    let reply = send(bus, SERVICE_PATH, SERVICE, "OpenSession", &(algorithm, input)).await?;
    reply.body().deserialize()
}

/// A bus address is a list (D-Bus Specification, "Server Addresses"): the first that answers is taken.
async fn connect(addresses: &str) -> Result<zbus::Connection, CallError> {
    let mut trouble = CallError::new(ErrorKind::Gone, "The D-Bus session bus has no address");
    for address in addresses.split(';').filter(|address| !address.is_empty()) {
        match connect_to(address).await {
            Ok(bus) => return Ok(bus),
            Err(next) => trouble = next,
        }
    }
    Err(trouble)
}

async fn connect_to(address: &str) -> Result<zbus::Connection, CallError> {
    let address: Address = address.parse()?;
    let is_local = matches!(address.transport(), Transport::Unix(_));
    let connecting = zbus::connection::Builder::address(address).build();
    if is_local {
        return Ok(connecting.await?);
    }
    match tokio::time::timeout(NETWORK_CONNECT_LIMIT, connecting).await {
        Ok(bus) => Ok(bus?),
        Err(_) => Err(CallError::new(
            ErrorKind::Gone,
            "The D-Bus session bus cannot be reached",
        )),
    }
}

/// Returns, and so closes `alive`, when the name of the Secret Service changes hands or the connection ends.
async fn watch_owner(bus: zbus::Connection, alive: watch::Sender<()>) {
    let rule = MatchRule::builder()
        .msg_type(zbus::message::Type::Signal)
        .sender("org.freedesktop.DBus")
        .interface("org.freedesktop.DBus")
        .member("NameOwnerChanged")
        .arg(0, DESTINATION)
        .build();
    let changes = match rule {
        Ok(rule) => MessageStream::for_match_rule(rule, &bus, Some(NonZeroUsize::MIN)).await,
        Err(error) => Err(error),
    };
    match changes {
        Ok(mut changes) => drop(changes.next().await),
        // A bus that gives no news (a sandbox's proxy may not): the session lives until a call on it fails.
        Err(_) => std::future::pending().await,
    }
    drop(alive);
}

/// `org.freedesktop.DBus.Error.NotSupported`: this algorithm is unknown there (Secret Service, OpenSession).
fn is_not_supported(error: &zbus::Error) -> bool {
    matches!(error, zbus::Error::FDO(error) if matches!(**error, zbus::fdo::Error::NotSupported(_)))
}

fn no_random(error: getrandom::Error) -> CallError {
    let what = format!("The system gives no random numbers: {error}");
    CallError::new(ErrorKind::Failed(Code::Unavailable), what)
}
