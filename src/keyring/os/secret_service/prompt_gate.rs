//! Allows one prompt per process: callers share a prompt that is open, and no other prompt follows one that was refused.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, timeout, timeout_at};
use zbus::OwnedObjectPath;

use super::call_error::CallError;
use super::messages::DEFAULT_COLLECTION;
use super::session::Session;
use crate::error::Code;
use crate::keyring::errors::notice_refusal;
use crate::telemetry::propagate;

/// How long a service may take to acknowledge that a prompt was closed, and to report whether an object is locked.
const ACKNOWLEDGE_LIMIT: Duration = Duration::from_millis(100);

/// What a prompt asks the user for.
#[derive(Clone, Debug)]
pub(super) enum PromptRequest {
    /// To unlock these objects.
    Unlock(Vec<OwnedObjectPath>),
    /// To create the default collection, with a password of the user's choice.
    CreateDefaultCollection,
    /// To complete this prompt, which belongs to the creation or the deletion of one item.
    Confirm(OwnedObjectPath),
}

/// Decides whether a prompt may be shown.
#[derive(Default)]
pub(super) struct PromptGate(Mutex<State>);

#[derive(Default)]
enum State {
    /// No prompt is open and none was refused.
    #[default]
    Idle,
    /// A prompt is open until this time. The receiver gets its result.
    Showing(watch::Receiver<Option<Result<(), CallError>>>, Instant),
    /// A prompt was refused or timed out. No other is shown until this object is found unlocked.
    Exhausted(RefusedObject),
}

/// The object that a refused prompt was about.
#[derive(Clone, Debug, PartialEq, Eq)]
enum RefusedObject {
    Collection(String),
    Item(String),
    /// The prompt was not about a locked object. No other prompt is shown in this process.
    None,
}

impl PromptGate {
    /// Fulfils a request, with a prompt if the service needs one. Waits for a prompt that is already open.
    ///
    /// # Errors
    ///
    /// `DENIED` if the user dismisses the prompt, `TIMEOUT` if the prompt is not answered by `until` (it is closed then),
    /// `LOCKED` at once if a prompt was refused before.
    pub(super) async fn request(
        self: &Arc<Self>,
        session: &Arc<Session>,
        request: PromptRequest,
        until: Instant,
    ) -> Result<(), CallError> {
        self.reopen_if_unlocked(session).await?;
        loop {
            let (mut result, is_own, is_late) = {
                let mut state = self.state();
                match &*state {
                    State::Exhausted(_) => (None, false, false),
                    // A closed channel without a result means that the runtime of the showing task is gone.
                    State::Showing(result, ends) if result.has_changed().is_ok() => {
                        (Some(result.clone()), false, Instant::now() >= *ends)
                    }
                    State::Showing(..) | State::Idle => {
                        let (sender, result) = watch::channel(None);
                        *state = State::Showing(result.clone(), until);
                        // The prompt runs in a separate task, so that it outlives a caller that gives up while others wait.
                        let showing = Arc::clone(self).show(Arc::clone(session), request.clone(), until, sender);
                        tokio::spawn(propagate(showing));
                        (Some(result), true, false)
                    }
                }
            };
            let Some(result) = &mut result else {
                self.decline(session, &request).await;
                return Err(CallError::locked());
            };
            let outcome = result.wait_for(Option::is_some).await.map(|result| result.clone());
            match outcome {
                Ok(Some(outcome)) if is_own => return outcome,
                // The prompt of another caller failed. Callers that wait for an unlock get the same error.
                Ok(Some(Err(error))) if !is_late && !matches!(request, PromptRequest::Confirm(_)) => return Err(error),
                // The prompt of another caller has ended. This request may need its own.
                Ok(_) => {}
                Err(_) => return Err(CallError::timed_out()),
            }
        }
    }

    /// Fails with `LOCKED` if a prompt to unlock a collection was refused and the collection is still locked.
    pub(super) async fn check_collection(&self, session: &Session) -> Result<(), CallError> {
        if matches!(&*self.state(), State::Exhausted(RefusedObject::Collection(_))) && self.is_refused(session).await? {
            return Err(CallError::locked());
        }
        Ok(())
    }

    /// Records that a prompt about these objects did not unlock them. No other prompt is shown while they are locked.
    pub(super) async fn exhaust(&self, session: &Session, request: &PromptRequest) {
        let refused = refused_object(session, request).await;
        *self.state() = State::Exhausted(refused);
        notice_refusal();
    }

    /// Records that a collection is locked and that the service's own prompt was not answered.
    pub(super) fn exhaust_collection(&self, collection: &str) {
        *self.state() = State::Exhausted(RefusedObject::Collection(collection.to_owned()));
        notice_refusal();
    }

    /// Returns whether a prompt is open, so that a call that timed out was waiting for the user and not for the service.
    pub(super) fn is_showing(&self) -> bool {
        matches!(&*self.state(), State::Showing(result, _) if result.has_changed().is_ok())
    }

    async fn reopen_if_unlocked(&self, session: &Session) -> Result<(), CallError> {
        if matches!(&*self.state(), State::Exhausted(_)) {
            self.is_refused(session).await?;
        }
        Ok(())
    }

    /// Returns whether the object of a refused prompt is still locked. If it is not, prompts are allowed again.
    async fn is_refused(&self, session: &Session) -> Result<bool, CallError> {
        let refused = match &*self.state() {
            State::Exhausted(refused) => refused.clone(),
            _ => return Ok(false),
        };
        let is_locked = match &refused {
            RefusedObject::Collection(path) => is_collection_locked(session, path).await,
            RefusedObject::Item(path) => session.is_item_locked(path).await.map(Some),
            RefusedObject::None => return Ok(false),
        };
        match is_locked {
            Ok(Some(false)) => {
                let mut state = self.state();
                if matches!(&*state, State::Exhausted(current) if *current == refused) {
                    *state = State::Idle;
                }
                Ok(false)
            }
            Ok(Some(true)) => Ok(true),
            Err(error) if error.ends_session() => Err(error),
            // The object is gone. That does not allow another prompt.
            Ok(None) | Err(_) => Ok(false),
        }
    }

    async fn show(
        self: Arc<Self>,
        session: Arc<Session>,
        request: PromptRequest,
        until: Instant,
        sender: watch::Sender<Option<Result<(), CallError>>>,
    ) {
        let (result, is_refused) = ask_user(&session, &request, until).await;
        let state = match is_refused {
            true => State::Exhausted(refused_object(&session, &request).await),
            false => State::Idle,
        };
        *self.state() = state;
        if is_refused {
            notice_refusal();
        }
        sender.send_replace(Some(result));
    }

    /// Closes a prompt that must not be shown, so that the service forgets it.
    async fn decline(&self, session: &Session, request: &PromptRequest) {
        if let PromptRequest::Confirm(prompt) = request {
            close(session, prompt).await;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Closes a prompt. If the service does not acknowledge that, the session is given up: its end closes the prompt.
pub(super) async fn close(session: &Session, prompt: &OwnedObjectPath) {
    let closed = timeout(ACKNOWLEDGE_LIMIT, session.dismiss(prompt)).await;
    if !matches!(closed, Ok(Ok(()))) {
        session.give_up();
    }
}

/// Returns the collection of an item, or the collection itself. An item's path is its collection's path and one part more.
fn collection_of(object: &str) -> &str {
    const COLLECTION_PARTS: usize = 5; // "", org, freedesktop, secrets, collection, <name>
    let end = object.match_indices('/').nth(COLLECTION_PARTS);
    end.map_or(object, |(end, _)| &object[..end])
}

/// Returns the object of a refused prompt: the collection if it is locked, otherwise the item.
async fn refused_object(session: &Session, request: &PromptRequest) -> RefusedObject {
    let (collection, item) = match request {
        PromptRequest::Unlock(objects) => {
            let Some(object) = objects.first() else {
                return RefusedObject::None;
            };
            (collection_of(object), Some(object.as_str()))
        }
        PromptRequest::CreateDefaultCollection | PromptRequest::Confirm(_) => (DEFAULT_COLLECTION, None),
    };
    let is_locked = is_collection_locked(session, collection);
    match (timeout(ACKNOWLEDGE_LIMIT, is_locked).await, item) {
        (Ok(Ok(Some(false))), Some(item)) if item != collection => RefusedObject::Item(item.to_owned()),
        (Ok(Ok(Some(false))), None) if matches!(request, PromptRequest::Confirm(_)) => RefusedObject::None,
        _ => RefusedObject::Collection(collection.to_owned()),
    }
}

/// Returns whether a collection is locked; `None` if it is the default collection and there is none.
async fn is_collection_locked(session: &Session, collection: &str) -> Result<Option<bool>, CallError> {
    match collection {
        DEFAULT_COLLECTION => session.is_default_collection_locked().await,
        _ => session.is_collection_locked(collection).await.map(Some),
    }
}

/// Returns the result of a request, and whether the user refused it.
async fn ask_user(session: &Session, request: &PromptRequest, until: Instant) -> (Result<(), CallError>, bool) {
    let requesting = async {
        match request {
            PromptRequest::Unlock(objects) => session.unlock(objects).await,
            PromptRequest::CreateDefaultCollection => session.create_default_collection().await,
            PromptRequest::Confirm(prompt) => Ok(prompt.clone()),
        }
    };
    let prompt = match timeout_at(until, requesting).await {
        Ok(Ok(prompt)) if prompt.as_str() == "/" => return (Ok(()), false),
        Ok(Ok(prompt)) => prompt,
        Ok(Err(error)) => return (Err(error), false),
        Err(_) => {
            // The service does not answer. The user was not asked.
            session.give_up();
            return (Err(CallError::timed_out()), false);
        }
    };
    match timeout_at(until, session.show(&prompt)).await {
        Ok(Ok(true)) => (Ok(()), false),
        Ok(Ok(false)) => (Err(dismissed()), true),
        Ok(Err(error)) => {
            let is_refused = !error.ends_session();
            (Err(error), is_refused)
        }
        Err(_) => {
            close(session, &prompt).await;
            let message = "The keyring's prompt was not answered in time";
            (Err(CallError::failed(Code::Timeout, message)), true)
        }
    }
}

fn dismissed() -> CallError {
    let message = "The keyring is locked, and its prompt was dismissed or could not be shown";
    CallError::failed(Code::Denied, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_collection_of_an_item_is_its_path_without_the_last_part() {
        let collection = "/org/freedesktop/secrets/collection/login";
        assert_eq!(collection_of(&format!("{collection}/12")), collection);
        assert_eq!(collection_of(collection), collection);
        assert_eq!(collection_of("/"), "/");
    }
}
