//! `riskgate audit replay`: the past under other settings. Nothing is executed, sent or asked, and the log is only read.

mod history;
mod judge;
mod past;
mod readings;
mod settings;

use std::collections::BTreeMap;
use std::sync::Arc;

pub(super) use history::{History, Origin, read};
pub(super) use judge::Kept;
pub(super) use settings::{Book, Trial};

use super::args::ReplayArguments;
use super::labels::Labels;
use super::printer::{self, Printer};
use super::{ExitStatus, engine, io};
use crate::replay::{Pair, Row, Summary, Sweep, is_dangerous};
use crate::report::{Compared, FORMAT, LeftOut, ReplayReport};
use crate::verdict::Verdict;

/// Runs the command.
pub(super) fn run(arguments: &ReplayArguments, printer: &Printer) -> anyhow::Result<ExitStatus> {
    let trial = Trial::of(arguments)?;
    settings::remarks(&arguments.engine, &trial)?.into_iter().for_each(|remark| printer.remark(remark));
    if trial.is_nothing() {
        printer.remark("nothing new is named (--policy, --thresholds, …): the present settings are looked at");
    }
    let app = Arc::new(engine::load(&arguments.engine)?);
    let book = Arc::new(Book::new(&app, &arguments.engine, trial)?);
    let mut history = read(&arguments.past, &app, &book, false)?;
    if history.rows.is_empty() {
        printer.remark(format!("there are no actions in {}", history.origin.describe()));
    }
    if !arguments.labels.is_empty() {
        label(&mut history.rows, &Labels::read(&arguments.labels, printer)?);
    }
    let report = report(history, app.stamp().model, &book, arguments.list || arguments.report.is_some());
    if let Some(folder) = &arguments.report {
        io::write_report(report.files()?, folder)?;
    }
    // What is listed for the page is not asked for here.
    let shown = ReplayReport { changes: report.changes.clone().filter(|_| arguments.list), ..report };
    if arguments.json {
        printer.result(format!("{:#}", shown.json()?))?;
        return Ok(ExitStatus::Done);
    }
    for row in shown.changes.iter().flatten() {
        printer.result(line(row))?;
    }
    printer.result(shown.summary())?;
    Ok(ExitStatus::Done)
}

fn label(rows: &mut [Row], labels: &Labels) {
    for row in rows {
        row.label = labels.get(&row.id.as_str().into()).and_then(|label| label.risk);
        if row.label.is_some() {
            row.dangerous = is_dangerous(None, row.label);
        }
    }
}

fn report(history: History, model: &str, book: &Book, listed: bool) -> ReplayReport {
    let sides = book.general();
    let (present, new) = (&sides.present, &sides.new);
    let compared = if matches!(history.origin, Origin::Log(_)) { Compared::Logged } else { Compared::Present };
    ReplayReport {
        format: FORMAT,
        origin: history.origin.describe(),
        compared,
        model: model.to_owned(),
        policy: Pair { before: present.policy().identity(), after: new.policy().identity() },
        thresholds: Pair { before: *present.thresholds(), after: *new.thresholds() },
        left_out: LeftOut {
            damaged_lines: history.damaged,
            repeated_calls: history.repeated,
            files_passed_over: history.passed_over,
        },
        summary: Summary::of(&history.rows),
        sweep: Sweep::of(&history.rows, present.thresholds(), new.thresholds()),
        changes: listed.then(|| changes(history.rows)),
    }
}

/// Each change: newly allowed first, dangerous ones before others, else in the order of the past.
fn changes(rows: Vec<Row>) -> Vec<Row> {
    let mut changes: BTreeMap<(bool, bool), Vec<Row>> = BTreeMap::new();
    for row in rows.into_iter().filter(|row| row.is_changed() && !row.is_text) {
        changes.entry((row.after != Verdict::Allow, !row.dangerous)).or_default().push(row);
    }
    changes.into_values().flatten().collect()
}

/// A change in a line.
fn line(row: &Row) -> String {
    let dangerous = if row.dangerous && row.after == Verdict::Allow { "DANGEROUS  " } else { "" };
    let [before, after] = [row.before, row.after].map(printer::verdict);
    format!("{before} -> {after}  {dangerous}{}  {}  ({})", row.subject, row.why, row.id)
}
