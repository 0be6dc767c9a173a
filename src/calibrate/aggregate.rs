//! The windows of one action → one answer to every question: the worst window counts, head by head.
//!
//! Everything stays in log-odds: the largest probability is that of the largest log-odds, sums of softmax probabilities are
//! differences of log-sum-exps, and nothing is lost near 0 and 1, where most answers lie. `scripts/riskpipe/aggregate.py`
//! does the same arithmetic in training.

use crate::assessment::{N_EFFECTS, N_PERMISSIONS, RowLogits};

/// Log-odds of an action's answers before calibration. Every number can only rise when a window is added.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Raw {
    /// Of `risk >= ask`.
    pub(super) stop: f32,
    /// Of `risk = deny`.
    pub(super) deny: f32,
    /// Of `permission >= k` for `k` from 1.
    pub(super) permission: [f32; N_PERMISSIONS - 1],
    /// Of each side effect.
    pub(super) effects: [f32; N_EFFECTS],
    /// Of an injection.
    pub(super) injection: f32,
    /// No log-odds: the novelty of the strangest window, in nats.
    pub(super) novelty: f32,
}

impl Raw {
    /// Certain of nothing bad: what no window at all would answer.
    const NONE: Self = Self {
        stop: f32::NEG_INFINITY,
        deny: f32::NEG_INFINITY,
        permission: [f32::NEG_INFINITY; _],
        effects: [f32::NEG_INFINITY; _],
        injection: f32::NEG_INFINITY,
        novelty: f32::NEG_INFINITY,
    };

    /// The worst over the windows.
    pub(super) fn worst(rows: &[RowLogits]) -> Self {
        rows.iter().map(Self::of_row).fold(Self::NONE, Self::max)
    }

    fn of_row(row: &RowLogits) -> Self {
        Self {
            stop: at_least(&row.risk, 1),
            deny: at_least(&row.risk, 2),
            permission: std::array::from_fn(|k| at_least(&row.permission, k + 1)),
            effects: row.effects,
            injection: row.injection,
            novelty: row.novelty,
        }
    }

    fn max(self, other: Self) -> Self {
        Self {
            stop: worse(self.stop, other.stop),
            deny: worse(self.deny, other.deny),
            permission: zip(self.permission, other.permission, worse),
            effects: zip(self.effects, other.effects, worse),
            injection: worse(self.injection, other.injection),
            novelty: worse(self.novelty, other.novelty),
        }
    }
}

/// The larger number; a NaN is worse than any number and stays.
fn worse(a: f32, b: f32) -> f32 {
    if a.is_nan() || a >= b { a } else { b }
}

fn zip<const N: usize>(a: [f32; N], b: [f32; N], join: fn(f32, f32) -> f32) -> [f32; N] {
    let mut pairs = a.into_iter().zip(b);
    std::array::from_fn(|_| pairs.next().map_or(f32::NAN, |(a, b)| join(a, b)))
}

/// Log-odds of `class >= level` under a softmax over `logits`.
fn at_least(logits: &[f32], level: usize) -> f32 {
    let (below, above) = logits.split_at_checked(level).unwrap_or((logits, &[]));
    log_sum_exp(above) - log_sum_exp(below)
}

fn log_sum_exp(logits: &[f32]) -> f32 {
    let top = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    top + logits.iter().map(|logit| (logit - top).exp()).sum::<f32>().ln()
}

/// The logistic function: from log-odds to a probability.
pub(super) fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + (-x).exp())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(risk: [f32; 3]) -> RowLogits {
        RowLogits { risk, permission: [0.0; 5], effects: [0.0; 14], injection: -3.0, novelty: 0.0 }
    }

    #[test]
    fn a_window_more_never_lowers_anything() {
        let (calm, wild) = (row([5.0, 0.0, -2.0]), row([-1.0, 0.0, 4.0]));
        let both = Raw::worst(&[calm, wild]);
        for alone in [Raw::worst(&[calm]), Raw::worst(&[wild])] {
            assert!(both.stop >= alone.stop && both.deny >= alone.deny && both.injection >= alone.injection);
        }
    }

    #[test]
    fn answers_far_from_even_keep_their_order() {
        let odds = |allow: f32| Raw::worst(&[row([allow, 0.0, 0.0])]).stop;
        assert!(odds(80.0) < odds(60.0) && odds(60.0) < odds(40.0));
    }

    #[test]
    fn a_broken_number_survives_aggregation() {
        assert!(Raw::worst(&[row([f32::NAN; 3]), row([9.0, 0.0, 0.0])]).stop.is_nan());
        assert!(Raw::worst(&[row([9.0, 0.0, 0.0]), row([f32::NAN; 3])]).deny.is_nan());
    }

    #[test]
    fn cumulative_permission_falls_with_its_level() {
        let raw = Raw::worst(&[row([0.0; 3])]);
        assert!(raw.permission.is_sorted_by(|a, b| a >= b));
        assert!((sigmoid(raw.permission[0]) - 0.8).abs() < 1e-6);
    }
}
