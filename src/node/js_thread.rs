//! The way back onto one environment's JavaScript thread.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use napi::{Env, Status, sys};

use super::environment::Environment;

/// How many jobs are done before the event loop gets on: a few milliseconds' worth at most.
const AT_ONCE: usize = 256;

/// Work for the JavaScript thread.
type Job = Box<dyn FnOnce(&Env) + Send>;

type Call = ThreadsafeFunction<(), (), (), Status, false, true>;

/// A way back onto the JavaScript thread. It keeps the process alive while promises are pending, and at no other time.
///
/// Node runs what is put into one threadsafe function until nothing is left, up to a thousand times, before the event loop
/// gets on. Callers who read again as soon as they have read would hold it up for long. So there are two functions that
/// take turns: what comes while one runs is the other's.
#[derive(Clone)]
pub struct JsThread(Arc<Shared>);

struct Shared {
    calls: [Call; 2],
    jobs: Mutex<Jobs>,
}

#[derive(Default)]
struct Jobs {
    waiting: VecDeque<Job>,
    /// One of the functions has been called, and has not run yet.
    called: bool,
    /// Whose turn it is.
    next: usize,
}

impl JsThread {
    pub(super) fn new(env: &Env) -> napi::Result<Self> {
        let call = |which: usize| -> napi::Result<Call> {
            env.create_function_from_closure::<(), (), _>("securestore", |_| Ok(()))?
                .build_threadsafe_function::<()>()
                .callee_handled::<false>()
                .weak::<true>()
                .build_callback(move |context| {
                    let environment = Environment::of(&context.env)?;
                    environment.thread.0.work(which, &context.env);
                    Ok(())
                })
        };
        Ok(Self(Arc::new(Shared {
            calls: [call(0)?, call(1)?],
            jobs: Mutex::default(),
        })))
    }

    /// Runs the job on the JavaScript thread, soon, and after those that came before it. It is dropped unrun when the
    /// environment has ended.
    pub fn run(&self, job: impl FnOnce(&Env) + Send + 'static) {
        let mut jobs = self.0.jobs();
        jobs.waiting.push_back(Box::new(job));
        if !std::mem::replace(&mut jobs.called, true) {
            let next = jobs.next;
            drop(jobs);
            self.0.call(next);
        }
    }

    /// Whether it keeps the process alive. Only on the JavaScript thread.
    #[allow(unsafe_code)]
    pub(super) fn keep_alive(&self, env: &Env, alive: bool) {
        let call = self.0.calls[0].raw();
        // SAFETY: a live environment, on its own thread, and a threadsafe function of it that lives as long as `self`.
        unsafe {
            match alive {
                true => sys::napi_ref_threadsafe_function(env.raw(), call),
                false => sys::napi_unref_threadsafe_function(env.raw(), call),
            };
        }
    }
}

impl Shared {
    /// Does what waits now, or some of it, and leaves what comes meanwhile to the other function.
    fn work(&self, which: usize, env: &Env) {
        let count = {
            let mut jobs = self.jobs();
            jobs.next = 1 - which;
            jobs.waiting.len().min(AT_ONCE)
        };
        for _ in 0..count {
            let Some(job) = self.jobs().waiting.pop_front() else {
                break;
            };
            job(env);
        }
        let mut jobs = self.jobs();
        jobs.called = !jobs.waiting.is_empty();
        if jobs.called {
            drop(jobs);
            self.call(1 - which);
        }
    }

    fn call(&self, which: usize) {
        if self.calls[which].call((), ThreadsafeFunctionCallMode::NonBlocking) != Status::Ok {
            // The environment has ended. What the jobs hold is dropped without the lock: it may want to run one.
            let dropped = std::mem::take(&mut *self.jobs());
            drop(dropped);
        }
    }

    fn jobs(&self) -> MutexGuard<'_, Jobs> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
