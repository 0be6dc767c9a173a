//! Rule files → a set of rules: parsed, checked against the schema, sorted by where they can apply.

use std::collections::HashMap;
use std::str::FromStr;

use cedar_policy::{Policy, PolicyId, PolicySet, Schema, ValidationMode, Validator};
use miette::Diagnostic;

use super::import::{self, Lists};
use super::problem::{Position, Problem, Severity, position};
use super::rule::{Layer, Origin, Rule, Stage};
use crate::verdict::Verdict;

/// The schema without the circumstances of a stage.
const VOCABULARY: &str = concat!(include_str!("schema.cedarschema"), include_str!("actions.cedarschema"));
const BEFORE: &str = include_str!("before.cedarschema");
const AFTER: &str = include_str!("after.cedarschema");
const SHIPPED: &str = include_str!("defaults.cedar");

/// Most bytes of all rules together: what an agent made huge must not hold up every call.
const MAX_TEXT: usize = 1024 * 1024;

/// Rules as they come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleSource {
    /// Whose they are.
    pub layer: Layer,
    /// The file, or what stands for one.
    pub name: String,
    /// What is in it.
    pub rules: RuleText,
}

/// Two ways to write rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RuleText {
    /// Cedar.
    Cedar(String),
    /// Lists of permission rules in Claude Code's syntax.
    Lists(Lists),
}

/// A rule and its policy; the policy's id is the rule's place in the list.
#[derive(Debug, Clone)]
pub(super) struct Loaded {
    pub(super) rule: Rule,
    pub(super) policy: Policy,
}

/// The rules that riskgate ships.
pub fn shipped() -> RuleSource {
    RuleSource { layer: Layer::BuiltIn, name: "riskgate".to_owned(), rules: RuleText::Cedar(SHIPPED.to_owned()) }
}

/// The schema of a stage, as `policy check` and people's editors read it.
pub fn schema_text(stage: Stage) -> String {
    let stage = match stage {
        Stage::Before => BEFORE,
        Stage::After => AFTER,
    };
    format!("{VOCABULARY}{stage}")
}

/// All rules in force, and what is wrong with any. With an error among the problems they must not be used.
pub(super) fn load(sources: &[RuleSource], disabled: &[String]) -> (Vec<Loaded>, Vec<Problem>) {
    let (mut loaded, mut problems) = (Vec::new(), Vec::new());
    let size: usize = sources.iter().map(|source| source.rules.n_bytes()).sum();
    if size > MAX_TEXT {
        let text = format!("{size} bytes of rules; at most {MAX_TEXT} are read");
        return (loaded, vec![Problem::error(Position::default(), text)]);
    }
    for source in sources {
        let (rules, found) = match &source.rules {
            RuleText::Cedar(text) => parse(source, text),
            RuleText::Lists(lists) => import::load(source, lists),
        };
        loaded.extend(rules);
        problems.extend(found);
    }
    loaded.retain(|loaded| !is_off(&loaded.rule, disabled));
    problems.extend(keep_projects_strict(&mut loaded));
    problems.extend(unknown_disabled(sources, &loaded, disabled));
    problems.extend(repeated(&loaded));
    for (index, loaded) in loaded.iter_mut().enumerate() {
        loaded.policy = loaded.policy.new_id(PolicyId::new(index.to_string()));
    }
    (loaded, problems)
}

impl RuleText {
    fn n_bytes(&self) -> usize {
        match self {
            Self::Cedar(text) => text.len(),
            Self::Lists(Lists { allow, ask, deny }) => [allow, ask, deny].into_iter().flatten().map(String::len).sum(),
        }
    }
}

fn parse(source: &RuleSource, text: &str) -> (Vec<Loaded>, Vec<Problem>) {
    let set = match PolicySet::from_str(text) {
        Ok(set) => set,
        Err(errors) => {
            let problems =
                errors.iter().map(|error| Problem::of_cedar(&source.name, text, 0, error as &dyn Diagnostic));
            return (Vec::new(), problems.collect());
        }
    };
    let mut problems: Vec<Problem> = Vec::new();
    if set.num_of_templates() > 0 {
        let at = Position { name: source.name.clone(), ..Position::default() };
        problems
            .push(Problem::error(at, "a rule with `?principal` or `?resource`").hint("templates are not used here"));
    }
    let mut policies: Vec<&Policy> = set.policies().collect();
    // Cedar numbers them in the order of the file.
    policies.sort_by_key(|policy| number(policy.id()));
    let (mut loaded, mut from) = (Vec::new(), 0);
    for (index, policy) in policies.into_iter().enumerate() {
        let own = policy.to_cedar().unwrap_or_default();
        let start = text.get(from..).and_then(|rest| rest.find(&own)).map_or(from, |at| from + at);
        from = start + own.len();
        let line = position(&source.name, text, start).line;
        let origin = Origin { layer: source.layer, name: source.name.clone(), line };
        let (rule, found) = Rule::new(policy, origin, format!("{}:{}", stem(&source.name), index + 1));
        problems.extend(found);
        loaded.push(Loaded { rule, policy: policy.clone() });
    }
    (loaded, problems)
}

fn number(id: &PolicyId) -> usize {
    let text: &str = id.as_ref();
    text.trim_start_matches("policy").parse().unwrap_or(usize::MAX)
}

/// A file's name without folder and ending, as the beginning of an id.
fn stem(name: &str) -> String {
    let file = name.rsplit(['/', '\\']).next().unwrap_or(name);
    let stem = file.split('.').find(|part| !part.is_empty()).unwrap_or("rule");
    stem.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).take(40).collect()
}

fn is_off(rule: &Rule, disabled: &[String]) -> bool {
    rule.origin.layer == Layer::BuiltIn && disabled.contains(&rule.id)
}

/// A project's rules may only tighten: what would allow is left out.
fn keep_projects_strict(loaded: &mut Vec<Loaded>) -> Vec<Problem> {
    let mut problems = Vec::new();
    loaded.retain(|Loaded { rule, .. }| {
        let loosens = rule.origin.layer == Layer::Project && rule.verdict == Verdict::Allow;
        if loosens {
            let text = format!("`{}` would allow, and a project may only tighten: it is left out", rule.id);
            problems.push(Problem::warning(place(rule), text).hint("move it to the user's rules"));
        }
        !loosens
    });
    problems
}

fn unknown_disabled(sources: &[RuleSource], loaded: &[Loaded], disabled: &[String]) -> Vec<Problem> {
    let has_shipped = sources.iter().any(|source| source.layer == Layer::BuiltIn);
    let is_shipped = |id: &&String| SHIPPED.contains(&format!("@id(\"{id}\")"));
    let unknown = disabled.iter().filter(|id| has_shipped && !is_shipped(id));
    let text = |id: &String| match loaded.iter().any(|loaded| loaded.rule.id == *id) {
        true => format!("`disable` names `{id}`, which is not one of riskgate's own rules: delete it where it stands"),
        false => format!("`disable` names `{id}`, which is no rule"),
    };
    let at = || Position { name: "settings".to_owned(), ..Position::default() };
    unknown.map(|id| Problem::warning(at(), text(id)).hint("`riskgate policy show` lists the ids")).collect()
}

fn repeated(loaded: &[Loaded]) -> Vec<Problem> {
    let mut seen: HashMap<&str, &Origin> = HashMap::new();
    let mut problems = Vec::new();
    for Loaded { rule, .. } in loaded {
        if let Some(first) = seen.insert(&rule.id, &rule.origin) {
            let text = format!("the id `{}` is taken already, at {first}", rule.id);
            problems.push(Problem::error(place(rule), text).hint("give it another `@id`"));
        }
    }
    problems
}

pub(super) fn place(rule: &Rule) -> Position {
    Position { name: rule.origin.name.clone(), line: rule.origin.line, column: 0 }
}

/// What the schema has against the rules: unknown words, wrong types, conditions that can never hold.
pub(super) fn validate(loaded: &[Loaded], sources: &[RuleSource]) -> Vec<Problem> {
    [Stage::Before, Stage::After].into_iter().flat_map(|stage| validate_stage(loaded, sources, stage)).collect()
}

fn validate_stage(loaded: &[Loaded], sources: &[RuleSource], stage: Stage) -> Vec<Problem> {
    let of_stage: Vec<&Loaded> = loaded.iter().filter(|loaded| loaded.rule.stage == stage).collect();
    if of_stage.is_empty() {
        return Vec::new();
    }
    let internal = |text: String| vec![Problem::error(Position::default(), text)];
    let schema = match Schema::from_cedarschema_str(&schema_text(stage)) {
        Ok((schema, _)) => schema,
        Err(error) => return internal(format!("the schema is broken: {error}")),
    };
    let set = match PolicySet::from_policies(of_stage.iter().map(|loaded| loaded.policy.clone())) {
        Ok(set) => set,
        Err(error) => return internal(error.to_string()),
    };
    let result = Validator::new(schema).validate(&set, ValidationMode::Strict);
    let problem = |id: &PolicyId, severity: Severity, error: &dyn Diagnostic| {
        let id: &str = id.as_ref();
        let rule = id.parse::<usize>().ok().and_then(|index| loaded.get(index)).map(|loaded| &loaded.rule);
        Problem { severity, ..about(rule, sources, stage, error) }
    };
    let errors = result.validation_errors().map(|error| problem(error.policy_id(), Severity::Error, error));
    let warnings = result.validation_warnings().map(|error| problem(error.policy_id(), Severity::Warning, error));
    let mut problems: Vec<Problem> = errors.chain(warnings).collect();
    // Cedar says the same of every kind of tool and part, in no order.
    problems.sort_by(|a, b| {
        (&a.at.name, a.at.line, a.at.column, &a.text).cmp(&(&b.at.name, b.at.line, b.at.column, &b.text))
    });
    problems.dedup_by(|a, b| a.at == b.at && a.severity == b.severity);
    problems
}

/// A problem at its place in the rule's file.
fn about(rule: Option<&Rule>, sources: &[RuleSource], stage: Stage, error: &dyn Diagnostic) -> Problem {
    let Some(rule) = rule else { return Problem::error(Position::default(), error.to_string()) };
    let text = sources.iter().find(|source| source.name == rule.origin.name && source.layer == rule.origin.layer);
    let mut problem = match text.map(|source| &source.rules) {
        Some(RuleText::Cedar(text)) => Problem::of_cedar(&rule.origin.name, text, 0, error),
        _ => Problem::error(place(rule), error.to_string()),
    };
    // Cedar names policies by the number that they have here.
    problem.text = problem.text.replace(&format!("for policy `{}`, ", number_of(&problem.text)), "");
    if stage == Stage::Before && problem.text.contains("`assessment`") {
        problem = problem.hint("a rule that uses the assessment needs `@stage(\"after\")`");
    }
    problem
}

fn number_of(text: &str) -> String {
    let rest = text.strip_prefix("for policy `").unwrap_or_default();
    rest.chars().take_while(char::is_ascii_digit).collect()
}
