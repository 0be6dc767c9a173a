//! `riskgate mode`: what the gate does with its verdicts.

use std::env;
use std::path::PathBuf;

use super::ExitStatus;
use super::args::ModeArguments;
use super::engine;
use super::printer::Printer;
use crate::app::{AppError, audit_folder, audit_log};
use crate::audit::{Log, LogError, ModeEntry};
use crate::config::{
    AuditSettings, ConfigError, LayerPlaces, ModeChange, Resolved, change_mode, note_change, state_folder,
};

/// Runs the command.
pub(super) fn run(arguments: &ModeArguments, printer: &Printer) -> anyhow::Result<ExitStatus> {
    let Some(mode) = arguments.mode else { return show(arguments, printer) };
    let folder = env::current_dir()?;
    let project = arguments.here.then_some(folder.as_path());
    let places = engine::layer_places(&arguments.engine);
    let mut recorded = PathBuf::new();
    let record = |change: &ModeChange| {
        recorded = record(change, &places, printer)?;
        Ok(())
    };
    let change = change_mode(mode, project, &places, record).map_err(AppError::from)?;
    let (from, to) = (<&str>::from(change.from), <&str>::from(change.to));
    printer.result(format!("{from} → {to}  in {}, recorded in {}", change.path.display(), recorded.display()))?;
    let now = engine::resolve(&arguments.engine)?.mode;
    if now != mode {
        printer
            .remark(format!("riskgate: here the mode stays `{}`; `riskgate config show` says why", <&str>::from(now)));
    }
    Ok(ExitStatus::Done)
}

/// Records a change in the log of decisions, where its absence would be seen; where there is none or it cannot be written, in a
/// file of its own, and says so.
fn record(change: &ModeChange, places: &LayerPlaces, printer: &Printer) -> Result<PathBuf, ConfigError> {
    let problem = match AuditSettings::load(places) {
        Ok(settings) => match audit_log(&settings) {
            Some(log) => match append(&log, change) {
                Ok(()) => return Ok(audit_folder(&settings)),
                Err(error) => error.to_string(),
            },
            None => "there is no log of decisions".to_owned(),
        },
        Err(error) => error.to_string(),
    };
    let missing = || ConfigError::Refused(format!("the change cannot be recorded: {problem}"));
    let noted = note_change(&state_folder().ok_or_else(missing)?, change)?;
    printer.remark(format!("riskgate: the change is not in the log of decisions, which shows gaps: {problem}"));
    Ok(noted)
}

fn append(log: &Log, change: &ModeChange) -> Result<(), LogError> {
    let cwd = env::current_dir().ok().map(|folder| folder.to_string_lossy().into_owned());
    let entry = ModeEntry {
        from: change.from.into(),
        to: change.to.into(),
        file: &change.path.to_string_lossy(),
        cwd: cwd.as_deref(),
    };
    log.append_change(&entry).map(drop)
}

fn show(arguments: &ModeArguments, printer: &Printer) -> anyhow::Result<ExitStatus> {
    let resolved = engine::resolve(&arguments.engine)?;
    printer.result(format!("{}  ({})", <&str>::from(resolved.mode), source(&resolved)))?;
    Ok(ExitStatus::Done)
}

/// Who says which mode is in force.
pub(super) fn source(resolved: &Resolved) -> &str {
    let value = resolved.provenance.iter().find(|value| value.key == "mode");
    value.map_or("built in", |value| value.source.as_str())
}
