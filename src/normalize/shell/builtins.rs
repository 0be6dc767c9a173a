//! What the shell's own commands change for those that follow: the folder, arguments, local variables.

use std::rc::Rc;

use crate::normalize::shell::expand::Field;
use crate::normalize::shell::scope::Arguments;
use crate::normalize::shell::syntax;
use crate::normalize::shell::walk::{Walker, constant_of};
use crate::normalize::shell::ways::{Ways, stricter};

/// The command behind `builtin`, `command` and `time`, which run it in this shell.
pub(super) fn without_prefixes(fields: &[Field]) -> &[Field] {
    let is_prefix = |field: &Field| matches!(field.text.as_str(), "builtin" | "command" | "time");
    let mut rest = fields;
    while let Some((first, after)) = rest.split_first() {
        let is_flag = rest.len() < fields.len() && matches!(first.text.as_str(), "-p" | "--");
        if !is_prefix(first) && !is_flag {
            break;
        }
        rest = after;
    }
    rest
}

/// `-`, `~-` and the like: the folder before this one.
fn is_back(argument: &str) -> bool {
    matches!(argument, "-" | "~-" | "$OLDPWD" | "${OLDPWD}")
}

/// `+1`, `-2`: an entry of the directory stack.
fn is_entry(argument: &str) -> bool {
    let number = argument.strip_prefix(['+', '-']).unwrap_or_default();
    !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
}

impl Walker {
    // ── Folders ─────────────────────────────────────────────────────────────────────────────────────────────────────────

    /// `cd`, `pushd` and `popd`.
    pub(super) fn change_folder(&mut self, program: &str, arguments: &[Field]) {
        let arguments: Vec<&str> = arguments.iter().map(|argument| argument.text.as_str()).collect();
        let from = self.scope.place.clone();
        match program {
            // What the stack holds there was not followed.
            _ if arguments.iter().any(|argument| is_entry(argument)) => self.scope.go(from.changed_to("-")),
            "pushd" => self.push_folder(&arguments),
            "popd" if arguments.contains(&"-n") => drop(self.scope.pop_folder()),
            "popd" => {
                let place = self.scope.pop_folder();
                self.scope.go(place);
            }
            _ => self.enter_folder(&arguments),
        }
        if from != self.scope.place {
            self.outcome = Some(Ways::moved(&self.scope.place, from));
        }
    }

    fn enter_folder(&mut self, arguments: &[&str]) {
        let folder = arguments.iter().find(|argument| !argument.starts_with(['-', '+']));
        let place = match folder {
            _ if arguments.iter().any(|argument| is_back(argument)) => self.scope.previous(),
            Some(folder) => self.scope.place.changed_to(folder),
            None if arguments.is_empty() => self.scope.place.changed_to("~"),
            None => return,
        };
        self.scope.go(place);
    }

    fn push_folder(&mut self, arguments: &[&str]) {
        let folder = arguments.iter().find(|argument| !argument.starts_with('-'));
        let here = self.scope.place.clone();
        let place = match folder {
            Some(folder) => here.changed_to(folder),
            _ if arguments.contains(&"-") => self.scope.previous(),
            None => self.scope.pop_folder(),
        };
        if arguments.contains(&"-n") {
            self.scope.push_folder(place);
        } else {
            self.scope.push_folder(here);
            self.scope.go(place);
        }
    }

    /// `return`, `break`, `continue`: where they are left, the loop or function may end.
    pub(super) fn leave_early(&mut self) {
        let here = self.scope.place.clone();
        self.left = Some(match self.left.take() {
            Some(left) => stricter(left, here),
            None => here,
        });
        self.outcome = Some(Ways::none());
    }

    // ── Arguments and local variables ───────────────────────────────────────────────────────────────────────────────────

    /// `set -- …`. Inside a condition a second list makes them unknown: either may hold.
    pub(super) fn set_arguments(&mut self, arguments: &[Field]) {
        let name = self.scope.positional.as_ref().and_then(|positional| positional.name.clone());
        let sure = self.scope.n_conditions == 0 || self.scope.positional.is_none();
        let known = sure && !arguments.iter().any(|argument| argument.dynamic);
        let values = arguments.iter().map(constant_of).collect();
        self.scope.positional = known.then(|| Rc::new(Arguments { name, values }));
    }

    /// `shift`: inside a condition, and in a loop, it may happen or not.
    pub(super) fn shift(&mut self, arguments: &[Field]) {
        let n_shifted = match arguments {
            [] => Some(1),
            [argument, ..] => argument.text.parse::<usize>().ok(),
        };
        let n_shifted = n_shifted.filter(|_| self.scope.n_conditions == 0);
        let Some(positional) = self.scope.positional.take() else {
            return;
        };
        self.scope.positional = n_shifted.map(|n_shifted| {
            let values = positional.values.iter().skip(n_shifted).cloned().collect();
            Rc::new(Arguments { name: positional.name.clone(), values })
        });
    }

    /// `local`, and `declare` in a function: the variables are what they were when the function returns.
    pub(super) fn localize(&mut self, arguments: &[Field]) {
        let is_global = |argument: &Field| argument.text.starts_with('-') && argument.text.contains('g');
        if self.calls.is_empty() || arguments.iter().any(is_global) {
            return;
        }
        for argument in arguments {
            let name = argument.text.split(['=', '+']).next().unwrap_or_default();
            if syntax::is_name(name) {
                self.scope.localize(name, argument.text.len() == name.len());
            }
        }
    }
}
