//! The cuts between the zones: the manifest's own, or picked from its curves for the rates a user asks for.

use super::table::Strictness;
use crate::manifest::{Curves, Manifest, OperatingPoint};

/// The cuts in force.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Thresholds {
    /// Expected cost of allowing ([`cost_of_allowing`](crate::assessment::Risk::cost_of_allowing)) at or below which an action
    /// is in the allow zone.
    pub allow_below: f32,
    /// `P(risk = deny)` at or above which it is in the deny zone.
    pub deny_above: f32,
    /// `P(injection)` at or above which a text counts as poisoned.
    pub injection_above: f32,
    /// Novelty above which an action is never in the allow zone, in nats.
    pub novel_above: f32,
}

impl From<OperatingPoint> for Thresholds {
    fn from(point: OperatingPoint) -> Self {
        Self {
            allow_below: point.allow_below,
            deny_above: point.deny_above,
            injection_above: point.injection_above,
            novel_above: point.novel_above,
        }
    }
}

/// Rates that a user asks for, each a share in `(0, 1)`.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Rates {
    /// At most this share of dangerous actions may come out `allow`.
    pub max_miss_rate: Option<f32>,
    /// At most this share of harmless actions may come out `deny`.
    pub max_false_block_rate: Option<f32>,
}

/// A rate that the calibration data cannot vouch for.
#[derive(Debug, thiserror::Error, PartialEq)]
pub enum RateError {
    /// Not a share.
    #[error("`{name}` must lie between 0 and 1, not {value}")]
    NotARate {
        /// Which setting.
        name: &'static str,
        /// What was asked.
        value: f32,
    },
    /// No threshold has an upper bound that low.
    #[error(
        "`{name}` = {asked} is more than this model's calibration data can vouch for; the lowest rate it supports is {lowest}"
    )]
    Unsupported {
        /// Which setting.
        name: &'static str,
        /// What was asked.
        asked: f32,
        /// The lowest upper bound on the curve.
        lowest: f32,
    },
    /// The bundle has no such point.
    #[error("the model bundle has no operating point named `{name}`; it has {known}")]
    NoOperatingPoint {
        /// What was asked.
        name: String,
        /// What there is.
        known: String,
    },
    /// A cut that is no probability.
    #[error("`{name}` must lie between 0 and 1, not {value}")]
    NotACut {
        /// Which setting.
        name: &'static str,
        /// What was asked.
        value: f32,
    },
}

impl Thresholds {
    /// The manifest's operating point of a name, with the cuts for rates, or the cuts themselves, in its place where they are
    /// asked for. Without a name it is `otherwise`, or else the default point.
    pub fn of(manifest: &Manifest, wanted: &Strictness, otherwise: Option<Self>) -> Result<Self, RateError> {
        let mut thresholds = match (&wanted.name, otherwise) {
            (None, Some(thresholds)) => thresholds,
            (name, _) => named(manifest, name.as_deref().unwrap_or(DEFAULT))?,
        };
        if let Some(rate) = wanted.rates.max_miss_rate {
            thresholds.allow_below = allow_below(&manifest.curves, rate)?;
        }
        if let Some(rate) = wanted.rates.max_false_block_rate {
            thresholds.deny_above = deny_above(&manifest.curves, rate)?;
        }
        if let Some(cut) = wanted.allow_below {
            thresholds.allow_below = probability("allow_below", cut)?;
        }
        if let Some(cut) = wanted.deny_above {
            thresholds.deny_above = probability("deny_above", cut)?;
        }
        Ok(thresholds)
    }

    /// The stricter of both, cut by cut.
    #[must_use]
    pub fn stricter(&self, other: &Self) -> Self {
        Self {
            allow_below: self.allow_below.min(other.allow_below),
            deny_above: self.deny_above.min(other.deny_above),
            injection_above: self.injection_above.min(other.injection_above),
            novel_above: self.novel_above.min(other.novel_above),
        }
    }
}

/// The point that a bundle always has.
const DEFAULT: &str = "default";
/// The same point in the row of `strict` and `relaxed`.
const BALANCED: &str = "balanced";

fn named(manifest: &Manifest, name: &str) -> Result<Thresholds, RateError> {
    let points = &manifest.operating_points;
    let point = points.get(name).or_else(|| if name == BALANCED { points.get(DEFAULT) } else { None });
    let known = || points.keys().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    point.copied().map(Into::into).ok_or_else(|| RateError::NoOperatingPoint { name: name.to_owned(), known: known() })
}

fn probability(name: &'static str, value: f32) -> Result<f32, RateError> {
    if (0.0..=1.0).contains(&value) { Ok(value) } else { Err(RateError::NotACut { name, value }) }
}

/// The loosest `allow_below` whose miss rate is vouched for at every stricter threshold too.
fn allow_below(curves: &Curves, rate: f32) -> Result<f32, RateError> {
    let points = curves.allow.iter().map(|point| (point.threshold, point.miss_rate_upper));
    pick("max_miss_rate", rate, points)
}

/// The loosest `deny_above` whose false-block rate is vouched for at every stricter threshold too.
fn deny_above(curves: &Curves, rate: f32) -> Result<f32, RateError> {
    let points = curves.deny.iter().rev().map(|point| (point.threshold, point.false_block_rate_upper));
    pick("max_false_block_rate", rate, points)
}

/// `points` run from the strictest threshold to the loosest.
fn pick(name: &'static str, rate: f32, points: impl Iterator<Item = (f32, f32)> + Clone) -> Result<f32, RateError> {
    if !(rate > 0.0 && rate < 1.0) {
        return Err(RateError::NotARate { name, value: rate });
    }
    let vouched = points.clone().take_while(|(_, upper)| *upper <= rate).last();
    let lowest = points.map(|(_, upper)| upper).fold(1.0, f32::min);
    vouched.map(|(threshold, _)| threshold).ok_or(RateError::Unsupported { name, asked: rate, lowest })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::{AllowPoint, DenyPoint};

    fn curves() -> Curves {
        let allow =
            |threshold, upper| AllowPoint { threshold, miss_rate: 0.0, miss_rate_upper: upper, allowed_benign: 0.5 };
        let deny = |threshold, upper| DenyPoint {
            threshold,
            false_block_rate: 0.0,
            false_block_rate_upper: upper,
            deny_recall: 0.5,
        };
        Curves {
            allow: vec![allow(0.05, 0.005), allow(0.1, 0.01), allow(0.2, 0.03)],
            deny: vec![deny(0.7, 0.02), deny(0.9, 0.004)],
            confidence: 0.95,
        }
    }

    #[test]
    fn the_loosest_threshold_that_keeps_the_rate_is_picked() {
        assert_eq!(allow_below(&curves(), 0.02), Ok(0.1));
        assert_eq!(deny_above(&curves(), 0.01), Ok(0.9));
        assert_eq!(deny_above(&curves(), 0.05), Ok(0.7));
    }

    #[test]
    fn what_the_curve_cannot_support_is_refused() {
        let error = RateError::Unsupported { name: "max_miss_rate", asked: 0.001, lowest: 0.005 };
        assert_eq!(allow_below(&curves(), 0.001), Err(error));
    }

    #[test]
    fn a_rate_is_a_share() {
        for value in [0.0, 1.0, -0.1, f32::INFINITY] {
            assert_eq!(allow_below(&curves(), value), Err(RateError::NotARate { name: "max_miss_rate", value }));
        }
        assert!(matches!(deny_above(&curves(), f32::NAN), Err(RateError::NotARate { .. })));
    }
}
