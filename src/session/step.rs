//! One change of a state, as it is appended to its file: what goes and what comes.
//!
//! A state of a long session has tens of kilobytes of which most calls change a line, and to put a file in the place of another
//! makes some file systems write it out before anything else is done: milliseconds, where an append takes microseconds.

use serde::{Deserialize, Serialize};

use super::state::{Asked, File, OperationWire, Secret, State};

/// What changes from one state to the next.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Step {
    used: u64,
    in_a_row: u32,
    total: u32,
    #[serde(default, skip_serializing_if = "is_false")]
    denied_too_much: bool,
    #[serde(default, skip_serializing_if = "Items::is_empty")]
    denied: Items<OperationWire>,
    #[serde(default, skip_serializing_if = "Items::is_empty")]
    asked: Items<Asked>,
    /// When it is another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    secret: Option<Secret>,
    #[serde(default, skip_serializing_if = "Items::is_empty")]
    files: Items<File>,
    #[serde(default, skip_serializing_if = "Items::is_empty")]
    lost: Items<u64>,
    #[serde(default, skip_serializing_if = "is_false")]
    lost_any: bool,
    #[serde(default, skip_serializing_if = "Items::is_empty")]
    boundaries: Items<String>,
}

/// What changes in a list whose new items come last.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Items<T> {
    /// Places in the old list, in order.
    gone: Vec<usize>,
    put: Vec<T>,
}

fn is_false(value: &bool) -> bool {
    !*value
}

impl<T> Default for Items<T> {
    fn default() -> Self {
        Self { gone: Vec::new(), put: Vec::new() }
    }
}

impl<T> Items<T> {
    fn is_empty(&self) -> bool {
        self.gone.is_empty() && self.put.is_empty()
    }
}

impl<T: Clone + PartialEq> Items<T> {
    fn between(before: &[T], after: &[T]) -> Self {
        let (mut n_stay, mut gone) = (0, Vec::new());
        for (at, item) in before.iter().enumerate() {
            if after.get(n_stay) == Some(item) {
                n_stay += 1;
            } else {
                gone.push(at);
            }
        }
        Self { gone, put: after.get(n_stay..).unwrap_or_default().to_vec() }
    }

    /// Makes the new list of the old one; whether it can be.
    fn apply(self, list: &mut Vec<T>) -> bool {
        let fits = self.gone.is_sorted() && self.gone.last().is_none_or(|last| *last < list.len());
        let mut at = 0..;
        list.retain(|_| at.next().is_none_or(|at| self.gone.binary_search(&at).is_err()));
        list.extend(self.put);
        fits
    }
}

impl Step {
    /// From one state to the next; `None` when that cannot be said in one.
    pub(super) fn between(before: &State, after: &State) -> Option<Vec<u8>> {
        let step = Self {
            used: after.used,
            in_a_row: after.in_a_row,
            total: after.total,
            denied_too_much: after.denied_too_much,
            denied: Items::between(&before.denied, &after.denied),
            asked: Items::between(&before.asked, &after.asked),
            secret: after.secret.clone().filter(|secret| before.secret.as_ref() != Some(secret)),
            files: Items::between(&before.files, &after.files),
            lost: Items::between(&before.lost, &after.lost),
            lost_any: after.lost_any,
            boundaries: Items::between(&before.boundaries, &after.boundaries),
        };
        let line = serde_json::to_vec(&step).ok()?;
        let mut applied = before.clone();
        (step.apply(&mut applied) && applied == *after).then_some(line)
    }

    /// Makes the next state of a state; whether that can be done.
    pub(super) fn apply(self, state: &mut State) -> bool {
        (state.used, state.in_a_row, state.total) = (self.used, self.in_a_row, self.total);
        state.denied_too_much |= self.denied_too_much;
        state.lost_any |= self.lost_any;
        if self.secret.is_some() {
            state.secret = self.secret;
        }
        self.denied.apply(&mut state.denied)
            && self.asked.apply(&mut state.asked)
            && self.files.apply(&mut state.files)
            && self.lost.apply(&mut state.lost)
            && self.boundaries.apply(&mut state.boundaries)
    }
}
