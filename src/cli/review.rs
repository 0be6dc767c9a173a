//! `riskgate review`: what remote review did and kept.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;

use anyhow::Context as _;
use serde_json::Value;

use super::ExitStatus;
use super::args::ReviewCommand;
use super::printer::Printer;
use crate::app::{AppError, review_options};
use crate::config::{ReviewFlags, ReviewSettings, places};
use crate::review::{Amount, Options, Store, export, system_clock};

/// Runs the command.
pub(super) fn run(command: &ReviewCommand, printer: &Printer) -> anyhow::Result<ExitStatus> {
    let settings = ReviewSettings::load(ReviewFlags::default(), &places(None)).map_err(AppError::from)?;
    let options = review_options(&settings).map_err(AppError::from)?;
    let store = Store::new(&options.state);
    match command {
        ReviewCommand::Status => status(&options, &store, printer),
        ReviewCommand::Export { records, labels } => write_labels(&store, records, labels, printer),
    }
}

fn status(options: &Options, store: &Store, printer: &Printer) -> anyhow::Result<ExitStatus> {
    let now = system_clock()();
    let state = store.read().with_context(|| format!("cannot read the state in `{}`", options.state.display()))?;
    let (hour, day) = state.ledger.spent(now);
    printer.result(format!("mode      {}", <&str>::from(options.mode)))?;
    printer.result(format!("model     {} at {}", options.asking.model, options.endpoint.url))?;
    printer.result(format!("this hour {}", spent(hour, options.limits.hour)))?;
    printer.result(format!("this day  {}", spent(day, options.limits.day)))?;
    printer.result(match state.breaker.check(now) {
        Ok(()) => "paused    no".to_owned(),
        Err(error) => error.to_string(),
    })?;
    printer.result(format!("kept      {} verdicts", export(store)?.len()))?;
    Ok(ExitStatus::Done)
}

fn spent(spent: Amount, limit: Amount) -> String {
    let dollars = |amount: Amount| format!("{}.{:02}", amount.micro_usd / 1_000_000, amount.micro_usd / 10_000 % 100);
    format!("{} of {} tokens, ${} of ${}", spent.tokens, limit.tokens, dollars(spent), dollars(limit))
}

fn write_labels(store: &Store, records: &Path, labels: &Path, printer: &Printer) -> anyhow::Result<ExitStatus> {
    let kept = export(store).context("cannot read the verdicts that were kept")?;
    write(records, kept.iter().map(|(record, _)| record))?;
    write(labels, kept.iter().map(|(_, label)| label))?;
    printer.remark(format!("{} verdicts", kept.len()));
    Ok(ExitStatus::Done)
}

fn write<'a>(path: &Path, lines: impl Iterator<Item = &'a Value>) -> anyhow::Result<()> {
    let failed = || format!("cannot write `{}`", path.display());
    let mut file = BufWriter::new(File::create(path).with_context(failed)?);
    for line in lines {
        writeln!(file, "{line}").with_context(failed)?;
    }
    file.flush().with_context(failed)
}
