//! Any line through the whole engine with a toy model that finds almost everything harmless: what was not understood is
//! still never allowed.

#![no_main]

#[path = "../../tests/it/toy.rs"]
mod toy;

use std::cell::RefCell;

use libfuzzer_sys::fuzz_target;
use riskgate::action::Gap;
use riskgate::engine::{Deadline, Engine};
use riskgate::normalize::normalize;
use riskgate::record;
use riskgate::verdict::Verdict;

thread_local! {
    static ENGINE: RefCell<Engine> = RefCell::new(toy::engine());
}

fuzz_target!(|data: &[u8]| {
    let Ok(record) = record::parse(data) else { return };
    let decision = ENGINE.with_borrow_mut(|engine| engine.decide(&record.call, Deadline::none()));
    assert!(!decision.reasons.is_empty() || decision.verdict == Verdict::Allow);
    let gaps = normalize(&record.call).all_gaps();
    let understood = !(gaps.contains(Gap::Unparsed) || gaps.contains(Gap::Truncated) || gaps.contains(Gap::Opaque));
    assert!(understood || decision.verdict > Verdict::Allow, "{decision:?}");
});
