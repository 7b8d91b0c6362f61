//! Named API keys of providers.

use std::sync::Arc;

use futures_util::future::{BoxFuture, FutureExt as _, ready};

use crate::error::{Code, Error, Result};
use crate::secret::Secret;
use crate::store::{SecretStore, StoreEntries, StoredIn};
use crate::text::trim;

/// The service of the keys in the keyring.
pub const SERVICE: &str = "llxprt-code-provider-keys";

/// The directory of the keys' encrypted files, below the data directory.
pub const DIRECTORY: &str = "provider-keys";

/// Maximum length of a name, in characters.
const MAX_NAME_LEN: usize = 64;

/// A storage of named API keys: [`ProviderKeys`], or an object of the host with the same methods.
///
/// `save` and `delete` take their place in the order of changes when they are called, not when they are awaited.
pub trait KeyStorage: Send + Sync {
    /// Stores a key. Returns where it is stored; `None` when the storage does not report that.
    fn save(&self, name: &str, api_key: &Secret) -> BoxFuture<'static, Result<Option<StoredIn>>>;

    /// Returns the key with that name; `None` when there is none.
    fn get<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<Secret>>>;

    /// Removes a key; `false` when there was none.
    fn delete(&self, name: &str) -> BoxFuture<'static, Result<bool>>;

    /// Returns the names, sorted and without duplicates.
    fn list(&self) -> BoxFuture<'_, Result<Vec<String>>>;

    /// Returns whether there is a key with that name.
    fn has<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<bool>>;

    /// Returns all names with their keys.
    fn entries(&self) -> BoxFuture<'_, Result<StoreEntries>>;
}

/// Named API keys in a store. Names match `^[a-zA-Z0-9._-]{1,64}$`. They are case-sensitive and are not normalised. Cloning is
/// cheap.
///
/// On Windows two names that differ only in case may share an entry.
#[derive(Clone)]
pub struct ProviderKeys {
    store: Arc<dyn SecretStore>,
}

impl ProviderKeys {
    /// Returns the keys in this store.
    pub fn new(store: Arc<dyn SecretStore>) -> Self {
        Self { store }
    }

    /// Returns the store that holds the keys.
    pub fn store(&self) -> &Arc<dyn SecretStore> {
        &self.store
    }
}

impl KeyStorage for ProviderKeys {
    /// Stores a key without the white space and byte-order marks around it.
    ///
    /// # Errors
    ///
    /// `CORRUPT` for an invalid name and for a key that is empty after trimming, before anything is touched.
    fn save(&self, name: &str, api_key: &Secret) -> BoxFuture<'static, Result<Option<StoredIn>>> {
        match validate_name(name).and_then(|()| trimmed(api_key)) {
            Ok(api_key) => self.store.set(name, api_key),
            Err(error) => ready(Err(error)).boxed(),
        }
    }

    fn get<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<Secret>>> {
        match validate_name(name) {
            Ok(()) => self.store.get(name),
            Err(error) => ready(Err(error)).boxed(),
        }
    }

    fn delete(&self, name: &str) -> BoxFuture<'static, Result<bool>> {
        match validate_name(name) {
            Ok(()) => self.store.delete(name),
            Err(error) => ready(Err(error)).boxed(),
        }
    }

    fn list(&self) -> BoxFuture<'_, Result<Vec<String>>> {
        self.store.list()
    }

    fn has<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<bool>> {
        match validate_name(name) {
            Ok(()) => self.store.has(name),
            Err(error) => ready(Err(error)).boxed(),
        }
    }

    fn entries(&self) -> BoxFuture<'_, Result<StoreEntries>> {
        self.store.entries()
    }
}

/// Checks the name of a key.
///
/// # Errors
///
/// `CORRUPT`, with a message that describes valid names.
pub fn validate_name(name: &str) -> Result<()> {
    let valid = (1..=MAX_NAME_LEN).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'));
    if valid { Ok(()) } else { Err(invalid_name(name)) }
}

fn invalid_name(name: &str) -> Error {
    Error::new(
        Code::Corrupt,
        format!("Key name '{name}' is invalid. Use only letters, numbers, dashes, underscores, and dots (1-64 chars)."),
    )
    .with_remediation("Re-save the key or re-authenticate under another key name")
}

/// Returns the trimmed key, or the error for an empty one.
fn trimmed(api_key: &Secret) -> Result<Secret> {
    let text = trim(api_key.expose());
    if text.is_empty() {
        return Err(Error::new(Code::Corrupt, "API key value cannot be empty."));
    }
    Ok(Secret::from(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r9_names_are_1_to_64_letters_digits_dots_dashes_and_underscores() {
        for good in ["a", "A.b-c_9", &"n".repeat(64)] {
            assert_eq!(validate_name(good), Ok(()), "{good}");
        }
        for bad in ["", "a b", "ä", "a/b", "a\n", &"n".repeat(65)] {
            let error = validate_name(bad).expect_err(bad);
            assert_eq!(error.code(), Code::Corrupt);
            assert_eq!(
                error.message(),
                format!(
                    "Key name '{bad}' is invalid. Use only letters, numbers, dashes, underscores, and dots (1-64 chars)."
                )
            );
        }
    }

    #[test]
    fn r10_white_space_and_a_byte_order_mark_are_trimmed_around_a_key_and_kept_inside_it() {
        assert_eq!(trimmed(&Secret::from("\u{feff} \t sk a\r\n")), Ok(Secret::from("sk a")));
        for empty in ["", " \r\n\t", "\u{feff}", "\u{a0}\u{2003}"] {
            assert_eq!(
                trimmed(&Secret::from(empty)).map_err(|e| e.message().to_owned()),
                Err("API key value cannot be empty.".to_owned())
            );
        }
    }
}
