//! What an operator watches: counts and times for Prometheus.

use std::fmt;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

use crate::verdict::Decision;

/// The media type of the text that [`Metrics::text`] gives.
pub(super) const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Everything that is counted.
pub(super) struct Metrics {
    registry: Registry,
    decisions: Family<DecisionLabels, Counter>,
    seconds: Histogram,
    refused: Family<RefusalLabels, Counter>,
    reloads: Family<ReloadLabels, Counter>,
    waiting: Gauge,
    generation: Gauge<u64, AtomicU64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DecisionLabels {
    verdict: &'static str,
    source: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RefusalLabels {
    door: &'static str,
    cause: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReloadLabels {
    outcome: &'static str,
}

/// Why a call was not taken to a worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub(super) enum Refusal {
    /// Too many calls wait.
    Busy,
    /// No answer in time.
    Late,
    /// Another user's process.
    Foreign,
    /// Another riskgate.
    Mismatch,
    /// Not a request.
    Malformed,
    /// Without the token.
    Unauthorised,
}

/// A way in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub(super) enum Door {
    /// The local socket.
    Socket,
    /// HTTP.
    Http,
}

impl Metrics {
    pub(super) fn new() -> Self {
        let mut registry = Registry::with_prefix("riskgate");
        let (decisions, refused, reloads) = (Family::default(), Family::default(), Family::default());
        let (waiting, generation) = (Gauge::default(), Gauge::default());
        // 0.1 ms to 3.3 s: from a remembered decision to a deadline.
        let seconds = Histogram::new(exponential_buckets(1e-4, 2.0, 16));
        registry.register("decisions", "Decisions by verdict and by who settled them", decisions.clone());
        registry.register_with_unit("decision", "Time of one request's decisions", Unit::Seconds, seconds.clone());
        registry.register("refused", "Requests that no worker judged", refused.clone());
        registry.register("reloads", "Attempts to load a new bundle", reloads.clone());
        registry.register("waiting", "Calls that wait for a worker", waiting.clone());
        registry.register("generation", "How often a bundle was loaded", generation.clone());
        Self { registry, decisions, seconds, refused, reloads, waiting, generation }
    }

    /// Counts the decisions of one request.
    pub(super) fn decided(&self, decisions: &[Decision], elapsed: Duration) {
        for decision in decisions {
            let labels = DecisionLabels { verdict: decision.verdict.into(), source: decision.source.into() };
            self.decisions.get_or_create(&labels).inc();
        }
        self.seconds.observe(elapsed.as_secs_f64());
    }

    pub(super) fn refused(&self, door: Door, cause: Refusal) {
        self.refused.get_or_create(&RefusalLabels { door: door.into(), cause: cause.into() }).inc();
    }

    /// The first bundle is in use.
    pub(super) fn loaded(&self) {
        self.generation.set(1);
    }

    pub(super) fn reloaded(&self, generation: u64) {
        self.reloads.get_or_create(&ReloadLabels { outcome: "done" }).inc();
        self.generation.set(generation);
    }

    pub(super) fn reload_failed(&self) {
        self.reloads.get_or_create(&ReloadLabels { outcome: "failed" }).inc();
    }

    pub(super) fn waits(&self) {
        self.waiting.inc();
    }

    pub(super) fn waits_no_more(&self) {
        self.waiting.dec();
    }

    /// All of it as text.
    pub(super) fn text(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Asking, Failure, fail_safe};

    #[test]
    fn what_is_counted_can_be_scraped() {
        let metrics = Metrics::new();
        metrics.decided(&[fail_safe(&Failure::Busy, Asking::Possible)], Duration::from_millis(3));
        metrics.refused(Door::Http, Refusal::Unauthorised);
        metrics.reloaded(2);
        let text = metrics.text().unwrap();
        for line in [
            "riskgate_decisions_total{verdict=\"ask\",source=\"fail_safe\"} 1",
            "riskgate_decision_seconds_count 1",
            "riskgate_refused_total{door=\"http\",cause=\"unauthorised\"} 1",
            "riskgate_reloads_total{outcome=\"done\"} 1",
            "riskgate_generation 2",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
        }
    }
}
