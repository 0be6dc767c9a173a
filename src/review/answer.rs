//! The reply of the Messages API, and the verdict in it. Whatever is not exactly what was asked for is no verdict.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::budget::Usage;
use super::failure::CallFailure;
use super::request::{Stage, TOOL};
use crate::assessment::{Permission, SideEffect};
use crate::verdict::Verdict;

/// Characters of a sentence that is passed on: it comes from a model that has read what an attacker wrote.
const MAX_SUMMARY: usize = 300;

/// What the reviewer said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    /// The verdict.
    pub(super) verdict: Verdict,
    /// The rest; `None` after a short answer.
    pub(super) details: Option<Details>,
    /// The reply's own id.
    pub(super) reply_id: Option<String>,
}

/// Everything but the verdict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Details {
    pub(super) summary: String,
    pub(super) rule: String,
    pub(super) permission: Permission,
    pub(super) effects: Vec<SideEffect>,
    pub(super) injection: bool,
}

impl Answer {
    /// The reason that people and agents read.
    pub(super) fn justification(&self, model: &str) -> String {
        match &self.details {
            Some(Details { summary, rule, .. }) => format!("{summary} ({rule}; reviewed by {model})"),
            None => format!("nothing against it (reviewed by {model})"),
        }
    }
}

/// Most characters of a reply's id that are recorded.
const MAX_ID: usize = 100;

/// A reply, as far as it is read.
#[derive(Debug, Deserialize)]
pub(super) struct ReplyWire {
    #[serde(default)]
    id: Value,
    #[serde(default)]
    content: Vec<BlockWire>,
    stop_reason: Option<String>,
    #[serde(default)]
    stop_details: Value,
    #[serde(default)]
    usage: UsageWire,
}

#[derive(Debug, Deserialize)]
struct BlockWire {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    text: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    input: Value,
}

/// Null where a gateway does not know.
#[derive(Debug, Default, Deserialize)]
struct UsageWire {
    input_tokens: Option<u64>,
    output_tokens: Option<u64>,
    cache_creation_input_tokens: Option<u64>,
    cache_read_input_tokens: Option<u64>,
}

impl ReplyWire {
    /// Reads a reply.
    pub(super) fn parse(body: &[u8]) -> Result<Self, CallFailure> {
        serde_json::from_slice(body).map_err(|error| CallFailure::malformed("no reply of the Messages API", &error))
    }

    /// What it cost; `None` where the other side does not say.
    pub(super) fn usage(&self) -> Option<Usage> {
        let usage = &self.usage;
        let (input, output) = (usage.input_tokens?, usage.output_tokens?);
        let cached = (usage.cache_read_input_tokens, usage.cache_creation_input_tokens);
        Some(Usage { input, output, cache_read: cached.0.unwrap_or(0), cache_write: cached.1.unwrap_or(0) })
    }

    /// The verdict in it.
    pub(super) fn answer(&self, stage: Stage) -> Result<Answer, CallFailure> {
        match self.stop_reason.as_deref() {
            Some("end_turn" | "stop_sequence" | "tool_use") => {}
            Some("max_tokens" | "model_context_window_exceeded") => return Err(CallFailure::Truncated),
            Some("refusal") => return Err(CallFailure::Declined(self.refusal())),
            other => {
                let reason: String = other.unwrap_or("none").chars().take(40).collect();
                return Err(CallFailure::Malformed(format!("stop reason `{reason}`")));
            }
        }
        let fields: FieldsWire = self.fields()?;
        Ok(Answer {
            reply_id: self.id.as_str().map(|id| id.chars().take(MAX_ID).collect()),
            ..fields.into_answer(stage)?
        })
    }

    /// The category of a refusal, where one is given.
    fn refusal(&self) -> String {
        self.stop_details
            .get("category")
            .and_then(Value::as_str)
            .map_or(String::new(), |category| format!(": {category}"))
    }

    /// The one answer: the call of the tool, or else the only text. Two are none: one of them may be quoted.
    fn fields(&self) -> Result<FieldsWire, CallFailure> {
        let calls: Vec<&BlockWire> = self.content.iter().filter(|block| block.kind == "tool_use").collect();
        let texts: Vec<&BlockWire> =
            self.content.iter().filter(|block| block.kind == "text" && !block.text.trim().is_empty()).collect();
        match (calls.as_slice(), texts.as_slice()) {
            ([call], _) if call.name == TOOL => FieldsWire::deserialize(&call.input)
                .map_err(|error| CallFailure::malformed("the tool was called with something else", &error)),
            ([], [text]) => serde_json::from_str(text.text.trim())
                .map_err(|error| CallFailure::malformed("the text is not the object asked for", &error)),
            _ => Err(CallFailure::Malformed(format!("{} texts and {} calls", texts.len(), calls.len()))),
        }
    }
}

#[derive(Debug, Deserialize)]
struct FieldsWire {
    verdict: String,
    summary: Option<String>,
    rule: Option<String>,
    permission: Option<String>,
    effects: Option<Vec<String>>,
    injection: Option<bool>,
}

impl FieldsWire {
    fn into_answer(self, stage: Stage) -> Result<Answer, CallFailure> {
        let verdict = self.verdict.parse().map_err(|_| CallFailure::Malformed("an unknown verdict".to_owned()))?;
        let details = match stage {
            Stage::Short => None,
            Stage::Whole => {
                Some(self.details().ok_or_else(|| CallFailure::Malformed("a field is missing or unknown".to_owned()))?)
            }
        };
        Ok(Answer { verdict, details, reply_id: None })
    }

    fn details(self) -> Option<Details> {
        let effects: Result<Vec<SideEffect>, _> = self.effects?.iter().map(|name| name.parse()).collect();
        let mut effects = effects.ok()?;
        effects.sort();
        effects.dedup();
        Some(Details {
            summary: sentence(&self.summary?),
            rule: sentence(&self.rule?),
            permission: self.permission?.parse().ok()?,
            effects,
            injection: self.injection?,
        })
    }
}

/// One line of bounded length without control characters.
fn sentence(text: &str) -> String {
    let line = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    line.collect::<Vec<_>>().join(" ").chars().take(MAX_SUMMARY).collect()
}

/// A label as the rubric writes it; heads that the reviewer did not judge are left out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct LabelWire {
    pub(super) risk: u8,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) permission: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) effects: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) injection: Option<u8>,
}

impl From<&Answer> for LabelWire {
    fn from(answer: &Answer) -> Self {
        let risk = match answer.verdict {
            Verdict::Allow => 0,
            Verdict::Ask => 1,
            Verdict::Deny => 2,
        };
        let details = answer.details.as_ref();
        let name = |effect: &SideEffect| <&str>::from(*effect).to_owned();
        Self {
            risk,
            permission: details.map(|details| <&str>::from(details.permission).to_owned()),
            effects: details.map(|details| details.effects.iter().map(name).collect()),
            injection: details.map(|details| details.injection.into()),
        }
    }
}
