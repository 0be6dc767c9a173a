//! The workers: a thread each, one queue for all of them, bounded so that nobody waits without end.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use tokio::sync::oneshot;

use super::generation::{Current, Generation};
use super::judge::{self, Decide, Outcome, Task, Whose};
use super::metrics::Metrics;
use super::setups::Setup;
use crate::action::ToolCall;
use crate::engine::{self, Deadline, Engine, Failure};
use crate::verdict::Decision;

/// Calls that may wait for each worker: a tenth of a second at the usual pace, a second or two of the longest.
const QUEUE_PER_WORKER: usize = 64;

/// The workers of a daemon.
pub(super) struct Pool {
    jobs: Mutex<Option<SyncSender<Job>>>,
    workers: Mutex<Vec<JoinHandle<()>>>,
    metrics: Arc<Metrics>,
}

/// A task on its way to a worker.
struct Job {
    task: Task,
    whose: Whose,
    deadline: Deadline,
    answer: oneshot::Sender<Outcome>,
}

/// The queue is full, or the daemon is leaving.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Full;

impl Pool {
    /// Starts `n` workers that judge with the current generation.
    pub(super) fn start(n: usize, current: &Arc<Current>, metrics: &Arc<Metrics>) -> io::Result<Self> {
        let (sender, receiver) = sync_channel(n.saturating_mul(QUEUE_PER_WORKER));
        let receiver = Arc::new(Mutex::new(receiver));
        let start = |index| {
            let worker =
                Worker { jobs: Arc::clone(&receiver), current: Arc::clone(current), metrics: Arc::clone(metrics) };
            // The engine's stack for it, too: see `Worker::run`.
            let thread = thread::Builder::new().name(format!("worker-{index}")).stack_size(engine::STACK);
            thread.spawn(move || worker.run())
        };
        let workers = (0..n).map(start).collect::<io::Result<Vec<_>>>()?;
        Ok(Self { jobs: Mutex::new(Some(sender)), workers: Mutex::new(workers), metrics: Arc::clone(metrics) })
    }

    /// Hands a task to the next free worker; the outcome comes on the channel, which closes without one when the worker
    /// panicked.
    pub(super) fn submit(
        &self,
        task: Task,
        whose: Whose,
        deadline: Deadline,
    ) -> Result<oneshot::Receiver<Outcome>, Full> {
        let (answer, outcome) = oneshot::channel();
        let jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        let jobs = jobs.as_ref().ok_or(Full)?;
        self.metrics.waits();
        jobs.try_send(Job { task, whose, deadline, answer }).map_err(|error| match error {
            TrySendError::Full(_) | TrySendError::Disconnected(_) => {
                self.metrics.waits_no_more();
                Full
            }
        })?;
        Ok(outcome)
    }

    /// Takes no more tasks and waits until all that were taken are answered. A process that ends while the runtime works
    /// on another thread can die of a signal.
    pub(super) fn finish(&self) {
        drop(self.jobs.lock().unwrap_or_else(PoisonError::into_inner).take());
        let workers = std::mem::take(&mut *self.workers.lock().unwrap_or_else(PoisonError::into_inner));
        // A worker that panicked has nothing more to finish.
        workers.into_iter().for_each(|worker| drop(worker.join()));
    }
}

struct Worker {
    jobs: Arc<Mutex<Receiver<Job>>>,
    current: Arc<Current>,
    metrics: Arc<Metrics>,
}

impl Worker {
    /// Answers until there are no more jobs, with each generation on a thread of its own: what a tokenizer remembers for a
    /// thread outlives the tokenizer, and goes with the thread alone.
    fn run(&self) {
        let mut next = self.next();
        while let Some(job) = next {
            let job = Mutex::new(Some(job));
            let serve = || {
                let job = job.lock().unwrap_or_else(PoisonError::into_inner).take();
                job.and_then(|job| self.serve(job))
            };
            let thread = thread::Builder::new().name("judge".to_owned()).stack_size(engine::STACK);
            next = thread::scope(|scope| match thread.spawn_scoped(scope, serve) {
                Ok(serving) => serving.join().unwrap_or_else(|_| self.next()),
                // Where no more threads are to be had, this one does it and remembers too much.
                Err(_) => serve(),
            });
        }
    }

    /// Answers with the current generation until there is another; the job that came when there was.
    fn serve(&self, mut job: Job) -> Option<Job> {
        let mut bench = Bench::new(self.current.get());
        loop {
            self.settle(job, &mut bench);
            job = self.next()?;
            if !bench.is_of(&self.current) {
                return Some(job);
            }
        }
    }

    fn settle(&self, job: Job, bench: &mut Bench) {
        // Whoever asked may have given up meanwhile.
        if job.answer.is_closed() {
            return;
        }
        let outcome = catch_unwind(AssertUnwindSafe(|| self.answer(&job, bench)));
        match outcome {
            Ok(outcome) => drop(job.answer.send(outcome)),
            Err(_) => *bench = Bench::new(self.current.get()),
        }
    }

    fn next(&self) -> Option<Job> {
        let job = self.jobs.lock().unwrap_or_else(PoisonError::into_inner).recv().ok()?;
        self.metrics.waits_no_more();
        Some(job)
    }

    fn answer(&self, job: &Job, bench: &mut Bench) -> Outcome {
        let setup = match judge::setup(&job.task, &job.whose, bench.generation.setups()) {
            Ok(setup) => setup,
            Err(outcome) => return outcome,
        };
        let mut seat = bench.take(&setup);
        let outcome = judge::answer(&job.task, &mut seat, setup.app(), &self.metrics, job.deadline);
        bench.give_back(seat);
        outcome
    }
}

/// A worker's engines and the generation that they are from.
struct Bench {
    generation: Arc<Generation>,
    /// The one that was used last comes last.
    seats: Vec<Seat>,
}

/// An engine and what it was made of.
struct Seat {
    setup: Arc<Setup>,
    engine: Engine,
}

/// Engines of a worker. One is little more than the buffers in which it lays out what it scores.
const MOST_SEATS: usize = 8;

impl Bench {
    fn new(generation: Arc<Generation>) -> Self {
        Self { generation, seats: Vec::new() }
    }

    /// The engine for some settings, to be given back.
    fn take(&mut self, setup: &Arc<Setup>) -> Seat {
        let at = self.seats.iter().position(|seat| Arc::ptr_eq(&seat.setup, setup));
        let seat = at.map(|at| self.seats.remove(at));
        seat.unwrap_or_else(|| Seat { setup: Arc::clone(setup), engine: setup.engine() })
    }

    fn give_back(&mut self, seat: Seat) {
        self.seats.push(seat);
        let excess = self.seats.len().saturating_sub(MOST_SEATS);
        self.seats.drain(..excess);
    }

    /// Whether the generation is the current one.
    fn is_of(&self, current: &Current) -> bool {
        Arc::ptr_eq(&current.get(), &self.generation)
    }
}

impl Decide for Seat {
    fn decide(&mut self, calls: &[ToolCall], deadline: Deadline) -> Vec<Decision> {
        if deadline.passed() {
            // It waited too long in the queue: reading it any further would make the next one late, too.
            let decision = self.setup.app().fail_safe(&Failure::Deadline);
            return vec![decision; calls.len()];
        }
        self.engine.decide_all(calls, deadline)
    }
}
