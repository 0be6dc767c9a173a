//! Opens what `--input` and `--output` name and runs a stream of records between them.

use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::thread;

use anyhow::Context as _;

use super::args::StreamArguments;
use super::stream::{self, Worker};
use super::{ExitStatus, Printer};

/// Runs every record through workers made by `worker`, one a core.
pub(super) fn run(
    arguments: &StreamArguments,
    printer: &Printer,
    worker: impl Fn() -> Box<dyn Worker>,
) -> anyhow::Result<ExitStatus> {
    let input = open_input(&arguments.input)?;
    let output = open_output(&arguments.output)?;
    let workers = (0..n_cores()).map(|_| worker()).collect();
    let _ = printer;
    match stream::run(input, output, workers, &AtomicBool::new(false), |_| {}) {
        Ok(_) => Ok(ExitStatus::Done),
        // Whoever reads our output has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(ExitStatus::Done),
        Err(error) => Err(error).context("the stream of records broke off"),
    }
}

fn n_cores() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

fn open_input(path: &Path) -> anyhow::Result<Box<dyn Read + Send>> {
    if path == Path::new("-") {
        return Ok(Box::new(io::stdin()));
    }
    let file = File::open(path).with_context(|| format!("cannot open `{}`", path.display()))?;
    Ok(Box::new(file))
}

fn open_output(path: &Path) -> anyhow::Result<Box<dyn Write>> {
    if path == Path::new("-") {
        return Ok(Box::new(BufWriter::new(io::stdout().lock())));
    }
    let file = File::create(path).with_context(|| format!("cannot write `{}`", path.display()))?;
    Ok(Box::new(BufWriter::new(file)))
}
