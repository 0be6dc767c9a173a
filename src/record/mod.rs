//! The action record, the decision record and the label of the command line: JSON that strangers rely on, converted at once.
//!
//! Unknown fields are ignored; a record that cannot be read is an error with a stable code, never a lost line.

mod decision;
mod label;

pub use decision::{Stamp, decision_json, error_json};
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
            Self::Field(_) => "record.field",
        }
    }
}

/// Most bytes of one record.
pub const MAX_RECORD: usize = 16 * 1024 * 1024;

#[derive(Deserialize)]
struct RecordWire {
    #[serde(default)]
    id: Value,
    #[serde(default)]
    source: Value,
    #[serde(default)]
    tool: Value,
    #[serde(default)]
    input: Value,
    #[serde(default)]
    context: Value,
}

/// Reads one line. On an error, what could be read of its id comes with it.
pub fn parse(line: &[u8]) -> Result<ActionRecord, (Value, RecordError)> {
    if line.len() > MAX_RECORD {
        return Err((Value::Null, RecordError::TooLarge { bytes: line.len() }));
    }
    let text = std::str::from_utf8(line).map_err(|error| (Value::Null, error.into()))?;
    let wire: RecordWire = serde_json::from_str(text).map_err(|error| (Value::Null, error.into()))?;
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
