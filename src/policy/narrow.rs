//! The narrowest rule that would settle an action as allowed: its one command word for word, or its one path, in the folder in
//! which it ran.
//!
//! A rule can only name what it can compare. Where part of an action is beyond that (what is written, what is sent, what a tool
//! is told), a rule that permits it would permit more than anybody saw, and there is none here. There are no wildcards: in Cedar
//! a `*` also stands for any number of further arguments.

use super::import::literal;
use super::parts::{ActionKind, Allowable, Need, Part, PartKind, Parts, Value};
use crate::action::ToolCall;
use crate::sha256::Sha256;

/// Longest text that a rule names: a longer one is a program, and nobody reads it in a rule.
const MOST_TEXT: usize = 400;

/// What a narrow rule permits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Narrow {
    /// The kind of tool, as Cedar names it.
    action: &'static str,
    /// The kind of part.
    resource: &'static str,
    /// The attribute that is compared.
    attribute: &'static str,
    /// Its value.
    pub value: String,
}

/// Why no rule is narrow enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum TooWide {
    /// The tool's arguments are beyond rules.
    #[error("a rule cannot name all that such a tool is told")]
    Tool,
    /// Not all of it was understood.
    #[error("not all of it was understood")]
    Gaps,
    /// Several parts need a permit: each would be permitted by itself, too.
    #[error("a rule for it would also permit each of its commands alone, or what it writes")]
    Parts,
    /// What is in front of a command, or only known when it runs, changes what it means.
    #[error("variables, wrappers or parts that are only known when it runs")]
    Dressed,
    /// Longer than anybody reads in a rule, or with characters that nobody sees.
    #[error("too long for a rule that a person reads, or not to be read at all")]
    Long,
    /// Where it ran is not known.
    #[error("the folder in which it ran is not known")]
    Folder,
}

/// The narrowest rule for these parts of a call.
pub(super) fn of(call: &ToolCall, parts: Parts) -> Result<Narrow, TooWide> {
    let is_shell = matches!(parts.action, ActionKind::Bash | ActionKind::Powershell | ActionKind::Cmd);
    let is_look = matches!(parts.action, ActionKind::Read | ActionKind::Search);
    if !is_shell && !is_look {
        return Err(TooWide::Tool);
    }
    // An unknown program is a gap, too: what it does is nobody's to say here.
    if !parts.gaps.is_empty() || parts.allowable != Allowable::ByParts {
        return Err(TooWide::Gaps);
    }
    if !call.context.cwd.as_deref().is_some_and(|cwd| !cwd.is_empty() && is_readable(cwd)) {
        return Err(TooWide::Folder);
    }
    let mut needed = parts.list.iter().filter(|part| part.need == Need::Permit);
    let (Some(part), None) = (needed.next(), needed.next()) else { return Err(TooWide::Parts) };
    let (resource, attribute) = match (part.kind, is_shell) {
        (PartKind::Command, true) => ("Command", "spelled"),
        (PartKind::Path, false) => ("Path", "path"),
        _ => return Err(TooWide::Parts),
    };
    if is_shell && !is_plain(part) {
        return Err(TooWide::Dressed);
    }
    let value = text(part, attribute).ok_or(TooWide::Parts)?;
    if value.len() > MOST_TEXT || !is_readable(value) {
        return Err(TooWide::Long);
    }
    Ok(Narrow { action: parts.action.into(), resource, attribute, value: value.to_owned() })
}

/// Whether a command is nothing but itself.
fn is_plain(part: &Part) -> bool {
    let is_empty = |wanted: &str| {
        part.attributes.iter().any(|(name, value)| *name == wanted && *value == Value::Words(Vec::new()))
    };
    let flag = |wanted: &str, set: bool| {
        part.attributes.iter().any(|(name, value)| *name == wanted && *value == Value::Flag(set))
    };
    is_empty("wrappers") && is_empty("variables") && is_empty("layers") && flag("known", true) && flag("dynamic", false)
}

/// Whether a person sees every character: nothing in it steers a terminal, is invisible or turns the order round.
fn is_readable(text: &str) -> bool {
    text.chars().all(|c| matches!(c, '"' | '\'' | '\\') || c.escape_debug().count() == 1)
}

fn text<'a>(part: &'a Part, wanted: &str) -> Option<&'a str> {
    part.attributes.iter().find_map(|(name, value)| match value {
        Value::Text(text) if *name == wanted => Some(text.as_str()),
        _ => None,
    })
}

impl Narrow {
    /// An id that is the same for the same rule.
    pub fn id(&self, folders: &[&str]) -> String {
        let mut hash = Sha256::new();
        for word in [self.action, self.resource, self.attribute, &self.value].iter().chain(folders) {
            hash.update(word.len().to_le_bytes());
            hash.update(word);
        }
        format!("suggested-{}", hex::encode(hash.finalize()).chars().take(8).collect::<String>())
    }

    /// The rule in Cedar, for these folders alone; why it exists, in words.
    pub fn cedar(&self, folders: &[&str], reason: &str) -> String {
        let Self { action, resource, attribute, value } = self;
        let mut conditions = vec![format!("resource.{attribute} == {}", literal(value))];
        if *resource == "Command" {
            let empty = ["variables", "wrappers", "layers"].map(|name| format!("resource.{name}.isEmpty()"));
            conditions.extend(empty);
            conditions.push("!resource.dynamic".to_owned());
        }
        conditions.push("context has cwd".to_owned());
        conditions.push(match folders {
            [folder] => format!("context.cwd == {}", literal(folder)),
            folders => {
                let folders: Vec<String> = folders.iter().map(|folder| literal(folder)).collect();
                format!("[{}].contains(context.cwd)", folders.join(", "))
            }
        });
        format!(
            "@id({})\n@reason({})\npermit (principal, action == Action::\"{action}\", resource is {resource})\nwhen {{\n  {}\n}};\n",
            literal(&self.id(folders)),
            literal(reason),
            conditions.join(" &&\n  ")
        )
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Layer, Policy, PolicyOptions, RuleSource, RuleText, shipped};
    use super::*;
    use crate::action::Context;
    use crate::normalize::normalize;
    use serde_json::json;

    fn call(tool: &str, input: &serde_json::Value, cwd: Option<&str>) -> ToolCall {
        let text = |text: &str| Some(text.to_owned());
        let context = Context {
            cwd: cwd.map(str::to_owned),
            workspace: text("/w/app"),
            home: text("/home/me"),
            ..Context::default()
        };
        ToolCall { tool: tool.to_owned(), input: input.as_object().unwrap().clone(), context }
    }

    fn bash(command: &str) -> ToolCall {
        call("Bash", &json!({"command": command}), Some("/w/app"))
    }

    fn narrowest(call: &ToolCall) -> Result<Narrow, TooWide> {
        Policy::built_in().narrowest(call, &normalize(call))
    }

    fn with(rule: &str) -> Policy {
        let own = RuleSource { layer: Layer::User, name: "s.cedar".into(), rules: RuleText::Cedar(rule.to_owned()) };
        let (policy, problems) = Policy::check(&[shipped(), own], &PolicyOptions::default(), normalize);
        assert!(problems.is_empty(), "{problems:?}");
        policy
    }

    fn is_allowed(policy: &Policy, call: &ToolCall) -> bool {
        policy.before(call, &normalize(call)).allowed.is_some()
    }

    #[test]
    fn a_rule_permits_the_command_that_it_was_made_from_and_no_other() {
        let seen = bash("git fetch --all 'a b'");
        let narrow = narrowest(&seen).unwrap();
        let policy = with(&narrow.cedar(&["/w/app"], "ran 4 times"));
        assert!(is_allowed(&policy, &seen) && is_allowed(&policy, &bash("git  fetch --all \"a b\"")));
        for other in [
            "git fetch --all a b",
            "git fetch --all 'a b' c",
            "git fetch --all 'a b'; rm -rf x",
            "sudo git fetch --all 'a b'",
            "X=1 git fetch --all 'a b'",
            "bash -c \"git fetch --all 'a b'\"",
            "git fetch --all 'a b' > x",
            "./git fetch --all 'a b'",
        ] {
            assert!(!is_allowed(&policy, &bash(other)), "{other}");
        }
        let elsewhere = ToolCall { context: Context { cwd: Some("/w/other".into()), ..seen.context.clone() }, ..seen };
        assert!(!is_allowed(&policy, &elsewhere));
    }

    #[test]
    fn a_path_that_was_read_is_a_rule_for_that_path() {
        let seen = call("Read", &json!({"file_path": "/w/lib/a.rs"}), Some("/w/app"));
        let policy = with(&narrowest(&seen).unwrap().cedar(&["/w/app", "/w/b"], "x"));
        assert!(is_allowed(&policy, &seen));
        assert!(!is_allowed(&policy, &call("Read", &json!({"file_path": "/w/lib/b.rs"}), Some("/w/app"))));
        assert!(!is_allowed(
            &policy,
            &call("Write", &json!({"file_path": "/w/lib/a.rs", "content": ""}), Some("/w/app"))
        ));
    }

    #[test]
    fn what_a_rule_cannot_name_has_none() {
        let why = |call: &ToolCall| narrowest(call).unwrap_err();
        assert_eq!(why(&call("Write", &json!({"file_path": "a", "content": "x"}), Some("/w/app"))), TooWide::Tool);
        assert_eq!(why(&call("mcp__a__b", &json!({}), Some("/w/app"))), TooWide::Tool);
        assert_eq!(why(&call("WebFetch", &json!({"url": "https://a.example"}), Some("/w/app"))), TooWide::Tool);
        assert_eq!(why(&bash("git pull && git fetch")), TooWide::Parts);
        assert_eq!(why(&bash("git log > notes.txt")), TooWide::Parts);
        assert_eq!(why(&bash("sudo git fetch")), TooWide::Parts);
        assert_eq!(why(&bash("A=1 git fetch")), TooWide::Dressed);
        assert_eq!(why(&bash("frobnicate --all")), TooWide::Gaps);
        assert_eq!(why(&bash("git fetch $WHERE")), TooWide::Dressed);
        assert_eq!(why(&bash(&format!("git fetch {}", "x".repeat(500)))), TooWide::Long);
        assert_eq!(why(&call("Bash", &json!({"command": "git fetch"}), None)), TooWide::Folder);
        assert_eq!(why(&call("Bash", &json!({"command": "git fetch"}), Some("/w/\u{202e}app"))), TooWide::Folder);
    }

    #[test]
    fn what_a_text_says_stays_a_text() {
        let narrow =
            Narrow { action: "bash", resource: "Command", attribute: "spelled", value: "echo \"*\\\" } ;".into() };
        let rule = narrow.cedar(&["/w/a\"b"], "a \"reason\"\n}; permit (principal, action, resource);");
        let policy = with(&rule);
        assert_eq!(policy.rules().filter(|rule| rule.id.starts_with("suggested-")).count(), 1);
        assert!(!is_allowed(&policy, &bash("ls; git push")));
    }
}
