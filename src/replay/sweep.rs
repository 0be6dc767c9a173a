//! Interruptions against dangers let through, as the cuts move.
//!
//! One cut moves and the other stays as in the new settings, for all actions alike. Rules stay what they say now; what does not
//! depend on the cuts (a rule's word, what was kept of a record) counts at every cut.

use serde::Serialize;

use super::summary::float;
use super::{Days, Row};
use crate::calibrate::Thresholds;
use crate::verdict::Verdict;

/// Most points of a curve beside the marked ones.
const MOST_POINTS: usize = 100;

/// Both curves.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Sweep {
    /// As `allow_below` moves, rising.
    pub allow: Vec<Point>,
    /// As `deny_above` moves, rising.
    pub deny: Vec<Point>,
}

/// What one cut would give.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Point {
    /// The cut.
    pub cut: f64,
    /// Questions on an active day.
    pub asked: f64,
    /// Denials on an active day.
    pub denied: f64,
    /// Dangerous actions let through on an active day, as the model's own probabilities have them expected.
    pub expected_dangerous: f64,
    /// The same by labels; `None` where nothing is labelled.
    pub labelled_dangerous: Option<f64>,
}

impl Sweep {
    /// Of all rows; the present and the new cuts are among the points.
    pub fn of(rows: &[Row], present: &Thresholds, new: &Thresholds) -> Self {
        let days = Days::of(rows);
        let actions: Vec<&Row> = rows.iter().filter(|row| !row.is_text).collect();
        let scores = |score: fn(&super::Cut) -> f32| {
            let mut scores: Vec<f32> = actions.iter().filter_map(|row| row.cut.as_ref()).map(score).collect();
            scores.sort_by(f32::total_cmp);
            scores.dedup();
            scores
        };
        let point = |allow_below: f32, deny_above: f32, cut: f32| point(&actions, days, (allow_below, deny_above), cut);
        let allow = cuts(scores(|cut| cut.cost), [present.allow_below, new.allow_below]);
        let deny = cuts(scores(|cut| cut.deny), [present.deny_above, new.deny_above]);
        Self {
            allow: allow.into_iter().map(|cut| point(cut, new.deny_above, cut)).collect(),
            deny: deny.into_iter().map(|cut| point(new.allow_below, cut, cut)).collect(),
        }
    }

    /// The point of a curve at a cut.
    pub fn at(points: &[Point], cut: f32) -> Option<&Point> {
        points.iter().find(|point| point.cut.to_bits() == f64::from(cut).to_bits())
    }
}

fn point(actions: &[&Row], days: Days, (allow_below, deny_above): (f32, f32), cut: f32) -> Point {
    let (mut asked, mut denied, mut dangerous, mut expected) = (0, 0, 0, 0.0);
    let mut is_labelled = false;
    for row in actions {
        let verdict = row.cut.as_ref().map_or(row.after, |cut| cut.verdict(allow_below, deny_above));
        is_labelled |= row.label.is_some();
        match verdict {
            Verdict::Ask => asked += 1,
            Verdict::Deny => denied += 1,
            Verdict::Allow => {
                dangerous += usize::from(row.label == Some(Verdict::Deny));
                expected += row.deny.map_or(0.0, f64::from);
            }
        }
    }
    Point {
        cut: cut.into(),
        asked: days.each(float(asked)),
        denied: days.each(float(denied)),
        expected_dangerous: days.each(expected),
        labelled_dangerous: is_labelled.then(|| days.each(float(dangerous))),
    }
}

/// At most [`MOST_POINTS`] of rising scores, evenly spaced, and the marked cuts; rising.
fn cuts(scores: Vec<f32>, marked: [f32; 2]) -> Vec<f32> {
    let last = scores.len().saturating_sub(1);
    let mut cuts: Vec<f32> = if scores.len() <= MOST_POINTS {
        scores
    } else {
        (0..MOST_POINTS).filter_map(|step| scores.get(step * last / (MOST_POINTS - 1)).copied()).collect()
    };
    cuts.extend(marked);
    cuts.sort_by(f32::total_cmp);
    cuts.dedup();
    cuts
}

#[cfg(test)]
mod tests {
    use super::super::samples::row;
    use super::*;
    use Verdict::{Allow, Ask, Deny};
    use proptest::prelude::*;

    const CUTS: Thresholds = Thresholds { allow_below: 0.1, deny_above: 0.8, injection_above: 0.5, novel_above: 3.0 };

    #[test]
    fn curves_by_hand() {
        let rows = [
            row("a", 1, Ask, Allow, Some((0.05, 0.02))),
            row("b", 1, Ask, Ask, Some((0.3, 0.25))),
            row("c", 2, Deny, Deny, Some((0.95, 0.9))),
            row("d", 2, Allow, Allow, None),
        ];
        let sweep = Sweep::of(&rows, &CUTS, &Thresholds { allow_below: 0.3, ..CUTS });
        let asked: Vec<(f64, f64)> =
            sweep.allow.iter().map(|point| ((point.cut * 100.0).round(), point.asked)).collect();
        assert_eq!(asked, [(5.0, 0.5), (10.0, 0.5), (30.0, 0.0), (95.0, 0.0)]);
        let new = Sweep::at(&sweep.allow, 0.3).unwrap();
        assert!((new.expected_dangerous - 0.135).abs() < 1e-6 && new.denied == 0.5 && new.labelled_dangerous.is_none());
        // A deny cut above all scores denies nothing.
        let strictest = sweep.deny.first().unwrap();
        assert_eq!((strictest.denied, sweep.deny.last().unwrap().denied), (1.5, 0.5));
    }

    #[test]
    fn nothing_gives_the_marked_points_alone() {
        let sweep = Sweep::of(&[], &CUTS, &CUTS);
        assert_eq!((sweep.allow.len(), sweep.deny.len()), (1, 1));
        assert_eq!(sweep.allow[0].asked, 0.0);
    }

    fn verdicts() -> impl Strategy<Value = Verdict> {
        prop_oneof![Just(Allow), Just(Ask), Just(Deny)]
    }

    proptest! {
        /// A looser cut never asks more of a person about what it lets through, and never lets less through.
        #[test]
        fn a_stricter_cut_never_lets_more_through(
            costs in prop::collection::vec((0.0_f32..1.0, 0.0_f32..1.0, verdicts()), 1..60)
        ) {
            let rows: Vec<Row> = costs.iter().map(|(cost, deny, floor)| {
                let mut row = row("x", 1, Ask, Ask, Some((*cost, *deny)));
                row.cut.as_mut().unwrap().floor = *floor;
                row
            }).collect();
            let sweep = Sweep::of(&rows, &CUTS, &CUTS);
            prop_assert!(sweep.allow.windows(2).all(|pair| pair[0].expected_dangerous <= pair[1].expected_dangerous + 1e-9));
            prop_assert!(sweep.allow.windows(2).all(|pair| pair[0].asked >= pair[1].asked));
            prop_assert!(sweep.deny.windows(2).all(|pair| pair[0].denied >= pair[1].denied));
        }
    }
}
