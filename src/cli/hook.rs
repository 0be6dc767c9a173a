//! `riskgate hook`: one call of an agent program's hook. Whatever happens here, the call is answered: a panic, an internal
//! error or a deadline stops it, since silence would let it run.

mod first;
mod watchdog;

use std::ffi::OsString;
use std::io::{self, Read as _, Write as _};
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
use crate::app::{AppError, audit_log};
use crate::config::{Files, Mode, Resolved, ReviewSettings, SessionSettings, env_vars, state_folder};
use crate::engine::{Asking, AuditEntry, Deadline, Failure, ReviewMode, STACK, Timings, fail_safe};
use crate::harness::{Before, Harness, HookEnvironment, HookError, HookEvent, HookReply};
use crate::record::MAX_RECORD;
use crate::verdict::Decision;
use first::{First, Open};
use watchdog::Watchdog;

/// Time for the judge to come to an end after the answer.
const GRACE: Duration = Duration::from_secs(1);
/// Time for the record of a call that was stopped. A harness lets a call run whose hook takes too long, so a lock that somebody
/// holds, or a disk that hangs, must cost no more than this.
const RECORD_TIME: Duration = Duration::from_millis(250);

const INTERNAL_ERROR: &str = "an internal error; please report it with the action";

/// The arguments, when they are sound ones of this command. To describe all commands to the parser takes longer than a call
/// may; whatever is not understood here is parsed with all of them, for the sake of the message.
pub(super) fn typed(mut arguments: impl Iterator<Item = OsString>) -> Option<HookArguments> {
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
    let watchdog = match Watchdog::start(&arguments, started) {
        Ok(watchdog) => watchdog,
        // Without threads nothing can be judged in time.
        Err(error) => return deliver(arguments.harness, &arguments.harness.reply_failure(&error.to_string())),
    };
    match first::ask(&arguments, &watchdog) {
        First::Answered(reply) => {
            watchdog.stand_down();
            // Nothing that interferes comes from a daemon whose settings say not to.
            deliver(arguments.harness, &reply)
        }
        First::Open(open) => judge_here(arguments, open, &watchdog, started),
    }
}

/// Reads the settings and judges in this process.
fn judge_here(arguments: HookArguments, open: Open, watchdog: &Watchdog, started: Instant) -> u8 {
    let harness = arguments.harness;
    let read = panic::catch_unwind(AssertUnwindSafe(|| read_settings(&arguments)));
    let read = read.unwrap_or_else(|_| Err(INTERNAL_ERROR.to_owned()));
    // From here on this thread only waits.
    watchdog.stand_down();
    // Settings that cannot be read enforce.
    let mode = read.as_ref().map_or(Mode::Enforce, |read| read.resolved.mode);
    if mode == Mode::Off {
        return HookReply::default().exit_code;
    }
    daemon::see_to(&arguments, open.wish);
    let interferes = mode == Mode::Enforce || arguments.show_request;
    let settings = arguments.engine.clone();
    let (answer, judge) = match read {
        Ok(read) => answer_in_time(arguments, open, read, started),
        Err(problem) => (Err(problem), None),
    };
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

/// What a call depends on beside itself, read once.
struct Read {
    files: Files,
    resolved: Resolved,
    review: Option<ReviewSettings>,
}

fn read_settings(arguments: &HookArguments) -> Result<Read, String> {
    let read = || {
        let files = engine::files(&arguments.engine)?;
        let resolved = engine::resolve_from(&files, &arguments.engine)?;
        let least = if arguments.show_request { ReviewMode::Uncertain } else { ReviewMode::Off };
        let review = engine::review_settings(&files, &arguments.review, least)?;
        Ok::<_, AppError>(Read { files, resolved, review })
    };
    read().map_err(|error| error.to_string())
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
    read: Read,
    started: Instant,
) -> (Result<HookReply, String>, Option<JoinHandle<()>>) {
    let time = engine::time(arguments.deadline_ms, read.review.is_some());
    let left = time.saturating_sub(started.elapsed());
    let deadline = Deadline::after(left);
    let (sender, receiver) = mpsc::channel();
    let judge = move || {
        // When nobody waits any more, the answer is of no use.
        let _ = sender.send(answer(&arguments, open, read, deadline).map_err(|error| format!("{error:#}")));
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
    // Whatever is wrong with the project's file, the log is none of its business.
    let files = Files::read_own(&engine::layer_places(arguments)).map_err(AppError::from)?;
    let Some(log) = audit_log(&engine::audit_settings(&files, false)?) else { return Ok(()) };
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

/// Lets a thread come to an end after the answer, within `time`. A process that ends while ONNX Runtime loads or runs on
/// another thread can die of a signal, and that is no exit code that stops a call.
fn let_finish(thread: Option<JoinHandle<()>>, time: Duration) {
    let given_up = Instant::now() + time;
    while thread.as_ref().is_some_and(|thread| !thread.is_finished()) && Instant::now() < given_up {
        thread::sleep(Duration::from_millis(1));
    }
}

/// The reply to a call that the daemon did not answer.
fn answer(arguments: &HookArguments, open: Open, read: Read, deadline: Deadline) -> anyhow::Result<HookReply> {
    let (harness, environment) = (arguments.harness, environment());
    let input = match open.input {
        Some(input) => input.map_err(anyhow::Error::msg)?,
        None => read_input()?,
    };
    project::check(harness, &environment)?;
    if arguments.show_request
        && let HookEvent::Before(before) = harness.parse(&input, &environment)?
    {
        return show(arguments, read, &before, deadline);
    }
    if let Some(failure) = open.failure {
        // It has taken as long as this process may take, or would take as much again from whatever is too busy.
        let decide = |_: &ToolCall| Ok::<_, HookError>(fail_safe(&failure, read.resolved.asking));
        return Ok(harness.answer(&input, &environment, decide)?);
    }
    harness.answer(&input, &environment, |call| decide(&arguments.engine, read, call, deadline))
}

fn decide(arguments: &EngineArguments, read: Read, call: &ToolCall, deadline: Deadline) -> anyhow::Result<Decision> {
    let Read { files, review, .. } = read;
    let session = SessionSettings::of(&files).map_err(AppError::from)?;
    let audit = Some(engine::audit_settings(&files, false)?);
    let app = engine::load_from(&files, arguments, Beside { review, session, audit })?;
    let app = app.with_grants(state_folder().as_deref());
    Ok(app.engine()?.decide(&app.informed(call), deadline))
}

/// The request in the place of a reply. It stops the call: a hook that only shows must not let anything through.
fn show(arguments: &HookArguments, read: Read, before: &Before, deadline: Deadline) -> anyhow::Result<HookReply> {
    let app = engine::load_reviewing(&read.files, &arguments.engine, read.review)?;
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

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli::args::{Arguments, CommandArguments};

    fn alone(arguments: &[&str]) -> Option<String> {
        typed(arguments.iter().map(OsString::from)).map(|typed| format!("{typed:?}"))
    }

    #[test]
    fn arguments_mean_the_same_with_and_without_the_other_commands() {
        for more in [
            &[][..],
            &["--no-daemon", "--model", "x", "--deadline-ms", "7", "--max-miss-rate", "0.01"],
            &["--socket=/s", "--no-ask", "--review", "uncertain", "--project", "/p", "--show-request"],
        ] {
            let arguments = [&["riskgate", "hook", "claude-code"], more].concat();
            let all = match Arguments::try_parse_from(&arguments).unwrap().command {
                CommandArguments::Hook(arguments) => format!("{arguments:?}"),
                other => panic!("{other:?}"),
            };
            assert_eq!(alone(&arguments), Some(all));
        }
    }

    #[test]
    fn what_is_unusual_is_left_to_the_parser_of_all_commands() {
        for arguments in [
            &["riskgate"][..],
            &["riskgate", "score"],
            &["riskgate", "hook"],
            &["riskgate", "hook", "emacs"],
            &["riskgate", "hook", "claude-code", "--help"],
            &["riskgate", "hook", "claude-code", "--version"],
            &["riskgate", "hook", "claude-code", "--deadline-ms", "soon"],
            &["riskgate", "--help", "hook"],
        ] {
            assert_eq!(alone(arguments), None, "{arguments:?}");
        }
    }
}
