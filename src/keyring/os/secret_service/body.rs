//! The bodies of the messages that this crate sends.

use std::collections::HashMap;

use serde::{Serialize, Serializer};
use zbus::{DynamicType, ObjectPath, OwnedObjectPath, Signature, Type, Variant};

/// The specification's struct `Secret`: session, parameters, value, content type.
pub(super) type WireSecret<'a> = (ObjectPath<'a>, &'a [u8], &'a [u8], &'a str);

type SearchAttributes<'a> = HashMap<&'a str, &'a str>;
type Properties<'a> = HashMap<&'a str, Variant<'a>>;

/// Declares the enum and how zbus sends it: each variant as a tuple of its fields.
macro_rules! bodies {
    ($($name:ident($($field:ident: $type:ty),*),)*) => {
        /// The body of a message. All calls share this type, so that the binary has only one copy of the large code that
        /// sends a message.
        pub(super) enum Body<'a> {
            $($name($($type),*),)*
        }

        impl Serialize for Body<'_> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                match self {
                    $(Self::$name($($field),*) => ($($field,)*).serialize(serializer),)*
                }
            }
        }

        impl<'a> DynamicType for Body<'a> {
            fn signature(&self) -> Signature {
                match self {
                    $(Self::$name(..) => <($($type,)*) as Type>::SIGNATURE.clone(),)*
                }
            }
        }
    };
}

bodies! {
    Empty(),
    Text(text: &'a str),
    Property(interface: &'a str, name: &'a str),
    Search(attributes: &'a SearchAttributes<'a>),
    Object(path: &'a OwnedObjectPath),
    Objects(paths: &'a [OwnedObjectPath]),
    Secrets(items: &'a [&'a OwnedObjectPath], session: &'a OwnedObjectPath),
    Secret(secret: WireSecret<'a>),
    Item(properties: Properties<'a>, secret: WireSecret<'a>, replace: bool),
    Collection(properties: Properties<'a>, alias: &'a str),
    KeyExchange(algorithm: &'a str, input: &'a Variant<'a>),
}
