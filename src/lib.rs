//! `@llxprt/securestore`: API keys and tokens in the OS keyring, or in encrypted files if there is none.
//!
//! A module imports only modules that are listed before it.
//!
//! - [`error`]: error codes, a message, a remediation
//! - [`secret`]: text that is wiped when it is dropped and never printed
//! - [`text`]: hexadecimal digits and trimming
//! - [`random`]: random bytes
//! - [`sync`]: in-process synchronisation
//! - [`fs`]: files, without any knowledge of what is in them
//! - [`telemetry`]: events without secrets, and where they go
//! - [`keyring`]: the OS credential store, and one in memory for tests
//! - [`fallback`]: the encrypted files
//! - [`store`]: keyring first, encrypted file second
//! - [`provider_keys`]: named API keys
//! - [`tool_keys`]: API keys of tools
//! - [`token_storage`]: OAuth credentials of MCP servers
//! - [`extension_settings`]: settings of extensions; the sensitive ones are kept apart from the others
//! - [`key_command`]: the `/key` command
//! - [`auth`]: which API key a session uses
//! - [`legacy`]: data of earlier programs
//! - [`doctor`]: a report on the data directory, the keyring and the stores, with the problems found
//! - `node`: everything that knows Node-API (feature `node`)
//!
//! The key derivation of the files is the package `securestore-scrypt` in `crates/scrypt`.
//!
//! A value travels one way: node → command or named store → store → keyring or fallback → and back. It is a
//! [`secret::Secret`] from the moment it enters Rust until it leaves.
//!
//! # Process-wide state
//!
//! Everything else that varies is passed in. These are process-wide, each in one module, because several stores or several
//! JavaScript environments share them:
//!
//! - `fs::executor`: the thread pool, because its limit is on the threads of the process
//! - `fs::lock`: the queues of the locks and the number of held ones; `fs::sweep`: the directories that were swept
//! - `telemetry`: the `tracing` subscriber, the number of listening sinks, the notices that were emitted, and the current
//!   task's sink, which decides where events go and nothing else
//! - `keyring`: connections to Secret Services, the dialogs of the macOS keychain, the file of the running program
//! - `fallback`: derived keys, the limit on simultaneous derivations, their memory and the protected memory of keys
//! - `node::promise`: the runtime, and the limit on calls that occupy a blocking thread

pub mod auth;
pub mod doctor;
pub mod error;
pub mod extension_settings;
pub mod fallback;
pub mod fs;
pub mod key_command;
pub mod keyring;
pub mod legacy;
#[cfg(feature = "node")]
mod node;
pub mod provider_keys;
pub mod random;
pub mod secret;
pub mod store;
pub mod sync;
pub mod telemetry;
pub mod text;
pub mod token_storage;
pub mod tool_keys;
