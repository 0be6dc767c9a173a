//! `riskgate config`: the settings in force and where each came from.

use serde_json::{Value, json};

use super::ExitStatus;
use super::args::ConfigCommand;
use super::engine;
use super::printer::Printer;
use crate::config::{Provenance, Resolved};

/// Runs the command.
pub(super) fn run(command: &ConfigCommand, printer: &Printer) -> anyhow::Result<ExitStatus> {
    let ConfigCommand::Show { engine: arguments, json } = command;
    let resolved = engine::resolve(arguments)?;
    if *json {
        printer.result(as_json(&resolved))?;
    } else {
        printer.result(as_text(&resolved))?;
    }
    for remark in &resolved.remarks {
        printer.remark(format!("riskgate: {remark}"));
    }
    Ok(ExitStatus::Done)
}

fn as_json(resolved: &Resolved) -> Value {
    let setting = |value: &Provenance| {
        let Provenance { key, value, source, locked } = value;
        json!({"key": key, "value": value, "source": source, "locked": locked})
    };
    let settings: Vec<Value> = resolved.provenance.iter().map(setting).collect();
    json!({"settings": settings, "remarks": resolved.remarks})
}

fn as_text(resolved: &Resolved) -> String {
    let width = |of: fn(&Provenance) -> usize| resolved.provenance.iter().map(of).max().unwrap_or(0).min(48);
    let (keys, values) = (width(|value| value.key.len()), width(|value| value.value.len()));
    let line = |value: &Provenance| {
        let Provenance { key, value, source, locked } = value;
        let lock = if *locked { ", locked" } else { "" };
        format!("{key:keys$}  {value:values$}  {source}{lock}")
    };
    resolved.provenance.iter().map(line).collect::<Vec<_>>().join("\n")
}
