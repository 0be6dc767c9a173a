//! The short way: the daemon is asked before any settings file is read, and most calls end here.
//!
//! What can hang on it (the input, a look at a file on a disk that is gone) is under a [`Watchdog`]; what panics is caught. What
//! has no sound answer goes the long way, with what is known by then.

use std::panic::{self, AssertUnwindSafe};
use std::time::Instant;

use super::watchdog::Watchdog;
use super::{HookArguments, INTERNAL_ERROR, deliver, environment, read_input};
use crate::cli::daemon::{self, Told, Wish};
use crate::cli::{engine, project};
use crate::engine::Failure;
use crate::harness::HookReply;

/// How far the call came.
pub(super) enum First {
    /// It is answered; the exit code.
    Answered(u8),
    /// It is not.
    Open(Open),
}

/// What is known of a call that has no answer yet.
#[derive(Default)]
pub(super) struct Open {
    /// The input, when it was read; or why the call must be stopped.
    pub(super) input: Option<Result<Vec<u8>, String>>,
    /// Why the daemon did not judge it, when that settles it.
    pub(super) failure: Option<Failure>,
    /// What is to be done about the daemon.
    pub(super) wish: Wish,
}

/// Asks the daemon, where one may be asked.
pub(super) fn ask(arguments: &HookArguments, started: Instant) -> First {
    if arguments.daemon.no_daemon || arguments.show_request {
        return First::Open(Open::default());
    }
    // Where no more threads are to be had, the long way says what becomes of the call.
    let Ok(watchdog) = Watchdog::start(arguments, started) else { return First::Open(Open::default()) };
    let asked = panic::catch_unwind(AssertUnwindSafe(|| try_ask(arguments, &watchdog)));
    watchdog.stand_down();
    let stopped = |problem: String| First::Open(Open { input: Some(Err(problem)), ..Open::default() });
    match asked {
        // Nothing that interferes with a call comes from a daemon that is told not to.
        Ok(Ok(Asked::Reply(reply))) => First::Answered(deliver(arguments.harness, &reply)),
        Ok(Ok(Asked::Open(open))) => First::Open(open),
        Ok(Err(error)) => stopped(format!("{error:#}")),
        Err(_) => stopped(INTERNAL_ERROR.to_owned()),
    }
}

enum Asked {
    Reply(HookReply),
    Open(Open),
}

fn try_ask(arguments: &HookArguments, watchdog: &Watchdog) -> anyhow::Result<Asked> {
    let (input, environment) = (read_input()?, environment());
    project::check(arguments.harness, &environment)?;
    let waits_longer = || watchdog.extend(engine::time(arguments.deadline_ms, true));
    let (failure, wish) = match daemon::hook(arguments, &environment, &input, &waits_longer) {
        Told::Answer(reply) => return Ok(Asked::Reply(reply)),
        Told::Not(failure) => (Some(failure), Wish::None),
        Told::Nothing(wish) => (None, wish),
    };
    Ok(Asked::Open(Open { input: Some(Ok(input)), failure, wish }))
}
