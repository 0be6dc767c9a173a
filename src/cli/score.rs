//! `riskgate score`: action records in, decision records out; or one command and a readable answer.

use std::sync::Arc;
use std::time::Instant;

use owo_colors::Style;
use serde_json::{Map, Value, json};

use super::ExitStatus;
use super::args::{OutputFormat, ScoreArguments};
use super::engine::{self, Beside, Judge};
use super::printer::{self, Printer};
use super::stream::{Line, Worker};
use super::{daemon, io};
use crate::action::ToolCall;
use crate::app::{App, AppError};
use crate::config::{AuditSettings, Files, SessionSettings};
use crate::engine::{Deadline, Failure, ReviewMode};
use crate::record::{self, ActionRecord, RecordError};
use crate::verdict::{Decision, Verdict};

const TABLE_HEADER: &str = "\
verdict deny  id                  action                                            first reason";

/// Runs the command.
pub(super) fn run(arguments: &ScoreArguments, printer: &Printer) -> anyhow::Result<ExitStatus> {
    if arguments.show_request {
        let files = engine::files(&arguments.engine)?;
        let review = engine::review_settings(&files, &arguments.review, ReviewMode::Uncertain)?;
        return show(&Arc::new(engine::load_reviewing(&files, &arguments.engine, review)?), arguments, printer);
    }
    match &arguments.command {
        Some(command) => single(command, arguments, printer),
        None => many(arguments, printer),
    }
}

fn many(arguments: &ScoreArguments, printer: &Printer) -> anyhow::Result<ExitStatus> {
    let files = engine::files(&arguments.engine)?;
    let review = engine::review_settings(&files, &arguments.review, ReviewMode::Off)?;
    let session = if arguments.sessions { SessionSettings::of(&files).map_err(AppError::from)? } else { None };
    let in_order = session.is_some();
    let beside = Beside { review, session, audit: audit(&files, arguments)? };
    let app = Arc::new(engine::load_from(&files, &arguments.engine, beside)?);
    // The first engine is made here, so that a model that does not run is one error, not one a record.
    let mut first = Some(app.engine()?);
    let format = arguments.format;
    if format == OutputFormat::Table {
        printer.result(TABLE_HEADER)?;
    }
    let mut worker = || Box::new(ScoreWorker { judge: Judge::new(&app, first.take()), format }) as Box<dyn Worker>;
    // A session's calls depend on those before them.
    if in_order {
        return io::run_in_order(&arguments.stream, printer, worker());
    }
    io::run(&arguments.stream, printer, worker)
}

/// A shell command as a tool call, in the folder where riskgate runs.
pub(super) fn bash_call(command: &str) -> ToolCall {
    let input = Map::from_iter([("command".to_owned(), Value::from(command))]);
    ToolCall { tool: "Bash".to_owned(), input, context: engine::local_context() }
}

/// The log, when it is asked for.
fn audit(files: &Files, arguments: &ScoreArguments) -> anyhow::Result<Option<AuditSettings>> {
    Ok(arguments.audit.then(|| engine::audit_settings(files, true)).transpose()?)
}

/// Asks the daemon; what it does not answer is judged here.
fn single(command: &str, arguments: &ScoreArguments, printer: &Printer) -> anyhow::Result<ExitStatus> {
    let call = bash_call(command);
    // The log that is asked for here is written here.
    let answered = if arguments.audit { None } else { daemon::score(arguments, &call) };
    let (verdict, record) = answered.map_or_else(|| judge_here(&call, arguments), Ok)?;
    if arguments.json {
        printer.result(record)?;
    } else {
        printer.result(describe(command, verdict, &record))?;
    }
    Ok(verdict.into())
}

fn judge_here(call: &ToolCall, arguments: &ScoreArguments) -> anyhow::Result<(Verdict, Value)> {
    let files = engine::files(&arguments.engine)?;
    let review = engine::review_settings(&files, &arguments.review, ReviewMode::Off)?;
    let beside = Beside { review, session: None, audit: audit(&files, arguments)? };
    let app = engine::load_from(&files, &arguments.engine, beside)?;
    let mut engine = app.engine()?;
    let started = Instant::now();
    let decision = engine.decide(call, Deadline::none());
    let elapsed = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
    Ok((decision.verdict, record::decision_json(&Value::Null, &decision, app.stamp(), elapsed)))
}

/// What would be sent to the reviewing model, one request a line, and nothing sent.
fn show(app: &Arc<App>, arguments: &ScoreArguments, printer: &Printer) -> anyhow::Result<ExitStatus> {
    let Some(command) = &arguments.command else {
        return io::run(&arguments.stream, printer, || Box::new(ShowWorker { app: Arc::clone(app) }));
    };
    match shown(app, &bash_call(command))? {
        Ok(request) => printer.result(request)?,
        Err(why) => printer.remark(why),
    }
    Ok(ExitStatus::Done)
}

/// The request for one call, or why there would be none.
fn shown(app: &App, call: &ToolCall) -> Result<Result<String, String>, Failure> {
    let (mut engine, shown) = app.showing_engine()?;
    let decision = engine.decide(call, Deadline::none());
    Ok(shown.try_recv().map_err(|_| engine::not_sent(&decision)))
}

struct ShowWorker {
    app: Arc<App>,
}

impl Worker for ShowWorker {
    fn answer(&mut self, lines: &[Line]) -> Vec<Vec<u8>> {
        let answer = |line: &Line| match line.parse() {
            Ok(record) => match shown(&self.app, &record.call) {
                Ok(Ok(request)) => request,
                Ok(Err(why)) => json!({"id": record.id, "not_sent": why}).to_string(),
                Err(failure) => json!({"id": record.id, "not_sent": failure.to_string()}).to_string(),
            },
            Err((id, error)) => json!({"id": id, "not_sent": error.to_string()}).to_string(),
        };
        lines.iter().map(answer).map(String::into_bytes).collect()
    }
}

/// A decision record in a few lines for a person.
pub(super) fn describe(subject: &str, verdict: Verdict, record: &Value) -> String {
    let mut lines = vec![format!("{}  {subject}", printer::verdict(verdict))];
    let word = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    for reason in record.get("reasons").and_then(Value::as_array).into_iter().flatten() {
        let code = printer::styled(word(reason, "code"), Style::new().dimmed());
        lines.push(format!("  {}  {code}", word(reason, "text")));
    }
    lines.extend(record.get("assessment").into_iter().filter(|value| value.is_object()).flat_map(assessment_lines));
    lines.join("\n")
}

fn assessment_lines(assessment: &Value) -> Vec<String> {
    let probability = |name: &str| assessment.pointer(name).and_then(Value::as_f64).unwrap_or(1.0);
    let [allow, ask, deny] = ["/risk/allow", "/risk/ask", "/risk/deny"].map(probability);
    let needed = likeliest_first(assessment, "permission", 0.0).into_iter().next();
    let effects = likeliest_first(assessment, "effects", 0.3);
    let mut lines = vec![format!("  risk    allow {allow:.2}  ask {ask:.2}  deny {deny:.2}")];
    lines.extend(needed.map(|label| format!("  needs   {label}")));
    if !effects.is_empty() {
        lines.push(format!("  effects {}", effects.join(", ")));
    }
    lines
}

/// The labels of a head with their probabilities, those at or above a floor.
fn likeliest_first(assessment: &Value, head: &str, floor: f64) -> Vec<String> {
    let labels = assessment.get(head).and_then(Value::as_object).into_iter().flatten();
    let mut labels: Vec<(f64, &String)> = labels.filter_map(|(label, p)| Some((p.as_f64()?, label))).collect();
    labels.retain(|(p, _)| *p >= floor);
    labels.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    labels.into_iter().map(|(p, label)| format!("{label} {p:.2}")).collect()
}

struct ScoreWorker {
    judge: Judge,
    format: OutputFormat,
}

impl Worker for ScoreWorker {
    fn answer(&mut self, lines: &[Line]) -> Vec<Vec<u8>> {
        let started = Instant::now();
        let records: Vec<_> = lines.iter().map(Line::parse).collect();
        let calls: Vec<ToolCall> = records.iter().flatten().map(|record| record.call.clone()).collect();
        let mut decisions = self.judge.decide(&calls).into_iter();
        let app = self.judge.app();
        let share = started.elapsed().as_micros() / lines.len().max(1) as u128;
        let elapsed = u64::try_from(share).unwrap_or(u64::MAX);
        let answer = |record: Result<ActionRecord, (Value, RecordError)>| match record {
            Ok(record) => {
                let decision = decisions.next().unwrap_or_else(|| app.fail_safe(&Failure::Score));
                self.render(&record, &decision, elapsed)
            }
            Err((id, error)) => {
                let verdict = app.fail_safe(&Failure::Input(error.to_string())).verdict;
                record::error_json(&id, &error, verdict).to_string()
            }
        };
        records.into_iter().map(answer).map(String::into_bytes).collect()
    }
}

impl ScoreWorker {
    fn render(&self, record: &ActionRecord, decision: &Decision, elapsed: u64) -> String {
        match self.format {
            OutputFormat::Json => {
                record::decision_json(&record.id, decision, self.judge.app().stamp(), elapsed).to_string()
            }
            OutputFormat::Table => table_row(record, decision),
        }
    }
}

/// One row: verdict, probability of deny, id, the action in short, the first reason.
fn table_row(record: &ActionRecord, decision: &Decision) -> String {
    let verdict = printer::verdict(decision.verdict);
    // Colour codes have no width: the padding goes by the plain word.
    let padding = " ".repeat(6_usize.saturating_sub(<&str>::from(decision.verdict).len()));
    let deny = decision.assessment.as_ref().map_or_else(|| " -  ".to_owned(), |a| format!("{:.2}", a.risk.deny.get()));
    let id = record.id.as_str().map_or_else(|| record.id.to_string(), str::to_owned);
    let reason = decision.reasons.first().map_or("", |reason| reason.text.as_str());
    let (id, action) = (shortened(&id, 18), shortened(&summary(&record.call), 48));
    format!("{verdict}{padding} {deny}  {id:<18}  {action:<48}  {}", printer::styled(reason, Style::new().dimmed()))
}

/// What a call is about.
pub(super) fn summary(call: &ToolCall) -> String {
    const TELLING: [&str; 8] = ["command", "file_path", "notebook_path", "url", "pattern", "query", "prompt", "text"];
    let told = TELLING.iter().find_map(|key| call.input.get(*key).and_then(Value::as_str));
    let told = told.map_or_else(|| Value::Object(call.input.clone()).to_string(), str::to_owned);
    match call.tool.as_str() {
        "Bash" | "PowerShell" => told,
        tool => format!("{tool} {told}"),
    }
}

/// The text in one line of at most `width` characters.
pub(super) fn shortened(text: &str, width: usize) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= width {
        return line;
    }
    line.chars().take(width.saturating_sub(1)).chain(['…']).collect()
}
