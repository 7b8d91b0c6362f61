//! The binding to Node-API. The functions here convert arguments, call the core and convert results. No other module depends
//! on Node. A file imports only files that are listed before it.
//!
//! - `js_thread`: runs jobs on a JavaScript thread; `deferred`: a promise that such a job settles
//! - `log`: queues events for JavaScript
//! - `environment`: what one JavaScript environment (the main thread, a worker) provides
//! - `error`: the core's errors as JavaScript errors
//! - `args`: arguments as the core's types, or a `TypeError`
//! - `promise`: the core's futures as promises
//! - `json`: JavaScript objects that hold secrets; `shape`: objects whose properties depend on the value
//! - `js_call`: calls into JavaScript
//! - `logger`: listeners of events
//! - `adapter`, `machine_secret`, `storage`: keyrings, machine secrets and storages that JavaScript provides
//! - `locks`: locks that JavaScript holds while it makes several changes as one
//! - `os_keyring`: the OS keyring, which a setting may disable
//! - `options`: the options of a store
//! - `object`: what the objects of all classes share
//! - `secure_store`, `provider_keys`, `tool_keys`, `token_storage`, `extension_settings`, `os_adapter`, `key_command`,
//!   `secure_input`: the classes
//! - `auth`, `codec`, `legacy`, `doctor`, `harden`: functions

mod adapter;
mod args;
mod auth;
mod codec;
mod deferred;
mod doctor;
mod environment;
mod error;
mod extension_settings;
mod harden;
mod js_call;
mod js_thread;
mod json;
mod key_command;
mod keyring_choice;
mod legacy;
mod locks;
mod log;
mod logger;
mod machine_secret;
mod object;
mod options;
mod os_adapter;
mod os_keyring;
mod promise;
mod provider_keys;
mod secure_input;
mod secure_store;
mod shape;
mod storage;
mod token_storage;
mod tool_keys;
