//! Rules above the model: an action in, the floors that it may not fall under out.
//!
//! The built-in policy holds what no score may loosen: what was not understood is asked about, and an agent does not
//! change the gate that judges it unseen.

use std::ops::Range;

use sha2::{Digest, Sha256};

use crate::action::{Action, Fact, Gap, PathScope, Scope, Unit};
use crate::verdict::{Reason, Verdict};

/// A set of rules.
#[derive(Debug, Clone)]
pub struct Policy {
    name: &'static str,
    rules: Vec<Rule>,
}

/// One rule: a condition and the least strict verdict that an action which meets it may get.
#[derive(Debug, Clone, Copy)]
struct Rule {
    code: &'static str,
    floor: Verdict,
    justification: &'static str,
    condition: fn(&Action) -> Option<Hit>,
}

impl Rule {
    fn matched(&self, span: Hit) -> PolicyMatch {
        PolicyMatch { floor: self.floor, reason: Reason { code: self.code, text: self.justification.to_owned(), span } }
    }
}

/// Where a condition was met.
type Hit = Option<Range<usize>>;

/// A rule that an action meets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyMatch {
    /// The least strict verdict.
    pub floor: Verdict,
    /// Which rule, and why it exists.
    pub reason: Reason,
}

impl Policy {
    const TOO_LARGE: Rule = Rule {
        code: "policy.truncated",
        floor: Verdict::Ask,
        justification: "too large to be judged whole",
        condition: |action| gap(action, Gap::Truncated),
    };

    /// The match of an action of which the model saw only a part.
    pub fn too_large() -> PolicyMatch {
        Self::TOO_LARGE.matched(None)
    }

    /// The rules that hold when nobody configured any.
    pub fn built_in() -> Self {
        let ask = |code, justification, condition| Rule { code, floor: Verdict::Ask, justification, condition };
        Self {
            name: "default",
            rules: vec![
                Self::TOO_LARGE,
                ask("policy.unparsed", "does not parse, so what it would do is not known", |action| {
                    gap(action, Gap::Unparsed)
                }),
                ask("policy.opaque", "runs an encoded part that could not be opened", |action| {
                    gap(action, Gap::Opaque)
                }),
                ask("policy.gate", "changes the settings of this gate", |action| {
                    changes(action, PathScope::RiskgateConfig)
                }),
                ask("policy.agent", "changes the settings of a coding agent", |action| {
                    changes(action, PathScope::AgentConfig)
                }),
            ],
        }
    }

    /// The name under which decisions are recorded.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// `name@sha256:` and the first twelve hex digits of the SHA-256 over the rules' codes and floors.
    pub fn identity(&self) -> String {
        let mut hash = Sha256::new();
        for rule in &self.rules {
            hash.update(format!("{} {}\n", rule.code, <&str>::from(rule.floor)));
        }
        let digits: String = hex::encode(hash.finalize()).chars().take(12).collect();
        format!("{}@sha256:{digits}", self.name)
    }

    /// Every rule that the action meets.
    pub fn matches(&self, action: &Action) -> Vec<PolicyMatch> {
        self.rules.iter().filter_map(|rule| (rule.condition)(action).map(|hit| rule.matched(hit))).collect()
    }
}

fn gap(action: &Action, gap: Gap) -> Option<Hit> {
    if action.gaps.contains(gap) {
        return Some(None);
    }
    action.units.iter().find(|unit| unit.gaps.contains(gap)).map(|unit| Some(unit.span.clone()))
}

fn changes(action: &Action, scope: PathScope) -> Option<Hit> {
    let changed = |(_, effect): &(&Unit, &crate::action::Effect)| {
        matches!(effect.fact, Fact::Write | Fact::Delete | Fact::Configure | Fact::Grant)
            && effect.target.as_ref().is_some_and(|target| target.scope == Scope::Path(scope))
    };
    action.effects().find(changed).map(|(unit, _)| Some(unit.span.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action::{Effect, Shell, Target, Tool, UnitKind};
    use enumset::EnumSet;

    fn action(change: impl FnOnce(&mut Unit)) -> Action {
        let mut unit = Unit::new(UnitKind::Command(Shell::Bash), "x", 2..5);
        change(&mut unit);
        Action { tool: Tool::Shell(Shell::Bash), request: None, units: vec![unit], gaps: EnumSet::empty() }
    }

    #[track_caller]
    fn check(action: &Action, code: &str) {
        let matches = Policy::built_in().matches(action);
        assert_eq!(matches.iter().map(|found| found.reason.code).collect::<Vec<_>>(), [code]);
        assert!(matches.iter().all(|found| found.floor == Verdict::Ask && found.reason.span == Some(2..5)));
    }

    #[test]
    fn what_was_not_understood_is_asked_about() {
        check(&action(|unit| unit.gaps |= Gap::Truncated), "policy.truncated");
        check(&action(|unit| unit.gaps |= Gap::Unparsed), "policy.unparsed");
        check(&action(|unit| unit.gaps |= Gap::Opaque), "policy.opaque");
    }

    #[test]
    fn an_agent_does_not_change_its_own_gate_unseen() {
        let write = |scope| {
            action(|unit| {
                unit.own_effects.push(Effect {
                    fact: Fact::Write,
                    modifiers: EnumSet::empty(),
                    target: Some(Target { text: "f".into(), scope: Scope::Path(scope) }),
                });
            })
        };
        check(&write(PathScope::RiskgateConfig), "policy.gate");
        check(&write(PathScope::AgentConfig), "policy.agent");
        assert!(Policy::built_in().matches(&write(PathScope::Workspace)).is_empty());
    }

    #[test]
    fn a_dynamic_part_alone_meets_no_rule() {
        assert!(Policy::built_in().matches(&action(|unit| unit.gaps |= Gap::Dynamic)).is_empty());
    }
}
