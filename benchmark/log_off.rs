//! The cost of events without a listener: `cargo bench --no-default-features`.
//!
//! An operation of a store emits three events: the operation, a keyring call and a call to the files. This benchmark runs them
//! around work that does nothing and compares with that work alone, alternately. A real operation takes thousands of times
//! as long and would hide the difference. Prints nanoseconds per operation, medians over all rounds.

use std::hint::black_box;
use std::path::Path;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use securestore::telemetry::events::{FileCall, KeyringCall, Operation, file_call, keyring_call};
use securestore::telemetry::{Record, Sink, event_sink, with_sink};

const ROUNDS: usize = 201;
const OPERATIONS: u32 = 20_000;

struct BlackBox;

impl Sink for BlackBox {
    fn take(&self, record: Record) {
        black_box(record);
    }
}

fn main() {
    let bare = || now(async { black_box(true) });
    let emitting = || {
        now(async {
            let operation = Operation::start("get");
            let file = FileCall {
                operation: "read",
                service: "service",
                directory: Path::new("directory"),
                key: Some("key"),
            };
            let keyring = KeyringCall {
                operation: "get",
                keyring: "os",
                service: "service",
                account: Some("key"),
            };
            let answer = file_call(file, keyring_call(keyring, async { black_box(true) })).await;
            operation.finish("service", Some("key"), answer)
        })
    };
    let never = compare(bare, emitting);
    let sink = event_sink();
    sink.set_sink(Some(std::sync::Arc::new(BlackBox)));
    let on = compare(bare, || now(with_sink(sink.clone(), async { emitting() })));
    sink.set_sink(None);
    let removed = compare(bare, emitting);
    println!("one operation with three events, in ns more than the bare one");
    println!("  no sink ever    {never:8.1}");
    println!("  sink removed    {removed:8.1}");
    println!("  sink on         {on:8.1}");
}

/// How much longer `theirs` takes than `ours`, in nanoseconds, median over the rounds.
fn compare<T>(ours: impl Fn() -> T, theirs: impl Fn() -> T) -> f64 {
    let mut differences: Vec<f64> = (0..ROUNDS).map(|_| time(&theirs) - time(&ours)).collect();
    differences.sort_by(f64::total_cmp);
    differences[ROUNDS / 2]
}

fn time<T>(work: impl Fn() -> T) -> f64 {
    let start = Instant::now();
    for _ in 0..OPERATIONS {
        black_box(work());
    }
    start.elapsed().as_nanos() as f64 / f64::from(OPERATIONS)
}

/// Work that never waits.
fn now<T>(work: impl Future<Output = T>) -> T {
    match pin!(work).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(done) => done,
        Poll::Pending => unreachable!("there is nothing to wait for"),
    }
}
