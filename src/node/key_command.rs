//! The class `KeyCommand`: answers and invocations become objects that tell their kind.

use napi::bindgen_prelude::{Null, Object, PromiseRaw, ToNapiValue, TypeName, Unknown};
use napi::{Env, JsValue, ValueType, sys};
use napi_derive::napi;

use super::args;
use super::environment::Environment;
use super::error::{Failure, rejected, thrown};
use super::promise::{JsSecret, promise};
use super::provider_keys::ProviderKeyStorage;
use crate::key_command::run::failure;
use crate::key_command::{self, CommandResult, Context, Invocation, Subcommand, Suggestion};

/// Documented in `index.d.ts`.
#[napi]
pub struct KeyCommand {
    command: key_command::KeyCommand,
}

#[napi]
impl KeyCommand {
    #[napi(constructor)]
    pub fn new(env: Env, storage: Unknown<'_>) -> napi::Result<Self> {
        thrown(&env, Self::build(&env, storage))
    }

    fn build(env: &Env, storage: Unknown<'_>) -> Result<Self, Failure> {
        let storage = match storage.get_type()? {
            ValueType::Undefined => Environment::of(env)?.provider_key_storage.borrow_back(env)?.call(())?,
            _ => storage,
        };
        let storage = args::instance::<ProviderKeyStorage>(storage)
            .ok_or_else(|| Failure::Type("storage must be a ProviderKeyStorage".to_owned()))?;
        Ok(Self {
            command: key_command::KeyCommand::new(std::sync::Arc::new(storage.keys.clone()), storage.names.clone()),
        })
    }

    #[napi]
    pub fn parse(env: Env, args: Unknown<'_>) -> napi::Result<Shaped<Invocation>> {
        let parsed = args::secret(args, "args").map(|args| Shaped(key_command::parse(args.expose())));
        thrown(&env, parsed)
    }

    #[napi]
    pub fn run<'env>(
        &self,
        env: &'env Env,
        args: Unknown<'_>,
        context: Unknown<'_>,
    ) -> napi::Result<PromiseRaw<'env, Shaped<CommandResult>>> {
        let command = self.command.clone();
        match args::secret(args, "args").and_then(|args| Ok((args, self::context(context)?))) {
            Ok((args, context)) => promise(
                env,
                async move { Ok(Shaped(command.run(args.expose(), context).await)) },
            ),
            // Text that cannot be stored: an answer, as every storage failure is.
            Err(Failure::Storage(error)) => promise(env, async move { Ok(Shaped(failure(&error))) }),
            Err(failure) => rejected(env, failure),
        }
    }

    #[napi]
    pub fn complete<'env>(
        &self,
        env: &'env Env,
        args: Unknown<'_>,
    ) -> napi::Result<PromiseRaw<'env, Vec<Shaped<Suggestion>>>> {
        let command = self.command.clone();
        // What has been typed so far may be a key.
        match args::secret(args, "args") {
            Ok(args) => promise(env, async move {
                let offered = command.complete(args.expose()).await;
                Ok(offered.into_iter().map(Shaped).collect())
            }),
            Err(Failure::Storage(_)) => promise(env, async { Ok(Vec::new()) }),
            Err(failure) => rejected(env, failure),
        }
    }
}

/// One subcommand, for the schema that `index.js` makes of them.
#[napi(object, object_from_js = false)]
pub struct KeySubcommand {
    pub value: &'static str,
    pub description: &'static str,
    pub takes_name: bool,
    pub takes_key: bool,
}

/// Called by `index.js` as it loads.
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
        // An empty one invokes nothing.
        context.raw = Some(args::secret(raw, "context.raw")?).filter(|raw| !raw.expose().is_empty());
    }
    Ok(context)
}

/// A value of the core as an object of its own.
pub struct Shaped<T>(T);

/// What the object of a value holds.
pub trait Shape {
    /// Sets the properties of a new object.
    fn fill(self, env: &Env, object: &mut Object<'_>) -> napi::Result<()>;
}

impl<T> TypeName for Shaped<T> {
    fn type_name() -> &'static str {
        "object"
    }

    fn value_type() -> ValueType {
        ValueType::Object
    }
}

impl<T: Shape> ToNapiValue for Shaped<T> {
    #[allow(unsafe_code)]
    unsafe fn to_napi_value(env: sys::napi_env, value: Self) -> napi::Result<sys::napi_value> {
        let env = Env::from_raw(env);
        let mut object = Object::new(&env)?;
        value.0.fill(&env, &mut object)?;
        Ok(object.raw())
    }
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
