//! Python and Rust read the same token ids, logits and calibrated answers off the shipped bundle: `tests/fixtures/parity.json`, written by
//! `scripts/write_parity_vectors.py`.

use std::fs;

use enumset::EnumSet;
use riskgate::action::{Action, Tool, Unit, UnitKind};
use riskgate::assessment::Probability;
use riskgate::calibrate;
use riskgate::model::{Batch, Classifier, RowLogits};
use riskgate::normalize::normalize;
use riskgate::record;
use serde::Deserialize;
use serde_json::Value;

use crate::support::{repository, shipped, shipped_bundle};

const TOLERANCE: f32 = 1e-2;

#[derive(Deserialize)]
struct Vectors {
    /// SHA-256 of the model file they were written with.
    model: String,
    texts: Vec<TextVector>,
    actions: Vec<ActionVector>,
}

#[derive(Deserialize)]
struct TextVector {
    text: String,
    ids: Vec<u32>,
}

#[derive(Deserialize)]
struct ActionVector {
    record: Value,
    input_ids: Vec<Vec<u32>>,
    risk: Vec<Vec<f32>>,
    permission: Vec<Vec<f32>>,
    effects: Vec<Vec<f32>>,
    injection: Vec<Vec<f32>>,
    answers: Answers,
}

/// Calibrated answers of the whole action.
#[derive(Deserialize)]
struct Answers {
    stop: f32,
    deny: f32,
    injection: f32,
}

fn vectors() -> Vectors {
    let path = repository().join("tests/fixtures/parity.json");
    let bytes = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let vectors: Vectors = serde_json::from_slice(&bytes).unwrap();
    assert!(vectors.texts.len() >= 20 && vectors.actions.len() >= 20);
    vectors
}

#[test]
fn the_vectors_belong_to_the_shipped_model() {
    let manifest: Value = serde_json::from_slice(&fs::read(shipped_bundle().join("manifest.json")).unwrap()).unwrap();
    assert_eq!(
        manifest["files"]["model.ort"]["sha256"],
        vectors().model,
        "write the vectors anew: scripts/write_parity_vectors.py"
    );
}

#[test]
fn the_same_text_has_the_same_token_ids() {
    for vector in vectors().texts {
        let unit = Unit::new(UnitKind::Text, vector.text.clone(), 0..vector.text.len());
        let action = Action { tool: Tool::Text, request: None, units: vec![unit], gaps: EnumSet::empty() };
        let rows = shipped().encoder().encode(&action).input_ids;
        if let [row] = rows.as_slice() {
            assert!(row.ends_with(&vector.ids), "{:?}\n{row:?}\n{:?}", vector.text, vector.ids);
        } else {
            // Cut into windows: each holds a stretch of the whole.
            let prefix = rows[0].len() - longest_common(&rows[0], &vector.ids);
            assert!(prefix <= 6, "{:?}", vector.text);
            let stretch = |row: &Vec<u32>| vector.ids.windows(row.len() - prefix).any(|part| part == &row[prefix..]);
            assert!(rows.iter().all(stretch), "{:?}", vector.text);
        }
    }
}

/// A daemon shares the rows of a long action among idle sessions: which sessions are idle must not show.
#[test]
fn rows_have_the_same_logits_in_whatever_batch() {
    let mut classifier = shipped().classifier().unwrap();
    let mut whole = Batch::new(shipped().encoder().pad_id());
    vectors().actions.iter().flat_map(|action| &action.input_ids).for_each(|row| whole.push(row));
    assert!(whole.n_rows() > 50, "{}", whole.n_rows());
    let together = classifier.classify(&whole).unwrap().rows;
    for n in [2, 3, 5, whole.n_rows()] {
        let parts = whole.split(n);
        let apart: Vec<_> = parts.iter().flat_map(|part| classifier.classify(part).unwrap().rows).collect();
        assert_eq!(apart, together, "in {n} batches");
    }
}

/// How many tokens at the end of a window are tokens at the start of the text.
fn longest_common(row: &[u32], ids: &[u32]) -> usize {
    (1..=row.len().min(ids.len())).rev().find(|&n| row.ends_with(&ids[..n])).unwrap_or(0)
}

#[test]
fn the_same_action_has_the_same_rows_and_logits() {
    let mut classifier = shipped().classifier().unwrap();
    for vector in vectors().actions {
        let name = vector.record["id"].clone();
        let record = record::parse(vector.record.to_string().as_bytes()).unwrap();
        let rows = shipped().encoder().encode(&normalize(&record.call)).input_ids;
        assert_eq!(rows, vector.input_ids, "{name}: write the vectors anew if the template or a table has changed");
        let mut batch = Batch::new(shipped().encoder().pad_id());
        rows.iter().for_each(|row| batch.push(row));
        let found = classifier.classify(&batch).unwrap().rows;
        assert_near(&name, &found, |row| row.risk.to_vec(), &vector.risk);
        assert_near(&name, &found, |row| row.permission.to_vec(), &vector.permission);
        assert_near(&name, &found, |row| row.effects.to_vec(), &vector.effects);
        assert_near(&name, &found, |row| vec![row.injection], &vector.injection);
        let assessment = calibrate::assess(&found, &shipped().bundle().manifest().calibration);
        let answers = [assessment.risk.stop(), assessment.risk.deny, assessment.injection].map(Probability::get);
        let expected = [vector.answers.stop, vector.answers.deny, vector.answers.injection];
        let near = answers.iter().zip(expected).all(|(found, expected)| (found - expected).abs() <= TOLERANCE);
        assert!(near, "{name}: {answers:?} instead of {expected:?}");
    }
}

#[track_caller]
fn assert_near(name: &Value, found: &[RowLogits], head: impl Fn(&RowLogits) -> Vec<f32>, expected: &[Vec<f32>]) {
    assert_eq!(found.len(), expected.len(), "{name}");
    for (found, expected) in found.iter().map(head).zip(expected) {
        let near = found.len() == expected.len() && found.iter().zip(expected).all(|(a, b)| (a - b).abs() <= TOLERANCE);
        assert!(near, "{name}: {found:?} instead of {expected:?}");
    }
}
