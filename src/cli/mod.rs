//! The command line: one file a command. Results go to the standard output, everything else to the standard error.

mod args;
mod encode;
mod io;
mod stream;

use std::io::Write;
use std::process::ExitCode;

use args::{Arguments, CommandArguments};
use clap::Parser;

/// How a run ends, by contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExitStatus {
    /// Done; for `score --command`: allow.
    Done,
    /// The verdict of `score --command` is ask.
    Ask,
    /// The verdict of `score --command` is deny.
    Deny,
    /// Wrong usage or configuration.
    Usage,
    /// Anything else.
    Failure,
}

impl From<ExitStatus> for ExitCode {
    fn from(status: ExitStatus) -> Self {
        let code = match status {
            ExitStatus::Done => 0,
            ExitStatus::Failure => 1,
            ExitStatus::Usage => 2,
            ExitStatus::Ask => 10,
            ExitStatus::Deny => 20,
        };
        Self::from(code)
    }
}

/// Where results and remarks go.
#[derive(Debug)]
struct Printer;

impl Printer {
    /// One line of result.
    fn result(&self, line: &str) -> std::io::Result<()> {
        writeln!(std::io::stdout(), "{line}")
    }

    /// One line for the person at the terminal.
    fn remark(&self, line: &str) {
        let _ = writeln!(std::io::stderr(), "{line}");
    }
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let printer = Printer;
    let outcome = match Arguments::parse().command {
        CommandArguments::Encode(arguments) => encode::run(&arguments, &printer),
    };
    outcome
        .unwrap_or_else(|error| {
            printer.remark(&format!("riskgate: {error:#}"));
            ExitStatus::Failure
        })
        .into()
}
