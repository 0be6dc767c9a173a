//! How well a score tells two classes apart.

use super::rate::share;

/// The 97.5 % quantile of the standard normal distribution.
const NORMAL_975: f64 = 1.959_963_984_540_054;

/// A score and whether its case belongs to the positive class.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Scored {
    pub(super) score: f64,
    pub(super) positive: bool,
}

/// Area under the ROC curve and its 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Auc {
    pub(super) value: f64,
    /// Absent where a class has one member or nothing varies: then the data say nothing about the spread.
    pub(super) interval: Option<[f64; 2]>,
}

/// The scores of the two classes, negatives first.
fn split(scored: &[Scored]) -> (Vec<f64>, Vec<f64>) {
    let of = |positive| scored.iter().filter(|s| s.positive == positive).map(|s| s.score).collect();
    (of(false), of(true))
}

/// Area under the ROC curve; `None` when one of the classes is missing.
///
/// The interval is that of DeLong, DeLong and Clarke-Pearson (Biometrics 44, 1988), computed from midranks as by Sun and Xu
/// (IEEE Signal Processing Letters 21, 2014). A bootstrap over whole groups would also count that actions of one source are
/// alike, but which records belong together is not known in general, and it would need a seed; how much sources differ is
/// told by the spread over sources instead.
pub(super) fn auc(scored: &[Scored]) -> Option<Auc> {
    let (negative, positive) = split(scored);
    if negative.is_empty() || positive.is_empty() {
        return None;
    }
    let all: Vec<f64> = positive.iter().chain(&negative).copied().collect();
    let ranks = midranks(&all);
    let (of_positive, of_negative) = ranks.split_at_checked(positive.len())?;
    let placed = |ranks: &[f64], scores: &[f64], others: usize| -> Vec<f64> {
        ranks.iter().zip(midranks(scores)).map(|(among_all, within)| (among_all - within) / others as f64).collect()
    };
    // Of each positive, the share of negatives below it; of each negative, the share of positives below it.
    let below = placed(of_positive, &positive, negative.len());
    let above = placed(of_negative, &negative, positive.len());
    let value = mean(&below);
    let deviation = variance_of_mean(&below).zip(variance_of_mean(&above)).map(|(a, b)| (a + b).sqrt());
    let interval = deviation.filter(|deviation| *deviation > 0.0).map(|deviation| {
        let margin = NORMAL_975 * deviation;
        [(value - margin).max(0.0), (value + margin).min(1.0)]
    });
    Some(Auc { value, interval })
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// The variance of the mean, from the spread of the values; `None` of fewer than two.
fn variance_of_mean(values: &[f64]) -> Option<f64> {
    let n = values.len() as f64;
    let middle = mean(values);
    let squares: f64 = values.iter().map(|value| (value - middle).powi(2)).sum();
    (values.len() > 1).then(|| squares / (n - 1.0) / n)
}

/// The rank of each value from 1; equal values share the middle of theirs.
fn midranks(values: &[f64]) -> Vec<f64> {
    let mut sorted: Vec<(usize, f64)> = values.iter().copied().enumerate().collect();
    sorted.sort_by(|a, b| a.1.total_cmp(&b.1));
    let mut ranked = Vec::with_capacity(sorted.len());
    for tied in sorted.chunk_by(|a, b| a.1 == b.1) {
        let rank = ranked.len() as f64 + (tied.len() as f64 + 1.0) / 2.0;
        ranked.extend(tied.iter().map(|(place, _)| (*place, rank)));
    }
    ranked.sort_by_key(|(place, _)| *place);
    ranked.into_iter().map(|(_, rank)| rank).collect()
}

/// Positives and negatives at or above each distinct score, highest first.
pub(super) fn counts_from_the_top(scored: &[Scored]) -> Vec<Passed> {
    let mut sorted = scored.to_vec();
    sorted.sort_by(|a, b| b.score.total_cmp(&a.score));
    let mut passed = Passed { threshold: f64::INFINITY, positives: 0, negatives: 0 };
    let step = |tied: &[Scored]| {
        passed.threshold = tied.first().map_or(passed.threshold, |scored| scored.score);
        passed.positives += tied.iter().filter(|scored| scored.positive).count();
        passed.negatives += tied.iter().filter(|scored| !scored.positive).count();
        passed
    };
    sorted.chunk_by(|a, b| a.score == b.score).map(step).collect()
}

/// How many lie at or above a threshold.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Passed {
    pub(super) threshold: f64,
    pub(super) positives: usize,
    pub(super) negatives: usize,
}

/// Average precision: the precision at each threshold, weighted by the recall it adds. `None` without positives.
pub(super) fn average_precision(scored: &[Scored]) -> Option<f64> {
    let n_positives = scored.iter().filter(|scored| scored.positive).count();
    let mut found = 0;
    let terms = counts_from_the_top(scored).into_iter().map(|passed| {
        let added = share(passed.positives - found, n_positives);
        found = passed.positives;
        added * share(passed.positives, passed.positives + passed.negatives)
    });
    let sum = terms.sum();
    (n_positives > 0).then_some(sum)
}

/// The share of positives above the threshold that `limit` of the negatives pass; `None` when one of the classes is missing.
pub(super) fn recall_at_false_positive_rate(scored: &[Scored], limit: f64) -> Option<f64> {
    let (mut negative, positive) = split(scored);
    negative.sort_by(|a, b| b.total_cmp(a));
    let place = ((limit * negative.len() as f64) as usize).min(negative.len().saturating_sub(1));
    let threshold = *negative.get(place)?;
    let above = positive.iter().filter(|score| **score > threshold).count();
    (!positive.is_empty()).then(|| share(above, positive.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scored(negative: &[f64], positive: &[f64]) -> Vec<Scored> {
        let of = |scores: &[f64], positive| scores.iter().map(|&score| Scored { score, positive }).collect::<Vec<_>>();
        [of(negative, false), of(positive, true)].concat()
    }

    #[test]
    fn equal_values_share_their_ranks() {
        assert_eq!(midranks(&[3.0, 1.0, 3.0, 2.0]), [3.5, 1.0, 3.5, 2.0]);
    }

    #[test]
    fn the_area_counts_pairs_in_order_and_half_the_ties() {
        // Of six pairs four are in order and one is a tie: 4.5 / 6.
        let found = auc(&scored(&[0.1, 0.5, 0.6], &[0.5, 0.9])).unwrap();
        assert!((found.value - 4.5 / 6.0).abs() < 1e-12, "{found:?}");
    }

    #[test]
    fn the_interval_is_delongs() {
        // Shares below each positive: 1.5/3 and 3/3, variance of the mean 0.0625; shares of positives below each negative:
        // 0, 0.25, 0.5, variance of the mean 0.0625/3.
        let found = auc(&scored(&[0.1, 0.5, 0.6], &[0.5, 0.9])).unwrap();
        let deviation = (0.0625_f64 + 0.0625 / 3.0).sqrt();
        let low = (0.75 - NORMAL_975 * deviation).max(0.0);
        assert!(found.interval.is_some_and(|[l, h]| (l - low).abs() < 1e-12 && h == 1.0), "{found:?}");
    }

    #[test]
    fn what_cannot_be_told_is_none() {
        assert_eq!(auc(&scored(&[0.1], &[])), None);
        assert_eq!(auc(&scored(&[], &[0.1])), None);
        assert_eq!(auc(&[]), None);
        assert_eq!(auc(&scored(&[0.1, 0.2], &[0.8, 0.9])), Some(Auc { value: 1.0, interval: None }));
        assert_eq!(auc(&scored(&[0.1], &[0.8])), Some(Auc { value: 1.0, interval: None }));
        assert_eq!(average_precision(&scored(&[0.3], &[])), None);
        assert_eq!(recall_at_false_positive_rate(&scored(&[], &[0.1]), 0.01), None);
        assert_eq!(recall_at_false_positive_rate(&scored(&[0.1], &[]), 0.01), None);
    }

    #[test]
    fn average_precision_by_hand() {
        // From the top: hit (1/1), miss, hit (2/3), miss; half of the recall each.
        let found = average_precision(&scored(&[0.8, 0.2], &[0.9, 0.7])).unwrap();
        assert!((found - (0.5 + 0.5 * 2.0 / 3.0)).abs() < 1e-12, "{found}");
    }

    #[test]
    fn recall_above_the_highest_negatives() {
        let negative: Vec<f64> = (0..200).map(|n| f64::from(n) / 200.0).collect();
        // 1 % of 200 are two: the third highest, 0.985, is the threshold.
        let found = recall_at_false_positive_rate(&scored(&negative, &[0.985, 0.99, 0.5, 1.0]), 0.01);
        assert_eq!(found, Some(0.5));
    }
}
