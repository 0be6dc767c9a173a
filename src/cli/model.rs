//! `riskgate model`: which bundles there are, whether they are whole, what they say of themselves.

use super::args::{EngineArguments, ModelCommand};
use super::printer::Printer;
use super::{ExitStatus, engine};
use crate::artifact::{self, Bundle, Places};
use crate::manifest::Manifest;

/// Runs the command.
pub(super) fn run(command: &ModelCommand, printer: &Printer) -> anyhow::Result<ExitStatus> {
    match command {
        ModelCommand::List => list(printer),
        ModelCommand::Verify(arguments) => verify(arguments, printer),
        ModelCommand::Info { model } => info(model.as_deref(), printer),
    }
}

fn list(printer: &Printer) -> anyhow::Result<ExitStatus> {
    let places = Places::here();
    let bundles = artifact::list_bundles(&places);
    for bundle in &bundles {
        let what = match &bundle.manifest {
            Ok((manifest, identity)) => format!("version {}, {identity}", manifest.version),
            Err(error) => format!("unusable: {error}"),
        };
        printer.result(format!("{}  {}  {what}", bundle.name, bundle.folder.display()))?;
    }
    if bundles.is_empty() {
        printer.remark("no bundle found; looked in:");
        artifact::bundle_folders(&places).iter().for_each(|folder| printer.remark(format!("  {}", folder.display())));
        return Ok(ExitStatus::Failure);
    }
    Ok(ExitStatus::Done)
}

fn verify(arguments: &EngineArguments, printer: &Printer) -> anyhow::Result<ExitStatus> {
    let app = engine::load(arguments)?;
    let mut whole = true;
    for file in app.bundle().verify_all() {
        whole &= file.outcome.is_ok();
        let outcome = file.outcome.err().map_or_else(|| "ok".to_owned(), |error| error.to_string());
        printer.result(format!("{}: {outcome}", file.name))?;
    }
    app.classifier()?;
    let n_golden = app.bundle().manifest().golden.len();
    printer.result(format!("golden answers: ok ({n_golden} inputs)"))?;
    Ok(if whole { ExitStatus::Done } else { ExitStatus::Failure })
}

fn info(model: Option<&str>, printer: &Printer) -> anyhow::Result<ExitStatus> {
    let bundle = Bundle::open(&artifact::find_bundle(model, &Places::here())?)?;
    printer.result(format!("{}\n{}", bundle.identity(), bundle.folder().display()))?;
    printer.result(describe(bundle.manifest()))?;
    Ok(ExitStatus::Done)
}

fn describe(manifest: &Manifest) -> String {
    let mut lines = vec![
        format!("version          {}", manifest.version),
        format!("template         {}", manifest.template_version),
        format!("window           {} tokens, at most {} windows", manifest.window, manifest.max_windows),
        format!("training data    {}", manifest.training.data_fingerprint),
        format!("seed             {}", manifest.training.seed),
    ];
    for (name, point) in &manifest.operating_points {
        lines.push(format!(
            "operating point  {name}: allow below {}, deny from {}, injection from {}, novel above {}",
            point.allow_below, point.deny_above, point.injection_above, point.novel_above
        ));
    }
    lines.extend(manifest.files.iter().map(|(name, file)| format!("file             {name}: {} bytes", file.bytes)));
    lines.join("\n")
}
