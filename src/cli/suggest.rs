//! `riskgate suggest`: rules for what was asked about over and over and ran each time. They are printed, for a person to put
//! where rules are read from; nothing here applies anything.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use serde_json::{Value, json};

use super::args::{PastArguments, SuggestArguments};
use super::printer::Printer;
use super::replay::{self, Book, History, Kept, Origin, Trial};
use super::{ExitStatus, engine};
use crate::app::App;
use crate::config::{LayerPlaces, Resolved};
use crate::engine::Begun;
use crate::normalize::normalize;
use crate::policy::{Layer, Policy, RuleSource, RuleText, Severity};
use crate::replay::Row;
use crate::replay::suggest::{self, Evidence, Found, Judged, Never, Suggestion};
use crate::transcript::Outcome;
use crate::verdict::Verdict;

/// The file among the user's rules that proposals are made for.
const FILE: &str = "suggested.cedar";
/// Rounds in which rules that do not what they claim are taken out.
const MOST_ROUNDS: usize = 20;

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

// ── What speaks for a rule ──────────────────────────────────────────────────────────────────────────────────────────────

/// What became of an action that the settings ask about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Word {
    /// A person was asked, and it ran.
    Yes,
    /// It was refused or denied, or is not known to have run.
    No,
    /// It ran, and nobody was asked.
    None,
}

/// Every action that was stopped somehow, with what it says for or against a rule.
fn evidence(history: &History, book: &Book) -> Vec<Evidence> {
    let one = |(place, (row, kept)): (usize, &(usize, Kept))| {
        let row = history.rows.get(*row)?;
        // Wrong arguments were no question.
        let word = (row.outcome != Outcome::Invalid).then(|| word(row, &history.origin))?;
        Some(weigh(place, row, kept, word, book))
    };
    history.kept.iter().enumerate().filter_map(one).collect()
}

fn word(row: &Row, origin: &Origin) -> Word {
    let logged = matches!(origin, Origin::Log(_)).then_some(row.before);
    match (logged, row.outcome) {
        (_, Outcome::Refused) | (Some(Verdict::Deny), _) => Word::No,
        (Some(Verdict::Allow), _) | (_, Outcome::RanUnasked) => Word::None,
        (_, Outcome::Ran | Outcome::Approved) => Word::Yes,
        (_, Outcome::Unknown | Outcome::Invalid) => Word::No,
    }
}

fn weigh(place: usize, row: &Row, kept: &Kept, word: Word, book: &Book) -> Evidence {
    let action = normalize(&kept.call);
    let sides = book.of(kept.folder());
    let policy = sides.new.policy();
    let judged = Judged {
        assessment: kept.scored.as_ref().map(|scored| &scored.assessment),
        incomplete: kept.masked || kept.scored.as_ref().is_none_or(|scored| scored.truncated),
        zone: kept.remade.zone,
        floor: logged_floor(kept, policy).max(kept.remade.floor),
        approved: word != Word::No,
    };
    Evidence {
        place,
        narrow: policy.narrowest(&kept.call, &action),
        never: suggest::never(&judged),
        interrupts: word == Word::Yes && row.after == Verdict::Ask,
        folder: kept.call.context.cwd.clone().unwrap_or_default(),
        subject: row.subject.clone(),
        at: row.at,
    }
}

/// What stood against an action when it was logged: rules, also such as are gone now, a session's history, a failure.
fn logged_floor(kept: &Kept, policy: &Policy) -> Verdict {
    let Some(logged) = &kept.logged else { return Verdict::Allow };
    let against = |code: &String| match policy.verdict_of(code) {
        Some((verdict, _)) => verdict,
        None if ["policy.", "session.", "fail_safe."].iter().any(|kind| code.starts_with(kind)) => Verdict::Ask,
        None => Verdict::Allow,
    };
    logged.codes.iter().map(against).max().unwrap_or(Verdict::Allow)
}

// ── Whether a rule does what it claims ──────────────────────────────────────────────────────────────────────────────────

/// What rules are tried on.
struct Bench<'a> {
    app: &'a Arc<App>,
    arguments: &'a SuggestArguments,
    kept: &'a [(usize, Kept)],
    evidence: &'a [Evidence],
}

/// Takes out every suggestion that is not sound, does not spare what it claims to, or lets anything else through.
fn tried(bench: &Bench<'_>, present: &str, found: &mut Found) -> anyhow::Result<()> {
    for _ in 0..MOST_ROUNDS {
        if found.suggestions.is_empty() {
            return Ok(());
        }
        let wrong = bench.wrong(present, &found.suggestions)?;
        if wrong.is_empty() {
            return Ok(());
        }
        found.suggestions.retain(|suggestion| {
            let is_wrong = wrong.contains(&suggestion.id());
            if is_wrong {
                *found.left.entry(Never::Tried).or_default() += suggestion.places.len();
            }
            !is_wrong
        });
    }
    // What is still wrong after so many rounds is not suggested.
    found.suggestions.clear();
    Ok(())
}

impl Bench<'_> {
    /// The ids of the rules that do something else than they claim.
    fn wrong(&self, present: &str, suggestions: &[Suggestion]) -> anyhow::Result<BTreeSet<String>> {
        let source = RuleSource {
            layer: Layer::User,
            name: FILE.to_owned(),
            rules: RuleText::Cedar(suggest::proposal(present, suggestions)),
        };
        let unsound = self.unsound(&source, suggestions)?;
        if !unsound.is_empty() {
            return Ok(unsound);
        }
        let book = Book::new(self.app, &self.arguments.engine, Trial::of_flags(&self.arguments.engine).with(source))?;
        let spared = self.spared(&book);
        let by_id: BTreeMap<String, &Suggestion> = suggestions.iter().map(|one| (one.id(), one)).collect();
        let is_meant = |suggestion: &Suggestion, place: &usize| {
            let narrow = self.evidence.iter().find(|one| one.place == *place).and_then(|one| one.narrow.as_ref().ok());
            narrow == Some(&suggestion.narrow)
        };
        let none = BTreeSet::new();
        let mut wrong: BTreeSet<String> = by_id
            .iter()
            .filter(|(id, suggestion)| {
                let places = spared.get(*id).unwrap_or(&none);
                !suggestion.places.is_subset(places) || !places.iter().all(|place| is_meant(suggestion, place))
            })
            .map(|(id, _)| id.clone())
            .collect();
        // What is let through and no rule of the proposal says so is nobody's claim: then none of it holds.
        if spared.keys().any(|id| !by_id.contains_key(id)) {
            wrong.extend(by_id.into_keys());
        }
        Ok(wrong)
    }

    /// Rules with which `policy check` is not content; all of them when it cannot be told which.
    fn unsound(&self, source: &RuleSource, suggestions: &[Suggestion]) -> anyhow::Result<BTreeSet<String>> {
        let Resolved { rules, policy, .. } = engine::resolve(&self.arguments.engine)?.with_rules(std::slice::from_ref(source));
        let (checked, problems) = Policy::check(&rules, &policy, normalize);
        let mut unsound = BTreeSet::new();
        for problem in problems.iter().filter(|problem| problem.at.name == source.name || problem.severity == Severity::Error) {
            let named = checked.rules().find(|rule| {
                rule.origin.name == source.name && rule.origin.line > 0 && problem.text.contains(&format!("`{}`", rule.id))
            });
            match named.filter(|rule| suggestions.iter().any(|suggestion| suggestion.id() == rule.id)) {
                Some(rule) => drop(unsound.insert(rule.id.clone())),
                None => unsound.extend(suggestions.iter().map(Suggestion::id)),
            }
        }
        Ok(unsound)
    }

    /// What is newly let through, by the rule that does it.
    fn spared(&self, book: &Book) -> BTreeMap<String, BTreeSet<usize>> {
        let mut spared: BTreeMap<String, BTreeSet<usize>> = BTreeMap::new();
        for (place, (_, kept)) in self.kept.iter().enumerate() {
            let Some(rule) = let_through(kept, book) else { continue };
            spared.entry(rule).or_default().insert(place);
        }
        spared
    }
}

/// The rule by which an action that was stopped is let through now.
fn let_through(kept: &Kept, book: &Book) -> Option<String> {
    let sides = book.of(kept.folder());
    let action = normalize(&kept.call);
    let remade = match (sides.new.begin(&kept.call, &action), &kept.scored) {
        (Begun::Settled(remade), _) => remade,
        (Begun::Open(ruling), Some(scored)) => sides.new.finish(&kept.call, &action, ruling, scored),
        (Begun::Open(_), None) => return None,
    };
    let rule = remade.rules.first().map(|code| code.trim_start_matches("policy.").to_owned()).unwrap_or_default();
    let remade = sides.new.beside(remade, kept.logged.as_ref(), book.reviewing);
    (remade.verdict == Verdict::Allow && kept.remade.verdict > Verdict::Allow).then_some(rule)
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
