//! The windows of one action → one set of probabilities: the worst window counts, head by head.

use crate::assessment::{N_EFFECTS, N_PERMISSIONS, RowLogits};

/// Probabilities of an action before calibration. Every number can only rise when a window is added.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Raw {
    /// `P(risk >= ask)`.
    pub(super) stop: f32,
    /// `P(risk = deny)`.
    pub(super) deny: f32,
    /// `P(permission >= k)` for `k` from 1.
    pub(super) permission: [f32; N_PERMISSIONS - 1],
    /// Of each side effect.
    pub(super) effects: [f32; N_EFFECTS],
    /// Of an injection.
    pub(super) injection: f32,
}

impl Raw {
    /// The worst over the windows.
    pub(super) fn worst(rows: &[RowLogits]) -> Self {
        rows.iter().map(Self::of_row).fold(Self::default(), Self::max)
    }

    fn of_row(row: &RowLogits) -> Self {
        let [_, ask, deny] = softmax(row.risk);
        Self {
            stop: ask + deny,
            deny,
            permission: tail_sums(softmax(row.permission)),
            effects: row.effects.map(sigmoid),
            injection: sigmoid(row.injection),
        }
    }

    fn max(self, other: Self) -> Self {
        Self {
            stop: worse(self.stop, other.stop),
            deny: worse(self.deny, other.deny),
            permission: zip(self.permission, other.permission, worse),
            effects: zip(self.effects, other.effects, worse),
            injection: worse(self.injection, other.injection),
        }
    }
}

/// The larger number; a NaN is worse than any number and stays.
fn worse(a: f32, b: f32) -> f32 {
    if a.is_nan() || a >= b { a } else { b }
}

fn zip<const N: usize>(a: [f32; N], b: [f32; N], join: fn(f32, f32) -> f32) -> [f32; N] {
    let mut pairs = a.into_iter().zip(b);
    std::array::from_fn(|_| pairs.next().map_or(0.0, |(a, b)| join(a, b)))
}

/// The logistic function.
pub(super) fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + (-x).exp())
}

fn softmax<const N: usize>(logits: [f32; N]) -> [f32; N] {
    let top = logits.into_iter().fold(f32::NEG_INFINITY, f32::max);
    let exponentials = logits.map(|logit| (logit - top).exp());
    let sum: f32 = exponentials.iter().sum();
    exponentials.map(|value| value / sum)
}

/// `P(label >= k)` for `k` from 1, given `P(label = k)` for `k` from 0.
fn tail_sums(probabilities: [f32; N_PERMISSIONS]) -> [f32; N_PERMISSIONS - 1] {
    std::array::from_fn(|k| probabilities.iter().skip(k + 1).sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(risk: [f32; 3]) -> RowLogits {
        RowLogits { risk, permission: [0.0; 5], effects: [0.0; 14], injection: -3.0 }
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
    fn a_broken_number_survives_aggregation() {
        assert!(Raw::worst(&[row([f32::NAN; 3]), row([9.0, 0.0, 0.0])]).stop.is_nan());
        assert!(Raw::worst(&[row([9.0, 0.0, 0.0]), row([f32::NAN; 3])]).deny.is_nan());
    }

    #[test]
    fn cumulative_permission_falls_with_its_level() {
        let raw = Raw::worst(&[row([0.0; 3])]);
        assert!(raw.permission.is_sorted_by(|a, b| a >= b));
        assert!((raw.permission[0] - 0.8).abs() < 1e-6);
    }
}
