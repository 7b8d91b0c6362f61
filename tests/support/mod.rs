//! A private session bus with its own home directory, and a real gnome-keyring on it.
//!
//! Never connects to the session bus of the user. Dropping a [`Bus`] stops its daemons and removes its files.

#![allow(dead_code)] // each test binary uses a part

pub mod fake;
pub mod secret_service;

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use futures_util::StreamExt;
use rustix::process::{Pid, Signal, kill_process};
use securestore::keyring::os::{Environment, OsKeyring};
use tempfile::TempDir;
use zbus::fdo::DBusProxy;
use zbus::{OwnedObjectPath, OwnedVariant, Variant};

const SECRETS: &str = "org.freedesktop.secrets";
const PASSWORD: &str = "test";
/// How long a daemon may take to start on a busy machine.
const START_LIMIT: Duration = Duration::from_secs(20);
/// The time limit of a keyring that is expected to answer.
pub const LIMIT: Duration = Duration::from_secs(20);

const CONFIG: &str = r#"<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:path=BUS</listen>
  SERVICES
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/>
  </policy>
</busconfig>"#;

pub struct Bus {
    dir: TempDir,
    starts_services: bool,
    bus: Option<Child>,
    keyring: Option<Child>,
}

impl Bus {
    /// Starts a bus with an unlocked keyring that has an empty login collection.
    pub async fn with_keyring() -> Self {
        let mut bus = Self::bare();
        bus.start_keyring().await;
        bus
    }

    /// Starts a bus without any program on it.
    pub fn bare() -> Self {
        Self::new(false)
    }

    /// Starts a bus like that of a desktop: a call to a service that is installed starts the service.
    pub fn with_activation() -> Self {
        Self::new(true)
    }

    fn new(starts_services: bool) -> Self {
        let mut bus = Self {
            dir: tempfile::tempdir().expect("a temporary directory"),
            starts_services,
            bus: None,
            keyring: None,
        };
        bus.start_bus();
        bus
    }

    /// Starts the bus, at the same address every time.
    pub fn start_bus(&mut self) {
        let config = self.dir.path().join("bus.conf");
        let socket = self.dir.path().join("bus");
        let services = match self.starts_services {
            true => "<standard_session_servicedirs/>",
            false => "",
        };
        let text = CONFIG
            .replace("BUS", &socket.to_string_lossy())
            .replace("SERVICES", services);
        std::fs::write(&config, text).expect("the configuration file of the bus");
        let _ = std::fs::remove_file(&socket);
        let mut bus = self
            .command("dbus-daemon")
            .arg(format!("--config-file={}", config.display()))
            .args(["--nofork", "--nopidfile", "--print-address"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("dbus-daemon: {error}. Install it: apt-get install dbus"));
        let mut address = String::new();
        BufReader::new(bus.stdout.take().expect("a pipe"))
            .read_line(&mut address)
            .expect("the address of the bus");
        assert!(address.starts_with("unix:path="), "the bus printed {address:?}");
        self.bus = Some(bus);
    }

    /// Starts gnome-keyring with its login collection unlocked (created at the first start), and waits until it is.
    pub async fn start_keyring(&mut self) {
        self.spawn_keyring(true);
        let bus = self.connect().await;
        wait_for_owner(&bus).await;
        // The daemon owns its name before it publishes the collection.
        let login = self
            .default_collection(&bus)
            .await
            .expect("gnome-keyring's login collection");
        assert!(!is_locked(&bus, &login).await, "gnome-keyring came up locked");
    }

    /// Starts gnome-keyring as a desktop without a login password does: no collection is created or unlocked.
    pub async fn start_keyring_locked(&mut self) {
        self.spawn_keyring(false);
        wait_for_owner(&self.connect().await).await;
    }

    fn spawn_keyring(&mut self, unlock: bool) {
        let mut command = self.command("gnome-keyring-daemon");
        command.args(["--components=secrets", "--foreground"]);
        if unlock {
            command.arg("--unlock");
        }
        let mut keyring = command.stdin(Stdio::piped()).spawn().unwrap_or_else(|error| {
            panic!("gnome-keyring-daemon: {error}. These tests need it: apt-get install gnome-keyring libsecret-tools")
        });
        let mut stdin = keyring.stdin.take().expect("a pipe");
        if unlock {
            stdin
                .write_all(PASSWORD.as_bytes())
                .expect("the daemon reads the password");
        }
        self.keyring = Some(keyring);
    }

    /// Kills the keyring daemon as the kernel's out-of-memory killer would, and waits until the bus has noticed.
    pub async fn kill_keyring(&mut self) {
        let bus = self.connect().await;
        let dbus = DBusProxy::new(&bus).await.expect("the bus itself");
        let mut changes = dbus
            .receive_name_owner_changed_with_args(&[(0, SECRETS), (2, "")])
            .await
            .expect("a subscription to its signal");
        kill(self.keyring.take());
        // A daemon that crashed earlier has already released the name, and the signal is past.
        let name = SECRETS.try_into().expect("a valid name");
        if dbus.name_has_owner(name).await.expect("the bus answers") {
            tokio::time::timeout(START_LIMIT, changes.next())
                .await
                .expect("the name is released");
        }
    }

    /// Stops the keyring daemon. It answers no call until [`Bus::continue_keyring`].
    pub fn stop_keyring(&self) {
        self.signal_keyring(Signal::STOP);
    }

    pub fn continue_keyring(&self) {
        self.signal_keyring(Signal::CONT);
    }

    fn signal_keyring(&self, signal: Signal) {
        let keyring = self.keyring.as_ref().expect("a running daemon");
        let pid = Pid::from_child(keyring);
        kill_process(pid, signal).expect("the daemon runs");
    }

    pub fn kill_bus(&mut self) {
        kill(self.bus.take());
    }

    /// Kills the keyring daemon without using the bus, which may be gone.
    pub fn reap_keyring(&mut self) {
        kill(self.keyring.take());
    }

    /// Locks the default collection, as a screen locker may do.
    pub async fn lock(&self) {
        let bus = self.connect().await;
        let collection = self.default_collection(&bus).await.expect("a default collection");
        let _: (Vec<OwnedObjectPath>, OwnedObjectPath) = call(&bus, "Lock", &(vec![&collection],)).await;
        assert!(is_locked(&bus, &collection).await);
    }

    /// Unlocks the default collection with its password and without a prompt, over gnome-keyring's own interface.
    pub async fn unlock(&self) {
        let bus = self.connect().await;
        let collection = self.default_collection(&bus).await.expect("a default collection");
        let session = plain_session(&bus).await;
        bus.call_method(
            Some(SECRETS),
            "/org/freedesktop/secrets",
            Some("org.gnome.keyring.InternalUnsupportedGuiltRiddenInterface"),
            "UnlockWithMasterPassword",
            &(
                &collection,
                (session, Vec::<u8>::new(), PASSWORD.as_bytes(), "text/plain"),
            ),
        )
        .await
        .expect("the password unlocks it");
        assert!(!is_locked(&bus, &collection).await);
    }

    /// Creates an item with exactly these attributes. Never replaces another item.
    pub async fn plant(&self, attributes: &[(&str, &str)], secret: &[u8]) {
        let bus = self.connect().await;
        let session = plain_session(&bus).await;
        let attributes: HashMap<&str, &str> = attributes.iter().copied().collect();
        let properties = HashMap::from([
            ("org.freedesktop.Secret.Item.Label", Variant::from("planted")),
            ("org.freedesktop.Secret.Item.Attributes", Variant::from(attributes)),
        ]);
        bus.call_method(
            Some(SECRETS),
            "/org/freedesktop/secrets/aliases/default",
            Some("org.freedesktop.Secret.Collection"),
            "CreateItem",
            &(properties, (session, Vec::<u8>::new(), secret, "text/plain"), false),
        )
        .await
        .expect("the item is created");
    }

    /// Returns the number of items with these attributes.
    pub async fn count(&self, attributes: &[(&str, &str)]) -> usize {
        let attributes: HashMap<&str, &str> = attributes.iter().copied().collect();
        let (unlocked, locked): (Vec<OwnedObjectPath>, Vec<OwnedObjectPath>) =
            call(&self.connect().await, "SearchItems", &(attributes,)).await;
        unlocked.len() + locked.len()
    }

    /// Runs `secret-tool` with these arguments and this standard input.
    pub fn secret_tool(&self, arguments: &[&str], input: &str) -> Output {
        let mut tool = self
            .command("secret-tool")
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("secret-tool: {error}. Install it: apt-get install libsecret-tools"));
        let mut stdin = tool.stdin.take().expect("a pipe");
        stdin.write_all(input.as_bytes()).expect("secret-tool reads its input");
        drop(stdin);
        tool.wait_with_output().expect("secret-tool ends")
    }

    pub fn environment(&self) -> Environment {
        Environment {
            session_bus_address: Some(self.address()),
            runtime_dir: None,
        }
    }

    pub fn os_keyring(&self) -> OsKeyring {
        OsKeyring::new(self.environment(), LIMIT)
    }

    pub fn address(&self) -> String {
        format!("unix:path={}", self.path().join("bus").display())
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    pub async fn connect(&self) -> zbus::Connection {
        zbus::connection::Builder::address(self.address().as_str())
            .build()
            .await
            .expect("the bus answers")
    }

    /// Waits until this many connections to the bus are open, including the one that this function opens.
    pub async fn has_connections(&self, count: usize) {
        let bus = self.connect().await;
        let dbus = DBusProxy::new(&bus).await.expect("the bus itself");
        let mut changes = dbus
            .receive_name_owner_changed()
            .await
            .expect("a subscription to its signal");
        let waiting = async {
            loop {
                let names = dbus.list_names().await.expect("the bus answers");
                if names.iter().filter(|name| name.as_str().starts_with(':')).count() == count {
                    return;
                }
                changes.next().await;
            }
        };
        tokio::time::timeout(START_LIMIT, waiting)
            .await
            .expect("that many connections are open");
    }

    async fn default_collection(&self, bus: &zbus::Connection) -> Option<OwnedObjectPath> {
        let path: OwnedObjectPath = call(bus, "ReadAlias", &("default",)).await;
        (path.as_str() != "/").then_some(path)
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        let dir = self.dir.path();
        for name in ["HOME", "XDG_RUNTIME_DIR"] {
            command.env(name, dir);
        }
        for (name, folder) in [
            ("XDG_DATA_HOME", "data"),
            ("XDG_CONFIG_HOME", "config"),
            ("XDG_CACHE_HOME", "cache"),
        ] {
            command.env(name, dir.join(folder));
        }
        for name in ["DISPLAY", "WAYLAND_DISPLAY", "GNOME_KEYRING_CONTROL", "SSH_AUTH_SOCK"] {
            command.env_remove(name);
        }
        command
            .env("DBUS_SESSION_BUS_ADDRESS", self.address())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command
    }
}

impl Drop for Bus {
    fn drop(&mut self) {
        kill(self.keyring.take());
        kill(self.bus.take());
    }
}

fn kill(child: Option<Child>) {
    if let Some(mut child) = child {
        let _ = child.kill();
        let _ = child.wait();
    }
}

async fn wait_for_owner(bus: &zbus::Connection) {
    let dbus = DBusProxy::new(bus).await.expect("the bus itself");
    let mut changes = dbus
        .receive_name_owner_changed_with_args(&[(0, SECRETS)])
        .await
        .expect("a subscription to its signal");
    let name = SECRETS.try_into().expect("a valid name");
    if !dbus.name_has_owner(name).await.expect("the bus answers") {
        tokio::time::timeout(START_LIMIT, changes.next())
            .await
            .expect("gnome-keyring comes up on the bus");
    }
}

async fn is_locked(bus: &zbus::Connection, collection: &OwnedObjectPath) -> bool {
    let reply = bus
        .call_method(
            Some(SECRETS),
            collection,
            Some("org.freedesktop.DBus.Properties"),
            "Get",
            &("org.freedesktop.Secret.Collection", "Locked"),
        )
        .await
        .expect("the collection answers");
    let value: OwnedVariant = reply.body().deserialize().expect("a variant");
    bool::try_from(value).expect("a boolean")
}

async fn plain_session(bus: &zbus::Connection) -> OwnedObjectPath {
    let (_, session): (OwnedVariant, OwnedObjectPath) = call(bus, "OpenSession", &("plain", Variant::from(""))).await;
    session
}

async fn call<B, T>(bus: &zbus::Connection, method: &str, body: &B) -> T
where
    B: serde::Serialize + zbus::DynamicType,
    T: serde::de::DeserializeOwned + zbus::Type,
{
    bus.call_method(
        Some(SECRETS),
        "/org/freedesktop/secrets",
        Some("org.freedesktop.Secret.Service"),
        method,
        body,
    )
    .await
    .expect("the service answers")
    .body()
    .deserialize()
    .expect("the reply has its type")
}
