//! Remembers which item belongs to an account, for the lifetime of a session.
//!
//! A remembered path is only a guess, because other programs may rename, replace or delete the item at any time. Callers prove
//! in the same round trip that the item is the wanted one, and discard the result otherwise.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use zbus::OwnedObjectPath;

/// Maximum number of items that are remembered, which take about 20 MB. When it is reached, the cache starts again from empty.
const MAX_ITEMS: usize = 65_536;

/// The item of each service and account.
#[derive(Default)]
pub(super) struct ItemCache(Mutex<HashMap<(String, String), OwnedObjectPath>>);

impl ItemCache {
    /// Returns the item that was last remembered for an account. It may be gone, or belong to another account by now.
    pub(super) fn get(&self, service: &str, account: &str) -> Option<OwnedObjectPath> {
        let key = (service.to_owned(), account.to_owned());
        self.items().get(&key).cloned()
    }

    /// Remembers the item of an account.
    pub(super) fn insert(&self, service: &str, account: &str, item: &OwnedObjectPath) {
        let mut items = self.items();
        if items.len() >= MAX_ITEMS {
            items.clear();
        }
        items.insert((service.to_owned(), account.to_owned()), item.clone());
    }

    fn items(&self) -> MutexGuard<'_, HashMap<(String, String), OwnedObjectPath>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r3_7_the_last_remembered_item_of_an_account_is_returned() {
        let cache = ItemCache::default();
        cache.insert("service", "account", &path(1));
        cache.insert("other", "account", &path(2));
        assert_eq!(cache.get("service", "account"), Some(path(1)));
        assert_eq!(cache.get("other", "account"), Some(path(2)));
        assert_eq!(cache.get("service", "missing"), None);
        cache.insert("service", "account", &path(4));
        assert_eq!(cache.get("service", "account"), Some(path(4)));
    }

    #[test]
    fn r3_7_the_cache_is_bounded() {
        let cache = ItemCache::default();
        for i in 0..=MAX_ITEMS {
            cache.insert("service", &i.to_string(), &path(i));
        }
        assert_eq!(cache.get("service", "0"), None);
        assert_eq!(cache.get("service", &MAX_ITEMS.to_string()), Some(path(MAX_ITEMS)));
    }

    fn path(number: usize) -> OwnedObjectPath {
        let path = format!("/org/freedesktop/secrets/collection/login/{number}");
        OwnedObjectPath::try_from(path).expect("a valid object path")
    }
}
