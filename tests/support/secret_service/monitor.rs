//! Observes the method calls on a bus.

use futures_util::StreamExt;
use zbus::MessageStream;
use zbus::message::Type;

use crate::support::Bus;

const BUS: &str = "org.freedesktop.DBus";

pub struct Monitor {
    messages: MessageStream,
    /// The connection that marks the end of a sequence of calls.
    marking: zbus::Connection,
    marks: u32,
}

impl Monitor {
    pub async fn on(bus: &Bus) -> Self {
        let monitoring = bus.connect().await;
        let messages = MessageStream::from(&monitoring);
        let nothing: Vec<String> = Vec::new();
        monitoring
            .call_method(
                Some(BUS),
                "/org/freedesktop/DBus",
                Some("org.freedesktop.DBus.Monitoring"),
                "BecomeMonitor",
                &(nothing, 0_u32),
            )
            .await
            .expect("the bus may be monitored");
        let mut monitor = Self {
            messages,
            marking: bus.connect().await,
            marks: 0,
        };
        monitor.calls().await;
        monitor
    }

    /// Returns the methods that other programs called since this function was called before, in the order of the calls.
    pub async fn calls(&mut self) -> Vec<String> {
        self.marks += 1;
        let mark = format!("org.example.Mark{}", self.marks);
        self.marking
            .call_method(Some(BUS), "/org/freedesktop/DBus", Some(BUS), "NameHasOwner", &(&mark,))
            .await
            .expect("the bus answers");
        let mut calls = Vec::new();
        loop {
            let message = self.messages.next().await.expect("the bus runs");
            let message = message.expect("a message");
            if message.message_type() != Type::MethodCall {
                continue;
            }
            let header = message.header();
            let member = header.member().expect("a call has a method");
            if member == "NameHasOwner" && message.body().deserialize::<String>().is_ok_and(|name| name == mark) {
                return calls;
            }
            calls.push(member.to_string());
        }
    }
}
