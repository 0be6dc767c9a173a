//! One rule: what its annotations say, and where it came from.

use std::fmt;

use cedar_policy::{Effect, Policy};
use strum::{EnumIter, EnumString, IntoStaticStr};

use super::problem::{Position, Problem};
use crate::verdict::Verdict;

/// Whose rules these are, weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, EnumIter, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum Layer {
    /// Shipped with riskgate.
    BuiltIn,
    /// The user's.
    User,
    /// A project's: it may only tighten.
    Project,
    /// The machine's administrator's.
    Managed,
}

impl fmt::Display for Layer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::BuiltIn => "built in",
            Self::User => "user",
            Self::Project => "project",
            Self::Managed => "managed",
        })
    }
}

/// Where a rule stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// Whose it is.
    pub layer: Layer,
    /// The file, or what stands for one.
    pub name: String,
    /// The line in it, from 1; 0 where there are no lines.
    pub line: usize,
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(formatter, "{}", self.name),
            line => write!(formatter, "{}:{line}", self.name),
        }
    }
}

/// When a rule is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EnumString, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum Stage {
    /// Before the model, on facts alone.
    Before,
    /// After it, on facts and scores.
    After,
}

/// What `policy show` and messages say of a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Its id, unique among all rules in force.
    pub id: String,
    /// What it answers when it matches.
    pub verdict: Verdict,
    /// When it is asked.
    pub stage: Stage,
    /// Why it exists, for a person.
    pub reason: String,
    /// What the agent should do instead.
    pub agent: Option<String>,
    /// Where it stands.
    pub origin: Origin,
    /// Actions that it must match, one a line: a shell command, or a record in JSON.
    pub matching: Vec<String>,
    /// Actions that it must not match.
    pub not_matching: Vec<String>,
    /// Its text.
    pub text: String,
}

/// The annotations that mean something.
const ANNOTATIONS: [&str; 7] = ["id", "verdict", "stage", "reason", "agent", "match", "not_match"];

impl Rule {
    /// Reads the annotations of a policy.
    pub(super) fn new(policy: &Policy, origin: Origin, fallback_id: String) -> (Self, Vec<Problem>) {
        let mut problems = Vec::new();
        let at = Position { name: origin.name.clone(), line: origin.line, column: 0 };
        let mut report = |text: String, hint: &str| problems.push(Problem::error(at.clone(), text).hint(hint));
        for (name, _) in policy.annotations() {
            if !ANNOTATIONS.contains(&name) {
                report(format!("unknown annotation `@{name}`"), &format!("one of: {}", ANNOTATIONS.join(", ")));
            }
        }
        let id = policy.annotation("id").map_or(fallback_id, str::to_owned);
        if !is_id(&id) {
            report(format!("`{id}` is no id"), "letters, digits, `-`, `_`, `.`, `/` and `:`; at most 80");
        }
        let verdict = verdict(policy).unwrap_or_else(|(text, hint)| {
            report(text, hint);
            Verdict::Deny
        });
        let stage = policy.annotation("stage").map_or(Ok(Stage::Before), str::parse).unwrap_or_else(|_| {
            report("`@stage` is \"before\" or \"after\"".to_owned(), "\"before\" is the default");
            Stage::Before
        });
        let (matching, not_matching) = (lines(policy, "match"), lines(policy, "not_match"));
        if stage == Stage::After && !(matching.is_empty() && not_matching.is_empty()) {
            report(
                "a rule after the model has no examples: their scores are not known".to_owned(),
                "put them in a file for `riskgate policy test`, with the assessment",
            );
        }
        let reason = policy.annotation("reason").map_or_else(|| format!("matches the rule `{id}`"), str::to_owned);
        let agent = policy.annotation("agent").map(str::to_owned);
        let text = policy.to_cedar().unwrap_or_default();
        (Self { id, verdict, stage, reason, agent, origin, matching, not_matching, text }, problems)
    }

    /// The code under which its matches are recorded.
    pub(super) fn code(&self) -> String {
        format!("policy.{}", self.id)
    }

    /// What a match says.
    pub(super) fn message(&self) -> String {
        match &self.agent {
            Some(agent) => format!("{}; {agent}", self.reason),
            None => self.reason.clone(),
        }
    }
}

fn is_id(id: &str) -> bool {
    let sound = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/' | ':');
    !id.is_empty() && id.len() <= 80 && id.chars().all(sound)
}

/// `permit` allows; `forbid` denies, or asks when `@verdict("ask")` says so.
fn verdict(policy: &Policy) -> Result<Verdict, (String, &'static str)> {
    let named = policy.annotation("verdict");
    match (policy.effect(), named) {
        (Effect::Permit, None | Some("allow")) => Ok(Verdict::Allow),
        (Effect::Forbid, None | Some("deny")) => Ok(Verdict::Deny),
        (Effect::Forbid, Some("ask")) => Ok(Verdict::Ask),
        (Effect::Permit, Some(other)) => {
            Err((format!("a `permit` cannot have the verdict `{other}`"), "write `forbid` for \"ask\" and \"deny\""))
        }
        (Effect::Forbid, Some(other)) => Err((
            format!("a `forbid` cannot have the verdict `{other}`"),
            "\"ask\" or \"deny\"; write `permit` for \"allow\"",
        )),
    }
}

fn lines(policy: &Policy, annotation: &str) -> Vec<String> {
    let text = policy.annotation(annotation).unwrap_or_default();
    text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect()
}
