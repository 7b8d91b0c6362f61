//! `@llxprt/securestore`: API keys and tokens in the OS keyring, or in encrypted files where there is none.
//!
//! A room imports only rooms listed before it; `error` and `secret` are the ground, `node` is the roof.
//!
//! - [`error`]: six codes, a message, a remedy
//! - [`secret`]: text that wipes itself and never prints
//! - [`telemetry`]: what may be seen from outside: events without secrets, and where they go
//! - [`keyring`]: the OS credential store, and one in memory for tests
//! - [`fallback`]: the encrypted files
//! - [`store`]: keyring first, file second
//! - [`provider_keys`]: named API keys
//! - [`tool_keys`]: API keys of tools
//! - [`token_storage`]: OAuth credentials of MCP servers
//! - [`extension_settings`]: settings of extensions, the sensitive ones apart from the others
//! - [`key_command`]: the `/key` command
//! - [`auth`]: which API key a session uses
//! - [`doctor`]: what is there, what works, what is wrong
//! - [`legacy`]: old data, and what to tell the user
//! - `node`: everything that knows Node-API (feature `node`)
//!
//! A value travels one way: node → command or named store → store → keyring or fallback → and back. It is a
//! [`secret::Secret`] from the moment it enters Rust until it leaves.

pub mod auth;
pub mod doctor;
pub mod error;
pub mod extension_settings;
pub mod fallback;
pub mod key_command;
pub mod keyring;
pub mod legacy;
#[cfg(feature = "node")]
mod node;
pub mod provider_keys;
pub mod secret;
pub mod store;
pub mod telemetry;
pub mod token_storage;
pub mod tool_keys;
