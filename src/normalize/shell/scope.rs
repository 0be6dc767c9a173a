//! What a script has defined so far: variables, functions, aliases, the current folder. Owns no syntax.

use std::collections::HashMap;
use std::rc::Rc;

use crate::normalize::limits::MAX_EXPANDED;
use crate::normalize::paths::Place;
use crate::normalize::shell::text::Part;
use crate::normalize::shell::ways::stricter;

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

/// `$0`, and `$1` and what follows.
#[derive(Debug, Default)]
pub(super) struct Arguments {
    /// The name of the script, where it was given.
    pub name: Option<Constant>,
    /// The arguments.
    pub values: Vec<Constant>,
    /// Whether there are none only as far as one knows: a command line gets none, but a part of a script may.
    pub assumed: bool,
}

impl Arguments {
    /// Those of a text that gets none by what one sees.
    pub(super) fn assumed() -> Rc<Self> {
        Rc::new(Self { assumed: true, ..Self::default() })
    }
}

/// Folders to come back to.
#[derive(Debug, Clone, Default)]
struct Folders {
    /// The one before the current one.
    previous: Option<Rc<Place>>,
    /// What `pushd` left, the last one last.
    stack: Vec<Rc<Place>>,
}

/// A point to return to.
#[derive(Debug)]
pub(super) struct Mark {
    n_changes: usize,
    n_aliased: usize,
    n_locals: usize,
    place: Place,
    folders: Folders,
    positional: Option<Rc<Arguments>>,
}

/// Variables that one action may set; the rest stay unknown.
const MAX_VARIABLES: usize = 4096;
/// Folders of `pushd` that are remembered.
const MAX_FOLDERS: usize = 16;
/// Bytes and levels of a folder that is followed: every path of the action is resolved in it.
const MAX_FOLDER: (usize, usize) = (1024, 48);

/// The state of the shell.
#[derive(Debug, Default)]
pub(super) struct Scope {
    variables: HashMap<String, Variable>,
    /// What each change replaced, so that a subshell can be left without copying everything on entry.
    changes: Vec<(String, Option<Variable>)>,
    /// Bodies of functions, as text.
    pub functions: HashMap<String, Rc<str>>,
    aliases: HashMap<String, String>,
    /// What each new alias replaced.
    aliased: Vec<(String, Option<String>)>,
    /// What the local variables of the current function were before it.
    locals: Vec<(String, Option<Variable>)>,
    folders: Folders,
    /// The arguments of the function or script that is looked at.
    pub positional: Option<Rc<Arguments>>,
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
        Mark {
            n_changes: self.changes.len(),
            n_aliased: self.aliased.len(),
            n_locals: self.locals.len(),
            place: self.place.clone(),
            folders: self.folders.clone(),
            positional: self.positional.clone(),
        }
    }

    /// Leaves a subshell: its changes are undone.
    pub(super) fn leave(&mut self, mark: Mark) {
        for (name, old) in self.changes.drain(mark.n_changes.min(self.changes.len())..).rev() {
            match old {
                Some(old) => self.variables.insert(name, old),
                None => self.variables.remove(&name),
            };
        }
        for (name, old) in self.aliased.drain(mark.n_aliased.min(self.aliased.len())..).rev() {
            match old {
                Some(old) => self.aliases.insert(name, old),
                None => self.aliases.remove(&name),
            };
        }
        self.locals.truncate(mark.n_locals);
        self.place = mark.place;
        self.folders = mark.folders;
        self.positional = mark.positional;
    }

    // ── Passing values ──────────────────────────────────────────────────────────────────────────────────────────────────

    /// Sets a variable for a while; what is to be given to [`Self::restore`] afterwards.
    pub(super) fn shadow(&mut self, name: &str, value: Variable) -> Option<Variable> {
        let old = self.variables.get(name).cloned();
        self.assign(name, value);
        old
    }

    /// Gives a variable back what it was.
    pub(super) fn restore(&mut self, name: &str, old: Option<Variable>) {
        if self.variables.get(name) == old.as_ref() {
            return;
        }
        let new = match old {
            Some(old) => self.variables.insert(name.to_owned(), old),
            None => self.variables.remove(name),
        };
        self.changes.push((name.to_owned(), new));
    }

    /// Enters a function: the local variables of its caller, to be given to [`Self::end_function`].
    pub(super) fn begin_function(&mut self) -> Vec<(String, Option<Variable>)> {
        std::mem::take(&mut self.locals)
    }

    /// Leaves a function.
    pub(super) fn end_function(&mut self, outer: Vec<(String, Option<Variable>)>) {
        for (name, old) in std::mem::replace(&mut self.locals, outer).into_iter().rev() {
            self.restore(&name, old);
        }
    }

    /// Makes a variable local to the current function, and unset when it gets no value.
    pub(super) fn localize(&mut self, name: &str, unset: bool) {
        self.locals.push((name.to_owned(), self.variables.get(name).cloned()));
        if unset {
            self.unset(name);
        }
    }

    // ── Aliases ─────────────────────────────────────────────────────────────────────────────────────────────────────────

    /// The text of an alias.
    pub(super) fn alias(&self, name: &str) -> Option<&String> {
        self.aliases.get(name)
    }

    /// Sets an alias.
    pub(super) fn set_alias(&mut self, name: &str, value: &str) {
        let old = self.aliases.insert(name.to_owned(), value.to_owned());
        self.aliased.push((name.to_owned(), old));
    }

    // ── Folders ─────────────────────────────────────────────────────────────────────────────────────────────────────────

    /// Changes the folder. Inside a condition either may be the one before it, and the stricter counts.
    pub(super) fn go(&mut self, place: Place) {
        let place = if is_too_deep(&place) { place.changed_to("-") } else { place };
        let from = std::mem::replace(&mut self.place, place);
        let old = self.folders.previous.take().filter(|_| self.n_conditions > 0);
        self.folders.previous = Some(match old {
            Some(old) => Rc::new(stricter(Place::clone(&old), from)),
            None => Rc::new(from),
        });
    }

    /// The folder of `cd -`.
    pub(super) fn previous(&self) -> Place {
        self.folders.previous.as_deref().cloned().unwrap_or_else(|| self.place.changed_to("-"))
    }

    /// Remembers a folder for `popd`.
    pub(super) fn push_folder(&mut self, place: Place) {
        if self.folders.stack.len() >= MAX_FOLDERS {
            self.folders.stack.remove(0);
        }
        self.folders.stack.push(Rc::new(place));
    }

    /// The folder of `popd`: unknown when none is remembered.
    pub(super) fn pop_folder(&mut self) -> Place {
        match self.folders.stack.pop() {
            Some(place) => Place::clone(&place),
            None => self.place.changed_to("-"),
        }
    }
}

fn is_too_deep(place: &Place) -> bool {
    let (most_bytes, most_levels) = MAX_FOLDER;
    place.cwd.as_deref().is_some_and(|cwd| cwd.len() > most_bytes || cwd.matches('/').count() > most_levels)
}
