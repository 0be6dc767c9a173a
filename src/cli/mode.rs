//! `riskgate mode`: what the gate does with its verdicts.

use std::env;

use super::ExitStatus;
use super::args::ModeArguments;
use super::engine;
use super::printer::Printer;
use crate::app::AppError;
use crate::config::{ConfigError, ModeChange, change_mode, state_folder};

/// Runs the command.
pub(super) fn run(arguments: &ModeArguments, printer: &Printer) -> anyhow::Result<ExitStatus> {
    let Some(mode) = arguments.mode else { return show(arguments, printer) };
    let folder = env::current_dir()?;
    let missing = || ConfigError::Refused("this user has no folder for state, where changes are recorded".to_owned());
    let state = state_folder().ok_or_else(missing).map_err(AppError::from)?;
    let project = arguments.here.then_some(folder.as_path());
    let change =
        change_mode(mode, project, &engine::layer_places(&arguments.engine), &state).map_err(AppError::from)?;
    let ModeChange { from, to, path, log } = change;
    let (from, to) = (<&str>::from(from), <&str>::from(to));
    printer.result(format!("{from} → {to}  in {}, recorded in {}", path.display(), log.display()))?;
    let now = engine::resolve(&arguments.engine)?.mode;
    if now != mode {
        printer
            .remark(format!("riskgate: here the mode stays `{}`; `riskgate config show` says why", <&str>::from(now)));
    }
    Ok(ExitStatus::Done)
}

fn show(arguments: &ModeArguments, printer: &Printer) -> anyhow::Result<ExitStatus> {
    let resolved = engine::resolve(&arguments.engine)?;
    let source = resolved.provenance.iter().find(|value| value.key == "mode");
    let source = source.map_or("built in", |value| value.source.as_str());
    printer.result(format!("{}  ({source})", <&str>::from(resolved.mode)))?;
    Ok(ExitStatus::Done)
}
