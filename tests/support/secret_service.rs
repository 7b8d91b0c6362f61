//! What the tests of the Secret Service client share: a fake service on a private bus, its items, and time limits.

pub mod monitor;
pub mod other_program;

use std::fmt::Debug;
use std::time::Duration;

use securestore::error::Code;
use securestore::keyring::os::OsKeyring;
use securestore::keyring::{Keyring as _, KeyringError};
use securestore::secret::Secret;

use super::Bus;
use super::fake::Fake;

pub const SERVICE: &str = "securestore test";

/// A time limit that a test waits for.
pub const SHORT: Duration = Duration::from_millis(400);

/// A time limit that no test waits for. A call that uses it up is stopped by the test runner.
pub const NEVER: Duration = Duration::from_secs(3_600);

pub fn secret(text: &str) -> Option<Secret> {
    Some(Secret::from(text))
}

/// Returns the code of the error that a call failed with.
pub fn code<T: Debug>(result: Result<T, KeyringError>) -> Code {
    result.unwrap_err().error().code()
}

/// Starts a bus with a fake service that has no items.
pub async fn fake_service() -> (Bus, Fake) {
    let bus = Bus::bare();
    let fake = Fake::on(bus.connect().await).await;
    (bus, fake)
}

/// Starts a fake service with the item `value` of the account `key`.
pub async fn fake_service_with_key() -> (Bus, Fake) {
    let (bus, fake) = fake_service().await;
    fake.plant(SERVICE, "key", "value").await;
    (bus, fake)
}

/// Starts a fake service with an item of Alice and one of Bob, both of which the keyring has already read.
pub async fn alice_and_bob() -> (Bus, Fake, OsKeyring) {
    let (bus, fake) = fake_service().await;
    fake.plant(SERVICE, "alice", "alice's").await;
    fake.plant(SERVICE, "bob", "bob's").await;
    let keyring = bus.os_keyring();
    assert_eq!(keyring.get(SERVICE, "alice").await, Ok(secret("alice's")));
    assert_eq!(keyring.get(SERVICE, "bob").await, Ok(secret("bob's")));
    (bus, fake, keyring)
}

/// Returns a keyring on the bus of which no call waits for a time limit.
pub fn patient(bus: &Bus) -> OsKeyring {
    OsKeyring::new(bus.environment(), NEVER)
}

/// Returns a keyring on the bus whose calls time out soon.
pub fn impatient(bus: &Bus) -> OsKeyring {
    OsKeyring::new(bus.environment(), SHORT)
}
