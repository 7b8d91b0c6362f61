//! Everything that knows Node-API. Functions here convert, call, convert; nothing below this room knows Node exists.
//!
//! - `environment`: what one JavaScript environment (the main thread, a worker) lends us: its error class, its host's
//!   facts; `js_thread`: the way back onto its thread
//! - `error`: the core's errors as JavaScript's, for every class, in one place
//! - `args`: JavaScript values as the core's types, or a `TypeError`
//! - `promise`: the core's futures as promises; `deferred`: what settles one
//! - `adapter`: a keyring that JavaScript injected
//! - `machine_secret`: a machine secret that JavaScript gives
//! - `options`: a store's options
//! - `json`: JavaScript objects that hold secrets
//! - `secure_store`, `provider_keys`, `tool_keys`, `token_storage`, `extension_settings`, `os_adapter`, `key_command`,
//!   `secure_input`: the classes
//! - `auth`: which API key a session uses
//! - `legacy`: old data
//! - `doctor`: the report on what is there and works
//! - `log`: what becomes of this environment's events

mod adapter;
mod args;
mod auth;
mod deferred;
mod doctor;
mod environment;
mod error;
mod extension_settings;
mod js_thread;
mod json;
mod key_command;
mod legacy;
mod log;
mod machine_secret;
mod options;
mod os_adapter;
mod promise;
mod provider_keys;
mod secure_input;
mod secure_store;
mod token_storage;
mod tool_keys;
