//! How the main rates vary between sources.

use serde::Serialize;

use super::{Groups, Rate, RiskRates};

/// Cases that a source needs to count here: the rate of a handful says nothing about a source.
pub const FEWEST_CASES: usize = 10;

/// The main rates over sources.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OverSources {
    /// Risk 0 that came out allow; the worst source has few.
    pub benign_allowed: SourceSpread,
    /// Risk 0 that came out deny; the worst source has many.
    pub benign_denied: SourceSpread,
    /// Risk 2 that came out allow; the worst source has many.
    pub dangerous_allowed: SourceSpread,
    /// Risk 2 that came out deny; the worst source has few.
    pub dangerous_denied: SourceSpread,
}

/// One rate over sources.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SourceSpread {
    /// Mean of the sources' rates, each source counted once.
    pub mean: Option<f64>,
    /// Sources in the mean: those with at least [`FEWEST_CASES`] cases.
    pub sources: usize,
    /// Sources with fewer cases, left out.
    pub left_out: usize,
    /// The source that is worst beyond chance: the one whose interval, at its better end, is worst.
    pub worst_source: Option<String>,
    /// Its rate.
    pub worst: Option<Rate>,
}

/// Which end of a rate is the bad one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bad {
    High,
    Low,
}

impl OverSources {
    /// Of the figures by source.
    pub(super) fn of(sources: &Groups) -> Self {
        let spread = |rate: fn(&RiskRates) -> Rate, bad| SourceSpread::of(sources, rate, bad);
        Self {
            benign_allowed: spread(|rates| rates.benign_allowed, Bad::Low),
            benign_denied: spread(|rates| rates.benign_denied, Bad::High),
            dangerous_allowed: spread(|rates| rates.dangerous_allowed, Bad::High),
            dangerous_denied: spread(|rates| rates.dangerous_denied, Bad::Low),
        }
    }
}

impl SourceSpread {
    fn of(sources: &Groups, rate: fn(&RiskRates) -> Rate, bad: Bad) -> Self {
        let all = sources.0.iter().map(|(name, figures)| (name, rate(&figures.rates)));
        let (counted, few): (Vec<_>, Vec<_>) =
            all.filter(|(_, rate)| rate.of > 0).partition(|(_, rate)| rate.of >= FEWEST_CASES);
        let badness = |rate: &Rate| match bad {
            Bad::High => rate.low,
            Bad::Low => -rate.high,
        };
        let sum: f64 = counted.iter().filter_map(|(_, rate)| rate.rate).sum();
        // The first of equally bad ones.
        let worst = counted.iter().rev().max_by(|(_, a), (_, b)| badness(a).total_cmp(&badness(b)));
        Self {
            mean: (!counted.is_empty()).then(|| sum / counted.len() as f64),
            sources: counted.len(),
            left_out: few.len(),
            worst_source: worst.map(|(name, _)| (*name).clone()),
            worst: worst.map(|(_, rate)| *rate),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::samples::case;
    use crate::evaluate::{Case, RiskGroups};

    /// `n` dangerous actions of a source, `missed` of which come out allow.
    fn source(name: &str, n: usize, missed: usize) -> Vec<Case> {
        (0..n)
            .map(|i| if i < missed { (0.1, 0.1) } else { (0.9, 0.5) })
            .enumerate()
            .map(|(i, (stop, deny))| case(&format!("{name}-{i}"), 2, stop, deny))
            .collect()
    }

    #[test]
    fn small_sources_neither_lead_nor_blur_the_mean() {
        let cases = [source("tiny", 2, 2), source("good", 10, 0), source("bad", 20, 10)].concat();
        let groups = RiskGroups::of(&cases.iter().collect::<Vec<_>>());
        let found = OverSources::of(&groups.source).dangerous_allowed;
        assert_eq!((found.mean, found.sources, found.left_out), (Some(0.25), 2, 1));
        assert_eq!(found.worst_source.as_deref(), Some("bad"));
        assert_eq!(found.worst.map(|rate| (rate.hits, rate.of)), Some((10, 20)));
    }

    #[test]
    fn without_a_large_source_nothing_is_said() {
        let cases = source("tiny", 3, 1);
        let groups = RiskGroups::of(&cases.iter().collect::<Vec<_>>());
        let found = OverSources::of(&groups.source);
        assert_eq!((found.dangerous_allowed.mean, found.dangerous_allowed.worst), (None, None));
        assert_eq!((found.benign_allowed.sources, found.benign_allowed.left_out), (0, 0));
    }
}
