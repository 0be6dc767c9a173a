//! What may be spent: tokens and money, an hour and a day, counted by the clock's own hours and days (UTC).
//!
//! What a question may cost is set aside before it is sent and corrected by what it did cost. A process that dies in
//! between leaves its share set aside: too little is spent then, never too much.

use serde::{Deserialize, Serialize};

use crate::engine::ReviewError;

const HOUR: u64 = 3_600;
const DAY: u64 = 24 * HOUR;

/// What may be spent. No limit is written as `u64::MAX`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// In one hour.
    pub hour: Amount,
    /// In one day.
    pub day: Amount,
}

/// Tokens and money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Amount {
    /// Tokens, read and written.
    pub tokens: u64,
    /// Millionths of a US dollar.
    pub micro_usd: u64,
}

impl Amount {
    /// No limit.
    pub const UNLIMITED: Self = Self { tokens: u64::MAX, micro_usd: u64::MAX };

    fn plus(self, other: Self) -> Self {
        Self {
            tokens: self.tokens.saturating_add(other.tokens),
            micro_usd: self.micro_usd.saturating_add(other.micro_usd),
        }
    }

    fn minus(self, other: Self) -> Self {
        Self {
            tokens: self.tokens.saturating_sub(other.tokens),
            micro_usd: self.micro_usd.saturating_sub(other.micro_usd),
        }
    }

    fn fits(self, limit: Self) -> bool {
        self.tokens <= limit.tokens && self.micro_usd <= limit.micro_usd
    }
}

/// US dollars for a million tokens, which is micro-dollars for one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Prices {
    /// Read anew.
    pub input: f64,
    /// Written.
    pub output: f64,
    /// Read from the cache.
    pub cache_read: f64,
    /// Written to the cache.
    pub cache_write: f64,
}

impl Prices {
    /// What models cost at Anthropic's own address in late 2026, for prompts of the size sent here.
    pub fn of(model: &str) -> Option<Self> {
        let known = [
            ("claude-haiku-5-5", 0.10, 0.50, 0.01),
            ("claude-haiku-4-5", 1.0, 5.0, 0.10),
            ("claude-sonnet-5-5", 2.0, 10.0, 0.10),
            ("claude-sonnet-5", 2.0, 10.0, 0.20),
            ("claude-opus-5-5", 4.0, 20.0, 0.20),
            ("claude-opus-5", 5.0, 25.0, 0.50),
            ("claude-fable-5-1", 10.0, 50.0, 0.25),
        ];
        let (_, input, output, cache_read) = known.into_iter().find(|(name, ..)| model.contains(name))?;
        // An hour's cache costs twice the price to write, five minutes' one and a quarter.
        Some(Self { input, output, cache_read, cache_write: input * 2.0 })
    }
}

/// Tokens of one answered question, by what they cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Read anew.
    pub input: u64,
    /// Written.
    pub output: u64,
    /// Read from the cache.
    pub cache_read: u64,
    /// Written to the cache.
    pub cache_write: u64,
}

impl Usage {
    /// What that comes to.
    pub fn amount(self, prices: Option<Prices>) -> Amount {
        let tokens = self.input.saturating_add(self.output).saturating_add(self.cache_read);
        let cost = |prices: Prices| {
            to_f64(self.input) * prices.input
                + to_f64(self.output) * prices.output
                + to_f64(self.cache_read) * prices.cache_read
                + to_f64(self.cache_write) * prices.cache_write
        };
        Amount { tokens: tokens.saturating_add(self.cache_write), micro_usd: prices.map_or(0, |p| to_micro(cost(p))) }
    }
}

/// Exact up to 2^32, far above any count of tokens here; what is larger counts as that.
fn to_f64(count: u64) -> f64 {
    u32::try_from(count).unwrap_or(u32::MAX).into()
}

/// Dollars in millionths, rounded up; `None` for what is no amount of money.
pub fn micro_usd(usd: f64) -> Option<u64> {
    let micro_usd = to_micro(usd * 1e6);
    (micro_usd != u64::MAX).then_some(micro_usd)
}

/// Rounded up; what is no sensible number is the most there is.
fn to_micro(micro_usd: f64) -> u64 {
    // Above this, counts would no longer be exact; no budget is a billion dollars.
    const MOST: f64 = 1e15;
    if (0.0..=MOST).contains(&micro_usd) { micro_usd.ceil() as u64 } else { u64::MAX }
}

/// What was spent in the current hour and day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Ledger {
    hour: Window,
    day: Window,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
struct Window {
    /// Which hour or day since 1970.
    index: u64,
    spent: Amount,
}

impl Window {
    fn at(self, index: u64) -> Self {
        if self.index == index { self } else { Self { index, spent: Amount::default() } }
    }

    fn add(&mut self, amount: Amount) {
        self.spent = self.spent.plus(amount);
    }

    /// Takes back only from the window in which it was set aside.
    fn correct(&mut self, reservation: &Reservation, index: u64, actual: Amount) {
        if self.index == index {
            self.spent = self.spent.minus(reservation.amount).plus(actual);
        }
    }
}

/// What was set aside for one question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reservation {
    amount: Amount,
    at: u64,
}

impl Ledger {
    /// Sets `amount` aside at `now` (seconds since 1970), or says which budget is used up and until when.
    pub fn reserve(&mut self, amount: Amount, limits: &Limits, now: u64) -> Result<Reservation, ReviewError> {
        let (mut hour, mut day) = (self.hour.at(now / HOUR), self.day.at(now / DAY));
        for (window, limit, name, length) in
            [(&mut hour, limits.hour, "hour", HOUR), (&mut day, limits.day, "day", DAY)]
        {
            window.add(amount);
            if !window.spent.fits(limit) {
                let spent = window.spent.minus(amount);
                return Err(ReviewError::Budget(used_up(name, spent, limit, (now / length + 1) * length)));
            }
        }
        (self.hour, self.day) = (hour, day);
        Ok(Reservation { amount, at: now })
    }

    /// Puts what a question did cost in the place of what was set aside for it.
    pub fn settle(&mut self, reservation: &Reservation, actual: Amount) {
        self.hour.correct(reservation, reservation.at / HOUR, actual);
        self.day.correct(reservation, reservation.at / DAY, actual);
    }

    /// What was spent in the hour and in the day of `now`.
    pub fn spent(&self, now: u64) -> (Amount, Amount) {
        (self.hour.at(now / HOUR).spent, self.day.at(now / DAY).spent)
    }
}

fn used_up(name: &str, spent: Amount, limit: Amount, until: u64) -> String {
    let minutes = until % DAY / 60;
    let money = |amount: Amount| format!("${:.2}", to_f64(amount.micro_usd) / 1e6);
    let of_money =
        if limit.micro_usd == u64::MAX { String::new() } else { format!(", {} of {}", money(spent), money(limit)) };
    let of_tokens = if limit.tokens == u64::MAX {
        format!("{} tokens", spent.tokens)
    } else {
        format!("{} of {} tokens", spent.tokens, limit.tokens)
    };
    format!(
        "the review budget of this {name} is used up ({of_tokens}{of_money}); it begins anew at {:02}:{:02} UTC",
        minutes / 60,
        minutes % 60
    )
}

#[cfg(test)]
#[path = "budget_tests.rs"]
mod tests;
