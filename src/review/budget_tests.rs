//! The budget with a clock that the test turns, and against a toy ledger.

use proptest::prelude::*;

use super::*;

const LIMITS: Limits =
    Limits { hour: Amount { tokens: 100, micro_usd: 1_000 }, day: Amount { tokens: 250, micro_usd: 2_000 } };

fn tokens(tokens: u64) -> Amount {
    Amount { tokens, micro_usd: 0 }
}

#[test]
fn a_used_up_hour_stops_until_the_next() {
    let mut ledger = Ledger::default();
    ledger.reserve(tokens(100), &LIMITS, 3 * HOUR + 10).unwrap();
    let stopped = ledger.reserve(tokens(1), &LIMITS, 3 * HOUR + 20).unwrap_err().to_string();
    assert_eq!(
        stopped,
        "the review budget of this hour is used up (100 of 100 tokens, $0.00 of $0.00); it begins anew at 04:00 UTC"
    );
    ledger.reserve(tokens(100), &LIMITS, 4 * HOUR).unwrap();
}

#[test]
fn a_used_up_day_stops_until_the_next() {
    let mut ledger = Ledger::default();
    for hour in [0, 1] {
        ledger.reserve(tokens(100), &LIMITS, hour * HOUR).unwrap();
    }
    ledger.reserve(tokens(50), &LIMITS, 2 * HOUR).unwrap();
    assert!(ledger.reserve(tokens(1), &LIMITS, 23 * HOUR).unwrap_err().to_string().contains("this day"));
    ledger.reserve(tokens(1), &LIMITS, DAY).unwrap();
}

#[test]
fn money_counts_as_tokens_do() {
    let mut ledger = Ledger::default();
    ledger.reserve(Amount { tokens: 1, micro_usd: 1_000 }, &LIMITS, 0).unwrap();
    assert!(ledger.reserve(Amount { tokens: 1, micro_usd: 1 }, &LIMITS, 0).is_err());
}

#[test]
fn what_was_not_spent_comes_back_and_what_was_spent_more_counts() {
    let mut ledger = Ledger::default();
    let set_aside = ledger.reserve(tokens(100), &LIMITS, 0).unwrap();
    ledger.settle(&set_aside, tokens(10));
    assert_eq!(ledger.spent(0).0, tokens(10));
    let set_aside = ledger.reserve(tokens(90), &LIMITS, 0).unwrap();
    ledger.settle(&set_aside, tokens(95));
    assert_eq!(ledger.spent(0).0, tokens(105));
    assert!(ledger.reserve(tokens(0), &LIMITS, 0).is_err());
}

#[test]
fn an_answer_in_the_next_hour_does_not_give_that_hour_anything_back() {
    let mut ledger = Ledger::default();
    let early = ledger.reserve(tokens(100), &LIMITS, HOUR - 1).unwrap();
    ledger.reserve(tokens(50), &LIMITS, HOUR).unwrap();
    ledger.settle(&early, tokens(0));
    assert_eq!(ledger.spent(HOUR), (tokens(50), tokens(50)));
}

#[test]
fn usage_costs_what_the_prices_say() {
    let prices = Prices { input: 1.0, output: 5.0, cache_read: 0.1, cache_write: 2.0 };
    let usage = Usage { input: 10, output: 20, cache_read: 30, cache_write: 40 };
    assert_eq!(usage.amount(Some(prices)), Amount { tokens: 100, micro_usd: 10 + 100 + 3 + 80 });
    assert_eq!(usage.amount(None), Amount { tokens: 100, micro_usd: 0 });
    assert!(Prices::of("us.anthropic.claude-haiku-5-5").is_some() && Prices::of("llama").is_none());
}

#[test]
fn a_broken_price_is_the_highest_there_is() {
    assert_eq!(
        [to_micro(f64::NAN), to_micro(-1.0), to_micro(f64::INFINITY), to_micro(0.2)],
        [u64::MAX, u64::MAX, u64::MAX, 1]
    );
}

proptest! {
    /// Whatever is asked for and however late it is settled, what was granted in one hour or day never exceeds its limit.
    #[test]
    fn no_window_is_ever_overspent(steps in prop::collection::vec((0_u64..120, 0_u64..2_000, 0_u64..=100), 1..60)) {
        let (mut ledger, mut now) = (Ledger::default(), 0);
        let mut granted: Vec<(u64, u64)> = Vec::new();
        for (amount, wait, share) in steps {
            now += wait;
            if let Ok(reservation) = ledger.reserve(tokens(amount), &LIMITS, now) {
                let actual = amount * share / 100;
                ledger.settle(&reservation, tokens(actual));
                granted.push((now, actual));
            }
            let within = |length: u64| granted.iter().filter(|(at, _)| at / length == now / length).map(|(_, n)| n).sum::<u64>();
            prop_assert!(within(HOUR) <= LIMITS.hour.tokens && within(DAY) <= LIMITS.day.tokens);
            prop_assert_eq!(ledger.spent(now), (tokens(within(HOUR)), tokens(within(DAY))));
        }
    }
}
