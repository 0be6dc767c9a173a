//! What a rule needs before it can match, read off its conditions: so that Cedar is asked about the few rules that can matter
//! to a part instead of all of them.
//!
//! Cedar goes through every policy of a set for every request, at 4 µs each. Here the leading comparisons of a rule's conditions
//! with constants are compared natively. The rest of a rule is Cedar's alone. Only a run of
//! comparisons that begins the conditions counts: what stands behind something else is not reached when that fails, and a
//! rule that fails must be seen to fail.

use cedar_policy::Policy;
use serde_json::Value as Json;

use super::parts::{Part, Value};

/// A condition that must hold, or else the rule does not match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Need {
    /// A text is one of these.
    Is(String, Vec<String>),
    /// A text begins with this.
    Begins(String, String),
    /// A set has one of these.
    HasAny(String, Vec<String>),
    /// A set has all of these.
    HasAll(String, Vec<String>),
    /// A set has nothing but these.
    Within(String, Vec<String>),
    /// One of these holds.
    Any(Vec<Need>),
    /// All of these hold.
    All(Vec<Need>),
}

impl Need {
    /// Of a rule; nothing when its conditions begin with something else.
    pub(super) fn of(policy: &Policy) -> Self {
        let json = policy.to_json().unwrap_or_default();
        let conditions = json.get("conditions").and_then(Json::as_array).cloned().unwrap_or_default();
        let mut needs = Vec::new();
        for condition in &conditions {
            let body = condition.get("body").filter(|_| condition.get("kind").and_then(Json::as_str) == Some("when"));
            let Some(body) = body else { break };
            if !leading(body, &mut needs) {
                break;
            }
        }
        Self::All(needs)
    }

    /// Whether it holds for a part; also where the part has no such attribute, which is Cedar's to say.
    pub(super) fn holds(&self, part: &Part) -> bool {
        match self {
            Self::Is(name, wanted) => text(part, name, |text| wanted.iter().any(|wanted| wanted == text)),
            Self::Begins(name, prefix) => text(part, name, |text| text.starts_with(prefix.as_str())),
            Self::HasAny(name, wanted) => words(part, name, |words| words.iter().any(|word| wanted.contains(word))),
            Self::HasAll(name, wanted) => words(part, name, |words| wanted.iter().all(|wanted| words.contains(wanted))),
            Self::Within(name, wanted) => words(part, name, |words| words.iter().all(|word| wanted.contains(word))),
            Self::Any(needs) => needs.iter().any(|need| need.holds(part)),
            Self::All(needs) => needs.iter().all(|need| need.holds(part)),
        }
    }
}

fn text(part: &Part, name: &str, holds: impl FnOnce(&str) -> bool) -> bool {
    match attribute(part, name) {
        Some(Value::Text(text)) => holds(text),
        _ => true,
    }
}

fn words(part: &Part, name: &str, holds: impl FnOnce(&[String]) -> bool) -> bool {
    match attribute(part, name) {
        Some(Value::Words(words)) => holds(words),
        _ => true,
    }
}

fn attribute<'a>(part: &'a Part, wanted: &str) -> Option<&'a Value> {
    part.attributes.iter().find(|(name, _)| *name == wanted).map(|(_, value)| value)
}

/// Adds the comparisons that begin an expression; whether they are the whole of it.
fn leading(expression: &Json, needs: &mut Vec<Need>) -> bool {
    if let Some((left, right)) = sides(expression, "&&") {
        return leading(left, needs) && leading(right, needs);
    }
    match need(expression) {
        Some(need) => {
            needs.push(need);
            true
        }
        None => false,
    }
}

/// An expression that is a comparison with constants, and cannot fail.
fn need(expression: &Json) -> Option<Need> {
    if let Some((left, right)) = sides(expression, "||") {
        return Some(Need::Any(vec![whole(left)?, whole(right)?]));
    }
    if let Some((left, right)) = sides(expression, "==") {
        return Some(Need::Is(attribute_of(left)?, vec![string(right)?]));
    }
    if let Some(like) = expression.get("like") {
        let prefix = prefix(like.get("pattern")?)?;
        return Some(Need::Begins(attribute_of(like.get("left")?)?, prefix));
    }
    if let Some((left, right)) = sides(expression, "contains") {
        return match (strings(left), attribute_of(left)) {
            (Some(wanted), _) => Some(Need::Is(attribute_of(right)?, wanted)),
            (None, Some(name)) => Some(Need::HasAny(name, vec![string(right)?])),
            (None, None) => None,
        };
    }
    if let Some((left, right)) = sides(expression, "containsAny") {
        return match strings(right) {
            Some(wanted) => Some(Need::HasAny(attribute_of(left)?, wanted)),
            None => Some(Need::HasAny(attribute_of(right)?, strings(left)?)),
        };
    }
    let (left, right) = sides(expression, "containsAll")?;
    match strings(left) {
        Some(wanted) => Some(Need::Within(attribute_of(right)?, wanted)),
        None => Some(Need::HasAll(attribute_of(left)?, strings(right)?)),
    }
}

/// A side of an alternative: all of it must be understood.
fn whole(expression: &Json) -> Option<Need> {
    let mut needs = Vec::new();
    leading(expression, &mut needs).then_some(Need::All(needs))
}

fn sides<'a>(expression: &'a Json, operator: &str) -> Option<(&'a Json, &'a Json)> {
    let operands = expression.get(operator)?;
    Some((operands.get("left")?, operands.get("right")?))
}

/// `resource.name`.
fn attribute_of(expression: &Json) -> Option<String> {
    let access = expression.get(".")?;
    let of_resource = access.get("left")?.get("Var")?.as_str()? == "resource";
    of_resource.then(|| access.get("attr").and_then(Json::as_str).map(str::to_owned)).flatten()
}

fn string(expression: &Json) -> Option<String> {
    expression.get("Value")?.as_str().map(str::to_owned)
}

fn strings(expression: &Json) -> Option<Vec<String>> {
    expression.get("Set")?.as_array()?.iter().map(string).collect()
}

/// What a pattern begins with, up to its first wildcard.
fn prefix(pattern: &Json) -> Option<String> {
    let mut prefix = String::new();
    for element in pattern.as_array()? {
        match element.get("Literal").and_then(Json::as_str) {
            Some(literal) => prefix.push_str(literal),
            None => break,
        }
    }
    Some(prefix)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(condition: &str, expected: &str) {
        let text = format!("forbid (principal, action, resource) {condition};");
        let policy = Policy::parse(None, text).unwrap();
        assert_eq!(format!("{:?}", Need::of(&policy)), format!("All([{expected}])"));
    }

    #[test]
    fn comparisons_that_begin_the_conditions_are_read() {
        check("when { resource.program == \"git\" }", r#"Is("program", ["git"])"#);
        check("when { resource.text like \"git push*--force\" }", r#"Begins("text", "git push")"#);
        check("when { [\"a\", \"b\"].contains(resource.scope) }", r#"Is("scope", ["a", "b"])"#);
        check(
            "when { resource.facts.containsAny([\"write\", \"delete\"]) }",
            r#"HasAny("facts", ["write", "delete"])"#,
        );
        check("when { resource.facts.contains(\"write\") }", r#"HasAny("facts", ["write"])"#);
        check("when { [\"read\"].containsAll(resource.facts) }", r#"Within("facts", ["read"])"#);
        check(
            "when { resource.text == \"a\" || resource.text like \"a *\" }",
            r#"Any([All([Is("text", ["a"])]), All([Begins("text", "a ")])])"#,
        );
        check(
            "when { resource.program == \"a\" } when { resource.known && resource.path == \"x\" }",
            r#"Is("program", ["a"])"#,
        );
    }

    #[test]
    fn nothing_is_read_from_behind_something_else() {
        check("when { resource.known && resource.program == \"git\" }", "");
        check("when { 1 + 1 > 2 || resource.program == \"git\" }", "");
        check("unless { resource.program == \"git\" }", "");
        check("when { !(resource.program == \"git\") }", "");
        check("when { context.mode == \"enforce\" }", "");
        check("when { principal.name == \"x\" && resource.program == \"git\" }", "");
    }
}
