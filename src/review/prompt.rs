//! What the reviewer is told: the fixed part, which is cached at the other side, and the document with the action.
//!
//! The document is JSON, so that nothing in it can end it; every text in it is redacted.

use serde_json::{Map, Value, json};
use strum::IntoEnumIterator;

use super::options::Options;
use super::transcript::{Entry, without_prose};
use crate::action::{Gap, UnitKind};
use crate::assessment::{Assessment, Permission, SideEffect};
use crate::engine::{ReviewError, ReviewRequest};
use crate::redact::{redact, redact_json};

/// The rubric's essence. A test keeps its length above what models can cache.
pub(super) const RUBRIC: &str = include_str!("prompt.md");

/// What opens the document, in the turn that holds it.
pub(super) const OPENING: &str = "Judge `action` in this document:\n";

/// Most bytes of an action, redacted and as JSON. A larger one is not sent: what is not seen whole cannot be judged.
const MAX_ACTION: usize = 48 * 1024;
/// Most bytes of the parts that the local engine opened.
const MAX_OPENED: usize = 16 * 1024;
/// Probabilities below this are not worth a word.
const EFFECT_FLOOR: f32 = 0.05;

/// The operator's own part of the system prompt; `None` when there is none.
pub(super) fn operator_part(options: &Options) -> Option<String> {
    let list = |title: &str, items: &[String]| {
        let items: String = items.iter().map(|item| format!("- {}\n", redact(item.trim()))).collect();
        if items.is_empty() { String::new() } else { format!("# {title}\n{items}") }
    };
    let part = list("Environment, by the operator of this machine", &options.environment)
        + &list("Rules of the operator; the stricter of these and the above counts", &options.rules);
    (!part.is_empty()).then_some(part)
}

/// The document that the reviewer judges.
pub(super) fn document(
    request: &ReviewRequest<'_>,
    session: &[Entry],
    git: Option<Value>,
) -> Result<String, ReviewError> {
    let mut document = Map::new();
    document.insert("session".to_owned(), session_json(request, session));
    if !request.boundaries.is_empty() {
        let boundaries: Vec<_> = request.boundaries.iter().map(|boundary| redact(boundary)).collect();
        document.insert("boundaries".to_owned(), json!(boundaries));
    }
    document.insert("context".to_owned(), context_json(request));
    if let Some(git) = git {
        document.insert("git".to_owned(), git);
    }
    document.insert("local".to_owned(), local_json(request));
    document.insert("action".to_owned(), action_json(request)?);
    Ok(Value::Object(document).to_string())
}

/// The action alone, redacted: what is judged, and what is kept of it. The agent's words about its own call are left out.
pub(super) fn redacted_call(request: &ReviewRequest<'_>) -> Value {
    let input = Value::Object(without_prose(&request.call.input));
    json!({"tool": redact(&request.call.tool), "input": redact_json(&input)})
}

fn action_json(request: &ReviewRequest<'_>) -> Result<Value, ReviewError> {
    let mut action = redacted_call(request);
    let bytes = action.to_string().len();
    if bytes > MAX_ACTION {
        return Err(ReviewError::TooLarge { bytes });
    }
    let opened = opened(request)?;
    if let (false, Some(fields)) = (opened.is_empty(), action.as_object_mut()) {
        fields.insert("opened".to_owned(), opened.into());
    }
    Ok(action)
}

/// What does not stand in the action as it was sent: decoded, expanded, unwrapped.
fn opened(request: &ReviewRequest<'_>) -> Result<Vec<Value>, ReviewError> {
    let sent = Value::Object(request.call.input.clone()).to_string();
    let is_new = |text: &str| {
        let quoted = Value::from(text).to_string();
        !sent.contains(quoted.trim_matches('"'))
    };
    let units = request.action.units.iter().filter(|unit| unit.kind != UnitKind::Arguments && is_new(&unit.text));
    let mut opened: Vec<Value> = units
        .map(|unit| {
            let layers: Vec<&str> = unit.layers.iter().map(|layer| layer.into()).collect();
            json!({"text": redact(&unit.text), "by": layers})
        })
        .collect();
    opened.dedup();
    let bytes = opened.iter().map(|part| part.to_string().len()).sum();
    if bytes > MAX_OPENED { Err(ReviewError::TooLarge { bytes }) } else { Ok(opened) }
}

/// What the user wrote, as the reviewer sees it.
pub(super) fn said_by_the_user(request: &ReviewRequest<'_>, session: &[Entry]) -> Vec<String> {
    let messages = session.iter().filter_map(|entry| match entry {
        Entry::User(text) => Some(text),
        Entry::Call { .. } => None,
    });
    messages.chain(&request.call.context.user_request).map(|text| redact(text).into_owned()).collect()
}

fn session_json(request: &ReviewRequest<'_>, session: &[Entry]) -> Value {
    let entry = |entry: &Entry| match entry {
        Entry::User(text) => json!({"user": redact(text)}),
        Entry::Call { tool, input } => json!({"tool": redact(tool), "input": redact(input)}),
    };
    let mut entries: Vec<Value> = session.iter().map(entry).collect();
    if let Some(asked) = &request.call.context.user_request {
        entries.push(json!({"user": redact(asked)}));
    }
    entries.into()
}

fn context_json(request: &ReviewRequest<'_>) -> Value {
    let context = &request.call.context;
    let known = [
        ("cwd", &context.cwd),
        ("workspace", &context.workspace),
        ("home", &context.home),
        ("permission_mode", &context.permission_mode),
        ("shell", &context.shell),
        ("harness", &context.harness),
    ];
    let fields = known.into_iter().filter_map(|(name, value)| Some((name.to_owned(), redact(value.as_ref()?).into())));
    Value::Object(fields.collect())
}

fn local_json(request: &ReviewRequest<'_>) -> Value {
    let gaps: Vec<&str> = request.action.all_gaps().iter().map(|gap: Gap| gap.into()).collect();
    let reasons: Vec<_> = request.reasons.iter().map(|reason| redact(&reason.text)).collect();
    let mut local = assessment_json(request.assessment);
    if let Some(fields) = local.as_object_mut() {
        fields.insert("zone".to_owned(), <&str>::from(request.zone).into());
        fields.insert("reasons".to_owned(), json!(reasons));
        fields.insert("not_understood".to_owned(), json!(gaps));
    }
    local
}

fn assessment_json(assessment: &Assessment) -> Value {
    let number = |value: f32| (f64::from(value) * 100.0).round() / 100.0;
    let likeliest = Permission::iter().zip(assessment.permission).max_by(|(_, a), (_, b)| a.get().total_cmp(&b.get()));
    let effects = SideEffect::iter().zip(assessment.effects).filter(|(_, p)| p.get() >= EFFECT_FLOOR);
    let effects: Map<String, Value> =
        effects.map(|(effect, p)| (<&str>::from(effect).to_owned(), number(p.get()).into())).collect();
    let risk = &assessment.risk;
    json!({
        "risk": {"allow": number(risk.allow.get()), "ask": number(risk.ask.get()), "deny": number(risk.deny.get())},
        "permission": likeliest.map(|(permission, _)| <&str>::from(permission)),
        "effects": effects,
        "injection": number(assessment.injection.get()),
    })
}
