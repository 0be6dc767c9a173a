//! What moving the cuts would do, by the scores alone: no floors, and for `allow` no look at injection and novelty.

use serde::Serialize;

use super::injection;
use super::ranking::{Scored, counts_from_the_top};
use super::rate::share;
use super::risk::{deny_scores, stop_scores};
use super::{Answer, Case};
use crate::calibrate::Thresholds;
use crate::verdict::Verdict;

/// Most points of a curve, beside the operating point's.
const MOST_POINTS: usize = 200;

/// Every curve.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Curves {
    /// What each `allow_below` would give, rising.
    pub allow: Vec<AllowCut>,
    /// What each `deny_above` would give, rising.
    pub deny: Vec<DenyCut>,
    /// Errors among what is decided, as more is.
    pub risk_coverage: RiskCoverage,
    /// Hits against false alarms.
    pub roc: Roc,
}

/// What `allow_below = threshold` would give.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct AllowCut {
    /// The threshold.
    pub threshold: f64,
    /// Share of risk 0 that would not be allowed.
    pub benign_not_allowed: f64,
    /// Share of risk 2 that would be allowed.
    pub dangerous_allowed: f64,
}

/// What `deny_above = threshold` would give.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct DenyCut {
    /// The threshold.
    pub threshold: f64,
    /// Share of risk 0 that would be denied.
    pub benign_denied: f64,
    /// Share of risk 2 that would be denied.
    pub dangerous_denied: f64,
}

/// Errors among what is decided, as the cut moves and more is.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RiskCoverage {
    /// Allowed by the expected cost of allowing; an error is risk 2.
    pub allow: Vec<CoveragePoint>,
    /// Denied by `P(risk = deny)`; an error is risk 0.
    pub deny: Vec<CoveragePoint>,
    /// Both sides with one cut on the larger of 1 less the expected cost of allowing and `P(risk = deny)`.
    pub both: Vec<CoveragePoint>,
}

/// A share decided and the errors in it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct CoveragePoint {
    /// Share of all actions decided.
    pub coverage: f64,
    /// Share of these decided wrongly.
    pub error: f64,
}

/// Hits against false alarms.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Roc {
    /// `P(risk = deny)`: risk 2 against the rest.
    pub deny: Vec<RocPoint>,
    /// `P(risk >= ask)`: risks 1 and 2 against 0.
    pub stop: Vec<RocPoint>,
    /// `P(injection)` of returned texts.
    pub injection: Vec<RocPoint>,
}

/// One cut.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct RocPoint {
    /// Share of negatives at or above it.
    pub false_positive_rate: f64,
    /// Share of positives at or above it.
    pub true_positive_rate: f64,
}

impl Curves {
    /// Of the given actions and texts; the cuts in force are among the points.
    pub(super) fn of(actions: &[&Case], texts: &[&Case], thresholds: &Thresholds) -> Self {
        let judged: Vec<(Verdict, &Answer)> = actions
            .iter()
            .filter(|case| case.answer.assessment.is_some())
            .filter_map(|case| Some((case.label.risk?, &case.answer)))
            .collect();
        Self {
            allow: allow_cuts(&judged, thresholds.allow_below.into()),
            deny: deny_cuts(&judged, thresholds.deny_above.into()),
            risk_coverage: RiskCoverage::of(&judged),
            roc: Roc {
                deny: roc(&deny_scores(actions)),
                stop: roc(&stop_scores(actions)),
                injection: roc(&injection::scores(texts)),
            },
        }
    }
}

type Judged<'a> = [(Verdict, &'a Answer)];

fn allow_cuts(judged: &Judged<'_>, in_force: f64) -> Vec<AllowCut> {
    let (benign, dangerous) = by_label(judged, Answer::cost_of_allowing);
    let cut = |threshold: f64| AllowCut {
        threshold,
        benign_not_allowed: share(benign.len() - at_most(&benign, threshold), benign.len()),
        dangerous_allowed: share(at_most(&dangerous, threshold), dangerous.len()),
    };
    cuts(judged, Answer::cost_of_allowing, in_force).into_iter().map(cut).collect()
}

fn deny_cuts(judged: &Judged<'_>, in_force: f64) -> Vec<DenyCut> {
    let (benign, dangerous) = by_label(judged, Answer::deny);
    let cut = |threshold: f64| DenyCut {
        threshold,
        benign_denied: share(at_least(&benign, threshold), benign.len()),
        dangerous_denied: share(at_least(&dangerous, threshold), dangerous.len()),
    };
    cuts(judged, Answer::deny, in_force).into_iter().map(cut).collect()
}

/// The scores of risks 0 and 2, rising.
fn by_label(judged: &Judged<'_>, score: fn(&Answer) -> f64) -> (Vec<f64>, Vec<f64>) {
    let of = |risk: Verdict| {
        let mut scores: Vec<f64> =
            judged.iter().filter(|(label, _)| *label == risk).map(|(_, answer)| score(answer)).collect();
        scores.sort_by(f64::total_cmp);
        scores
    };
    (of(Verdict::Allow), of(Verdict::Deny))
}

/// How many of rising scores are at or below the threshold.
fn at_most(scores: &[f64], threshold: f64) -> usize {
    scores.partition_point(|score| *score <= threshold)
}

/// How many of rising scores are at or above the threshold.
fn at_least(scores: &[f64], threshold: f64) -> usize {
    scores.len() - scores.partition_point(|score| *score < threshold)
}

/// Distinct scores, thinned, and the cut in force; rising. None without actions.
fn cuts(judged: &Judged<'_>, score: fn(&Answer) -> f64, in_force: f64) -> Vec<f64> {
    let mut scores: Vec<f64> = judged.iter().map(|(_, answer)| score(answer)).collect();
    if scores.is_empty() {
        return scores;
    }
    scores.sort_by(f64::total_cmp);
    scores.dedup();
    let mut cuts = thinned(scores);
    cuts.push(in_force);
    cuts.sort_by(f64::total_cmp);
    cuts.dedup();
    cuts
}

/// At most [`MOST_POINTS`] of the points, evenly spaced, first and last among them.
fn thinned<T: Clone>(points: Vec<T>) -> Vec<T> {
    if points.len() <= MOST_POINTS {
        return points;
    }
    let (last, steps) = (points.len() - 1, MOST_POINTS - 1);
    (0..MOST_POINTS).filter_map(|step| points.get(step * last / steps).cloned()).collect()
}

impl RiskCoverage {
    fn of(judged: &Judged<'_>) -> Self {
        let confidence = |answer: &Answer| (1.0 - answer.cost_of_allowing(), answer.deny());
        let both = |(label, answer): &(Verdict, &Answer)| {
            let (allow, deny) = confidence(answer);
            let wrong = if allow >= deny { Verdict::Deny } else { Verdict::Allow };
            Scored { score: allow.max(deny), positive: *label == wrong }
        };
        let allow = |(label, answer): &(Verdict, &Answer)| Scored {
            score: confidence(answer).0,
            positive: *label == Verdict::Deny,
        };
        let deny = |(label, answer): &(Verdict, &Answer)| Scored {
            score: confidence(answer).1,
            positive: *label == Verdict::Allow,
        };
        Self {
            allow: coverage(&judged.iter().map(allow).collect::<Vec<_>>()),
            deny: coverage(&judged.iter().map(deny).collect::<Vec<_>>()),
            both: coverage(&judged.iter().map(both).collect::<Vec<_>>()),
        }
    }
}

/// Coverage and error as the cut falls; a positive is an error.
fn coverage(scored: &[Scored]) -> Vec<CoveragePoint> {
    let points = counts_from_the_top(scored).into_iter().map(|passed| {
        let decided = passed.positives + passed.negatives;
        CoveragePoint { coverage: share(decided, scored.len()), error: share(passed.positives, decided) }
    });
    thinned(points.collect())
}

/// From no alarm to all; empty when one of the classes is missing.
fn roc(scored: &[Scored]) -> Vec<RocPoint> {
    let n_positives = scored.iter().filter(|scored| scored.positive).count();
    let n_negatives = scored.len() - n_positives;
    if n_positives == 0 || n_negatives == 0 {
        return Vec::new();
    }
    let start = RocPoint { false_positive_rate: 0.0, true_positive_rate: 0.0 };
    let points = counts_from_the_top(scored).into_iter().map(|passed| RocPoint {
        false_positive_rate: share(passed.negatives, n_negatives),
        true_positive_rate: share(passed.positives, n_positives),
    });
    thinned([start].into_iter().chain(points).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::samples::{THRESHOLDS, six};

    fn curves() -> Curves {
        let cases = six();
        Curves::of(&cases.iter().collect::<Vec<_>>(), &[], &THRESHOLDS)
    }

    #[test]
    fn cuts_by_hand() {
        let found = curves();
        let thresholds: Vec<f64> = found.allow.iter().map(|cut| (cut.threshold * 100.0).round()).collect();
        assert_eq!(thresholds, [1.0, 11.0, 20.0, 23.0, 33.0, 81.0, 91.0]);
        // At 0.2 one of three benign and one of two dangerous actions are allowed.
        let at_point = found.allow[2];
        assert!((at_point.benign_not_allowed - 2.0 / 3.0).abs() < 1e-12 && at_point.dangerous_allowed == 0.5);
        let last = found.deny.last().unwrap();
        assert_eq!((last.benign_denied, last.dangerous_denied), (0.0, 0.5));
        let in_force = found.deny.iter().find(|cut| cut.threshold == 0.75).unwrap();
        assert!((in_force.benign_denied - 1.0 / 3.0).abs() < 1e-12 && in_force.dangerous_denied == 0.5);
    }

    #[test]
    fn coverage_by_hand() {
        let found = curves().risk_coverage;
        // Allowed from the calmest: benign, dangerous, benign, …
        let errors: Vec<f64> = found.allow.iter().map(|point| point.error).collect();
        assert_eq!(&errors[..3], [0.0, 0.5, 1.0 / 3.0]);
        assert_eq!(found.allow.last().map(|point| point.coverage), Some(1.0));
        // Denied from the wildest: dangerous, benign, …
        assert_eq!(found.deny.iter().map(|point| point.error).take(2).collect::<Vec<_>>(), [0.0, 0.5]);
    }

    #[test]
    fn a_roc_runs_from_corner_to_corner() {
        let found = curves().roc;
        let ends = [found.deny.first().unwrap(), found.deny.last().unwrap()];
        assert_eq!(ends.map(|point| (point.false_positive_rate, point.true_positive_rate)), [(0.0, 0.0), (1.0, 1.0)]);
        assert!(found.injection.is_empty());
    }

    #[test]
    fn long_curves_are_thinned_and_keep_their_ends() {
        let thin = thinned((0..100_000).collect::<Vec<u32>>());
        assert_eq!((thin.len(), thin.first(), thin.last()), (MOST_POINTS, Some(&0), Some(&99_999)));
    }

    #[test]
    fn nothing_gives_empty_curves() {
        let found = Curves::of(&[], &[], &THRESHOLDS);
        assert!(found.allow.is_empty() && found.deny.is_empty() && found.risk_coverage.both.is_empty());
    }
}
