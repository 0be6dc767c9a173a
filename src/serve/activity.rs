//! What a daemon has to do at the moment and has done: for idling, draining and whoever asks.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Counts calls. Every number stands for itself, so none is ordered after another.
#[derive(Debug)]
pub(super) struct Activity {
    started: Instant,
    in_flight: AtomicUsize,
    calls: AtomicU64,
    last_ms: AtomicU64,
}

/// A call that is being answered; it is over when this is dropped.
#[derive(Debug)]
pub(super) struct InFlight<'a>(&'a Activity);

impl Activity {
    pub(super) fn new() -> Self {
        Self {
            started: Instant::now(),
            in_flight: AtomicUsize::new(0),
            calls: AtomicU64::new(0),
            last_ms: AtomicU64::new(0),
        }
    }

    /// A call begins.
    pub(super) fn begin(&self) -> InFlight<'_> {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        InFlight(self)
    }

    /// Calls that wait or are being judged.
    pub(super) fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// Calls answered.
    pub(super) fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }

    /// Since the start.
    pub(super) fn uptime(&self) -> Duration {
        self.started.elapsed()
    }

    /// How long nothing was to be done.
    pub(super) fn idle(&self) -> Duration {
        if self.in_flight() > 0 {
            return Duration::ZERO;
        }
        self.uptime().saturating_sub(Duration::from_millis(self.last_ms.load(Ordering::Relaxed)))
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        let now = u64::try_from(self.0.uptime().as_millis()).unwrap_or(u64::MAX);
        self.0.last_ms.fetch_max(now, Ordering::Relaxed);
        self.0.calls.fetch_add(1, Ordering::Relaxed);
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_in_flight_is_no_idleness() {
        let activity = Activity::new();
        let call = activity.begin();
        std::thread::sleep(Duration::from_millis(20));
        assert_eq!((activity.idle(), activity.in_flight(), activity.calls()), (Duration::ZERO, 1, 0));
        drop(call);
        assert_eq!((activity.in_flight(), activity.calls()), (0, 1));
        assert!(activity.idle() < Duration::from_millis(20));
    }
}
