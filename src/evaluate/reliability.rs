//! Whether probabilities mean what they say.

use serde::Serialize;

use super::Rate;
use super::ranking::Scored;

/// Most bins of a reliability diagram.
pub const MOST_BINS: usize = 15;

/// Predicted probabilities beside what happened, in bins of equal mass: most answers lie near 0 and 1, where bins of equal
/// width would average over nearly everything. Equal scores are never parted, so there may be fewer than [`MOST_BINS`].
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Reliability {
    /// Mean distance of a bin's mean prediction from its share of positives, weighted by size (Naeini et al., AAAI 2015).
    pub expected_calibration_error: Option<f64>,
    /// Lowest probabilities first.
    pub bins: Vec<ReliabilityBin>,
}

/// The cases whose probability lies in one range.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ReliabilityBin {
    /// Lowest probability in it.
    pub from: f64,
    /// Highest probability in it.
    pub to: f64,
    /// Mean probability.
    pub predicted: f64,
    /// Share of positives.
    pub observed: Rate,
}

impl Reliability {
    /// Of the given answers.
    pub(super) fn of(scored: &[Scored]) -> Self {
        let bins: Vec<ReliabilityBin> = equal_mass(scored).iter().map(|bin| summarise(bin)).collect();
        let distance = |bin: &ReliabilityBin| {
            (bin.predicted - bin.observed.rate.unwrap_or_default()).abs() * bin.observed.of as f64
        };
        let error = bins.iter().map(distance).sum::<f64>() / scored.len() as f64;
        Self { expected_calibration_error: (!scored.is_empty()).then_some(error), bins }
    }
}

/// The scores in rising order, cut into bins by the rank of the first of equal ones.
fn equal_mass(scored: &[Scored]) -> Vec<Vec<Scored>> {
    let mut sorted = scored.to_vec();
    sorted.sort_by(|a, b| a.score.total_cmp(&b.score));
    let mut bins: Vec<(usize, Vec<Scored>)> = Vec::new();
    let mut rank = 0;
    for tied in sorted.chunk_by(|a, b| a.score == b.score) {
        let number = rank * MOST_BINS / sorted.len();
        rank += tied.len();
        match bins.last_mut() {
            Some((last, bin)) if *last == number => bin.extend(tied),
            _ => bins.push((number, tied.to_vec())),
        }
    }
    bins.into_iter().map(|(_, bin)| bin).collect()
}

fn summarise(bin: &[Scored]) -> ReliabilityBin {
    let scores = || bin.iter().map(|scored| scored.score);
    ReliabilityBin {
        from: scores().fold(f64::INFINITY, f64::min),
        to: scores().fold(f64::NEG_INFINITY, f64::max),
        predicted: scores().sum::<f64>() / bin.len() as f64,
        observed: Rate::over(bin.iter().map(|scored| scored.positive)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_answers_by_hand() {
        let scored = [Scored { score: 0.25, positive: false }, Scored { score: 0.75, positive: true }];
        let found = Reliability::of(&scored);
        assert_eq!(found.expected_calibration_error, Some(0.25));
        assert_eq!(found.bins.iter().map(|bin| bin.predicted).collect::<Vec<_>>(), [0.25, 0.75]);
    }

    #[test]
    fn bins_have_equal_mass_and_ties_stay_together() {
        let scored: Vec<Scored> = (0..150).map(|n| Scored { score: f64::from(n), positive: n % 2 == 0 }).collect();
        let sizes: Vec<usize> = Reliability::of(&scored).bins.iter().map(|bin| bin.observed.of).collect();
        assert_eq!(sizes, [10; MOST_BINS]);
        let alike = [Scored { score: 0.5, positive: true }; 40];
        let found = Reliability::of(&alike);
        assert_eq!((found.bins.len(), found.expected_calibration_error), (1, Some(0.5)));
    }

    #[test]
    fn nothing_has_no_error() {
        assert_eq!(Reliability::of(&[]), Reliability { expected_calibration_error: None, bins: Vec::new() });
    }
}
