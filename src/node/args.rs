//! Converts JavaScript values to the core's types. A value of the wrong type is a `TypeError` that names the argument.

use napi::bindgen_prelude::{
    ClassInstance, FromNapiValue, Function, JsObjectValue, JsValuesTupleIntoVec, Object, Unknown, ValidateNapiValue,
};
use napi::{JsValue, ValueType, sys};
use zeroize::Zeroizing;

use super::error::Failure;
use crate::error::{Code, Error};
use crate::key_command::secure_input::Units;
use crate::secret::Secret;

/// U+FFFD in UTF-8, which Node-API substitutes for an unpaired surrogate.
const REPLACEMENT: &[u8] = "\u{fffd}".as_bytes();

/// Returns the text of a string argument.
pub fn text(value: Unknown<'_>, name: &str) -> Result<String, Failure> {
    Ok(secret(value, name)?.expose().to_owned())
}

/// Returns the text of a string argument that holds a secret. Every copy made of it is wiped.
///
/// A string with an unpaired surrogate cannot be stored faithfully and is refused as `CORRUPT`.
pub fn secret(value: Unknown<'_>, name: &str) -> Result<Secret, Failure> {
    if value.get_type()? != ValueType::String {
        return Err(Failure::Type(format!("{name} must be a string, not {}", kind(&value)?)));
    }
    let mut bytes = utf8(&value)?;
    let suspect = bytes.windows(REPLACEMENT.len()).any(|window| window == REPLACEMENT);
    if suspect && has_unpaired_surrogate(value)? {
        return Err(Failure::Storage(unfaithful(name)));
    }
    Secret::from_utf8(std::mem::take(&mut *bytes)).ok_or_else(|| Failure::Storage(unfaithful(name)))
}

/// Returns a string for display only: an unpaired surrogate becomes U+FFFD.
pub fn display_text(value: Unknown<'_>, name: &str) -> Result<Secret, Failure> {
    if value.get_type()? != ValueType::String {
        return Err(Failure::Type(format!("{name} must be a string, not {}", kind(&value)?)));
    }
    let mut bytes = utf8(&value)?;
    Secret::from_utf8(std::mem::take(&mut *bytes)).ok_or_else(|| Failure::Storage(unfaithful(name)))
}

/// Returns a string as UTF-16, unpaired surrogates included. Every copy made of it is wiped.
pub fn units(value: Unknown<'_>, name: &str) -> Result<Units, Failure> {
    if value.get_type()? != ValueType::String {
        return Err(Failure::Type(format!("{name} must be a string, not {}", kind(&value)?)));
    }
    utf16(&value)
}

/// Returns a boolean argument.
pub fn boolean(value: Unknown<'_>, name: &str) -> Result<bool, Failure> {
    match value.get_type()? {
        ValueType::Boolean => cast(value),
        _ => Err(Failure::Type(format!(
            "{name} must be a boolean, not {}",
            kind(&value)?
        ))),
    }
}

/// Returns an optional object argument; `None` when it is undefined.
pub fn optional_object<'env>(value: Unknown<'env>, name: &str) -> Result<Option<Object<'env>>, Failure> {
    match value.get_type()? {
        ValueType::Undefined => Ok(None),
        ValueType::Object => Ok(Some(cast(value)?)),
        _ => Err(Failure::Type(format!(
            "{name} must be an object, not {}",
            kind(&value)?
        ))),
    }
}

/// Returns an object argument.
pub fn object<'env>(value: Unknown<'env>, name: &str) -> Result<Object<'env>, Failure> {
    let kind = kind(&value)?;
    optional_object(value, name)?.ok_or_else(|| Failure::Type(format!("{name} must be an object, not {kind}")))
}

/// Returns the texts of an argument that is an array of strings. They may be secrets.
pub fn texts(value: Unknown<'_>, name: &str) -> Result<Vec<Secret>, Failure> {
    if !value.is_array()? {
        return Err(Failure::Type(format!(
            "{name} must be an array of strings, not {}",
            kind(&value)?
        )));
    }
    let array: Object<'_> = cast(value)?;
    (0..array.get_array_length()?)
        .map(|at| secret(array.get_element(at)?, &format!("{name}[{at}]")))
        .collect()
}

/// Returns whether an argument is undefined or null.
pub fn is_nothing(value: &Unknown<'_>) -> Result<bool, Failure> {
    Ok(matches!(value.get_type()?, ValueType::Undefined | ValueType::Null))
}

/// Returns a property of an object; `None` when it is missing, undefined or null.
pub fn given<'env>(object: &Object<'env>, name: &str) -> Result<Option<Unknown<'env>>, Failure> {
    Ok(match option(object, name)? {
        Some(value) if is_nothing(&value)? => None,
        value => value,
    })
}

/// Returns a property of an options object; `None` when it is missing or undefined.
pub fn option<'env>(options: &Object<'env>, name: &str) -> Result<Option<Unknown<'env>>, Failure> {
    let value: Unknown<'env> = options.get_named_property(name)?;
    Ok((value.get_type()? != ValueType::Undefined).then_some(value))
}

/// Returns a function argument.
pub fn function<'env, Args: JsValuesTupleIntoVec, Return: FromNapiValue>(
    value: Unknown<'env>,
    name: &str,
) -> Result<Function<'env, Args, Return>, Failure> {
    match value.get_type()? {
        ValueType::Function => cast(value),
        _ => Err(Failure::Type(format!(
            "{name} must be a function, not {}",
            kind(&value)?
        ))),
    }
}

/// Describes the type of a value for an error message. Never shows the value itself.
pub fn kind(value: &Unknown<'_>) -> Result<&'static str, Failure> {
    Ok(match value.get_type()? {
        ValueType::Undefined => "undefined",
        ValueType::Null => "null",
        ValueType::Boolean => "a boolean",
        ValueType::Number => "a number",
        ValueType::String => "a string",
        ValueType::Symbol => "a symbol",
        ValueType::Function => "a function",
        ValueType::BigInt => "a bigint",
        _ => "an object",
    })
}

/// Converts a JavaScript value to a Rust type. The caller has checked its JavaScript type.
pub fn cast<'env, T: FromNapiValue>(value: Unknown<'env>) -> Result<T, Failure> {
    let raw = value.value();
    // SAFETY: both handles come from the live `Unknown`, on its own thread, within its scope.
    #[allow(unsafe_code)]
    Ok(unsafe { T::from_napi_value(raw.env, raw.value) }?)
}

/// Returns the Rust value of a class instance; `None` when the value is not an instance of that class.
pub fn instance<'env, T: 'env>(value: Unknown<'env>) -> Option<ClassInstance<'env, T>>
where
    ClassInstance<'env, T>: FromNapiValue + ValidateNapiValue,
{
    let raw = value.value();
    // SAFETY: the handles come from the live `Unknown`; `validate` is what makes the conversion after it sound.
    #[allow(unsafe_code)]
    unsafe {
        <ClassInstance<'env, T> as ValidateNapiValue>::validate(raw.env, raw.value).ok()?;
        ClassInstance::from_napi_value(raw.env, raw.value).ok()
    }
}

fn unfaithful(name: &str) -> Error {
    Error::new(
        Code::Corrupt,
        format!("The {name} holds an unpaired surrogate and cannot be stored faithfully"),
    )
    .with_remediation("Pass well-formed Unicode text, then re-save the key or re-authenticate")
}

/// Returns the string as UTF-8 in a buffer that is wiped. napi's own conversion leaves a second copy behind.
#[allow(unsafe_code)]
fn utf8(value: &Unknown<'_>) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let raw = value.value();
    let mut length = 0;
    // SAFETY: `raw` is a live string handle; a null buffer asks for the length alone.
    check(unsafe { sys::napi_get_value_string_utf8(raw.env, raw.value, std::ptr::null_mut(), 0, &mut length) })?;
    let mut bytes = Zeroizing::new(vec![0u8; length + 1]);
    let mut written = 0;
    // SAFETY: the buffer has room for `length` bytes and the NUL that Node-API adds.
    check(unsafe {
        sys::napi_get_value_string_utf8(raw.env, raw.value, bytes.as_mut_ptr().cast(), length + 1, &mut written)
    })?;
    bytes.truncate(written);
    Ok(bytes)
}

/// Returns the string as UTF-16 in a buffer that is wiped.
#[allow(unsafe_code)]
fn utf16(value: &Unknown<'_>) -> Result<Units, Failure> {
    let raw = value.value();
    let mut length = 0;
    // SAFETY: `raw` is a live string handle; a null buffer asks for the length alone.
    check(unsafe { sys::napi_get_value_string_utf16(raw.env, raw.value, std::ptr::null_mut(), 0, &mut length) })?;
    let mut units = Units::new(vec![0u16; length + 1]);
    let mut written = 0;
    // SAFETY: the buffer has room for `length` units and the NUL that Node-API adds.
    check(unsafe {
        sys::napi_get_value_string_utf16(raw.env, raw.value, units.as_mut_ptr(), length + 1, &mut written)
    })?;
    units.truncate(written);
    Ok(units)
}

fn check(status: sys::napi_status) -> Result<(), Failure> {
    match status {
        sys::Status::napi_ok => Ok(()),
        status => Err(Failure::Node(napi::Error::from_status(napi::Status::from(status)))),
    }
}

fn has_unpaired_surrogate(value: Unknown<'_>) -> Result<bool, Failure> {
    let units = utf16(&value)?;
    Ok(char::decode_utf16(units.iter().copied()).any(|unit| unit.is_err()))
}
