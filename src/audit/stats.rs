//! How many decisions of which kind, and how fast.

use std::collections::BTreeMap;

use serde::Serialize;

use super::reader::Record;

/// Decisions counted.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Stats {
    /// All.
    pub n_decisions: u64,
    /// By verdict.
    pub verdicts: BTreeMap<String, u64>,
    /// By tool, then verdict.
    pub tools: BTreeMap<String, BTreeMap<String, u64>>,
    /// By source, then verdict.
    pub sources: BTreeMap<String, BTreeMap<String, u64>>,
    /// By side effect that is likelier than not, then verdict.
    pub effects: BTreeMap<String, BTreeMap<String, u64>>,
    /// By session, then verdict.
    pub sessions: BTreeMap<String, BTreeMap<String, u64>>,
    /// By rule, then verdict.
    pub rules: BTreeMap<String, BTreeMap<String, u64>>,
    /// Of all decisions.
    pub latency: Latency,
    /// Of the reviews.
    pub review_latency: Latency,
    #[serde(skip)]
    times: Vec<u64>,
    #[serde(skip)]
    review_times: Vec<u64>,
}

/// Microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Latency {
    /// How many were measured.
    pub n: usize,
    /// Half took no longer.
    pub median_us: u64,
    /// Nine in ten took no longer.
    pub p90_us: u64,
    /// 99 in a hundred took no longer.
    pub p99_us: u64,
    /// The longest.
    pub most_us: u64,
}

impl Stats {
    /// Counts one more.
    pub fn add(&mut self, record: &Record) {
        let verdict = record.text("/decision/verdict");
        self.n_decisions += 1;
        *self.verdicts.entry(verdict.to_owned()).or_default() += 1;
        count(&mut self.tools, record.text("/what/tool"), verdict);
        count(&mut self.sources, record.text("/decision/source"), verdict);
        record.effects().for_each(|effect| count(&mut self.effects, effect, verdict));
        count(&mut self.sessions, record.text("/who/session"), verdict);
        record.list("/rules").for_each(|rule| count(&mut self.rules, rule, verdict));
        self.times.push(record.number("/total_us"));
        self.review_times.extend(record.json.pointer("/review/us").and_then(serde_json::Value::as_u64));
    }

    /// The same with its latencies.
    #[must_use]
    pub fn finished(mut self) -> Self {
        self.latency = Latency::of(&mut self.times);
        self.review_latency = Latency::of(&mut self.review_times);
        self
    }
}

fn count(groups: &mut BTreeMap<String, BTreeMap<String, u64>>, group: &str, verdict: &str) {
    *groups.entry(group.to_owned()).or_default().entry(verdict.to_owned()).or_default() += 1;
}

impl Latency {
    fn of(times: &mut [u64]) -> Self {
        times.sort_unstable();
        let n = times.len();
        // The nearest rank: a time that was measured.
        let at = |percent: usize| times.get((n * percent).div_ceil(100).saturating_sub(1)).copied().unwrap_or_default();
        Self { n, median_us: at(50), p90_us: at(90), p99_us: at(99), most_us: at(100) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_times_that_were_measured() {
        let mut times: Vec<u64> = (1..=200).rev().collect();
        let latency = Latency::of(&mut times);
        assert_eq!(latency, Latency { n: 200, median_us: 100, p90_us: 180, p99_us: 198, most_us: 200 });
        assert_eq!(Latency::of(&mut []), Latency::default());
    }
}
