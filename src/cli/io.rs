//! Opens what `--input` and `--output` name and runs a stream of records between them, or from them into memory.

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use indicatif::{ProgressBar, ProgressStyle};

use super::ExitStatus;
use super::args::StreamArguments;
use super::printer::Printer;
use super::stream::{self, Line, Worker};
use crate::parallel::n_cores;
use crate::report::ReportFile;

/// Runs every record through workers made by `worker`, one a core.
pub(super) fn run(
    arguments: &StreamArguments,
    printer: &Printer,
    mut worker: impl FnMut() -> Box<dyn Worker>,
) -> anyhow::Result<ExitStatus> {
    run_with(arguments, printer, (0..n_cores()).map(|_| worker()).collect())
}

/// Runs the records through one worker, one after another.
pub(super) fn run_in_order(
    arguments: &StreamArguments,
    printer: &Printer,
    worker: Box<dyn Worker>,
) -> anyhow::Result<ExitStatus> {
    run_with(arguments, printer, vec![worker])
}

fn run_with(
    arguments: &StreamArguments,
    printer: &Printer,
    workers: Vec<Box<dyn Worker>>,
) -> anyhow::Result<ExitStatus> {
    let to_screen = is_standard(&arguments.output) && io::stdout().is_terminal();
    let bar = progress_bar(std::slice::from_ref(&arguments.input), to_screen)?;
    let input = bar.wrap_read(open_input(&arguments.input)?);
    let output = open_output(&arguments.output)?;
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

/// The answers of workers made by `worker`, one a core, to every record of all inputs together, in order.
pub(super) fn collect<A: Send>(
    inputs: &[PathBuf],
    mut worker: impl FnMut() -> Box<dyn Worker<A>>,
) -> anyhow::Result<Vec<A>> {
    let bar = progress_bar(inputs, false)?;
    let mut chained: Box<dyn Read + Send> = Box::new(io::empty());
    for input in inputs {
        // The last line of a file need not have an end.
        chained = Box::new(chained.chain(open_input(input)?).chain(&b"\n"[..]));
    }
    let workers = (0..n_cores()).map(|_| worker()).collect();
    stop_on_interrupt()?;
    let mut answers = Vec::new();
    let take = |chunk| {
        answers.extend(chunk);
        Ok(())
    };
    let outcome = stream::run_into(bar.wrap_read(chained), workers, take, |n| bar.set_message(format!("{n} records")));
    bar.finish_and_clear();
    outcome.context("the stream of records broke off")?;
    Ok(answers)
}

/// Every line of a file, empty ones included.
pub(super) fn lines(path: &Path) -> anyhow::Result<Vec<Line>> {
    let mut input = BufReader::new(open_input(path)?);
    let mut lines = Vec::new();
    while let Some(line) = stream::read_line(&mut input).with_context(|| format!("cannot read `{}`", path.display()))? {
        lines.push(line);
    }
    Ok(lines)
}

/// Ctrl-C ends the process between two lines, also while the input is waited for.
fn stop_on_interrupt() -> anyhow::Result<()> {
    let stop = || {
        let _whole = stream::whole_lines();
        std::process::exit(ExitStatus::Failure.code().into());
    };
    ctrlc::set_handler(stop).context("cannot watch for Ctrl-C")
}

/// A bar over the bytes of all files, when somebody looks and the answers do not go `to_screen` meanwhile.
pub(super) fn progress_bar(inputs: &[PathBuf], to_screen: bool) -> anyhow::Result<ProgressBar> {
    if inputs.iter().any(|input| is_standard(input)) || to_screen {
        return Ok(ProgressBar::hidden());
    }
    bar(inputs.iter().map(|input| input.metadata().map_or(0, |metadata| metadata.len())).sum())
}

/// A bar over so many bytes, when somebody looks.
pub(super) fn bar(n_bytes: u64) -> anyhow::Result<ProgressBar> {
    if !io::stderr().is_terminal() {
        return Ok(ProgressBar::hidden());
    }
    let style = "{bar:30} {bytes}/{total_bytes}, {msg}, {elapsed} (left {eta})";
    Ok(ProgressBar::new(n_bytes).with_style(ProgressStyle::with_template(style)?))
}

fn is_standard(path: &Path) -> bool {
    path == Path::new("-")
}

/// What `--input` names.
pub(super) fn open_input(path: &Path) -> anyhow::Result<Box<dyn Read + Send>> {
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

/// Writes the files of a report to a folder, which is made where there is none.
pub(super) fn write_report(files: Vec<ReportFile>, folder: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("cannot make the folder `{}`", folder.display()))?;
    for file in files {
        let path = folder.join(file.name);
        fs::write(&path, file.contents).with_context(|| format!("cannot write `{}`", path.display()))?;
    }
    Ok(())
}
