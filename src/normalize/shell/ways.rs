//! Where a list of commands may leave the shell: the folder after success and the folder after failure.
//!
//! A `cd` behind `&&`, behind `||` or in a branch may happen or not. What follows is looked at in one folder all the same,
//! so of two possible ones the stricter is kept: never is a place shown as laxer than it may be.

use crate::action::{PathScope, Scope};
use crate::normalize::paths::Place;
use crate::normalize::shell::syntax::Joint;

/// Temporary folders of every system: entering one of them does not fail.
const ALWAYS_THERE: &[&str] = &["/tmp", "/var/tmp"];

/// A folder in which what follows may run.
#[derive(Debug, Clone)]
struct Way {
    place: Place,
    /// Whether only a plain `cd` that fails leads there.
    failed_cd: bool,
}

/// The folders after success and after failure; `None` where the shell does not go on.
#[derive(Debug, Clone)]
pub(super) struct Ways {
    ok: Option<Way>,
    bad: Option<Way>,
}

impl Ways {
    /// The same folder either way.
    pub(super) fn at(place: &Place) -> Self {
        let way = Way { place: place.clone(), failed_cd: false };
        Self { ok: Some(way.clone()), bad: Some(way) }
    }

    /// After a `cd`.
    pub(super) fn moved(to: &Place, from: Place) -> Self {
        Self { ok: Some(Way { place: to.clone(), failed_cd: false }), bad: Some(Way { place: from, failed_cd: true }) }
    }

    /// After `exit` and the like.
    pub(super) fn none() -> Self {
        Self { ok: None, bad: None }
    }

    /// After what always succeeds, or never does.
    pub(super) fn only(place: &Place, succeeds: bool) -> Self {
        let ways = Self::at(place);
        if succeeds { Self { bad: None, ..ways } } else { Self { ok: None, ..ways } }
    }

    /// After `! …`.
    pub(super) fn negated(self) -> Self {
        Self { ok: self.bad, bad: self.ok }
    }

    /// Where what is joined to this by `&&` or `||` runs.
    pub(super) fn entry(&self, joint: Joint) -> Option<&Place> {
        self.entry_way(joint).map(|way| &way.place)
    }

    fn entry_way(&self, joint: Joint) -> Option<&Way> {
        match joint {
            Joint::Or => self.bad.as_ref(),
            Joint::And | Joint::Always => self.ok.as_ref(),
        }
    }

    /// After this and what is joined to it.
    pub(super) fn then(self, joint: Joint, mut after: Self) -> Self {
        if self.entry_way(joint).is_some_and(|way| way.failed_cd) {
            after.ok.iter_mut().chain(&mut after.bad).for_each(|way| way.failed_cd = true);
        }
        match joint {
            Joint::Or => Self { ok: either(self.ok, after.ok), bad: after.bad },
            Joint::And | Joint::Always => Self { ok: after.ok, bad: either(self.bad, after.bad) },
        }
    }

    /// After this or that.
    pub(super) fn or(self, other: Self) -> Self {
        Self { ok: either(self.ok, other.ok), bad: either(self.bad, other.bad) }
    }

    /// The one place in which what follows is looked at.
    pub(super) fn settled(&self) -> Option<Place> {
        either(self.bad.clone(), self.ok.clone()).map(|way| way.place)
    }
}

/// One way of two. A project or `/tmp` that is entered by a plain `cd` is believed to be there, so that `cd app && make; ls`
/// stays readable.
fn either(one: Option<Way>, other: Option<Way>) -> Option<Way> {
    let (one, other) = match (one, other) {
        (Some(one), Some(other)) => (one, other),
        (one, other) => return one.or(other),
    };
    Some(match (one.failed_cd, other.failed_cd) {
        (true, false) if is_believed(&other.place) => other,
        (false, true) if is_believed(&one.place) => one,
        (first, second) => Way { place: stricter(one.place, other.place), failed_cd: first && second },
    })
}

fn is_believed(place: &Place) -> bool {
    matches!(strictness(place), BUILD_OUTPUT | WORKSPACE)
        || place.cwd.as_deref().is_some_and(|cwd| ALWAYS_THERE.contains(&cwd))
}

/// The place of two in which more can be broken; the one higher up where that is alike, for `..` leads further there.
pub(super) fn stricter(one: Place, other: Place) -> Place {
    if one == other {
        return other;
    }
    let rank = |place: &Place| (strictness(place), std::cmp::Reverse(depth(place)));
    if rank(&one) > rank(&other) { one } else { other }
}

fn depth(place: &Place) -> usize {
    let folders = |folder: &str| folder.split('/').filter(|part| !matches!(*part, "" | ".")).count();
    place.cwd.as_deref().or(place.workspace.as_deref()).map_or(0, folders)
}

const BUILD_OUTPUT: u8 = 1;
const WORKSPACE: u8 = 2;

fn strictness(place: &Place) -> u8 {
    let Scope::Path(scope) = place.locate(".").scope else {
        return WORKSPACE;
    };
    match scope {
        PathScope::Temp => 0,
        PathScope::BuildOutput => BUILD_OUTPUT,
        PathScope::Workspace | PathScope::Ci | PathScope::PackageManifest => WORKSPACE,
        PathScope::Outside | PathScope::NetworkShare => 3,
        PathScope::Dynamic => 4,
        PathScope::Home => 5,
        PathScope::OtherHome => 6,
        PathScope::EnvFile
        | PathScope::GitInternal
        | PathScope::Secret
        | PathScope::Startup
        | PathScope::AgentConfig
        | PathScope::RiskgateConfig => 7,
        PathScope::HomeRoot => 8,
        PathScope::System | PathScope::Device => 9,
        PathScope::Root => 10,
    }
}
