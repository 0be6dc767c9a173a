//! The call of a decision in the form of an action record, without an id, and without its secrets.

use std::borrow::Cow;

use serde::{Serialize, Serializer};
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

/// What is known of the circumstances, by name: an object.
struct ContextWire<'a>([(&'static str, Option<Cow<'a, str>>); 10]);

impl Serialize for ContextWire<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().filter_map(|(name, text)| Some((name, text.as_ref()?))))
    }
}

impl<'a> CallWire<'a> {
    /// As it was sent.
    pub(super) fn of(call: &'a ToolCall) -> Self {
        let context = &call.context;
        let fields = [
            ("harness", &context.harness),
            ("session_id", &context.session_id),
            ("agent", &context.agent),
            ("git_branch", &context.git_branch),
            ("cwd", &context.cwd),
            ("workspace", &context.workspace),
            ("home", &context.home),
            ("user_request", &context.user_request),
            ("permission_mode", &context.permission_mode),
            ("shell", &context.shell),
        ];
        let context = ContextWire(fields.map(|(name, text)| (name, text.as_deref().map(Cow::Borrowed))));
        Self { tool: Cow::Borrowed(&call.tool), input: Cow::Borrowed(&call.input), context }
    }

    /// With its secrets masked, and whether there were any.
    pub(super) fn masked(call: &'a ToolCall) -> (Self, bool) {
        let mut wire = Self::of(call);
        let (tool, input) = (redact(&call.tool), redact_fields(&call.input));
        let mut any = matches!(tool, Cow::Owned(_)) || matches!(input, Cow::Owned(_));
        (wire.tool, wire.input) = (tool, input);
        for text in wire.context.0.iter_mut().filter_map(|(_, text)| text.as_mut()) {
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
