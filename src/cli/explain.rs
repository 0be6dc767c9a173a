//! `riskgate explain`: a decision and what moved it, as coloured text or as JSON.

use std::sync::Arc;

use owo_colors::Style;
use serde_json::{Value, json};

use super::ExitStatus;
use super::args::ExplainArguments;
use super::printer::{self, Printer};
use super::score::{bash_call, describe};
use super::stream::{Line, Worker};
use super::{engine, io};
use crate::app::App;
use crate::engine::{Contribution, Engine, Explanation, Failure, UnitScore, expected_risk};
use crate::record;

/// Contributions below this are not shown as text: within the noise of quantisation.
const SHOWN: f32 = 0.02;

/// Runs the command.
pub(super) fn run(arguments: &ExplainArguments, printer: &Printer) -> anyhow::Result<ExitStatus> {
    let app = Arc::new(engine::load(&arguments.engine)?.scoring_everything());
    let mut engine = app.engine()?;
    let Some(command) = &arguments.command else {
        let mut first = Some(engine);
        let worker = || Box::new(ExplainWorker { app: Arc::clone(&app), engine: first.take() }) as Box<dyn Worker>;
        return io::run(&arguments.stream, printer, worker);
    };
    let explanation = engine.explain(&bash_call(command)).map_err(|failure| anyhow::anyhow!(failure.reason().text))?;
    if arguments.json {
        printer.result(explanation_json(&Value::Null, &explanation, &app))?;
    } else {
        printer.result(render(command, &explanation, &app))?;
    }
    Ok(explanation.decision.verdict.into())
}

struct ExplainWorker {
    app: Arc<App>,
    engine: Option<Engine>,
}

impl Worker for ExplainWorker {
    fn answer(&mut self, lines: &[Line]) -> Vec<Vec<u8>> {
        lines.iter().map(|line| self.explain(line).to_string().into_bytes()).collect()
    }
}

impl ExplainWorker {
    fn explain(&mut self, line: &Line) -> Value {
        let record = match line.parse() {
            Ok(record) => record,
            Err((id, error)) => {
                let verdict = self.app.fail_safe(&Failure::Input(error.to_string())).verdict;
                return record::error_json(&id, &error, verdict);
            }
        };
        match self.engine().and_then(|engine| engine.explain(&record.call)) {
            Ok(explanation) => explanation_json(&record.id, &explanation, &self.app),
            Err(failure) => record::decision_json(&record.id, &self.app.fail_safe(&failure), self.app.stamp(), 0),
        }
    }

    fn engine(&mut self) -> Result<&mut Engine, Failure> {
        let engine = match self.engine.take() {
            Some(engine) => engine,
            None => self.app.engine()?,
        };
        Ok(self.engine.insert(engine))
    }
}

fn explanation_json(id: &Value, explanation: &Explanation, app: &App) -> Value {
    let mut record = record::decision_json(id, &explanation.decision, app.stamp(), 0);
    let unit = |score: &UnitScore| {
        json!({
            "text": score.unit.text,
            "span": [score.unit.span.start, score.unit.span.end],
            "risk": rounded(expected_risk(&score.assessment)),
        })
    };
    let part = |part: &Contribution| json!({"text": part.text, "risk": rounded(part.risk)});
    let worst = explanation.worst.as_ref().map(|worst| {
        json!({
            "unit": worst.index,
            "words": worst.words.iter().map(part).collect::<Vec<_>>(),
            "facts": worst.facts.iter().map(part).collect::<Vec<_>>(),
        })
    });
    if let Some(fields) = record.as_object_mut() {
        // Occlusion runs the model many times: its time says nothing about a decision's.
        fields.remove("elapsed_us");
        let units = explanation.units.iter().map(unit).collect::<Vec<_>>();
        fields.insert("explanation".to_owned(), json!({"units": units, "worst": worst}));
    }
    record
}

fn rounded(value: f32) -> f64 {
    (f64::from(value) * 1e4).round() / 1e4
}

fn render(command: &str, explanation: &Explanation, app: &App) -> String {
    let record = explanation_json(&Value::Null, explanation, app);
    let mut lines = vec![describe(command, explanation.decision.verdict, &record)];
    if explanation.units.len() > 1 {
        lines.push("\nparts, each by itself:".to_owned());
        lines.extend(explanation.units.iter().map(unit_line));
    }
    if let Some(worst) = &explanation.worst {
        lines.push("\nwhat raises the risk of the worst part:".to_owned());
        lines.push(format!("  {}", worst.words.iter().map(coloured).collect::<String>()));
        let mut telling: Vec<&Contribution> = worst.words.iter().chain(&worst.facts).collect();
        telling.retain(|part| part.risk.abs() >= SHOWN);
        telling.sort_by(|a, b| b.risk.abs().total_cmp(&a.risk.abs()));
        lines.extend(telling.iter().map(|part| format!("  {:+.2}  {}", part.risk, part.text.trim())));
        if telling.is_empty() {
            lines.push("  no single word or fact: it is the whole that counts".to_owned());
        }
    }
    lines.join("\n")
}

fn unit_line(score: &UnitScore) -> String {
    let text: String = score.unit.text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(100).collect();
    format!("  {:.2}  {text}", expected_risk(&score.assessment))
}

fn coloured(part: &Contribution) -> String {
    let style = match part.risk {
        risk if risk >= 0.2 => Style::new().red().bold(),
        risk if risk >= 0.05 => Style::new().red(),
        risk if risk >= SHOWN => Style::new().yellow(),
        risk if risk <= -SHOWN => Style::new().green(),
        _ => Style::new().dimmed(),
    };
    printer::styled(&part.text, style)
}
