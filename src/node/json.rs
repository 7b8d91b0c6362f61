//! Converts JavaScript objects that hold secrets to JSON text and back. The text is wiped as every secret is.

use napi::bindgen_prelude::{FnArgs, Function, JsObjectValue, Object, ToNapiValue, TypeName, Unknown};
use napi::{Env, JsValue, ValueType, sys};

use super::args;
use super::error::Failure;
use crate::secret::Secret;

/// Returns `JSON.stringify(value)`.
///
/// # Errors
///
/// The error that it throws, as for an object that contains itself; a `TypeError` when the result is not a string.
pub fn stringify(env: &Env, value: Object<'_>, name: &str) -> Result<Secret, Failure> {
    let json: Object<'_> = env.get_global()?.get_named_property("JSON")?;
    let stringify: Function<'_, Object<'_>, Unknown<'_>> = json.get_named_property("stringify")?;
    args::secret(stringify.call(value)?, name)
}

/// JSON text that becomes a JavaScript value, by `JSON.parse`, when a promise is settled with it.
pub struct JsonValue(pub Secret);

/// JSON text of an array of pairs that becomes a `Map`.
pub struct JsonMap(pub Secret);

impl TypeName for JsonValue {
    fn type_name() -> &'static str {
        "object"
    }

    fn value_type() -> ValueType {
        ValueType::Object
    }
}

impl TypeName for JsonMap {
    fn type_name() -> &'static str {
        "Map"
    }

    fn value_type() -> ValueType {
        ValueType::Object
    }
}

impl ToNapiValue for JsonValue {
    #[allow(unsafe_code)]
    unsafe fn to_napi_value(env: sys::napi_env, value: Self) -> napi::Result<sys::napi_value> {
        Ok(parse(&Env::from_raw(env), &value.0)?.value().value)
    }
}

impl ToNapiValue for JsonMap {
    #[allow(unsafe_code)]
    unsafe fn to_napi_value(env: sys::napi_env, value: Self) -> napi::Result<sys::napi_value> {
        let env = Env::from_raw(env);
        let map: Function<'_, Unknown<'_>, Unknown<'_>> = env.get_global()?.get_named_property("Map")?;
        let pairs = parse(&env, &value.0)?;
        Ok(map.new_instance(pairs)?.value().value)
    }
}

fn parse<'env>(env: &'env Env, text: &Secret) -> napi::Result<Unknown<'env>> {
    let json: Object<'env> = env.get_global()?.get_named_property("JSON")?;
    let parse: Function<'env, FnArgs<(&str,)>, Unknown<'env>> = json.get_named_property("parse")?;
    parse.call(FnArgs::from((text.expose(),)))
}
