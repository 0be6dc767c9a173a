//! The labelled actions of `tests/corpus`.

use std::collections::BTreeSet;

use riskgate::action::Gap;
use riskgate::encode;
use riskgate::normalize::normalize;

use crate::support::{byte_encoder, corpus};

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
        let encoding = encoder.encode(&action).unwrap();
        assert!(!encoding.input_ids.is_empty() && !encoding.truncated, "{}", case.id);
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
