//! The labelled actions of `tests/corpus`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use riskgate::action::{Gap, ToolCall};
use riskgate::encode;
use riskgate::engine::Deadline;
use riskgate::normalize::normalize;
use riskgate::verdict::{Source, Verdict};

use crate::support::{byte_encoder, corpus, repository, shipped};

#[test]
fn ids_are_unique_and_every_family_has_more_than_one_label() {
    let cases = corpus();
    let ids: BTreeSet<&str> = cases.iter().map(|case| case.id.as_str()).collect();
    assert_eq!(ids.len(), cases.len());
    assert!(cases.iter().all(|case| case.risk <= 2 && !case.why.is_empty()));
    let families: BTreeSet<&str> = cases.iter().map(|case| case.family.as_str()).collect();
    assert!(families.len() >= 15, "{families:?}");
    // A dangerous case that may come out `allow` without anybody noticing tests nothing.
    let loose = cases.iter().filter(|case| case.risk == 2 && !case.never_allow).map(|case| case.id.as_str());
    assert_eq!(loose.collect::<Vec<_>>(), [""; 0]);
}

#[test]
fn every_case_has_units_with_text_and_spans() {
    for case in corpus() {
        let action = normalize(&case.call);
        assert!(!action.units.is_empty(), "{}", case.id);
        for unit in &action.units {
            assert!(!unit.text.trim().is_empty(), "{}: an empty unit", case.id);
            assert!(unit.span.start <= unit.span.end, "{}: span {:?}", case.id, unit.span);
        }
    }
}

#[test]
fn every_case_gives_windows_that_open_with_the_class_marker() {
    let encoder = byte_encoder();
    for case in corpus() {
        let action = normalize(&case.call);
        let encoding = encoder.encode(&action);
        // A function that calls itself is cut short by normalising; the encoder cuts nothing.
        let cut_before = action.all_gaps().contains(Gap::Truncated);
        assert!(!encoding.input_ids.is_empty() && encoding.truncated == cut_before, "{}", case.id);
        assert_eq!(encoding.input_ids.len(), encoding.units.len(), "{}", case.id);
        let first: BTreeSet<u32> = encoding.input_ids.iter().map(|window| window[0]).collect();
        assert_eq!(first.len(), 1, "{}", case.id);
        assert!(encode::text(&action).starts_with("⟦cls⟧"), "{}", case.id);
    }
}

#[test]
fn the_same_call_gives_the_same_action() {
    for case in corpus() {
        assert_eq!(normalize(&case.call), normalize(&case.call), "{}", case.id);
    }
}

#[test]
fn ordinary_actions_are_understood_whole() {
    let cases = corpus();
    let harmless: Vec<_> = cases.iter().filter(|case| case.risk == 0).collect();
    let asked = |gap: Gap| harmless.iter().filter(move |case| normalize(&case.call).all_gaps().contains(gap));
    for gap in [Gap::Unparsed, Gap::Truncated, Gap::Opaque] {
        let ids: Vec<&str> = asked(gap).map(|case| case.id.as_str()).collect();
        // Each is a question to a person about something harmless.
        assert!(ids.len() * 100 <= harmless.len(), "{gap:?} in {ids:?}");
    }
}

// ── With the shipped bundle ─────────────────────────────────────────────────────────────────────────────────────────────

/// What a family's cases came to.
#[derive(Default)]
struct Tally {
    harmless: usize,
    harmless_allowed: usize,
    asked: usize,
    dangerous: usize,
    dangerous_denied: usize,
    dangerous_allowed: usize,
    cases: usize,
}

fn known_misses() -> BTreeSet<String> {
    let path = repository().join("tests/corpus/known_misses.txt");
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).map(str::to_owned).collect()
}

/// The list of misses may only shrink: a new miss and a miss that is none any more both fail.
#[test]
fn no_dangerous_case_is_allowed_but_the_known_misses() {
    let cases = corpus();
    let calls: Vec<ToolCall> = cases.iter().map(|case| case.call.clone()).collect();
    let decisions = shipped().engine().unwrap().decide_all(&calls, Deadline::none());
    let mut families: BTreeMap<&str, Tally> = BTreeMap::new();
    let mut misses = BTreeSet::new();
    for (case, decision) in cases.iter().zip(&decisions) {
        assert_ne!(decision.source, Source::FailSafe, "{}: {:?}", case.id, decision.reasons);
        let (allowed, denied) = (decision.verdict == Verdict::Allow, decision.verdict == Verdict::Deny);
        let tally = families.entry(&case.family).or_default();
        tally.cases += 1;
        tally.harmless += usize::from(case.risk == 0);
        tally.harmless_allowed += usize::from(case.risk == 0 && allowed);
        tally.asked += usize::from(decision.verdict == Verdict::Ask);
        tally.dangerous += usize::from(case.risk == 2);
        tally.dangerous_denied += usize::from(case.risk == 2 && denied);
        tally.dangerous_allowed += usize::from(case.never_allow && allowed);
        if case.never_allow && allowed {
            misses.insert(case.id.clone());
        }
    }
    print_table(&families);
    let known = known_misses();
    let new: Vec<_> = misses.difference(&known).collect();
    let mended: Vec<_> = known.difference(&misses).collect();
    assert!(new.is_empty(), "allowed, though they must never be: {new:?}");
    assert!(mended.is_empty(), "no misses any more, take them out of tests/corpus/known_misses.txt: {mended:?}");
}

fn print_table(families: &BTreeMap<&str, Tally>) {
    let share = |part: usize, whole: usize| {
        if whole == 0 { "   -".to_owned() } else { format!("{:3.0}%", 100.0 * part as f64 / whole as f64) }
    };
    println!("{:<16} {:>5}  harmless allowed  asked  dangerous denied  missed", "family", "cases");
    for (family, tally) in families {
        let allowed = share(tally.harmless_allowed, tally.harmless);
        let denied = share(tally.dangerous_denied, tally.dangerous);
        println!(
            "{family:<16} {:>5}  {allowed:>16}  {:>5}  {denied:>16}  {:>6}",
            tally.cases,
            share(tally.asked, tally.cases),
            tally.dangerous_allowed
        );
    }
}

#[test]
fn a_case_is_judged_alike_alone_and_among_others() {
    let calls: Vec<ToolCall> = corpus().into_iter().map(|case| case.call).step_by(7).collect();
    let mut engine = shipped().engine().unwrap();
    let together = engine.decide_all(&calls, Deadline::none());
    for (call, among) in calls.iter().zip(together) {
        let alone = engine.decide(call, Deadline::none());
        assert_eq!(alone.verdict, among.verdict, "{:?}", call.input);
    }
}
