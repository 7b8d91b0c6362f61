//! Converts JavaScript values to the core's types. A value of the wrong type is a `TypeError` that names the argument.

use napi::bindgen_prelude::{
    ClassInstance, FromNapiValue, Function, JsObjectValue, JsValuesTupleIntoVec, Object, Uint8Array, Unknown,
    ValidateNapiValue,
};
use napi::{JsValue, ValueType, sys};
use zeroize::Zeroizing;

use super::error::Failure;
use crate::error::{Code, Error};
use crate::key_command::secure_input::Units;
use crate::secret::Secret;
use crate::text::lossy_utf8;

/// Returns the text of a string argument that holds no secret.
///
/// # Errors
///
/// A `TypeError` for another type; `CORRUPT` for a string with an unpaired surrogate, which cannot be stored faithfully.
pub fn text(value: Unknown<'_>, name: &str) -> Result<String, Failure> {
    let bytes = std::mem::take(&mut *utf8(&value, name)?);
    let text = String::from_utf8(bytes).map_err(|_| unfaithful(name))?;
    check_faithful(value, name, &text)?;
    Ok(text)
}

/// Returns the text of a string argument that holds a secret. Every copy made of it is wiped.
///
/// # Errors
///
/// As [`text`].
pub fn secret(value: Unknown<'_>, name: &str) -> Result<Secret, Failure> {
    let secret = display_text(value, name)?;
    check_faithful(value, name, secret.expose())?;
    Ok(secret)
}

/// Returns a string for display only: an unpaired surrogate becomes U+FFFD. Every copy made of it is wiped.
///
/// # Errors
///
/// A `TypeError` for another type.
pub fn display_text(value: Unknown<'_>, name: &str) -> Result<Secret, Failure> {
    let bytes = std::mem::take(&mut *utf8(&value, name)?);
    Ok(Secret::from_utf8(bytes).ok_or_else(|| unfaithful(name))?)
}

/// Returns a string as UTF-16, unpaired surrogates included. Every copy made of it is wiped.
///
/// # Errors
///
/// A `TypeError` for another type.
pub fn units(value: Unknown<'_>, name: &str) -> Result<Units, Failure> {
    require_string(&value, name)?;
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

/// Returns the elements of an argument that is an array of strings, each converted by `element`: [`text`] or [`secret`].
///
/// # Errors
///
/// A `TypeError` for another type; the error of `element`.
pub fn strings<T>(
    value: Unknown<'_>,
    name: &str,
    element: fn(Unknown<'_>, &str) -> Result<T, Failure>,
) -> Result<Vec<T>, Failure> {
    if !value.is_array()? {
        return Err(Failure::Type(format!(
            "{name} must be an array of strings, not {}",
            kind(&value)?
        )));
    }
    let array: Object<'_> = cast(value)?;
    (0..array.get_array_length()?)
        .map(|at| element(array.get_element(at)?, &format!("{name}[{at}]")))
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

/// Returns a property of an options object; `None` when it is missing or undefined, and when there are no options.
pub fn option<'a, 'env: 'a>(
    options: impl Into<Option<&'a Object<'env>>>,
    name: &str,
) -> Result<Option<Unknown<'env>>, Failure> {
    let Some(options) = options.into() else { return Ok(None) };
    let value: Unknown<'env> = options.get_named_property(name)?;
    Ok((value.get_type()? != ValueType::Undefined).then_some(value))
}

/// Returns the bytes of a `Buffer` or `Uint8Array`, which are wiped on drop; `None` for another value.
pub fn bytes(value: Unknown<'_>) -> Option<Zeroizing<Vec<u8>>> {
    let is_array = value.is_typedarray().unwrap_or(false);
    let array = is_array.then(|| cast::<Uint8Array>(value).ok()).flatten()?;
    Some(Zeroizing::new(array.to_vec()))
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

fn require_string(value: &Unknown<'_>, name: &str) -> Result<(), Failure> {
    match value.get_type()? {
        ValueType::String => Ok(()),
        _ => Err(Failure::Type(format!("{name} must be a string, not {}", kind(value)?))),
    }
}

/// Returns an error for a string with an unpaired surrogate, given its text, in which Node-API replaced it by U+FFFD.
fn check_faithful(value: Unknown<'_>, name: &str, text: &str) -> Result<(), Failure> {
    match text.contains(char::REPLACEMENT_CHARACTER) && has_unpaired_surrogate(value)? {
        true => Err(unfaithful(name).into()),
        false => Ok(()),
    }
}

/// Returns the string as UTF-8 in a buffer that is wiped. napi's own conversion leaves a second copy behind.
#[allow(unsafe_code)]
fn utf8(value: &Unknown<'_>, name: &str) -> Result<Zeroizing<Vec<u8>>, Failure> {
    require_string(value, name)?;
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
    if written != length {
        // Bun leaves out an unpaired surrogate at the end of some strings.
        let mut text = lossy_utf8(&utf16(value)?);
        return Ok(Zeroizing::new(std::mem::take(&mut *text).into_bytes()));
    }
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
