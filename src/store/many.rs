//! Many keys at once.

use futures_util::StreamExt as _;

use super::SecureStore;
use crate::error::Result;

/// How many deletions are in flight at once.
const IN_FLIGHT: usize = 16;

impl SecureStore {
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
