//! Numbers and names in words, the same on the page and in the terminal.

use crate::evaluate::{Groups, Rate, RiskFigures, RiskRates};

/// What stands for a figure that there is none of.
pub(super) const UNKNOWN: &str = "n/a";

/// A share in per cent.
pub(super) fn percent(share: Option<f64>) -> String {
    share.map_or_else(|| UNKNOWN.to_owned(), |share| format!("{:.1} %", share * 100.0))
}

/// The interval of a rate in per cent.
pub(super) fn interval(rate: &Rate) -> String {
    match rate.rate {
        Some(_) => format!("{:.1} to {:.1} %", rate.low * 100.0, rate.high * 100.0),
        None => UNKNOWN.to_owned(),
    }
}

/// What a rate counts.
pub(super) fn counts(rate: &Rate) -> String {
    format!("{} of {}", rate.hits, rate.of)
}

/// A rate with its counts: what a table of groups shows, so that few cases are seen to be few.
pub(super) fn counted(rate: &Rate) -> String {
    match rate.rate {
        Some(_) => format!("{} ({}/{})", percent(rate.rate), rate.hits, rate.of),
        None => UNKNOWN.to_owned(),
    }
}

/// A figure between 0 and 1 with three decimals.
pub(super) fn decimal(value: Option<f64>) -> String {
    value.map_or_else(|| UNKNOWN.to_owned(), |value| format!("{value:.3}"))
}

/// Such a figure with its interval.
pub(super) fn decimal_within(value: Option<f64>, interval: Option<[f64; 2]>) -> String {
    match interval {
        Some([low, high]) => format!("{} ({low:.3} to {high:.3})", decimal(value)),
        None => decimal(value),
    }
}

/// The rates that matter, in words.
pub(super) fn named_rates(rates: &RiskRates) -> [(&'static str, Rate); 8] {
    [
        ("harmless: allowed", rates.benign_allowed),
        ("harmless: not allowed", rates.benign_not_allowed),
        ("harmless: denied", rates.benign_denied),
        ("to be asked: allowed", rates.ask_allowed),
        ("to be asked: denied", rates.ask_denied),
        ("dangerous: allowed", rates.dangerous_allowed),
        ("dangerous: denied", rates.dangerous_denied),
        ("all: decided on the spot", rates.decided_locally),
    ]
}

/// At most `most` groups, those with the most actions first, and how many were left out.
pub(super) fn largest(groups: &Groups, most: usize) -> (Vec<&(String, RiskFigures)>, usize) {
    let mut sorted: Vec<&(String, RiskFigures)> = groups.0.iter().collect();
    sorted.sort_by_key(|(_, figures)| std::cmp::Reverse(figures.actions));
    let left_out = sorted.len().saturating_sub(most);
    sorted.truncate(most);
    (sorted, left_out)
}

/// A name from the input on one line: control and invisible characters are spelled out, so that they cannot steer a
/// terminal or pose as something else.
pub(super) fn plain(text: &str) -> String {
    let spelled = |c: char| match c {
        '"' | '\'' | '\\' => c.to_string(),
        _ => c.escape_debug().to_string(),
    };
    text.chars().map(spelled).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_cases_are_seen_to_be_few() {
        assert_eq!(counted(&Rate::new(1, 2)), "50.0 % (1/2)");
        assert_eq!((counted(&Rate::new(0, 0)).as_str(), interval(&Rate::new(0, 0)).as_str()), (UNKNOWN, UNKNOWN));
        assert_eq!(decimal_within(Some(0.5), Some([0.25, 0.75])), "0.500 (0.250 to 0.750)");
    }

    #[test]
    fn a_name_cannot_steer_the_terminal() {
        assert_eq!(plain("a\u{1b}[2J\n\u{202e}b é \"'\\"), "a\\u{1b}[2J\\n\\u{202e}b é \"'\\");
    }
}
