//! `riskgate hook`: one call of an agent program's hook. Whatever happens here, the call is answered: a panic, an internal
//! error or a deadline stops it, since silence would let it run.

mod first;
mod watchdog;

use std::io::{self, Read, Write};
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use std::{env, panic, thread};

use clap::{Args as _, FromArgMatches as _};

use super::args::{EngineArguments, HookArguments};
use super::engine::Beside;
use super::{daemon, engine, project};
use crate::action::{Context, ToolCall};
use crate::app::audit_log;
use crate::config::{Mode, ReviewSettings, SessionSettings, env_vars, state_folder};
use crate::engine::{Asking, AuditEntry, Deadline, Failure, ReviewMode, STACK, Timings, fail_safe};
use crate::harness::{Before, Harness, HookEnvironment, HookError, HookEvent, HookReply};
use crate::record::MAX_RECORD;
use crate::verdict::Decision;
use first::{First, Open};

/// Time for the judge to come to an end after the answer.
const GRACE: Duration = Duration::from_secs(1);
/// Time for the record of a call that was stopped. A harness lets a call run whose hook takes too long, so a lock that somebody
/// holds, or a disk that hangs, must cost no more than this.
const RECORD_TIME: Duration = Duration::from_millis(250);

const INTERNAL_ERROR: &str = "an internal error; please report it with the action";

/// The arguments, when they are sound ones of this command. To describe all commands to the parser takes longer than a call
/// may; whatever is not understood here is parsed with all of them, for the sake of the message.
pub(super) fn typed(mut arguments: env::ArgsOs) -> Option<HookArguments> {
    let _program = arguments.next();
    let command = arguments.next().filter(|command| command == "hook")?;
    let parser = HookArguments::augment_args(clap::Command::new("hook").disable_help_flag(true));
    let matches = parser.try_get_matches_from(std::iter::once(command).chain(arguments)).ok()?;
    HookArguments::from_arg_matches(&matches).ok()
}

/// Runs the command; the exit code is the harness's own.
pub(super) fn run(mut arguments: HookArguments) -> u8 {
    let started = Instant::now();
    // The default hook would print a second text beside the reply's.
    panic::set_hook(Box::new(|_| {}));
    if arguments.engine.project.is_none() {
        arguments.engine.project = env::var_os(env_vars::CLAUDE_PROJECT_DIR).map(PathBuf::from);
    }
    match first::ask(&arguments, started) {
        First::Answered(code) => code,
        First::Open(open) => judge_here(arguments, open, started),
    }
}

/// Reads the settings and judges in this process.
fn judge_here(arguments: HookArguments, open: Open, started: Instant) -> u8 {
    let harness = arguments.harness;
    let mode = mode(&arguments.engine);
    if mode == Mode::Off {
        return HookReply::default().exit_code;
    }
    daemon::see_to(&arguments, open.wish);
    let interferes = mode == Mode::Enforce || arguments.show_request;
    let settings = arguments.engine.clone();
    let (answer, judge) = answer_in_time(arguments, open, started);
    let judge = judge.filter(|_| answer.is_err());
    let problem = answer.as_ref().err().cloned();
    let reply = answer.unwrap_or_else(|problem| harness.reply_failure(&problem));
    let code = deliver(harness, &if interferes { reply } else { HookReply::default() });
    let_finish(judge, GRACE);
    // The call is stopped already: what goes wrong on that thread makes no other exit code of it.
    let record = |problem| thread::Builder::new().spawn(move || drop(record_stopped(harness, problem, &settings))).ok();
    let_finish(problem.and_then(record), RECORD_TIME);
    code
}

/// Writes a reply; the exit code.
fn deliver(harness: Harness, reply: &HookReply) -> u8 {
    let written = match reply.stdout.as_str() {
        // No opinion needs nobody who listens.
        "" => Ok(()),
        stdout => io::stdout().write_all(stdout.as_bytes()).and_then(|()| io::stdout().flush()),
    };
    if !reply.stderr.is_empty() {
        let _ = writeln!(io::stderr(), "{}", reply.stderr);
    }
    match written {
        Ok(()) => reply.exit_code,
        // The decision did not arrive: only the exit code can still stop the call.
        Err(_) => harness.reply_failure("the answer could not be written").exit_code,
    }
}

/// What the gate does with its verdicts. Settings that cannot be read enforce: a process that panics here ends with a code
/// that lets the call run.
fn mode(arguments: &EngineArguments) -> Mode {
    let resolved = panic::catch_unwind(AssertUnwindSafe(|| engine::resolve(arguments)));
    resolved.ok().and_then(Result::ok).map_or(Mode::Enforce, |resolved| resolved.mode)
}

/// The reply, or why there is none before the deadline.
fn answer_in_time(
    arguments: HookArguments,
    open: Open,
    started: Instant,
) -> (Result<HookReply, String>, Option<JoinHandle<()>>) {
    let review = match panic::catch_unwind(AssertUnwindSafe(|| review_settings(&arguments))) {
        Ok(Ok(review)) => review,
        Ok(Err(error)) => return (Err(format!("{error:#}")), None),
        Err(_) => return (Err(INTERNAL_ERROR.to_owned()), None),
    };
    let time = engine::time(arguments.deadline_ms, review.is_some());
    let left = time.saturating_sub(started.elapsed());
    let deadline = Deadline::after(left);
    let (sender, receiver) = mpsc::channel();
    let judge = move || {
        // When nobody waits any more, the answer is of no use.
        let _ = sender.send(answer(&arguments, open, review, deadline).map_err(|error| format!("{error:#}")));
    };
    let judge = match thread::Builder::new().stack_size(STACK).spawn(judge) {
        Ok(judge) => judge,
        Err(error) => return (Err(error.to_string()), None),
    };
    let answer = receiver.recv_timeout(left).unwrap_or_else(|error| match error {
        mpsc::RecvTimeoutError::Timeout => Err(format!("no answer within {} ms", time.as_millis())),
        mpsc::RecvTimeoutError::Disconnected => Err(INTERNAL_ERROR.to_owned()),
    });
    (answer, Some(judge))
}

/// Records that a call was stopped which no engine judged.
fn record_stopped(harness: Harness, problem: String, arguments: &EngineArguments) -> anyhow::Result<()> {
    let Some(log) = audit_log(&engine::audit_settings(&engine::layer_places(arguments), false)?) else { return Ok(()) };
    let context = Context { harness: Some(<&str>::from(harness).to_owned()), ..Context::default() };
    let entry = AuditEntry {
        call: &ToolCall { context, ..ToolCall::default() },
        action: None,
        decision: &fail_safe(&Failure::NotReady(problem), Asking::Impossible),
        policy: "none",
        thresholds: None,
        asking: Asking::Impossible,
        timings: Timings::default(),
        deadline: Deadline::after(RECORD_TIME),
        reply_id: None,
    };
    log.append(&entry)?;
    Ok(())
}

fn review_settings(arguments: &HookArguments) -> anyhow::Result<Option<ReviewSettings>> {
    let least = if arguments.show_request { ReviewMode::Uncertain } else { ReviewMode::Off };
    Ok(engine::review_settings(&arguments.review, least)?)
}

/// Lets a thread come to an end after the answer, within `time`. A process that ends while ONNX Runtime loads or runs on
/// another thread can die of a signal, and that is no exit code that stops a call.
fn let_finish(thread: Option<JoinHandle<()>>, time: Duration) {
    let given_up = Instant::now() + time;
    while thread.as_ref().is_some_and(|thread| !thread.is_finished()) && Instant::now() < given_up {
        thread::sleep(Duration::from_millis(1));
    }
}

/// The reply to a call that the daemon did not answer.
fn answer(
    arguments: &HookArguments,
    open: Open,
    review: Option<ReviewSettings>,
    deadline: Deadline,
) -> anyhow::Result<HookReply> {
    let (harness, environment) = (arguments.harness, environment());
    let input = match open.input {
        Some(input) => input.map_err(anyhow::Error::msg)?,
        None => read_input()?,
    };
    project::check(harness, &environment)?;
    if arguments.show_request
        && let HookEvent::Before(before) = harness.parse(&input, &environment)?
    {
        return show(arguments, review, &before, deadline);
    }
    if let Some(failure) = open.failure {
        // It has taken as long as this process may take, or would take as much again from whatever is too busy.
        let asking = engine::resolve(&arguments.engine).map_or(Asking::Impossible, |resolved| resolved.asking);
        let decide = |_: &ToolCall| Ok::<_, HookError>(fail_safe(&failure, asking));
        return Ok(harness.answer(&input, &environment, decide)?);
    }
    harness.answer(&input, &environment, |call| decide(&arguments.engine, review, call, deadline))
}

fn decide(
    arguments: &EngineArguments,
    review: Option<ReviewSettings>,
    call: &ToolCall,
    deadline: Deadline,
) -> anyhow::Result<Decision> {
    let places = engine::layer_places(arguments);
    let (session, audit) = (SessionSettings::load(&places)?, Some(engine::audit_settings(&places, false)?));
    let app = engine::load_with(arguments, Beside { review, session, audit })?;
    let app = app.with_grants(state_folder().as_deref());
    Ok(app.engine()?.decide(&app.informed(call), deadline))
}

/// The request in the place of a reply. It stops the call: a hook that only shows must not let anything through.
fn show(
    arguments: &HookArguments,
    review: Option<ReviewSettings>,
    before: &Before,
    deadline: Deadline,
) -> anyhow::Result<HookReply> {
    let app = engine::load_reviewing(&arguments.engine, review)?;
    let (mut engine, shown) = app.showing_engine()?;
    let decision = engine.decide(&before.call, deadline);
    let stdout = shown.try_recv().unwrap_or_default();
    let what = if stdout.is_empty() {
        super::engine::not_sent(&decision)
    } else {
        "the request was shown, not sent".to_owned()
    };
    Ok(HookReply { stdout, ..arguments.harness.reply_failure(&what) })
}

/// The whole input; one that is larger than anything a tool call needs is not judged in part.
fn read_input() -> anyhow::Result<Vec<u8>> {
    let mut input = Vec::new();
    io::stdin().take(MAX_RECORD as u64 + 1).read_to_end(&mut input)?;
    anyhow::ensure!(input.len() <= MAX_RECORD, "the hook input is larger than {MAX_RECORD} bytes");
    Ok(input)
}

fn environment() -> HookEnvironment {
    HookEnvironment { workspace: env::var(env_vars::CLAUDE_PROJECT_DIR).ok(), home: engine::home() }
}
