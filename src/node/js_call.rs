//! Asynchronous calls from Rust into JavaScript.
//!
//! A call has a number. Rust passes it to a function of `lib/`, which reports the outcome with `resolveCall` or `rejectCall`.
//! So a call creates no JavaScript function, and an abandoned call, or one whose environment ends, leaves nothing behind.

use napi::Env;
use tokio::sync::oneshot;

use super::environment::{JsEnvironment, Settled};
use super::js_thread::JsThread;
use crate::error::{Code, Error};

/// Starts a call on the JavaScript thread, and converts its outcome there.
///
/// Calls start in the order of the calls to this function. `start` passes the number to JavaScript. Dropping the future
/// abandons the call.
///
/// # Errors
///
/// `UNAVAILABLE` when the JavaScript environment ends before the outcome is known.
pub fn call_js<T, S, C>(
    thread: &JsThread,
    start: S,
    convert: C,
) -> impl Future<Output = Result<T, Error>> + Send + use<T, S, C>
where
    T: Send + 'static,
    S: FnOnce(&Env, u32) -> napi::Result<()> + Send + 'static,
    C: FnOnce(&Env, Settled<'_>) -> T + Send + 'static,
{
    let (sender, receiver) = oneshot::channel();
    let call = CallGuard {
        thread: thread.clone(),
        id: thread.new_id(),
        settled: false,
    };
    let id = call.id;
    thread.run(move |env| {
        let Ok(environment) = JsEnvironment::of(env) else {
            return;
        };
        if sender.is_closed() {
            return;
        }
        environment.calls.insert(id, move |env, settled| {
            let _ = sender.send(convert(env, settled));
        });
        if start(env, id).is_err() {
            environment.calls.remove(id);
        }
    });
    async move {
        let mut call = call;
        let outcome = receiver.await;
        call.settled = true;
        outcome.map_err(|_| Error::new(Code::Unavailable, "The JavaScript environment has ended"))
    }
}

/// Removes an abandoned call from the table of the environment.
struct CallGuard {
    thread: JsThread,
    id: u32,
    settled: bool,
}

impl Drop for CallGuard {
    fn drop(&mut self) {
        if !self.settled {
            let id = self.id;
            self.thread.run(move |env| {
                if let Ok(environment) = JsEnvironment::of(env) {
                    environment.calls.remove(id);
                }
            });
        }
    }
}
