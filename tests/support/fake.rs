//! A Secret Service that misbehaves on command: it hangs, is locked, waits for the user, or returns wrong answers.

mod objects;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::sync::Notify;
use zbus::object_server::SignalEmitter;
use zbus::{ObjectServer, OwnedObjectPath, Variant};

use self::objects::{Collection, Item, Prompt, Service};

const SERVICE: &str = "/org/freedesktop/secrets";
const COLLECTION: &str = "/org/freedesktop/secrets/collection/fake";
const ALIAS: &str = "/org/freedesktop/secrets/aliases/default";

type Attributes = HashMap<String, String>;

/// How the service behaves. By default it is correct, and supports only plain sessions.
#[derive(Clone, Default)]
pub struct Behaviour {
    /// No call returns.
    pub hangs: bool,
    /// Calls of `Unlock` do not return.
    pub hangs_at_unlock: bool,
    /// Searches do not return while the collection is locked, as in a service that shows a dialog of its own.
    pub searches_wait_while_locked: bool,
    /// The collection is locked.
    pub locked: bool,
    /// A search finds nothing while the collection is locked.
    pub hides_locked: bool,
    /// Every search for an account returns the item of this account.
    pub returns_item_of: Option<String>,
    /// The collection is unlocked right after a search that found nothing while it was locked.
    pub unlocks_after_search: bool,
    /// A request for more secrets than this is not answered, like one whose reply is too large for the bus.
    pub max_secrets: Option<usize>,
    /// An item is deleted only after a search has found it.
    pub deletes_after_search: bool,
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
    /// The reply to a write is delayed until a read arrives.
    pub write_reply_waits_for_read: bool,
    /// The reply to a search is delayed until a read arrives.
    pub search_reply_waits_for_read: bool,
    /// The reply to the next read is delayed until a search was answered.
    pub next_read_waits_for_search: bool,
    /// Calls of `Dismiss` do not return.
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
    searched: Notify,
}

pub struct Fake {
    bus: zbus::Connection,
    state: Arc<State>,
}

impl Fake {
    /// Registers the fake under the name of the Secret Service on this bus.
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

    /// Makes the fake own the name by which gnome-keyring is recognized.
    pub async fn claims_to_be_gnome_keyring(&self) {
        let requested = self.bus.request_name("org.gnome.keyring").await;
        requested.expect("a free name");
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

    /// Exchanges the account names of two items, as another program may do.
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

    /// Changes the account name of an item.
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

    /// Returns the secrets of the items of an account, oldest first.
    pub fn secrets(&self, account: &str) -> Vec<String> {
        let world = self.state.world();
        let mut items: Vec<_> = world.items.values().filter(|item| item.is_of(account)).collect();
        items.sort_by_key(|item| item.modified);
        let secrets = items.into_iter();
        secrets
            .map(|item| String::from_utf8(item.secret.clone()).expect("text"))
            .collect()
    }

    /// Waits for a prompt that no earlier call of this method returned for.
    pub async fn prompted(&self) {
        self.state.prompted.notified().await;
    }

    /// Answers the prompt that was shown last, as the user would.
    pub async fn answer(&self, agrees: bool) {
        let prompt = self.state.world().shown.last().cloned().expect("a prompt was shown");
        complete(&self.bus, &self.state, &prompt, agrees).await;
    }

    /// Waits for the next prompt and answers it, as the user would.
    pub async fn answer_next(&self, agrees: bool) {
        self.prompted().await;
        self.answer(agrees).await;
    }

    /// Waits until a call hangs.
    pub async fn holds_a_call(&self) {
        self.state.held.notified().await;
    }

    /// Closes the connection, as when the service crashes.
    pub async fn dies(self) {
        self.bus.close().await.expect("the connection is closed");
    }

    /// Returns the number of prompts that were shown.
    pub fn prompts(&self) -> usize {
        self.calls("Prompt")
    }

    /// Returns the number of calls of a method.
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
