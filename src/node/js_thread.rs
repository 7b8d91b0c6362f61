//! Runs jobs on the JavaScript thread of one environment.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};

use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use napi::{Env, Status, sys};

use crate::sync::job_queue::{JobQueue, Runner};

/// Work for the JavaScript thread.
type ThreadJob = Box<dyn FnOnce(&Env) + Send>;

type WakeUp = ThreadsafeFunction<(), (), (), Status, false, true>;

/// A handle to a JavaScript thread. It keeps the process alive while promises are pending, and at no other time.
///
/// Node runs what is put into one threadsafe function until nothing is left, up to a thousand times, before the event loop
/// goes on. Two functions that alternate keep a busy caller from holding up the event loop; see [`JobQueue`].
#[derive(Clone)]
pub struct JsThread(Arc<ThreadQueue>);

struct ThreadQueue {
    wake_ups: [WakeUp; 2],
    jobs: Mutex<JobQueue<ThreadJob>>,
    ids: AtomicU32,
}

impl JsThread {
    /// Returns the thread of this environment. When the environment ends, queued jobs are dropped, and later ones are dropped
    /// at once, so that a future that waits for one of them ends.
    pub fn new(env: &Env) -> napi::Result<Self> {
        let handle: Arc<OnceLock<Weak<ThreadQueue>>> = Arc::default();
        let wake_up = |runner: Runner| -> napi::Result<WakeUp> {
            let handle = handle.clone();
            env.create_function_from_closure::<(), (), _>("securestore", |_| Ok(()))?
                .build_threadsafe_function::<()>()
                .callee_handled::<false>()
                .weak::<true>()
                .build_callback(move |context| {
                    if let Some(queue) = handle.get().and_then(Weak::upgrade) {
                        queue.work(runner, &context.env);
                    }
                    Ok(())
                })
        };
        let queue = Arc::new(ThreadQueue {
            wake_ups: [wake_up(0)?, wake_up(1)?],
            jobs: Mutex::default(),
            ids: AtomicU32::new(0),
        });
        let _ = handle.set(Arc::downgrade(&queue));
        let ending = queue.clone();
        env.add_env_cleanup_hook((), move |()| ending.close())?;
        Ok(Self(queue))
    }

    /// Queues a job for the JavaScript thread. Drops it if the environment has ended.
    pub fn run(&self, job: impl FnOnce(&Env) + Send + 'static) {
        // A refused job is dropped without holding the mutex, because its destructor may push another job.
        let pushed = self.0.jobs().push(Box::new(job));
        if let Ok(Some(runner)) = pushed {
            self.0.wake_up(runner);
        }
    }

    /// Returns a number that no other call of this environment has at the same time.
    pub fn new_id(&self) -> u32 {
        self.0.ids.fetch_add(1, Ordering::Relaxed)
    }

    /// Sets whether the thread keeps the process alive. Only on the JavaScript thread.
    #[allow(unsafe_code)]
    pub fn keep_alive(&self, env: &Env, alive: bool) {
        let wake_up = self.0.wake_ups[0].raw();
        // SAFETY: a live environment, on its own thread, and a threadsafe function of it that lives as long as `self`.
        unsafe {
            match alive {
                true => sys::napi_ref_threadsafe_function(env.raw(), wake_up),
                false => sys::napi_unref_threadsafe_function(env.raw(), wake_up),
            };
        }
    }
}

impl ThreadQueue {
    fn work(&self, runner: Runner, env: &Env) {
        let count = self.jobs().start(runner);
        for _ in 0..count {
            let Some(job) = self.jobs().pop() else { break };
            // A job that panics must not prevent the others from running.
            let _ = catch_unwind(AssertUnwindSafe(|| job(env)));
        }
        let next = self.jobs().finish();
        if let Some(next) = next {
            self.wake_up(next);
        }
    }

    fn wake_up(&self, runner: Runner) {
        if self.wake_ups[runner].call((), ThreadsafeFunctionCallMode::NonBlocking) != Status::Ok {
            self.close();
        }
    }

    fn close(&self) {
        let dropped = self.jobs().close();
        drop(dropped);
    }

    fn jobs(&self) -> MutexGuard<'_, JobQueue<ThreadJob>> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
