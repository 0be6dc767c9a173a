//! Decision → JSON.

use serde_json::{Map, Value, json};
use strum::IntoEnumIterator;

use super::RecordError;
use crate::assessment::{Assessment, Permission, Probability, SideEffect};
use crate::verdict::{Decision, Reason, Verdict};

/// Effects below this probability are left out of the record.
const EFFECT_FLOOR: f32 = 0.05;

/// What a decision record says beside the decision itself.
#[derive(Debug, Clone, Copy)]
pub struct Stamp<'a> {
    /// The bundle, for example `riskgate-small@sha256:…`.
    pub model: &'a str,
    /// The policy, for example `default@sha256:…`.
    pub policy: &'a str,
}

/// The decision record of contracts §2.
pub fn decision_json(id: &Value, decision: &Decision, stamp: Stamp<'_>, elapsed_us: u64) -> Value {
    json!({
        "id": id,
        "verdict": name(decision.verdict),
        "source": name(decision.source),
        "zone": decision.zone.map(name),
        "assessment": decision.assessment.as_ref().map(assessment_json),
        "reasons": decision.reasons.iter().map(reason_json).collect::<Vec<_>>(),
        "model": stamp.model,
        "policy": stamp.policy,
        "tokens": decision.n_tokens,
        "windows": decision.n_windows,
        "elapsed_us": elapsed_us,
    })
}

/// The record that stands in the place of one that could not be read.
pub fn error_json(id: &Value, error: &RecordError, verdict: Verdict) -> Value {
    json!({"id": id, "error": {"code": error.code(), "text": error.to_string()}, "verdict": name(verdict)})
}

fn name(value: impl Into<&'static str>) -> &'static str {
    value.into()
}

fn assessment_json(assessment: &Assessment) -> Value {
    let risk = &assessment.risk;
    json!({
        "risk": {"allow": number(risk.allow), "ask": number(risk.ask), "deny": number(risk.deny)},
        "permission": labelled(Permission::iter().map(name), &assessment.permission, 0.0),
        "effects": labelled(SideEffect::iter().map(name), &assessment.effects, EFFECT_FLOOR),
        "injection": number(assessment.injection),
    })
}

fn labelled(names: impl Iterator<Item = &'static str>, values: &[Probability], floor: f32) -> Map<String, Value> {
    let pairs = names.zip(values).filter(|(_, value)| value.get() >= floor);
    pairs.map(|(name, value)| (name.to_owned(), number(*value))).collect()
}

/// Four decimals: more would suggest a precision that calibration does not have.
fn number(value: Probability) -> Value {
    json!((f64::from(value.get()) * 1e4).round() / 1e4)
}

fn reason_json(reason: &Reason) -> Value {
    let mut object = json!({"code": reason.code, "text": reason.text});
    if let (Some(span), Some(fields)) = (&reason.span, object.as_object_mut()) {
        fields.insert("span".to_owned(), json!([span.start, span.end]));
    }
    object
}
