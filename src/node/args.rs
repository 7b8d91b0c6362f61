//! JavaScript values as the core's types. What does not fit is a `TypeError` that names the argument.

use napi::bindgen_prelude::{
    ClassInstance, FromNapiValue, Function, JsObjectValue, JsValuesTupleIntoVec, Object, Unknown, ValidateNapiValue,
};
use napi::{JsString, JsValue, ValueType, sys};
use zeroize::{Zeroize, Zeroizing};

use super::error::Failure;
use crate::error::{Code, Error};
use crate::secret::Secret;

/// How U+FFFD looks in UTF-8: what Node-API puts where a surrogate has no partner.
const REPLACEMENT: &[u8] = "\u{fffd}".as_bytes();

/// The text of a string argument.
pub fn text(value: Unknown<'_>, name: &str) -> Result<String, Failure> {
    Ok(secret(value, name)?.expose().to_owned())
}

/// The text of a string argument that holds a secret: every copy we make of it is wiped.
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

/// A string for display alone: an unpaired surrogate becomes U+FFFD.
pub fn display_text(value: Unknown<'_>, name: &str) -> Result<Secret, Failure> {
    if value.get_type()? != ValueType::String {
        return Err(Failure::Type(format!("{name} must be a string, not {}", kind(&value)?)));
    }
    let mut bytes = utf8(&value)?;
    Secret::from_utf8(std::mem::take(&mut *bytes)).ok_or_else(|| Failure::Storage(unfaithful(name)))
}

/// The object that holds a call's options; `None` where it was left out.
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

/// An object argument.
pub fn object<'env>(value: Unknown<'env>, name: &str) -> Result<Object<'env>, Failure> {
    let kind = kind(&value)?;
    optional_object(value, name)?.ok_or_else(|| Failure::Type(format!("{name} must be an object, not {kind}")))
}

/// A boolean.
pub fn boolean(value: Unknown<'_>, name: &str) -> Result<bool, Failure> {
    match value.get_type()? {
        ValueType::Boolean => cast(value),
        _ => Err(Failure::Type(format!(
            "{name} must be a boolean, not {}",
            kind(&value)?
        ))),
    }
}

/// Whether an argument was left out, or is null.
pub fn is_nothing(value: &Unknown<'_>) -> Result<bool, Failure> {
    Ok(matches!(value.get_type()?, ValueType::Undefined | ValueType::Null))
}

/// One property of an object that may say null for nothing; `None` where it is missing, undefined or null.
pub fn given<'env>(object: &Object<'env>, name: &str) -> Result<Option<Unknown<'env>>, Failure> {
    Ok(match option(object, name)? {
        Some(value) if is_nothing(&value)? => None,
        value => value,
    })
}

/// One property of an options object; `None` where it is missing or undefined.
pub fn option<'env>(options: &Object<'env>, name: &str) -> Result<Option<Unknown<'env>>, Failure> {
    let value: Unknown<'env> = options.get_named_property(name)?;
    Ok((value.get_type()? != ValueType::Undefined).then_some(value))
}

/// A function argument.
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

/// What a value is, in the words of an error message. Never the value itself.
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

/// The same JavaScript value as another Rust type; its JavaScript type was checked before.
pub fn cast<'env, T: FromNapiValue>(value: Unknown<'env>) -> Result<T, Failure> {
    let raw = value.value();
    // SAFETY: both handles come from the live `Unknown`, on its own thread, within its scope.
    #[allow(unsafe_code)]
    Ok(unsafe { T::from_napi_value(raw.env, raw.value) }?)
}

/// The Rust side of a class instance; `None` when the value is no instance of that class.
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

/// The string's UTF-8, in a buffer of ours that is wiped: napi's own conversion leaves a second copy behind.
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

fn check(status: sys::napi_status) -> Result<(), Failure> {
    match status {
        sys::Status::napi_ok => Ok(()),
        status => Err(Failure::Node(napi::Error::from_status(napi::Status::from(status)))),
    }
}

fn has_unpaired_surrogate(value: Unknown<'_>) -> Result<bool, Failure> {
    let units = cast::<JsString<'_>>(value)?.into_utf16()?;
    let mut units: Vec<u16> = units.as_slice().to_vec();
    // The buffer ends with the NUL that Node-API adds, which pairs with nothing and breaks nothing.
    let unpaired = char::decode_utf16(units.iter().copied()).any(|unit| unit.is_err());
    units.zeroize();
    Ok(unpaired)
}
