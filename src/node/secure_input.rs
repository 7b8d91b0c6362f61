//! The class `SecureInputHandler`.

use napi::bindgen_prelude::{ToNapiValue, TypeName, Unknown};
use napi::{Env, ValueType, sys};
use napi_derive::napi;

use super::args;
use super::error::thrown;
use crate::key_command;
use crate::key_command::secure_input::Units;

/// Documented in `index.d.ts`.
#[napi]
pub struct SecureInputHandler {
    handler: key_command::SecureInputHandler,
}

#[napi]
impl SecureInputHandler {
    #[napi(constructor)]
    #[allow(clippy::new_without_default)]
    pub fn new() -> Self {
        Self {
            handler: key_command::SecureInputHandler::default(),
        }
    }

    #[napi]
    pub fn should_use_secure_mode(&self, env: Env, text: Unknown<'_>) -> napi::Result<bool> {
        let secure = |text: Units| key_command::SecureInputHandler::should_use_secure_mode(&text);
        thrown(&env, args::units(text, "text").map(secure))
    }

    #[napi]
    pub fn process_input(&mut self, env: Env, text: Unknown<'_>) -> napi::Result<Text> {
        let process = |text| Text(self.handler.process_input(text));
        thrown(&env, args::units(text, "text").map(process))
    }

    #[napi]
    pub fn get_actual_value(&self) -> Text {
        Text(Units::new(self.handler.actual_value().to_vec()))
    }

    #[napi]
    pub fn is_in_secure_mode(&self) -> bool {
        self.handler.is_in_secure_mode()
    }

    #[napi]
    pub fn reset(&mut self) {
        self.handler.reset();
    }

    #[napi]
    pub fn sanitize_for_history(&self, env: Env, command: Unknown<'_>) -> napi::Result<Text> {
        let sanitize = |command: Units| Text(key_command::SecureInputHandler::sanitize_for_history(&command));
        thrown(&env, args::units(command, "command").map(sanitize))
    }
}

/// Text on its way out, as it is.
pub struct Text(Units);

impl TypeName for Text {
    fn type_name() -> &'static str {
        "string"
    }

    fn value_type() -> ValueType {
        ValueType::String
    }
}

impl ToNapiValue for Text {
    #[allow(unsafe_code)]
    unsafe fn to_napi_value(env: sys::napi_env, value: Self) -> napi::Result<sys::napi_value> {
        let mut string = std::ptr::null_mut();
        let length = isize::try_from(value.0.len()).map_err(|error| napi::Error::from_reason(error.to_string()))?;
        // SAFETY: the environment is live, and the buffer holds as many units as it says.
        let status = unsafe { sys::napi_create_string_utf16(env, value.0.as_ptr(), length, &mut string) };
        match status {
            sys::Status::napi_ok => Ok(string),
            status => Err(napi::Error::from_status(napi::Status::from(status))),
        }
    }
}
