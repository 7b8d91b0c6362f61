use super::*;

/// A queue, and the threads around it.
#[derive(Clone, Default)]
struct World {
    queue: JobQueue<usize>,
    /// How many jobs other threads will still push.
    to_push: usize,
    pushed: usize,
    /// Functions that a thread was told to call and has not called yet.
    to_call: Vec<Runner>,
    /// Functions that were called and have not started yet.
    called: Vec<Runner>,
    /// The function that runs, and how many jobs it may still run.
    running: Option<(Runner, usize)>,
    ran: Vec<usize>,
}

impl World {
    /// All worlds that one step leads to.
    fn successors(&self) -> Vec<World> {
        let mut successors = Vec::new();
        let mut step = |change: &dyn Fn(&mut World)| {
            let mut world = self.clone();
            change(&mut world);
            successors.push(world);
        };
        if self.to_push > 0 {
            step(&|world| {
                world.to_push -= 1;
                world.pushed += 1;
                world.to_call.extend(world.queue.push(world.pushed).unwrap());
            });
        }
        for at in 0..self.to_call.len() {
            step(&|world| {
                let runner = world.to_call.remove(at);
                world.called.push(runner);
            });
        }
        match self.running {
            None => {
                for at in 0..self.called.len() {
                    step(&|world| {
                        let runner = world.called.remove(at);
                        world.running = Some((runner, world.queue.start(runner)));
                    });
                }
            }
            Some((runner, 0)) => step(&|world| {
                world.running = None;
                let call = world.queue.finish();
                assert_ne!(
                    call,
                    Some(runner),
                    "jobs that came while a function ran are the other function's"
                );
                world.to_call.extend(call);
            }),
            Some((runner, left)) => step(&|world| {
                world.ran.push(world.queue.pop().unwrap());
                world.running = Some((runner, left - 1));
            }),
        }
        successors
    }

    /// Visits every interleaving of pushes by other threads with the steps of the thread that runs the jobs. Returns how
    /// many there are.
    fn explore(&self) -> usize {
        let outstanding = self.to_call.len() + self.called.len() + usize::from(self.running.is_some());
        assert!(outstanding <= 1, "at most one call is outstanding");
        let successors = self.successors();
        if successors.is_empty() {
            assert_eq!(
                self.ran,
                (1..=self.pushed).collect::<Vec<_>>(),
                "every job runs, in order"
            );
            return 1;
        }
        successors.iter().map(World::explore).sum()
    }
}

#[test]
fn no_interleaving_of_pushes_and_runs_loses_a_wake_up() {
    let world = World {
        to_push: 5,
        ..World::default()
    };
    assert!(world.explore() > 1000);
}

#[test]
fn one_call_runs_a_bounded_number_of_jobs_and_leaves_the_rest_to_the_other_function() {
    let mut queue = JobQueue::default();
    for job in 0..MAX_JOBS_PER_CALL + 1 {
        assert_eq!(queue.push(job), Ok((job == 0).then_some(0)));
    }
    assert_eq!(queue.start(0), MAX_JOBS_PER_CALL);
    (0..MAX_JOBS_PER_CALL).for_each(|job| assert_eq!(queue.pop(), Some(job)));
    assert_eq!(queue.finish(), Some(1));
    assert_eq!(queue.start(1), 1);
}

#[test]
fn a_closed_queue_returns_its_jobs_and_refuses_more() {
    let mut queue = JobQueue::default();
    assert_eq!(queue.push("a"), Ok(Some(0)));
    assert_eq!(queue.push("b"), Ok(None));
    assert_eq!(queue.close(), ["a", "b"]);
    assert_eq!(queue.push("c"), Err("c"));
    assert_eq!(queue.finish(), None);
}
