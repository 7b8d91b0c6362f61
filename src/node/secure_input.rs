//! The class `SecureInputHandler`.

use napi::bindgen_prelude::{ToNapiValue, TypeName, Unknown};
use napi::{Env, ValueType, sys};
use napi_derive::napi;

use super::args;
use super::error::or_throw;
use crate::key_command::SecureInputHandler;
use crate::key_command::secure_input::Units;

/// See `index.d.ts`.
#[napi(js_name = "SecureInputHandler")]
pub struct JsSecureInputHandler {
    handler: SecureInputHandler,
}

#[napi]
impl JsSecureInputHandler {
    #[napi(constructor)]
    #[allow(clippy::new_without_default)]
    pub fn new() -> Self {
        Self {
            handler: SecureInputHandler::default(),
        }
    }

    #[napi]
    pub fn should_use_secure_mode(&self, env: Env, text: Unknown<'_>) -> napi::Result<bool> {
        let secure = |text: Units| SecureInputHandler::should_use_secure_mode(&text);
        or_throw(&env, args::units(text, "text").map(secure))
    }

    #[napi]
    pub fn process_input(&mut self, env: Env, text: Unknown<'_>) -> napi::Result<JsText> {
        let process = |text| JsText(self.handler.process_input(text));
        or_throw(&env, args::units(text, "text").map(process))
    }

    #[napi]
    pub fn get_actual_value(&self) -> JsText {
        JsText(Units::new(self.handler.actual_value().to_vec()))
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
    pub fn sanitize_for_history(&self, env: Env, command: Unknown<'_>) -> napi::Result<JsText> {
        let sanitize = |command: Units| JsText(SecureInputHandler::sanitize_for_history(&command));
        or_throw(&env, args::units(command, "command").map(sanitize))
    }
}

/// UTF-16 text that is returned to JavaScript, including unpaired surrogates.
pub struct JsText(Units);

impl TypeName for JsText {
    fn type_name() -> &'static str {
        "string"
    }

    fn value_type() -> ValueType {
        ValueType::String
    }
}

impl ToNapiValue for JsText {
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
