//! Remembers for a moment which account an item belongs to, so that a listing need not ask for the attributes of each item.
//!
//! This is only correct for gnome-keyring, and only for names, never for secrets. Before gnome-keyring replies to a program that
//! renames, creates, deletes, locks or unlocks items, it sends signals on the connection that carries its replies. A signal
//! about a change that a search has seen is therefore received before the reply to the search. A collection that is deleted
//! sends no signal for its items, but no search finds them any more.
//!
//! One change sends no signal: a keyring file that was replaced on disk is loaded by the next search. Therefore nothing is
//! used for longer than [`MAX_AGE`].

use std::collections::HashMap;
use std::future::poll_fn;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use zbus::{MatchRule, Message, MessageStream, OwnedObjectPath};

/// How long a name is used after the listing that read it.
const MAX_AGE: Duration = Duration::from_secs(1);

/// Maximum number of names that are remembered. When it is reached, the cache starts again from empty.
const MAX_NAMES: usize = 65_536;

/// The names of items. Empty until signals are followed.
#[derive(Default)]
pub(super) struct KnownNames(Mutex<NamesState>);

#[derive(Default)]
struct NamesState {
    /// The signals, and the waker of the task that follows them. All calls use this waker, because a stream has one.
    signals: Option<(Signals, Waker)>,
    names: HashMap<OwnedObjectPath, Name>,
    /// The number of signals that were received, plus one for the subscription.
    changes: u64,
    /// When the last listing ended during which no collection was locked and nothing changed, and the number of signals then.
    complete: Option<(u64, Instant)>,
}

type Signals = BoxStream<'static, zbus::Result<Message>>;

struct Name {
    service: String,
    account: String,
    read_at: Instant,
}

/// The start of a listing.
#[derive(Clone, Copy)]
pub(super) struct ListingStart {
    changes: u64,
    started_at: Instant,
}

/// The known names of some items.
pub(super) struct Lookup {
    pub(super) accounts: Vec<String>,
    /// The items whose attributes the caller must ask for.
    pub(super) unknown: Vec<OwnedObjectPath>,
}

impl KnownNames {
    /// Subscribes to changes of items and receives them, until the connection ends.
    ///
    /// Signals only ever remove names. They are received as they arrive, so that they do not block the connection.
    pub(super) async fn follow(&self, bus: &zbus::Connection, sender: &str) -> zbus::Result<()> {
        let rule = MatchRule::builder()
            .msg_type(zbus::message::Type::Signal)
            .sender(sender)
            .interface("org.freedesktop.Secret.Collection")
            .build()?;
        let mut signals = Some(MessageStream::for_match_rule(rule, bus, None).await?.boxed());
        poll_fn(|context| {
            let mut state = self.state();
            match (&mut state.signals, signals.take()) {
                (Some((_, waker)), _) => waker.clone_from(context.waker()),
                (_, Some(signals)) => state.start_following(signals, context.waker().clone()),
                (None, None) => return Poll::Ready(()),
            }
            state.receive();
            Poll::Pending
        })
        .await;
        Ok(())
    }

    pub(super) fn is_following(&self) -> bool {
        self.state().signals.is_some()
    }

    /// Starts a listing, before it sends any message.
    pub(super) fn start(&self) -> ListingStart {
        self.state().start(Instant::now())
    }

    /// Returns whether it is known without asking that no collection is locked: an earlier listing found none, and no item has
    /// changed since. Locking a collection changes its items.
    pub(super) fn is_complete(&self, listing: &ListingStart) -> bool {
        self.state().is_complete(listing)
    }

    /// Returns what is known of items that a search for the service has just found.
    ///
    /// Must be called after the reply to the search: then all signals that precede the reply are taken into account.
    pub(super) fn lookup(&self, service: &str, items: &[OwnedObjectPath], listing: &ListingStart) -> Lookup {
        let mut state = self.state();
        state.receive();
        let mut lookup = Lookup {
            accounts: Vec::with_capacity(items.len()),
            unknown: Vec::new(),
        };
        for item in items {
            match state.names.get(item) {
                Some(name) if name.service == service && listing.is_within_age(name.read_at) => {
                    lookup.accounts.push(name.account.clone());
                }
                _ => lookup.unknown.push(item.clone()),
            }
        }
        lookup
    }

    /// Remembers the accounts that a listing has asked for, and that no collection was locked. Does nothing if anything changed
    /// since the start of the listing: it is not known whether the replies are older than the change.
    pub(super) fn remember(
        &self,
        service: &str,
        items: &[OwnedObjectPath],
        accounts: &[Option<String>],
        listing: &ListingStart,
    ) {
        let mut state = self.state();
        state.receive();
        if listing.changes != state.changes || state.signals.is_none() {
            return;
        }
        // The end of the listing: one of many items may take longer than the age.
        let now = Instant::now();
        if state.names.len() + items.len() > MAX_NAMES {
            state.names.clear();
        }
        for (item, account) in items.iter().zip(accounts) {
            if let Some(account) = account {
                let name = Name {
                    service: service.to_owned(),
                    account: account.clone(),
                    read_at: now,
                };
                state.names.insert(item.clone(), name);
            }
        }
        // A listing that asked for nothing has not asked whether a collection is locked, either.
        if !state.is_complete(listing) {
            state.complete = Some((listing.changes, now));
        }
    }

    fn state(&self) -> MutexGuard<'_, NamesState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl NamesState {
    /// Follows signals from now on. A listing that is under way counts as one during which something changed: it may have read
    /// a name before the subscription.
    fn start_following(&mut self, signals: Signals, waker: Waker) {
        self.changes += 1;
        self.signals = Some((signals, waker));
    }

    /// Applies the signals that have arrived.
    fn receive(&mut self) {
        let Some((signals, waker)) = &mut self.signals else {
            return;
        };
        let mut context = Context::from_waker(waker);
        while let Poll::Ready(signal) = signals.poll_next_unpin(&mut context) {
            self.changes += 1;
            let Some(Ok(signal)) = signal else {
                // The connection has ended.
                *self = Self::default();
                return;
            };
            match signal.body().deserialize::<OwnedObjectPath>() {
                Ok(item) => drop(self.names.remove(&item)),
                Err(_) => self.names.clear(),
            }
        }
    }

    fn start(&mut self, started_at: Instant) -> ListingStart {
        self.receive();
        ListingStart {
            changes: self.changes,
            started_at,
        }
    }

    fn is_complete(&mut self, listing: &ListingStart) -> bool {
        self.receive();
        self.signals.is_some()
            && self
                .complete
                .is_some_and(|(changes, ended_at)| changes == self.changes && listing.is_within_age(ended_at))
    }
}

impl ListingStart {
    fn is_within_age(&self, time: Instant) -> bool {
        self.started_at.duration_since(time) <= MAX_AGE
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::sync::Arc;

    use futures_util::stream::poll_fn;

    use super::*;

    /// Signals that have arrived, and that no task has received.
    #[derive(Clone, Default)]
    struct Arrived(Arc<Mutex<VecDeque<Message>>>);

    impl Arrived {
        fn add(&self, item: &str) {
            let collection = "/org/freedesktop/secrets/collection/login";
            let signal = Message::signal(collection, "org.freedesktop.Secret.Collection", "ItemChanged");
            let signal = signal.build(&(path(item),)).expect("a valid message");
            self.0.lock().expect("no panic").push_back(signal);
        }
    }

    /// Names that follow signals, without the task that receives them.
    fn following(arrived: &Arrived) -> KnownNames {
        let Arrived(arrived) = arrived.clone();
        let signals = poll_fn(move |_| match arrived.lock().expect("no panic").pop_front() {
            Some(signal) => Poll::Ready(Some(Ok(signal))),
            None => Poll::Pending,
        });
        let names = KnownNames::default();
        names.state().start_following(signals.boxed(), Waker::noop().clone());
        names
    }

    fn lookup(names: &KnownNames, items: &[OwnedObjectPath]) -> Lookup {
        names.lookup("service", items, &names.start())
    }

    fn learn(names: &KnownNames, items: &[OwnedObjectPath]) {
        let listing = names.start();
        let accounts: Vec<_> = items.iter().map(|item| Some(format!("of {item}"))).collect();
        names.remember("service", items, &accounts, &listing);
    }

    #[test]
    fn r3_7_a_signal_that_has_arrived_counts_although_no_task_has_received_it() {
        let arrived = Arrived::default();
        let (names, items) = (following(&arrived), [path("1"), path("2")]);
        learn(&names, &items);
        let listing = names.start();
        assert!(names.is_complete(&listing) && lookup(&names, &items).unknown.is_empty());
        arrived.add("1");
        assert!(!names.is_complete(&listing));
        arrived.add("1");
        let lookup = lookup(&names, &items);
        assert_eq!(lookup.unknown, items[..1]);
        assert_eq!(lookup.accounts, [format!("of {}", items[1])]);
    }

    #[test]
    fn r3_7_nothing_is_remembered_if_anything_changed_during_the_listing() {
        let arrived = Arrived::default();
        let (names, items) = (following(&arrived), [path("1"), path("2")]);
        let listing = names.start();
        arrived.add("1");
        names.remember(
            "service",
            &items,
            &[Some("old".to_owned()), Some("same".to_owned())],
            &listing,
        );
        assert_eq!(lookup(&names, &items).unknown, items);
        assert!(!names.is_complete(&names.start()));
        learn(&names, &items);
        assert!(lookup(&names, &items).unknown.is_empty());
        assert!(names.is_complete(&names.start()));
    }

    #[test]
    fn r3_7_nothing_is_known_once_the_connection_has_ended() {
        let (names, items) = (following(&Arrived::default()), [path("1")]);
        learn(&names, &items);
        names.state().signals = Some((futures_util::stream::empty().boxed(), Waker::noop().clone()));
        for _ in 0..2 {
            assert!(!names.is_complete(&names.start()));
            assert_eq!(lookup(&names, &items).unknown, items);
            learn(&names, &items);
        }
    }

    #[test]
    fn r3_7_a_name_is_used_for_its_service_and_for_a_second() {
        let (names, items) = (following(&Arrived::default()), [path("1")]);
        let mut listing = names.start();
        names.remember("service", &items, &[Some("account".to_owned())], &listing);
        let learned_at = names.state().names[&items[0]].read_at;
        let mut is_known = |service: &str, age: Duration| {
            listing.started_at = learned_at + age;
            let is_known = names.lookup(service, &items, &listing).unknown.is_empty();
            (is_known, names.is_complete(&listing))
        };
        assert_eq!(is_known("service", Duration::ZERO), (true, true));
        assert_eq!(is_known("service", MAX_AGE), (true, true));
        assert_eq!(is_known("service", MAX_AGE + Duration::from_nanos(1)), (false, false));
        assert_eq!(is_known("other", Duration::ZERO), (false, true));
    }

    #[test]
    fn r3_7_names_are_known_after_a_listing_that_takes_longer_than_a_second() {
        let (names, items) = (following(&Arrived::default()), [path("1")]);
        let mut listing = names.start();
        listing.started_at -= 10 * MAX_AGE;
        names.remember("service", &items, &[Some("account".to_owned())], &listing);
        assert!(lookup(&names, &items).unknown.is_empty());
        assert!(names.is_complete(&names.start()));
    }

    #[test]
    fn r3_7_a_listing_that_asks_for_nothing_does_not_extend_the_second() {
        let (names, items) = (following(&Arrived::default()), [path("1")]);
        learn(&names, &items);
        let mut listing = names.start();
        listing.started_at += MAX_AGE / 2;
        names.remember("service", &[], &[], &listing);
        listing.started_at += MAX_AGE;
        assert!(!names.is_complete(&listing));
    }

    #[test]
    fn r3_7_a_listing_that_started_before_signals_were_followed_is_not_remembered() {
        let (names, items) = (KnownNames::default(), [path("1")]);
        let listing = names.start();
        names
            .state()
            .start_following(futures_util::stream::pending().boxed(), Waker::noop().clone());
        names.remember("service", &items, &[Some("account".to_owned())], &listing);
        assert_eq!(lookup(&names, &items).unknown, items);
        assert!(!names.is_complete(&names.start()));
    }

    #[test]
    fn r3_7_nothing_is_remembered_while_no_signals_are_followed() {
        let (names, items) = (KnownNames::default(), [path("1")]);
        learn(&names, &items);
        assert_eq!(lookup(&names, &items).unknown, items);
        assert!(!names.is_complete(&names.start()));
    }

    fn path(number: &str) -> OwnedObjectPath {
        let path = format!("/org/freedesktop/secrets/collection/login/{number}");
        OwnedObjectPath::try_from(path).expect("a valid path")
    }
}
