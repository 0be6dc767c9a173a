//! What a script has defined so far: variables, functions, aliases, the current folder. Owns no syntax.

use std::collections::HashMap;
use std::rc::Rc;

use crate::normalize::limits::MAX_EXPANDED;
use crate::normalize::paths::Place;
use crate::normalize::shell::text::Part;

/// What is known of a variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Variable {
    /// Its values; more than one for an array.
    Constant(Vec<Constant>),
    /// Something that is only known at run time.
    Unknown,
}

/// A constant value.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Constant {
    /// The text.
    pub text: String,
    /// Its parts, where its globs or tilde are still to be expanded.
    pub parts: Vec<Part>,
    /// Whether an encoding was undone to get it.
    pub decoded: bool,
}

/// A point to return to.
#[derive(Debug)]
pub(super) struct Mark {
    n_changes: usize,
    place: Place,
}

/// Variables that one action may set; the rest stay unknown.
const MAX_VARIABLES: usize = 4096;

/// The state of the shell.
#[derive(Debug, Default)]
pub(super) struct Scope {
    variables: HashMap<String, Variable>,
    /// What each change replaced, so that a subshell can be left without copying everything on entry.
    changes: Vec<(String, Option<Variable>)>,
    /// Bodies of functions, as text.
    pub functions: HashMap<String, Rc<str>>,
    /// Aliases, as text.
    pub aliases: HashMap<String, String>,
    /// The arguments of the function or script that is looked at.
    pub positional: Option<Vec<Constant>>,
    /// Where commands run.
    pub place: Place,
    /// How many conditions surround what is looked at.
    pub n_conditions: usize,
    n_expanded: usize,
}

impl Scope {
    /// An empty scope at a place.
    pub(super) fn new(place: &Place) -> Self {
        Self { place: place.clone(), ..Self::default() }
    }

    /// What is known of a variable; `None` when the script has not set it.
    pub(super) fn get(&self, name: &str) -> Option<&Variable> {
        self.variables.get(name)
    }

    /// Sets a variable. Inside a condition a second value makes it unknown: either may hold.
    pub(super) fn set(&mut self, name: &str, value: Variable) {
        let old = self.variables.get(name);
        if old == Some(&value) {
            return;
        }
        let full = old.is_none() && self.variables.len() >= MAX_VARIABLES;
        let value = if full || (self.n_conditions > 0 && old.is_some()) { Variable::Unknown } else { value };
        if full {
            return;
        }
        let old = self.variables.insert(name.to_owned(), value);
        self.changes.push((name.to_owned(), old));
    }

    /// Sets a variable whatever the conditions, as a loop does.
    pub(super) fn assign(&mut self, name: &str, value: Variable) {
        let n_conditions = std::mem::take(&mut self.n_conditions);
        self.set(name, value);
        self.n_conditions = n_conditions;
    }

    /// How many changes there have been; a difference tells that something was set.
    pub(super) fn n_changes(&self) -> usize {
        self.changes.len()
    }

    /// Forgets a variable.
    pub(super) fn unset(&mut self, name: &str) {
        if let Some(old) = self.variables.remove(name) {
            self.changes.push((name.to_owned(), Some(old)));
        }
    }

    /// Counts the bytes of a variable's value that was filled in; `false` when there were too many.
    pub(super) fn spend(&mut self, n_bytes: usize) -> bool {
        self.n_expanded += n_bytes;
        self.n_expanded <= MAX_EXPANDED
    }

    /// Whether nothing more can be filled in.
    pub(super) fn is_spent(&self) -> bool {
        self.n_expanded > MAX_EXPANDED
    }

    /// Enters a subshell.
    pub(super) fn enter(&self) -> Mark {
        Mark { n_changes: self.changes.len(), place: self.place.clone() }
    }

    /// Leaves a subshell: its changes are undone.
    pub(super) fn leave(&mut self, mark: Mark) {
        for (name, old) in self.changes.drain(mark.n_changes.min(self.changes.len())..).rev() {
            match old {
                Some(old) => self.variables.insert(name, old),
                None => self.variables.remove(&name),
            };
        }
        self.place = mark.place;
    }
}
