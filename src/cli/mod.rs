//! The command line: one file a command. Results go to the standard output, everything else to the standard error.

mod args;
mod encode;
mod io;
mod printer;
mod stream;

use std::process::ExitCode;

use args::{Arguments, CommandArguments};
use clap::Parser;
use printer::Printer;

/// How a run ends, by contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ExitStatus {
    /// Done; for `score --command`: allow.
    Done,
    /// The verdict of `score --command` is ask.
    Ask,
    /// The verdict of `score --command` is deny.
    Deny,
    /// Anything that is neither a result nor wrong usage, for which `clap` leaves with 2.
    Failure,
}

impl ExitStatus {
    fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failure => 1,
            Self::Ask => 10,
            Self::Deny => 20,
        }
    }
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let printer = Printer;
    let outcome = match Arguments::parse().command {
        CommandArguments::Encode(arguments) => encode::run(&arguments, &printer),
        _ => return 1.into(),
    };
    let status = outcome.unwrap_or_else(|error| {
        printer.remark(format!("riskgate: {error:#}"));
        ExitStatus::Failure
    });
    status.code().into()
}
