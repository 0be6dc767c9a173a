//! Decision → JSON.

use serde::{Serialize, Serializer};
use serde_json::{Value, json};
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
#[derive(Serialize)]
#[cfg_attr(feature = "serve", derive(utoipa::ToSchema), schema(as = DecisionRecord))]
pub struct DecisionWire<'a> {
    /// As the action record gave it.
    id: &'a Value,
    /// `allow`, `ask` or `deny`.
    verdict: &'static str,
    /// Who settled it: `policy`, `model`, `remote`, `cache`, `session` or `fail_safe`.
    source: &'static str,
    /// The local model's own answer: `allow`, `uncertain` or `deny`.
    zone: Option<&'static str>,
    /// The model's beliefs; null when it did not run.
    assessment: Option<AssessmentWire>,
    /// Why, most important first.
    reasons: Vec<ReasonWire<'a>>,
    /// The bundle.
    model: &'a str,
    /// The policy.
    policy: &'a str,
    /// Token ids given to the model.
    tokens: usize,
    /// Windows given to the model.
    windows: usize,
    /// Microseconds that the decision took.
    elapsed_us: u64,
}

/// Calibrated probabilities in `[0, 1]`.
#[derive(Serialize)]
#[cfg_attr(feature = "serve", derive(utoipa::ToSchema), schema(as = Assessment))]
struct AssessmentWire {
    /// Sums to 1.
    risk: RiskWire,
    /// By permission, for example `workspace`; sums to 1.
    #[cfg_attr(feature = "serve", schema(value_type = std::collections::BTreeMap<String, f64>))]
    permission: Named,
    /// By side effect, those at or above 0.05.
    #[cfg_attr(feature = "serve", schema(value_type = std::collections::BTreeMap<String, f64>))]
    effects: Named,
    /// That the text tries to instruct an agent.
    injection: f64,
}

/// Probabilities by name: an object.
struct Named(Vec<(&'static str, f64)>);

impl Serialize for Named {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().copied())
    }
}

/// What a careful owner would want.
#[derive(Serialize)]
#[cfg_attr(feature = "serve", derive(utoipa::ToSchema), schema(as = Risk))]
struct RiskWire {
    /// Never to be asked.
    allow: f64,
    /// To be asked.
    ask: f64,
    /// To have it blocked.
    deny: f64,
}

/// A reason.
#[derive(Serialize)]
#[cfg_attr(feature = "serve", derive(utoipa::ToSchema), schema(as = Reason))]
struct ReasonWire<'a> {
    /// A stable code, for example `risk.deny`.
    code: &'a str,
    /// For a person or an agent.
    text: &'a str,
    /// First byte, and the byte after the last, of the part of the source text that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    span: Option<[usize; 2]>,
}

/// What stands in the place of a record that could not be read.
#[derive(Serialize)]
#[cfg_attr(feature = "serve", derive(utoipa::ToSchema), schema(as = ErrorRecord))]
pub struct ErrorWire<'a> {
    /// What could be read of the record's id.
    id: &'a Value,
    /// What is wrong.
    error: ProblemWire,
    /// The fail-safe verdict, never `allow`.
    verdict: &'static str,
}

/// A problem.
#[derive(Serialize)]
#[cfg_attr(feature = "serve", derive(utoipa::ToSchema), schema(as = Problem))]
struct ProblemWire {
    /// A stable code, for example `record.json`.
    code: &'static str,
    /// For a person.
    text: String,
}

impl<'a> DecisionWire<'a> {
    fn of(id: &'a Value, decision: &'a Decision, stamp: Stamp<'a>, elapsed_us: u64) -> Self {
        Self {
            id,
            verdict: name(decision.verdict),
            source: name(decision.source),
            zone: decision.zone.map(name),
            assessment: decision.assessment.as_ref().map(AssessmentWire::of),
            reasons: decision.reasons.iter().map(ReasonWire::of).collect(),
            model: stamp.model,
            policy: stamp.policy,
            tokens: decision.n_tokens,
            windows: decision.n_windows,
            elapsed_us,
        }
    }
}

impl AssessmentWire {
    fn of(assessment: &Assessment) -> Self {
        let risk = &assessment.risk;
        Self {
            risk: RiskWire { allow: number(risk.allow), ask: number(risk.ask), deny: number(risk.deny) },
            permission: labelled(Permission::iter().map(name), &assessment.permission, 0.0),
            effects: labelled(SideEffect::iter().map(name), &assessment.effects, EFFECT_FLOOR),
            injection: number(assessment.injection),
        }
    }
}

impl<'a> ReasonWire<'a> {
    fn of(reason: &'a Reason) -> Self {
        let span = reason.span.as_ref().map(|span| [span.start, span.end]);
        Self { code: &reason.code, text: &reason.text, span }
    }
}

/// The decision record as JSON.
pub fn decision_json(id: &Value, decision: &Decision, stamp: Stamp<'_>, elapsed_us: u64) -> Value {
    json!(DecisionWire::of(id, decision, stamp, elapsed_us))
}

/// The same as text, without an id.
pub fn decision_text(decision: &Decision, stamp: Stamp<'_>, elapsed_us: u64) -> String {
    let wire = DecisionWire::of(&Value::Null, decision, stamp, elapsed_us);
    // Nothing in it can fail to be written.
    serde_json::to_string(&wire).unwrap_or_default()
}

/// The record that stands in the place of one that could not be read.
pub fn error_json(id: &Value, error: &RecordError, verdict: Verdict) -> Value {
    problem_json(id, error.code(), error.to_string(), verdict)
}

/// The same for a record that was not judged for another reason.
pub fn problem_json(id: &Value, code: &'static str, text: String, verdict: Verdict) -> Value {
    json!(ErrorWire { id, error: ProblemWire { code, text }, verdict: name(verdict) })
}

fn name(value: impl Into<&'static str>) -> &'static str {
    value.into()
}

fn labelled(names: impl Iterator<Item = &'static str>, values: &[Probability], floor: f32) -> Named {
    let pairs = names.zip(values).filter(|(_, value)| value.get() >= floor);
    Named(pairs.map(|(name, value)| (name, number(*value))).collect())
}

/// Four decimals: more would suggest a precision that calibration does not have.
fn number(value: Probability) -> f64 {
    (f64::from(value.get()) * 1e4).round() / 1e4
}
