//! A decision as a record: who, what, what was known of it, what was decided, by what, how fast.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::env;
use std::sync::{Arc, LazyLock};

use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::call::CallWire;
use super::chain::in_hex;
use crate::action::{Action, Effect, Scope, ToolCall};
use crate::assessment::{Assessment, Probability, Risk};
use crate::calibrate::Thresholds;
use crate::engine::{Asking, AuditEntry};
use crate::redact::redact;
use crate::verdict::{Decision, Reason};

/// Most bytes of a call that are kept.
const MOST_KEPT: usize = 64 * 1024;
/// The reason under which a reviewer's own words stand.
const REVIEWED: &str = "review";

/// The program, in every record.
pub const PROGRAM: &str = concat!("riskgate ", env!("CARGO_PKG_VERSION"));

/// Whether the action's own text is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// With its secrets masked.
    Text,
    /// Tool, session and facts alone.
    Nothing,
}

/// Writes a decision with the microseconds that it took as the JSON object that strangers know it by.
pub type Rendering = Arc<dyn Fn(&Decision, u64) -> String + Send + Sync>;

#[derive(Serialize)]
struct Wire<'a> {
    kind: &'static str,
    id: String,
    time: String,
    who: Who<'a>,
    what: What<'a>,
    facts: BTreeSet<String>,
    gaps: Vec<&'static str>,
    rules: Vec<&'a str>,
    thresholds: Option<Cuts>,
    asking: &'static str,
    /// `monitor` where the decision was only recorded.
    #[serde(skip_serializing_if = "Option::is_none")]
    mode: Option<&'static str>,
    exact: Option<String>,
    review: Option<Value>,
    total_us: u64,
}

/// Thresholds; the numbers in full.
#[derive(Serialize)]
struct Cuts {
    allow_below: f64,
    deny_above: f64,
    injection_above: f64,
    novel_above: f64,
}

#[derive(Serialize)]
struct Who<'a> {
    user: Option<&'static str>,
    pid: u32,
    program: &'static str,
    harness: Option<&'a str>,
    session: Option<&'a str>,
    /// The harness's name for the call, the same before and after it ran: it tells which calls ran.
    #[serde(skip_serializing_if = "Option::is_none")]
    call: Option<&'a str>,
}

#[derive(Serialize)]
struct What<'a> {
    tool: &'a str,
    /// `whole`, `redacted` or `nothing`.
    kept: &'static str,
    /// Why less than the whole is kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<&'static str>,
    /// Tells, with the log's key, whether a call is this one.
    code: String,
    call: Option<CallWire<'a>>,
}

/// The record's fields as a JSON object. `n_bytes` are those of the call as it was sent, `code` tells it from others.
pub(super) fn fields(
    entry: &AuditEntry<'_>,
    (keep, monitoring): (Keep, bool),
    (n_bytes, code): (usize, String),
    rendering: &Rendering,
) -> String {
    let decision = rendering(masked(entry.decision, keep).as_ref(), entry.timings.total_us);
    let wire = Wire {
        kind: "decision",
        id: Uuid::now_v7().to_string(),
        time: jiff::Timestamp::now().to_string(),
        who: who(entry),
        what: what(entry.call, keep, n_bytes, code),
        facts: entry.action.map(facts).unwrap_or_default(),
        gaps: entry.action.map(|action| action.all_gaps().iter().map(Into::into).collect()).unwrap_or_default(),
        rules: rules(entry.decision),
        thresholds: entry.thresholds.map(thresholds),
        asking: match entry.asking {
            Asking::Possible => "possible",
            Asking::Impossible => "impossible",
        },
        mode: monitoring.then_some("monitor"),
        exact: entry.decision.assessment.as_ref().map(exact),
        review: entry.timings.review_us.map(|us| json!({"reply_id": entry.reply_id, "us": us})),
        total_us: entry.timings.total_us,
    };
    // Nothing in it can fail to be written; an empty object would be a record all the same.
    let mut text = serde_json::to_string(&wire).unwrap_or_else(|_| r#"{"kind":"decision"}"#.to_owned());
    text.pop();
    text.push_str(",\"decision\":");
    text.push_str(&decision);
    text.push('}');
    text
}

fn who<'a>(entry: &AuditEntry<'a>) -> Who<'a> {
    let context = &entry.call.context;
    Who {
        user: user(),
        pid: std::process::id(),
        program: PROGRAM,
        harness: context.harness.as_deref(),
        session: context.session_id.as_deref(),
        call: context.call_id.as_deref(),
    }
}

/// Who the environment says it is: nobody proves it, and with the process's number it is a trace.
pub(super) fn user() -> Option<&'static str> {
    static USER: LazyLock<Option<String>> =
        LazyLock::new(|| ["USER", "USERNAME", "LOGNAME"].into_iter().find_map(|name| env::var(name).ok()));
    USER.as_deref()
}

fn what(call: &ToolCall, keep: Keep, n_bytes: usize, code: String) -> What<'_> {
    let why_not = match keep {
        Keep::Nothing => Some("the settings keep no text"),
        Keep::Text if n_bytes > MOST_KEPT => Some("larger than what is kept"),
        Keep::Text => None,
    };
    if why_not.is_some() {
        return What { tool: &call.tool, kept: "nothing", why: why_not, code, call: None };
    }
    let (wire, any) = CallWire::masked(call);
    let (kept, why) = if any { ("redacted", Some("it held secrets")) } else { ("whole", None) };
    What { tool: &call.tool, kept, why, code, call: Some(wire) }
}

/// The decision without secrets in its reasons; where no text is kept, without a reviewer's words, which may quote it.
fn masked(decision: &Decision, keep: Keep) -> Cow<'_, Decision> {
    let quotes = |reason: &Reason| keep == Keep::Nothing && reason.code == REVIEWED;
    let is_clean = |reason: &Reason| !quotes(reason) && matches!(redact(&reason.text), Cow::Borrowed(_));
    if decision.reasons.iter().all(is_clean) {
        return Cow::Borrowed(decision);
    }
    let mask = |reason: &Reason| {
        let text = if quotes(reason) { String::new() } else { redact(&reason.text).into_owned() };
        Reason { text, ..reason.clone() }
    };
    Cow::Owned(Decision { reasons: decision.reasons.iter().map(mask).collect(), ..decision.clone() })
}

fn facts(action: &Action) -> BTreeSet<String> {
    action.effects().map(|(_, effect)| fact(effect)).collect()
}

/// For example `delete home recursive`: the fact, where it happens, how.
fn fact(effect: &Effect) -> String {
    let place = effect.target.as_ref().and_then(|target| match target.scope {
        Scope::Path(scope) => Some(<&str>::from(scope)),
        Scope::Host(kind) => Some(<&str>::from(kind)),
        Scope::None => None,
    });
    let modifiers = effect.modifiers.iter().map(<&str>::from);
    let words: Vec<&str> = std::iter::once(<&str>::from(effect.fact)).chain(place).chain(modifiers).collect();
    words.join(" ")
}

fn thresholds(cuts: &Thresholds) -> Cuts {
    let Thresholds { allow_below, deny_above, injection_above, novel_above } = *cuts;
    Cuts {
        allow_below: allow_below.into(),
        deny_above: deny_above.into(),
        injection_above: injection_above.into(),
        novel_above: novel_above.into(),
    }
}

fn rules(decision: &Decision) -> Vec<&str> {
    decision.reasons.iter().map(|reason| reason.code.as_ref()).filter(|code| code.starts_with("policy.")).collect()
}

/// Every number of an assessment to the last bit, as hex: what rounds for reading cannot be compared.
pub fn exact(assessment: &Assessment) -> String {
    let risk = &assessment.risk;
    let head = [risk.allow, risk.ask, risk.deny];
    let numbers = head.iter().chain(&assessment.permission).chain(&assessment.effects).chain([&assessment.injection]);
    let bits = numbers.map(|number| number.get()).chain([assessment.novelty]).map(f32::to_bits);
    in_hex(&bits.flat_map(u32::to_be_bytes).collect::<Vec<u8>>())
}

/// The assessment that [`exact`] wrote; `None` for anything else.
pub fn scores(bits: &str) -> Option<Assessment> {
    let bytes = hex::decode(bits).ok()?;
    let (words, rest) = bytes.as_chunks::<4>();
    let mut numbers = words.iter().map(|word| f32::from_bits(u32::from_be_bytes(*word)));
    let mut next = || numbers.next().map(Probability::new);
    let risk = Risk { allow: next()?, ask: next()?, deny: next()? };
    let (mut permission, mut effects) = ([Probability::default(); _], [Probability::default(); _]);
    for slot in permission.iter_mut().chain(&mut effects) {
        *slot = next()?;
    }
    let assessment = Assessment { risk, permission, effects, injection: next()?, novelty: numbers.next()? };
    (numbers.next().is_none() && rest.is_empty()).then_some(assessment)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_assessment_is_read_as_it_was_written() {
        let number = |n: usize| Probability::new(1.0 / (n as f32 + 3.0));
        let assessment = Assessment {
            risk: Risk { allow: number(0), ask: number(1), deny: number(2) },
            permission: std::array::from_fn(|n| number(n + 3)),
            effects: std::array::from_fn(|n| number(n + 8)),
            injection: number(22),
            novelty: 7.25,
        };
        let bits = exact(&assessment);
        assert_eq!(scores(&bits), Some(assessment));
        for other in ["", "zz", "3f800000", &format!("{bits}0"), &format!("{bits}00000000"), &format!("{bits}00")] {
            assert_eq!(scores(other), None, "{other}");
        }
    }
}
