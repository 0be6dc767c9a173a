//! `riskgate suggest`: rules for what was asked about over and over and ran each time. They are printed, for a person to put
//! where rules are read from; nothing here applies anything.

mod evidence;
mod trial;

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use serde_json::{Value, json};

use super::args::{PastArguments, SuggestArguments};
use super::printer::Printer;
use super::replay::{self, Book, History, Trial};
use super::{ExitStatus, engine};
use crate::config::LayerPlaces;
use crate::replay::suggest::{self, Found, Suggestion};
use evidence::evidence;
use trial::{Bench, tried};

/// The file among the user's rules that proposals are made for.
const FILE: &str = "suggested.cedar";
/// Runs the command.
pub(super) fn run(arguments: &SuggestArguments, printer: &Printer) -> anyhow::Result<ExitStatus> {
    let places = engine::layer_places(&arguments.engine);
    if let Some(output) = &arguments.output {
        may_write(output, &places)?;
    }
    let app = Arc::new(engine::load(&arguments.engine)?);
    let book = Arc::new(Book::new(&app, &arguments.engine, Trial::of_flags(&arguments.engine))?);
    let since = arguments.days.map(|days| format!("{days}d"));
    let past = PastArguments { since: since.or_else(|| arguments.past.since.clone()), ..arguments.past.clone() };
    let history = replay::read(&past, &app, &book, true)?;
    let evidence = evidence(&history, &book);
    let mut found = suggest::find(&evidence, arguments.min as usize);
    let bench = Bench { app: &app, arguments, kept: &history.kept, evidence: &evidence };
    let n_before = found.suggestions.len();
    let target = places.user.as_ref().map(|folder| folder.join("policy").join(FILE));
    let present = target.as_deref().map(present).transpose()?.unwrap_or_default();
    tried(&bench, &present, &mut found)?;
    let n_dropped = n_before - found.suggestions.len();
    let proposed = Proposed { target, present, found, n_dropped };
    if let Some(output) = arguments.output.as_deref().filter(|_| !proposed.found.suggestions.is_empty()) {
        write(output, &suggest::proposal("", &proposed.found.suggestions))?;
    }
    if arguments.json {
        printer.result(format!("{:#}", proposed.json()))?;
    } else {
        proposed.print(&history, arguments, printer)?;
    }
    Ok(ExitStatus::Done)
}

// ── What is said of it ──────────────────────────────────────────────────────────────────────────────────────────────────

/// A proposal, ready to be shown.
struct Proposed {
    /// The file that it is for.
    target: Option<PathBuf>,
    /// What stands in it.
    present: String,
    found: Found,
    /// Rules that did not what they claimed.
    n_dropped: usize,
}

impl Proposed {
    fn spared(&self) -> usize {
        self.found.suggestions.iter().map(|suggestion| suggestion.places.len()).sum()
    }

    fn diff(&self) -> String {
        let name = self.target.as_deref().map_or_else(|| FILE.to_owned(), |path| path.display().to_string());
        suggest::diff(&name, &self.present, &suggest::proposal(&self.present, &self.found.suggestions))
    }

    fn json(&self) -> Value {
        let rule = |suggestion: &Suggestion| {
            json!({
                "id": suggestion.id(), "questions": suggestion.places.len(), "action": suggestion.subject,
                "folders": suggestion.folders, "rule": suggestion.text(),
            })
        };
        let left: BTreeMap<String, usize> = self.found.left.iter().map(|(why, n)| (why.to_string(), *n)).collect();
        json!({
            "file": self.target.as_ref().map(|path| path.display().to_string()),
            "questions_spared": self.spared(),
            "suggestions": self.found.suggestions.iter().map(rule).collect::<Vec<_>>(),
            "questions_left": left, "questions_too_rare": self.found.rare, "rules_dropped": self.n_dropped,
            "diff": if self.found.suggestions.is_empty() { Value::Null } else { self.diff().into() },
        })
    }

    fn print(&self, history: &History, arguments: &SuggestArguments, printer: &Printer) -> anyhow::Result<()> {
        if self.found.suggestions.is_empty() {
            printer.remark("nothing is suggested");
        } else {
            printer.result(self.diff().trim_end())?;
            printer.remark(format!(
                "{} rules would have spared {} questions and let nothing else through in {}; nothing was changed",
                self.found.suggestions.len(),
                self.spared(),
                history.origin.describe()
            ));
        }
        for (why, n) in &self.found.left {
            printer.remark(format!("{n} questions left: {why}"));
        }
        if self.found.rare > 0 {
            let (n, least) = (self.found.rare, arguments.min);
            printer.remark(format!("{n} questions left: asked fewer than {least} times (--min)"));
        }
        if !history.tells_outcomes && !history.rows.is_empty() {
            printer.remark("nothing here tells which calls ran: that takes the PostToolUse hook, or --transcripts");
        }
        if let Some(output) = arguments.output.as_ref().filter(|_| !self.found.suggestions.is_empty()) {
            let shown = output.display();
            printer.remark(format!("written to {shown}: try it with `riskgate audit replay --policy {shown}`"));
        }
        Ok(())
    }
}

// ── Files ───────────────────────────────────────────────────────────────────────────────────────────────────────────────

fn present(path: &Path) -> anyhow::Result<String> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(text),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(String::new()),
        Err(error) => Err(error).with_context(|| format!("cannot read `{}`", path.display())),
    }
}

/// A proposal is not written where it would hold: a person puts it there, or nobody does.
fn may_write(output: &Path, places: &LayerPlaces) -> anyhow::Result<()> {
    let absolute = std::path::absolute(output).with_context(|| format!("cannot write `{}`", output.display()))?;
    let folder = absolute.parent().unwrap_or(Path::new("/"));
    let folder = fs::canonicalize(folder).with_context(|| format!("there is no folder `{}`", folder.display()))?;
    let own = [&places.user, &places.managed].into_iter().flatten();
    let own = own.map(|own| fs::canonicalize(own).unwrap_or_else(|_| own.clone()));
    let holds = own.into_iter().any(|own| folder.starts_with(own))
        || folder.components().any(|part| part.as_os_str() == ".riskgate");
    anyhow::ensure!(!holds, "`{}` lies where rules are read from: a person puts them there", output.display());
    Ok(())
}

fn write(output: &Path, text: &str) -> anyhow::Result<()> {
    let created = fs::File::create_new(output);
    let mut file = created.with_context(|| format!("cannot write `{}`, which must be a new file", output.display()))?;
    file.write_all(text.as_bytes()).with_context(|| format!("cannot write `{}`", output.display()))
}
