//! A decision of the past under other rules and other cuts, without a model: its scores are known.
//!
//! What follows from an action is made again. What does not, is not: a session's history, a person's word, a reviewer's answer
//! and a failure are kept as they were recorded where they still matter, and nobody is asked again. What would have to be
//! guessed is not made at all.

mod kept;

use std::borrow::Cow;

use super::fail_safe::{self, Asking};
use crate::action::{Action, Gap, Tool, ToolCall};
use crate::assessment::Assessment;
use crate::calibrate::{self, ThresholdTable, Thresholds};
use crate::policy::{Policy, Ruling};
use crate::verdict::{Decision, Source, Verdict, Zone};
pub use kept::{Hold, Logged};

/// The zone, the cuts and the rules once the scores are known.
pub(super) struct Weighed {
    pub(super) thresholds: Thresholds,
    pub(super) zone: Zone,
    pub(super) ruling: Ruling,
}

/// What the cuts and the rules after the model say of a scored action, and one more floor when not all of it was given to the
/// model. The one place that knows it: decisions are made and made again here.
pub(super) fn weigh(
    policy: &Policy,
    table: &ThresholdTable,
    (call, action): (&ToolCall, &Action),
    ruling: Ruling,
    (assessment, truncated): (&Assessment, bool),
) -> Weighed {
    let thresholds = table.of(call, action, assessment);
    let zone = zone_of(action.tool == Tool::Text, assessment, &thresholds);
    let mut ruling = policy.after(call, ruling, assessment, zone);
    if truncated && !action.all_gaps().contains(Gap::Truncated) {
        ruling.floors.push(Policy::too_large());
        ruling.allowed = None;
    }
    Weighed { thresholds, zone, ruling }
}

fn zone_of(is_text: bool, assessment: &Assessment, thresholds: &Thresholds) -> Zone {
    match is_text {
        true => calibrate::text_zone(assessment, thresholds),
        false => calibrate::zone(assessment, thresholds),
    }
}

/// What the model says of an action.
#[derive(Debug, Clone, PartialEq)]
pub struct Scored {
    /// Its beliefs.
    pub assessment: Assessment,
    /// Whether it saw only a part.
    pub truncated: bool,
}

/// A decision made again.
#[derive(Debug, Clone, PartialEq)]
pub struct Remade {
    /// The answer.
    pub verdict: Verdict,
    /// Who settled it.
    pub source: Source,
    /// The model's zone under these cuts; `None` when a rule settled it first.
    pub zone: Option<Zone>,
    /// The strictest verdict that a rule asks for.
    pub floor: Verdict,
    /// Whether a rule settles it as allowed.
    pub permitted: bool,
    /// The codes of the rules that have something to say, the one that settles it first.
    pub rules: Vec<Cow<'static, str>>,
    /// The cuts for this action; `None` when a rule settled it before the model.
    pub cuts: Option<Thresholds>,
    /// What an action in the uncertain zone comes out as, rules aside.
    pub when_uncertain: Verdict,
    /// What of the record was kept because it cannot be made again.
    pub held: Option<Hold>,
    /// Whether a reviewer, who was not asked, would have the last word.
    pub to_review: bool,
    /// Whether a rule stands against it that no grant lifts.
    lasting: bool,
}

/// Why a decision cannot be made again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum Unmade {
    /// The text was not kept and would be needed.
    #[error("its text was not kept, and the new settings would have to look at it")]
    Text,
    /// The text was kept with its secrets masked, and would have to be scored.
    #[error("its secrets were masked, and another model would have to read it")]
    Masked,
    /// What the session had written was part of it.
    #[error("it ran what its session had written, which is not kept")]
    Session,
    /// A failure decided, and nothing else is known.
    #[error("a failure decided it before it was judged")]
    Failure,
    /// The model gave no answer.
    #[error("the model gave no answer")]
    Score,
    /// A stage panicked.
    #[error("an internal error; please report it with the action")]
    Panic,
    /// The record was changed after it was written.
    #[error("its record was changed")]
    Changed,
}

/// Rules and cuts with which decisions are made again.
#[derive(Debug, Clone)]
pub struct Again {
    policy: Policy,
    identity: String,
    thresholds: ThresholdTable,
    asking: Asking,
}

/// A decision that is begun: what rules say before the model.
#[derive(Debug, Clone)]
pub enum Begun {
    /// They settle it.
    Settled(Remade),
    /// They do not: the scores are needed.
    Open(Ruling),
}

impl Again {
    /// With these rules, these cuts, and with or without a person to ask.
    pub fn new(policy: Policy, thresholds: ThresholdTable, asking: Asking) -> Self {
        Self { identity: policy.identity(), policy, thresholds, asking }
    }

    /// The rules.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The cuts where nothing else is said.
    pub fn thresholds(&self) -> &Thresholds {
        self.thresholds.base()
    }

    /// The same with other rules.
    #[must_use]
    pub fn with_policy(&self, policy: Policy) -> Self {
        Self::new(policy, self.thresholds.clone(), self.asking)
    }

    /// What rules say of a call before the model.
    pub fn begin(&self, call: &ToolCall, action: &Action) -> Begun {
        let ruling = self.policy.before(call, action);
        match super::settled(&ruling) {
            Some(decision) => Begun::Settled(Self::settled(&decision, &ruling)),
            None => Begun::Open(ruling),
        }
    }

    fn settled(decision: &Decision, ruling: &Ruling) -> Remade {
        let rules = decision.reasons.iter().map(|reason| reason.code.clone()).collect();
        let lasting = ruling.floors.iter().any(|found| found.lasting);
        by_rules(decision.verdict, ruling.floor(), lasting, rules)
    }

    /// The decision on a call that is begun; none where rules do not settle it and no scores are known.
    pub fn end(&self, call: &ToolCall, action: &Action, begun: Begun, scored: Option<&Scored>) -> Option<Remade> {
        match begun {
            Begun::Settled(remade) => Some(remade),
            Begun::Open(ruling) => Some(self.finish(call, action, ruling, scored?)),
        }
    }

    /// The decision on a call that rules did not settle before the model.
    fn finish(&self, call: &ToolCall, action: &Action, ruling: Ruling, scored: &Scored) -> Remade {
        let scores = (&scored.assessment, scored.truncated);
        let Weighed { thresholds, zone, ruling } =
            weigh(&self.policy, &self.thresholds, (call, action), ruling, scores);
        let floor = ruling.floor();
        let permitted = ruling.allowed.is_some();
        let floors = ruling.floors.iter().map(|found| found.reason.code.clone());
        let rules = ruling.allowed.iter().map(|reason| reason.code.clone()).chain(floors).collect();
        let lasting = ruling.floors.iter().any(|found| found.lasting);
        remade(Weights { zone, floor, permitted, lasting, cuts: thresholds }, rules)
    }

    /// The decision of a record whose text is not at hand, from what the record says: under the same rules, and where the cuts
    /// do not depend on more.
    pub fn of_record(&self, logged: &Logged, is_text: bool, model: &str) -> Result<Remade, Unmade> {
        // No rule is asked about what a tool returned.
        if !is_text && logged.policy != self.identity {
            return Err(Unmade::Text);
        }
        let known: Vec<(&String, Verdict, bool)> =
            logged.codes.iter().filter_map(|code| self.policy.verdict_of(code).map(|(v, l)| (code, v, l))).collect();
        let floor = known.iter().map(|(_, verdict, _)| *verdict).max().unwrap_or(Verdict::Allow);
        let permitted = !known.is_empty() && floor == Verdict::Allow;
        let lasting = known.iter().any(|(_, verdict, lasting)| *lasting && *verdict > Verdict::Allow);
        let rules: Vec<Cow<'static, str>> = known.iter().map(|(code, ..)| Cow::Owned((*code).clone())).collect();
        let Some(scored) = &logged.assessment else {
            if !matches!(logged.source, Source::Policy | Source::Cache | Source::Session) {
                return Err(Unmade::Failure);
            }
            return Ok(by_rules(floor, floor, lasting, rules));
        };
        if logged.model != model || !self.thresholds.scoped().is_empty() {
            return Err(Unmade::Text);
        }
        let cuts = *self.thresholds.base();
        let zone = zone_of(is_text, scored, &cuts);
        if self.policy.looks_at_scores() && logged.zone != Some(zone) {
            return Err(Unmade::Text);
        }
        Ok(remade(Weights { zone, floor, permitted, lasting, cuts }, rules))
    }

    /// The same beside what the record says and cannot be made again, for the person or nobody who is asked. `reviewing` is
    /// whether uncertain actions go to a reviewer now.
    pub fn beside(&self, mut remade: Remade, logged: Option<&Logged>, reviewing: bool) -> Remade {
        kept::beside(&mut remade, logged, reviewing, self.asking);
        remade.verdict = fail_safe::settle(remade.verdict, self.asking);
        remade.when_uncertain = fail_safe::settle(remade.when_uncertain, self.asking);
        remade.floor = fail_safe::settle(remade.floor, self.asking);
        remade
    }
}

/// What a decision comes from.
struct Weights {
    zone: Zone,
    floor: Verdict,
    permitted: bool,
    lasting: bool,
    cuts: Thresholds,
}

fn remade(weights: Weights, rules: Vec<Cow<'static, str>>) -> Remade {
    let Weights { zone, floor, permitted, lasting, cuts } = weights;
    let own = if permitted { Verdict::Allow } else { super::verdict_of(zone) };
    Remade {
        verdict: own.max(floor),
        source: if permitted || floor > own { Source::Policy } else { Source::Model },
        zone: Some(zone),
        floor,
        permitted,
        rules,
        cuts: Some(cuts),
        when_uncertain: Verdict::Ask,
        held: None,
        to_review: false,
        lasting,
    }
}

/// A decision that rules make before the model.
fn by_rules(verdict: Verdict, floor: Verdict, lasting: bool, rules: Vec<Cow<'static, str>>) -> Remade {
    Remade {
        verdict,
        source: Source::Policy,
        zone: None,
        floor,
        permitted: verdict == Verdict::Allow,
        rules,
        cuts: None,
        when_uncertain: Verdict::Ask,
        held: None,
        to_review: false,
        lasting,
    }
}

#[cfg(test)]
#[path = "again_tests.rs"]
mod tests;
