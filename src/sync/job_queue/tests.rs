use super::*;

/// A model of a queue and the threads that use it.
#[derive(Clone, Default)]
struct Model {
    queue: JobQueue<usize>,
    /// Number of jobs that other threads have yet to push.
    to_push: usize,
    pushed: usize,
    /// Functions that the queue returned and that were not called yet.
    to_call: Vec<Runner>,
    /// Functions that were called and have not started yet.
    called: Vec<Runner>,
    /// The running function, and the number of jobs it may still run.
    running: Option<(Runner, usize)>,
    ran: Vec<usize>,
}

impl Model {
    /// Returns the states that one step can lead to.
    fn successors(&self) -> Vec<Model> {
        let mut successors = Vec::new();
        let mut step = |change: &dyn Fn(&mut Model)| {
            let mut model = self.clone();
            change(&mut model);
            successors.push(model);
        };
        if self.to_push > 0 {
            step(&|model| {
                model.to_push -= 1;
                model.pushed += 1;
                model.to_call.extend(model.queue.push(model.pushed).unwrap());
            });
        }
        for at in 0..self.to_call.len() {
            step(&|model| {
                let runner = model.to_call.remove(at);
                model.called.push(runner);
            });
        }
        match self.running {
            None => {
                for at in 0..self.called.len() {
                    step(&|model| {
                        let runner = model.called.remove(at);
                        model.running = Some((runner, model.queue.start(runner)));
                    });
                }
            }
            Some((runner, 0)) => step(&|model| {
                model.running = None;
                let call = model.queue.finish();
                assert_ne!(
                    call,
                    Some(runner),
                    "jobs that are pushed while a function runs are left to the other one"
                );
                model.to_call.extend(call);
            }),
            Some((runner, left)) => step(&|model| {
                model.ran.push(model.queue.pop().unwrap());
                model.running = Some((runner, left - 1));
            }),
        }
        successors
    }

    /// Visits every interleaving of pushes by other threads with the steps of the thread that runs the jobs. Returns their
    /// number.
    fn explore(&self) -> usize {
        let outstanding = self.to_call.len() + self.called.len() + usize::from(self.running.is_some());
        assert!(outstanding <= 1, "at most one call is outstanding");
        let mut calls = self.to_call.iter().chain(&self.called);
        assert!(calls.all(|runner| *runner < 2), "there are two functions");
        let successors = self.successors();
        if successors.is_empty() {
            assert_eq!(
                self.ran,
                (1..=self.pushed).collect::<Vec<_>>(),
                "every job runs, in order"
            );
            return 1;
        }
        successors.iter().map(Model::explore).sum()
    }
}

#[test]
fn no_interleaving_of_pushes_and_runs_loses_a_job() {
    let model = Model {
        to_push: 5,
        ..Model::default()
    };
    assert!(model.explore() > 1000);
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
