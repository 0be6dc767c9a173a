//! Decisions against labels → [`Evaluation`]: how often the engine is right, for whom it is wrong, and where the cuts lie.
//!
//! Plain arithmetic over values in memory: nothing here reads, writes or runs a model. The types can be written as JSON, and
//! their field names are the keys of `metrics.json`, which strangers read; `scripts/riskpipe/metrics.py` and `evaluation.py`
//! use the same names for the same figures. Nothing depends on the order of the cases.

mod case;
mod comparison;
mod curves;
mod effects;
mod groups;
mod injection;
mod mistakes;
mod permission;
mod ranking;
mod rate;
mod reliability;
mod risk;
#[cfg(test)]
mod samples;
mod sources;

pub use case::{Answer, Case, Label, source_of};
pub use comparison::Comparison;
pub use curves::{AllowCut, CoveragePoint, Curves, DenyCut, RiskCoverage, Roc, RocPoint};
pub use effects::{EffectFigures, EffectsFigures};
pub use groups::{Groups, RiskGroups};
pub use injection::InjectionFigures;
pub use mistakes::{MOST_LISTED, Mistake, Mistakes};
pub use permission::PermissionFigures;
pub use rate::Rate;
pub use reliability::{MOST_BINS, Reliability, ReliabilityBin};
pub use risk::{RiskCalibrationFigures, RiskFigures, RiskRates, RiskReport};
use serde::Serialize;
pub use sources::{FEWEST_CASES, OverSources, SourceSpread};

use crate::calibrate::Thresholds;

/// Every figure about a set of labelled cases.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Evaluation {
    /// What was counted.
    pub cases: CaseCounts,
    /// Risk of actions, whole.
    pub risk: RiskReport,
    /// The permission an action needs.
    pub permission: PermissionFigures,
    /// The side effects of actions.
    pub effects: EffectsFigures,
    /// Injection in texts that tools returned.
    pub injection: InjectionFigures,
    /// Risk of actions, group by group.
    pub groups: RiskGroups,
    /// How the main rates vary between sources.
    pub over_sources: OverSources,
    /// The worst mistakes, by id.
    pub mistakes: Mistakes,
    /// The difference to another model, where one was asked too.
    pub reference: Option<Comparison>,
    /// What moving the cuts would do.
    pub curves: Curves,
}

/// How many cases there were.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct CaseCounts {
    /// Distinct ids with a label and an answer.
    pub joined: usize,
    /// Of these, actions.
    pub actions: usize,
    /// Of these, texts that a tool returned: judged for injection alone.
    pub texts: usize,
    /// Of these, cases in which the model gave no answer, so that only the verdict counts.
    pub unscored: usize,
    /// Records left out because another one had the same id.
    pub repeated: usize,
}

/// All figures about `cases`, judged with the cuts `thresholds`.
pub fn evaluate(cases: Vec<Case>, thresholds: &Thresholds) -> Evaluation {
    let n_records = cases.len();
    let cases = case::distinct(cases);
    let (texts, actions): (Vec<&Case>, Vec<&Case>) = cases.iter().partition(|case| case.returned_text);
    let groups = RiskGroups::of(&actions);
    Evaluation {
        cases: CaseCounts {
            joined: cases.len(),
            actions: actions.len(),
            texts: texts.len(),
            unscored: cases.iter().filter(|case| case.answer.assessment.is_none()).count(),
            repeated: n_records - cases.len(),
        },
        risk: RiskReport::of(&actions),
        permission: PermissionFigures::of(&actions),
        effects: EffectsFigures::of(&actions),
        injection: InjectionFigures::of(&texts, thresholds),
        over_sources: OverSources::of(&groups.source),
        groups,
        mistakes: Mistakes::of(&actions),
        reference: Comparison::of(&cases),
        curves: Curves::of(&actions, &texts, thresholds),
    }
}
