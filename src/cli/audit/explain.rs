//! `riskgate audit explain`: a logged decision made again, and compared with the record to the last bit.

use serde_json::{Value, json};

use super::super::ExitStatus;
use super::super::args::AuditExplainArguments;
use super::super::engine;
use super::super::printer::Printer;
use super::super::score::describe;
use super::{folder, found};
use crate::app::App;
use crate::audit::{Record, exact};
use crate::calibrate::Thresholds;
use crate::engine::Deadline;
use crate::record;
use crate::verdict::Decision;

/// Runs the command.
pub(super) fn run(arguments: &AuditExplainArguments, printer: &Printer) -> anyhow::Result<ExitStatus> {
    let logged = found(&folder(arguments.folder.as_deref())?, &arguments.id)?;
    let outcome = again(&logged, arguments);
    let (status, comparison) = match &outcome {
        Ok((_, differences)) if differences.is_empty() => (ExitStatus::Done, json!({"reproduced": true})),
        Ok((_, differences)) => (ExitStatus::Failure, json!({"reproduced": false, "differences": differences})),
        Err(why) => (ExitStatus::Failure, json!({"reproduced": false, "why": why.to_string()})),
    };
    if arguments.json {
        let now = outcome.as_ref().ok().map(|(record, _)| record);
        printer
            .result(json!({"id": logged.text("/id"), "comparison": comparison, "now": now, "logged": logged.json}))?;
        return Ok(status);
    }
    let verdict = logged.text("/decision/verdict").parse()?;
    let subject = logged.subject();
    printer.result(describe(&subject, verdict, logged.json.pointer("/decision").unwrap_or(&Value::Null)))?;
    printer.result(match &outcome {
        Ok((_, differences)) if differences.is_empty() => "reproduced: the same to the last bit".to_owned(),
        Ok((_, differences)) => format!("NOT reproduced:\n  {}", differences.join("\n  ")),
        Err(why) => format!("cannot be reproduced: {why}"),
    })?;
    Ok(status)
}

/// The decision made again as a record, and in what it is another.
fn again(logged: &Record, arguments: &AuditExplainArguments) -> anyhow::Result<(Value, Vec<String>)> {
    anyhow::ensure!(logged.is_sound, "the record was changed: its content does not fit its hash (see `audit verify`)");
    let kept = logged.text("/what/kept");
    anyhow::ensure!(kept == "whole", "the call was not kept whole: {}", logged.text("/what/why"));
    anyhow::ensure!(
        !logged.text("/exact").is_empty(),
        "the model did not judge it: {}",
        logged.text("/decision/reasons/0/text")
    );
    let mut wanted = arguments.engine.clone();
    wanted.no_ask = logged.text("/asking") == "impossible";
    let app = engine::load(&wanted)?;
    same_makings(&app, logged)?;
    let call = logged.json.pointer("/what/call").cloned().unwrap_or_default();
    let call = record::from_value(call).map_err(|(_, error)| error)?.call;
    let app = app.with_thresholds(thresholds(logged)?);
    let decision = app.engine()?.decide(&call, Deadline::none());
    let differences = differences(&decision, logged);
    Ok((record::decision_json(logged.json.get("id").unwrap_or(&Value::Null), &decision, app.stamp(), 0), differences))
}

/// Only the same bundle and the same policy make the same decision.
fn same_makings(app: &App, logged: &Record) -> anyhow::Result<()> {
    let (model, policy) = (logged.text("/decision/model"), logged.text("/decision/policy"));
    let stamp = app.stamp();
    anyhow::ensure!(
        stamp.model == model,
        "it was judged with the bundle {model}, and this is {}: name it with --model",
        stamp.model
    );
    anyhow::ensure!(stamp.policy == policy, "it was judged under the policy {policy}, and this is {}", stamp.policy);
    Ok(())
}

fn thresholds(logged: &Record) -> anyhow::Result<Thresholds> {
    let cut = |name: &str| {
        let value = logged.float(&format!("/thresholds/{name}")).map(|value| value as f32);
        value.ok_or_else(|| anyhow::anyhow!("the record has no threshold `{name}`"))
    };
    Ok(Thresholds {
        allow_below: cut("allow_below")?,
        deny_above: cut("deny_above")?,
        injection_above: cut("injection_above")?,
        novel_above: cut("novel_above")?,
    })
}

fn differences(decision: &Decision, logged: &Record) -> Vec<String> {
    let mut differences = Vec::new();
    let mut compare = |what: &str, was: &str, is: &str| {
        if was != is {
            differences.push(format!("{what}: was {was}, is {is}"));
        }
    };
    compare("zone", logged.text("/decision/zone"), decision.zone.map_or("", <&str>::from));
    let bits = decision.assessment.as_ref().map(exact).unwrap_or_default();
    compare("assessment", logged.text("/exact"), &bits);
    // What a reviewer or a failure decided is on record; nobody is asked again.
    if matches!(logged.text("/decision/source"), "model" | "policy" | "cache") {
        compare("verdict", logged.text("/decision/verdict"), decision.verdict.into());
        let codes: Vec<&str> = decision.reasons.iter().map(|reason| reason.code.as_ref()).collect();
        let logged_codes: Vec<&str> = (0..)
            .map_while(|index| {
                Some(logged.text(&format!("/decision/reasons/{index}/code"))).filter(|code| !code.is_empty())
            })
            .collect();
        compare("reasons", &logged_codes.join(", "), &codes.join(", "));
    }
    differences
}
