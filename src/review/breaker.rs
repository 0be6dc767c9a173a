//! Leaves a failing reviewer alone for a while, so that being offline costs one timeout and not one a call.
//!
//! Kept between processes: a hook is a new process each time, and what one has learnt the next must know.

use serde::{Deserialize, Serialize};

use crate::engine::ReviewError;

/// How a question ended, as far as the next one is concerned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// The other side works, whatever it said.
    Reached,
    /// It failed; a few times in a row and it is left alone.
    Failed(String),
    /// It will fail again for the next `seconds`, whoever asks.
    Down {
        /// What it failed with.
        cause: String,
        /// How long at least.
        seconds: u64,
    },
    /// There is no way to it: it is left alone at once, for longer each time.
    Unreachable(String),
}

/// Failures in a row after which the reviewer is left alone.
const MAX_FAILURES: u32 = 3;
/// The first pause, in seconds; each further one is twice as long.
const FIRST_PAUSE: u64 = 15;
/// The longest pause: after that, one question tries again.
const LONGEST_PAUSE: u64 = 600;
/// Seconds within which the question that tries again must have ended.
const PROBE: u64 = 30;

/// Whether the reviewer may be asked.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Breaker {
    failures: u32,
    /// Pauses in a row.
    pauses: u32,
    /// Seconds since 1970 until which nobody asks.
    paused_until: u64,
    cause: String,
}

impl Breaker {
    /// Whether a question at `now` would have to wait; changes nothing.
    pub fn check(&self, now: u64) -> Result<(), ReviewError> {
        // A clock that was turned back must not stop reviews for longer than any pause.
        let left = self.paused_until.saturating_sub(now);
        if left == 0 || left > LONGEST_PAUSE {
            return Ok(());
        }
        Err(ReviewError::Paused { cause: self.cause.clone(), seconds: left })
    }

    /// Lets a question through. After a pause it is one alone, which tries whether the reviewer works again.
    pub fn admit(&mut self, now: u64) -> Result<(), ReviewError> {
        self.check(now)?;
        if self.pauses > 0 {
            self.paused_until = now + PROBE;
        }
        Ok(())
    }

    /// Learns how a question ended.
    pub fn record(&mut self, ending: Ending, now: u64) {
        match ending {
            Ending::Reached => *self = Self::default(),
            Ending::Failed(cause) => {
                self.failures += 1;
                self.cause = cause;
                if self.failures >= MAX_FAILURES || self.pauses > 0 {
                    self.pause(0, now);
                }
            }
            Ending::Unreachable(cause) => {
                self.cause = cause;
                self.pause(0, now);
            }
            Ending::Down { cause, seconds } => {
                self.cause = cause;
                self.pause(seconds, now);
            }
        }
    }

    fn pause(&mut self, at_least: u64, now: u64) {
        let doubled = FIRST_PAUSE << self.pauses.min(10);
        self.pauses = self.pauses.saturating_add(1);
        self.failures = 0;
        self.paused_until = now.saturating_add(doubled.max(at_least).min(LONGEST_PAUSE));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn failed() -> Ending {
        Ending::Failed("HTTP 529".to_owned())
    }

    fn unreachable() -> Ending {
        Ending::Unreachable("no route".to_owned())
    }

    #[test]
    fn no_way_out_is_known_at_once_and_for_longer_each_time() {
        let mut breaker = Breaker::default();
        let mut now = 1_000;
        for pause in [15, 30, 60, 120, 240, 480, 600, 600] {
            breaker.admit(now).unwrap();
            breaker.record(unreachable(), now);
            let paused = ReviewError::Paused { cause: "no route".to_owned(), seconds: 1 };
            assert_eq!(breaker.check(now + pause - 1), Err(paused));
            now += pause;
        }
    }

    #[test]
    fn three_failures_in_a_row_pause_and_a_success_between_them_does_not() {
        let mut breaker = Breaker::default();
        for ending in [failed(), failed(), Ending::Reached, failed(), failed()] {
            breaker.admit(0).unwrap();
            breaker.record(ending, 0);
        }
        assert!(breaker.check(0).is_ok());
        breaker.record(failed(), 0);
        assert!(breaker.check(14).is_err() && breaker.check(15).is_ok());
    }

    #[test]
    fn after_a_pause_one_question_tries_and_the_others_wait_for_it() {
        let mut breaker = Breaker::default();
        breaker.record(unreachable(), 0);
        breaker.admit(15).unwrap();
        assert!(breaker.admit(15).is_err());
        breaker.record(Ending::Reached, 16);
        assert!(breaker.admit(16).is_ok() && breaker.admit(16).is_ok());
    }

    #[test]
    fn a_trial_that_never_ends_does_not_stop_reviews_for_good() {
        let mut breaker = Breaker::default();
        breaker.record(unreachable(), 0);
        breaker.admit(15).unwrap();
        assert!(breaker.admit(15 + PROBE).is_ok());
    }

    #[test]
    fn the_other_side_says_how_long() {
        let mut breaker = Breaker::default();
        breaker.record(Ending::Down { cause: "rate".to_owned(), seconds: 90 }, 0);
        assert!(breaker.check(89).is_err() && breaker.check(90).is_ok());
        breaker.record(Ending::Down { cause: "rate".to_owned(), seconds: u64::MAX }, 100);
        assert!(breaker.check(100 + LONGEST_PAUSE).is_ok());
    }

    proptest! {
        /// Whatever happened, after the longest pause somebody may ask again.
        #[test]
        fn no_history_stops_reviews_for_good(endings in prop::collection::vec((0_u8..4, 0_u64..100_000), 0..50)) {
            let (mut breaker, mut now) = (Breaker::default(), 0);
            for (kind, wait) in endings {
                now += wait;
                let admitted = breaker.admit(now).is_ok();
                let ending = match kind {
                    0 => Ending::Reached,
                    1 => failed(),
                    2 => unreachable(),
                    _ => Ending::Down { cause: String::new(), seconds: wait },
                };
                if admitted {
                    breaker.record(ending, now);
                }
            }
            prop_assert!(breaker.check(now + LONGEST_PAUSE).is_ok());
        }
    }
}
