//! The question as the Messages API takes it.

use serde::Serialize;
use serde_json::{Value, json};
use strum::IntoEnumIterator;

use super::options::{Asking, Cache, Dialect, Output};
use super::prompt::{OPENING, RUBRIC};
use crate::assessment::{Permission, SideEffect};

/// The tool whose call is the answer, where a schema is not accepted.
pub(super) const TOOL: &str = "give_verdict";

/// Which answer is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// The verdict alone, at once and leaning to the strict side.
    Short,
    /// Everything.
    Whole,
}

impl Stage {
    /// Most tokens of the answer.
    pub(super) fn max_tokens(self, asking: &Asking) -> u32 {
        match self {
            Self::Short => 128.min(asking.max_output_tokens),
            Self::Whole => asking.max_output_tokens,
        }
    }

    fn instruction(self) -> &'static str {
        match self {
            Self::Short => {
                "Give the verdict alone, at once. When in doubt, do not allow: what you do not allow is looked at again."
            }
            Self::Whole => "Give every field.",
        }
    }

    fn schema(self) -> Value {
        let verdict = json!({"type": "string", "enum": ["allow", "ask", "deny"]});
        let properties = match self {
            Self::Short => json!({"verdict": verdict}),
            // What is described first helps to settle what comes after.
            Self::Whole => json!({
                "summary": {"type": "string"},
                "permission": {"type": "string", "enum": names::<Permission>()},
                "effects": {"type": "array", "items": {"type": "string", "enum": names::<SideEffect>()}},
                "injection": {"type": "boolean"},
                "rule": {"type": "string"},
                "boundaries": {"type": "array", "items": {"type": "string"}},
                "verdict": verdict,
            }),
        };
        let required: Vec<String> =
            properties.as_object().into_iter().flatten().map(|(name, _)| name.clone()).collect();
        json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false})
    }
}

fn names<T: IntoEnumIterator + Into<&'static str>>() -> Vec<&'static str> {
    T::iter().map(Into::into).collect()
}

/// One question.
#[derive(Debug, Clone, Copy)]
pub(super) struct Question<'a> {
    /// Which answer is asked for.
    pub(super) stage: Stage,
    /// How.
    pub(super) output: Output,
    /// The operator's part of the system prompt.
    pub(super) operator: Option<&'a str>,
    /// The document with the action.
    pub(super) document: &'a str,
}

/// The bytes that are sent.
pub(super) fn body(question: Question<'_>, asking: &Asking) -> Result<Vec<u8>, serde_json::Error> {
    serde_json::to_vec(&MessagesWire::new(question, asking))
}

#[derive(Serialize)]
struct MessagesWire<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    anthropic_version: Option<&'static str>,
    max_tokens: u32,
    system: Vec<TextWire<'a>>,
    messages: [MessageWire<'a>; 1],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_choice: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thinking: Option<Value>,
    #[serde(skip_serializing_if = "OutputWire::is_empty")]
    output_config: OutputWire<'a>,
}

#[derive(Serialize)]
struct MessageWire<'a> {
    role: &'static str,
    content: Vec<TextWire<'a>>,
}

#[derive(Serialize)]
struct TextWire<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    text: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_control: Option<Value>,
}

#[derive(Default, Serialize)]
struct OutputWire<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    effort: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    format: Option<Value>,
}

impl OutputWire<'_> {
    fn is_empty(&self) -> bool {
        self.effort.is_none() && self.format.is_none()
    }
}

impl<'a> MessagesWire<'a> {
    fn new(question: Question<'a>, asking: &'a Asking) -> Self {
        let (model, anthropic_version) = match asking.dialect {
            Dialect::Anthropic => (Some(asking.model.as_str()), None),
            Dialect::Bedrock => (None, Some("bedrock-2023-05-31")),
            Dialect::Vertex => (None, Some("vertex-2023-10-16")),
        };
        let schema = question.stage.schema();
        let (tools, tool_choice, format) = match question.output {
            Output::Schema => (Vec::new(), None, Some(json!({"type": "json_schema", "schema": schema}))),
            Output::Tool => (vec![tool(&schema)], Some(json!({"type": "tool", "name": TOOL})), None),
            Output::ToolOffered => (vec![tool(&schema)], Some(json!({"type": "auto"})), None),
        };
        Self {
            model,
            anthropic_version,
            max_tokens: question.stage.max_tokens(asking),
            system: system(question, asking.cache),
            messages: [MessageWire { role: "user", content: turn(question) }],
            tools,
            tool_choice,
            // Thinking is what the short answer is there to avoid.
            thinking: (question.stage == Stage::Short).then(|| json!({"type": "disabled"})),
            output_config: OutputWire { effort: asking.effort.as_deref(), format },
        }
    }
}

fn tool(schema: &Value) -> Value {
    json!({"name": TOOL, "description": "Gives the verdict on the action.", "input_schema": schema})
}

/// The part that is the same for every action; the cache ends with it.
fn system(question: Question<'_>, cache: Cache) -> Vec<TextWire<'_>> {
    let mut parts: Vec<TextWire<'_>> = [Some(RUBRIC), question.operator].into_iter().flatten().map(plain).collect();
    if let Some(last) = parts.last_mut() {
        last.cache_control = match cache {
            Cache::FiveMinutes => Some(json!({"type": "ephemeral"})),
            Cache::Hour => Some(json!({"type": "ephemeral", "ttl": "1h"})),
            Cache::Off => None,
        };
    }
    parts
}

/// The turn with the document; what is asked comes last, after all that could say otherwise.
fn turn(question: Question<'_>) -> Vec<TextWire<'_>> {
    let by_tool = match question.output {
        Output::Schema => None,
        Output::Tool | Output::ToolOffered => Some("Answer by calling the tool `give_verdict`, with nothing else."),
    };
    let parts = [Some(OPENING), Some(question.document), Some(question.stage.instruction()), by_tool];
    parts.into_iter().flatten().map(plain).collect()
}

fn plain(text: &str) -> TextWire<'_> {
    TextWire { kind: "text", text, cache_control: None }
}
