//! The events: their names, targets and fields. `docs/logging.md` describes them.
//!
//! Data for an event is gathered only while a sink listens: [`Clock::start`] finds that out by one comparison before the
//! work begins. Without a listener nothing here formats, allocates or reads the clock.

use std::path::Path;
use std::time::{Duration, Instant};

use tracing::field::{DisplayValue, display};
use tracing::{Level, enabled, event};

use super::Fingerprint;
use crate::error::{Code, Error};

/// Target of the operations of a store.
pub const STORE: &str = "securestore::store";
/// Target of keyring calls.
pub const KEYRING: &str = "securestore::keyring";
/// Target of calls to the encrypted files.
pub const FILES: &str = "securestore::files";
/// Target of the choice of a session's key.
pub const AUTH: &str = "securestore::auth";
/// Target of the storage of OAuth tokens.
pub const TOKENS: &str = "securestore::tokens";

/// A wait for a lock that is longer than this is reported.
const LOCK_WAIT_REPORTED_AFTER: Duration = Duration::from_secs(1);

/// The outcome of a call, as an event reports it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutcomeSummary {
    /// `ok`; `absent` when the value is not there; `failed`.
    pub outcome: &'static str,
    /// The code of a failure.
    pub code: Option<Code>,
    /// Number of keys, for a call about many.
    pub count: Option<u64>,
}

/// A result that can be summarised without showing its content.
pub trait Outcome {
    /// Summarises the outcome of the call.
    fn summary(&self) -> OutcomeSummary;
}

/// A failure with an error code. Its message never becomes part of an event.
pub trait HasCode {
    /// Returns the code.
    fn code(&self) -> Code;
}

/// The start of a call; `None` inside when no sink listens.
#[derive(Clone, Copy)]
pub struct Clock(Option<Instant>);

/// The reason for using the encrypted file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fallback {
    /// There is no keyring.
    NoKeyring,
    /// The keyring failed with this code.
    Failed(Code),
    /// The keyring has no such key.
    NotInKeyring,
    /// The file is newer than what the keyring holds.
    NewerFile,
    /// The keyring accepted the value, but did not return it when it was read back.
    Unverified,
}

/// An operation of a store in progress.
pub struct Operation {
    name: &'static str,
    clock: Clock,
    backend: Option<&'static str>,
    fallback: Option<Fallback>,
}

/// A call of a keyring.
pub struct KeyringCall<'a> {
    /// The operation.
    pub operation: &'static str,
    /// Which keyring it is: `os` or `injected`.
    pub keyring: &'static str,
    /// The service.
    pub service: &'a str,
    /// The account, for a call about one.
    pub account: Option<&'a str>,
}

/// A call of the encrypted files of a directory.
pub struct FileCall<'a> {
    /// The operation.
    pub operation: &'static str,
    /// The service.
    pub service: &'a str,
    /// The directory. Not the file, whose name is the key's.
    pub directory: &'a Path,
    /// The key, for a call about one.
    pub key: Option<&'a str>,
}

impl Clock {
    /// Starts the clock if a sink listens.
    fn start(is_listening: bool) -> Self {
        Self(is_listening.then(Instant::now))
    }

    /// Returns the microseconds since the start; `None` if no sink listened at the start.
    fn duration(self) -> Option<u64> {
        self.0.map(|started| started.elapsed().as_micros() as u64)
    }
}

impl Operation {
    /// Starts an operation.
    pub fn start(name: &'static str) -> Self {
        Self {
            name,
            clock: Clock::start(enabled!(target: STORE, Level::WARN)),
            backend: None,
            fallback: None,
        }
    }

    /// Records that the keyring decides the result.
    pub fn record_keyring(&mut self) {
        self.backend = Some("keyring");
    }

    /// Records that the encrypted file is the one that failed.
    pub fn record_file(&mut self) {
        self.backend = Some("file");
    }

    /// Records that the encrypted file decides the result, and the reason.
    pub fn record_fallback(&mut self, reason: Fallback) {
        self.backend = Some("file");
        self.fallback = Some(reason);
    }

    /// Emits the event `operation`, level `warn` for a failure and `debug` otherwise, and returns the result. `key` is missing
    /// when the name is invalid and when the operation is about many keys.
    pub fn finish<A: Outcome>(self, service: &str, key: Option<&str>, result: A) -> A {
        if let Some(duration_us) = self.clock.duration() {
            self.emit(service, key, result.summary(), duration_us);
        }
        result
    }

    #[cold]
    fn emit(self, service: &str, key: Option<&str>, summary: OutcomeSummary, duration_us: u64) {
        let OutcomeSummary { outcome, code, count } = summary;
        let operation = self.name;
        let key = fingerprint_of(key);
        let backend = self.backend;
        let fallback = self.fallback.map(Fallback::as_str);
        let keyring_code = self.fallback.and_then(Fallback::code).map(Code::as_str);
        macro_rules! emit {
            ($level:expr) => {
                event!(name: "operation", target: STORE, $level,
                    { operation, service, key, backend, outcome, code = code.map(Code::as_str), fallback, keyring_code, count, duration_us })
            };
        }
        match code {
            Some(_) => emit!(Level::WARN),
            None => emit!(Level::DEBUG),
        }
    }
}

/// Probes a keyring and emits the event `probe`, level `debug`.
pub async fn probe(service: &str, probing: impl Future<Output = Result<bool, Error>>) -> Result<bool, Error> {
    let clock = Clock::start(enabled!(target: STORE, Level::DEBUG));
    let result = probing.await;
    if let Some(duration_us) = clock.duration() {
        let available = *result.as_ref().unwrap_or(&false);
        let code = result.as_ref().err().map(|error| error.code().as_str());
        event!(name: "probe", target: STORE, Level::DEBUG, { service, available, code, duration_us });
    }
    result
}

/// Waits for the lock of a key. A wait of more than a second emits `lock_wait`, and `lock_acquired` with the duration once
/// it was successful; both at level `warn`.
pub async fn lock_wait<T>(
    service: &str,
    key: &str,
    waiting: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    let clock = Clock::start(enabled!(target: STORE, Level::WARN));
    if clock.0.is_none() {
        return waiting.await;
    }
    let mut waiting = std::pin::pin!(waiting);
    if let Ok(acquired) = tokio::time::timeout(LOCK_WAIT_REPORTED_AFTER, &mut waiting).await {
        return acquired;
    }
    let key = display(Fingerprint(key));
    event!(name: "lock_wait", target: STORE, Level::WARN, { service, key });
    let acquired = waiting.await;
    if let (Ok(_), Some(duration_us)) = (&acquired, clock.duration()) {
        event!(name: "lock_acquired", target: STORE, Level::WARN, { service, key, duration_us });
    }
    acquired
}

/// Emits the event `lock_unavailable`, level `warn`: a key is changed without a lock, because locking is not possible.
pub fn lock_unavailable(service: &str, key: &str, error: &Error) {
    let (key, code) = (display(Fingerprint(key)), error.code().as_str());
    event!(name: "lock_unavailable", target: STORE, Level::WARN, { service, key, code });
}

/// Returns whether a sink listens for keyring calls.
pub fn keyring_enabled() -> bool {
    enabled!(target: KEYRING, Level::DEBUG)
}

/// Awaits a keyring call and emits the event `keyring_call`, level `debug`.
pub async fn keyring_call<A: Outcome>(call: KeyringCall<'_>, call_future: impl Future<Output = A>) -> A {
    let clock = Clock::start(keyring_enabled());
    let result = call_future.await;
    if let Some(duration_us) = clock.duration() {
        call.emit(result.summary(), duration_us);
    }
    result
}

/// Awaits a call to the encrypted files and emits the event `file_call`, level `debug`.
pub async fn file_call<A: Outcome>(call: FileCall<'_>, call_future: impl Future<Output = A>) -> A {
    let clock = Clock::start(enabled!(target: FILES, Level::DEBUG));
    let result = call_future.await;
    if let Some(duration_us) = clock.duration() {
        call.emit(result.summary(), duration_us);
    }
    result
}

/// Derives a key from a password and emits the event `key_derived`, level `debug`.
pub fn key_derived<T>(deriving: impl FnOnce() -> T) -> T {
    let clock = Clock::start(enabled!(target: FILES, Level::DEBUG));
    let derived = deriving();
    if let Some(duration_us) = clock.duration() {
        event!(name: "key_derived", target: FILES, Level::DEBUG, { duration_us });
    }
    derived
}

/// Looks up the session's key and emits the event `key_source`, level `warn` for a failure and `debug` otherwise. `source`
/// is the value of `ResolvedApiKey.source`.
pub async fn key_source<T>(
    source: &'static str,
    resolving: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    let clock = Clock::start(enabled!(target: AUTH, Level::WARN));
    let resolved = resolving.await;
    if let Some(duration_us) = clock.duration() {
        let code = resolved.as_ref().err().map(Error::code);
        emit_key_source(source, code.map(Code::as_str), duration_us);
    }
    resolved
}

#[cold]
fn emit_key_source(source: &str, code: Option<&str>, duration_us: u64) {
    match code {
        None => event!(name: "key_source", target: AUTH, Level::DEBUG, { source, outcome = "ok", duration_us }),
        Some(code) => {
            event!(name: "key_source", target: AUTH, Level::WARN, { source, outcome = "failed", code, duration_us });
        }
    }
}

/// Emits the event `credentials_skipped`, level `warn`: stored credentials are broken and left out of a list.
pub fn credentials_skipped(service: &str, key: &str, reason: &'static str) {
    let (key, code) = (display(Fingerprint(key)), Code::Corrupt.as_str());
    event!(name: "credentials_skipped", target: TOKENS, Level::WARN, { service, key, code, reason });
}

fn fingerprint_of(key: Option<&str>) -> Option<DisplayValue<Fingerprint<'_>>> {
    key.map(|key| display(Fingerprint(key)))
}

// Emitting is not part of the generic functions, which would repeat it in the binary for each type of result.
impl KeyringCall<'_> {
    #[cold]
    fn emit(self, summary: OutcomeSummary, duration_us: u64) {
        let OutcomeSummary { outcome, code, count } = summary;
        let Self {
            operation,
            keyring,
            service,
            account,
        } = self;
        let (key, code) = (fingerprint_of(account), code.map(Code::as_str));
        event!(name: "keyring_call", target: KEYRING, Level::DEBUG,
            { operation, keyring, service, key, outcome, code, count, duration_us });
    }
}

impl FileCall<'_> {
    #[cold]
    fn emit(self, summary: OutcomeSummary, duration_us: u64) {
        let OutcomeSummary { outcome, code, count } = summary;
        let Self {
            operation,
            service,
            directory,
            key,
        } = self;
        let (key, code, directory) = (
            fingerprint_of(key),
            code.map(Code::as_str),
            display(directory.display()),
        );
        event!(name: "file_call", target: FILES, Level::DEBUG,
            { operation, service, directory, key, outcome, code, count, duration_us });
    }
}

impl Fallback {
    fn as_str(self) -> &'static str {
        match self {
            Self::NoKeyring => "no_keyring",
            Self::Failed(_) => "keyring_failed",
            Self::NotInKeyring => "not_in_keyring",
            Self::NewerFile => "file_is_newer",
            Self::Unverified => "write_unverified",
        }
    }

    fn code(self) -> Option<Code> {
        match self {
            Self::Failed(code) => Some(code),
            _ => None,
        }
    }
}

impl OutcomeSummary {
    /// Success.
    pub const OK: OutcomeSummary = OutcomeSummary {
        outcome: "ok",
        code: None,
        count: None,
    };

    fn found(found: bool) -> Self {
        Self {
            outcome: if found { "ok" } else { "absent" },
            ..Self::OK
        }
    }
}

impl HasCode for Error {
    fn code(&self) -> Code {
        Error::code(self)
    }
}

impl Outcome for () {
    fn summary(&self) -> OutcomeSummary {
        OutcomeSummary::OK
    }
}

impl Outcome for bool {
    fn summary(&self) -> OutcomeSummary {
        OutcomeSummary::found(*self)
    }
}

impl<T> Outcome for Option<T> {
    fn summary(&self) -> OutcomeSummary {
        OutcomeSummary::found(self.is_some())
    }
}

impl<T> Outcome for Vec<T> {
    fn summary(&self) -> OutcomeSummary {
        OutcomeSummary {
            count: Some(self.len() as u64),
            ..OutcomeSummary::OK
        }
    }
}

impl<T: Outcome, E: HasCode> Outcome for Result<T, E> {
    fn summary(&self) -> OutcomeSummary {
        match self {
            Ok(value) => value.summary(),
            Err(error) => OutcomeSummary {
                outcome: "failed",
                code: Some(error.code()),
                count: None,
            },
        }
    }
}
