//! The shell's own commands: which they are, and what they change for those that follow: variables, the folder, arguments.

use std::rc::Rc;

use crate::action::{Layer, Shell};
use crate::normalize::facts::{Facts, Nested};
use crate::normalize::shell::assignments::{Assigned, is_telling};
use crate::normalize::shell::decode;
use crate::normalize::shell::expand::Field;
use crate::normalize::shell::input::Input;
use crate::normalize::shell::pipeline::Step;
use crate::normalize::shell::scope::{Arguments, Constant, Variable};
use crate::normalize::shell::syntax;
use crate::normalize::shell::text::Part;
use crate::normalize::shell::walk::{Walker, constant_of};
use crate::normalize::shell::ways::{Ways, stricter};

/// The shell's own commands, which no table needs to know.
pub(super) fn is_builtin(program: &str) -> bool {
    const NAMES: &[&str] = &[
        ":",
        "true",
        "false",
        "cd",
        "pushd",
        "popd",
        "dirs",
        "set",
        "unset",
        "export",
        "declare",
        "local",
        "readonly",
        "typeset",
        "shift",
        "return",
        "exit",
        "break",
        "continue",
        "read",
        "mapfile",
        "readarray",
        "getopts",
        "alias",
        "unalias",
        "trap",
        "wait",
        "jobs",
        "fg",
        "bg",
        "shopt",
        "type",
        "hash",
        "help",
        "let",
        "test",
        "[",
        "umask",
        "ulimit",
        "times",
        "eval",
        "source",
        ".",
        "exec",
        "command",
        "builtin",
        "echo",
        "printf",
        "pwd",
        "bind",
        "complete",
        "compgen",
        "compopt",
        "history",
        "fc",
        "disown",
        "suspend",
        "enable",
        "caller",
        "logout",
        "…",
    ];
    NAMES.contains(&program)
}

/// What the tables need not say about the shell's own commands.
pub(super) fn builtin_facts(program: &str, n_arguments: usize, facts: &mut Facts) {
    if program == "eval" && n_arguments > 0 && facts.nested.is_empty() {
        facts.nested.push(Nested::Shell { start: 0, end: n_arguments, skip: 0, shell: Shell::Bash });
    }
    if matches!(program, "exec" | "command" | "builtin") && n_arguments > 0 && facts.nested.is_empty() && !facts.known {
        facts.nested.push(Nested::Command { start: 0, end: n_arguments });
    }
}

/// Whether a command only steers the script.
pub(super) fn is_trivial(fields: &[Field], step: &Step) -> bool {
    const NAMES: &[&str] = &[
        ":", "true", "false", "cd", "pushd", "popd", "set", "shift", "return", "exit", "break", "continue", "read",
        "shopt", "test", "[", "wait", "export", "declare", "local", "readonly", "typeset", "unset", "getopts", "let",
        "…",
    ];
    let Some((program, arguments)) = fields.split_first() else {
        return false;
    };
    if program.dynamic || !NAMES.contains(&program.text.as_str()) || step.commands.len() > 1 {
        return false;
    }
    let declares =
        matches!(program.text.as_str(), "export" | "declare" | "local" | "readonly" | "typeset" | "unset" | "set");
    let telling = |argument: &Field| {
        let name = argument.text.split(['=', '+']).next().unwrap_or_default();
        argument.substituted || is_telling(name) || matches!(argument.text.as_str(), "history" | "+o")
    };
    !(declares && arguments.iter().any(telling))
}

/// The command behind `builtin`, `command` and `time`, which run it in this shell.
fn without_prefixes(fields: &[Field]) -> &[Field] {
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
    // ── The shell's own commands ────────────────────────────────────────────────────────────────────────────────────────

    /// What a command changes for those that follow.
    ///
    /// `lines` is what `read` reads.
    pub(super) fn change_scope(&mut self, fields: &[Field], assigned: &Assigned, lines: &Input) {
        let Some((program, arguments)) = without_prefixes(fields).split_first() else {
            return;
        };
        match program.text.as_str() {
            folders @ ("cd" | "pushd" | "popd") => self.change_folder(folders, arguments),
            ":" | "true" => self.outcome = Some(Ways::only(&self.scope.place, true)),
            "false" => self.outcome = Some(Ways::only(&self.scope.place, false)),
            "exit" => self.outcome = Some(Ways::none()),
            "return" | "break" | "continue" => self.leave_early(),
            "declare" | "local" | "typeset" => {
                self.localize(arguments);
                self.declare(arguments);
            }
            "export" | "readonly" => self.declare(arguments),
            "unset" => arguments.iter().for_each(|argument| self.scope.unset(&argument.text)),
            "read" => {
                let separates = self.scope.get("IFS").is_some() || assigned.pairs.iter().any(|(name, _)| name == "IFS");
                self.read(arguments, separates, lines);
            }
            "mapfile" | "readarray" => self.map_file(arguments, lines),
            "getopts" => {
                let names = arguments.iter().filter(|argument| syntax::is_name(&argument.text));
                names.for_each(|name| self.scope.assign(&name.text, Variable::Unknown));
            }
            "printf" => self.print_into(arguments),
            "set" => {
                if let Some(at) = arguments.iter().position(|argument| argument.text == "--") {
                    self.set_arguments(arguments.get(at + 1..).unwrap_or_default());
                }
            }
            "shift" => self.shift(arguments),
            "alias" => self.alias(arguments),
            "trap" => self.trap(arguments),
            _ => {}
        }
    }

    fn declare(&mut self, arguments: &[Field]) {
        for argument in arguments {
            let Some((name, value)) = argument.text.split_once('=') else {
                continue;
            };
            let (name, append) = name.strip_suffix('+').map_or((name, false), |name| (name, true));
            if !syntax::is_name(name) {
                continue;
            }
            self.startup_script(name, value, argument);
            let known = !argument.dynamic && !append && self.scope.spend(value.len());
            let active = argument.parts.iter().any(|part| matches!(part, Part::Active(_)));
            let parts = if active { vec![Part::Active(value.to_owned())] } else { Vec::new() };
            let constant = Constant { text: value.to_owned(), parts, decoded: argument.decoded };
            self.scope.set(name, if known { Variable::Constant(vec![constant]) } else { Variable::Unknown });
        }
    }

    /// `printf -v name format …`: a variable becomes what is printed.
    fn print_into(&mut self, arguments: &[Field]) {
        let (name, printed) = match arguments {
            [flag, name, printed @ ..] if flag.text == "-v" => (name.text.as_str(), printed),
            [flag, printed @ ..] if flag.text.starts_with("-v") => (flag.text.get(2..).unwrap_or_default(), printed),
            _ => return,
        };
        let texts: Vec<&str> = printed.iter().map(|field| field.text.as_str()).collect();
        let literal = decode::printf(&texts);
        let plain = texts.first().is_some_and(|format| *format != "--" && decode::is_plain_format(format));
        let known = plain && syntax::is_name(name) && !printed.iter().any(|field| field.dynamic);
        let value = match literal.as_text() {
            Some(text) if known && !literal.partial && self.scope.spend(text.len()) => {
                let decoded = literal.decoded || printed.iter().any(|field| field.decoded);
                Variable::Constant(vec![Constant { text: text.to_owned(), decoded, ..Constant::default() }])
            }
            _ => Variable::Unknown,
        };
        self.scope.set(name.split('[').next().unwrap_or(name), value);
    }

    fn alias(&mut self, arguments: &[Field]) {
        for argument in arguments {
            if let Some((name, value)) = argument.text.split_once('=') {
                self.script(value, &[Layer::Deferred], Shell::Bash, argument.decoded);
                self.scope.set_alias(name, value);
            }
        }
    }

    fn trap(&mut self, arguments: &[Field]) {
        let first = arguments.iter().find(|argument| !matches!(argument.text.as_str(), "--" | "-l" | "-p"));
        // `trap - EXIT` takes a trap away.
        let script = first.filter(|script| script.text != "-");
        if let Some(script) = script.filter(|_| arguments.len() > 1) {
            self.script(&script.text, &[Layer::Deferred], Shell::Bash, script.decoded);
        }
    }

    // ── Folders ─────────────────────────────────────────────────────────────────────────────────────────────────────────

    /// `cd`, `pushd` and `popd`.
    fn change_folder(&mut self, program: &str, arguments: &[Field]) {
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
    fn leave_early(&mut self) {
        let here = self.scope.place.clone();
        self.left = Some(match self.left.take() {
            Some(left) => stricter(left, here),
            None => here,
        });
        self.outcome = Some(Ways::none());
    }

    // ── Arguments and local variables ───────────────────────────────────────────────────────────────────────────────────

    /// `set -- …`. Inside a condition a second list makes them unknown: either may hold.
    fn set_arguments(&mut self, arguments: &[Field]) {
        let name = self.scope.positional.as_ref().and_then(|positional| positional.name.clone());
        let sure = self.scope.n_conditions == 0 || self.scope.positional.as_ref().is_none_or(|old| old.assumed);
        let known = sure && !arguments.iter().any(|argument| argument.dynamic);
        let values = arguments.iter().map(constant_of).collect();
        self.scope.positional = known.then(|| Rc::new(Arguments { name, values, assumed: false }));
    }

    /// `shift`: inside a condition, and in a loop, it may happen or not.
    fn shift(&mut self, arguments: &[Field]) {
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
            Rc::new(Arguments { name: positional.name.clone(), values, assumed: positional.assumed })
        });
    }

    /// `local`, and `declare` in a function: the variables are what they were when the function returns.
    fn localize(&mut self, arguments: &[Field]) {
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
