//! Opens what `--input` and `--output` name and runs a stream of records between them.

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Read, Write};
use std::path::Path;
use std::thread;

use anyhow::Context as _;
use indicatif::{ProgressBar, ProgressStyle};

use super::ExitStatus;
use super::args::StreamArguments;
use super::printer::Printer;
use super::stream::{self, Worker};

/// Runs every record through workers made by `worker`, one a core.
pub(super) fn run(
    arguments: &StreamArguments,
    printer: &Printer,
    mut worker: impl FnMut() -> Box<dyn Worker>,
) -> anyhow::Result<ExitStatus> {
    let bar = progress_bar(&arguments.input, &arguments.output)?;
    let input = bar.wrap_read(open_input(&arguments.input)?);
    let output = open_output(&arguments.output)?;
    let workers = (0..n_cores()).map(|_| worker()).collect();
    stop_on_interrupt()?;
    let outcome = stream::run(input, output, workers, |n| bar.set_message(format!("{n} records")));
    bar.finish_and_clear();
    match outcome {
        Ok(0) => printer.remark("no records in the input"),
        Ok(_) => {}
        // Whoever reads our output has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
        Err(error) => return Err(error).context("the stream of records broke off"),
    }
    Ok(ExitStatus::Done)
}

fn n_cores() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

/// Ctrl-C ends the process between two lines, also while the input is waited for.
fn stop_on_interrupt() -> anyhow::Result<()> {
    let stop = || {
        let _whole = stream::whole_lines();
        std::process::exit(ExitStatus::Failure.code().into());
    };
    ctrlc::set_handler(stop).context("cannot watch for Ctrl-C")
}

/// A bar over the bytes of a file, when somebody looks and the answers do not go to the same screen.
fn progress_bar(input: &Path, output: &Path) -> anyhow::Result<ProgressBar> {
    let to_screen = is_standard(output) && io::stdout().is_terminal();
    if is_standard(input) || to_screen || !io::stderr().is_terminal() {
        return Ok(ProgressBar::hidden());
    }
    let size = input.metadata().map_or(0, |metadata| metadata.len());
    let style = "{bar:30} {bytes}/{total_bytes}, {msg}, {elapsed} (left {eta})";
    Ok(ProgressBar::new(size).with_style(ProgressStyle::with_template(style)?))
}

fn is_standard(path: &Path) -> bool {
    path == Path::new("-")
}

fn open_input(path: &Path) -> anyhow::Result<Box<dyn Read + Send>> {
    if is_standard(path) {
        return Ok(Box::new(io::stdin()));
    }
    let file = File::open(path).with_context(|| format!("cannot open `{}`", path.display()))?;
    Ok(Box::new(file))
}

fn open_output(path: &Path) -> anyhow::Result<Box<dyn Write>> {
    if is_standard(path) {
        return Ok(Box::new(BufWriter::new(io::stdout().lock())));
    }
    let file = File::create(path).with_context(|| format!("cannot write `{}`", path.display()))?;
    Ok(Box::new(BufWriter::new(file)))
}
