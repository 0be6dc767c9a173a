//! `riskgate install` and `uninstall`: puts riskgate into the settings of a harness, and takes it out.

use std::path::{Path, PathBuf};
use std::{env, fs, io};

use anyhow::Context as _;
use serde_json::{Map, Value};

use super::ExitStatus;
use super::args::InstallArguments;
use super::printer::Printer;
use crate::config;

pub(super) type Settings = Map<String, Value>;

/// Runs `install`.
pub(super) fn install(arguments: &InstallArguments, printer: &Printer) -> anyhow::Result<ExitStatus> {
    let program = env::current_exe()?;
    let program = program.to_str().context("the path of this program is not Unicode, and settings files are")?;
    let harness = arguments.harness;
    let path = change(arguments, printer, |settings| Ok(harness.install(settings, program)?))?;
    if let Some(obstacle) = read(&path)?.as_ref().and_then(|settings| harness.obstacle(settings)) {
        printer.remark(format!("riskgate: {}: {obstacle}", path.display()));
    }
    if !arguments.dry_run {
        printer.remark("`riskgate doctor` checks that it works; sessions that run already do not see the change");
    }
    Ok(ExitStatus::Done)
}

/// Runs `uninstall`.
pub(super) fn uninstall(arguments: &InstallArguments, printer: &Printer) -> anyhow::Result<ExitStatus> {
    change(arguments, printer, |settings| Ok(arguments.harness.uninstall(settings)))?;
    Ok(ExitStatus::Done)
}

/// Changes the harness's settings file, or shows what it would become; returns where it is.
fn change(
    arguments: &InstallArguments,
    printer: &Printer,
    change: impl FnOnce(Settings) -> anyhow::Result<Settings>,
) -> anyhow::Result<PathBuf> {
    let usual = || Some(arguments.harness.settings_file(&env::home_dir()?));
    let path = arguments.settings.clone().or_else(usual).context("this user has no home; name the file: --settings")?;
    let before = read(&path)?;
    let after = change(before.clone().unwrap_or_default()).with_context(|| path.display().to_string())?;
    let text = serde_json::to_string_pretty(&after)? + "\n";
    if arguments.dry_run {
        printer.result(text.trim_end())?;
    } else if before.unwrap_or_default() == after {
        printer.result(format!("{}: as it was", path.display()))?;
    } else {
        // Where it is a link, what it leads to is written: people keep their settings in repositories.
        let target = fs::canonicalize(&path).unwrap_or_else(|_| path.clone());
        config::replace(&target, &text).with_context(|| format!("cannot write `{}`", path.display()))?;
        printer.result(format!("{}: changed", path.display()))?;
    }
    Ok(path)
}

/// The settings in a file; `None` where there is no file.
pub(super) fn read(path: &Path) -> anyhow::Result<Option<Settings>> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).with_context(|| format!("cannot read `{}`", path.display())),
    };
    let text = text.trim_start_matches('\u{feff}');
    let settings = if text.trim().is_empty() { Ok(Settings::new()) } else { serde_json::from_str(text) };
    Ok(Some(settings.with_context(|| format!("`{}` is no JSON object; nothing was changed", path.display()))?))
}
