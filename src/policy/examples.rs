//! Checks that rules match the examples they carry, and not those that they must not match.

use serde_json::{Map, Value};

use super::load::{Loaded, place};
use super::problem::Problem;
use super::{Normalize, Policy, Rule};
use crate::action::{Context, ToolCall};
use crate::verdict::Verdict;

/// Where examples take place.
const HOME: &str = "/home/me";
const WORKSPACE: &str = "/home/me/project";

/// What is wrong with the examples of the rules that are wanted.
pub(super) fn check(loaded: &[Loaded], normalize: Normalize, wanted: impl Fn(&Rule) -> bool) -> Vec<Problem> {
    loaded.iter().filter(|loaded| wanted(&loaded.rule)).flat_map(|loaded| check_rule(loaded, normalize)).collect()
}

fn check_rule(loaded: &Loaded, normalize: Normalize) -> Vec<Problem> {
    let rule = &loaded.rule;
    if rule.matching.is_empty() && rule.not_matching.is_empty() {
        return Vec::new();
    }
    let mut alone = loaded.clone();
    alone.policy = alone.policy.new_id(cedar_policy::PolicyId::new("0"));
    let policy = match Policy::of(vec![alone], "enforce".to_owned()) {
        Ok(policy) => policy,
        Err(error) => return vec![Problem::error(place(rule), error)],
    };
    let examples =
        rule.matching.iter().map(|line| (line, true)).chain(rule.not_matching.iter().map(|line| (line, false)));
    let problem = |(line, wanted): (&String, bool)| match call(line) {
        Err(error) => Some(Problem::error(place(rule), format!("the example `{line}` of `{}`: {error}", rule.id))),
        Ok(call) if matches(&policy, rule, &call, normalize) != wanted => {
            let says = if wanted { "should match and does not" } else { "should not match and does" };
            let text = format!("the example `{line}` of `{}` {says}", rule.id);
            Some(Problem::error(place(rule), text).hint("`riskgate policy explain` shows what rules see of it"))
        }
        Ok(_) => None,
    };
    examples.filter_map(problem).collect()
}

/// Whether a rule alone has something to say of a call; a rule that permits has when it settles it.
fn matches(policy: &Policy, rule: &Rule, call: &ToolCall, normalize: Normalize) -> bool {
    let ruling = policy.before(call, &normalize(call));
    let code = rule.code();
    match rule.verdict {
        Verdict::Allow => ruling.allowed.is_some_and(|reason| reason.code == code),
        Verdict::Ask | Verdict::Deny => ruling.floors.iter().any(|found| found.reason.code == code),
    }
}

/// An example: a record in JSON, or a shell command.
fn call(line: &str) -> Result<ToolCall, String> {
    let context = Context {
        cwd: Some(WORKSPACE.to_owned()),
        workspace: Some(WORKSPACE.to_owned()),
        home: Some(HOME.to_owned()),
        ..Context::default()
    };
    if !line.starts_with('{') {
        let input = Map::from_iter([("command".to_owned(), Value::from(line))]);
        return Ok(ToolCall { tool: "Bash".to_owned(), input, context });
    }
    let record: Value = serde_json::from_str(line).map_err(|error| error.to_string())?;
    let tool = record.get("tool").and_then(Value::as_str).ok_or("`tool` is missing")?;
    let input = record.get("input").and_then(Value::as_object).ok_or("`input` is missing")?;
    Ok(ToolCall { tool: tool.to_owned(), input: input.clone(), context })
}
