//! `riskgate eval`: labelled actions in, figures and a report out.

use std::sync::Arc;

use serde_json::Value;

use super::ExitStatus;
use super::args::{EngineArguments, EvalArguments};
use super::engine::{self, Beside, Judge};
use super::io;
use super::labels::{self, Labels, MOST_COMPLAINTS};
use super::printer::Printer;
use super::score;
use super::stream::{Line, Worker};
use crate::action::ToolCall;
use crate::app::App;
use crate::artifact::Places;
use crate::engine::{Asking, Engine, Failure};
use crate::evaluate::{self, Answer, Case, Label};
use crate::record::{ActionRecord, RecordError};
use crate::report::{FORMAT, InputCounts, Report, Subject};
use crate::verdict::Decision;

/// The tool under which texts come that another tool returned.
const TEXT_TOOL: &str = "text";
/// Most characters of an action that is shown.
const SHOWN: usize = 200;

/// Runs the command.
pub(super) fn run(arguments: &EvalArguments, printer: &Printer) -> anyhow::Result<ExitStatus> {
    let labels = Arc::new(Labels::read(&arguments.labels, printer)?);
    if labels.len() == 0 {
        printer.remark("riskgate: there is no usable label in what `--labels` names");
        return Ok(ExitStatus::Usage);
    }
    let files = engine::files(&arguments.engine)?;
    let audit = arguments.audit.then(|| engine::audit_settings(&files, true)).transpose()?;
    let beside = Beside { audit, ..Beside::default() };
    let app = Arc::new(engine::load_with(&arguments.engine, beside)?.scoring_everything());
    let reference = load_reference(&app, arguments)?;
    let outcomes = judge(&app, reference.as_ref(), &labels, arguments)?;
    let (cases, input) = sort_out(outcomes, &labels, printer);
    if cases.is_empty() {
        printer.remark(format!(
            "riskgate: none of {} records has the id of one of {} labels, so there is nothing to measure",
            input.records, input.labels
        ));
        return Ok(ExitStatus::Usage);
    }
    let mut report = Report {
        format: FORMAT,
        subject: subject(&app, reference.as_deref(), &arguments.engine),
        input,
        evaluation: evaluate::evaluate(cases, app.thresholds()),
    };
    report.input.labels_without_record = input.labels.saturating_sub(report.evaluation.cases.joined);
    if let Some(folder) = &arguments.report {
        io::write_report(report.files()?, folder)?;
    }
    if arguments.json {
        printer.result(format!("{:#}", report.metrics()?))?;
    } else {
        printer.result(report.summary())?;
    }
    Ok(ExitStatus::Done)
}

fn load_reference(app: &App, arguments: &EvalArguments) -> anyhow::Result<Option<Arc<App>>> {
    let load = |wanted: &String| app.load_reference(wanted, &Places::here()).map(Arc::new);
    Ok(arguments.reference.as_ref().map(load).transpose()?)
}

/// What became of every record, in order.
fn judge(
    app: &Arc<App>,
    reference: Option<&Arc<App>>,
    labels: &Arc<Labels>,
    arguments: &EvalArguments,
) -> anyhow::Result<Vec<Outcome>> {
    // The first engines are made here, so that a model that does not run is one error, not one a record.
    let mut first = Some(app.engine()?);
    let mut first_reference = reference.map(|app| app.engine()).transpose()?;
    let judge = |app: &Arc<App>, first: &mut Option<Engine>| Judge::new(app, first.take());
    io::collect(&arguments.input, || {
        Box::new(EvalWorker {
            judge: judge(app, &mut first),
            reference: reference.map(|app| judge(app, &mut first_reference)),
            labels: Arc::clone(labels),
            show_text: arguments.show_text,
        })
    })
}

/// What became of one record.
enum Outcome {
    /// Its id has no label.
    Unlabelled,
    /// It is no action record.
    Malformed { id: Value, error: RecordError },
    /// It was judged.
    Judged(Box<Case>),
}

struct EvalWorker {
    judge: Judge,
    reference: Option<Judge>,
    labels: Arc<Labels>,
    show_text: bool,
}

impl Worker<Outcome> for EvalWorker {
    fn answer(&mut self, lines: &[Line]) -> Vec<Outcome> {
        let records: Vec<_> = lines.iter().map(|line| self.labelled(line)).collect();
        let calls: Vec<ToolCall> = records.iter().flatten().map(|(record, _)| record.call.clone()).collect();
        let decisions = self.judge.decide(&calls);
        let references = self.reference.as_mut().map(|judge| judge.decide(&calls));
        let mut decisions = decisions.into_iter();
        let mut references = references.map(Vec::into_iter);
        let outcome = |record: Result<(ActionRecord, Label), Outcome>| match record {
            Ok((record, label)) => {
                let missing = || self.judge.app().fail_safe(&Failure::Score);
                let decision = decisions.next().unwrap_or_else(missing);
                let reference = references.as_mut().map(|others| others.next().unwrap_or_else(missing));
                Outcome::Judged(Box::new(self.case(&record, label, &decision, reference.as_ref())))
            }
            Err(outcome) => outcome,
        };
        records.into_iter().map(outcome).collect()
    }
}

impl EvalWorker {
    fn labelled(&self, line: &Line) -> Result<(ActionRecord, Label), Outcome> {
        let record = line.parse().map_err(|(id, error)| Outcome::Malformed { id, error })?;
        let label = self.labels.get(&record.id).cloned().ok_or(Outcome::Unlabelled)?;
        Ok((record, label))
    }

    fn case(&self, record: &ActionRecord, label: Label, decision: &Decision, reference: Option<&Decision>) -> Case {
        let id = labels::key(&record.id);
        let call = &record.call;
        let request = call.context.user_request.as_ref();
        Case {
            tool: call.tool.clone(),
            source: record.source.clone().unwrap_or_else(|| evaluate::source_of(&id)),
            text: self.show_text.then(|| score::shortened(&score::summary(call), SHOWN)),
            returned_text: call.tool == TEXT_TOOL,
            has_request: request.is_some_and(|request| !request.trim().is_empty()),
            n_tokens: decision.n_tokens,
            label,
            answer: decision.into(),
            reference: reference.map(Answer::from),
            id,
        }
    }
}

/// The cases and the counts; complains about records that could not be read.
fn sort_out(outcomes: Vec<Outcome>, labels: &Labels, printer: &Printer) -> (Vec<Case>, InputCounts) {
    let mut input = InputCounts {
        labels: labels.len(),
        malformed_labels: labels.malformed,
        repeated_labels: labels.repeated,
        contradictory_labels: labels.n_contradictory(),
        records: outcomes.len(),
        ..InputCounts::default()
    };
    let mut cases = Vec::new();
    for (index, outcome) in outcomes.into_iter().enumerate() {
        match outcome {
            Outcome::Judged(case) => cases.push(*case),
            Outcome::Unlabelled => input.records_without_label += 1,
            Outcome::Malformed { id, error } => {
                input.malformed_records += 1;
                if input.malformed_records <= MOST_COMPLAINTS {
                    printer.remark(format!("record {} (id {id}): {error}", index + 1));
                }
            }
        }
    }
    if input.malformed_records > MOST_COMPLAINTS {
        printer.remark(format!("{} malformed records in all", input.malformed_records));
    }
    (cases, input)
}

fn subject(app: &App, reference: Option<&App>, arguments: &EngineArguments) -> Subject {
    let stamp = app.stamp();
    Subject {
        model: stamp.model.to_owned(),
        policy: stamp.policy.to_owned(),
        reference: reference.map(|reference| reference.stamp().model.to_owned()),
        operating_point: app.settings().resolved.strictness.0.name.clone().unwrap_or_else(|| "balanced".to_owned()),
        max_miss_rate: arguments.max_miss_rate,
        max_false_block_rate: arguments.max_false_block_rate,
        thresholds: *app.thresholds(),
        no_ask: app.settings().resolved.asking == Asking::Impossible,
    }
}
