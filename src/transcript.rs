//! One line of Claude Code's own record of a session → what it says: the user's words, the agent's calls, what became of them.
//!
//! Shared by everything that reads transcripts: a reviewer is told what led to an action, and a replay judges what was called.
//! Left out on purpose: what tools returned, what the assistant wrote, and what the harness adds to the user's messages.

use serde::Deserialize;
use serde_json::{Map, Value};

/// What one line says.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Line {
    /// The session.
    pub session: Option<String>,
    /// The folder in which the session was.
    pub cwd: Option<String>,
    /// When it was written, as it stands there: RFC 3339.
    pub time: Option<String>,
    /// How the session asks, where the line says so.
    pub permission_mode: Option<String>,
    /// The branch of the repository; none where there is no repository.
    pub git_branch: Option<String>,
    /// Whether a subagent wrote it.
    pub by_subagent: bool,
    /// What is in it, in order.
    pub entries: Vec<Entry>,
}

/// One thing that a line says.
#[derive(Debug, Clone, PartialEq)]
pub enum Entry {
    /// What a person typed.
    User(String),
    /// What the agent called.
    Call {
        /// The harness's name for the call; empty when there is none.
        id: String,
        /// The tool.
        tool: String,
        /// Its arguments.
        input: Map<String, Value>,
    },
    /// What became of a call.
    Result {
        /// The call.
        id: String,
        /// What became of it.
        outcome: Outcome,
    },
}

/// What became of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Outcome {
    /// Nobody knows.
    #[default]
    Unknown,
    /// It ran, and a person had said yes.
    Approved,
    /// It ran; nothing says whether anybody was asked.
    Ran,
    /// It ran, and nobody was asked: rules, a hook or the session's mode let it.
    RanUnasked,
    /// A person, a rule or a hook refused it.
    Refused,
    /// It was no call that could run: wrong arguments, a file that was not read before.
    Invalid,
}

/// A line of a transcript; everything else in it is ignored.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LineWire {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    message: MessageWire,
    #[serde(default)]
    session_id: Value,
    #[serde(default)]
    cwd: Value,
    #[serde(default)]
    timestamp: Value,
    #[serde(default)]
    permission_mode: Value,
    #[serde(default)]
    git_branch: Value,
    /// Added by the harness.
    #[serde(default)]
    is_meta: bool,
    /// Of a subagent: its "user" is the agent that started it.
    #[serde(default)]
    is_sidechain: bool,
    /// Written by the assistant when the conversation became too long.
    #[serde(default)]
    is_compact_summary: bool,
    /// A tool's result goes under the user's name.
    #[serde(default)]
    tool_use_result: Value,
    /// Who wrote a message, where the harness says so.
    #[serde(default)]
    origin: Value,
    /// How it came that a call ran or did not, where the harness says so.
    #[serde(default)]
    permission_decision: Value,
    /// Why a call did not run, where the harness says so.
    #[serde(default)]
    tool_denial_kind: Value,
}

#[derive(Default, Deserialize)]
struct MessageWire {
    #[serde(default)]
    content: Value,
}

/// Reads one line; `None` when it is no line of a transcript.
pub fn parse(line: &[u8]) -> Option<Line> {
    let wire: LineWire = serde_json::from_slice(line).ok()?;
    let entries = match wire.kind.as_str() {
        _ if wire.is_by_the_user() => user_message(&wire.message.content).map(Entry::User).into_iter().collect(),
        "user" => wire.blocks().filter_map(|block| wire.result(block)).collect(),
        "assistant" => wire.blocks().filter_map(call).collect(),
        _ => Vec::new(),
    };
    let text = |value: &Value| value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    Some(Line {
        session: text(&wire.session_id),
        cwd: text(&wire.cwd),
        time: text(&wire.timestamp),
        permission_mode: text(&wire.permission_mode),
        git_branch: text(&wire.git_branch).filter(|branch| branch != "HEAD"),
        by_subagent: wire.is_sidechain,
        entries,
    })
}

impl LineWire {
    /// Whether a person typed it.
    fn is_by_the_user(&self) -> bool {
        let by_another = self.origin.get("kind").and_then(Value::as_str).is_some_and(|kind| kind != "human");
        let added = self.is_meta || self.is_sidechain || self.is_compact_summary || by_another;
        self.kind == "user" && !added && self.tool_use_result.is_null() && !self.has_result()
    }

    fn blocks(&self) -> impl Iterator<Item = &Value> {
        self.message.content.as_array().into_iter().flatten()
    }

    fn has_result(&self) -> bool {
        self.blocks().any(|block| kind(block) == Some("tool_result"))
    }

    fn result(&self, block: &Value) -> Option<Entry> {
        if kind(block)? != "tool_result" {
            return None;
        }
        let id = block.get("tool_use_id")?.as_str()?.to_owned();
        Some(Entry::Result { id, outcome: self.outcome(block) })
    }

    /// What became of a call. Newer versions say it; in older ones it is in the words that the agent was given.
    fn outcome(&self, block: &Value) -> Outcome {
        let decision = |field: &str| self.permission_decision.get(field).and_then(Value::as_str);
        let is_error = block.get("is_error").and_then(Value::as_bool).unwrap_or(false);
        let text = first_text(block.get("content").unwrap_or(&Value::Null));
        let told = self.tool_use_result.as_str().unwrap_or_default();
        if decision("decision") == Some("reject") || !self.tool_denial_kind.is_null() {
            return Outcome::Refused;
        }
        if is_error && (REFUSALS.iter().any(|words| text.starts_with(words)) || told.contains("rejected tool use")) {
            return Outcome::Refused;
        }
        // A hook's refusal names its event before it.
        if is_error && text.starts_with("PreToolUse:") {
            return Outcome::Refused;
        }
        if is_error && text.starts_with("<tool_use_error>") {
            return Outcome::Invalid;
        }
        match (decision("decision"), decision("source")) {
            (Some("accept"), Some(source)) if source.starts_with("user") => Outcome::Approved,
            (Some("accept"), Some(_)) => Outcome::RanUnasked,
            _ => Outcome::Ran,
        }
    }
}

/// How the texts begin that an agent is given in the place of a result when its call was refused.
const REFUSALS: [&str; 5] = [
    "The user doesn't want to proceed with this tool use",
    "The user doesn't want to take this action right now",
    "[Request interrupted by user",
    "Permission to use ",
    "Permission for this action",
];

fn kind(block: &Value) -> Option<&str> {
    block.get("type").and_then(Value::as_str)
}

/// The text of a result, or of its first block.
fn first_text(content: &Value) -> &str {
    match content {
        Value::String(text) => text,
        Value::Array(blocks) => {
            blocks.iter().find_map(|block| block.get("text").and_then(Value::as_str)).unwrap_or_default()
        }
        _ => "",
    }
}

fn call(block: &Value) -> Option<Entry> {
    if kind(block)? != "tool_use" {
        return None;
    }
    let text = |name: &str| block.get(name).and_then(Value::as_str).map(str::to_owned);
    let input = block.get("input")?.as_object()?.clone();
    Some(Entry::Call { id: text("id").unwrap_or_default(), tool: text("name")?, input })
}

/// The text blocks of a message, without what the harness added to it.
fn user_message(content: &Value) -> Option<String> {
    let text = match content {
        Value::String(text) => text.clone(),
        Value::Array(blocks) => {
            let texts = blocks.iter().filter(|block| kind(block) == Some("text"));
            texts.filter_map(|block| block.get("text")?.as_str()).collect::<Vec<_>>().join("\n")
        }
        _ => return None,
    };
    let text = without_additions(&text);
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// What harnesses put into a user's message.
const ADDITIONS: [&str; 10] = [
    "system-reminder",
    "local-command-stdout",
    "local-command-stderr",
    "local-command-caveat",
    "bash-stdout",
    "bash-stderr",
    "ide_selection",
    "ide_opened_file",
    "task-notification",
    "user-prompt-submit-hook",
];

/// The text without the harness's additions. One that is never closed takes all that follows with it.
fn without_additions(text: &str) -> String {
    ADDITIONS.iter().fold(text.to_owned(), |text, tag| without(&text, tag))
}

fn without(text: &str, tag: &str) -> String {
    let (opening, closing) = (format!("<{tag}"), format!("</{tag}>"));
    let mut kept = String::new();
    let mut rest = text;
    while let Some((before, added)) = rest.split_once(opening.as_str()) {
        kept.push_str(before);
        rest = added.split_once(closing.as_str()).map_or("", |(_, after)| after);
    }
    kept.push_str(rest);
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn outcome(line: &Value) -> Outcome {
        let line = parse(line.to_string().as_bytes()).unwrap();
        match line.entries.as_slice() {
            [Entry::Result { id, outcome }] if id == "t1" => *outcome,
            other => panic!("{other:?}"),
        }
    }

    fn result(content: &str, is_error: bool, more: &Value) -> Value {
        let block = json!({"type": "tool_result", "tool_use_id": "t1", "content": content, "is_error": is_error});
        let mut line = json!({"type": "user", "message": {"role": "user", "content": [block]}});
        line.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        line
    }

    #[test]
    fn a_call_is_read_with_its_circumstances() {
        let line = json!({
            "type": "assistant", "sessionId": "s1", "cwd": "/w/app", "timestamp": "2026-11-28T11:10:48.247Z", "gitBranch": "main",
            "isSidechain": true, "message": {"role": "assistant", "content": [
                {"type": "text", "text": "I may"}, {"type": "tool_use", "id": "t1", "name": "Bash", "input": {"command": "ls"}}]},
        });
        let read = parse(line.to_string().as_bytes()).unwrap();
        assert_eq!(
            (read.session.as_deref(), read.cwd.as_deref(), read.by_subagent),
            (Some("s1"), Some("/w/app"), true)
        );
        assert_eq!(read.git_branch.as_deref(), Some("main"));
        let input = json!({"command": "ls"}).as_object().unwrap().clone();
        assert_eq!(read.entries, [Entry::Call { id: "t1".into(), tool: "Bash".into(), input }]);
    }

    #[test]
    fn what_became_of_a_call_is_read_as_versions_tell_it() {
        let none = json!({});
        assert_eq!(outcome(&result("done", false, &none)), Outcome::Ran);
        assert_eq!(outcome(&result("Exit code 1\nno such file", true, &none)), Outcome::Ran);
        assert_eq!(
            outcome(&result("<tool_use_error>String not found</tool_use_error>", true, &none)),
            Outcome::Invalid
        );
        let refused = "The user doesn't want to proceed with this tool use. The tool use was rejected (eg. …)";
        assert_eq!(outcome(&result(refused, true, &none)), Outcome::Refused);
        // A program may print these words, too.
        assert_eq!(outcome(&result(refused, false, &none)), Outcome::Ran);
        assert_eq!(outcome(&result("x", true, &json!({"toolUseResult": "User rejected tool use"}))), Outcome::Refused);
        assert_eq!(outcome(&result("x", true, &json!({"toolDenialKind": "user-rejected"}))), Outcome::Refused);
        assert_eq!(outcome(&result("PreToolUse:Bash hook error: no", true, &none)), Outcome::Refused);
        let decided = |decision: &str, source: &str| {
            outcome(&result("x", false, &json!({"permissionDecision": {"decision": decision, "source": source}})))
        };
        assert_eq!(decided("reject", "config"), Outcome::Refused);
        assert_eq!(decided("accept", "user_temporary"), Outcome::Approved);
        assert_eq!(decided("accept", "hook"), Outcome::RanUnasked);
        assert_eq!(decided("accept", "config"), Outcome::RanUnasked);
    }

    #[test]
    fn other_lines_say_nothing_and_what_is_no_line_is_none() {
        assert_eq!(parse(br#"{"type":"summary","summary":"x"}"#).unwrap().entries, []);
        assert_eq!(parse(br#"{"type":"user","message":{"content":[{"type":"tool_result"}]}}"#).unwrap().entries, []);
        for broken in [&b"\xff\x00"[..], b"[]", b"{\"type\":3}", b"{}", b""] {
            assert!(parse(broken).is_none(), "{broken:?}");
        }
    }
}
