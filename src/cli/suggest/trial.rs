//! Rules tried on the whole past, before anybody is shown them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::super::args::SuggestArguments;
use super::super::engine;
use super::super::replay::{Book, Kept, Trial};
use super::FILE;
use crate::app::App;
use crate::config::Resolved;
use crate::normalize::normalize;
use crate::policy::{Layer, Narrow, Policy, RuleSource, RuleText, Severity};
use crate::replay::suggest::{self, Evidence, Found, Never, Suggestion};
use crate::verdict::Verdict;

/// Rounds in which rules that do not what they claim are taken out.
const MOST_ROUNDS: usize = 20;

/// What rules are tried on.
pub(super) struct Bench<'a> {
    pub(super) app: &'a Arc<App>,
    pub(super) arguments: &'a SuggestArguments,
    /// The actions that rules could let through.
    pub(super) kept: &'a [(usize, Kept)],
    /// What each of them says.
    pub(super) evidence: &'a [Evidence],
}

/// Takes out every suggestion that is not sound, does not spare what it claims to, or lets anything else through.
pub(super) fn tried(bench: &Bench<'_>, present: &str, found: &mut Found) -> anyhow::Result<()> {
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
        let meant: BTreeMap<usize, &Narrow> =
            self.evidence.iter().filter_map(|one| Some((one.place, one.narrow.as_ref().ok()?))).collect();
        let is_meant = |suggestion: &Suggestion, place: &usize| meant.get(place) == Some(&&suggestion.narrow);
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
        let Resolved { rules, policy, .. } =
            engine::resolve(&self.arguments.engine)?.with_rules(std::slice::from_ref(source));
        let (checked, problems) = Policy::check(&rules, &policy, normalize);
        let mut unsound = BTreeSet::new();
        for problem in
            problems.iter().filter(|problem| problem.at.name == source.name || problem.severity == Severity::Error)
        {
            let named = checked.rules().find(|rule| {
                rule.origin.name == source.name
                    && rule.origin.line > 0
                    && problem.text.contains(&format!("`{}`", rule.id))
            });
            match named {
                Some(rule) if suggestions.iter().any(|suggestion| suggestion.id() == rule.id) => {
                    unsound.insert(rule.id.clone());
                }
                // What looks wrong with a rule that stands there already is its owner's.
                Some(_) if problem.severity == Severity::Warning => {}
                _ => unsound.extend(suggestions.iter().map(Suggestion::id)),
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
    let begun = sides.new.begin(&kept.call, &action);
    let remade = sides.new.end(&kept.call, &action, begun, kept.scored.as_ref())?;
    let rule = remade.rules.first().map(|code| code.trim_start_matches("policy.").to_owned()).unwrap_or_default();
    let remade = sides.new.beside(remade, kept.logged.as_ref(), book.reviewing);
    (remade.verdict == Verdict::Allow && kept.remade.verdict > Verdict::Allow).then_some(rule)
}
