//! Writes and deletions, with a check of what they did.

use futures_util::future::{join, join_all};
use zbus::OwnedObjectPath;

use super::attempt::{Attempt, UnlockScope, attributes};
use super::call_error::CallError;
use super::messages::SearchResult;
use super::prompt_gate::{PromptRequest, close};
use crate::error::Code;
use crate::keyring::errors::ErrorKind;
use crate::secret::Secret;
use crate::telemetry::notices::{NoticeKind, notice};

/// Result of a deletion.
pub(super) struct Deletion {
    /// Whether an item was deleted, also if a later step failed.
    pub(super) was_there: bool,
    /// Whether an item is still there although the service reported its deletion; an error if that is not known.
    pub(super) remains: Result<bool, CallError>,
}

/// The label that the keyring family gives a new entry. Users see it in Seahorse or KWalletManager.
fn label(service: &str, account: &str) -> String {
    format!("keyring:{account}@{service}")
}

impl Attempt {
    /// Stores a secret: finds the item, then writes it. An account that has several items is left with one, or with several
    /// that hold the same value.
    pub(super) async fn set(&self, service: &str, account: &str, secret: &Secret) -> Result<(), CallError> {
        match self.set_and_read(service, account, secret, false).await? {
            None | Some(Ok(_)) => Ok(()),
            Some(Err(error)) => Err(error),
        }
    }

    /// Stores a secret and reads it back. The read is sent right behind the write of an existing item; a new item, whose path
    /// is not known before, takes one more round trip.
    ///
    /// # Errors
    ///
    /// The error of the write. The error of the read is part of the result.
    pub(super) async fn set_verified(
        &self,
        service: &str,
        account: &str,
        secret: &Secret,
    ) -> Result<Result<Option<Secret>, CallError>, CallError> {
        let read = self.set_and_read(service, account, secret, true).await?;
        Ok(read.unwrap_or(Ok(None)))
    }

    async fn set_and_read(
        &self,
        service: &str,
        account: &str,
        secret: &Secret,
        reads_back: bool,
    ) -> Result<Option<Result<Option<Secret>, CallError>>, CallError> {
        let items = self.find_own(service, account, UnlockScope::Any).await?;
        let Some(newest) = self.newest(&items).await? else {
            self.create(service, account, secret).await?;
            return Ok(match reads_back {
                true => Some(self.get_single(service, account).await),
                false => None,
            });
        };
        self.session.items.insert(service, account, newest);
        let write = async {
            self.session.set_secret(newest, secret.expose()).await?;
            // The value is stored, and it is the newest. A failure with older duplicates changes neither.
            let older = items.iter().filter(|item| *item != newest);
            join_all(older.map(|item| self.remove_duplicate(item, secret))).await;
            Ok::<(), CallError>(())
        };
        if !reads_back || items.len() > 1 {
            write.await?;
            return Ok(match reads_back {
                true => Some(self.get_single(service, account).await),
                false => None,
            });
        }
        let (written, read) = join(write, self.get_single(service, account)).await;
        written?;
        match read {
            Ok(Some(value)) if value == *secret => Ok(Some(Ok(Some(value)))),
            // Messages that are sent while another task is sending may be reordered: only a read after the write counts.
            _ => Ok(Some(self.get_single(service, account).await)),
        }
    }

    /// Finds the items of an account and checks that they are its own, in one round trip if the item is known.
    async fn find_own(
        &self,
        service: &str,
        account: &str,
        scope: UnlockScope,
    ) -> Result<Vec<OwnedObjectPath>, CallError> {
        let wanted = attributes(service, account);
        let guess = Vec::from_iter(self.session.items.get(service, account));
        let finding = async {
            let (found, is_incomplete) = match scope {
                // The creation replaces an item that this search misses.
                UnlockScope::Any => self.search_once(&wanted).await?,
                UnlockScope::All => self.search(&wanted).await?,
            };
            self.unlock(found, is_incomplete, &wanted, scope).await
        };
        let (checked, items) = join(self.check_items(&guess, service, account), finding).await;
        let items = items?;
        if items != guess || checked.is_err() {
            self.check_items(&items, service, account).await?;
        }
        Ok(items)
    }

    /// Removes an older duplicate. One whose removal needs a prompt stays with the new value, so that no other program reads
    /// an older one.
    async fn remove_duplicate(&self, item: &OwnedObjectPath, secret: &Secret) {
        let _ = self.session.set_secret(item, secret.expose()).await;
        match self.session.delete(item).await {
            Ok(prompt) if prompt.as_str() != "/" => {
                close(&self.session, &prompt).await;
                notice(
                    NoticeKind::DuplicateRemains,
                    Code::Denied,
                    "The keyring holds a duplicate of a key that cannot be removed without a dialog. It has the new value.",
                    "Delete the duplicate in the keyring's own program",
                );
            }
            _ => {}
        }
    }

    /// Creates the item in the default collection, which is unlocked or created first if necessary.
    async fn create(&self, service: &str, account: &str, secret: &Secret) -> Result<(), CallError> {
        let label = label(service, account);
        let wanted = attributes(service, account);
        let create = || self.session.create(&label, &wanted, secret.expose());
        let error = match create().await {
            Ok((item, prompt)) => return self.finish_creation(service, account, &item, prompt).await,
            Err(error) if error.ends_session() => return Err(error),
            Err(error) => error,
        };
        let request = match (error.kind, self.session.default_collection().await?) {
            (ErrorKind::Failed(Code::Locked), Some(collection)) => PromptRequest::Unlock(vec![collection]),
            // A new gnome-keyring has no default collection. libsecret creates one in this case, too.
            (_, None) => PromptRequest::CreateDefaultCollection,
            (ErrorKind::ItemDeleted, Some(_)) => return Err(CallError::failed(Code::Unavailable, error.message)),
            _ => return Err(error),
        };
        self.request(request.clone()).await?;
        match create().await {
            Ok((item, prompt)) => self.finish_creation(service, account, &item, prompt).await,
            Err(error) if error.kind == ErrorKind::Failed(Code::Locked) => {
                self.connection.prompt_gate.exhaust(&self.session, &request).await;
                Err(error)
            }
            Err(error) if error.kind == ErrorKind::ItemDeleted => {
                Err(CallError::failed(Code::Unavailable, error.message))
            }
            Err(error) => Err(error),
        }
    }

    async fn finish_creation(
        &self,
        service: &str,
        account: &str,
        item: &OwnedObjectPath,
        prompt: OwnedObjectPath,
    ) -> Result<(), CallError> {
        if item.as_str() == "/" {
            return self.confirm(prompt).await;
        }
        self.session.items.insert(service, account, item);
        Ok(())
    }

    /// Deletes every item of an account, then searches again, in the same round trip where no prompt is necessary.
    pub(super) async fn delete(&self, service: &str, account: &str) -> Result<Deletion, CallError> {
        let wanted = attributes(service, account);
        let items = self.find_own(service, account, UnlockScope::All).await?;
        if items.is_empty() {
            return Ok(Deletion {
                was_there: false,
                remains: Ok(false),
            });
        }
        let deletions = join_all(items.iter().map(|item| self.session.delete(item)));
        let (deletions, mut found) = join(deletions, self.session.search(&wanted)).await;
        let mut was_there = false;
        let mut first_error = None;
        let mut had_prompt = false;
        for deletion in deletions {
            let result = match deletion {
                Ok(prompt) => {
                    had_prompt |= prompt.as_str() != "/";
                    self.confirm(prompt).await
                }
                Err(error) => Err(error),
            };
            match result {
                Ok(()) => was_there = true,
                // Another program deleted it.
                Err(error) if error.kind == ErrorKind::ItemDeleted => {}
                Err(error) => first_error = first_error.or(Some(error)),
            }
        }
        let still_has = |found: &SearchResult| items.iter().any(|item| found.contains(item));
        // Some services answer the search before they carry out the deletion.
        if had_prompt || found.as_ref().is_ok_and(still_has) {
            found = self.session.search(&wanted).await;
        }
        let remains = match first_error {
            Some(error) => Err(error),
            None => found.as_ref().map(still_has).map_err(Clone::clone),
        };
        Ok(Deletion { was_there, remains })
    }
}
