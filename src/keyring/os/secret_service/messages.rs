//! The calls that this crate makes on the Secret Service. Each function sends one message.
//! <https://specifications.freedesktop.org/secret-service-spec/latest/>

use std::collections::HashMap;
use std::pin::pin;

use futures_util::StreamExt;
use futures_util::future::{Either, select};
use zbus::message::Sequence;
use zbus::{MatchRule, MessageStream, ObjectPath, OwnedObjectPath, OwnedVariant, Variant};
use zeroize::Zeroizing;

use super::body::{Body, WireSecret};
use super::call_error::CallError;
use super::session::{SERVICE, SERVICE_PATH, Session};
use crate::error::Code;
use crate::keyring::errors::ErrorKind;

pub(super) const DEFAULT_COLLECTION: &str = "/org/freedesktop/secrets/aliases/default";
const COLLECTION: &str = "org.freedesktop.Secret.Collection";
const ITEM: &str = "org.freedesktop.Secret.Item";
const PROMPT: &str = "org.freedesktop.Secret.Prompt";
const PROPERTIES: &str = "org.freedesktop.DBus.Properties";

/// Every value is UTF-8 text.
const CONTENT_TYPE: &str = "text/plain";

/// Maximum number of items in a search result. A service that returns more is faulty.
const MAX_ITEMS: usize = 65_536;

/// Maximum size of a search result that is decoded, in bytes.
const MAX_SEARCH_RESULT_LEN: usize = 8 * 1024 * 1024;

/// The attributes of an item.
pub(super) type Attributes = HashMap<String, String>;

/// The result of a search.
pub(super) struct SearchResult {
    pub(super) unlocked: Vec<OwnedObjectPath>,
    pub(super) locked: Vec<OwnedObjectPath>,
    /// The position of the reply among all messages that the connection received.
    pub(super) position: Sequence,
}

/// The secret of one item.
pub(super) struct ReceivedSecret {
    pub(super) value: Zeroizing<Vec<u8>>,
    /// The position of the reply among all messages that the connection received.
    pub(super) position: Sequence,
}

impl SearchResult {
    pub(super) fn is_empty(&self) -> bool {
        self.unlocked.is_empty() && self.locked.is_empty()
    }

    pub(super) fn contains(&self, item: &OwnedObjectPath) -> bool {
        self.unlocked.contains(item) || self.locked.contains(item)
    }
}

impl Session {
    /// Finds the items with these attributes in all collections.
    pub(super) async fn search(&self, attributes: &HashMap<&str, &str>) -> Result<SearchResult, CallError> {
        let reply = self
            .send(SERVICE_PATH, SERVICE, "SearchItems", &Body::Search(attributes))
            .await?;
        let body = reply.body();
        let too_many = || CallError::failed(Code::Unavailable, "The keyring returned too many items");
        if body.len() > MAX_SEARCH_RESULT_LEN {
            return Err(too_many());
        }
        let (unlocked, locked): (Vec<OwnedObjectPath>, Vec<OwnedObjectPath>) = body.deserialize()?;
        if unlocked.len() + locked.len() > MAX_ITEMS {
            return Err(too_many());
        }
        let position = reply.recv_position();
        Ok(SearchResult {
            unlocked,
            locked,
            position,
        })
    }

    /// Returns the secret of an unlocked item.
    pub(super) async fn secret(&self, item: &OwnedObjectPath) -> Result<ReceivedSecret, CallError> {
        let reply = self.send(item, ITEM, "GetSecret", &Body::Object(&self.path)).await?;
        let body = reply.body();
        let (secret,): (WireSecret<'_>,) = body.deserialize()?;
        let (value, position) = (self.decrypt(&secret)?, reply.recv_position());
        Ok(ReceivedSecret { value, position })
    }

    /// Returns the secrets of many items in one message. Items that are gone or locked are left out.
    pub(super) async fn secrets(
        &self,
        items: &[&OwnedObjectPath],
    ) -> Result<HashMap<OwnedObjectPath, Zeroizing<Vec<u8>>>, CallError> {
        let reply = self
            .send(SERVICE_PATH, SERVICE, "GetSecrets", &Body::Secrets(items, &self.path))
            .await?;
        let body = reply.body();
        let (secrets,): (HashMap<ObjectPath<'_>, WireSecret<'_>>,) = body.deserialize()?;
        let decrypted = secrets
            .iter()
            .map(|(item, secret)| Ok((item.to_owned().into(), self.decrypt(secret)?)));
        decrypted.collect()
    }

    /// Replaces the secret of an unlocked item. Its attributes stay.
    pub(super) async fn set_secret(&self, item: &OwnedObjectPath, secret: &str) -> Result<(), CallError> {
        let (parameters, value) = self.cipher.encrypt(secret.as_bytes())?;
        let secret: WireSecret<'_> = (self.path.as_ref(), &parameters, &value, CONTENT_TYPE);
        self.call(item, ITEM, "SetSecret", &Body::Secret(secret)).await
    }

    /// Creates an item in the default collection, or replaces the one with the same attributes there. Returns the item and a
    /// prompt; the item is `/` if the prompt must be shown first.
    pub(super) async fn create(
        &self,
        label: &str,
        attributes: &HashMap<&str, &str>,
        secret: &str,
    ) -> Result<(OwnedObjectPath, OwnedObjectPath), CallError> {
        let (parameters, value) = self.cipher.encrypt(secret.as_bytes())?;
        let secret: WireSecret<'_> = (self.path.as_ref(), &parameters, &value, CONTENT_TYPE);
        let properties = HashMap::from([
            ("org.freedesktop.Secret.Item.Label", Variant::from(label)),
            (
                "org.freedesktop.Secret.Item.Attributes",
                Variant::from(attributes.clone()),
            ),
        ]);
        const REPLACE: bool = true;
        let body = Body::Item(properties, secret, REPLACE);
        self.call(DEFAULT_COLLECTION, COLLECTION, "CreateItem", &body).await
    }

    /// Deletes an item. Returns the prompt to show first, or `/`.
    pub(super) async fn delete(&self, item: &OwnedObjectPath) -> Result<OwnedObjectPath, CallError> {
        self.call(item, ITEM, "Delete", &Body::Empty()).await
    }

    /// Returns the attributes of an item. A locked item may have none.
    pub(super) async fn attributes(&self, item: &OwnedObjectPath) -> Result<Attributes, CallError> {
        let (value,): (OwnedVariant,) = self
            .call(item, PROPERTIES, "Get", &Body::Property(ITEM, "Attributes"))
            .await?;
        Ok(HashMap::try_from(value)?)
    }

    /// Returns when an item was last modified and created, in seconds since 1970. A time that the service does not report
    /// is 0.
    pub(super) async fn times(&self, item: &OwnedObjectPath) -> Result<(u64, u64), CallError> {
        let all: HashMap<String, OwnedVariant> = self.call(item, PROPERTIES, "GetAll", &Body::Text(ITEM)).await?;
        let time = |name: &str| all.get(name).and_then(|value| u64::try_from(value).ok()).unwrap_or(0);
        Ok((time("Modified"), time("Created")))
    }

    /// Returns the `Locked` property of a collection.
    pub(super) async fn is_collection_locked(&self, collection: &str) -> Result<bool, CallError> {
        self.is_locked(collection, COLLECTION).await
    }

    /// Returns the `Locked` property of an item.
    pub(super) async fn is_item_locked(&self, item: &str) -> Result<bool, CallError> {
        self.is_locked(item, ITEM).await
    }

    async fn is_locked(&self, path: &str, interface: &str) -> Result<bool, CallError> {
        let (value,): (OwnedVariant,) = self
            .call(path, PROPERTIES, "Get", &Body::Property(interface, "Locked"))
            .await?;
        Ok(bool::try_from(value)?)
    }

    /// Returns whether the default collection is locked; `None` if there is none. Some services do not answer at the path of
    /// the alias: then the alias is resolved first.
    pub(super) async fn is_default_collection_locked(&self) -> Result<Option<bool>, CallError> {
        match self.is_collection_locked(DEFAULT_COLLECTION).await {
            Err(error) if !error.ends_session() => match self.default_collection().await? {
                Some(collection) => self.is_collection_locked(&collection).await.map(Some),
                None => Ok(None),
            },
            result => result.map(Some),
        }
    }

    /// Returns the collection with the alias `default`; `None` if there is none.
    pub(super) async fn default_collection(&self) -> Result<Option<OwnedObjectPath>, CallError> {
        let path: OwnedObjectPath = self
            .call(SERVICE_PATH, SERVICE, "ReadAlias", &Body::Text("default"))
            .await?;
        Ok((path.as_str() != "/").then_some(path))
    }

    /// Creates a collection with the alias `default`. Returns the prompt to show first, or `/`.
    pub(super) async fn create_default_collection(&self) -> Result<OwnedObjectPath, CallError> {
        let properties = HashMap::from([(
            "org.freedesktop.Secret.Collection.Label",
            // libsecret uses the same label.
            Variant::from("Default keyring"),
        )]);
        let (_, prompt): (OwnedObjectPath, OwnedObjectPath) = self
            .call(
                SERVICE_PATH,
                SERVICE,
                "CreateCollection",
                &Body::Collection(properties, "default"),
            )
            .await?;
        Ok(prompt)
    }

    /// Unlocks objects. Returns the prompt to show first, or `/`.
    pub(super) async fn unlock(&self, objects: &[OwnedObjectPath]) -> Result<OwnedObjectPath, CallError> {
        let (_, prompt): (Vec<OwnedObjectPath>, OwnedObjectPath) = self
            .call(SERVICE_PATH, SERVICE, "Unlock", &Body::Objects(objects))
            .await?;
        Ok(prompt)
    }

    /// Shows a prompt and waits until it is completed. Returns `true` if the user agreed, `false` if it was dismissed.
    pub(super) async fn show(&self, prompt: &OwnedObjectPath) -> Result<bool, CallError> {
        let rule = MatchRule::builder()
            .msg_type(zbus::message::Type::Signal)
            .interface(PROMPT)
            .member("Completed")
            .path(prompt.as_str())
            .build()?;
        let mut completed = MessageStream::for_match_rule(rule, &self.bus, None).await?;
        // The window id is empty because this process has no window.
        let _: () = self.call(prompt, PROMPT, "Prompt", &Body::Text("")).await?;
        let gone = || {
            CallError::new(
                ErrorKind::SessionExpired,
                "The keyring left the bus while a prompt was open",
            )
        };
        let signal = match select(completed.next(), pin!(self.ended())).await {
            Either::Left((signal, _)) => signal.ok_or_else(gone)??,
            Either::Right(_) => return Err(gone()),
        };
        let body = signal.body();
        let (dismissed, _): (bool, Variant<'_>) = body.deserialize()?;
        Ok(!dismissed)
    }

    /// Closes a prompt.
    pub(super) async fn dismiss(&self, prompt: &OwnedObjectPath) -> Result<(), CallError> {
        self.call(prompt, PROMPT, "Dismiss", &Body::Empty()).await
    }

    fn decrypt(&self, (_, parameters, value, _): &WireSecret<'_>) -> Result<Zeroizing<Vec<u8>>, CallError> {
        let secret = self.cipher.decrypt(parameters, value);
        // The two sides no longer agree on the session's key.
        secret.ok_or_else(|| CallError::new(ErrorKind::SessionExpired, "The keyring's secret cannot be decrypted"))
    }
}
