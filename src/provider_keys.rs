//! Named API keys of providers (R9–R11).

use crate::error::{Code, Error, Result};
use crate::secret::Secret;
use crate::store::{SecureStore, StoredIn};
use crate::text::trim;

/// The service its accounts belong to.
pub const SERVICE: &str = "llxprt-code-provider-keys";

/// Where its files are, below the home directory.
pub const DIRECTORY: [&str; 2] = [".llxprt", "provider-keys"];

/// The longest name, in characters.
const NAME_LIMIT: usize = 64;

/// Named API keys. Names match `^[a-zA-Z0-9._-]{1,64}$`; case matters, nothing is normalised.
///
/// On Windows two names that differ only in case may share an entry.
#[derive(Clone)]
pub struct ProviderKeys {
    store: SecureStore,
}

impl ProviderKeys {
    /// Keys kept in this store.
    pub fn new(store: SecureStore) -> Self {
        Self { store }
    }

    /// Stores a key without the white space around it (also a byte-order mark), and says where it went.
    /// `CORRUPT` for an invalid name and for a key that is then empty; nothing is stored.
    pub fn save(&self, name: &str, api_key: &Secret) -> impl Future<Output = Result<StoredIn>> + Send + use<> {
        let saving = validate_name(name)
            .and_then(|()| trimmed(api_key))
            .map(|api_key| self.store.set(name, api_key));
        async move { saving?.await }
    }

    /// The key of that name; `None` when there is none. `CORRUPT` for an invalid name.
    pub async fn get(&self, name: &str) -> Result<Option<Secret>> {
        validate_name(name)?;
        self.store.get(name).await
    }

    /// The keys of many names, in the order asked for, with all requests in flight at once.
    pub async fn get_many(&self, names: &[String]) -> Vec<Result<Option<Secret>>> {
        self.store.get_many(names).await
    }

    /// Removes a key; `false` when there was none. `CORRUPT` for an invalid name.
    pub fn delete(&self, name: &str) -> impl Future<Output = Result<bool>> + Send + use<> {
        let deleting = validate_name(name).map(|()| self.store.delete(name));
        async move { deleting?.await }
    }

    /// The names, sorted and without duplicates; empty when there are none.
    pub async fn list(&self) -> Result<Vec<String>> {
        self.store.list().await
    }

    /// Whether there is a key of that name. `CORRUPT` for an invalid name.
    pub async fn has(&self, name: &str) -> Result<bool> {
        validate_name(name)?;
        self.store.has(name).await
    }

    /// The store they are kept in.
    pub fn store(&self) -> &SecureStore {
        &self.store
    }
}

/// Checks a key's name (R9); an invalid one is `CORRUPT`, with a message that says what a name may be.
pub fn validate_name(name: &str) -> Result<()> {
    let valid = (1..=NAME_LIMIT).contains(&name.len())
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
    fn r10_white_space_and_a_byte_order_mark_around_a_key_are_cut_and_inside_it_stay() {
        assert_eq!(trimmed(&Secret::from("\u{feff} \t sk a\r\n")), Ok(Secret::from("sk a")));
        for empty in ["", " \r\n\t", "\u{feff}", "\u{a0}\u{2003}"] {
            assert_eq!(
                trimmed(&Secret::from(empty)).map_err(|e| e.message().to_owned()),
                Err("API key value cannot be empty.".to_owned())
            );
        }
    }
}
