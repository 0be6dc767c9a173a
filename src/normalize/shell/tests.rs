//! Cases of the whole: script in, texts of units out.

use super::units;
use crate::normalize::paths::Place;

#[track_caller]
fn check(script: &str, expected: &[&str]) {
    let (units, _) = units(script, &Place::default());
    let texts: Vec<&str> = units.iter().map(|unit| unit.text.as_str()).collect();
    assert_eq!(texts, expected, "{script}");
}

#[test]
fn a_statement_is_a_pipeline() {
    check("a | b && c; d", &["a | b", "c", "d"]);
}
