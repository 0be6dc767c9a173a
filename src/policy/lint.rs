//! Rules that work and can never matter: those that another one makes pointless.

use cedar_policy::{ActionConstraint, Policy, PrincipalConstraint, ResourceConstraint};

use super::load::{Loaded, place};
use super::problem::Problem;
use super::rule::{Layer, Stage};
use crate::verdict::Verdict;

/// Dead and shadowed rules. Cedar's validator finds those whose condition cannot hold; here are those that hold in vain.
pub(super) fn lint(loaded: &[Loaded]) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (index, own) in loaded.iter().enumerate() {
        if own.rule.origin.layer == Layer::BuiltIn {
            continue;
        }
        let before = loaded.iter().enumerate().filter(|(other, _)| *other != index);
        if let Some(problem) = before.filter_map(|(at, other)| shadow(own, other, at < index)).next() {
            problems.push(problem);
        }
    }
    problems
}

/// Why `own` is pointless beside `other`.
fn shadow(own: &Loaded, other: &Loaded, other_is_first: bool) -> Option<Problem> {
    let (mine, theirs) = (&own.rule, &other.rule);
    let warn = |text: String, hint: &str| Some(Problem::warning(place(mine), text).hint(hint));
    if body(own) == body(other) && mine.verdict == theirs.verdict && mine.stage == theirs.stage && other_is_first {
        return warn(
            format!("`{}` says what `{}` says already, at {}", mine.id, theirs.id, theirs.origin),
            "delete one",
        );
    }
    let stricter = theirs.verdict > mine.verdict || theirs.verdict == mine.verdict && other_is_first;
    if !stricter || theirs.stage == Stage::After && mine.stage == Stage::Before || !takes_all(other, own) {
        return None;
    }
    let text = match mine.verdict {
        Verdict::Allow => format!(
            "`{}` can never allow: `{}` at {} forbids everything it is about",
            mine.id, theirs.id, theirs.origin
        ),
        _ => format!("`{}` never matters: `{}` at {} matches whatever it matches", mine.id, theirs.id, theirs.origin),
    };
    warn(text, "what forbids beats what permits, whatever the order")
}

/// Whether `wide` matches every part that `narrow` can match: it has no condition, or the same, and a scope that holds the
/// other's.
fn takes_all(wide: &Loaded, narrow: &Loaded) -> bool {
    let (wide_policy, narrow_policy) = (&wide.policy, &narrow.policy);
    let unconditional = !wide_policy.has_non_scope_constraint();
    let same = condition(wide) == condition(narrow)
        && wide_policy.resource_constraint() == narrow_policy.resource_constraint();
    (unconditional || same)
        && matches!(wide_policy.principal_constraint(), PrincipalConstraint::Any)
        && action_within(wide_policy, narrow_policy)
        && resource_within(wide_policy, narrow_policy)
}

fn action_within(wide: &Policy, narrow: &Policy) -> bool {
    let (wide, narrow) = (wide.action_constraint(), narrow.action_constraint());
    let is_any = |uid: &cedar_policy::EntityUid| {
        let name: &str = uid.id().as_ref();
        name == "any"
    };
    match (&wide, &narrow) {
        (ActionConstraint::Any, _) => true,
        (ActionConstraint::In(groups), _) if groups.iter().any(is_any) => true,
        (ActionConstraint::In(groups), ActionConstraint::Eq(one)) => groups.contains(one),
        _ => wide == narrow,
    }
}

fn resource_within(wide: &Policy, narrow: &Policy) -> bool {
    let (wide, narrow) = (wide.resource_constraint(), narrow.resource_constraint());
    // A rule about the call forbids all of its parts.
    let is_tool = |name: &cedar_policy::EntityTypeName| name.basename() == "Tool";
    match &wide {
        ResourceConstraint::Any => true,
        ResourceConstraint::Is(name) if is_tool(name) => true,
        _ => wide == narrow,
    }
}

/// A rule without its annotations.
fn body(loaded: &Loaded) -> String {
    let text = loaded.policy.to_json().ok().map(|mut json| {
        if let Some(fields) = json.as_object_mut() {
            fields.remove("annotations");
        }
        json.to_string()
    });
    text.unwrap_or_default()
}

fn condition(loaded: &Loaded) -> String {
    loaded.policy.to_json().ok().and_then(|json| json.get("conditions").map(ToString::to_string)).unwrap_or_default()
}
