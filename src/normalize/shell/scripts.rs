//! Units for the scripts and program texts that a command runs, wherever they were found.

use std::rc::Rc;

use crate::action::{Gap, Language, Layer, Shell, Unit, UnitKind};
use crate::normalize::shell::code;
use crate::normalize::shell::decode;
use crate::normalize::shell::expand::Field;
use crate::normalize::shell::scope::Arguments;
use crate::normalize::shell::syntax;
use crate::normalize::shell::walk::{Walker, constant_of};
use crate::normalize::{cmd, facts, powershell};

impl Walker {
    /// Units for a script in a shell language that a shell of its own runs, without arguments: what it sets and where it goes
    /// ends with it.
    pub(super) fn script(&mut self, script: &str, layers: &[Layer], shell: Shell, decoded: bool) {
        self.child_script(script, layers, shell, decoded, self.no_arguments());
    }

    /// The same for a script with these arguments; `None` when they are not known.
    pub(super) fn child_script(
        &mut self,
        script: &str,
        layers: &[Layer],
        shell: Shell,
        decoded: bool,
        positional: Option<Rc<Arguments>>,
    ) {
        let mark = self.scope.enter();
        self.scope.positional = positional;
        let appends = std::mem::take(&mut self.appends);
        self.script_here(script, layers, shell, decoded);
        self.appends = appends;
        self.scope.leave(mark);
    }

    /// Units for a script in a shell language that this shell runs.
    pub(super) fn script_here(&mut self, script: &str, layers: &[Layer], shell: Shell, decoded: bool) {
        if script.trim().is_empty() || self.evaluating {
            return;
        }
        let n_layers = self.layers.len();
        self.layers.extend_from_slice(layers);
        if decoded {
            self.layers.push(Layer::Decoded);
        }
        if self.count_script() && self.descend() {
            self.script_units(script, shell);
            self.ascend();
        } else {
            let mut unit = Unit::new(UnitKind::Command(shell), script.trim(), self.current_span());
            unit.gaps |= Gap::Truncated;
            self.emit(unit);
        }
        self.layers.truncate(n_layers);
    }

    fn script_units(&mut self, script: &str, shell: Shell) {
        let (units, gaps) = match shell {
            Shell::Bash => {
                let origin = self.origin.clone();
                self.origin = Some(self.current_span());
                let list = syntax::parse(script);
                self.list(&list);
                self.origin = origin;
                return;
            }
            Shell::PowerShell => powershell::units(script, &self.scope.place),
            Shell::Cmd => cmd::units(script, &self.scope.place),
        };
        for gap in gaps {
            self.gap(gap);
        }
        let span = self.current_span();
        for mut unit in units {
            unit.span = span.clone();
            self.emit(unit);
        }
    }

    /// The arguments of a script that is given none. `None` where those of the text around it are not known: what stands as
    /// `$1` in the script may be one of them.
    pub(super) fn no_arguments(&self) -> Option<Rc<Arguments>> {
        self.scope.positional.as_ref().map(|_| Arguments::assumed())
    }

    /// What `$0`, `$1` and so on are in the script of `sh -c`; `None` when that is not known.
    ///
    /// `whole` says that all of the script is known.
    pub(super) fn script_arguments(
        &mut self,
        program: &str,
        script: &str,
        behind: &[Field],
        whole: bool,
    ) -> Option<Rc<Arguments>> {
        if !is_shell(program) {
            // `su` passes on what follows, and git what its aliases are given.
            let alone = behind.is_empty() && program != "git" && !self.appends;
            return self.no_arguments().filter(|_| alone);
        }
        let Some((name, values)) = behind.split_first() else {
            let none = if whole { Some(Rc::default()) } else { self.no_arguments() };
            return none.filter(|_| !self.appends);
        };
        if behind.iter().any(|field| field.dynamic) {
            // The script may run them, or run something on them.
            if script.contains('$') && behind.iter().any(|field| field.open) {
                self.gap(Gap::Dynamic);
            }
            return None;
        }
        let arguments = || Arguments {
            name: Some(constant_of(name)),
            values: values.iter().map(constant_of).collect(),
            assumed: false,
        };
        (!self.appends).then(|| Rc::new(arguments()))
    }

    /// A unit for a program text, and units for the shell commands in it.
    pub(super) fn code(&mut self, code: &str, language: Language, layers: &[Layer]) {
        if code.trim().is_empty() {
            return;
        }
        let mut unit = Unit::new(UnitKind::Code(language), code.trim_matches('\n'), self.current_span());
        unit.layers = layers.to_vec();
        unit.own_effects = facts::of_code(code, &self.scope.place);
        unit.gaps = self.pending() & Gap::Opaque;
        self.emit(unit);
        self.code_calls(code, language);
    }

    /// Units for what a program text runs or hides.
    pub(super) fn code_calls(&mut self, code: &str, language: Language) {
        for script in code::shell_calls(language, code) {
            self.script(&script, &[Layer::Script], Shell::Bash, false);
        }
        for literal in decode::embedded(code) {
            let fate = code::fate(language, code, literal.at);
            if fate != code::Fate::Data && !literal.inflated && code::unpacks(code) {
                self.gap(Gap::Opaque);
            }
            let Some(text) = literal.text else {
                continue;
            };
            match fate {
                code::Fate::Shell => self.script(&text, &[Layer::Script], Shell::Bash, true),
                code::Fate::Code => self.decoded_code(&text, language),
                code::Fate::Data => self.decoded_data(&text),
            }
        }
    }

    /// Units for a program text that another one hides and runs.
    fn decoded_code(&mut self, code: &str, language: Language) {
        if self.count_script() && self.descend() {
            self.code(code, language, &[Layer::Decoded]);
            self.ascend();
        } else {
            self.decoded_data(code);
        }
    }
}

/// Whether a program runs the script that it is given in this shell.
pub(super) fn runs_here(program: &str) -> bool {
    matches!(program, "eval" | "source" | ".")
}

/// Whether a program is a shell in which `$1` is what stands behind the script.
pub(super) fn is_shell(program: &str) -> bool {
    matches!(program, "bash" | "sh" | "zsh" | "dash" | "ash" | "ksh" | "mksh" | "rbash")
}

/// Languages whose short programs say nothing that the command around them does not show.
pub(super) fn is_small(language: Language) -> bool {
    matches!(language, Language::Other | Language::Awk | Language::Sql)
}
