//! A share with its exact interval.

use serde::Serialize;
use statrs::distribution::{Beta, ContinuousCDF};

/// Half of what a 95 % interval leaves out.
const TAIL: f64 = 0.025;

/// How many of how many, and the exact 95 % interval of the share (Clopper and Pearson, Biometrika 26, 1934).
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Rate {
    /// How many.
    pub hits: usize,
    /// Of how many.
    pub of: usize,
    /// The share; none of nothing.
    pub rate: Option<f64>,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end of the interval.
    pub high: f64,
}

impl Rate {
    /// `hits` of `of`.
    pub fn new(hits: usize, of: usize) -> Self {
        let (low, high) = interval(hits, of);
        let rate = (of > 0).then(|| hits as f64 / of as f64);
        Self { hits, of, rate, low, high }
    }

    /// How many of the values are true.
    pub fn over(values: impl IntoIterator<Item = bool>) -> Self {
        let (hits, of) = values.into_iter().fold((0, 0), |(hits, of), value| (hits + usize::from(value), of + 1));
        Self::new(hits, of)
    }
}

/// The share `part / whole`; 0 of nothing.
pub(super) fn share(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

fn interval(hits: usize, of: usize) -> (f64, f64) {
    let misses = of.saturating_sub(hits);
    let low = if hits == 0 { 0.0 } else { beta_quantile(TAIL, hits, misses + 1).unwrap_or(0.0) };
    let high = if misses == 0 { 1.0 } else { beta_quantile(1.0 - TAIL, hits + 1, misses).unwrap_or(1.0) };
    (low, high)
}

fn beta_quantile(share: f64, a: usize, b: usize) -> Option<f64> {
    Beta::new(a as f64, b as f64).ok().map(|beta| beta.inverse_cdf(share))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `hits`, `of`, and the interval by `scipy.stats.beta.ppf`.
    const KNOWN: [(usize, usize, f64, f64); 9] = [
        (0, 1, 0.0000000000, 0.9750000000),
        (1, 1, 0.0250000000, 1.0000000000),
        (1, 2, 0.0125791171, 0.9874208829),
        (0, 24, 0.0000000000, 0.1424735977),
        (3, 518, 0.0011959439, 0.0168312456),
        (17, 518, 0.0192319443, 0.0520267641),
        (1263, 1880, 0.6500615918, 0.6930180987),
        (12, 20000, 0.0003100660, 0.0010478444),
        (19990, 20000, 0.9990806751, 0.9997602054),
    ];

    #[test]
    fn intervals_are_those_of_clopper_and_pearson() {
        for (hits, of, low, high) in KNOWN {
            let rate = Rate::new(hits, of);
            assert!((rate.low - low).abs() < 1e-7 && (rate.high - high).abs() < 1e-7, "{rate:?}");
        }
    }

    #[test]
    fn nothing_of_nothing_is_unknown() {
        let rate = Rate::over([]);
        assert_eq!((rate.rate, rate.low, rate.high), (None, 0.0, 1.0));
    }

    #[test]
    fn an_interval_holds_its_rate() {
        for of in 1..60 {
            for hits in 0..=of {
                let Rate { rate, low, high, .. } = Rate::new(hits, of);
                assert!(rate.is_some_and(|rate| (low..=high).contains(&rate)), "{hits} of {of}: {low} to {high}");
            }
        }
    }
}
