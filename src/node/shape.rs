//! Values of the core as JavaScript objects whose properties depend on the value.

use napi::bindgen_prelude::{Object, ToNapiValue, TypeName};
use napi::{Env, JsValue, ValueType, sys};

/// A value of the core that becomes a JavaScript object.
pub struct Shaped<T>(pub T);

/// A value whose JavaScript object has properties that depend on the value.
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
