//! The D-Bus objects of the fake Secret Service.

use std::collections::HashMap;
use std::sync::Arc;

use zbus::object_server::SignalEmitter;
use zbus::{ObjectServer, OwnedObjectPath, OwnedVariant, Variant};
use zbus::{fdo, interface};

use super::{Action, Attributes, COLLECTION, ItemData, State, add_item, add_prompt, path};

const SESSION: &str = "/org/freedesktop/secrets/session/1";
const ROOT: &str = "/";

/// A secret on the wire: session, parameters, value, content type.
type WireSecret = (OwnedObjectPath, Vec<u8>, Vec<u8>, String);

/// Errors of the Secret Service.
#[derive(zbus::DBusError, Debug)]
#[zbus(prefix = "org.freedesktop.Secret.Error")]
enum SecretError {
    #[zbus(error)]
    ZBus(zbus::Error),
    IsLocked(String),
    NoSuchObject(String),
}

pub(super) struct Service(pub(super) Arc<State>);

#[interface(name = "org.freedesktop.Secret.Service")]
impl Service {
    async fn open_session(&self, algorithm: &str, _input: Variant<'_>) -> fdo::Result<(OwnedVariant, OwnedObjectPath)> {
        self.0.accept("OpenSession").await;
        let behaviour = self.0.behaviour();
        let output = match algorithm {
            "plain" => Variant::from(""),
            _ if behaviour.undecryptable => Variant::from(vec![2_u8]),
            _ if behaviour.refuses_with_invalid_args => return Err(fdo::Error::InvalidArgs("no".into())),
            _ => return Err(fdo::Error::NotSupported("only plain sessions".into())),
        };
        self.0.count("sessions");
        Ok((OwnedVariant::try_from(output).expect("no descriptors"), path(SESSION)))
    }

    async fn search_items(&self, wanted: Attributes) -> (Vec<OwnedObjectPath>, Vec<OwnedObjectPath>) {
        self.0.accept("SearchItems").await;
        let behaviour = self.0.behaviour();
        self.0
            .hang_if(behaviour.locked && behaviour.searches_wait_while_locked)
            .await;
        if behaviour.search_reply_waits_for_read {
            self.0.read.notified().await;
        }
        if behaviour.endless_search > 0 {
            let items = (0..behaviour.endless_search).map(|n| path(&format!("{COLLECTION}/{n}")));
            return (items.collect(), vec![]);
        }
        if behaviour.locked && behaviour.hides_locked {
            if behaviour.unlocks_after_search {
                self.0.world().behaviour.locked = false;
                self.0.searched.notify_one();
            }
            return (vec![], vec![]);
        }
        if behaviour.deletes_after_search || behaviour.next_read_waits_for_search {
            self.0.searched.notify_one();
        }
        let world = self.0.world();
        let is_found = |item: &ItemData| match &behaviour.returns_item_of {
            Some(account) if wanted.contains_key("username") => item.is_of(account),
            _ => wanted
                .iter()
                .all(|(name, value)| item.attributes.get(name) == Some(value)),
        };
        let found = world.items.iter().filter(|(_, item)| is_found(item));
        let (locked, unlocked): (Vec<_>, Vec<_>) = found.partition(|(_, item)| behaviour.locked || item.locked);
        let paths = |items: Vec<(&OwnedObjectPath, _)>| items.into_iter().map(|(path, _)| path.clone()).collect();
        (paths(unlocked), paths(locked))
    }

    async fn get_secrets(
        &self,
        items: Vec<OwnedObjectPath>,
        session: OwnedObjectPath,
    ) -> HashMap<OwnedObjectPath, WireSecret> {
        self.0.accept("GetSecrets").await;
        let max_secrets = self.0.behaviour().max_secrets;
        self.0.hang_if(max_secrets.is_some_and(|max| items.len() > max)).await;
        let world = self.0.world();
        let known = items.into_iter().filter_map(|path| {
            let item = world.items.get(&path).filter(|item| !item.locked)?;
            let secret = (session.clone(), vec![], item.secret.clone(), "text/plain".to_owned());
            Some((path, secret))
        });
        known.collect()
    }

    async fn unlock(
        &self,
        objects: Vec<OwnedObjectPath>,
        #[zbus(object_server)] server: &ObjectServer,
    ) -> (Vec<OwnedObjectPath>, OwnedObjectPath) {
        self.0.accept("Unlock").await;
        self.0.hang_if(self.0.behaviour().hangs_at_unlock).await;
        let needs_prompt = {
            let world = self.0.world();
            let is_locked = |item| world.items.get(item).is_some_and(|item| item.locked);
            world.behaviour.locked || objects.iter().any(is_locked)
        };
        match needs_prompt {
            true => (vec![], add_prompt(server, &self.0, Action::Unlock(objects)).await),
            false => (objects, path(ROOT)),
        }
    }

    async fn read_alias(&self, _name: &str) -> OwnedObjectPath {
        path(COLLECTION)
    }
}

pub(super) struct Collection(pub(super) Arc<State>);

#[interface(name = "org.freedesktop.Secret.Collection")]
impl Collection {
    #[zbus(property)]
    async fn locked(&self) -> bool {
        self.0.accept("Locked").await;
        let behaviour = self.0.behaviour();
        if behaviour.locked && behaviour.unlocks_after_search {
            self.0.searched.notified().await;
        }
        self.0.behaviour().locked
    }

    async fn create_item(
        &self,
        properties: HashMap<String, OwnedVariant>,
        secret: WireSecret,
        _replace: bool,
        #[zbus(object_server)] server: &ObjectServer,
    ) -> Result<(OwnedObjectPath, OwnedObjectPath), SecretError> {
        self.0.accept("CreateItem").await;
        let behaviour = self.0.behaviour();
        if behaviour.creation_fails {
            return Err(SecretError::NoSuchObject("no such collection".into()));
        }
        let attributes = &properties["org.freedesktop.Secret.Item.Attributes"];
        let attributes = Attributes::try_from(attributes.try_clone().expect("no descriptors")).expect("attributes");
        if behaviour.creation_prompts {
            let prompt = add_prompt(server, &self.0, Action::Create(attributes, secret.2)).await;
            return Ok((path(ROOT), prompt));
        }
        if behaviour.locked {
            return Err(SecretError::IsLocked("locked".into()));
        }
        let item = add_item(server, &self.0, attributes, secret.2).await;
        Ok((item, path(ROOT)))
    }
}

pub(super) struct Item {
    pub(super) state: Arc<State>,
    pub(super) path: OwnedObjectPath,
}

impl Item {
    fn data(&self) -> Option<ItemData> {
        self.state.world().items.get(&self.path).cloned()
    }

    fn store(&self, secret: Vec<u8>) {
        let mut world = self.state.world();
        if world.behaviour.ignores_writes {
            return;
        }
        if let Some(item) = world.items.get_mut(&self.path) {
            item.secret = secret;
        }
    }
}

#[interface(name = "org.freedesktop.Secret.Item")]
impl Item {
    #[zbus(property)]
    async fn attributes(&self) -> Attributes {
        self.state.accept("Attributes").await;
        self.data().map(|item| item.attributes).unwrap_or_default()
    }

    #[zbus(property)]
    async fn locked(&self) -> bool {
        self.state.accept("Locked").await;
        self.data().is_some_and(|item| item.locked)
    }

    #[zbus(property)]
    async fn modified(&self) -> u64 {
        self.data().map_or(0, |item| item.modified)
    }

    #[zbus(out_args("secret"))]
    async fn get_secret(&self, session: OwnedObjectPath) -> Result<(WireSecret,), SecretError> {
        self.state.accept("GetSecret").await;
        self.state.read.notify_one();
        let item = self.data().ok_or_else(|| SecretError::NoSuchObject("gone".into()))?;
        if item.locked || self.state.behaviour().locked {
            return Err(SecretError::IsLocked("locked".into()));
        }
        if self.state.behaviour().next_read_waits_for_search {
            self.state.searched.notified().await;
            self.state.world().behaviour.next_read_waits_for_search = false;
        }
        Ok(((session, vec![], item.secret, "text/plain".to_owned()),))
    }

    async fn set_secret(&self, secret: WireSecret) {
        self.state.accept("SetSecret").await;
        self.store(secret.2);
        if self.state.behaviour().write_reply_waits_for_read {
            self.state.read.notified().await;
        }
    }

    async fn delete(&self, #[zbus(object_server)] server: &ObjectServer) -> OwnedObjectPath {
        self.state.accept("Delete").await;
        let behaviour = self.state.behaviour();
        if behaviour.deletion_prompts {
            return add_prompt(server, &self.state, Action::Delete(self.path.clone())).await;
        }
        if behaviour.deletes_after_search {
            self.state.searched.notified().await;
        }
        if !behaviour.keeps_deleted {
            self.state.world().items.remove(&self.path);
        }
        path(ROOT)
    }
}

pub(super) struct Prompt {
    pub(super) state: Arc<State>,
    pub(super) path: OwnedObjectPath,
}

#[interface(name = "org.freedesktop.Secret.Prompt")]
impl Prompt {
    async fn prompt(&self, _window: &str) {
        self.state.count("Prompt");
        self.state.world().shown.push(self.path.clone());
        self.state.prompted.notify_one();
    }

    async fn dismiss(&self, #[zbus(signal_emitter)] emitter: SignalEmitter<'_>) {
        self.state.count("Dismiss");
        let ignores = self.state.behaviour().ignores_dismissal;
        self.state.hang_if(ignores).await;
        let nothing = Variant::from(Vec::<OwnedObjectPath>::new());
        let sent = Self::completed(&emitter, true, nothing).await;
        sent.expect("the signal is sent");
    }

    #[zbus(signal)]
    pub(super) async fn completed(
        emitter: &SignalEmitter<'_>,
        dismissed: bool,
        result: Variant<'_>,
    ) -> zbus::Result<()>;
}
