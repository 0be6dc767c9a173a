//! The action record, the decision record and the label of the command line: JSON that strangers rely on, converted at once.
//!
//! Unknown fields are ignored; a record that cannot be read is an error with a stable code, never a lost line.

mod decision;
mod label;

#[cfg(feature = "serve")]
pub use decision::{DecisionWire, ErrorWire};
pub use decision::{Stamp, decision_json, decision_text, error_json, problem_json};
pub use label::parse_label;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::action::{Context, ToolCall};

/// A tool call with the id under which its decision is returned.
#[derive(Debug, Clone, PartialEq)]
pub struct ActionRecord {
    /// Echoed as it came; null when absent.
    pub id: Value,
    /// Which collection the record is from, where it says so: only evaluation looks at it.
    pub source: Option<String>,
    /// The call.
    pub call: ToolCall,
}

/// Why a line is not an action record.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// Not UTF-8.
    #[error("not UTF-8: {0}")]
    Utf8(#[from] std::str::Utf8Error),
    /// Not JSON, or nested too deep.
    #[error("not the JSON expected: {0}")]
    Json(#[from] serde_json::Error),
    /// Larger than what is read.
    #[error("record of {bytes} bytes; at most {MAX_RECORD} are read")]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
    /// More records at once than are judged at once.
    #[error("{records} records at once; at most {most} are judged")]
    TooMany {
        /// How many there are.
        records: usize,
        /// The limit.
        most: usize,
    },
    /// A field that every record has is missing or has another type.
    #[error("field `{0}` is missing or of the wrong type")]
    Field(&'static str),
}

impl RecordError {
    /// The stable code of the error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Utf8(_) => "record.utf8",
            Self::Json(_) => "record.json",
            Self::TooLarge { .. } => "record.size",
            Self::TooMany { .. } => "record.many",
            Self::Field(_) => "record.field",
        }
    }
}

/// Most bytes of one record.
pub const MAX_RECORD: usize = 16 * 1024 * 1024;

/// One action to be judged.
#[derive(Deserialize)]
#[cfg_attr(feature = "serve", derive(utoipa::ToSchema), schema(as = ActionRecord))]
pub(crate) struct RecordWire {
    /// Echoed in the decision record.
    #[serde(default)]
    #[cfg_attr(feature = "serve", schema(required = false))]
    id: Value,
    /// Which collection it is from; ignored here.
    #[serde(default)]
    #[cfg_attr(feature = "serve", schema(value_type = Option<String>))]
    source: Value,
    /// The tool's name in Claude Code's spelling, for example `Bash`; `text` for what a tool returned.
    #[serde(default)]
    #[cfg_attr(feature = "serve", schema(value_type = String, required = true, example = "Bash"))]
    tool: Value,
    /// The tool's own argument object.
    #[serde(default)]
    #[cfg_attr(feature = "serve", schema(value_type = Object, required = true))]
    input: Value,
    /// The circumstances; every field is optional.
    #[serde(default)]
    #[cfg_attr(feature = "serve", schema(value_type = Option<ContextWire>))]
    context: Value,
}

/// The circumstances of an action.
#[cfg(feature = "serve")]
#[derive(utoipa::ToSchema)]
#[schema(as = Context)]
pub struct ContextWire {
    /// The agent program, for example `claude-code`.
    pub harness: Option<String>,
    /// The harness's session.
    pub session_id: Option<String>,
    /// The folder in which a command starts.
    pub cwd: Option<String>,
    /// The project's folder.
    pub workspace: Option<String>,
    /// The user's home folder.
    pub home: Option<String>,
    /// What the user asked for, in the user's words.
    pub user_request: Option<String>,
    /// The harness's permission mode.
    pub permission_mode: Option<String>,
    /// The language of a shell command: `bash`, `powershell` or `cmd`.
    pub shell: Option<String>,
}

/// Reads one line. On an error, what could be read of its id comes with it.
pub fn parse(line: &[u8]) -> Result<ActionRecord, (Value, RecordError)> {
    if line.len() > MAX_RECORD {
        return Err((Value::Null, RecordError::TooLarge { bytes: line.len() }));
    }
    let text = std::str::from_utf8(line).map_err(|error| (Value::Null, error.into()))?;
    of_wire(serde_json::from_str(text).map_err(|error| (Value::Null, error.into()))?)
}

/// Reads one record that is JSON already.
pub fn from_value(value: Value) -> Result<ActionRecord, (Value, RecordError)> {
    let id = value.get("id").cloned().unwrap_or_default();
    of_wire(serde_json::from_value(value).map_err(|error| (id, error.into()))?)
}

fn of_wire(wire: RecordWire) -> Result<ActionRecord, (Value, RecordError)> {
    let RecordWire { id, source, tool, input, context } = wire;
    let Value::String(tool) = tool else { return Err((id, RecordError::Field("tool"))) };
    let Value::Object(input) = input else { return Err((id, RecordError::Field("input"))) };
    let source = source.as_str().map(str::to_owned);
    Ok(ActionRecord { id, source, call: ToolCall { tool, input, context: context_of(&context) } })
}

/// Reads what is known of the circumstances; anything of another type counts as absent.
pub fn context_of(value: &Value) -> Context {
    let empty = Map::new();
    let object = value.as_object().unwrap_or(&empty);
    let text = |key: &str| object.get(key).and_then(Value::as_str).map(str::to_owned);
    Context {
        harness: text("harness"),
        session_id: text("session_id"),
        cwd: text("cwd"),
        workspace: text("workspace"),
        home: text("home"),
        user_request: text("user_request"),
        permission_mode: text("permission_mode"),
        shell: text("shell"),
        // A record may come from anywhere; only a harness says which file is read.
        transcript: None,
    }
}
