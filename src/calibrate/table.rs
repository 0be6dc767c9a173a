//! Thresholds for some actions: by tool, by effect, by place.

use strum::IntoEnumIterator;

use super::thresholds::{RateError, Rates, Thresholds};
use crate::action::{Action, PathScope, Scope, ToolCall};
use crate::assessment::{Assessment, SideEffect};
use crate::manifest::Manifest;

/// Probability from which an action counts as having an effect.
const LIKELY: f32 = 0.5;

/// How strict somebody wants to be: by name, and by rate or number in the place of the name's cuts.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Strictness {
    /// An operating point; that of everything else when absent.
    pub name: Option<String>,
    /// Rates.
    pub rates: Rates,
    /// [`Thresholds::allow_below`] itself.
    pub allow_below: Option<f32>,
    /// [`Thresholds::deny_above`] itself.
    pub deny_above: Option<f32>,
}

/// Strictness for the actions that a selector names.
#[derive(Debug, Clone, PartialEq)]
pub struct Scoped {
    /// Which actions.
    pub selector: Selector,
    /// How strict.
    pub strictness: Strictness,
}

/// Which actions: all that is given must hold.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Selector {
    /// The tool's name; a `*` at the end stands for anything.
    pub tool: Option<String>,
    /// An effect that the model finds likely.
    pub effect: Option<SideEffect>,
    /// Where a path of the action lies.
    pub scope: Option<PathScope>,
}

/// The cuts for every action.
#[derive(Debug, Clone, PartialEq)]
pub struct ThresholdTable {
    base: Thresholds,
    scoped: Vec<(Selector, Thresholds)>,
}

impl From<Thresholds> for ThresholdTable {
    fn from(base: Thresholds) -> Self {
        Self { base, scoped: Vec::new() }
    }
}

impl ThresholdTable {
    /// What is asked for, on this bundle. `also` holds beside it: the stricter of both counts everywhere.
    pub fn resolve(
        manifest: &Manifest,
        wanted: (&Strictness, &[Scoped]),
        also: (&Strictness, &[Scoped]),
    ) -> Result<Self, RateError> {
        let own = Self::resolve_one(manifest, wanted)?;
        if *also.0 == Strictness::default() && also.1.is_empty() {
            return Ok(own);
        }
        let also = Self::resolve_one(manifest, also)?;
        // A list of the stricter of both: each scoped entry of one side holds beside the other's.
        let named = also.base;
        let mut scoped: Vec<(Selector, Thresholds)> =
            own.scoped.into_iter().map(|(selector, cuts)| (selector, cuts.stricter(&named))).collect();
        let tight =
            also.scoped.into_iter().map(|(selector, cuts)| (selector, cuts.stricter(&own.base).stricter(&named)));
        scoped.extend(tight);
        Ok(Self { base: own.base.stricter(&named), scoped })
    }

    fn resolve_one(manifest: &Manifest, (strictness, scoped): (&Strictness, &[Scoped])) -> Result<Self, RateError> {
        let base = Thresholds::of(manifest, strictness, None)?;
        let entry =
            |entry: &Scoped| Ok((entry.selector.clone(), Thresholds::of(manifest, &entry.strictness, Some(base))?));
        Ok(Self { base, scoped: scoped.iter().map(entry).collect::<Result<_, RateError>>()? })
    }

    /// The same cuts for every action.
    pub fn everywhere(base: Thresholds) -> Self {
        Self { base, scoped: Vec::new() }
    }

    /// The cuts where nothing else is said.
    pub fn base(&self) -> &Thresholds {
        &self.base
    }

    /// The cuts for some actions.
    pub fn scoped(&self) -> &[(Selector, Thresholds)] {
        &self.scoped
    }

    /// The cuts for an action. Stricter ones hold when any part of it is meant, looser ones when all of it is; of several, the
    /// strictest.
    pub fn of(&self, call: &ToolCall, action: &Action, assessment: &Assessment) -> Thresholds {
        if self.scoped.is_empty() {
            return self.base;
        }
        let meant = self.scoped.iter().filter(|(selector, cuts)| {
            let loosens = cuts.stricter(&self.base) != *cuts;
            selector.takes(call, action, assessment, loosens)
        });
        meant.map(|(_, cuts)| *cuts).reduce(|a, b| a.stricter(&b)).unwrap_or(self.base)
    }
}

impl Selector {
    /// Whether an action is meant: any part of it, or `wholly`.
    fn takes(&self, call: &ToolCall, action: &Action, assessment: &Assessment, wholly: bool) -> bool {
        let tool = self.tool.as_deref().is_none_or(|pattern| match pattern.strip_suffix('*') {
            Some(prefix) => call.tool.starts_with(prefix),
            None => call.tool == pattern,
        });
        let effect = self.effect.is_none_or(|wanted| has_effect(assessment, wanted, wholly));
        let scope = self.scope.is_none_or(|wanted| lies_in(action, wanted, wholly));
        tool && effect && scope
    }
}

fn has_effect(assessment: &Assessment, wanted: SideEffect, alone: bool) -> bool {
    let mut likely = SideEffect::iter().zip(assessment.effects).filter(|(_, probability)| probability.get() >= LIKELY);
    if alone {
        let mut found = false;
        return likely.all(|(effect, _)| {
            found |= effect == wanted;
            effect == wanted
        }) && found;
    }
    likely.any(|(effect, _)| effect == wanted)
}

fn lies_in(action: &Action, wanted: PathScope, wholly: bool) -> bool {
    let mut scopes =
        action.effects().filter_map(|(_, effect)| effect.target.as_ref()).map(|target| target.scope).peekable();
    if wholly {
        return scopes.peek().is_some()
            && action.all_gaps().is_empty()
            && scopes.all(|scope| scope == Scope::Path(wanted));
    }
    scopes.any(|scope| scope == Scope::Path(wanted))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assessment::{Probability, Risk};

    const BASE: Thresholds = Thresholds { allow_below: 0.1, deny_above: 0.8, injection_above: 0.9, novel_above: 3.0 };
    const STRICT: Thresholds = Thresholds { allow_below: 0.01, deny_above: 0.5, ..BASE };
    const LOOSE: Thresholds = Thresholds { allow_below: 0.3, deny_above: 0.9, ..BASE };

    fn call(tool: &str) -> ToolCall {
        ToolCall { tool: tool.to_owned(), ..ToolCall::default() }
    }

    fn shell(command: &str) -> (ToolCall, Action) {
        use crate::action::{Effect, Fact, Gap, Shell, Target, Tool, Unit, UnitKind};
        let mut unit = Unit::new(UnitKind::Command(Shell::Bash), command, 0..1);
        for word in command.split(' ') {
            let scope = match word {
                "tmp" => PathScope::Temp,
                "ci" => PathScope::Ci,
                _ => {
                    unit.gaps |= Gap::Dynamic;
                    continue;
                }
            };
            let target = Some(Target { text: word.to_owned(), scope: Scope::Path(scope) });
            unit.own_effects.push(Effect { fact: Fact::Write, modifiers: enumset::EnumSet::empty(), target });
        }
        let action = Action {
            tool: Tool::Shell(Shell::Bash),
            request: None,
            units: vec![unit],
            gaps: enumset::EnumSet::empty(),
        };
        (call("Bash"), action)
    }

    fn likely(effects: &[SideEffect]) -> Assessment {
        Assessment {
            risk: Risk::from_cumulative(Probability::default(), Probability::default()),
            permission: [Probability::default(); 5],
            effects: std::array::from_fn(|index| {
                let likely = SideEffect::iter().nth(index).is_some_and(|effect| effects.contains(&effect));
                Probability::new(if likely { 0.9 } else { 0.1 })
            }),
            injection: Probability::default(),
            novelty: 0.0,
        }
    }

    fn table(selector: Selector, cuts: Thresholds) -> ThresholdTable {
        ThresholdTable { base: BASE, scoped: vec![(selector, cuts)] }
    }

    #[test]
    fn a_tool_is_meant_by_name_or_by_its_beginning() {
        let table = table(Selector { tool: Some("mcp__jira__*".into()), ..Selector::default() }, LOOSE);
        let (_, action) = shell("tmp");
        assert_eq!(table.of(&call("mcp__jira__create"), &action, &likely(&[])), LOOSE);
        assert_eq!(table.of(&call("mcp__git__push"), &action, &likely(&[])), BASE);
    }

    #[test]
    fn stricter_cuts_need_one_part_and_looser_ones_the_whole() {
        let in_temp = |cuts| table(Selector { scope: Some(PathScope::Temp), ..Selector::default() }, cuts);
        let of = |table: &ThresholdTable, command| {
            let (call, action) = shell(command);
            table.of(&call, &action, &likely(&[]))
        };
        assert_eq!(
            [of(&in_temp(STRICT), "tmp"), of(&in_temp(STRICT), "tmp ci"), of(&in_temp(STRICT), "ci")],
            [STRICT, STRICT, BASE]
        );
        assert_eq!(
            [of(&in_temp(LOOSE), "tmp"), of(&in_temp(LOOSE), "tmp ci"), of(&in_temp(LOOSE), "tmp $X")],
            [LOOSE, BASE, BASE]
        );
    }

    #[test]
    fn an_effect_loosens_only_when_it_is_the_only_one() {
        let network = |cuts| table(Selector { effect: Some(SideEffect::Network), ..Selector::default() }, cuts);
        let of = |table: &ThresholdTable, effects: &[SideEffect]| {
            let (call, action) = shell("tmp");
            table.of(&call, &action, &likely(effects))
        };
        let both = [SideEffect::Network, SideEffect::Exfiltration];
        assert_eq!(
            [of(&network(LOOSE), &both[..1]), of(&network(LOOSE), &both), of(&network(LOOSE), &[])],
            [LOOSE, BASE, BASE]
        );
        assert_eq!(of(&network(STRICT), &both), STRICT);
    }

    #[test]
    fn of_several_the_strictest_holds() {
        let everything = || Selector::default();
        let table = ThresholdTable { base: BASE, scoped: vec![(everything(), LOOSE), (everything(), STRICT)] };
        let (call, action) = shell("tmp");
        assert_eq!(table.of(&call, &action, &likely(&[])), STRICT);
    }
}
