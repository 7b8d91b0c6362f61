//! Does the keyring work? Asked rarely, answered from memory in between (R2).

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::error::{Code, Error, Result};
use crate::keyring::{Keyring, KeyringError};
use crate::secret::Secret;
use crate::telemetry::{events, propagate};
use crate::text::hex;

/// What the name of every throw-away account starts with; none of them is ever listed (R2).
pub const PROBE_PREFIX: &str = "__securestore_probe__";

/// How long an answer is kept (R2).
const CACHE_TTL: Duration = Duration::from_secs(60);

/// How many failures in a row drop the kept answer (R2).
const FAILURE_THRESHOLD: u32 = 3;

/// The probe of one store. Clones share the answer.
#[derive(Clone, Default)]
pub struct Probe(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    kept: Option<(Instant, bool)>,
    under_way: Option<watch::Receiver<Option<bool>>>,
    failures: u32,
}

impl Probe {
    /// Whether a value that is written comes back. Calls at the same time share one probe (R2).
    ///
    /// `keyring` is only asked for when there is no answer to give yet; it gives `None` where there is no keyring.
    pub async fn status<F>(&self, service: &str, keyring: F) -> bool
    where
        F: Future<Output = Result<Option<Arc<dyn Keyring>>>> + Send + 'static,
    {
        let mut under_way = {
            let mut state = self.state();
            match state.kept {
                Some((when, answer)) if when.elapsed() < CACHE_TTL => return answer,
                _ => state.kept = None,
            }
            match &state.under_way {
                Some(receiver) => receiver.clone(),
                None => {
                    let (sender, receiver) = watch::channel(None);
                    state.under_way = Some(receiver.clone());
                    let (probe, service) = (self.clone(), service.to_owned());
                    // A task of its own: the probe is everybody's, so it must not end with whoever asked first.
                    tokio::spawn(propagate(async move {
                        let outcome = events::probe(&service, async {
                            match keyring.await? {
                                Some(keyring) => ask(keyring.as_ref(), &service).await,
                                None => Ok(false),
                            }
                        });
                        let _ = sender.send(Some(probe.conclude(outcome.await)));
                    }));
                    receiver
                }
            }
        };
        match under_way.wait_for(Option::is_some).await {
            Ok(answer) => answer.unwrap_or(false),
            Err(_) => {
                // The probe ended without an answer (it panicked): let the next call try again.
                self.state().under_way = None;
                false
            }
        }
    }

    /// A keyring call went well, which includes "not there".
    pub fn record_success(&self) {
        self.state().failures = 0;
    }

    /// A keyring call failed; the third in a row drops the kept answer.
    pub fn record_failure(&self) {
        let mut state = self.state();
        state.failures += 1;
        if state.failures >= FAILURE_THRESHOLD {
            state.kept = None;
            state.failures = 0;
        }
    }

    /// Notes the outcome: an answer is kept, a timeout is not.
    fn conclude(&self, outcome: Result<bool>) -> bool {
        let mut state = self.state();
        state.under_way = None;
        let answer = matches!(outcome, Ok(true));
        if !matches!(&outcome, Err(error) if error.code() == Code::Timeout) {
            state.kept = Some((Instant::now(), answer));
        }
        answer
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a value that is written comes back: writes, reads back, deletes. It may take as long as three calls.
pub async fn ask(keyring: &dyn Keyring, service: &str) -> Result<bool> {
    let account = format!("{PROBE_PREFIX}{}", random_hex()?);
    let value = Secret::new(random_hex()?);
    let outcome = async {
        keyring.set(service, &account, &value).await?;
        keyring.get(service, &account).await
    }
    .await;
    // Also when the values differ, or the read failed: what was written must go. After a timeout the write may still
    // arrive, so the account is asked to go as well.
    let gone = match &outcome {
        Ok(_) => keyring.delete(service, &account).await.map(|_| ()),
        Err(_) => keyring.delete(service, &account).await.map(|_| ()).or(Ok(())),
    };
    match (outcome, gone) {
        (Ok(read), Ok(())) => Ok(read.as_ref() == Some(&value)),
        (Err(error), _) | (_, Err(error)) => Err(KeyringError::into_error(error)),
    }
}

/// 8 random characters.
fn random_hex() -> Result<String> {
    let mut bytes = [0; 4];
    getrandom::fill(&mut bytes)
        .map_err(|error| Error::new(Code::Unavailable, format!("No random numbers from the system: {error}")))?;
    Ok(hex(&bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keyring::memory::{FaultMode, MemoryKeyring};

    async fn answer(probe: &Probe, keyring: &Arc<MemoryKeyring>) -> bool {
        let keyring: Arc<dyn Keyring> = keyring.clone();
        probe.status("service", async move { Ok(Some(keyring)) }).await
    }

    #[tokio::test(start_paused = true)]
    async fn r2_the_answer_is_kept_for_60_seconds() {
        let (probe, keyring) = (Probe::default(), Arc::new(MemoryKeyring::default()));
        assert!(answer(&probe, &keyring).await);
        keyring.set_mode(FaultMode::Absent);
        tokio::time::advance(Duration::from_secs(59)).await;
        assert!(answer(&probe, &keyring).await);
        tokio::time::advance(Duration::from_secs(2)).await;
        assert!(!answer(&probe, &keyring).await);
    }

    #[tokio::test(start_paused = true)]
    async fn r2_a_timeout_is_not_kept_and_other_failures_are() {
        let (probe, keyring) = (Probe::default(), Arc::new(MemoryKeyring::default()));
        keyring.set_mode(FaultMode::Hangs);
        assert!(!answer(&probe, &keyring).await);
        keyring.set_mode(FaultMode::Works);
        assert!(answer(&probe, &keyring).await);

        let probe = Probe::default();
        keyring.set_mode(FaultMode::Fails(Code::Denied));
        assert!(!answer(&probe, &keyring).await);
        keyring.set_mode(FaultMode::Works);
        assert!(!answer(&probe, &keyring).await);
    }

    #[tokio::test(start_paused = true)]
    async fn r2_three_failures_in_a_row_drop_the_kept_answer() {
        let (probe, keyring) = (Probe::default(), Arc::new(MemoryKeyring::default()));
        assert!(answer(&probe, &keyring).await);
        keyring.set_mode(FaultMode::Absent);
        probe.record_failure();
        probe.record_failure();
        probe.record_success();
        probe.record_failure();
        probe.record_failure();
        assert!(answer(&probe, &keyring).await, "a success in between resets the count");
        probe.record_failure();
        assert!(!answer(&probe, &keyring).await);
    }

    #[tokio::test]
    async fn r2_calls_at_the_same_time_share_one_probe_that_leaves_nothing_behind() {
        let (probe, keyring) = (Probe::default(), Arc::new(MemoryKeyring::default()));
        let calls: Vec<_> = (0..20)
            .map(|_| {
                let (probe, keyring) = (probe.clone(), keyring.clone());
                tokio::spawn(async move { answer(&probe, &keyring).await })
            })
            .collect();
        for call in calls {
            assert!(call.await.expect("no call panics"));
        }
        assert_eq!(keyring.take_calls(), ["set", "get", "delete"]);
        assert!(keyring.all_accounts("service").is_empty());
    }
}
