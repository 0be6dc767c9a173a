//! The short way: the daemon is asked before any settings file is read, and most calls end here.
//!
//! What can hang on it (the input, a look at a file on a disk that is gone) is under a [`Watchdog`]; what panics is caught. What
//! has no sound answer goes the long way, with what is known by then.

use std::panic::{self, AssertUnwindSafe};

use super::watchdog::Watchdog;
use super::{HookArguments, INTERNAL_ERROR, environment, read_input};
use crate::cli::told::{Told, Wish};
use crate::cli::{daemon, engine, project};
use crate::engine::Failure;
use crate::harness::HookReply;

/// How far the call came.
pub(super) enum First {
    /// It is answered.
    Answered(HookReply),
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
pub(super) fn ask(arguments: &HookArguments, watchdog: &Watchdog) -> First {
    if arguments.daemon.no_daemon || arguments.show_request {
        return First::Open(Open::default());
    }
    let stopped = |problem: String| First::Open(Open { input: Some(Err(problem)), ..Open::default() });
    match panic::catch_unwind(AssertUnwindSafe(|| try_ask(arguments, watchdog))) {
        Ok(Ok(first)) => first,
        Ok(Err(error)) => stopped(format!("{error:#}")),
        Err(_) => stopped(INTERNAL_ERROR.to_owned()),
    }
}

fn try_ask(arguments: &HookArguments, watchdog: &Watchdog) -> anyhow::Result<First> {
    let (input, environment) = (read_input()?, environment());
    project::check(arguments.harness, &environment)?;
    let waits_longer = || watchdog.extend(engine::time(arguments.deadline_ms, true));
    let (failure, wish) = match daemon::hook(arguments, &environment, &input, &waits_longer) {
        Told::Answer(reply) => return Ok(First::Answered(reply)),
        Told::Not(failure) => (Some(failure), Wish::None),
        Told::Nothing(wish) => (None, wish),
    };
    Ok(First::Open(Open { input: Some(Ok(input)), failure, wish }))
}
