//! A placeholder for a keyring whose configuration is invalid: every call fails with the error that names the setting.

use super::{Keyring, KeyringError, Replies, Reply};
use crate::error::Error;
use crate::secret::Secret;

/// A keyring whose configuration is invalid. Its error is final: a store neither falls back to files nor treats it as
/// "not found".
pub struct MisconfiguredKeyring(Error);

impl MisconfiguredKeyring {
    /// Creates a keyring whose calls all fail with this error.
    pub fn new(error: Error) -> Self {
        Self(error.into_final())
    }

    fn fail<'a, T: Send + 'a>(&self) -> Reply<'a, T> {
        Box::pin(std::future::ready(Err(self.error())))
    }

    fn error(&self) -> KeyringError {
        KeyringError::Failed(self.0.clone())
    }
}

impl Keyring for MisconfiguredKeyring {
    fn get<'a>(&'a self, _service: &'a str, _account: &'a str) -> Reply<'a, Option<Secret>> {
        self.fail()
    }

    fn set<'a>(&'a self, _service: &'a str, _account: &'a str, _secret: &'a Secret) -> Reply<'a, ()> {
        self.fail()
    }

    fn delete<'a>(&'a self, _service: &'a str, _account: &'a str) -> Reply<'a, bool> {
        self.fail()
    }

    fn accounts<'a>(&'a self, _service: &'a str) -> Reply<'a, Vec<String>> {
        self.fail()
    }

    fn get_many<'a>(&'a self, _service: &'a str, accounts: &'a [String]) -> Replies<'a, Option<Secret>> {
        Box::pin(std::future::ready(
            accounts.iter().map(|_| Err(self.error())).collect::<Vec<_>>(),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Code;

    #[tokio::test]
    async fn every_call_fails_with_the_final_error_of_the_setting() {
        let keyring = MisconfiguredKeyring::new(Error::new(Code::Corrupt, "keyring.json is not JSON"));
        let error = Error::new(Code::Corrupt, "keyring.json is not JSON").into_final();
        let failure = Err(KeyringError::Failed(error));
        assert_eq!(keyring.contains("service", "a").await, failure.clone().map(|()| true));
        assert_eq!(keyring.set("service", "a", &Secret::from("x")).await, failure);
        assert_eq!(keyring.delete("service", "a").await, failure.clone().map(|()| true));
        assert_eq!(keyring.accounts("service").await, failure.clone().map(|()| Vec::new()));
        let many = keyring.get_many("service", &["a".to_owned(), "b".to_owned()]).await;
        assert_eq!(many.len(), 2);
        assert!(
            many.iter()
                .all(|one| one.as_ref().is_err_and(|error| error.error().is_final()))
        );
    }
}
