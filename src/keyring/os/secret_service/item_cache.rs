//! Which account an item belongs to, remembered for as long as a session lasts.
//!
//! A service gives no item the path of another while it runs: gnome-keyring and KWallet count up, KeePassXC makes UUIDs. And
//! nobody changes whose an item is: whoever renames an account writes another item. So what was asked once need not be
//! asked again, as long as a search still finds the item. A read of one key does not even rely on that: it takes what is
//! remembered as a guess, and a search that goes along as the proof.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use zbus::OwnedObjectPath;

/// How many items are remembered. A service that has more is asked again, which costs a message for each.
const LIMIT: usize = 4096;

/// What is remembered.
#[derive(Default)]
pub(super) struct ItemCache(Mutex<Both>);

#[derive(Default)]
struct Both {
    accounts: HashMap<OwnedObjectPath, String>,
    items: HashMap<(String, String), OwnedObjectPath>,
}

impl ItemCache {
    /// The account of an item; `None` when it was never asked.
    pub(super) fn account(&self, item: &OwnedObjectPath) -> Option<String> {
        self.both().accounts.get(item).cloned()
    }

    /// An item of an account, the last one that was remembered; it may be gone, or not the only one.
    pub(super) fn item(&self, service: &str, account: &str) -> Option<OwnedObjectPath> {
        let entry = (service.to_owned(), account.to_owned());
        self.both().items.get(&entry).cloned()
    }

    /// The item belongs to this account.
    pub(super) fn remember(&self, service: &str, account: &str, item: &OwnedObjectPath) {
        let mut both = self.both();
        if both.accounts.len() >= LIMIT {
            *both = Both::default();
        }
        both.accounts.insert(item.clone(), account.to_owned());
        both.items
            .insert((service.to_owned(), account.to_owned()), item.clone());
    }

    fn both(&self) -> MutexGuard<'_, Both> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r3_7_an_item_is_found_by_its_account_and_the_other_way_round() {
        let known = ItemCache::default();
        known.remember("service", "account", &path(1));
        known.remember("other", "account", &path(2));
        assert_eq!(known.account(&path(1)).as_deref(), Some("account"));
        assert_eq!(known.item("service", "account"), Some(path(1)));
        assert_eq!(known.item("other", "account"), Some(path(2)));
        assert_eq!(
            (known.account(&path(3)), known.item("service", "missing")),
            (None, None)
        );
        known.remember("service", "account", &path(4));
        assert_eq!(known.item("service", "account"), Some(path(4)));
    }

    #[test]
    fn r3_7_what_is_remembered_has_a_limit() {
        let known = ItemCache::default();
        for i in 0..=LIMIT {
            known.remember("service", &i.to_string(), &path(i));
        }
        assert_eq!(known.account(&path(0)), None);
        assert_eq!(known.account(&path(LIMIT)), Some(LIMIT.to_string()));
    }

    fn path(number: usize) -> OwnedObjectPath {
        let path = format!("/org/freedesktop/secrets/collection/login/{number}");
        OwnedObjectPath::try_from(path).expect("a valid object path")
    }
}
