//! The class `KeyCommand`. Results and invocations become objects with a property for their kind.

use napi::Env;
use napi::bindgen_prelude::{Null, Object, PromiseRaw, Unknown};
use napi_derive::napi;

use super::args;
use super::error::{Failure, or_throw};
use super::promise::{JsSecret, promise};
use super::provider_keys::{KeyStorageHandle, key_storage};
use super::shape::{Shape, Shaped};
use crate::error::Error;
use crate::key_command::run::failure;
use crate::key_command::{self, CommandResult, Context, Invocation, Subcommand, Suggestion};

/// See `index.d.ts`.
#[napi(js_name = "KeyCommand")]
pub struct JsKeyCommand {
    command: key_command::KeyCommand,
    storage: KeyStorageHandle,
}

#[napi]
impl JsKeyCommand {
    /// `cache` is the `CompletionCache` of a storage that is not native.
    #[napi(constructor)]
    pub fn new(env: Env, storage: Unknown<'_>, cache: Unknown<'_>) -> napi::Result<Self> {
        or_throw(&env, Self::build(&env, storage, cache))
    }

    fn build(env: &Env, storage: Unknown<'_>, cache: Unknown<'_>) -> Result<Self, Failure> {
        let (storage, names) = key_storage(env, storage, Some(cache))?;
        Ok(Self {
            command: key_command::KeyCommand::new(storage.in_context(env)?, names),
            storage,
        })
    }

    /// Returns the command for a call in the current asynchronous context.
    fn in_context(&self, env: &Env) -> Result<key_command::KeyCommand, Failure> {
        Ok(self.command.clone().with_keys(self.storage.in_context(env)?))
    }

    #[napi]
    pub fn parse(env: Env, args: Unknown<'_>) -> napi::Result<Shaped<Invocation>> {
        let parsed = args::secret(args, "args").map(|args| Shaped(key_command::parse(args.expose())));
        or_throw(&env, parsed)
    }

    #[napi]
    pub fn run<'env>(
        &self,
        env: &'env Env,
        args: Unknown<'_>,
        context: Unknown<'_>,
    ) -> napi::Result<PromiseRaw<'env, Shaped<CommandResult>>> {
        let args = args::secret(args, "args").and_then(|args| Ok((args, self::context(context)?)));
        let args = text_or_error(args).and_then(|args| Ok((args, self.in_context(env)?)));
        promise(env, args, |(args, command)| async move {
            Ok(Shaped(match args {
                Ok((args, context)) => command.run(args.expose(), context).await,
                // Text that cannot be stored gives the same result as a failure of the storage.
                Err(error) => failure(&error),
            }))
        })
    }

    #[napi]
    pub fn complete<'env>(
        &self,
        env: &'env Env,
        args: Unknown<'_>,
    ) -> napi::Result<PromiseRaw<'env, Vec<Shaped<Suggestion>>>> {
        let command = self.command.clone();
        // The text typed so far may be a key.
        promise(env, text_or_error(args::secret(args, "args")), |args| async move {
            let offered = match args {
                Ok(args) => command.complete(args.expose()).await,
                Err(_) => Vec::new(),
            };
            Ok(offered.into_iter().map(Shaped).collect())
        })
    }
}

/// Turns a storage failure of the arguments into a value; other failures reject.
fn text_or_error<T>(args: Result<T, Failure>) -> Result<Result<T, Error>, Failure> {
    match args {
        Ok(args) => Ok(Ok(args)),
        Err(Failure::Storage(error)) => Ok(Err(error)),
        Err(failure) => Err(failure),
    }
}

/// One subcommand, for `lib/key-schema.js`.
#[napi(object, object_from_js = false)]
pub struct KeySubcommand {
    pub value: &'static str,
    pub description: &'static str,
    pub takes_name: bool,
    pub takes_key: bool,
}

/// Called by `lib/key-schema.js`.
#[napi]
pub fn key_subcommands() -> Vec<KeySubcommand> {
    let describe = |subcommand: Subcommand| KeySubcommand {
        value: subcommand.word(),
        description: subcommand.description(),
        takes_name: subcommand.takes_name(),
        takes_key: subcommand == Subcommand::Save,
    };
    Subcommand::ALL.into_iter().map(describe).collect()
}

fn context(value: Unknown<'_>) -> Result<Context, Failure> {
    let mut context = Context::default();
    let Some(given) = args::optional_object(value, "context")? else {
        return Ok(context);
    };
    if let Some(interactive) = args::option(&given, "interactive")? {
        context.interactive = args::boolean(interactive, "context.interactive")?;
    }
    if let Some(confirmed) = args::option(&given, "confirmed")? {
        context.confirmed = args::boolean(confirmed, "context.confirmed")?;
    }
    if let Some(raw) = args::option(&given, "raw")? {
        // An empty text counts as missing.
        context.raw = Some(args::secret(raw, "context.raw")?).filter(|raw| !raw.expose().is_empty());
    }
    Ok(context)
}

/// A `KeyInvocation`.
impl Shape for Invocation {
    fn fill(self, _: &Env, object: &mut Object<'_>) -> napi::Result<()> {
        let mut named = |kind: &str, name: String| {
            object.set("kind", kind)?;
            object.set("name", name)
        };
        match self {
            Invocation::Status => object.set("kind", "status"),
            Invocation::List => object.set("kind", "list"),
            Invocation::Clear => object.set("kind", "clear"),
            Invocation::Load { name } => named("load", name),
            Invocation::Show { name } => named("show", name),
            Invocation::Delete { name } => named("delete", name),
            Invocation::MissingKey { name } => named("missing-key", name),
            Invocation::Save { name, key } => {
                named("save", name)?;
                object.set("key", JsSecret(key))
            }
            Invocation::Set { key } => {
                object.set("kind", "set")?;
                object.set("key", JsSecret(key))
            }
            Invocation::MissingName { subcommand } => {
                object.set("kind", "missing-name")?;
                object.set("subcommand", subcommand.word())
            }
        }
    }
}

/// A `KeyCommandResult`.
impl Shape for CommandResult {
    fn fill(self, env: &Env, object: &mut Object<'_>) -> napi::Result<()> {
        let mut message = |kind: &str, content: String| {
            object.set("type", "message")?;
            object.set("messageType", kind)?;
            object.set("content", content)
        };
        let (action, key, loaded) = match self {
            CommandResult::Info(content) => return message("info", content),
            CommandResult::Error(content) => return message("error", content),
            CommandResult::Confirm { prompt, raw } => {
                let mut invocation = Object::new(env)?;
                invocation.set("raw", JsSecret(raw))?;
                object.set("type", "confirm_action")?;
                object.set("prompt", prompt)?;
                return object.set("originalInvocation", invocation);
            }
            CommandResult::SetKey { key, loaded } => ("set", Some(key), loaded),
            CommandResult::ClearKey => ("clear", None, None),
            CommandResult::KeyStatus => ("status", None, None),
        };
        object.set("type", "session_key")?;
        object.set("action", action)?;
        object.set("apiKey", key.map(JsSecret))?;
        match loaded {
            Some(loaded) => {
                object.set("name", loaded.name)?;
                object.set("content", loaded.content)
            }
            None => {
                object.set("name", Null)?;
                object.set("content", Null)
            }
        }
    }
}

/// A `KeyCompletion`.
impl Shape for Suggestion {
    fn fill(self, _: &Env, object: &mut Object<'_>) -> napi::Result<()> {
        object.set("value", self.value)?;
        match self.description {
            Some(description) => object.set("description", description),
            None => Ok(()),
        }
    }
}
