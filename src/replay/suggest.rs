//! Which questions were asked over and over and answered yes each time, and the narrow rules that would have spared them.
//!
//! One thing that speaks against a rule is enough: a single refusal, a danger that the model sees, a floor, a gap, a secret that
//! was masked. What is not known to have run after a question counts as refused.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::has_deny_level;
use crate::assessment::Assessment;
use crate::policy::{Narrow, TooWide};
use crate::verdict::{Verdict, Zone};

/// Probability from which an effect counts as one that the action has: what `score` shows a person of it.
const HAS_EFFECT: f32 = 0.3;
/// `P(deny)` from which the model sees a danger, likewise.
const DANGER: f32 = 0.3;
/// `P(injection)` from which a text may try to instruct an agent: the least that a record names.
const INJECTION: f32 = 0.05;
/// Most rules of one proposal: more is read by nobody.
pub const MOST: usize = 40;
/// Lines around a change in a diff.
const CONTEXT: usize = 3;

/// Why no rule is suggested for an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
pub enum Never {
    /// It was refused, denied, or is not known to have run.
    #[error("refused, or not known to have run, at least once")]
    Refused,
    /// The model finds an effect likely for which the rubric wants a denial.
    #[error("may destroy data, leak it, touch credentials or weaken protection")]
    DenyLevel,
    /// The model finds danger likely.
    #[error("the model sees a danger")]
    Danger,
    /// A rule or a floor asks about it, and what forbids beats what permits.
    #[error("a rule or a floor asks about it")]
    Floor,
    /// It may carry instructions to an agent.
    #[error("may carry instructions to an agent")]
    Injection,
    /// Not all of it was seen.
    #[error("not all of it was seen by the model, or its text was not kept whole")]
    Incomplete,
    /// No rule is narrow enough.
    #[error("{0}")]
    TooWide(TooWide),
    /// The rule did something else in the history, or could not be used.
    #[error("the rule did not do what it should when it was tried on the past")]
    Tried,
}

/// What is known of an action that was asked about.
#[derive(Debug, Clone, Copy)]
pub struct Judged<'a> {
    /// The scores; `None` when no model scored it.
    pub assessment: Option<&'a Assessment>,
    /// Whether the model saw only a part, or the text was not kept whole.
    pub incomplete: bool,
    /// The model's zone.
    pub zone: Option<Zone>,
    /// The least strict verdict that rules leave, and that they left when it was logged.
    pub floor: Verdict,
    /// Whether it ran after a question.
    pub approved: bool,
}

/// What speaks against a rule for an action, whatever a rule could name.
pub fn never(judged: &Judged<'_>) -> Option<Never> {
    if !judged.approved {
        return Some(Never::Refused);
    }
    if judged.floor > Verdict::Allow {
        return Some(Never::Floor);
    }
    let Some(assessment) = judged.assessment.filter(|_| !judged.incomplete) else { return Some(Never::Incomplete) };
    if has_deny_level(assessment, HAS_EFFECT) {
        return Some(Never::DenyLevel);
    }
    if judged.zone != Some(Zone::Uncertain) || assessment.risk.deny.get() >= DANGER {
        return Some(Never::Danger);
    }
    (assessment.injection.get() >= INJECTION).then_some(Never::Injection)
}

/// An action that speaks for a rule or against it.
#[derive(Debug, Clone, PartialEq)]
pub struct Evidence {
    /// Its place among the actions that were kept for a trial.
    pub place: usize,
    /// The rule, or why there is none.
    pub narrow: Result<Narrow, TooWide>,
    /// What speaks against any rule.
    pub never: Option<Never>,
    /// Whether a person was asked about it under the present settings: only these are spared anything.
    pub interrupts: bool,
    /// The folder in which it ran.
    pub folder: String,
    /// The action in short.
    pub subject: String,
    /// When, in seconds since 1970.
    pub at: Option<i64>,
}

/// A rule that would have spared a person questions.
#[derive(Debug, Clone, PartialEq)]
pub struct Suggestion {
    /// What it permits.
    pub narrow: Narrow,
    /// In which folders.
    pub folders: BTreeSet<String>,
    /// The actions that it would have settled, by their places.
    pub places: BTreeSet<usize>,
    /// The action in short.
    pub subject: String,
    /// The first and the last time, in seconds since 1970.
    pub span: Option<(i64, i64)>,
}

/// What is suggested, and how many questions are left for which reason.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Found {
    /// Those that spare most first.
    pub suggestions: Vec<Suggestion>,
    /// Questions about actions for which no rule is suggested, by why.
    pub left: BTreeMap<Never, usize>,
    /// Questions about actions that were asked about less often than wanted.
    pub rare: usize,
}

/// All that speaks for one rule, and the first thing against it.
#[derive(Default)]
struct Heap<'a> {
    for_it: Vec<&'a Evidence>,
    against: Option<Never>,
}

/// The rules that would have spared at least `least` questions each.
pub fn find(evidence: &[Evidence], least: usize) -> Found {
    let mut found = Found::default();
    let mut heaps: BTreeMap<&Narrow, Heap<'_>> = BTreeMap::new();
    for one in evidence {
        match &one.narrow {
            Ok(narrow) => {
                let heap = heaps.entry(narrow).or_default();
                heap.against = heap.against.or(one.never);
                heap.for_it.extend(one.interrupts.then_some(one));
            }
            Err(why) if one.interrupts => {
                *found.left.entry(one.never.unwrap_or(Never::TooWide(*why))).or_default() += 1;
            }
            Err(_) => {}
        }
    }
    for (narrow, heap) in heaps {
        match heap.against {
            Some(never) if !heap.for_it.is_empty() => *found.left.entry(never).or_default() += heap.for_it.len(),
            Some(_) => {}
            None if heap.for_it.len() < least.max(1) => found.rare += heap.for_it.len(),
            None => found.suggestions.extend(suggestion(narrow, &heap.for_it)),
        }
    }
    found.suggestions.sort_by_key(|suggestion| std::cmp::Reverse(suggestion.places.len()));
    found.suggestions.truncate(MOST);
    found
}

fn suggestion(narrow: &Narrow, for_it: &[&Evidence]) -> Option<Suggestion> {
    let times = || for_it.iter().filter_map(|one| one.at);
    Some(Suggestion {
        narrow: narrow.clone(),
        folders: for_it.iter().map(|one| one.folder.clone()).collect(),
        places: for_it.iter().map(|one| one.place).collect(),
        subject: for_it.first()?.subject.clone(),
        span: times().min().zip(times().max()),
    })
}

impl Suggestion {
    /// The rule's id.
    pub fn id(&self) -> String {
        self.narrow.id(&self.folders())
    }

    fn folders(&self) -> Vec<&str> {
        self.folders.iter().map(String::as_str).collect()
    }

    /// The rule in Cedar, with what speaks for it as comments.
    pub fn text(&self) -> String {
        let n = self.places.len();
        let mut text = String::new();
        let when = match self.span {
            Some((first, last)) if day(first) == day(last) => format!(", on {}", day(first)),
            Some((first, last)) => format!(", from {} to {}", day(first), day(last)),
            None => String::new(),
        };
        // Writing to a string does not fail.
        let _ = writeln!(text, "// Asked about {n} times, and it ran each time{when}.");
        let _ = writeln!(text, "//   {}", in_a_line(&self.subject));
        text + &self.narrow.cedar(&self.folders(), &format!("asked about {n} times, and it ran each time"))
    }
}

/// What would stand in a rule file with these rules after what stands in it now.
pub fn proposal(present: &str, suggestions: &[Suggestion]) -> String {
    let mut text = present.to_owned();
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    for suggestion in suggestions {
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(&suggestion.text());
    }
    text
}

/// A unified diff from a text to the same text with more at its end: all that a proposal ever does.
pub fn diff(name: &str, present: &str, proposed: &str) -> String {
    let (old, new): (Vec<&str>, Vec<&str>) = (present.lines().collect(), proposed.lines().collect());
    let before = old.len().saturating_sub(CONTEXT);
    let context = old.get(before..).unwrap_or_default();
    let added = new.get(old.len()..).unwrap_or_default();
    let from = if old.is_empty() { "/dev/null" } else { name };
    let start = |lines: usize| if lines == 0 { 0 } else { before + 1 };
    let mut text = format!(
        "--- {from}\n+++ {name}\n@@ -{},{} +{},{} @@\n",
        start(context.len()),
        context.len(),
        start(context.len() + added.len()),
        context.len() + added.len()
    );
    context.iter().for_each(|line| {
        let _ = writeln!(text, " {line}");
    });
    added.iter().for_each(|line| {
        let _ = writeln!(text, "+{line}");
    });
    text
}

/// A comment ends where its line ends.
fn in_a_line(text: &str) -> String {
    let breaks = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
    text.chars().map(|c| if breaks(c) { ' ' } else { c }).collect()
}

/// The day, by UTC, as people write it.
fn day(at: i64) -> String {
    jiff::Timestamp::from_second(at).map_or_else(|_| String::new(), |time| time.to_string().chars().take(10).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action::{Context, ToolCall};
    use crate::assessment::{N_EFFECTS, Probability, Risk, SideEffect};
    use crate::normalize::normalize;
    use crate::policy::Policy;
    use crate::replay::DENY_LEVEL;

    fn narrow(command: &str) -> Result<Narrow, TooWide> {
        let input = serde_json::Map::from_iter([("command".to_owned(), command.into())]);
        let context =
            Context { cwd: Some("/w/app".to_owned()), workspace: Some("/w/app".to_owned()), ..Context::default() };
        let call = ToolCall { tool: "Bash".to_owned(), input, context };
        Policy::built_in().narrowest(&call, &normalize(&call))
    }

    fn evidence(place: usize, command: &str, never: Option<Never>) -> Evidence {
        Evidence {
            place,
            narrow: narrow(command),
            never,
            interrupts: true,
            folder: "/w/app".to_owned(),
            subject: command.to_owned(),
            at: Some(1_795_864_247 + 86_400 * i64::try_from(place).unwrap()),
        }
    }

    fn calm() -> Assessment {
        let number = Probability::new;
        Assessment {
            risk: Risk { allow: number(0.6), ask: number(0.35), deny: number(0.05) },
            permission: [number(0.2); _],
            effects: [number(0.05); N_EFFECTS],
            injection: number(0.01),
            novelty: 1.0,
        }
    }

    fn judged(assessment: &Assessment) -> Judged<'_> {
        Judged {
            assessment: Some(assessment),
            incomplete: false,
            zone: Some(Zone::Uncertain),
            floor: Verdict::Allow,
            approved: true,
        }
    }

    #[test]
    fn what_was_asked_about_often_and_always_ran_is_suggested() {
        let evidence: Vec<Evidence> =
            (0..4).map(|n| evidence(n, "git fetch --all", None)).chain([evidence(9, "git pull", None)]).collect();
        let found = find(&evidence, 3);
        assert_eq!((found.suggestions.len(), found.rare), (1, 1));
        let suggestion = &found.suggestions[0];
        assert_eq!(suggestion.places, BTreeSet::from_iter(0..4));
        insta::assert_snapshot!(suggestion.text(), @r#"
        // Asked about 4 times, and it ran each time, from 2026-11-28 to 2026-12-01.
        //   git fetch --all
        @id("suggested-f84d4db6")
        @reason("asked about 4 times, and it ran each time")
        permit (principal, action == Action::"bash", resource is Command)
        when {
          resource.spelled == "git fetch --all" &&
          resource.variables.isEmpty() &&
          resource.wrappers.isEmpty() &&
          resource.layers.isEmpty() &&
          !resource.dynamic &&
          context has cwd &&
          context.cwd == "/w/app"
        };
        "#);
    }

    #[test]
    fn one_refusal_is_enough() {
        let mut evidence: Vec<Evidence> = (0..20).map(|n| evidence(n, "git fetch --all", None)).collect();
        evidence.push(Evidence { interrupts: false, ..self::evidence(20, "git fetch --all", Some(Never::Refused)) });
        let found = find(&evidence, 3);
        assert_eq!((found.suggestions.len(), found.left), (0, BTreeMap::from([(Never::Refused, 20)])));
    }

    #[test]
    fn each_effect_of_the_deny_level_forbids_a_rule() {
        assert_eq!(never(&judged(&calm())), None);
        for effect in DENY_LEVEL {
            let mut assessment = calm();
            assessment.effects[effect as usize] = Probability::new(HAS_EFFECT);
            assert_eq!(never(&judged(&assessment)), Some(Never::DenyLevel), "{effect:?}");
        }
        let mut harmless = calm();
        harmless.effects[SideEffect::ExternalChange as usize] = Probability::new(0.9);
        assert_eq!(never(&judged(&harmless)), None);
    }

    #[test]
    fn nothing_that_must_not_be_suggested_is() {
        let calm = calm();
        let ok = judged(&calm);
        assert_eq!(never(&Judged { approved: false, ..ok }), Some(Never::Refused));
        assert_eq!(never(&Judged { floor: Verdict::Ask, ..ok }), Some(Never::Floor));
        assert_eq!(never(&Judged { incomplete: true, ..ok }), Some(Never::Incomplete));
        assert_eq!(never(&Judged { assessment: None, ..ok }), Some(Never::Incomplete));
        assert_eq!(never(&Judged { zone: Some(Zone::Deny), ..ok }), Some(Never::Danger));
        let dangerous = Assessment { risk: Risk { deny: Probability::new(DANGER), ..calm.risk }, ..calm.clone() };
        assert_eq!(never(&judged(&dangerous)), Some(Never::Danger));
        let injected = Assessment { injection: Probability::new(INJECTION), ..calm.clone() };
        assert_eq!(never(&judged(&injected)), Some(Never::Injection));
        let wide: Vec<Evidence> = (0..5).map(|n| evidence(n, "git fetch && git pull", None)).collect();
        assert_eq!(find(&wide, 1).left, BTreeMap::from([(Never::TooWide(TooWide::Parts), 5)]));
    }

    #[test]
    fn a_diff_appends_and_keeps_what_is_there() {
        let suggestions = find(&[evidence(0, "git pull", None)], 1).suggestions;
        let present = "// mine\n\npermit (principal, action, resource)\nwhen { false };\n";
        let proposed = proposal(present, &suggestions);
        assert!(proposed.starts_with(present));
        let shown = diff("s.cedar", present, &proposed);
        assert!(shown.starts_with("--- s.cedar\n+++ s.cedar\n@@ -2,3 +2,"), "{shown}");
        let added = shown.lines().skip(3).filter(|line| line.starts_with('+')).count();
        assert_eq!(added, proposed.lines().count() - present.lines().count());
        let fresh = diff("s.cedar", "", &proposal("", &suggestions));
        assert!(fresh.starts_with("--- /dev/null\n+++ s.cedar\n@@ -0,0 +1,"), "{fresh}");
    }
}
