//! One attempt of one keyring call: the parts that all calls share.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::future::{join3, try_join_all};
use tokio::time::Instant;
use zbus::OwnedObjectPath;
use zeroize::Zeroizing;

use super::call_error::CallError;
use super::connections::Connection;
use super::messages::{Attributes, SearchResult};
use super::prompt_gate::PromptRequest;
use super::session::Session;
use crate::error::Code;
use crate::keyring::errors::ErrorKind;
use crate::secret::Secret;
use crate::telemetry::fingerprint;

/// Maximum number of requests in flight at once: enough to hide the round trips, and below the quotas of a bus.
pub(super) const MAX_IN_FLIGHT: usize = 64;

/// The items that a call needs unlocked.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum UnlockScope {
    /// One is enough.
    Any,
    /// All of them.
    All,
}

/// One attempt of one call.
pub(super) struct Attempt {
    pub(super) connection: Arc<Connection>,
    pub(super) session: Arc<Session>,
    /// When an unanswered prompt is closed.
    pub(super) prompt_deadline: Instant,
    /// How long the service may take to return many secrets at once.
    pub(super) batch_limit: Duration,
}

/// The attributes that the keyring family writes and finds its entries by. Other attributes do not matter.
pub(super) fn attributes<'a>(service: &'a str, account: &'a str) -> HashMap<&'a str, &'a str> {
    HashMap::from([("service", service), ("username", account)])
}

/// Returns whether these attributes are those of an account.
pub(super) fn belongs_to(attributes: &Attributes, service: &str, account: &str) -> bool {
    let has = |name, value| attributes.get(name).is_some_and(|actual| actual == value);
    has("service", service) && has("username", account)
}

/// Decodes a secret that was read.
pub(super) fn decode(account: &str, mut secret: Zeroizing<Vec<u8>>) -> Result<Secret, CallError> {
    Secret::from_utf8(std::mem::take(&mut *secret)).ok_or_else(|| {
        CallError::failed(
            Code::Corrupt,
            format!("The keyring's value of key {} is not text", fingerprint(account)),
        )
    })
}

impl Attempt {
    /// Fails with `LOCKED` if the user refused to unlock the keyring and it is still locked.
    pub(super) async fn check_unlocked(&self) -> Result<(), CallError> {
        self.connection.prompt_gate.check_collection(&self.session).await
    }

    /// Searches. The second part of the result is whether locked items may be missing from the first.
    ///
    /// An empty result counts only if the default collection was known to be unlocked before the search was sent, and still
    /// is. Some services find nothing while they are locked. A daemon that starts owns its name before it has loaded its
    /// items. The answers to two requests in flight may change places.
    pub(super) async fn search(&self, attributes: &HashMap<&str, &str>) -> Result<(SearchResult, bool), CallError> {
        let (found, is_incomplete) = self.search_once(attributes).await?;
        match found.is_empty() && !is_incomplete {
            true => self.search_once(attributes).await,
            false => Ok((found, is_incomplete)),
        }
    }

    /// Searches in one round trip, for a caller to whom it does not matter if an item that exists is missing from the result.
    pub(super) async fn search_once(
        &self,
        attributes: &HashMap<&str, &str>,
    ) -> Result<(SearchResult, bool), CallError> {
        let (found, is_locked, ()) = join3(
            self.session.search(attributes),
            self.session.is_default_collection_locked(),
            // Computes the session key while the service handles the search.
            async { self.session.cipher.prepare() },
        )
        .await;
        let (found, is_locked) = (found?, self.is_hiding(is_locked)?);
        let is_incomplete = is_locked && found.locked.is_empty();
        Ok((found, is_incomplete))
    }

    /// Returns whether the service may hide items: it is locked, or it has no default collection although it had one before, as
    /// a daemon that has just been restarted. A service that does not report whether it is locked counts as unlocked.
    fn is_hiding(&self, is_locked: Result<Option<bool>, CallError>) -> Result<bool, CallError> {
        let had_collection = &self.connection.had_collection;
        match is_locked {
            Ok(Some(is_locked)) => {
                had_collection.store(true, Ordering::Relaxed);
                Ok(is_locked)
            }
            Ok(None) => Ok(had_collection.load(Ordering::Relaxed)),
            Err(error) if error.ends_session() => Err(error),
            Err(_) => Ok(false),
        }
    }

    /// Finds the items with these attributes and unlocks them, with the one prompt if necessary.
    ///
    /// # Errors
    ///
    /// `LOCKED` if items stay locked, or may be hidden because the keyring is locked.
    pub(super) async fn find_unlocked(
        &self,
        attributes: &HashMap<&str, &str>,
        scope: UnlockScope,
    ) -> Result<Vec<OwnedObjectPath>, CallError> {
        let (found, is_incomplete) = self.search(attributes).await?;
        self.unlock(found, is_incomplete, attributes, scope).await
    }

    /// Unlocks the items that a search has found.
    pub(super) async fn unlock(
        &self,
        found: SearchResult,
        is_incomplete: bool,
        attributes: &HashMap<&str, &str>,
        scope: UnlockScope,
    ) -> Result<Vec<OwnedObjectPath>, CallError> {
        let is_enough = |found: &SearchResult, is_incomplete: bool| {
            (found.locked.is_empty() && !is_incomplete) || (scope == UnlockScope::Any && !found.unlocked.is_empty())
        };
        if is_enough(&found, is_incomplete) {
            return Ok(found.unlocked);
        }
        let objects = match found.locked.is_empty() {
            false => found.locked,
            true => Vec::from_iter(self.session.default_collection().await?),
        };
        if objects.is_empty() {
            return Err(CallError::locked());
        }
        let request = PromptRequest::Unlock(objects);
        self.request(request.clone()).await?;
        let (found, is_incomplete) = self.search(attributes).await?;
        if is_enough(&found, is_incomplete) {
            return Ok(found.unlocked);
        }
        self.connection.prompt_gate.exhaust(&self.session, &request).await;
        Err(CallError::locked())
    }

    /// Fulfils a request that may need a prompt.
    pub(super) async fn request(&self, request: PromptRequest) -> Result<(), CallError> {
        let gate = &self.connection.prompt_gate;
        gate.request(&self.session, request, self.prompt_deadline).await
    }

    /// Completes the creation or deletion of an item. `/` means that no prompt is necessary.
    pub(super) async fn confirm(&self, prompt: OwnedObjectPath) -> Result<(), CallError> {
        match prompt.as_str() {
            "/" => Ok(()),
            _ => self.request(PromptRequest::Confirm(prompt)).await,
        }
    }

    /// Returns the newest of the items. Asks for their times only if there are several.
    pub(super) async fn newest<'a>(
        &self,
        items: &'a [OwnedObjectPath],
    ) -> Result<Option<&'a OwnedObjectPath>, CallError> {
        if items.len() < 2 {
            return Ok(items.first());
        }
        let mut times = Vec::with_capacity(items.len());
        for items in items.chunks(MAX_IN_FLIGHT) {
            times.extend(try_join_all(items.iter().map(|item| self.session.times(item))).await?);
        }
        // Times are whole seconds. gnome-keyring numbers its items, so of two with equal times the longer, then the greater
        // path is the newer one.
        let age = |(item, times): &(&OwnedObjectPath, (u64, u64))| (*times, item.as_str().len(), item.to_string());
        Ok(items.iter().zip(times).max_by_key(age).map(|(item, _)| item))
    }

    /// Returns the attributes of each item; `None` for an item that is gone or does not show them.
    pub(super) async fn attributes_of(&self, items: &[OwnedObjectPath]) -> Result<Vec<Option<Attributes>>, CallError> {
        let attributes_of = |item| async move {
            match self.session.attributes(item).await {
                Ok(attributes) => Ok(Some(attributes)),
                Err(error) if error.kind == ErrorKind::ItemDeleted || is_locked(&error) => Ok(None),
                Err(error) => Err(error),
            }
        };
        let mut all = Vec::with_capacity(items.len());
        for items in items.chunks(MAX_IN_FLIGHT) {
            all.extend(try_join_all(items.iter().map(attributes_of)).await?);
        }
        Ok(all)
    }

    /// Fails unless every item belongs to the account, so that no other key is overwritten or deleted.
    pub(super) async fn check_items(
        &self,
        items: &[OwnedObjectPath],
        service: &str,
        account: &str,
    ) -> Result<(), CallError> {
        let all = self.attributes_of(items).await?;
        let are_right = all
            .iter()
            .all(|attributes| attributes.as_ref().is_some_and(|it| belongs_to(it, service, account)));
        are_right.then_some(()).ok_or_else(CallError::wrong_item)
    }
}

fn is_locked(error: &CallError) -> bool {
    error.kind == ErrorKind::Failed(Code::Locked)
}
