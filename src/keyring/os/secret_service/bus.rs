//! Connects to a D-Bus session bus, and sends messages to the programs on it.

use std::ffi::OsStr;
use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::{Either, select};
use futures_util::stream::FuturesUnordered;
use tokio::net::UnixStream;
use tokio::time::{sleep, timeout};

use super::address::{Address, parse_list};
use super::body::Body;
use super::call_error::CallError;
use crate::keyring::errors::ErrorKind;

/// The name of the bus itself, which is also the name of its interface.
pub(super) const BUS: &str = "org.freedesktop.DBus";

/// The path of the bus itself.
pub(super) const BUS_PATH: &str = "/org/freedesktop/DBus";

/// The name of the Secret Service.
pub(super) const SERVICE_NAME: &str = "org.freedesktop.secrets";

/// How long a bus that is reached over a network may take to accept. A local socket accepts or refuses at once.
const NETWORK_CONNECT_LIMIT: Duration = Duration::from_millis(900);

/// How long an address of a list may take before the next one is tried as well.
const NEXT_ADDRESS_DELAY: Duration = Duration::from_millis(500);

/// Connects to the first address of the list that answers.
///
/// An address that does not answer does not hold up the others: after a moment the next one is tried at the same time.
pub(super) async fn connect(addresses: &str) -> Result<zbus::Connection, CallError> {
    let mut untried = parse_list(addresses).into_iter();
    let mut last_error = CallError::new(ErrorKind::Unreachable, "The D-Bus session bus has no address");
    let mut attempts = FuturesUnordered::new();
    let mut next = untried.next();
    loop {
        if let Some(address) = next.take() {
            attempts.push(connect_to(address));
        }
        let delay = async {
            match untried.len() {
                0 => std::future::pending().await,
                _ => sleep(NEXT_ADDRESS_DELAY).await,
            }
        };
        match select(attempts.next(), pin!(delay)).await {
            Either::Left((Some(Ok(bus)), _)) => return Ok(bus),
            Either::Left((Some(Err(error)), _)) => last_error = error,
            Either::Left((None, _)) => return Err(last_error),
            Either::Right(_) => {}
        }
        next = untried.next();
    }
}

/// Calls a method of a program on the bus.
pub(super) async fn send(
    bus: &zbus::Connection,
    destination: &str,
    path: &str,
    interface: &str,
    method: &str,
    body: &Body<'_>,
) -> zbus::Result<zbus::Message> {
    bus.call_method(Some(destination), path, Some(interface), method, body)
        .await
}

async fn connect_to(address: Address) -> Result<zbus::Connection, CallError> {
    match address {
        Address::Unix(socket) => connect_to_socket(&socket).await,
        Address::Other(address) => {
            let address: zbus::Address = address.parse()?;
            let connecting = zbus::connection::Builder::address(address).build();
            within_network_limit(connecting).await
        }
    }
}

async fn connect_to_socket(socket: &OsStr) -> Result<zbus::Connection, CallError> {
    let stream = UnixStream::connect(socket).await.and_then(UnixStream::into_std);
    let stream = stream.map_err(|error| unreachable_bus(&error.kind().to_string()))?;
    Ok(zbus::connection::Builder::unix_stream(stream).build().await?)
}

async fn within_network_limit(
    connecting: impl Future<Output = zbus::Result<zbus::Connection>>,
) -> Result<zbus::Connection, CallError> {
    match timeout(NETWORK_CONNECT_LIMIT, connecting).await {
        Ok(bus) => Ok(bus?),
        Err(_) => Err(unreachable_bus("no answer")),
    }
}

fn unreachable_bus(reason: &str) -> CallError {
    let message = format!("The D-Bus session bus cannot be reached: {reason}");
    CallError::new(ErrorKind::Unreachable, message)
}
