//! Detects whether the service is gnome-keyring, and follows its signals. Both happen in the background, and only when needed.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::sync::watch;

use super::body::Body;
use super::bus::{BUS, BUS_PATH, SERVICE_NAME, send};
use super::known_names::KnownNames;

/// A name that gnome-keyring owns on the connection on which it owns [`SERVICE_NAME`].
const GNOME_KEYRING: &str = "org.gnome.keyring";

/// Whether the service of a session is gnome-keyring, and the names of its items. The session and the task that watches its
/// connection share it.
pub(super) struct GnomeKeyring {
    is_recognized: AtomicBool,
    listings: AtomicUsize,
    /// Wakes the watching task when it may have something to do.
    wanted: watch::Sender<()>,
    pub(super) names: KnownNames,
}

impl GnomeKeyring {
    pub(super) fn new() -> Self {
        Self {
            is_recognized: AtomicBool::new(false),
            listings: AtomicUsize::new(0),
            wanted: watch::Sender::new(()),
            names: KnownNames::default(),
        }
    }

    /// Returns whether the service is known to be gnome-keyring. The first call makes the watching task ask the bus; until it
    /// has answered, the result is `false`.
    ///
    /// gnome-keyring handles messages in one thread and in the order in which they arrive, and its replies arrive in that
    /// order. Other services may handle several messages at the same time.
    pub(super) fn is_recognized(&self) -> bool {
        let is_recognized = self.is_recognized.load(Ordering::Relaxed);
        if !is_recognized {
            self.wanted.send_replace(());
        }
        is_recognized
    }

    /// Counts a listing. The second one makes the watching task follow the signals of gnome-keyring: signals wake up the
    /// process, so a program that lists once does not get them.
    pub(super) fn count_listing(&self) {
        if self.listings.fetch_add(1, Ordering::Relaxed) > 0 && !self.names.is_following() {
            self.wanted.send_replace(());
        }
    }

    /// Detects gnome-keyring once [`Self::is_recognized`] or [`Self::count_listing`] needs it, then follows its signals from the
    /// second listing on, until the connection ends. Returns at once if the service is another one.
    pub(super) async fn watch(&self, bus: &zbus::Connection) -> zbus::Result<()> {
        let mut wanted = self.wanted.subscribe();
        let _ = wanted.changed().await;
        if owner(bus, GNOME_KEYRING).await? != owner(bus, SERVICE_NAME).await? {
            return Ok(());
        }
        self.is_recognized.store(true, Ordering::Relaxed);
        while self.listings.load(Ordering::Relaxed) < 2 {
            let _ = wanted.changed().await;
        }
        self.names.follow(bus, SERVICE_NAME).await
    }
}

/// Returns the unique name of the owner of a name. Never starts a service.
async fn owner(bus: &zbus::Connection, name: &str) -> zbus::Result<String> {
    let reply = send(bus, BUS, BUS_PATH, BUS, "GetNameOwner", &Body::Text(name)).await?;
    reply.body().deserialize()
}
