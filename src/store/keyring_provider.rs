//! Which keyring a store asks: the operating system's, one that the caller's loader gives, or none.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use crate::error::{Code, Error, Result};
use crate::keyring::Keyring;
use crate::telemetry::propagate;

/// A keyring, and whose it is.
#[derive(Clone)]
pub enum SelectedKeyring {
    /// The operating system's.
    Os(Arc<dyn Keyring>),
    /// One that the caller injected (R1.3).
    Injected(Arc<dyn Keyring>),
    /// None: switched off, or the loader gave none.
    Nothing,
}

impl SelectedKeyring {
    /// The keyring, if there is one.
    pub fn keyring(&self) -> Option<&Arc<dyn Keyring>> {
        match self {
            SelectedKeyring::Os(keyring) | SelectedKeyring::Injected(keyring) => Some(keyring),
            SelectedKeyring::Nothing => None,
        }
    }
}

/// Finds the keyring; called at most once per store (R1.3).
pub trait Loader: Send + Sync {
    /// The keyring. A loader that fails means that there is none.
    fn load(self: Arc<Self>) -> Pin<Box<dyn Future<Output = SelectedKeyring> + Send>>;
}

/// Where a store's keyring comes from.
#[derive(Clone)]
pub enum KeyringProvider {
    /// It is known already.
    Known(SelectedKeyring),
    /// A loader finds it, at first use.
    Loaded(LazyKeyring),
}

/// A loader and, once it was called, its answer. Clones share both.
#[derive(Clone)]
pub struct LazyKeyring {
    loader: Arc<dyn Loader>,
    answer: Arc<Mutex<Option<watch::Receiver<Option<SelectedKeyring>>>>>,
}

impl KeyringProvider {
    /// A keyring that `loader` finds at first use.
    pub fn loaded(loader: Arc<dyn Loader>) -> Self {
        Self::Loaded(LazyKeyring {
            loader,
            answer: Arc::default(),
        })
    }

    /// Whether it is known by now that there is none. Waits for nobody.
    pub fn is_known_absent(&self) -> bool {
        match self {
            Self::Known(choice) => matches!(choice, SelectedKeyring::Nothing),
            Self::Loaded(loading) => {
                let slot = loading.answer.lock().unwrap_or_else(PoisonError::into_inner);
                let answer = slot.as_ref().map(watch::Receiver::borrow);
                answer.is_some_and(|answer| matches!(*answer, Some(SelectedKeyring::Nothing)))
            }
        }
    }

    /// The keyring. Many first calls at the same time wait for one load; one that takes longer than `limit` is
    /// `TIMEOUT` for this call, and goes on for later ones.
    pub async fn choice(&self, limit: Duration) -> Result<SelectedKeyring> {
        match self {
            Self::Known(choice) => Ok(choice.clone()),
            Self::Loaded(loading) => loading.choice(limit).await,
        }
    }
}

impl LazyKeyring {
    async fn choice(&self, limit: Duration) -> Result<SelectedKeyring> {
        let mut answer = {
            let mut slot = self.answer.lock().unwrap_or_else(PoisonError::into_inner);
            slot.get_or_insert_with(|| {
                let (sender, receiver) = watch::channel(None);
                let load = self.loader.clone().load();
                tokio::spawn(propagate(async move {
                    let _ = sender.send(Some(load.await));
                }));
                receiver
            })
            .clone()
        };
        let loaded = tokio::time::timeout(limit, answer.wait_for(Option::is_some)).await;
        match loaded {
            Ok(Ok(choice)) => Ok(choice.clone().unwrap_or(SelectedKeyring::Nothing)),
            // The load ended without an answer: it panicked, or its JavaScript environment has ended.
            Ok(Err(_)) => Ok(SelectedKeyring::Nothing),
            Err(_) => Err(Error::new(
                Code::Timeout,
                format!("The keyring loader gave no keyring within {} ms", limit.as_millis()),
            )),
        }
    }
}
