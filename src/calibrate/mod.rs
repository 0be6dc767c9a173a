//! Logits → [`Assessment`] → [`Zone`]: what the numbers mean, and when they are confident enough.

mod aggregate;
mod table;
mod thresholds;

use aggregate::{Raw, sigmoid};
pub use table::{Scoped, Selector, Strictness, ThresholdTable};
pub use thresholds::{RateError, Rates, Thresholds};

use crate::assessment::{Assessment, N_PERMISSIONS, Probability, Risk, RowLogits};
use crate::manifest::{Calibration, Platt};
use crate::verdict::Zone;

/// The calibrated beliefs about an action, from the logits of its windows.
pub fn assess(rows: &[RowLogits], calibration: &Calibration) -> Assessment {
    let raw = Raw::worst(rows);
    let stop = scale(raw.stop, calibration.risk.stop);
    let deny = scale(raw.deny, calibration.risk.deny);
    Assessment {
        risk: Risk::from_cumulative(stop.max(deny), deny),
        permission: permission(&raw, calibration),
        effects: zip(raw.effects, calibration.effects, scale),
        injection: scale(raw.injection, calibration.injection),
        novelty: raw.novelty,
    }
}

/// The beliefs about a text that a tool returned: its risk is that it is an injection, and nothing else is judged.
pub fn assess_text(rows: &[RowLogits], calibration: &Calibration) -> Assessment {
    let raw = Raw::worst(rows);
    let injection = scale(raw.injection, calibration.injection);
    let mut permission = [Probability::default(); N_PERMISSIONS];
    if let Some(observe) = permission.first_mut() {
        *observe = Probability::new(1.0);
    }
    Assessment {
        risk: Risk::from_cumulative(injection, injection),
        permission,
        effects: [Probability::default(); _],
        injection,
        novelty: raw.novelty,
    }
}

/// The zone of an action. What writes or sends an injection is never in the allow zone, nor is what resembles nothing that the
/// model has seen.
pub fn zone(assessment: &Assessment, thresholds: &Thresholds) -> Zone {
    let risk = &assessment.risk;
    if risk.deny.get() >= thresholds.deny_above {
        Zone::Deny
    } else if risk.cost_of_allowing().get() <= thresholds.allow_below
        && assessment.injection.get() < thresholds.injection_above
        && assessment.novelty <= thresholds.novel_above
    {
        Zone::Allow
    } else {
        Zone::Uncertain
    }
}

/// The zone of a text that a tool returned.
pub fn text_zone(assessment: &Assessment, thresholds: &Thresholds) -> Zone {
    if assessment.injection.get() >= thresholds.injection_above { Zone::Deny } else { Zone::Allow }
}

/// From log-odds to a calibrated probability.
fn scale(log_odds: f32, platt: Platt) -> Probability {
    Probability::new(sigmoid(platt.a.mul_add(log_odds, platt.b)))
}

fn permission(raw: &Raw, calibration: &Calibration) -> [Probability; N_PERMISSIONS] {
    let scaled = zip(raw.permission, calibration.permission, scale);
    // Scaling may cross two neighbours; a higher level is never likelier than a lower one.
    let mut reached = [1.0; N_PERMISSIONS + 1];
    reached.iter_mut().skip(1).zip(scaled).for_each(|(slot, value)| *slot = value.get());
    if let Some(last) = reached.last_mut() {
        *last = 0.0;
    }
    let mut ceiling: f32 = 1.0;
    for value in &mut reached {
        ceiling = ceiling.min(*value);
        *value = ceiling;
    }
    let mut steps = reached.windows(2).map(|pair| pair.iter().copied().reduce(|a, b| a - b).unwrap_or(0.0));
    std::array::from_fn(|_| Probability::new(steps.next().unwrap_or(0.0)))
}

fn zip<const N: usize>(values: [f32; N], scalings: [Platt; N], f: fn(f32, Platt) -> Probability) -> [Probability; N] {
    let mut pairs = values.into_iter().zip(scalings);
    std::array::from_fn(|_| pairs.next().map_or(Probability::new(1.0), |(value, scaling)| f(value, scaling)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::RiskCalibration;

    const SAME: Platt = Platt { a: 1.0, b: 0.0 };

    fn identity() -> Calibration {
        Calibration {
            risk: RiskCalibration { stop: SAME, deny: SAME },
            permission: [SAME; 4],
            effects: [SAME; 14],
            injection: SAME,
        }
    }

    fn row(risk: [f32; 3], permission: [f32; 5]) -> RowLogits {
        RowLogits { risk, permission, effects: [-4.0; 14], injection: -4.0, novelty: 1.0 }
    }

    const THRESHOLDS: Thresholds =
        Thresholds { allow_below: 0.2, deny_above: 0.8, injection_above: 0.9, novel_above: 3.0 };

    #[test]
    fn probabilities_sum_to_one() {
        let assessment = assess(&[row([1.0, 0.5, -1.0], [0.3, 2.0, 1.0, -1.0, 0.0])], &identity());
        let risk = assessment.risk;
        assert!((risk.allow.get() + risk.ask.get() + risk.deny.get() - 1.0).abs() < 1e-5);
        let sum: f32 = assessment.permission.iter().map(|p| p.get()).sum();
        assert!((sum - 1.0).abs() < 1e-5);
    }

    #[test]
    fn crossing_scalings_still_sum_to_one() {
        let mut calibration = identity();
        calibration.permission[2] = Platt { a: 1.0, b: 4.0 };
        calibration.risk.deny = Platt { a: 1.0, b: 6.0 };
        let assessment = assess(&[row([2.0, 0.0, 0.0], [2.0, 1.0, 0.0, 0.0, 0.0])], &calibration);
        let sum: f32 = assessment.permission.iter().map(|p| p.get()).sum();
        assert!((sum - 1.0).abs() < 1e-5);
        assert!(assessment.permission.iter().all(|p| p.get() >= 0.0));
        assert!(assessment.risk.stop() >= assessment.risk.deny);
    }

    #[test]
    fn zones_follow_the_thresholds() {
        let zone_of = |risk| zone(&assess(&[row(risk, [0.0; 5])], &identity()), &THRESHOLDS);
        assert_eq!(zone_of([5.0, 0.0, 0.0]), Zone::Allow);
        assert_eq!(zone_of([0.0, 0.0, 0.0]), Zone::Uncertain);
        assert_eq!(zone_of([0.0, 0.0, 6.0]), Zone::Deny);
    }

    #[test]
    fn the_allow_zone_weighs_a_danger_ten_times_a_question() {
        let zone_of = |ask: f32, deny: f32| {
            let (stop, deny) = (Probability::new(ask + deny), Probability::new(deny));
            let calm = assess(&[row([5.0, 0.0, 0.0], [0.0; 5])], &identity());
            zone(&Assessment { risk: Risk::from_cumulative(stop, deny), ..calm }, &THRESHOLDS)
        };
        assert_eq!(zone_of(0.9, 0.1), Zone::Allow);
        assert_eq!(zone_of(0.9, 0.12), Zone::Uncertain);
        assert_eq!(zone_of(0.0, 0.21), Zone::Uncertain);
    }

    #[test]
    fn a_broken_number_is_never_in_the_allow_zone() {
        let assessment = assess(&[row([f32::NAN; 3], [0.0; 5])], &identity());
        assert_eq!(zone(&assessment, &THRESHOLDS), Zone::Deny);
    }

    #[test]
    fn the_novel_is_not_allowed_and_a_danger_stays_one() {
        let novel =
            |risk, novelty| zone(&assess(&[RowLogits { novelty, ..row(risk, [0.0; 5]) }], &identity()), &THRESHOLDS);
        assert_eq!(novel([5.0, 0.0, 0.0], 3.0), Zone::Allow);
        assert_eq!(novel([5.0, 0.0, 0.0], 3.1), Zone::Uncertain);
        assert_eq!(novel([5.0, 0.0, 0.0], f32::NAN), Zone::Uncertain);
        assert_eq!(novel([0.0, 0.0, 6.0], 9.0), Zone::Deny);
    }

    #[test]
    fn an_action_that_carries_an_injection_is_not_allowed() {
        let mut calm = row([5.0, 0.0, 0.0], [0.0; 5]);
        calm.injection = 6.0;
        assert_eq!(zone(&assess(&[calm], &identity()), &THRESHOLDS), Zone::Uncertain);
        assert_eq!(text_zone(&assess_text(&[calm], &identity()), &THRESHOLDS), Zone::Deny);
    }
}
