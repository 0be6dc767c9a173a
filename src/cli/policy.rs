//! `riskgate policy`: the rules, for those who write them.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde_json::{Value, json};

use super::args::{EngineArguments, PolicyCommand};
use super::printer::{self, Printer};
use super::score::bash_call;
use super::{ExitStatus, engine};
use crate::action::ToolCall;
use crate::app::AppError;
use crate::config::{Resolved, named_rules};
use crate::normalize::normalize;
use crate::policy::{
    Explained, Policy, PolicyOptions, Problem, Rule, RuleSource, Ruling, Severity, Stage, schema_text, shipped,
};
use crate::record;
use crate::verdict::Verdict;

/// Runs the command.
pub(super) fn run(command: &PolicyCommand, printer: &Printer) -> anyhow::Result<ExitStatus> {
    match command {
        PolicyCommand::Check { engine, files } => check(engine, files, printer),
        PolicyCommand::Show { schema: Some(stage), .. } => {
            printer.result(schema_text(stage.parse().unwrap_or(Stage::Before)))?;
            Ok(ExitStatus::Done)
        }
        PolicyCommand::Show { engine, id, json, .. } => show(engine, id.as_deref(), *json, printer),
        PolicyCommand::Test { engine, file, rules } => test(engine, file, rules, printer),
        PolicyCommand::Explain { engine, action } => explain(engine, action, printer),
    }
}

/// The rules that are meant: those of the files, beside the shipped ones, or all in force.
fn sources(arguments: &EngineArguments, files: &[PathBuf]) -> anyhow::Result<(Vec<RuleSource>, PolicyOptions)> {
    if files.is_empty() {
        let Resolved { rules, policy, .. } = engine::resolve(arguments)?;
        return Ok((rules, policy));
    }
    let named = files.iter().map(|path| named_rules(path)).collect::<Result<Vec<_>, _>>().map_err(AppError::from)?;
    Ok(([vec![shipped()], named].concat(), PolicyOptions::default()))
}

fn check(arguments: &EngineArguments, files: &[PathBuf], printer: &Printer) -> anyhow::Result<ExitStatus> {
    let (sources, options) = sources(arguments, files)?;
    let (policy, problems) = Policy::check(&sources, &options, normalize);
    for problem in &problems {
        printer.result(problem)?;
    }
    let count = |severity| problems.iter().filter(|problem: &&Problem| problem.severity == severity).count();
    let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
    let files = sources.len();
    printer.result(format!(
        "{} rules from {files} sources: {errors} errors, {warnings} warnings",
        policy.rules().count()
    ))?;
    Ok(if errors == 0 { ExitStatus::Done } else { ExitStatus::Usage })
}

fn loaded(arguments: &EngineArguments) -> anyhow::Result<Policy> {
    let (sources, options) = sources(arguments, &[])?;
    Ok(Policy::load(&sources, &options).map_err(AppError::from)?)
}

fn show(arguments: &EngineArguments, id: Option<&str>, json: bool, printer: &Printer) -> anyhow::Result<ExitStatus> {
    let policy = loaded(arguments)?;
    let wanted: Vec<&Rule> = policy.rules().filter(|rule| id.is_none_or(|id| rule.id == id)).collect();
    if let (Some(id), true) = (id, wanted.is_empty()) {
        printer.remark(format!("riskgate: there is no rule `{id}`"));
        return Ok(ExitStatus::Usage);
    }
    if json {
        printer.result(json!({
            "policy": policy.identity(),
            "floors": Policy::floors().map(|(code, verdict, why)| json!({"code": code, "verdict": <&str>::from(verdict), "reason": why})).collect::<Vec<_>>(),
            "rules": wanted.iter().map(|rule| rule_json(rule)).collect::<Vec<_>>(),
        }))?;
        return Ok(ExitStatus::Done);
    }
    if let (Some(_), [rule]) = (id, wanted.as_slice()) {
        printer.result(format!("// {} ({})\n{}", rule.origin, rule.origin.layer, rule.text))?;
        return Ok(ExitStatus::Done);
    }
    printer.result(format!("{}\n\nfloors (built in, for nobody to change)", policy.identity()))?;
    for (code, verdict, why) in Policy::floors() {
        printer.result(format!("  {:5}  {code}: {why}", printer::verdict(verdict)))?;
    }
    printer.result("\nrules")?;
    for rule in wanted {
        let after = if rule.stage == Stage::After { ", after the model" } else { "" };
        let verdict = printer::verdict(rule.verdict);
        printer.result(format!(
            "  {verdict:5}  {}: {}\n         {} ({}{after})",
            rule.id, rule.reason, rule.origin, rule.origin.layer
        ))?;
    }
    Ok(ExitStatus::Done)
}

fn rule_json(rule: &Rule) -> Value {
    let Rule { id, verdict, stage, reason, agent, origin, matching, not_matching, text } = rule;
    json!({
        "id": id, "verdict": <&str>::from(*verdict), "stage": <&str>::from(*stage), "reason": reason, "agent": agent,
        "layer": <&str>::from(origin.layer), "file": origin.name, "line": origin.line,
        "match": matching, "not_match": not_matching, "text": text,
    })
}

/// What rules alone say: a verdict, or nothing, which leaves it to the model.
fn verdict_of(ruling: &Ruling) -> Option<Verdict> {
    match (ruling.floor(), &ruling.allowed) {
        (Verdict::Allow, None) => None,
        (floor, _) => Some(floor),
    }
}

fn verdict_name(verdict: Option<Verdict>) -> &'static str {
    verdict.map_or("undecided", <&str>::from)
}

fn explain(arguments: &EngineArguments, action: &str, printer: &Printer) -> anyhow::Result<ExitStatus> {
    let policy = loaded(arguments)?;
    let call = if action.trim_start().starts_with('{') { parsed(action)? } else { bash_call(action) };
    let action = normalize(&call);
    for part in policy.explain(&call, &action) {
        explain_part(&part, printer)?;
    }
    let ruling = policy.before(&call, &action);
    for found in &ruling.floors {
        printer.result(format!("{}  {}: {}", printer::verdict(found.floor), found.reason.code, found.reason.text))?;
    }
    if let Some(reason) = &ruling.allowed {
        printer.result(format!("{}  {}: {}", printer::verdict(Verdict::Allow), reason.code, reason.text))?;
    }
    if verdict_of(&ruling).is_none() {
        printer.result("no rule settles it: the model decides")?;
    }
    Ok(ExitStatus::Done)
}

fn explain_part(part: &Explained, printer: &Printer) -> anyhow::Result<()> {
    printer.result(&part.part)?;
    for (name, value) in part.attributes.iter().filter(|(_, value)| !value.is_empty() && value != "[]") {
        printer.result(format!("    {name}: {}", value.replace('\n', "\n      ")))?;
    }
    let named = [("forbidden by", &part.forbidding), ("permitted by", &part.permitting)];
    for (what, ids) in named.into_iter().filter(|(_, ids)| !ids.is_empty()) {
        printer.result(format!("  {what} {}", ids.join(", ")))?;
    }
    if part.needs_permit && part.permitting.is_empty() {
        printer.result("  rules would have to permit this for the action to be allowed by them")?;
    }
    Ok(())
}

fn parsed(line: &str) -> anyhow::Result<ToolCall> {
    match record::parse(line.as_bytes()) {
        Ok(record) => Ok(record.call),
        Err((_, error)) => Err(error.into()),
    }
}

fn test(arguments: &EngineArguments, file: &Path, rules: &[PathBuf], printer: &Printer) -> anyhow::Result<ExitStatus> {
    let (sources, options) = sources(arguments, rules)?;
    let policy = Policy::load(&sources, &options).map_err(AppError::from)?;
    let text = fs::read_to_string(file).with_context(|| format!("cannot read `{}`", file.display()))?;
    let (mut passed, mut failed) = (0_usize, 0_usize);
    for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let at = format!("{}:{}", file.display(), index + 1);
        match case(&policy, line) {
            Ok(None) => passed += 1,
            Ok(Some(problem)) => {
                failed += 1;
                printer.result(format!("FAIL  {at}: {problem}"))?;
            }
            Err(error) => {
                failed += 1;
                printer.result(format!("FAIL  {at}: no case: {error:#}"))?;
            }
        }
    }
    printer.result(format!("{passed} passed, {failed} failed"))?;
    Ok(if failed == 0 && passed > 0 { ExitStatus::Done } else { ExitStatus::Failure })
}

/// What is wrong with the answer to one case.
fn case(policy: &Policy, line: &str) -> anyhow::Result<Option<String>> {
    let value: Value = serde_json::from_str(line)?;
    let expect = value.get("expect").and_then(Value::as_object).context("`expect` is missing")?;
    let wanted = expect.get("verdict").and_then(Value::as_str).context("`expect.verdict` is missing")?;
    anyhow::ensure!(
        ["allow", "ask", "deny", "undecided"].contains(&wanted),
        "`expect.verdict` is `allow`, `ask`, `deny` or `undecided`"
    );
    let call = parsed(line)?;
    let ruling = policy.before(&call, &normalize(&call));
    let found = verdict_name(verdict_of(&ruling));
    let codes: Vec<&str> = ruling
        .floors
        .iter()
        .map(|found| &found.reason)
        .chain(&ruling.allowed)
        .map(|reason| reason.code.as_ref())
        .collect();
    if found != wanted {
        return Ok(Some(format!(
            "{found}, not {wanted} (by {})",
            if codes.is_empty() { "no rule".to_owned() } else { codes.join(", ") }
        )));
    }
    let Some(rule) = expect.get("rule").and_then(Value::as_str) else { return Ok(None) };
    let code = format!("policy.{rule}");
    let met = codes.contains(&code.as_str());
    Ok((!met).then(|| format!("{found}, but not by `{rule}`: by {}", codes.join(", "))))
}
