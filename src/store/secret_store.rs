//! The interface of a store of secrets, for the modules that use one.

use futures_util::future::{BoxFuture, FutureExt as _, join_all};

use super::{SecureStore, StoredIn};
use crate::error::{Error, Result};
use crate::fs::executor::FileExecutor;
use crate::secret::Secret;

/// All keys of a store with their values.
#[derive(Debug, Default)]
pub struct StoreEntries {
    /// One entry for each key, sorted by key.
    pub entries: Vec<StoreEntry>,
    /// The error of a source that could not be listed. `None` means that the entries are known to be complete.
    pub incomplete: Option<Error>,
}

/// One key of a store.
#[derive(Debug)]
pub struct StoreEntry {
    /// The key.
    pub key: String,
    /// Its value; `None` when it could not be read.
    pub value: Option<Secret>,
    /// Where the value is.
    pub stored_in: StoredIn,
    /// Why the value could not be read.
    pub error: Option<Error>,
}

/// The keys of a store.
#[derive(Debug, Default)]
pub struct StoreKeys {
    /// The keys, sorted and without duplicates.
    pub keys: Vec<String>,
    /// The error of a source that could not be listed. `None` means that the keys are known to be complete.
    pub incomplete: Option<Error>,
}

/// A store of secrets by key: a [`SecureStore`], or an object of the host with the same methods.
///
/// Changes of a key are made in the order of the calls to `set` and `delete`, not in the order in which they are awaited.
pub trait SecretStore: Send + Sync {
    /// Returns the value of a key; `None` when there is none.
    fn get<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<Secret>>>;

    /// Stores a value. Returns where it is stored; `None` when the store does not report that.
    fn set(&self, key: &str, value: Secret) -> BoxFuture<'static, Result<Option<StoredIn>>>;

    /// Removes a key. Returns whether it had a value.
    fn delete(&self, key: &str) -> BoxFuture<'static, Result<bool>>;

    /// Returns the keys, sorted and without duplicates. An empty list means that the store is known to be empty.
    fn list(&self) -> BoxFuture<'_, Result<Vec<String>>>;

    /// Returns the keys without reading a value, and the error of a source that could not be listed.
    fn keys(&self) -> BoxFuture<'_, Result<StoreKeys>> {
        self.list()
            .map(|keys| keys.map(|keys| StoreKeys { keys, incomplete: None }))
            .boxed()
    }

    /// Returns whether a key has a value.
    fn has<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<bool>>;

    /// Returns all keys with their values. The default lists the keys and reads them all at once.
    fn entries(&self) -> BoxFuture<'_, Result<StoreEntries>> {
        async move {
            let keys = self.list().await?;
            let values = self.get_many(&keys).await;
            StoreEntries::of(keys, values)
        }
        .boxed()
    }

    /// Returns the values of many keys, in the order of the keys. The default reads them all at once.
    fn get_many<'a>(&'a self, keys: &'a [String]) -> BoxFuture<'a, Vec<Result<Option<Secret>>>> {
        join_all(keys.iter().map(|key| self.get(key))).boxed()
    }

    /// Removes many keys. A failure does not stop the others. The results are in the order of the keys.
    fn delete_many<'a>(&'a self, keys: &'a [String]) -> BoxFuture<'a, Vec<Result<bool>>> {
        join_all(keys.iter().map(|key| self.delete(key))).boxed()
    }

    /// Returns the executor for files that are kept beside the store's own.
    fn executor(&self) -> FileExecutor {
        FileExecutor::Pool
    }

    /// Returns the store itself if it is a [`SecureStore`].
    fn as_secure_store(&self) -> Option<&SecureStore> {
        None
    }
}

impl StoreEntries {
    /// Creates the entries of all keys from the results of reading them, in the same order. A key that has no value any more
    /// is left out.
    ///
    /// # Errors
    ///
    /// An error that ends every operation, such as `RUNTIME_REPLACED`.
    pub fn of(keys: Vec<String>, values: Vec<Result<Option<Secret>>>) -> Result<Self> {
        let mut entries = Vec::with_capacity(keys.len());
        for (key, value) in keys.into_iter().zip(values) {
            match value {
                Err(error) if error.is_final() => return Err(error),
                value => entries.extend(StoreEntry::of(key, StoredIn::Keyring, value)),
            }
        }
        Ok(Self {
            entries,
            incomplete: None,
        })
    }
}

impl StoreEntry {
    /// Creates the entry of a key from the result of reading it; `None` when the key has no value any more.
    pub fn of(key: String, stored_in: StoredIn, value: Result<Option<Secret>>) -> Option<Self> {
        let (value, error) = match value {
            Ok(None) => return None,
            Ok(value) => (value, None),
            Err(error) => (None, Some(error)),
        };
        Some(Self {
            key,
            value,
            stored_in,
            error,
        })
    }
}

impl SecretStore for SecureStore {
    fn get<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<Secret>>> {
        SecureStore::get(self, key).boxed()
    }

    fn set(&self, key: &str, value: Secret) -> BoxFuture<'static, Result<Option<StoredIn>>> {
        SecureStore::set(self, key, value)
            .map(|stored| stored.map(Some))
            .boxed()
    }

    fn delete(&self, key: &str) -> BoxFuture<'static, Result<bool>> {
        SecureStore::delete(self, key).boxed()
    }

    fn list(&self) -> BoxFuture<'_, Result<Vec<String>>> {
        SecureStore::list(self).boxed()
    }

    fn keys(&self) -> BoxFuture<'_, Result<StoreKeys>> {
        SecureStore::keys(self).boxed()
    }

    fn has<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<bool>> {
        SecureStore::has(self, key).boxed()
    }

    fn entries(&self) -> BoxFuture<'_, Result<StoreEntries>> {
        SecureStore::entries(self).boxed()
    }

    fn get_many<'a>(&'a self, keys: &'a [String]) -> BoxFuture<'a, Vec<Result<Option<Secret>>>> {
        SecureStore::get_many(self, keys).boxed()
    }

    fn delete_many<'a>(&'a self, keys: &'a [String]) -> BoxFuture<'a, Vec<Result<bool>>> {
        SecureStore::delete_many(self, keys).boxed()
    }

    fn executor(&self) -> FileExecutor {
        SecureStore::executor(self)
    }

    fn as_secure_store(&self) -> Option<&SecureStore> {
        Some(self)
    }
}
