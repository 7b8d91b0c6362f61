//! One unlock prompt per process and bus (R7B): shared by everybody who waits, and used up once it was dismissed.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;
use zbus::OwnedObjectPath;

use super::session::{CallError, DEFAULT_COLLECTION, Session};
use crate::error::Code;
use crate::keyring::errors::ErrorKind;

/// What the user is asked for.
#[derive(Clone, Debug)]
pub(super) enum PromptRequest {
    /// To unlock these objects.
    Unlock(Vec<OwnedObjectPath>),
    /// To create the default collection, with a password of their choice.
    CreateDefaultCollection,
}

impl PromptRequest {
    /// The collection that shows, later, whether the wish has come true after all.
    fn collection(&self) -> String {
        match self {
            PromptRequest::Unlock(objects) => objects.first().map(collection_of).unwrap_or_default(),
            PromptRequest::CreateDefaultCollection => DEFAULT_COLLECTION.to_owned(),
        }
    }
}

/// Whether the user may be asked.
#[derive(Default)]
pub(super) struct PromptGate(Mutex<State>);

#[derive(Default)]
enum State {
    /// Nothing was asked yet, or what was asked for has come true since.
    #[default]
    Unasked,
    /// A prompt is up until this time; this is where its answer will be.
    Asking(watch::Receiver<Option<Result<(), CallError>>>, Instant),
    /// A prompt was dismissed or ran out of time; this collection was, and may still be, locked.
    Spent(String),
}

impl PromptGate {
    /// Has the wish granted, with a prompt if that is needed; joins a prompt that is up.
    ///
    /// `DENIED` when the user dismisses it, `TIMEOUT` when it is not answered by `until` (it is taken off the screen then),
    /// `LOCKED` at once when the one prompt was used up before.
    pub(super) async fn ask(
        self: &Arc<Self>,
        session: &Arc<Session>,
        wish: PromptRequest,
        until: Instant,
    ) -> Result<(), CallError> {
        loop {
            let (mut answer, is_late) = {
                let mut state = self.state();
                match &*state {
                    State::Spent(_) => return Err(still_locked()),
                    // A closed channel without an answer: the runtime of the task that asked is gone.
                    State::Asking(answer, ends) if answer.has_changed().is_ok() => {
                        (answer.clone(), Instant::now() >= *ends)
                    }
                    State::Asking(..) | State::Unasked => {
                        let (sender, answer) = watch::channel(None);
                        *state = State::Asking(answer.clone(), until);
                        // A task of its own, so that the prompt outlives a caller who gives up while others wait.
                        tokio::spawn(Arc::clone(self).show(Arc::clone(session), wish.clone(), until, sender));
                        (answer, false)
                    }
                }
            };
            let answer = answer.wait_for(Option::is_some).await.map(|answer| answer.clone());
            match answer {
                // That prompt was over when this caller came: what is so now?
                _ if is_late => {}
                Ok(Some(answer)) => return answer,
                _ => {
                    return Err(CallError::new(
                        ErrorKind::Stale,
                        "The prompt of the keyring was given up",
                    ));
                }
            }
        }
    }

    /// The prompt was answered, and yet nothing was unlocked: it is used up.
    pub(super) fn spend(&self, wish: &PromptRequest) {
        *self.state() = State::Spent(wish.collection());
    }

    /// Something in this collection is unlocked. If that is what the used-up prompt was about, there may be another.
    pub(super) fn found_unlocked(&self, collection: &str) {
        let mut state = self.state();
        if matches!(&*state, State::Spent(locked) if locked == collection) {
            *state = State::Unasked;
        }
    }

    /// Whether a prompt is up, so that a call that ran out of time was waiting for the user, not for the service.
    pub(super) fn is_up(&self) -> bool {
        matches!(&*self.state(), State::Asking(answer, _) if answer.has_changed().is_ok())
    }

    async fn show(
        self: Arc<Self>,
        session: Arc<Session>,
        wish: PromptRequest,
        until: Instant,
        sender: watch::Sender<Option<Result<(), CallError>>>,
    ) {
        let (answer, spent) = ask_user(&session, &wish, until).await;
        *self.state() = match spent {
            true => State::Spent(wish.collection()),
            false => State::Unasked,
        };
        sender.send_replace(Some(answer));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Shows a prompt that belongs to one call alone (`/` means there is none to show): `DENIED` when it is dismissed.
pub(super) async fn confirm(session: &Session, prompt: &OwnedObjectPath) -> Result<(), CallError> {
    match prompt.as_str() == "/" || session.show(prompt).await? {
        true => Ok(()),
        false => Err(dismissed()),
    }
}

/// The collection an item is in (Secret Service, "Object Paths": an item's path is its collection's and one part more).
pub(super) fn collection_of(object: &OwnedObjectPath) -> String {
    const COLLECTION_PARTS: usize = 5; // "", org, freedesktop, secrets, collection, <name>
    object
        .as_str()
        .match_indices('/')
        .nth(COLLECTION_PARTS)
        .map_or(object.as_str(), |(end, _)| &object.as_str()[..end])
        .to_owned()
}

/// The answer, and whether the one prompt is used up.
async fn ask_user(session: &Session, wish: &PromptRequest, until: Instant) -> (Result<(), CallError>, bool) {
    let asking = async {
        match wish {
            PromptRequest::Unlock(objects) => session.unlock(objects).await,
            PromptRequest::CreateDefaultCollection => session.create_default_collection().await,
        }
    };
    let prompt = match tokio::time::timeout_at(until, asking).await {
        Ok(Ok(prompt)) if prompt.as_str() == "/" => return (Ok(()), false),
        Ok(Ok(prompt)) => prompt,
        Ok(Err(trouble)) => return (Err(trouble), false),
        Err(_) => {
            // It is the service that does not answer, not the user.
            session.give_up();
            return (Err(timed_out("The keyring did not answer in time")), false);
        }
    };
    match tokio::time::timeout_at(until, session.show(&prompt)).await {
        Ok(Ok(true)) => (Ok(()), false),
        Ok(Ok(false)) => (Err(dismissed()), true),
        Ok(Err(trouble)) => (Err(trouble), false),
        Err(_) => {
            // Nobody waits for it any more. A service that hangs must not hold the answer back.
            let _ = tokio::time::timeout(Duration::from_millis(100), session.dismiss(&prompt)).await;
            (
                Err(timed_out("The keyring's unlock prompt was not answered in time")),
                true,
            )
        }
    }
}

fn dismissed() -> CallError {
    let what = "The keyring is locked, and its unlock prompt was dismissed or could not be shown";
    CallError::new(ErrorKind::Failed(Code::Denied), what)
}

fn timed_out(what: &str) -> CallError {
    CallError::new(ErrorKind::Failed(Code::Timeout), what)
}

pub(super) fn still_locked() -> CallError {
    CallError::new(ErrorKind::Failed(Code::Locked), "The keyring is locked")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> OwnedObjectPath {
        OwnedObjectPath::try_from(text).expect("a valid object path")
    }

    #[test]
    fn the_collection_of_an_item_is_its_path_without_the_last_part() {
        let collection = "/org/freedesktop/secrets/collection/login";
        assert_eq!(collection_of(&path(&format!("{collection}/12"))), collection);
        assert_eq!(collection_of(&path(collection)), collection);
        assert_eq!(collection_of(&path("/")), "/");
    }

    #[test]
    fn r7b_a_spent_prompt_comes_back_only_when_its_own_collection_is_found_unlocked() {
        let prompt = PromptGate::default();
        prompt.spend(&PromptRequest::Unlock(vec![path(
            "/org/freedesktop/secrets/collection/login/1",
        )]));
        prompt.found_unlocked("/org/freedesktop/secrets/collection/session");
        assert!(matches!(&*prompt.state(), State::Spent(_)));
        prompt.found_unlocked("/org/freedesktop/secrets/collection/login");
        assert!(matches!(&*prompt.state(), State::Unasked));
    }
}
