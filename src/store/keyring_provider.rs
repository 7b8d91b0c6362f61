//! The keyring of a store: that of the operating system, one that the caller's loader returns, or none.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use crate::error::{Code, Error, Result};
use crate::keyring::Keyring;
use crate::telemetry::propagate;

/// A keyring and its kind.
#[derive(Clone)]
pub enum SelectedKeyring {
    /// The keyring of the operating system.
    Os(Arc<dyn Keyring>),
    /// A keyring that the caller injected.
    Injected(Arc<dyn Keyring>),
    /// No keyring: it is disabled, or the loader returned none.
    Nothing,
}

impl SelectedKeyring {
    /// Returns the keyring, if there is one.
    pub fn keyring(&self) -> Option<&Arc<dyn Keyring>> {
        match self {
            SelectedKeyring::Os(keyring) | SelectedKeyring::Injected(keyring) => Some(keyring),
            SelectedKeyring::Nothing => None,
        }
    }
}

/// Finds the keyring. It is called at most once per store.
pub trait Loader: Send + Sync {
    /// Returns the keyring. A loader that fails returns [`SelectedKeyring::Nothing`].
    fn load(self: Arc<Self>) -> Pin<Box<dyn Future<Output = SelectedKeyring> + Send>>;
}

/// The source of a store's keyring.
#[derive(Clone)]
pub enum KeyringProvider {
    /// The keyring is known.
    Known(SelectedKeyring),
    /// A loader finds the keyring at its first use.
    Loaded(LazyKeyring),
}

/// A loader, and its result once it has been called. Clones share both.
#[derive(Clone)]
pub struct LazyKeyring {
    loader: Arc<dyn Loader>,
    result: Arc<Mutex<Option<watch::Receiver<Option<SelectedKeyring>>>>>,
}

impl KeyringProvider {
    /// Returns the source of a keyring that `loader` finds at the first use.
    pub fn loaded(loader: Arc<dyn Loader>) -> Self {
        Self::Loaded(LazyKeyring {
            loader,
            result: Arc::default(),
        })
    }

    /// Returns whether it is known that there is no keyring. Does not wait for a loader.
    pub fn is_known_absent(&self) -> bool {
        match self {
            Self::Known(selected) => matches!(selected, SelectedKeyring::Nothing),
            Self::Loaded(lazy) => {
                let slot = lazy.result.lock().unwrap_or_else(PoisonError::into_inner);
                let result = slot.as_ref().map(watch::Receiver::borrow);
                result.is_some_and(|result| matches!(*result, Some(SelectedKeyring::Nothing)))
            }
        }
    }

    /// Returns whether a setting of the user or of the host disables the keyring at the moment.
    pub fn is_disabled(&self) -> bool {
        match self {
            Self::Known(selected) => selected.keyring().is_none_or(|keyring| keyring.is_disabled()),
            Self::Loaded(_) => false,
        }
    }

    /// Returns the keyring. Concurrent first calls wait for one load.
    ///
    /// # Errors
    ///
    /// `TIMEOUT` if the load takes longer than `limit`. It continues, and later calls use its result.
    pub async fn selected(&self, limit: Duration) -> Result<SelectedKeyring> {
        match self {
            Self::Known(selected) => Ok(selected.clone()),
            Self::Loaded(lazy) => lazy.selected(limit).await,
        }
    }
}

impl LazyKeyring {
    async fn selected(&self, limit: Duration) -> Result<SelectedKeyring> {
        let mut result = {
            let mut slot = self.result.lock().unwrap_or_else(PoisonError::into_inner);
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
        let loaded = tokio::time::timeout(limit, result.wait_for(Option::is_some)).await;
        match loaded {
            Ok(Ok(selected)) => Ok(selected.clone().unwrap_or(SelectedKeyring::Nothing)),
            // The load panicked, or its JavaScript environment ended.
            Ok(Err(_)) => Ok(SelectedKeyring::Nothing),
            Err(_) => Err(Error::new(
                Code::Timeout,
                format!("The keyring loader returned no keyring within {} ms", limit.as_millis()),
            )),
        }
    }
}
