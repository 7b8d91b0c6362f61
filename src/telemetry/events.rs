//! The events: their names, targets and fields. The README's list is this file in words.
//!
//! What an event needs is gathered only while somebody listens: [`Clock::started`] is where that is found out, before
//! the work begins, by one comparison. Without a listener nothing here formats, allocates or looks at the clock.

use std::path::Path;
use std::time::{Duration, Instant};

use tracing::field::{DisplayValue, display};
use tracing::{Level, enabled, event};

use super::Fingerprint;
use crate::error::{Code, Error};

/// What a store's operations say.
pub const STORE: &str = "securestore::store";
/// What calls of a keyring say.
pub const KEYRING: &str = "securestore::keyring";
/// What calls of the encrypted files say.
pub const FILES: &str = "securestore::files";
/// What the choice of a session's key says.
pub const AUTH: &str = "securestore::auth";

/// What the storage of OAuth tokens says.
pub const TOKENS: &str = "securestore::tokens";

/// How long a wait for a lock takes until it is reported.
const LOCK_WAIT_REPORTED_AFTER: Duration = Duration::from_secs(1);

/// What became of a call, in an event's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutcomeSummary {
    /// `ok`; `absent` when what was asked for is not there; `failed`.
    pub outcome: &'static str,
    /// The code of a failure.
    pub code: Option<Code>,
    /// How many keys it was about, where it is about many.
    pub count: Option<u64>,
}

/// An answer that can be told without showing it.
pub trait Outcome {
    /// What became of the call.
    fn summary(&self) -> OutcomeSummary;
}

/// A failure that has one of the six codes. Its message is never told.
pub trait HasCode {
    /// The code.
    fn code(&self) -> Code;
}

/// When a call began; nothing when nobody would hear of its end.
#[derive(Clone, Copy)]
pub struct Clock(Option<Instant>);

/// Why the encrypted file was asked.
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
    /// The keyring accepted the value, and did not give it back.
    Unverified,
}

/// A store's operation under way, and what it notes of itself.
pub struct Operation {
    name: &'static str,
    clock: Clock,
    backend: Option<&'static str>,
    fallback: Option<Fallback>,
}

/// A call of a keyring.
pub struct KeyringCall<'a> {
    /// Which.
    pub operation: &'static str,
    /// Whose keyring it is: `os` or `injected`.
    pub keyring: &'static str,
    /// The service.
    pub service: &'a str,
    /// The account, where it is about one.
    pub account: Option<&'a str>,
}

/// A call of the encrypted files of a directory.
pub struct FileCall<'a> {
    /// Which.
    pub operation: &'static str,
    /// The service.
    pub service: &'a str,
    /// The directory. Not the file: its name is the key's.
    pub directory: &'a Path,
    /// The key, where it is about one.
    pub key: Option<&'a str>,
}

impl Clock {
    /// Starts where somebody listens.
    fn started(listens: bool) -> Self {
        Self(listens.then(Instant::now))
    }

    /// Microseconds so far; `None` where nobody listened from the start.
    fn duration(self) -> Option<u64> {
        self.0.map(|started| started.elapsed().as_micros() as u64)
    }
}

impl Operation {
    /// An operation begins.
    pub fn start(name: &'static str) -> Self {
        Self {
            name,
            clock: Clock::started(enabled!(target: STORE, Level::WARN)),
            backend: None,
            fallback: None,
        }
    }

    /// Notes that the keyring answers.
    pub fn record_keyring(&mut self) {
        self.backend = Some("keyring");
    }

    /// Notes that the encrypted file has to, and why.
    pub fn record_fallback(&mut self, why: Fallback) {
        self.backend = Some("file");
        self.fallback = Some(why);
    }

    /// It has ended: event `operation`, at level `warn` when it failed, else `debug`. `key` is missing where its name
    /// is invalid, and where the operation is about many. Gives the answer back.
    pub fn finish<A: Outcome>(self, service: &str, key: Option<&str>, answer: A) -> A {
        if let Some(duration_us) = self.clock.duration() {
            self.tell(service, key, answer.summary(), duration_us);
        }
        answer
    }

    #[cold]
    fn tell(self, service: &str, key: Option<&str>, told: OutcomeSummary, duration_us: u64) {
        let OutcomeSummary { outcome, code, count } = told;
        let operation = self.name;
        let key = shown(key);
        let backend = self.backend;
        let fallback = self.fallback.map(Fallback::as_str);
        let keyring_code = self.fallback.and_then(Fallback::code).map(Code::as_str);
        macro_rules! tell {
            ($level:expr) => {
                event!(name: "operation", target: STORE, $level,
                    { operation, service, key, backend, outcome, code = code.map(Code::as_str), fallback, keyring_code, count, duration_us })
            };
        }
        match code {
            Some(_) => tell!(Level::WARN),
            None => tell!(Level::DEBUG),
        }
    }
}

/// A keyring was probed: event `probe`, level `debug`. `answer` says whether the value came back.
pub async fn probe(service: &str, probing: impl Future<Output = Result<bool, Error>>) -> Result<bool, Error> {
    let clock = Clock::started(enabled!(target: STORE, Level::DEBUG));
    let answer = probing.await;
    if let Some(duration_us) = clock.duration() {
        let available = *answer.as_ref().unwrap_or(&false);
        let code = answer.as_ref().err().map(|error| error.code().as_str());
        event!(name: "probe", target: STORE, Level::DEBUG, { service, available, code, duration_us });
    }
    answer
}

/// Waits for the lock of a key. A wait of more than a second emits `lock_wait`, and `lock_acquired` with the duration once
/// it was successful; both at level `warn`.
pub async fn lock_wait<T>(
    service: &str,
    key: &str,
    waiting: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    let clock = Clock::started(enabled!(target: STORE, Level::WARN));
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

/// A key is changed without a lock, because there can be none: event `lock_unavailable`, level `warn`.
pub fn lock_unavailable(service: &str, key: &str, error: &Error) {
    let (key, code) = (display(Fingerprint(key)), error.code().as_str());
    event!(name: "lock_unavailable", target: STORE, Level::WARN, { service, key, code });
}

/// Whether anybody would hear of a keyring's calls.
pub fn keyring_enabled() -> bool {
    enabled!(target: KEYRING, Level::DEBUG)
}

/// A keyring answers a call: event `keyring_call`, level `debug`.
pub async fn keyring_call<A: Outcome>(call: KeyringCall<'_>, answering: impl Future<Output = A>) -> A {
    let clock = Clock::started(keyring_enabled());
    let answer = answering.await;
    if let Some(duration_us) = clock.duration() {
        call.tell(answer.summary(), duration_us);
    }
    answer
}

/// The encrypted files answer a call: event `file_call`, level `debug`.
pub async fn file_call<A: Outcome>(call: FileCall<'_>, answering: impl Future<Output = A>) -> A {
    let clock = Clock::started(enabled!(target: FILES, Level::DEBUG));
    let answer = answering.await;
    if let Some(duration_us) = clock.duration() {
        call.tell(answer.summary(), duration_us);
    }
    answer
}

/// A key is derived from a password: event `key_derived`, level `debug`.
pub fn key_derived<T>(deriving: impl FnOnce() -> T) -> T {
    let clock = Clock::started(enabled!(target: FILES, Level::DEBUG));
    let derived = deriving();
    if let Some(duration_us) = clock.duration() {
        event!(name: "key_derived", target: FILES, Level::DEBUG, { duration_us });
    }
    derived
}

/// The session's key is looked up: event `key_source`, level `warn` when that failed, else `debug`. `source` is what
/// `resolveApiKey` calls it.
pub async fn key_source<T>(
    source: &'static str,
    resolving: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    let clock = Clock::started(enabled!(target: AUTH, Level::WARN));
    let resolved = resolving.await;
    if let Some(duration_us) = clock.duration() {
        let code = resolved.as_ref().err().map(Error::code);
        tell_key_source(source, code.map(Code::as_str), duration_us);
    }
    resolved
}

#[cold]
fn tell_key_source(source: &str, code: Option<&str>, duration_us: u64) {
    match code {
        None => event!(name: "key_source", target: AUTH, Level::DEBUG, { source, outcome = "ok", duration_us }),
        Some(code) => {
            event!(name: "key_source", target: AUTH, Level::WARN, { source, outcome = "failed", code, duration_us });
        }
    }
}

/// Stored credentials are broken, and left out of a list: event `credentials_skipped`, level `warn`.
pub fn credentials_skipped(service: &str, key: &str, reason: &'static str) {
    let (key, code) = (display(Fingerprint(key)), Code::Corrupt.as_str());
    event!(name: "credentials_skipped", target: TOKENS, Level::WARN, { service, key, code, reason });
}

fn shown(key: Option<&str>) -> Option<DisplayValue<Fingerprint<'_>>> {
    key.map(|key| display(Fingerprint(key)))
}

// The telling itself is no part of what is generic: it would be in the binary once for each kind of answer.
impl KeyringCall<'_> {
    #[cold]
    fn tell(self, told: OutcomeSummary, duration_us: u64) {
        let OutcomeSummary { outcome, code, count } = told;
        let Self {
            operation,
            keyring,
            service,
            account,
        } = self;
        let (key, code) = (shown(account), code.map(Code::as_str));
        event!(name: "keyring_call", target: KEYRING, Level::DEBUG,
            { operation, keyring, service, key, outcome, code, count, duration_us });
    }
}

impl FileCall<'_> {
    #[cold]
    fn tell(self, told: OutcomeSummary, duration_us: u64) {
        let OutcomeSummary { outcome, code, count } = told;
        let Self {
            operation,
            service,
            directory,
            key,
        } = self;
        let (key, code, directory) = (shown(key), code.map(Code::as_str), display(directory.display()));
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
    /// It went well.
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
            Ok(answer) => answer.summary(),
            Err(error) => OutcomeSummary {
                outcome: "failed",
                code: Some(error.code()),
                count: None,
            },
        }
    }
}
