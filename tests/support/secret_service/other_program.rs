//! Another program that changes the items of a real Secret Service. It waits for the reply to each change.

use std::collections::HashMap;

use zbus::{OwnedObjectPath, Variant};

use crate::support::{Bus, SECRETS, call};

const ITEM: &str = "org.freedesktop.Secret.Item";

pub struct OtherProgram(zbus::Connection);

impl OtherProgram {
    pub async fn on(bus: &Bus) -> Self {
        Self(bus.connect().await)
    }

    /// Returns the only item of an account.
    pub async fn item(&self, service: &str, account: &str) -> OwnedObjectPath {
        let attributes = HashMap::from([("service", service), ("username", account)]);
        let (unlocked, _): (Vec<OwnedObjectPath>, Vec<OwnedObjectPath>) =
            call(&self.0, "SearchItems", &(attributes,)).await;
        let [item] = unlocked.as_slice() else {
            panic!("'{account}' has {} items", unlocked.len());
        };
        item.clone()
    }

    /// Gives an item the attributes of another account.
    pub async fn rename(&self, item: &OwnedObjectPath, service: &str, account: &str) {
        let attributes = Variant::from(HashMap::from([("service", service), ("username", account)]));
        let body = (ITEM, "Attributes", attributes);
        self.call(item, "org.freedesktop.DBus.Properties", "Set", &body).await;
    }

    pub async fn delete(&self, item: &OwnedObjectPath) {
        self.call(item, ITEM, "Delete", &()).await;
    }

    async fn call<B>(&self, item: &OwnedObjectPath, interface: &str, method: &str, body: &B)
    where
        B: serde::Serialize + zbus::DynamicType,
    {
        self.0
            .call_method(Some(SECRETS), item, Some(interface), method, body)
            .await
            .expect("the service carries it out");
    }
}
