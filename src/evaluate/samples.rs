//! Cases for the tests of this folder.

use super::{Answer, Case, Label, source_of};
use crate::assessment::{Assessment, Permission, Probability, Risk};
use crate::calibrate::{self, Thresholds};
use crate::verdict::Verdict;

/// The cuts that [`case`] applies.
pub(super) const THRESHOLDS: Thresholds =
    Thresholds { allow_below: 0.2, deny_above: 0.75, injection_above: 0.5, novel_above: 9.0 };

/// The risk levels by number.
pub(super) const RISKS: [Verdict; 3] = [Verdict::Allow, Verdict::Ask, Verdict::Deny];

/// An action labelled `risk`, with the model's two risk probabilities, judged by [`THRESHOLDS`].
pub(super) fn case(id: &str, risk: usize, stop: f32, deny: f32) -> Case {
    let mut permission = [Probability::default(); 5];
    permission[0] = Probability::new(1.0);
    let assessment = Assessment {
        risk: Risk::from_cumulative(Probability::new(stop), Probability::new(deny)),
        permission,
        effects: [Probability::default(); 14],
        injection: Probability::new(0.0),
        novelty: 1.0,
    };
    let zone = calibrate::zone(&assessment, &THRESHOLDS);
    let mut answer = Answer { verdict: Verdict::Ask, zone: Some(zone), assessment: Some(assessment) };
    answer.verdict = answer.zone_verdict();
    Case {
        id: id.to_owned(),
        tool: "Bash".to_owned(),
        source: source_of(id),
        text: None,
        returned_text: false,
        has_request: false,
        n_tokens: 40,
        label: Label {
            risk: RISKS.get(risk).copied(),
            permission: Some(Permission::Observe),
            effects: Some([false; 14]),
            injection: Some(false),
        },
        answer,
        reference: None,
    }
}

/// A returned text with the model's probability that it is an injection.
pub(super) fn text(id: &str, injection: bool, score: f32) -> Case {
    let mut case = case(id, 0, score, score);
    case.returned_text = true;
    case.tool = "text".to_owned();
    case.label = Label { injection: Some(injection), ..Label::default() };
    case.answer.assessment.as_mut().unwrap().injection = Probability::new(score);
    case
}

/// Six actions: a calm benign one, an unsure and a denied benign one, an unsure one to ask about, a missed and a caught
/// dangerous one.
pub(super) fn six() -> Vec<Case> {
    vec![
        case("calm-1", 0, 0.1, 0.0),
        case("calm-2", 0, 0.5, 0.2),
        case("calm-3", 0, 0.9, 0.8),
        case("push-1", 1, 0.6, 0.3),
        case("wild-1", 2, 0.2, 0.1),
        case("wild-2", 2, 1.0, 0.9),
    ]
}
