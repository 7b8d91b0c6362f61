//! Measures the cost of events without a sink: `cargo bench --no-default-features`.
//!
//! An operation of a store emits three events: one for the operation, one for the keyring call and one for the file call.
//! Here the events surround work that does nothing, and are compared with that work alone, alternately. A real operation takes
//! thousands of times as long and would hide the difference. Prints the median of all rounds, in nanoseconds per operation.

use std::hint::black_box;
use std::path::Path;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use securestore::telemetry::events::{FileCall, KeyringCall, Operation, file_call, keyring_call};
use securestore::telemetry::{Record, Sink, event_sink, with_sink};

const ROUNDS: usize = 201;
const OPERATIONS: u32 = 20_000;

struct DiscardingSink;

impl Sink for DiscardingSink {
    fn take(&self, record: Record) {
        black_box(record);
    }
}

fn main() {
    let bare = || now(async { black_box(true) });
    let with_events = || {
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
            let result = file_call(file, keyring_call(keyring, async { black_box(true) })).await;
            operation.finish("service", Some("key"), result)
        })
    };
    let never = compare(bare, with_events);
    let sink = event_sink();
    sink.set_sink(Some(std::sync::Arc::new(DiscardingSink)));
    let on = compare(bare, || now(with_sink(sink.clone(), async { with_events() })));
    sink.set_sink(None);
    let removed = compare(bare, with_events);
    println!("one operation with its three events, in ns more than the same without");
    println!("  no sink ever    {never:8.1}");
    println!("  sink removed    {removed:8.1}");
    println!("  sink on         {on:8.1}");
}

/// Returns how much longer `measured` takes than `baseline`, in nanoseconds, median over the rounds.
fn compare<T>(baseline: impl Fn() -> T, measured: impl Fn() -> T) -> f64 {
    let mut differences: Vec<f64> = (0..ROUNDS).map(|_| time(&measured) - time(&baseline)).collect();
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

/// Polls work that is ready at once.
fn now<T>(work: impl Future<Output = T>) -> T {
    match pin!(work).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(done) => done,
        Poll::Pending => unreachable!("the work is ready at the first poll"),
    }
}
