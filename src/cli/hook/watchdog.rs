//! Answers in the place of a main thread that hangs. A thread that only sleeps costs less than one that does the work while
//! the main thread waits, and what it must never do is to let time pass in silence: that lets the call run.

use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::{EngineArguments, HookArguments, RECORD_TIME, deliver, let_finish, mode, record_stopped};
use crate::cli::engine;
use crate::config::Mode;
use crate::harness::{Harness, HookReply};

/// Enough to sleep on; what may take more has threads of its own.
const STACK: usize = 256 * 1024;

/// A thread that answers when time is up, unless somebody else has.
pub(super) struct Watchdog {
    shared: Arc<Shared>,
}

struct Shared {
    started: Instant,
    /// Milliseconds from the start after which it answers.
    limit_ms: AtomicU64,
    /// Whether somebody answers.
    taken: AtomicBool,
}

impl Watchdog {
    /// Begins to watch a call that began at `started`.
    pub(super) fn start(arguments: &HookArguments, started: Instant) -> io::Result<Self> {
        let limit_ms = AtomicU64::new(milliseconds(engine::time(arguments.deadline_ms, false)));
        let shared = Arc::new(Shared { started, limit_ms, taken: AtomicBool::new(false) });
        let (harness, settings, watched) = (arguments.harness, arguments.engine.clone(), Arc::clone(&shared));
        thread::Builder::new().stack_size(STACK).spawn(move || watched.watch(harness, &settings))?;
        Ok(Self { shared })
    }

    /// Gives the call more time from its start.
    pub(super) fn extend(&self, limit: Duration) {
        self.shared.limit_ms.fetch_max(milliseconds(limit), Ordering::Relaxed);
    }

    /// Leaves the answer to whoever calls this. It does not return when the watchdog is about to answer: that ends the process.
    pub(super) fn stand_down(&self) {
        if self.shared.taken.swap(true, Ordering::AcqRel) {
            loop {
                thread::park();
            }
        }
    }
}

impl Shared {
    fn watch(&self, harness: Harness, settings: &EngineArguments) {
        loop {
            let limit = Duration::from_millis(self.limit_ms.load(Ordering::Relaxed));
            let left = limit.saturating_sub(self.started.elapsed());
            if left.is_zero() {
                break;
            }
            thread::sleep(left);
        }
        if self.taken.swap(true, Ordering::AcqRel) {
            return;
        }
        let limit = self.limit_ms.load(Ordering::Relaxed);
        let problem = format!("no answer within {limit} ms");
        let code = panic::catch_unwind(AssertUnwindSafe(|| give_up(harness, &problem, settings)));
        process::exit(i32::from(code.unwrap_or_else(|_| harness.reply_failure(&problem).exit_code)));
    }
}

/// Stops the call, unless the settings say not to interfere and can be read in time; the exit code.
fn give_up(harness: Harness, problem: &str, settings: &EngineArguments) -> u8 {
    let reply = match mode_in_time(settings) {
        Mode::Off => return HookReply::default().exit_code,
        Mode::Monitor => HookReply::default(),
        Mode::Enforce => harness.reply_failure(problem),
    };
    let code = deliver(harness, &reply);
    let (problem, settings) = (problem.to_owned(), settings.clone());
    let record = move || drop(record_stopped(harness, problem, &settings));
    let_finish(thread::Builder::new().spawn(record).ok(), RECORD_TIME);
    code
}

/// What made the main thread hang may make the settings hang, too.
fn mode_in_time(settings: &EngineArguments) -> Mode {
    let (settings, started) = (settings.clone(), Instant::now());
    let Ok(reading) = thread::Builder::new().spawn(move || mode(&settings)) else { return Mode::Enforce };
    while !reading.is_finished() {
        if started.elapsed() > RECORD_TIME {
            return Mode::Enforce;
        }
        thread::sleep(Duration::from_millis(1));
    }
    reading.join().unwrap_or(Mode::Enforce)
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
