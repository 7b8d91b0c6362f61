//! Checks that a history of one key is linearizable: that every operation takes effect at one moment between its start and its
//! end, and returns what a single register would return.

use std::collections::HashSet;

/// What an operation did, with its result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Stored this value.
    Set(u64),
    /// Deleted the key.
    Delete,
    /// Read this value.
    Get(Option<u64>),
}

/// An operation of a history. All times are of the same clock.
#[derive(Clone, Debug)]
pub struct Event {
    pub start: u128,
    /// `None` for a change that failed or whose process died: it may take effect at any time after its start, or never.
    pub end: Option<u128>,
    pub action: Action,
}

/// Returns whether the history is linearizable, from a register without a value.
pub fn is_linearizable(mut events: Vec<Event>) -> bool {
    events.sort_by_key(|event| event.start);
    let mut seen = HashSet::new();
    search(&events, &mut vec![false; events.len()], None, &mut seen)
}

/// Returns whether the operations that are not done yet can follow in some order while the register holds `value`.
fn search(
    events: &[Event],
    done: &mut Vec<bool>,
    value: Option<u64>,
    seen: &mut HashSet<(Vec<bool>, Option<u64>)>,
) -> bool {
    let open = |at: &usize| !done[*at];
    let Some(first_end) = (0..events.len()).filter(open).filter_map(|at| events[at].end).min() else {
        // Only changes without an end are left. They need not have taken effect.
        return true;
    };
    if !seen.insert((done.clone(), value)) {
        return false;
    }
    // Only an operation that started before the first end can be the next one.
    let next: Vec<usize> = (0..events.len())
        .filter(open)
        .filter(|at| events[*at].start <= first_end)
        .collect();
    for at in next {
        let after = match events[at].action {
            Action::Set(new) => Some(new),
            Action::Delete => None,
            Action::Get(read) if read == value => value,
            Action::Get(_) => continue,
        };
        done[at] = true;
        if search(events, done, after, seen) {
            return true;
        }
        done[at] = false;
    }
    false
}

#[test]
fn the_check_accepts_histories_of_a_register_and_rejects_others() {
    let event = |start, end, action| Event { start, end, action };
    use Action::{Delete, Get, Set};
    let good = [
        vec![event(0, Some(1), Set(1)), event(2, Some(3), Get(Some(1)))],
        vec![event(0, Some(9), Set(1)), event(2, Some(3), Get(None))],
        vec![event(0, Some(9), Set(1)), event(2, Some(3), Get(Some(1)))],
        vec![
            event(0, None, Set(1)),
            event(5, Some(6), Get(None)),
            event(7, Some(8), Get(Some(1))),
        ],
        vec![
            event(0, Some(1), Set(1)),
            event(2, Some(3), Delete),
            event(4, Some(5), Get(None)),
        ],
    ];
    let bad = [
        vec![event(0, Some(1), Set(1)), event(2, Some(3), Get(None))],
        vec![
            event(0, Some(1), Set(1)),
            event(2, Some(3), Delete),
            event(4, Some(5), Get(Some(1))),
        ],
        vec![
            event(0, Some(1), Set(1)),
            event(2, Some(3), Set(2)),
            event(4, Some(5), Get(Some(2))),
            event(6, Some(7), Get(Some(1))),
        ],
        vec![
            event(0, None, Set(1)),
            event(5, Some(6), Get(Some(1))),
            event(7, Some(8), Get(None)),
        ],
    ];
    for history in good {
        assert!(is_linearizable(history.clone()), "{history:?}");
    }
    for history in bad {
        assert!(!is_linearizable(history.clone()), "{history:?}");
    }
}
