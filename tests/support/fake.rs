//! A Secret Service that misbehaves on command: it hangs, is locked, waits for the user, or returns wrong answers.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::sync::Notify;
use zbus::object_server::SignalEmitter;
use zbus::{ObjectServer, OwnedObjectPath, OwnedVariant, Variant};
use zbus::{fdo, interface};

const SERVICE: &str = "/org/freedesktop/secrets";
const COLLECTION: &str = "/org/freedesktop/secrets/collection/fake";
const ALIAS: &str = "/org/freedesktop/secrets/aliases/default";
const SESSION: &str = "/org/freedesktop/secrets/session/1";
const ROOT: &str = "/";

/// The secret as it is sent: session, parameters, value, content type.
type WireSecret = (OwnedObjectPath, Vec<u8>, Vec<u8>, String);

type Attributes = HashMap<String, String>;

/// How the service behaves. The default is a service that does what it should, and that knows only plain sessions.
#[derive(Clone, Default)]
pub struct Behaviour {
    /// No call is answered.
    pub hangs: bool,
    /// Requests to unlock are not answered.
    pub hangs_at_unlock: bool,
    /// Searches are not answered while the collection is locked: the service waits for a dialog of its own.
    pub searches_wait_while_locked: bool,
    /// The collection is locked.
    pub locked: bool,
    /// A search finds nothing while the collection is locked.
    pub hides_locked: bool,
    /// Every search for one account returns the item of this account.
    pub returns_item_of: Option<String>,
    /// A search returns this many items.
    pub endless_search: usize,
    /// The key exchange is refused with `InvalidArgs` instead of `NotSupported`.
    pub refuses_with_invalid_args: bool,
    /// The key exchange succeeds, and no secret can be decrypted.
    pub undecryptable: bool,
    /// Creating an item needs a prompt.
    pub creation_prompts: bool,
    /// Deleting an item needs a prompt.
    pub deletion_prompts: bool,
    /// Creating an item fails with `NoSuchObject`.
    pub creation_fails: bool,
    /// A deletion is reported as successful, and the item stays.
    pub keeps_deleted: bool,
    /// A write is reported as successful, and the old secret stays.
    pub ignores_writes: bool,
    /// The reply to a write is held back until a read has arrived.
    pub write_reply_waits_for_read: bool,
    /// The reply to a search is held back until a read has arrived.
    pub search_reply_waits_for_read: bool,
    /// A request to dismiss a prompt is not answered.
    pub ignores_dismissal: bool,
}

/// What happens when the user agrees to a prompt.
#[derive(Clone)]
enum Action {
    Unlock(Vec<OwnedObjectPath>),
    Create(Attributes, Vec<u8>),
    Delete(OwnedObjectPath),
}

#[derive(Clone)]
struct ItemData {
    attributes: Attributes,
    secret: Vec<u8>,
    locked: bool,
    modified: u64,
}

#[derive(Default)]
struct World {
    behaviour: Behaviour,
    items: HashMap<OwnedObjectPath, ItemData>,
    last_item: u64,
    prompts: HashMap<OwnedObjectPath, Action>,
    shown: Vec<OwnedObjectPath>,
    calls: HashMap<&'static str, usize>,
}

#[derive(Default)]
struct State {
    world: Mutex<World>,
    prompted: Notify,
    held: Notify,
    read: Notify,
}

pub struct Fake {
    bus: zbus::Connection,
    state: Arc<State>,
}

impl Fake {
    /// Takes the name of the Secret Service on this bus.
    pub async fn on(bus: zbus::Connection) -> Self {
        let state = Arc::<State>::default();
        let server = bus.object_server();
        let added = server.at(SERVICE, Service(Arc::clone(&state))).await;
        added.expect("a free path");
        for path in [COLLECTION, ALIAS] {
            let added = server.at(path, Collection(Arc::clone(&state))).await;
            added.expect("a free path");
        }
        bus.request_name("org.freedesktop.secrets").await.expect("a free name");
        Self { bus, state }
    }

    /// Changes how the service behaves from now on.
    pub fn behave(&self, change: impl FnOnce(&mut Behaviour)) {
        change(&mut self.state.world().behaviour);
    }

    pub fn locked(&self, locked: bool) {
        self.behave(|it| it.locked = locked);
    }

    /// Adds an item. Items are numbered in the order in which they are added.
    pub async fn plant(&self, service: &str, account: &str, secret: &str) {
        let attributes = [("service", service), ("username", account)];
        let attributes = attributes.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let server = self.bus.object_server();
        add_item(server, &self.state, attributes.into(), secret.as_bytes().to_vec()).await;
    }

    /// Exchanges the attributes of the items of two accounts, as another program may.
    pub fn swap(&self, one: &str, other: &str) {
        let mut world = self.state.world();
        for item in world.items.values_mut() {
            let name = item.attributes.get_mut("username").expect("an account");
            if name == one {
                *name = other.to_owned();
            } else if name == other {
                *name = one.to_owned();
            }
        }
    }

    /// Renames the item of an account.
    pub fn rename(&self, from: &str, to: &str) {
        let mut world = self.state.world();
        for item in world.items.values_mut().filter(|item| item.is_of(from)) {
            item.attributes.insert("username".to_owned(), to.to_owned());
        }
    }

    /// Locks or unlocks the items of one account, as KeePassXC does.
    pub fn lock_item(&self, account: &str, locked: bool) {
        let mut world = self.state.world();
        for item in world.items.values_mut().filter(|item| item.is_of(account)) {
            item.locked = locked;
        }
    }

    /// The secrets of the items of an account, oldest first.
    pub fn secrets(&self, account: &str) -> Vec<String> {
        let world = self.state.world();
        let mut items: Vec<_> = world.items.values().filter(|item| item.is_of(account)).collect();
        items.sort_by_key(|item| item.modified);
        let secrets = items.into_iter();
        secrets
            .map(|item| String::from_utf8(item.secret.clone()).expect("text"))
            .collect()
    }

    /// Returns when a prompt was shown that no earlier call of this has seen.
    pub async fn prompted(&self) {
        self.state.prompted.notified().await;
    }

    /// The user answers the prompt that was shown last.
    pub async fn answer(&self, agrees: bool) {
        let prompt = self.state.world().shown.last().cloned().expect("a prompt was shown");
        complete(&self.bus, &self.state, &prompt, agrees).await;
    }

    /// Returns when a call is held that will not be answered.
    pub async fn holds_a_call(&self) {
        self.state.held.notified().await;
    }

    /// The service dies with all it holds.
    pub async fn dies(self) {
        self.bus.close().await.expect("the connection is closed");
    }

    /// The number of prompts that were shown.
    pub fn prompts(&self) -> usize {
        self.calls("Prompt")
    }

    /// The number of calls of a method.
    pub fn calls(&self, method: &'static str) -> usize {
        self.state.world().calls.get(method).copied().unwrap_or(0)
    }
}

impl State {
    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().expect("no test has panicked with the lock")
    }

    fn behaviour(&self) -> Behaviour {
        self.world().behaviour.clone()
    }

    fn count(&self, method: &'static str) {
        *self.world().calls.entry(method).or_default() += 1;
    }

    /// Counts a call, and never returns while the service hangs.
    async fn accept(&self, method: &'static str) {
        self.count(method);
        self.hang_if(self.behaviour().hangs).await;
    }

    async fn hang_if(&self, hangs: bool) {
        if hangs {
            self.held.notify_one();
            std::future::pending::<()>().await;
        }
    }
}

impl ItemData {
    fn is_of(&self, account: &str) -> bool {
        self.attributes.get("username").is_some_and(|name| name == account)
    }
}

fn path(path: &str) -> OwnedObjectPath {
    OwnedObjectPath::try_from(path).expect("a valid path")
}

async fn add_item(
    server: &ObjectServer,
    state: &Arc<State>,
    attributes: Attributes,
    secret: Vec<u8>,
) -> OwnedObjectPath {
    let item = {
        let mut world = state.world();
        world.last_item += 1;
        let item = path(&format!("{COLLECTION}/{}", world.last_item));
        let data = ItemData {
            attributes,
            secret,
            locked: false,
            modified: world.last_item,
        };
        world.items.insert(item.clone(), data);
        item
    };
    let object = Item {
        state: Arc::clone(state),
        path: item.clone(),
    };
    server.at(&item, object).await.expect("a free path");
    item
}

async fn add_prompt(server: &ObjectServer, state: &Arc<State>, action: Action) -> OwnedObjectPath {
    let prompt = {
        let mut world = state.world();
        let prompt = path(&format!("/org/freedesktop/secrets/prompt/{}", world.prompts.len() + 1));
        world.prompts.insert(prompt.clone(), action);
        prompt
    };
    let object = Prompt {
        state: Arc::clone(state),
        path: prompt.clone(),
    };
    server.at(&prompt, object).await.expect("a free path");
    prompt
}

async fn remove_item(server: &ObjectServer, state: &State, item: &OwnedObjectPath) {
    state.world().items.remove(item);
    let _ = server.remove::<Item, _>(item).await;
}

/// Carries out the action of a prompt if the user agrees, and reports the result.
async fn complete(bus: &zbus::Connection, state: &Arc<State>, prompt: &OwnedObjectPath, agrees: bool) {
    let action = state.world().prompts.get(prompt).cloned().expect("a known prompt");
    let server = bus.object_server();
    let result = match (agrees, action) {
        (false, _) => Variant::from(Vec::<OwnedObjectPath>::new()),
        (true, Action::Unlock(objects)) => {
            let mut world = state.world();
            world.behaviour.locked = false;
            for item in &objects {
                if let Some(item) = world.items.get_mut(item) {
                    item.locked = false;
                }
            }
            Variant::from(objects)
        }
        (true, Action::Create(attributes, secret)) => Variant::from(add_item(server, state, attributes, secret).await),
        (true, Action::Delete(item)) => {
            remove_item(server, state, &item).await;
            Variant::from("")
        }
    };
    let emitter = SignalEmitter::new(bus, prompt).expect("a valid path");
    let sent = Prompt::completed(&emitter, !agrees, result).await;
    sent.expect("the signal is sent");
}

/// Errors of the Secret Service.
#[derive(zbus::DBusError, Debug)]
#[zbus(prefix = "org.freedesktop.Secret.Error")]
enum SecretError {
    #[zbus(error)]
    ZBus(zbus::Error),
    IsLocked(String),
    NoSuchObject(String),
}

struct Service(Arc<State>);

#[interface(name = "org.freedesktop.Secret.Service")]
impl Service {
    async fn open_session(&self, algorithm: &str, _input: Variant<'_>) -> fdo::Result<(OwnedVariant, OwnedObjectPath)> {
        self.0.accept("OpenSession").await;
        let behaviour = self.0.behaviour();
        let output = match algorithm {
            "plain" => Variant::from(""),
            _ if behaviour.undecryptable => Variant::from(vec![2_u8]),
            _ if behaviour.refuses_with_invalid_args => return Err(fdo::Error::InvalidArgs("no".into())),
            _ => return Err(fdo::Error::NotSupported("plain is all there is".into())),
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
            return (vec![], vec![]);
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

struct Collection(Arc<State>);

#[interface(name = "org.freedesktop.Secret.Collection")]
impl Collection {
    #[zbus(property)]
    async fn locked(&self) -> bool {
        self.0.accept("Locked").await;
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

struct Item {
    state: Arc<State>,
    path: OwnedObjectPath,
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
        if !behaviour.keeps_deleted {
            self.state.world().items.remove(&self.path);
        }
        path(ROOT)
    }
}

struct Prompt {
    state: Arc<State>,
    path: OwnedObjectPath,
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
    async fn completed(emitter: &SignalEmitter<'_>, dismissed: bool, result: Variant<'_>) -> zbus::Result<()>;
}
