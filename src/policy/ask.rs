//! Asks Cedar: one request for each part of an action, against the rules that can apply to such a part.

use std::collections::{HashMap, HashSet};
use std::str::FromStr;
use std::sync::{Arc, OnceLock};

use cedar_policy::{
    ActionConstraint, Authorizer, Context, Effect, Entities, Entity, EntityId, EntityTypeName, EntityUid, Policy,
    PolicySet, Request, ResourceConstraint, RestrictedExpression,
};
use strum::IntoEnumIterator;

use super::load::Loaded;
use super::need::Need;
use super::parts::{ActionKind, Allowable, Part, PartKind, Parts, Value};
use super::rule::Stage;
use crate::action::ToolCall;
use crate::assessment::{Assessment, Permission, Probability, SideEffect};
use crate::verdict::Zone;

/// The rules, sorted by the kind of tool, the kind of part and the stage that they can apply to.
pub(super) struct Asker {
    loaded: Arc<Vec<Loaded>>,
    needs: Vec<Need>,
    /// Each rule as Cedar takes it; made when first asked: a hook asks few of them and leaves.
    sets: Vec<OnceLock<Option<PolicySet>>>,
    shelves: HashMap<Shelf, Vec<usize>>,
    types: Types,
}

/// Where rules lie.
type Shelf = (Stage, ActionKind, PartKind);

/// What Cedar says of one part.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Answer {
    /// The rules that forbid it, by their place in the list.
    pub(super) forbidding: Vec<usize>,
    /// The rules that permit it.
    pub(super) permitting: Vec<usize>,
    /// Rules that could not be evaluated, and why.
    pub(super) failed: Vec<(usize, String)>,
}

/// What the rules are told beside the parts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Told<'a> {
    pub(super) call: &'a ToolCall,
    pub(super) mode: &'a str,
    pub(super) judged: Option<(&'a Assessment, Zone)>,
}

/// Names of the schema's types, parsed once.
struct Types {
    harness: EntityTypeName,
    session: EntityTypeName,
    agent: EntityTypeName,
    action: EntityTypeName,
    parts: HashMap<PartKind, EntityTypeName>,
    actions: HashMap<ActionKind, Entity>,
}

impl Asker {
    /// Sorts the rules.
    pub(super) fn new(loaded: Arc<Vec<Loaded>>) -> Result<Self, String> {
        let types = Types::new()?;
        let mut shelves: HashMap<Shelf, Vec<usize>> = HashMap::new();
        for (index, Loaded { rule, policy }) in loaded.iter().enumerate() {
            for action in ActionKind::iter().filter(|action| types.applies(policy, *action)) {
                for part in PartKind::iter().filter(|part| types.is_about(policy, *part)) {
                    shelves.entry((rule.stage, action, part)).or_default().push(index);
                }
            }
        }
        let needs = loaded.iter().map(|loaded| Need::of(&loaded.policy)).collect();
        let sets = loaded.iter().map(|_| OnceLock::new()).collect();
        Ok(Self { loaded, needs, sets, shelves, types })
    }

    /// The same without any knowledge of what rules need: Cedar is asked about all.
    #[cfg(test)]
    pub(super) fn asking_everything(mut self) -> Self {
        self.needs.clear();
        self
    }

    /// Whether any rule of a stage can apply to an action.
    pub(super) fn concerns(&self, stage: Stage, parts: &Parts) -> bool {
        parts.list.iter().any(|part| self.candidates(stage, parts.action, part).next().is_some())
    }

    /// What the rules of a stage say of each part, in order. An error is one of riskgate's own making.
    pub(super) fn ask(&self, stage: Stage, parts: &Parts, told: Told<'_>, care: Care) -> Result<Vec<Answer>, String> {
        let mut round = Round { stage, parts, told, context: None, answered: vec![false; self.loaded.len()] };
        let mut answers = vec![Answer::default(); parts.list.len()];
        for (part, answer) in parts.list.iter().zip(&mut answers) {
            self.ask_about(part, Effect::Forbid, &mut round, care, answer)?;
        }
        let forbidden = answers.iter().any(|answer| !answer.forbidding.is_empty() || !answer.failed.is_empty());
        let permits = |part: &&Part| match parts.allowable {
            _ if care == Care::Everything => true,
            Allowable::No => false,
            Allowable::ByTool => part.kind == PartKind::Tool,
            Allowable::ByParts => true,
        };
        if care == Care::Everything || !forbidden {
            for (part, answer) in parts.list.iter().zip(&mut answers).filter(|(part, _)| permits(part)) {
                self.ask_about(part, Effect::Permit, &mut round, care, answer)?;
            }
        }
        Ok(answers)
    }

    fn ask_about(
        &self,
        part: &Part,
        effect: Effect,
        round: &mut Round<'_>,
        care: Care,
        answer: &mut Answer,
    ) -> Result<(), String> {
        let mut world = None;
        for index in self.candidates(round.stage, round.parts.action, part) {
            let of_effect = self.loaded.get(index).is_some_and(|loaded| loaded.policy.effect() == effect);
            let known = care == Care::Outcome && round.answered.get(index).copied().unwrap_or(false);
            if !of_effect || known {
                continue;
            }
            let world = match &mut world {
                Some(world) => world,
                empty => empty.insert(World::new(&self.types, part, round)?),
            };
            // One part suffices to forbid, and to fail.
            let told = self.ask_one(index, world, answer)?;
            if let Some(answered) = round.answered.get_mut(index).filter(|_| told && effect == Effect::Forbid) {
                *answered = true;
            }
        }
        Ok(())
    }

    /// The rules that may have something to say of a part.
    fn candidates<'a>(&'a self, stage: Stage, action: ActionKind, part: &'a Part) -> impl Iterator<Item = usize> + 'a {
        let shelf = self.shelves.get(&(stage, action, part.kind)).map_or(&[][..], Vec::as_slice);
        shelf.iter().copied().filter(|index| self.needs.get(*index).is_none_or(|need| need.holds(part)))
    }

    /// Asks one rule about one part; whether it had something to say.
    fn ask_one(&self, index: usize, world: &World, answer: &mut Answer) -> Result<bool, String> {
        let (Some(slot), Some(Loaded { policy, .. })) = (self.sets.get(index), self.loaded.get(index)) else {
            return Err(format!("no rule {index}"));
        };
        let set = slot.get_or_init(|| PolicySet::from_policies([policy.clone()]).ok());
        let set = set.as_ref().ok_or("a rule that cannot be asked")?;
        let response = Authorizer::new().is_authorized(&world.request, set, &world.entities);
        let diagnostics = response.diagnostics();
        if let Some(error) = diagnostics.errors().next() {
            answer.failed.push((index, error.to_string()));
            return Ok(true);
        }
        let matches = diagnostics.reason().next().is_some();
        match policy.effect() {
            _ if !matches => {}
            Effect::Forbid => answer.forbidding.push(index),
            Effect::Permit => answer.permitting.push(index),
        }
        Ok(matches)
    }
}

/// How much is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Care {
    /// What decides: a rule that has forbidden one part is not asked about others, and nothing is permitted then.
    Outcome,
    /// Every rule about every part.
    Everything,
}

/// One action's questions.
struct Round<'a> {
    stage: Stage,
    parts: &'a Parts,
    told: Told<'a>,
    /// The circumstances, made when first needed.
    context: Option<Context>,
    /// Rules that have forbidden a part, or failed at one.
    answered: Vec<bool>,
}

impl Round<'_> {
    fn context(&mut self) -> Result<Context, String> {
        if let Some(context) = &self.context {
            return Ok(context.clone());
        }
        let context = circumstances(self.parts, self.told)?;
        Ok(self.context.insert(context).clone())
    }
}

impl Types {
    fn new() -> Result<Self, String> {
        let named = |name: &str| EntityTypeName::from_str(name).map_err(|error| error.to_string());
        let action = named("Action")?;
        let parts = PartKind::iter().map(|part| Ok((part, named(part.into())?))).collect::<Result<_, String>>()?;
        let mut types = Self {
            harness: named("Harness")?,
            session: named("Session")?,
            agent: named("Agent")?,
            action,
            parts,
            actions: HashMap::new(),
        };
        types.actions = types.action_entities();
        Ok(types)
    }

    /// The kinds of tools and the groups they belong to, as in the schema.
    fn action_entities(&self) -> HashMap<ActionKind, Entity> {
        let uid = |name: &str| uid(&self.action, name);
        let groups = |kind| groups_of(kind).iter().map(|name| uid(name)).collect();
        ActionKind::iter().map(|kind| (kind, Entity::new_no_attrs(uid(kind.into()), groups(kind)))).collect()
    }

    /// The part that is asked about; there is one in each request.
    fn part(&self, kind: PartKind) -> Result<EntityUid, String> {
        let name = self.parts.get(&kind).ok_or("a part without a type")?;
        Ok(uid(name, "asked"))
    }

    /// Whether a rule's scope takes a kind of tool.
    fn applies(&self, policy: &Policy, action: ActionKind) -> bool {
        let own: &str = action.into();
        let takes = |wanted: &EntityUid| {
            let name: &str = wanted.id().as_ref();
            name == own || groups_of(action).contains(&name)
        };
        match policy.action_constraint() {
            ActionConstraint::Any => true,
            ActionConstraint::In(wanted) => wanted.iter().any(takes),
            ActionConstraint::Eq(wanted) => takes(&wanted),
        }
    }

    /// Whether a rule's scope takes a kind of part.
    fn is_about(&self, policy: &Policy, part: PartKind) -> bool {
        let is = |wanted: &EntityTypeName| self.parts.get(&part) == Some(wanted);
        match policy.resource_constraint() {
            ResourceConstraint::Any => true,
            ResourceConstraint::Is(wanted) | ResourceConstraint::IsIn(wanted, _) => is(&wanted),
            ResourceConstraint::In(wanted) | ResourceConstraint::Eq(wanted) => is(wanted.type_name()),
        }
    }
}

/// The groups of the schema that a kind of tool is in.
fn groups_of(kind: ActionKind) -> &'static [&'static str] {
    match kind {
        ActionKind::Bash | ActionKind::Powershell | ActionKind::Cmd => &["shell", "any"],
        ActionKind::Edit | ActionKind::Write | ActionKind::NotebookEdit => &["change", "any"],
        ActionKind::Read | ActionKind::Search => &["look", "any"],
        ActionKind::Fetch | ActionKind::WebSearch | ActionKind::Agent | ActionKind::Mcp | ActionKind::Other => &["any"],
    }
}

fn uid(kind: &EntityTypeName, id: &str) -> EntityUid {
    EntityUid::from_type_name_and_id(kind.clone(), EntityId::new(id))
}

/// Everything that a request about a part may look at.
struct World {
    request: Request,
    entities: Entities,
}

impl World {
    fn new(types: &Types, part: &Part, round: &mut Round<'_>) -> Result<Self, String> {
        let (action, call, context) = (round.parts.action, &round.told.call.context, round.context()?);
        let or_unknown = |name: &Option<String>| name.clone().unwrap_or_else(|| "unknown".to_owned());
        let harness = uid(&types.harness, &or_unknown(&call.harness));
        let session = uid(&types.session, &or_unknown(&call.session_id));
        let name = call.agent.clone().unwrap_or_else(|| "main".to_owned());
        let principal = uid(&types.agent, &name);
        let attributes = HashMap::from([("name".to_owned(), RestrictedExpression::new_string(name))]);
        let agent = Entity::new(principal.clone(), attributes, HashSet::from([session, harness]));
        let resource = types.part(part.kind)?;
        let entities = [
            agent.map_err(|error| error.to_string())?,
            types.actions.get(&action).cloned().ok_or("a kind of tool without a name")?,
            entity(resource.clone(), part)?,
        ];
        let request = Request::new(principal, uid(&types.action, action.into()), resource, context, None);
        Ok(Self {
            request: request.map_err(|error| error.to_string())?,
            entities: Entities::from_entities(entities, None).map_err(|error| error.to_string())?,
        })
    }
}

fn entity(uid: EntityUid, part: &Part) -> Result<Entity, String> {
    let attributes = part.attributes.iter().map(|(name, value)| ((*name).to_owned(), expression(value)));
    Entity::new(uid, attributes.collect(), HashSet::new()).map_err(|error| error.to_string())
}

fn expression(value: &Value) -> RestrictedExpression {
    match value {
        Value::Text(text) => RestrictedExpression::new_string(text.clone()),
        Value::Words(words) => words_expression(words),
        Value::Flag(flag) => RestrictedExpression::new_bool(*flag),
    }
}

fn words_expression(words: &[impl AsRef<str>]) -> RestrictedExpression {
    let strings = words.iter().map(|word| RestrictedExpression::new_string(word.as_ref().to_owned()));
    RestrictedExpression::new_set(strings)
}

fn circumstances(parts: &Parts, told: Told<'_>) -> Result<Context, String> {
    let context = &told.call.context;
    let gaps: Vec<&str> = parts.gaps.iter().map(Into::into).collect();
    let permission_mode = context.permission_mode.clone().unwrap_or_default();
    let mut pairs = vec![
        ("mode".to_owned(), RestrictedExpression::new_string(told.mode.to_owned())),
        ("permission_mode".to_owned(), RestrictedExpression::new_string(permission_mode)),
        ("understood".to_owned(), RestrictedExpression::new_bool(parts.is_understood())),
        ("gaps".to_owned(), words_expression(&gaps)),
    ];
    if let Some(cwd) = &context.cwd {
        pairs.push(("cwd".to_owned(), RestrictedExpression::new_string(cwd.clone())));
    }
    if let Some(branch) = &context.git_branch {
        let branch = ("branch".to_owned(), RestrictedExpression::new_string(branch.clone()));
        pairs.push(("git".to_owned(), record([branch])?));
    }
    if let Some((assessment, zone)) = told.judged {
        pairs.push(("assessment".to_owned(), assessment_record(assessment, zone)?));
    }
    Context::from_pairs(pairs).map_err(|error| error.to_string())
}

fn record(fields: impl IntoIterator<Item = (String, RestrictedExpression)>) -> Result<RestrictedExpression, String> {
    RestrictedExpression::new_record(fields).map_err(|error| error.to_string())
}

fn assessment_record(assessment: &Assessment, zone: Zone) -> Result<RestrictedExpression, String> {
    let field = |name: &str, value: i64| (name.to_owned(), RestrictedExpression::new_long(value));
    let risk = &assessment.risk;
    // What speaks for the action is rounded down, what speaks against it up.
    let observe = |permission: Permission| permission == Permission::Observe;
    let permission = Permission::iter().zip(assessment.permission).map(|(permission, probability)| {
        let value = if observe(permission) { floor(probability) } else { ceiling(probability) };
        field(permission.into(), value)
    });
    let effects = SideEffect::iter().zip(assessment.effects);
    let effects = effects.map(|(effect, probability)| field(effect.into(), ceiling(probability)));
    record([
        ("zone".to_owned(), RestrictedExpression::new_string(<&str>::from(zone).to_owned())),
        (
            "risk".to_owned(),
            record([
                field("allow", floor(risk.allow)),
                field("ask", ceiling(risk.ask)),
                field("deny", ceiling(risk.deny)),
            ])?,
        ),
        ("permission".to_owned(), record(permission)?),
        ("effects".to_owned(), record(effects)?),
        field("injection", ceiling(assessment.injection)),
    ])
}

/// Thousandths, rounded up.
#[expect(clippy::cast_possible_truncation, reason = "a probability lies in [0, 1]")]
fn ceiling(probability: Probability) -> i64 {
    (f64::from(probability.get()) * 1000.0).ceil() as i64
}

/// Thousandths, rounded down.
#[expect(clippy::cast_possible_truncation, reason = "a probability lies in [0, 1]")]
fn floor(probability: Probability) -> i64 {
    (f64::from(probability.get()) * 1000.0).floor() as i64
}
