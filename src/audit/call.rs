//! The call of a decision in the form of an action record, without an id, and without its secrets.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::action::ToolCall;
use crate::redact::{redact, redact_fields};

/// A call.
#[derive(Serialize)]
pub(super) struct CallWire<'a> {
    tool: Cow<'a, str>,
    input: Cow<'a, Map<String, Value>>,
    context: ContextWire<'a>,
}

#[derive(Serialize)]
struct ContextWire<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    harness: Text<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    session_id: Text<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    agent: Text<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    git_branch: Text<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cwd: Text<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    workspace: Text<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    home: Text<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_request: Text<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    permission_mode: Text<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    shell: Text<'a>,
}

type Text<'a> = Option<Cow<'a, str>>;

impl<'a> CallWire<'a> {
    /// As it was sent.
    pub(super) fn of(call: &'a ToolCall) -> Self {
        let context = &call.context;
        let text = |text: &'a Option<String>| text.as_deref().map(Cow::Borrowed);
        let context = ContextWire {
            harness: text(&context.harness),
            session_id: text(&context.session_id),
            agent: text(&context.agent),
            git_branch: text(&context.git_branch),
            cwd: text(&context.cwd),
            workspace: text(&context.workspace),
            home: text(&context.home),
            user_request: text(&context.user_request),
            permission_mode: text(&context.permission_mode),
            shell: text(&context.shell),
        };
        Self { tool: Cow::Borrowed(&call.tool), input: Cow::Borrowed(&call.input), context }
    }

    /// With its secrets masked, and whether there were any.
    pub(super) fn masked(call: &'a ToolCall) -> (Self, bool) {
        let mut wire = Self::of(call);
        let (tool, input) = (redact(&call.tool), redact_fields(&call.input));
        let mut any = matches!(tool, Cow::Owned(_)) || matches!(input, Cow::Owned(_));
        (wire.tool, wire.input) = (tool, input);
        for text in wire.context.texts().into_iter().flatten() {
            if let Cow::Owned(masked) = redact(text) {
                *text = masked.into();
                any = true;
            }
        }
        (wire, any)
    }

    /// As JSON.
    pub(super) fn text(&self) -> String {
        // Nothing in it can fail to be written.
        serde_json::to_string(self).unwrap_or_default()
    }
}

impl<'a> ContextWire<'a> {
    fn texts(&mut self) -> [&mut Text<'a>; 10] {
        let Self { harness, session_id, agent, git_branch, cwd, workspace, home, user_request, permission_mode, shell } =
            self;
        [harness, session_id, agent, git_branch, cwd, workspace, home, user_request, permission_mode, shell]
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::action::Context;

    fn call(command: &str, request: &str) -> ToolCall {
        let input = Map::from_iter([("command".to_owned(), command.into()), ("n".to_owned(), 1.into())]);
        let text = |text: &str| Some(text.to_owned());
        let context = Context {
            harness: text("claude-code"),
            shell: text("bash"),
            user_request: text(request),
            call_id: text("not in it"),
            ..Context::default()
        };
        ToolCall { tool: "Bash".to_owned(), input, context }
    }

    #[test]
    fn what_is_known_is_written_and_nothing_else() {
        let call = call("ls", "look");
        let expected = r#"{"tool":"Bash","input":{"command":"ls","n":1},"context":{"harness":"claude-code","user_request":"look","shell":"bash"}}"#;
        assert_eq!(CallWire::of(&call).text(), expected);
        let (wire, any) = CallWire::masked(&call);
        assert_eq!((wire.text().as_str(), any), (expected, false));
    }

    #[test]
    fn secrets_are_masked_wherever_they_stand() {
        let (secret, mask) = ("AKIAIOSFODNN7EXAMPLE", "[REDACTED:aws-access-key]");
        for (call, pointer) in [(call(secret, "x"), "/input/command"), (call("x", secret), "/context/user_request")] {
            let (wire, any) = CallWire::masked(&call);
            assert!(any);
            assert_eq!(json!(wire).pointer(pointer), Some(&json!(mask)));
            assert!(CallWire::of(&call).text().contains(secret));
        }
    }
}
