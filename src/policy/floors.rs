//! What no rule of anybody may loosen, in native code: what was not understood is asked about, and an agent does not change
//! the gate that judges it.
//!
//! These few stay out of Cedar so that they hold when no rule file can be read, and cost nothing.

use std::ops::Range;

use super::PolicyMatch;
use crate::action::{Action, Effect, Fact, Gap, PathScope, Scope, Unit};
use crate::verdict::{Reason, Verdict};

/// One floor: a condition and the least strict verdict that an action which meets it may get.
#[derive(Debug, Clone, Copy)]
pub(super) struct Floor {
    pub(super) code: &'static str,
    pub(super) verdict: Verdict,
    pub(super) justification: &'static str,
    condition: fn(&Action) -> Option<Hit>,
}

/// Where a condition was met.
type Hit = Option<Range<usize>>;

/// An action of which the model saw only a part.
const TOO_LARGE: Floor = Floor {
    code: "policy.truncated",
    verdict: Verdict::Ask,
    justification: "too large to be judged whole",
    condition: |action| gap(action, Gap::Truncated),
};

/// All floors.
pub(super) const FLOORS: [Floor; 5] = [
    TOO_LARGE,
    Floor {
        code: "policy.unparsed",
        verdict: Verdict::Ask,
        justification: "does not parse, so what it would do is not known",
        condition: |action| gap(action, Gap::Unparsed),
    },
    Floor {
        code: "policy.opaque",
        verdict: Verdict::Ask,
        justification: "runs an encoded part that could not be opened",
        condition: |action| gap(action, Gap::Opaque),
    },
    Floor {
        code: "policy.gate",
        verdict: Verdict::Deny,
        justification: "changes this gate, its settings or its log: only a person does that, outside the agent",
        condition: |action| changes(action, PathScope::RiskgateConfig),
    },
    Floor {
        code: "policy.agent",
        verdict: Verdict::Ask,
        justification: "changes the settings of a coding agent",
        condition: |action| changes(action, PathScope::AgentConfig),
    },
];

impl Floor {
    fn matched(&self, span: Hit) -> PolicyMatch {
        let reason = Reason { code: self.code.into(), text: self.justification.to_owned(), span };
        PolicyMatch { floor: self.verdict, reason, lasting: true }
    }
}

/// The match of an action of which the model saw only a part.
pub(super) fn too_large() -> PolicyMatch {
    TOO_LARGE.matched(None)
}

/// Every floor that the action meets.
pub(super) fn matches(action: &Action) -> impl Iterator<Item = PolicyMatch> {
    FLOORS.iter().filter_map(|floor| (floor.condition)(action).map(|hit| floor.matched(hit)))
}

fn gap(action: &Action, gap: Gap) -> Option<Hit> {
    if action.gaps.contains(gap) {
        return Some(None);
    }
    action.units.iter().find(|unit| unit.gaps.contains(gap)).map(|unit| Some(unit.span.clone()))
}

fn changes(action: &Action, scope: PathScope) -> Option<Hit> {
    let changed = |(_, effect): &(&Unit, &Effect)| {
        matches!(effect.fact, Fact::Write | Fact::Delete | Fact::Configure | Fact::Grant)
            && effect.target.as_ref().is_some_and(|target| target.scope == Scope::Path(scope))
    };
    action.effects().find(changed).map(|(unit, _)| Some(unit.span.clone()))
}
