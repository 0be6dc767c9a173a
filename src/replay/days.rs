//! Days on which something was done.

use std::collections::BTreeSet;

use super::Row;

/// A day is one of UTC: where a laptop was on a day nobody wrote down.
pub(super) const SECONDS_OF_A_DAY: i64 = 24 * 60 * 60;

/// Over how many days something is spread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Days {
    /// Days with at least one action; 0 when no time is known.
    pub active: usize,
}

impl Days {
    /// The days of the rows.
    pub fn of(rows: &[Row]) -> Self {
        let days: BTreeSet<i64> =
            rows.iter().filter_map(|row| row.at).map(|at| at.div_euclid(SECONDS_OF_A_DAY)).collect();
        Self { active: days.len() }
    }

    /// A number spread over them; the number itself where no day is known.
    pub fn each(self, number: f64) -> f64 {
        number / self.active.max(1) as f64
    }

    /// What such a number is of.
    pub fn unit(self) -> &'static str {
        if self.active == 0 { "in all" } else { "a day" }
    }
}
