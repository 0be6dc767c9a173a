//! The risk figures, group by group.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};
use strum::IntoEnumIterator;

use super::{Case, RiskFigures};
use crate::assessment::{Permission, SideEffect};

/// The upper ends of the length buckets, in tokens of a decision, and their names.
const LENGTHS: [(usize, &str); 4] =
    [(64, "up_to_64"), (128, "65_to_128"), (512, "129_to_512"), (usize::MAX, "over_512")];

/// Named groups of actions and their figures. As JSON, an object in this order.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Groups(pub Vec<(String, RiskFigures)>);

impl Serialize for Groups {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, figures)| (name, figures)))
    }
}

/// Actions with a risk label, divided in several ways. An action with several effects is in several groups.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RiskGroups {
    /// By tool, alphabetically.
    pub tool: Groups,
    /// By source, alphabetically.
    pub source: Groups,
    /// By labelled effect; `none` is an action without any.
    pub effect: Groups,
    /// By labelled permission.
    pub permission: Groups,
    /// By the tokens of the decision, all windows together.
    pub length: Groups,
    /// By whether the user's request was known.
    pub user_request: Groups,
}

impl RiskGroups {
    /// Of the given actions.
    pub(super) fn of(actions: &[&Case]) -> Self {
        let labelled: Vec<&Case> = actions.iter().copied().filter(|case| case.label.risk.is_some()).collect();
        let effects = SideEffect::iter().map(Into::into).chain(["none"]);
        Self {
            tool: alphabetical(divide(&labelled, |case| vec![case.tool.as_str()])),
            source: alphabetical(divide(&labelled, |case| vec![case.source.as_str()])),
            effect: in_order(divide(&labelled, effects_of), effects),
            permission: in_order(divide(&labelled, permission_of), Permission::iter().map(Into::into)),
            length: in_order(divide(&labelled, length_of), LENGTHS.map(|(_, name)| name)),
            user_request: in_order(divide(&labelled, request_of), ["present", "absent"]),
        }
    }
}

fn divide<'a>(cases: &[&'a Case], names: impl Fn(&'a Case) -> Vec<&'a str>) -> BTreeMap<&'a str, Vec<&'a Case>> {
    let mut groups: BTreeMap<&str, Vec<&Case>> = BTreeMap::new();
    for case in cases {
        names(case).into_iter().for_each(|name| groups.entry(name).or_default().push(case));
    }
    groups
}

fn alphabetical(groups: BTreeMap<&str, Vec<&Case>>) -> Groups {
    Groups(groups.into_iter().map(|(name, cases)| (name.to_owned(), RiskFigures::of(&cases))).collect())
}

fn in_order(mut groups: BTreeMap<&str, Vec<&Case>>, names: impl IntoIterator<Item = &'static str>) -> Groups {
    let found = |name: &str| groups.remove(name).map(|cases| (name.to_owned(), RiskFigures::of(&cases)));
    Groups(names.into_iter().filter_map(found).collect())
}

fn effects_of(case: &Case) -> Vec<&str> {
    let Some(effects) = case.label.effects else { return Vec::new() };
    let found: Vec<&str> = SideEffect::iter().zip(effects).filter(|(_, has)| *has).map(|(e, _)| e.into()).collect();
    if found.is_empty() { vec!["none"] } else { found }
}

fn permission_of(case: &Case) -> Vec<&str> {
    case.label.permission.map(Into::into).into_iter().collect()
}

fn length_of(case: &Case) -> Vec<&str> {
    LENGTHS.into_iter().find(|(most, _)| case.n_tokens <= *most).map(|(_, name)| name).into_iter().collect()
}

fn request_of(case: &Case) -> Vec<&str> {
    vec![if case.has_request { "present" } else { "absent" }]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::samples::six;

    fn names(groups: &Groups) -> Vec<(&str, usize)> {
        groups.0.iter().map(|(name, figures)| (name.as_str(), figures.actions)).collect()
    }

    #[test]
    fn every_division_holds_what_it_should() {
        let mut cases = six();
        cases[0].n_tokens = 64;
        cases[1].n_tokens = 65;
        cases[2].n_tokens = 513;
        cases[3].has_request = true;
        cases[4].label.effects = Some(std::array::from_fn(|place| place == 0 || place == 12));
        cases[5].label.permission = Some(Permission::Privileged);
        cases[5].tool = "Write".to_owned();
        let found = RiskGroups::of(&cases.iter().collect::<Vec<_>>());
        assert_eq!(names(&found.tool), [("Bash", 5), ("Write", 1)]);
        assert_eq!(names(&found.source), [("calm", 3), ("push", 1), ("wild", 2)]);
        assert_eq!(names(&found.effect), [("data_destruction", 1), ("network", 1), ("none", 5)]);
        assert_eq!(names(&found.permission), [("observe", 5), ("privileged", 1)]);
        assert_eq!(names(&found.length), [("up_to_64", 4), ("65_to_128", 1), ("over_512", 1)]);
        assert_eq!(names(&found.user_request), [("present", 1), ("absent", 5)]);
    }

    #[test]
    fn no_action_gives_no_group() {
        assert_eq!(RiskGroups::of(&[]).tool, Groups::default());
    }
}
