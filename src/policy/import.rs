//! Permission rules in Claude Code's syntax → Cedar: `Bash(npm run test *)`, `Read(~/.ssh/**)`, `WebFetch(domain:x.org)`,
//! `mcp__server__tool`, in three lists. They come from Claude Code's own settings, or from riskgate's, for people who want no
//! policy language.
//!
//! As with Claude Code, `deny` beats `ask` beats `allow`, a Bash rule is compared with each command of a compound line, and an
//! `allow` has to cover all of them. What is not understood never loosens: such an `allow` is left out, and such an `ask` or
//! `deny` asks about every use of its tool.

use std::str::FromStr;

use cedar_policy::PolicySet;

use super::load::{Loaded, RuleSource, place};
use super::problem::{Position, Problem};
use super::rule::{Origin, Rule};
use crate::verdict::Verdict;

/// The three lists.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lists {
    /// What runs without a question.
    pub allow: Vec<String>,
    /// What is asked about.
    pub ask: Vec<String>,
    /// What never runs.
    pub deny: Vec<String>,
}

/// The rules of a source's lists.
pub(super) fn load(source: &RuleSource, lists: &Lists) -> (Vec<Loaded>, Vec<Problem>) {
    let (mut loaded, mut problems) = (Vec::new(), Vec::new());
    let of = [(Verdict::Deny, &lists.deny), (Verdict::Ask, &lists.ask), (Verdict::Allow, &lists.allow)];
    for (verdict, list) in of {
        for (index, text) in list.iter().enumerate() {
            let name = format!("{}: {}[{}]", source.name, <&str>::from(verdict), index + 1);
            let at = Position { name: source.name.clone(), ..Position::default() };
            let (condition, problem) = condition(text.trim(), verdict);
            problems.extend(problem.map(|problem| Problem::warning(at.clone(), format!("{name}: {problem}"))));
            let Some(condition) = condition else { continue };
            match rule(source, &name, text.trim(), &condition) {
                Ok(rule) => loaded.push(rule),
                Err(error) => problems.push(Problem::error(at, format!("{name}: {error}"))),
            }
        }
    }
    // The same rule twice is one rule.
    let mut seen = std::collections::HashSet::new();
    loaded.retain(|loaded: &Loaded| seen.insert((loaded.rule.id.clone(), loaded.rule.verdict)));
    (loaded, problems)
}

/// What a rule becomes: when it matches, and what it then answers.
struct Condition {
    verdict: Verdict,
    scope: String,
    when: String,
}

fn rule(source: &RuleSource, name: &str, text: &str, condition: &Condition) -> Result<Loaded, String> {
    let Condition { verdict, scope, when } = condition;
    let effect = if *verdict == Verdict::Allow { "permit" } else { "forbid" };
    let when = if when.is_empty() { String::new() } else { format!(" when {{ {when} }}") };
    let reason = match verdict {
        Verdict::Allow => format!("`{text}` is on the list of what runs"),
        Verdict::Ask => format!("`{text}` is on the list of what is asked about"),
        Verdict::Deny => format!("`{text}` is on the list of what must not run"),
    };
    let cedar = format!(
        "@id({})\n@verdict(\"{}\")\n@reason({})\n{effect} (principal, {scope}){when};",
        literal(&id(name)),
        <&str>::from(*verdict),
        literal(&reason)
    );
    let set = PolicySet::from_str(&cedar).map_err(|error| error.to_string())?;
    let policy = set.policies().next().ok_or("no rule")?;
    let origin = Origin { layer: source.layer, name: source.name.clone(), line: 0 };
    let (rule, problems) = Rule::new(policy, origin, String::new());
    match problems.into_iter().next() {
        Some(problem) => Err(format!("{} ({})", problem.text, place(&rule))),
        None => Ok(Loaded { policy: policy.clone(), rule }),
    }
}

/// An id out of where the rule stands: `~/.claude/settings.json: deny[2]` → `.claude/settings.json:deny.2`.
fn id(name: &str) -> String {
    let sound = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/' | ':') { c } else { '.' };
    let text: String = name.replace(": ", ":").replace('[', ".").replace(']', "").chars().map(sound).collect();
    let start = text.char_indices().rev().nth(79).map_or(0, |(at, _)| at);
    text.get(start..).unwrap_or_default().to_owned()
}

/// When a rule matches; and what is wrong with it. No condition when it has to be left out.
fn condition(text: &str, verdict: Verdict) -> (Option<Condition>, Option<String>) {
    let (tool, specifier) = match text.split_once('(') {
        Some((tool, rest)) => match rest.strip_suffix(')') {
            Some(inside) => (tool.trim(), Some(inside.trim())),
            None => return strange(text, "*", verdict, "a bracket is not closed"),
        },
        None => (text, None),
    };
    if tool.is_empty() || !tool.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '*' | '.' | ':')) {
        return strange(text, "*", verdict, "no name of a tool");
    }
    let specifier = specifier.filter(|inside| !matches!(*inside, "" | "*" | "**"));
    let found = match (tool, specifier) {
        ("Bash", None) => whole("action == Action::\"bash\""),
        ("PowerShell", None) => whole("action == Action::\"powershell\""),
        ("Bash", Some(pattern)) => Some(command("bash", pattern, verdict)),
        ("PowerShell", Some(pattern)) => Some(command("powershell", &powershell(pattern), verdict)),
        ("Read", None) => whole("action in Action::\"look\""),
        ("Edit", None) => whole("action in Action::\"change\""),
        ("Read", Some(pattern)) => Some(path(pattern, verdict, Reach::Read)),
        ("Edit" | "Write" | "MultiEdit" | "NotebookEdit", Some(pattern)) => Some(path(pattern, verdict, Reach::Edit)),
        ("Glob" | "Grep" | "LS", Some(pattern)) => Some(path(pattern, verdict, Reach::Read)),
        ("WebFetch", None) => whole("action == Action::\"fetch\""),
        ("WebFetch", Some(domain)) => domain.strip_prefix("domain:").and_then(|domain| host(domain.trim())),
        ("Agent" | "Task", None) => whole("action == Action::\"agent\""),
        ("Agent" | "Task", Some(kind)) => named("action == Action::\"agent\"", "agent", kind),
        (name, None) if name.starts_with("mcp__") => mcp(name),
        (name, None) => named("action", "name", name),
        (_, Some(_)) => None,
    };
    match found {
        Some((scope, when)) => (Some(Condition { verdict, scope, when }), None),
        None => strange(text, tool, verdict, "a form that is not known"),
    }
}

/// A rule that is not understood: nothing is allowed for it, and what it might forbid is asked about.
fn strange(text: &str, tool: &str, verdict: Verdict, problem: &str) -> (Option<Condition>, Option<String>) {
    if verdict == Verdict::Allow {
        return (None, Some(format!("`{text}`: {problem}; it allows nothing")));
    }
    let (scope, when) = match tool {
        "Bash" => ("action in Action::\"shell\", resource is Tool".to_owned(), String::new()),
        name if name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') => {
            ("action, resource is Tool".to_owned(), format!("resource.name == {}", literal(name)))
        }
        _ => ("action, resource is Tool".to_owned(), String::new()),
    };
    let condition = Condition { verdict: Verdict::Ask, scope, when };
    (Some(condition), Some(format!("`{text}`: {problem}; every use of the tool is asked about")))
}

fn whole(scope: &str) -> Option<(String, String)> {
    Some((format!("{scope}, resource is Tool"), String::new()))
}

/// A tool with an attribute of that value; `*` stands for anything.
fn named(scope: &str, attribute: &str, pattern: &str) -> Option<(String, String)> {
    let comparison = if pattern.contains('*') { "like" } else { "==" };
    let value = if pattern.contains('*') { like(pattern) } else { literal(pattern) };
    Some((format!("{scope}, resource is Tool"), format!("resource.{attribute} {comparison} {value}")))
}

/// `mcp__server`, `mcp__server__*`, `mcp__server__tool`.
fn mcp(name: &str) -> Option<(String, String)> {
    let rest = name.strip_prefix("mcp__")?;
    let scope = "action == Action::\"mcp\"";
    let (server, function) = rest.split_once("__").unwrap_or((rest, "*"));
    let compare = |attribute: &str, pattern: &str| named(scope, attribute, pattern).map(|(_, when)| when);
    let server = compare("server", server)?;
    let when = if function == "*" { server } else { format!("{server} && {}", compare("function", function)?) };
    Some((format!("{scope}, resource is Tool"), when))
}

/// A host or, as `*.x.org`, what is below it.
fn host(domain: &str) -> Option<(String, String)> {
    let sound = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '*');
    if domain.is_empty() || !domain.chars().all(sound) {
        return None;
    }
    let domain = domain.to_lowercase();
    let scope = "action == Action::\"fetch\", resource is Host".to_owned();
    let comparison =
        if domain.contains('*') { format!("like {}", like(&domain)) } else { format!("== {}", literal(&domain)) };
    Some((scope, format!("resource.name {comparison}")))
}

/// One command of a line. An `allow` is compared with the command as it is spelled, folder and all, and not with one that has
/// variables of its own in front of it or hides part of itself; the others also with its bare name.
fn command(action: &str, pattern: &str, verdict: Verdict) -> (String, String) {
    let matches = |attribute: &str| pattern_condition(attribute, pattern);
    let when = match verdict {
        Verdict::Allow => {
            format!("({}) && resource.variables.isEmpty() && !resource.dynamic", matches("spelled"))
        }
        Verdict::Ask | Verdict::Deny => format!("{} || {}", matches("spelled"), matches("text")),
    };
    (format!("action == Action::\"{action}\", resource is Command"), when)
}

/// The names of commands and parameters in PowerShell do not depend on case, and actions have them in lower case.
fn powershell(pattern: &str) -> String {
    let word = |(index, word): (usize, &str)| match index == 0 || word.starts_with('-') {
        true => word.to_lowercase(),
        false => word.to_owned(),
    };
    pattern.split(' ').enumerate().map(word).collect::<Vec<_>>().join(" ")
}

/// `npm run build` is that command; `npm run *` and `npm run:*` are it with or without more words; other `*` stand for
/// anything.
fn pattern_condition(attribute: &str, pattern: &str) -> String {
    let pattern = pattern.strip_suffix(":*").map_or_else(|| pattern.to_owned(), |prefix| format!("{prefix} *"));
    match pattern.strip_suffix(" *") {
        Some(prefix) if !prefix.contains('*') => {
            format!("resource.{attribute} == {} || resource.{attribute} like {}", literal(prefix), like(&pattern))
        }
        _ if pattern.contains('*') => format!("resource.{attribute} like {}", like(&pattern)),
        _ => format!("resource.{attribute} == {}", literal(&pattern)),
    }
}

/// What a path rule is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    Read,
    Edit,
}

/// A path. An `allow` is for the tools of its kind alone; the others hold for every tool that touches the path, and one about
/// reading holds for writing, too.
fn path(pattern: &str, verdict: Verdict, reach: Reach) -> (String, String) {
    let globs = |deep: bool| {
        let mut globs = vec![pattern.to_owned()];
        if deep && !pattern.ends_with("**") {
            globs.push(format!("{}/**", pattern.trim_end_matches('/')));
        }
        globs
            .iter()
            .map(|glob| format!("resource.matches.contains({})", literal(glob)))
            .collect::<Vec<_>>()
            .join(" || ")
    };
    let changes = "resource.facts.containsAny([\"write\", \"delete\", \"grant\", \"configure\"])";
    match (verdict, reach) {
        (Verdict::Allow, Reach::Read) => ("action in Action::\"look\", resource is Path".to_owned(), globs(false)),
        (Verdict::Allow, Reach::Edit) => ("action in Action::\"change\", resource is Path".to_owned(), globs(false)),
        (_, Reach::Read) => ("action, resource is Path".to_owned(), globs(true)),
        (_, Reach::Edit) => ("action, resource is Path".to_owned(), format!("({}) && {changes}", globs(true))),
    }
}

/// A Cedar string.
pub(super) fn literal(text: &str) -> String {
    let mut literal = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' => literal.push_str("\\\""),
            '\\' => literal.push_str("\\\\"),
            '\n' => literal.push_str("\\n"),
            '\r' => literal.push_str("\\r"),
            '\t' => literal.push_str("\\t"),
            '\0' => literal.push_str("\\0"),
            letter => literal.push(letter),
        }
    }
    literal.push('"');
    literal
}

/// A Cedar pattern, in which `*` stands for anything.
fn like(pattern: &str) -> String {
    literal(pattern)
}
