//! The same cases judged by two models.

use serde::Serialize;

use super::{Answer, Case, Rate};
use crate::verdict::Verdict;

/// How the answers differ from the reference's, over all cases that both models judged.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Comparison {
    /// Cases with another verdict.
    pub verdict_differs: Rate,
    /// Cases in another zone of the model.
    pub zone_differs: Rate,
    /// Cases that one of the two zones allows and the other denies.
    pub allow_against_deny: usize,
    /// Verdicts that are deny and were allow by the reference.
    pub allow_to_deny: usize,
    /// Verdicts that are allow and were deny by the reference.
    pub deny_to_allow: usize,
    /// Mean absolute difference of `P(risk >= ask)`.
    pub mean_absolute_difference_stop: Option<f64>,
    /// Mean absolute difference of `P(risk = deny)`.
    pub mean_absolute_difference_deny: Option<f64>,
}

impl Comparison {
    /// Of the cases that have a reference; `None` without any.
    pub(super) fn of(cases: &[Case]) -> Option<Self> {
        let judged = |answer: &Answer| answer.assessment.is_some();
        let asked = cases.iter().filter_map(|case| case.reference.as_ref().map(|reference| (&case.answer, reference)));
        let pairs: Vec<(&Answer, &Answer)> = asked.collect();
        if pairs.is_empty() {
            return None;
        }
        let both: Vec<_> =
            pairs.into_iter().filter(|(answer, reference)| judged(answer) && judged(reference)).collect();
        let turned = |from: Verdict, to: Verdict, verdict: fn(&Answer) -> Verdict| {
            both.iter().filter(|(answer, reference)| verdict(reference) == from && verdict(answer) == to).count()
        };
        let verdict: fn(&Answer) -> Verdict = |answer| answer.verdict;
        let zone: fn(&Answer) -> Verdict = Answer::zone_verdict;
        let distance = |score: fn(&Answer) -> f64| {
            let sum: f64 = both.iter().map(|(answer, reference)| (score(answer) - score(reference)).abs()).sum();
            (!both.is_empty()).then(|| sum / both.len() as f64)
        };
        Some(Self {
            verdict_differs: Rate::over(both.iter().map(|(a, b)| a.verdict != b.verdict)),
            zone_differs: Rate::over(both.iter().map(|(a, b)| a.zone != b.zone)),
            allow_against_deny: turned(Verdict::Allow, Verdict::Deny, zone)
                + turned(Verdict::Deny, Verdict::Allow, zone),
            allow_to_deny: turned(Verdict::Allow, Verdict::Deny, verdict),
            deny_to_allow: turned(Verdict::Deny, Verdict::Allow, verdict),
            mean_absolute_difference_stop: distance(Answer::stop),
            mean_absolute_difference_deny: distance(Answer::deny),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::samples::case;

    #[test]
    fn differences_by_hand() {
        let mut cases = [case("a-1", 0, 0.25, 0.0), case("a-2", 0, 1.0, 1.0), case("a-3", 0, 0.5, 0.25)];
        cases[0].reference = Some(case("r", 0, 0.25, 0.0).answer);
        cases[1].reference = Some(case("r", 0, 0.25, 0.125).answer);
        cases[2].reference = Some(case("r", 0, 0.75, 0.25).answer);
        let found = Comparison::of(&cases).unwrap();
        assert_eq!((found.verdict_differs.hits, found.verdict_differs.of, found.zone_differs.hits), (1, 3, 1));
        assert_eq!((found.allow_against_deny, found.allow_to_deny, found.deny_to_allow), (1, 1, 0));
        assert!(found.mean_absolute_difference_stop.is_some_and(|d| (d - 1.0 / 3.0).abs() < 1e-6), "{found:?}");
        assert!(found.mean_absolute_difference_deny.is_some_and(|d| (d - 0.875 / 3.0).abs() < 1e-6), "{found:?}");
    }

    #[test]
    fn without_a_reference_there_is_no_comparison() {
        assert_eq!(Comparison::of(&[case("a-1", 0, 0.1, 0.1)]), None);
    }
}
