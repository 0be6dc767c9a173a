//! The command line: one file a command. Results go to the standard output, everything else to the standard error.

mod allow_once;
mod args;
mod audit;
mod config;
#[cfg(feature = "serve")]
mod daemon;
#[cfg(not(feature = "serve"))]
#[path = "no_daemon.rs"]
mod daemon;
mod doctor;
mod encode;
mod engine;
mod eval;
mod explain;
mod hook;
mod install;
mod io;
mod labels;
mod mode;
mod model;
mod policy;
mod printer;
mod project;
mod replay;
#[cfg(feature = "review")]
mod review;
mod score;
#[cfg(feature = "serve")]
mod serve;
mod stream;
mod suggest;
mod told;

use std::process::ExitCode;

use args::{Arguments, CommandArguments};
use clap::Parser;
use printer::Printer;

use crate::app::AppError;
use crate::model::TELEMETRY_OFF;
use crate::verdict::Verdict;

/// How a run ends, by contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ExitStatus {
    /// Done; for `score --command`: allow.
    Done,
    /// The verdict of `score --command` is ask.
    Ask,
    /// The verdict of `score --command` is deny.
    Deny,
    /// Wrong usage or configuration; `clap` leaves with the same code.
    Usage,
    /// Anything else.
    Failure,
}

impl ExitStatus {
    fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failure => 1,
            Self::Usage => 2,
            Self::Ask => 10,
            Self::Deny => 20,
        }
    }
}

impl From<Verdict> for ExitStatus {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Allow => Self::Done,
            Verdict::Ask => Self::Ask,
            Verdict::Deny => Self::Deny,
        }
    }
}

impl From<&anyhow::Error> for ExitStatus {
    fn from(error: &anyhow::Error) -> Self {
        match error.downcast_ref::<AppError>() {
            Some(error) if error.is_configuration() => Self::Usage,
            _ => Self::Failure,
        }
    }
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    keep_quiet();
    // A hook is a process for each call, and its user waits for it.
    if let Some(arguments) = hook::typed(std::env::args_os()) {
        return hook::run(arguments).into();
    }
    let printer = Printer;
    let outcome = match Arguments::parse().command {
        CommandArguments::Encode(arguments) => encode::run(&arguments, &printer),
        CommandArguments::Score(arguments) => score::run(&arguments, &printer),
        CommandArguments::Explain(arguments) => explain::run(&arguments, &printer),
        CommandArguments::Eval(arguments) => eval::run(&arguments, &printer),
        CommandArguments::Model { command } => model::run(&command, &printer),
        #[cfg(feature = "review")]
        CommandArguments::Review { command } => review::run(&command, &printer),
        CommandArguments::Policy { command } => policy::run(&command, &printer),
        CommandArguments::Mode(arguments) => mode::run(&arguments, &printer),
        CommandArguments::Config { command } => config::run(&command, &printer),
        CommandArguments::AllowOnce(arguments) => allow_once::run(&arguments, &printer),
        CommandArguments::Audit { command } => audit::run(&command, &printer),
        CommandArguments::Install(arguments) => install::install(&arguments, &printer),
        CommandArguments::Uninstall(arguments) => install::uninstall(&arguments, &printer),
        CommandArguments::Suggest(arguments) => suggest::run(&arguments, &printer),
        CommandArguments::Doctor(arguments) => doctor::run(&arguments, &printer),
        CommandArguments::Hook(arguments) => return hook::run(arguments).into(),
        #[cfg(feature = "serve")]
        CommandArguments::Serve(arguments) => serve::run(&arguments, &printer),
        #[cfg(feature = "serve")]
        CommandArguments::Status(arguments) => serve::status(&arguments, &printer),
        #[cfg(feature = "serve")]
        CommandArguments::Stop(arguments) => serve::stop(&arguments, &printer),
    };
    let status = outcome.unwrap_or_else(|error| {
        printer.remark(format!("riskgate: {error:#}"));
        ExitStatus::from(&error)
    });
    status.code().into()
}

/// Turns off what ONNX Runtime would collect and send, before it is loaded. There is no other way to turn it off in time.
#[expect(unsafe_code, reason = "variables cannot be set safely while other threads may read them")]
fn keep_quiet() {
    // SAFETY: this is the first thing that the process does, so there is no other thread.
    unsafe { std::env::set_var(TELEMETRY_OFF, "1") };
}
