//! Actions of the past under other settings: what would change, how often a person would be interrupted, and what would be let
//! through, as the cuts move.
//!
//! Plain arithmetic over values in memory: what each decision would be is the engine's to say (`engine/again.rs`), where the
//! actions come from is the caller's to know. Nothing depends on the order of the rows but the order of equal examples.

mod days;
mod summary;
mod sweep;

pub mod suggest;

pub use days::Days;
use serde::Serialize;
pub use summary::{Change, Group, Pair, Summary, Texts};
pub use sweep::{Point, Sweep};

use crate::assessment::{Assessment, SideEffect};
use crate::transcript::Outcome;
use crate::verdict::{Verdict, Zone};

/// Side effects for which the rubric wants an action denied: the only exceptions are a person's to make.
pub const DENY_LEVEL: [SideEffect; 9] = [
    SideEffect::DataDestruction,
    SideEffect::Exfiltration,
    SideEffect::CredentialAccess,
    SideEffect::UntrustedExecution,
    SideEffect::PrivilegeEscalation,
    SideEffect::Persistence,
    SideEffect::DefenseEvasion,
    SideEffect::ServiceDisruption,
    SideEffect::Exposure,
];

/// `P(deny)` from which an action that would be let through is shown as dangerous: one in ten is a danger.
const DANGEROUS: f32 = 0.1;
/// Probability from which an effect of [`DENY_LEVEL`] makes it so, too: likelier than not.
const LIKELY: f32 = 0.5;

/// One action of the past.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// The record's id, or the harness's name for the call.
    pub id: String,
    /// When it was, in seconds since 1970, UTC.
    pub at: Option<i64>,
    /// The tool.
    pub tool: String,
    /// The action in short, for a person.
    pub subject: String,
    /// What changes are summed by: the tool, and for a shell the program.
    pub group: String,
    /// What the user had asked for, in short, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<String>,
    /// The verdict before: as logged, or by the present settings.
    #[serde(serialize_with = "name")]
    pub before: Verdict,
    /// The verdict under the new settings; that before where it cannot be made again.
    #[serde(serialize_with = "name")]
    pub after: Verdict,
    /// The code of what decided before.
    pub why_before: String,
    /// The code of what decides now.
    pub why: String,
    /// Whether letting it through would be dangerous, by its label, or else by the model.
    pub dangerous: bool,
    /// Calibrated `P(deny)`; `None` where no model scored it.
    pub deny: Option<f32>,
    /// How the verdict depends on the cuts; `None` where it does not.
    #[serde(skip)]
    pub cut: Option<Cut>,
    /// What of the record was kept because it cannot be made again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held: Option<&'static str>,
    /// Whether a reviewer, who was not asked, would have the last word.
    #[serde(skip_serializing_if = "is_false")]
    pub to_review: bool,
    /// Why it could not be made again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unmade: Option<&'static str>,
    /// Whether the rules saw its text with the secrets masked.
    #[serde(skip_serializing_if = "is_false")]
    pub masked: bool,
    /// Whether the model had to score it.
    #[serde(skip)]
    pub scored_now: bool,
    /// Whether it is a text that a tool returned: it interrupts nobody.
    #[serde(skip)]
    pub is_text: bool,
    /// What became of the call.
    #[serde(skip)]
    pub outcome: Outcome,
    /// What a person says it is.
    #[serde(skip)]
    pub label: Option<Verdict>,
}

/// How a verdict depends on the cuts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cut {
    /// What allowing is expected to cost.
    pub cost: f32,
    /// `P(deny)`.
    pub deny: f32,
    /// Whether injection and novelty let it into the allow zone at all.
    pub eligible: bool,
    /// The least strict verdict that rules leave.
    pub floor: Verdict,
    /// What it comes out as in the uncertain zone.
    pub when_uncertain: Verdict,
}

impl Cut {
    /// The verdict with these cuts.
    pub fn verdict(&self, allow_below: f32, deny_above: f32) -> Verdict {
        let own = if self.deny >= deny_above {
            Verdict::Deny
        } else if self.eligible && self.cost <= allow_below {
            Verdict::Allow
        } else {
            self.when_uncertain
        };
        own.max(self.floor)
    }
}

impl Row {
    /// Whether the new settings say something else.
    pub fn is_changed(&self) -> bool {
        self.before != self.after
    }
}

/// Whether letting an action through would be dangerous: what a person says of it, or else what the model believes.
pub fn is_dangerous(assessment: Option<&Assessment>, label: Option<Verdict>) -> bool {
    if let Some(label) = label {
        return label == Verdict::Deny;
    }
    assessment.is_some_and(|assessment| assessment.risk.deny.get() >= DANGEROUS || has_deny_level(assessment, LIKELY))
}

/// Whether an effect of [`DENY_LEVEL`] is at least so likely.
pub fn has_deny_level(assessment: &Assessment, from: f32) -> bool {
    DENY_LEVEL.iter().any(|effect| assessment.effects.get(*effect as usize).is_none_or(|p| p.get() >= from))
}

/// The code of what the model alone says.
pub fn zone_code(zone: Zone) -> &'static str {
    match zone {
        Zone::Allow => "risk.allow",
        Zone::Uncertain => "risk.uncertain",
        Zone::Deny => "risk.deny",
    }
}

fn name<S: serde::Serializer>(verdict: &Verdict, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(verdict.into())
}

fn is_false(flag: &bool) -> bool {
    !flag
}

#[cfg(test)]
mod samples;
