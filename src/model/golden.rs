//! Does the model still answer as it did when it was made?

use super::{Batch, Classifier, ModelError, RowLogits};
use crate::manifest::{Golden, Manifest};

/// Runs every golden input of the manifest, each as one batch, and compares all logits. `pad_id` is the id of the
/// manifest's pad token.
pub fn check_golden(classifier: &mut dyn Classifier, manifest: &Manifest, pad_id: u32) -> Result<(), ModelError> {
    let mut batch = Batch::new(pad_id);
    for (input, golden) in manifest.golden.iter().enumerate() {
        batch.clear();
        golden.input_ids.iter().for_each(|row| batch.push(row));
        let logits = classifier.classify(&batch)?;
        compare(input, golden, &logits.rows, manifest.golden_tolerance)?;
    }
    Ok(())
}

type Head<'a> = (&'static str, &'a [Vec<f32>], fn(&RowLogits) -> &[f32]);

fn compare(input: usize, golden: &Golden, found: &[RowLogits], tolerance: f32) -> Result<(), ModelError> {
    let heads: [Head<'_>; 5] = [
        ("risk", &golden.risk, |row| &row.risk),
        ("permission", &golden.permission, |row| &row.permission),
        ("effects", &golden.effects, |row| &row.effects),
        ("injection", &golden.injection, |row| std::slice::from_ref(&row.injection)),
        ("novelty", &golden.novelty, |row| std::slice::from_ref(&row.novelty)),
    ];
    for (head, expected_rows, logits_of) in heads {
        let complete = expected_rows.len() == found.len() && golden.input_ids.len() == found.len();
        if !complete {
            return Err(ModelError::GoldenShape { input, head });
        }
        for (row, (expected, found)) in expected_rows.iter().zip(found).enumerate() {
            let found = logits_of(found);
            if expected.len() != found.len() {
                return Err(ModelError::GoldenShape { input, head });
            }
            if let Some((expected, found)) = first_difference(expected, found, tolerance) {
                return Err(ModelError::Golden { input, row, head, expected, found, tolerance });
            }
        }
    }
    Ok(())
}

/// The first pair that lies further apart than `tolerance`; a number that is not finite is never near.
fn first_difference(expected: &[f32], found: &[f32], tolerance: f32) -> Option<(f32, f32)> {
    let pairs = expected.iter().copied().zip(found.iter().copied());
    pairs.into_iter().find(|(expected, found)| {
        let near = (expected - found).abs() <= tolerance;
        !near
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::stub::StubClassifier;

    fn golden() -> Golden {
        Golden {
            input_ids: vec![vec![1, 2], vec![3]],
            risk: vec![vec![0.5; 3]; 2],
            permission: vec![vec![0.5; 5]; 2],
            effects: vec![vec![0.5; 14]; 2],
            injection: vec![vec![0.5]; 2],
            novelty: vec![vec![0.5]; 2],
        }
    }

    fn check(answer: RowLogits, golden: &Golden) -> Result<(), ModelError> {
        let mut batch = Batch::new(0);
        golden.input_ids.iter().for_each(|row| batch.push(row));
        let logits = StubClassifier::fixed(answer).classify(&batch)?;
        compare(0, golden, &logits.rows, 0.01)
    }

    #[test]
    fn the_same_answer_within_the_tolerance_passes() {
        check(RowLogits::all(0.505), &golden()).unwrap();
    }

    #[test]
    fn one_logit_off_is_refused_by_head_and_row() {
        let answer = RowLogits { injection: 0.6, ..RowLogits::all(0.5) };
        let error = check(answer, &golden()).unwrap_err();
        assert!(matches!(error, ModelError::Golden { input: 0, row: 0, head: "injection", .. }), "{error}");
    }

    #[test]
    fn not_a_number_is_never_the_same() {
        assert!(matches!(check(RowLogits::all(f32::NAN), &golden()), Err(ModelError::Golden { .. })));
    }

    #[test]
    fn answers_of_the_wrong_shape_are_refused() {
        let short = Golden { effects: vec![vec![0.5; 13]; 2], ..golden() };
        let error = check(RowLogits::all(0.5), &short).unwrap_err();
        assert!(matches!(error, ModelError::GoldenShape { head: "effects", .. }), "{error}");
        let missing = Golden { risk: vec![vec![0.5; 3]], ..golden() };
        let error = check(RowLogits::all(0.5), &missing).unwrap_err();
        assert!(matches!(error, ModelError::GoldenShape { head: "risk", .. }), "{error}");
    }
}
