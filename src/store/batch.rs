//! Many values at once.

use std::collections::BTreeSet;

use futures_util::StreamExt as _;

use super::{FallbackPolicy, Key, SecureStore, SelectedKeyring};
use crate::error::Result;
use crate::secret::Secret;
use crate::telemetry::events::Operation;

/// How many deletions are in flight at once.
const IN_FLIGHT: usize = 16;

impl SecureStore {
    /// The values of many keys, in the order asked for, with all requests in flight at once.
    pub async fn get_many(&self, keys: &[String]) -> Vec<Result<Option<Secret>>> {
        let operation = Operation::start("get_many");
        let values = self.get_many_now(keys).await;
        operation.finish(self.service(), None, values)
    }

    async fn get_many_now(&self, keys: &[String]) -> Vec<Result<Option<Secret>>> {
        let choice = self.choice().await;
        let in_files: BTreeSet<String> = match self.config.policy {
            FallbackPolicy::Allow => self
                .config
                .files
                .list()
                .await
                .unwrap_or_default()
                .keys
                .into_iter()
                .collect(),
            FallbackPolicy::Deny => BTreeSet::new(),
        };
        let mut answers: Vec<Option<Result<Option<Secret>>>> = keys.iter().map(|_| None).collect();
        match choice.as_ref().map(SelectedKeyring::keyring) {
            // Only keys without a file can be answered by the keyring alone; the others take the careful way below.
            Ok(Some(keyring)) => {
                let (at, names): (Vec<usize>, Vec<String>) = keys
                    .iter()
                    .enumerate()
                    .filter(|(_, key)| !in_files.contains(*key) && Key::parse(key).is_ok())
                    .map(|(at, key)| (at, key.clone()))
                    .unzip();
                let found = keyring.get_many(&self.config.service, &names).await;
                for (at, found) in at.into_iter().zip(found) {
                    // A keyring that failed may have a file beside it by now: the careful way again.
                    answers[at] = found.ok().flatten().map(|value| Ok(Some(value)));
                }
            }
            Ok(None) if self.config.policy == FallbackPolicy::Allow => {
                let found = self.config.files.read_many(keys).await;
                for ((answer, found), key) in answers.iter_mut().zip(found).zip(keys) {
                    *answer = Some(match Key::parse(key) {
                        Ok(_) => found.map(|stored| stored.map(|stored| stored.value)),
                        Err(error) => Err(error),
                    });
                }
            }
            _ => {}
        }
        let mut values = Vec::with_capacity(keys.len());
        for (answer, key) in answers.into_iter().zip(keys) {
            values.push(match answer {
                Some(answer) => answer,
                None => self.get(key).await,
            });
        }
        values
    }

    /// Removes many keys, each as [`SecureStore::delete`] does; one that fails stops none of the others. The answers are
    /// in the order asked for.
    pub async fn delete_many(&self, keys: &[String]) -> Vec<Result<bool>> {
        // Boxed: the compiler does not see that what borrows from `keys` may be sent to another thread.
        let deletions: Vec<_> = keys.iter().map(|key| Box::pin(self.delete(key))).collect();
        futures_util::stream::iter(deletions)
            .buffered(IN_FLIGHT)
            .collect()
            .await
    }
}
