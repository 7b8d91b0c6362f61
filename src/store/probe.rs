//! Keyring health check. The result is cached for 60 seconds.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::error::{Code, Error, Result};
use crate::keyring::{Keyring, KeyringError};
use crate::random::random_bytes;
use crate::secret::Secret;
use crate::telemetry::{events, propagate};
use crate::text::hex;

/// Prefix of the names of temporary accounts. They are never listed.
pub const PROBE_PREFIX: &str = "__securestore_probe__";

/// How long a result is cached.
const CACHE_TTL: Duration = Duration::from_secs(60);

/// Number of consecutive failures that drop the cached result.
const FAILURE_THRESHOLD: u32 = 3;

/// The probe of one store. Clones share the result.
#[derive(Clone, Default)]
pub struct Probe(Arc<Mutex<ProbeState>>);

#[derive(Default)]
struct ProbeState {
    cached: Option<(Instant, bool)>,
    running: Option<watch::Receiver<Option<Result<bool>>>>,
    failures: u32,
}

impl Probe {
    /// Returns whether a value that is written can be read back. Concurrent calls share one probe.
    ///
    /// `keyring` is only awaited if no result is cached. It resolves to `None` if there is no keyring.
    ///
    /// # Errors
    ///
    /// `RUNTIME_REPLACED` and `CONFLICT`.
    pub async fn status<F>(&self, service: &str, keyring: F) -> Result<bool>
    where
        F: Future<Output = Result<Option<Arc<dyn Keyring>>>> + Send + 'static,
    {
        let mut running = {
            let mut state = self.state();
            match state.cached {
                Some((when, works)) if when.elapsed() < CACHE_TTL => return Ok(works),
                _ => state.cached = None,
            }
            match &state.running {
                Some(receiver) => receiver.clone(),
                None => {
                    let (sender, receiver) = watch::channel(None);
                    state.running = Some(receiver.clone());
                    let (probe, service) = (self.clone(), service.to_owned());
                    // A separate task, so that the probe continues when its first caller drops this future.
                    tokio::spawn(propagate(async move {
                        let outcome = events::probe(&service, async {
                            match keyring.await? {
                                Some(keyring) => probe_keyring(keyring.as_ref(), &service).await,
                                None => Ok(false),
                            }
                        });
                        let _ = sender.send(Some(probe.conclude(outcome.await)));
                    }));
                    receiver
                }
            }
        };
        match running.wait_for(Option::is_some).await {
            Ok(status) => status.clone().unwrap_or(Ok(false)),
            Err(_) => {
                // The probe panicked. The next call tries again.
                self.state().running = None;
                Ok(false)
            }
        }
    }

    /// Records that a keyring call succeeded. "Not found" is a success.
    pub fn record_success(&self) {
        self.state().failures = 0;
    }

    /// Records that a keyring call failed. The third failure in a row drops the cached result.
    pub fn record_failure(&self) {
        let mut state = self.state();
        state.failures += 1;
        if state.failures >= FAILURE_THRESHOLD {
            state.cached = None;
            state.failures = 0;
        }
    }

    /// Ends the running probe. Its result is cached unless it is a timeout or one of the errors that are never absorbed. An
    /// invalid setting of the keyring means that no keyring works.
    fn conclude(&self, outcome: Result<bool>) -> Result<bool> {
        let mut state = self.state();
        state.running = None;
        match outcome {
            Err(error) if error.code().is_final() => Err(error),
            Err(error) if error.code() == Code::Timeout => Ok(false),
            outcome => {
                let works = outcome.unwrap_or(false);
                state.cached = Some((Instant::now(), works));
                Ok(works)
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, ProbeState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes a value to a temporary account, reads it back and deletes it. Returns whether both values are equal. May take as
/// long as three keyring calls.
///
/// # Errors
///
/// The first error of the three calls.
pub async fn probe_keyring(keyring: &dyn Keyring, service: &str) -> Result<bool> {
    let account = format!("{PROBE_PREFIX}{}", random_hex()?);
    let value = Secret::new(random_hex()?);
    let outcome = async {
        keyring.set(service, &account, &value).await?;
        keyring.get(service, &account).await
    }
    .await;
    // The account is also deleted if the values differ or the read failed, and after a timeout: the write may still arrive.
    let deleted = match &outcome {
        Ok(_) => keyring.delete(service, &account).await.map(|_| ()),
        Err(_) => keyring.delete(service, &account).await.map(|_| ()).or(Ok(())),
    };
    match (outcome, deleted) {
        (Ok(read), Ok(())) => Ok(read.as_ref() == Some(&value)),
        (Err(error), _) | (_, Err(error)) => Err(KeyringError::into_error(error)),
    }
}

/// Returns 8 random hexadecimal digits.
fn random_hex() -> Result<String> {
    let bytes = random_bytes::<4>().map_err(|error| {
        let message = format!("The operating system provides no random numbers: {error}");
        Error::new(Code::Unavailable, message)
    })?;
    Ok(hex(&bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keyring::memory::{FaultMode, MemoryKeyring};

    async fn status(probe: &Probe, keyring: &Arc<MemoryKeyring>) -> bool {
        let keyring: Arc<dyn Keyring> = keyring.clone();
        let status = probe.status("service", async move { Ok(Some(keyring)) }).await;
        status.expect("no error ends the probe")
    }

    #[tokio::test(start_paused = true)]
    async fn r2_a_result_is_cached_for_60_seconds() {
        let (probe, keyring) = (Probe::default(), Arc::new(MemoryKeyring::default()));
        assert!(status(&probe, &keyring).await);
        keyring.set_mode(FaultMode::Absent);
        tokio::time::advance(Duration::from_secs(59)).await;
        assert!(status(&probe, &keyring).await);
        tokio::time::advance(Duration::from_secs(2)).await;
        assert!(!status(&probe, &keyring).await);
    }

    #[tokio::test(start_paused = true)]
    async fn r2_after_exactly_60_seconds_the_result_is_no_longer_used() {
        let (probe, keyring) = (Probe::default(), Arc::new(MemoryKeyring::default()));
        assert!(status(&probe, &keyring).await);
        keyring.set_mode(FaultMode::Absent);
        tokio::time::advance(CACHE_TTL).await;
        assert!(!status(&probe, &keyring).await);
    }

    #[test]
    fn r2_temporary_accounts_have_eight_random_characters() {
        let (a, b) = (random_hex().unwrap(), random_hex().unwrap());
        assert_eq!((a.len(), b.len()), (8, 8));
        assert_ne!(a, b);
    }

    #[tokio::test(start_paused = true)]
    async fn r2_a_timeout_is_not_cached_and_other_failures_are() {
        let (probe, keyring) = (Probe::default(), Arc::new(MemoryKeyring::default()));
        keyring.set_mode(FaultMode::Hangs);
        assert!(!status(&probe, &keyring).await);
        keyring.set_mode(FaultMode::Works);
        assert!(status(&probe, &keyring).await);

        let probe = Probe::default();
        keyring.set_mode(FaultMode::Fails(Code::Denied));
        assert!(!status(&probe, &keyring).await);
        keyring.set_mode(FaultMode::Works);
        assert!(!status(&probe, &keyring).await);
    }

    #[tokio::test(start_paused = true)]
    async fn r2_three_failures_in_a_row_drop_the_cached_result() {
        let (probe, keyring) = (Probe::default(), Arc::new(MemoryKeyring::default()));
        assert!(status(&probe, &keyring).await);
        keyring.set_mode(FaultMode::Absent);
        probe.record_failure();
        probe.record_failure();
        probe.record_success();
        probe.record_failure();
        probe.record_failure();
        assert!(status(&probe, &keyring).await, "a success in between resets the count");
        probe.record_failure();
        assert!(!status(&probe, &keyring).await);
    }

    #[tokio::test]
    async fn r2_calls_at_the_same_time_share_one_probe_that_leaves_nothing_behind() {
        let (probe, keyring) = (Probe::default(), Arc::new(MemoryKeyring::default()));
        let calls: Vec<_> = (0..20)
            .map(|_| {
                let (probe, keyring) = (probe.clone(), keyring.clone());
                tokio::spawn(async move { status(&probe, &keyring).await })
            })
            .collect();
        for call in calls {
            assert!(call.await.expect("no call panics"));
        }
        assert_eq!(keyring.take_calls(), ["set", "get", "delete"]);
        assert!(keyring.all_accounts("service").is_empty());
    }
}
