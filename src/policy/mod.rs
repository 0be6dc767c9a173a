//! Rules above the model: an action in, the floors that it may not fall under out, and whether a rule settles it as allowed.
//!
//! Two kinds of rules. [`floors`] are few, native and nobody's to change: what was not understood is asked about, and an agent
//! does not change the gate that judges it. All others are written in Cedar: those that riskgate ships, the user's, a
//! project's (which may only tighten) and the administrator's. They are asked before the model, on facts alone, or after it,
//! with its scores.
//!
//! What forbids beats what permits, whoever wrote it. What permits settles an action only when it covers all of it, nothing of
//! it is beyond understanding and no floor is met.

mod ask;
mod examples;
mod floors;
mod glob;
mod import;
mod lint;
mod load;
mod narrow;
mod need;
mod parts;
mod problem;
mod rule;

#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

use ask::{Answer, Asker, Care, Told};
pub use import::Lists;
use load::Loaded;
pub use load::{RuleSource, RuleText, schema_text, shipped};
pub use narrow::{Narrow, TooWide};
use parts::{Allowable, Need, Parts};
pub use problem::{Position, Problem, Severity};
pub use rule::{Layer, Origin, Rule, Stage};

use crate::action::{Action, ToolCall};
use crate::assessment::Assessment;
use crate::sha256::Sha256;
use crate::verdict::{Reason, Verdict, Zone};

/// A set of rules.
#[derive(Clone)]
pub struct Policy {
    name: &'static str,
    identity: String,
    mode: String,
    loaded: Arc<Vec<Loaded>>,
    asker: Arc<Asker>,
    globs: Arc<glob::Globs>,
    pure: bool,
}

impl fmt::Debug for Policy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Policy").field("identity", &self.identity).finish_non_exhaustive()
    }
}

/// A rule that an action meets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyMatch {
    /// The least strict verdict.
    pub floor: Verdict,
    /// Which rule, and why it exists.
    pub reason: Reason,
    /// Whether not even a grant for this one action lifts it: floors, and the administrator's rules.
    pub lasting: bool,
}

/// What the rules say of an action.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Ruling {
    /// Every rule that asks or denies.
    pub floors: Vec<PolicyMatch>,
    /// The rule that settles it as allowed; none where any rule asks or denies.
    pub allowed: Option<Reason>,
    /// What was asked before the model, for the rules that are asked after it.
    asked: Option<(Parts, Vec<Answer>)>,
}

impl Ruling {
    /// The strictest verdict that a rule asks for.
    pub fn floor(&self) -> Verdict {
        self.floors.iter().map(|found| found.floor).max().unwrap_or(Verdict::Allow)
    }
}

/// What is wrong with the rules; never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyError(pub Vec<Problem>);

impl fmt::Display for PolicyError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let texts: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        formatter.write_str(&texts.join("\n"))
    }
}

impl std::error::Error for PolicyError {}

/// How a set of rules is put together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PolicyOptions {
    /// Ids of shipped rules that are off.
    pub disabled: Vec<String>,
    /// The mode that rules are told.
    pub mode: String,
}

/// From a call to its canonical form: what examples are checked with.
pub type Normalize = fn(&ToolCall) -> Action;

impl Policy {
    /// The match of an action of which the model saw only a part.
    pub fn too_large() -> PolicyMatch {
        floors::too_large()
    }

    /// The rules that hold when nobody configured any.
    ///
    /// # Panics
    ///
    /// Never: the shipped rules are checked by tests.
    pub fn built_in() -> Self {
        let (policy, _) = Self::assemble(&[shipped()], &PolicyOptions::default());
        policy
    }

    /// Rules from these sources, checked: the schema's types for all but the shipped ones, which tests check.
    pub fn load(sources: &[RuleSource], options: &PolicyOptions) -> Result<Self, PolicyError> {
        let (policy, mut problems) = Self::assemble(sources, options);
        let foreign = |loaded: &Loaded| loaded.rule.origin.layer != Layer::BuiltIn;
        if policy.loaded.iter().any(foreign) {
            problems.extend(load::validate(&policy.loaded, sources));
        }
        problems.retain(|problem| problem.severity == Severity::Error);
        if problems.is_empty() { Ok(policy) } else { Err(PolicyError(problems)) }
    }

    /// Everything that is wrong or looks wrong: also with examples, and rules that can never matter.
    pub fn check(sources: &[RuleSource], options: &PolicyOptions, normalize: Normalize) -> (Self, Vec<Problem>) {
        let (policy, mut problems) = Self::assemble(sources, options);
        problems.extend(load::validate(&policy.loaded, sources));
        if problems.iter().all(|problem| problem.severity < Severity::Error) {
            problems.extend(policy.check_examples(normalize, |_| true));
            problems.extend(lint::lint(&policy.loaded));
        }
        problems.sort_by(|a, b| (&a.at.name, a.at.line, a.at.column).cmp(&(&b.at.name, b.at.line, b.at.column)));
        problems.dedup();
        (policy, problems)
    }

    /// The examples of the rules that `wanted` names which do not do what they say.
    pub fn check_examples(&self, normalize: Normalize, wanted: impl Fn(&Rule) -> bool) -> Vec<Problem> {
        examples::check(&self.loaded, normalize, wanted)
    }

    fn assemble(sources: &[RuleSource], options: &PolicyOptions) -> (Self, Vec<Problem>) {
        let (loaded, mut problems) = load::load(sources, &options.disabled);
        let policy = Self::of(loaded, options.mode.clone()).unwrap_or_else(|error| {
            problems.push(Problem::error(Position::default(), error));
            Self::floors_alone()
        });
        (policy, problems)
    }

    fn of(loaded: Vec<Loaded>, mode: String) -> Result<Self, String> {
        let loaded = Arc::new(loaded);
        let texts = || loaded.iter().map(|loaded| loaded.rule.text.as_str());
        let globs = Arc::new(glob::Globs::new(texts().flat_map(globs_in)));
        let pure = !texts().any(|text| uses_principal(text) || uses_git(text));
        let asker = Arc::new(Asker::new(Arc::clone(&loaded))?);
        let is_default = loaded.iter().all(|loaded| loaded.rule.origin.layer == Layer::BuiltIn);
        let name = if is_default { "default" } else { "custom" };
        Ok(Self { name, identity: identity(name, &loaded), mode, loaded, asker, globs, pure })
    }

    /// The same rules, each asked of Cedar for every part.
    #[cfg(test)]
    fn asking_everything(&self) -> Self {
        let asker = Asker::new(Arc::clone(&self.loaded)).unwrap().asking_everything();
        Self { asker: Arc::new(asker), ..self.clone() }
    }

    fn floors_alone() -> Self {
        #[expect(clippy::expect_used, reason = "an empty list of rules cannot contradict itself; tests make one")]
        Self::of(Vec::new(), String::new()).expect("no rules")
    }

    /// The name under which decisions are recorded.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// `name@sha256:` and the first twelve hex digits of the SHA-256 over the floors and the rules.
    pub fn identity(&self) -> String {
        self.identity.clone()
    }

    /// The rules in force beside the floors.
    pub fn rules(&self) -> impl Iterator<Item = &Rule> {
        self.loaded.iter().map(|loaded| &loaded.rule)
    }

    /// The floors: code, verdict and why.
    pub fn floors() -> impl Iterator<Item = (&'static str, Verdict, &'static str)> {
        floors::FLOORS.iter().map(|floor| (floor.code, floor.verdict, floor.justification))
    }

    /// Whether what the rules say depends on the action, its folders and the harness alone, not on who acts or on the state
    /// of the repository.
    pub fn is_pure(&self) -> bool {
        self.pure
    }

    /// Whether a rule looks at the repository.
    pub fn asks_for_git(&self) -> bool {
        self.loaded.iter().any(|loaded| uses_git(&loaded.rule.text))
    }

    /// Whether a rule looks at the model's answer.
    pub fn looks_at_scores(&self) -> bool {
        self.rules().any(|rule| rule.stage == Stage::After)
    }

    /// What a floor or a rule answers by the code under which its matches are recorded, and whether no grant lifts that; `None`
    /// when there is no such rule.
    pub fn verdict_of(&self, code: &str) -> Option<(Verdict, bool)> {
        let id = code.strip_prefix("policy.")?;
        let floor = floors::FLOORS.iter().find(|floor| floor.code == code).map(|floor| (floor.verdict, true));
        let broken = || matches!(id, "failed" | "internal").then_some((Verdict::Deny, true));
        let rule = || self.rules().find(|rule| rule.id == id);
        floor.or_else(broken).or_else(|| rule().map(|rule| (rule.verdict, rule.origin.layer == Layer::Managed)))
    }

    /// The narrowest rule that would settle an action as allowed, or why there is none that is narrow enough.
    pub fn narrowest(&self, call: &ToolCall, action: &Action) -> Result<Narrow, TooWide> {
        narrow::of(call, parts::of(call, action, &self.globs).ok_or(TooWide::Tool)?)
    }

    /// What floors and rules say before the model has run.
    pub fn before(&self, call: &ToolCall, action: &Action) -> Ruling {
        let mut ruling = Ruling { floors: floors::matches(action).collect(), ..Ruling::default() };
        let Some(parts) = parts::of(call, action, &self.globs) else { return ruling };
        match self.asker.ask(Stage::Before, &parts, self.told(call, None), Care::Outcome) {
            Ok(answers) => {
                self.conclude(&parts, &answers, &mut ruling);
                ruling.asked = Some((parts, answers));
            }
            Err(error) => ruling.floors.push(unasked(&error)),
        }
        ruling
    }

    /// The same with what rules say that know the model's answer.
    pub fn after(&self, call: &ToolCall, mut ruling: Ruling, assessment: &Assessment, zone: Zone) -> Ruling {
        let Some((parts, mut answers)) = ruling.asked.take() else { return ruling };
        if !self.asker.concerns(Stage::After, &parts) {
            return ruling;
        }
        match self.asker.ask(Stage::After, &parts, self.told(call, Some((assessment, zone))), Care::Outcome) {
            Ok(more) => {
                self.conclude(&parts, &more, &mut ruling);
                // A permit of either stage covers a part.
                answers.iter_mut().zip(more).for_each(|(answer, more)| answer.permitting.extend(more.permitting));
                ruling.allowed = None;
                self.settle(&parts, &answers, &mut ruling);
            }
            Err(error) => ruling.floors.push(unasked(&error)),
        }
        ruling
    }

    fn told<'a>(&'a self, call: &'a ToolCall, judged: Option<(&'a Assessment, Zone)>) -> Told<'a> {
        Told { call, mode: &self.mode, judged }
    }

    fn conclude(&self, parts: &Parts, answers: &[Answer], ruling: &mut Ruling) {
        let mut met: Vec<usize> = Vec::new();
        for (part, answer) in parts.list.iter().zip(answers) {
            for index in &answer.forbidding {
                let Some(Loaded { rule, .. }) = self.loaded.get(*index).filter(|_| !met.contains(index)) else {
                    continue;
                };
                met.push(*index);
                let reason = Reason { code: rule.code().into(), text: rule.message(), span: part.span.clone() };
                let lasting = rule.origin.layer == Layer::Managed;
                ruling.floors.push(PolicyMatch { floor: rule.verdict, reason, lasting });
            }
            for (index, error) in &answer.failed {
                let id = self.loaded.get(*index).map_or("", |loaded| loaded.rule.id.as_str());
                ruling
                    .floors
                    .push(failure("policy.failed", format!("the rule `{id}` could not be evaluated: {error}")));
            }
        }
        self.settle(parts, answers, ruling);
    }

    fn settle(&self, parts: &Parts, answers: &[Answer], ruling: &mut Ruling) {
        let permit = if ruling.floors.is_empty() { self.permit(parts, answers) } else { None };
        ruling.allowed = permit.map(|rule| Reason::new(rule.code(), rule.message()));
    }

    /// The rule that settles an action as allowed: one that permits the tool, or the first of those that cover every part.
    fn permit(&self, parts: &Parts, answers: &[Answer]) -> Option<&Rule> {
        let rule = |answer: &Answer| answer.permitting.first().and_then(|index| self.loaded.get(*index));
        let of_tool = answers.first().and_then(rule).filter(|_| parts.allowable != Allowable::No);
        let of_parts = || {
            let covered =
                |(part, answer): (&parts::Part, &Answer)| part.need != Need::Permit || !answer.permitting.is_empty();
            let all = parts.allowable == Allowable::ByParts && parts.list.iter().zip(answers).all(covered);
            let named = parts.list.iter().zip(answers).filter(|(part, _)| part.need != Need::Covered);
            all.then(|| named.filter_map(|(_, answer)| rule(answer)).next()).flatten()
        };
        of_tool.or_else(of_parts).map(|loaded| &loaded.rule)
    }

    /// What is asked about an action, part by part, and what the rules answer: for people who wonder.
    pub fn explain(&self, call: &ToolCall, action: &Action) -> Vec<Explained> {
        let Some(parts) = parts::of(call, action, &self.globs) else { return Vec::new() };
        let answers =
            self.asker.ask(Stage::Before, &parts, self.told(call, None), Care::Everything).unwrap_or_default();
        let id = |index: &usize| self.loaded.get(*index).map(|loaded| loaded.rule.id.clone());
        let explain = |(part, answer): (&parts::Part, Answer)| Explained {
            part: part.title(),
            attributes: part.attributes.iter().map(|(name, value)| ((*name).to_owned(), shown(value))).collect(),
            forbidding: answer.forbidding.iter().filter_map(id).collect(),
            permitting: answer.permitting.iter().filter_map(id).collect(),
            needs_permit: part.need == Need::Permit && parts.allowable == Allowable::ByParts,
        };
        parts.list.iter().zip(answers).map(explain).collect()
    }
}

/// One part of an action, and what the rules say of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explained {
    /// What it is.
    pub part: String,
    /// What rules can ask about it.
    pub attributes: Vec<(String, String)>,
    /// The ids of rules that ask or deny.
    pub forbidding: Vec<String>,
    /// The ids of rules that permit it.
    pub permitting: Vec<String>,
    /// Whether the action is allowed by rules only when one permits this part.
    pub needs_permit: bool,
}

fn shown(value: &parts::Value) -> String {
    match value {
        parts::Value::Text(text) => text.clone(),
        parts::Value::Words(words) => format!("[{}]", words.join(", ")),
        parts::Value::Flag(flag) => flag.to_string(),
    }
}

/// Rules that cannot be asked count as one that denies.
fn unasked(error: &str) -> PolicyMatch {
    failure("policy.internal", format!("rules could not be asked: {error}"))
}

/// A rule that cannot be evaluated counts as one that denies.
fn failure(code: &'static str, text: String) -> PolicyMatch {
    PolicyMatch { floor: Verdict::Deny, reason: Reason::new(code, text), lasting: true }
}

/// Whether a rule looks at who acts: beyond the bare word that every scope begins with.
fn uses_principal(text: &str) -> bool {
    let text = without_space(text);
    text.matches("principal").count() > text.matches("(principal,").count()
}

/// Whether a rule looks at the repository, in any spelling that Cedar has for it.
fn uses_git(text: &str) -> bool {
    let text = without_space(text);
    ["context.git", "hasgit", "\"git\"]"].iter().any(|word| text.contains(word))
}

fn without_space(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_whitespace()).collect()
}

/// Every string of a rule that looks at `matches`: some are globs, and one too many does no harm.
fn globs_in(text: &str) -> Vec<String> {
    if !text.contains("matches") {
        return Vec::new();
    }
    strings_in(text).into_iter().filter(|string| !string.is_empty() && !string.contains('\n')).collect()
}

/// Cedar's string literals in a text.
fn strings_in(text: &str) -> Vec<String> {
    let (mut strings, mut current, mut letters) = (Vec::new(), None::<String>, text.chars());
    while let Some(letter) = letters.next() {
        match (&mut current, letter) {
            (None, '"') => current = Some(String::new()),
            (None, _) => {}
            (Some(_), '"') => strings.extend(current.take()),
            (Some(string), '\\') => string.extend(letters.next()),
            (Some(string), letter) => string.push(letter),
        }
    }
    strings
}

fn identity(name: &str, loaded: &[Loaded]) -> String {
    let mut hash = Sha256::new();
    for (code, verdict, _) in Policy::floors() {
        hash.update(format!("{code} {}\n", <&str>::from(verdict)));
    }
    for Loaded { rule, .. } in loaded {
        hash.update(format!("{} {} {}\n", rule.id, <&str>::from(rule.origin.layer), rule.text.len()));
        hash.update(&rule.text);
    }
    let digits: String = hex::encode(hash.finalize()).chars().take(12).collect();
    format!("{name}@sha256:{digits}")
}
