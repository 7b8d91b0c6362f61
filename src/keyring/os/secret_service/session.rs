//! One conversation with the Secret Service: a bus connection, an encrypted session on it, and the calls this crate makes.
//!
//! The session and the secrets are the crate `secret-service`'s; every other call is one message, made here, because that
//! crate builds a proxy per item and reads properties nobody asked for.

use std::collections::HashMap;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::{Either, select};
use secret_service::{EncryptionType, SecretService};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::watch;
use tokio::task::AbortHandle;
use zbus::address::Transport;
use zbus::zvariant::{self, DynamicType, OwnedObjectPath, OwnedValue, Type, Value};
use zbus::{Address, MatchRule, MessageStream, connection};

use crate::keyring::errors::{Meaning, secret_service_error, zbus_error};

pub(super) const DESTINATION: &str = "org.freedesktop.secrets";
pub(super) const DEFAULT_COLLECTION: &str = "/org/freedesktop/secrets/aliases/default";
const SERVICE_PATH: &str = "/org/freedesktop/secrets";
const SERVICE: &str = "org.freedesktop.Secret.Service";
const ITEM: &str = "org.freedesktop.Secret.Item";
const PROMPT: &str = "org.freedesktop.Secret.Prompt";
const PROPERTIES: &str = "org.freedesktop.DBus.Properties";

/// How long a bus that is reached over a network may take to accept: beyond it nobody is there. A local socket refuses at once.
const NETWORK_CONNECT_LIMIT: Duration = Duration::from_millis(900);

/// Why a call on the Secret Service gave nothing: what it means, and a sentence about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Trouble {
    pub(super) meaning: Meaning,
    pub(super) what: String,
}

impl Trouble {
    pub(super) fn new(meaning: Meaning, what: impl Into<String>) -> Self {
        let what = what.into();
        Self { meaning, what }
    }
}

impl From<zbus::Error> for Trouble {
    fn from(error: zbus::Error) -> Self {
        let (meaning, what) = zbus_error(&error);
        Self { meaning, what }
    }
}

impl From<secret_service::Error> for Trouble {
    fn from(error: secret_service::Error) -> Self {
        let (meaning, what) = secret_service_error(&error);
        Self { meaning, what }
    }
}

impl From<zvariant::Error> for Trouble {
    fn from(error: zvariant::Error) -> Self {
        zbus::Error::from(error).into()
    }
}

/// A live session. Dropping it closes the connection, and the service forgets the session.
pub(super) struct Session {
    bus: zbus::Connection,
    secrets: SecretService<'static>,
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
    /// The session is encrypted (Diffie-Hellman, AES-128). Not against the bus, which is local and belongs to the same
    /// user: against leftovers. The message buffers of zbus and of the bus daemon are never wiped; so they hold
    /// ciphertext, and plain text exists only where this crate wipes it. It costs 6 ms once per connection (a plain one:
    /// 1 ms) and nothing measurable per secret. A service that only knows plain sessions gets one.
    pub(super) async fn open(address: &str) -> Result<Self, Trouble> {
        let bus = connect(address).await?;
        let secrets = match SecretService::connect_with_existing(EncryptionType::Dh, bus.clone()).await {
            Err(error) if is_not_supported(&error) => {
                SecretService::connect_with_existing(EncryptionType::Plain, bus.clone()).await
            }
            result => result,
        }?;
        let (sender, alive) = watch::channel(());
        let watcher = tokio::spawn(watch_owner(bus.clone(), sender)).abort_handle();
        Ok(Self {
            bus,
            secrets,
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
    ) -> Result<(Vec<OwnedObjectPath>, Vec<OwnedObjectPath>), Trouble> {
        self.call(SERVICE_PATH, SERVICE, "SearchItems", &(attributes,)).await
    }

    /// The secret of an unlocked item. The bytes are the caller's to wipe.
    pub(super) async fn secret(&self, item: &OwnedObjectPath) -> Result<Vec<u8>, Trouble> {
        Ok(self.secrets.get_item_by_path(item.clone()).await?.get_secret().await?)
    }

    /// Replaces the secret of an unlocked item; its attributes stay.
    pub(super) async fn set_secret(&self, item: &OwnedObjectPath, secret: &str) -> Result<(), Trouble> {
        let item = self.secrets.get_item_by_path(item.clone()).await?;
        Ok(item.set_secret(secret.as_bytes(), "text/plain").await?)
    }

    /// Creates an item in the default collection, or replaces the one with the same attributes there.
    pub(super) async fn create(
        &self,
        label: &str,
        attributes: HashMap<&str, &str>,
        secret: &str,
    ) -> Result<OwnedObjectPath, Trouble> {
        let path = OwnedObjectPath::try_from(DEFAULT_COLLECTION)?;
        let collection = self.secrets.get_collection_by_path(path).await?;
        let item = collection
            .create_item(label, attributes, secret.as_bytes(), true, "text/plain")
            .await?;
        Ok(item.item_path.clone())
    }

    /// Deletes an item; what comes back is a prompt to show, or `/`.
    pub(super) async fn delete(&self, item: &OwnedObjectPath) -> Result<OwnedObjectPath, Trouble> {
        self.call(item.as_str(), ITEM, "Delete", &()).await
    }

    /// The attributes of an unlocked item.
    pub(super) async fn attributes(&self, item: &OwnedObjectPath) -> Result<HashMap<String, String>, Trouble> {
        let value: OwnedValue = self
            .call(item.as_str(), PROPERTIES, "Get", &(ITEM, "Attributes"))
            .await?;
        Ok(HashMap::try_from(value)?)
    }

    /// When an item was last modified and created, in seconds since 1970; 0 where the service does not say.
    pub(super) async fn times(&self, item: &OwnedObjectPath) -> Result<(u64, u64), Trouble> {
        let all: HashMap<String, OwnedValue> = self.call(item.as_str(), PROPERTIES, "GetAll", &(ITEM,)).await?;
        let time = |name: &str| all.get(name).and_then(|value| u64::try_from(value).ok()).unwrap_or(0);
        Ok((time("Modified"), time("Created")))
    }

    /// The collection behind the alias `default`; `None` when there is none.
    pub(super) async fn default_collection(&self) -> Result<Option<OwnedObjectPath>, Trouble> {
        let path: OwnedObjectPath = self.call(SERVICE_PATH, SERVICE, "ReadAlias", &("default",)).await?;
        Ok((path.as_str() != "/").then_some(path))
    }

    /// Asks for a collection behind the alias `default`; what comes back is a prompt to show, or `/`.
    pub(super) async fn create_default_collection(&self) -> Result<OwnedObjectPath, Trouble> {
        let properties = HashMap::from([(
            "org.freedesktop.Secret.Collection.Label",
            // libsecret's label for it, so that a user finds one name for one thing.
            Value::from("Default keyring"),
        )]);
        let (_, prompt): (OwnedObjectPath, OwnedObjectPath) = self
            .call(SERVICE_PATH, SERVICE, "CreateCollection", &(properties, "default"))
            .await?;
        Ok(prompt)
    }

    /// Asks for objects to be unlocked; what comes back is a prompt to show, or `/`.
    pub(super) async fn unlock(&self, objects: &[OwnedObjectPath]) -> Result<OwnedObjectPath, Trouble> {
        let (_, prompt): (Vec<OwnedObjectPath>, OwnedObjectPath) =
            self.call(SERVICE_PATH, SERVICE, "Unlock", &(objects,)).await?;
        Ok(prompt)
    }

    /// Shows a prompt and waits until it is completed. `true` when the user agreed, `false` when it was dismissed.
    pub(super) async fn show(&self, prompt: &OwnedObjectPath) -> Result<bool, Trouble> {
        let rule = MatchRule::builder()
            .msg_type(zbus::message::Type::Signal)
            .interface(PROMPT)?
            .member("Completed")?
            .path(prompt.as_str())?
            .build();
        let mut completed = MessageStream::for_match_rule(rule, &self.bus, None).await?;
        // An empty window id: this process has no window (Secret Service, Prompt.Prompt).
        let _: () = self.call(prompt.as_str(), PROMPT, "Prompt", &("",)).await?;
        let gone = || Trouble::new(Meaning::Stale, "The keyring went away while it asked the user");
        let signal = match select(completed.next(), pin!(self.ended())).await {
            Either::Left((signal, _)) => signal.ok_or_else(gone)??,
            Either::Right(_) => return Err(gone()),
        };
        let body = signal.body();
        let (dismissed, _): (bool, Value<'_>) = body.deserialize()?;
        Ok(!dismissed)
    }

    /// Takes a prompt off the screen.
    pub(super) async fn dismiss(&self, prompt: &OwnedObjectPath) -> Result<(), Trouble> {
        self.call(prompt.as_str(), PROMPT, "Dismiss", &()).await
    }

    async fn call<B, T>(&self, path: &str, interface: &str, method: &str, body: &B) -> Result<T, Trouble>
    where
        B: Serialize + DynamicType,
        T: DeserializeOwned + Type,
    {
        let reply = self
            .bus
            .call_method(Some(DESTINATION), path, Some(interface), method, body)
            .await?;
        Ok(reply.body().deserialize()?)
    }
}

/// A bus address is a list (D-Bus Specification, "Server Addresses"): the first that answers is taken.
async fn connect(addresses: &str) -> Result<zbus::Connection, Trouble> {
    let mut trouble = Trouble::new(Meaning::Gone, "The D-Bus session bus has no address");
    for address in addresses.split(';').filter(|address| !address.is_empty()) {
        match connect_to(address).await {
            Ok(bus) => return Ok(bus),
            Err(next) => trouble = next,
        }
    }
    Err(trouble)
}

async fn connect_to(address: &str) -> Result<zbus::Connection, Trouble> {
    let address: Address = address.parse()?;
    let is_local = matches!(address.transport(), Transport::Unix(_));
    let connecting = connection::Builder::address(address)?.build();
    if is_local {
        return Ok(connecting.await?);
    }
    match tokio::time::timeout(NETWORK_CONNECT_LIMIT, connecting).await {
        Ok(bus) => Ok(bus?),
        Err(_) => Err(Trouble::new(Meaning::Gone, "The D-Bus session bus cannot be reached")),
    }
}

/// Returns, and so closes `alive`, when the name of the Secret Service changes hands or the connection ends.
async fn watch_owner(bus: zbus::Connection, alive: watch::Sender<()>) {
    let rule = MatchRule::builder()
        .msg_type(zbus::message::Type::Signal)
        .sender("org.freedesktop.DBus")
        .and_then(|rule| rule.interface("org.freedesktop.DBus"))
        .and_then(|rule| rule.member("NameOwnerChanged"))
        .and_then(|rule| rule.arg(0, DESTINATION))
        .map(|rule| rule.build());
    let changes = match rule {
        Ok(rule) => MessageStream::for_match_rule(rule, &bus, Some(1)).await,
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
fn is_not_supported(error: &secret_service::Error) -> bool {
    matches!(error, secret_service::Error::Zbus(zbus::Error::MethodError(name, ..))
        if name.as_str() == "org.freedesktop.DBus.Error.NotSupported")
}
