//! What a command contains: the command behind a wrapper, and scripts and program texts in its arguments.

use std::rc::Rc;

use crate::action::{Command, Fact, Gap, Language, Layer, Shell, Unit, UnitKind};
use crate::normalize::facts::{self, Facts, Nested};
use crate::normalize::shell::assignments::passed_variable;
use crate::normalize::shell::decode;
use crate::normalize::shell::scope::Variable;
use crate::normalize::shell::scripts::{is_small, runs_here};
use crate::normalize::shell::stdin::Stdin;
use crate::normalize::shell::walk::Walker;
use crate::normalize::shell::words::{MAX_INLINE_CODE, Mark, Words};
use crate::normalize::shell::xargs::with_sources;

impl Walker {
    #[expect(clippy::too_many_arguments, reason = "the command is still being built")]
    pub(super) fn nested(
        &mut self,
        nested: &Nested,
        program: &str,
        facts: &Facts,
        run: &mut Words,
        (first, last): (usize, usize),
        stdin: &mut Stdin,
        commands: &mut Vec<Command>,
    ) {
        match nested {
            Nested::Command { start, end } => {
                let before = run.fields.iter().take(first + start).skip(first);
                for field in before.clone() {
                    if let Some((name, value)) = field.text.split_once('=') {
                        self.startup_script(name, value, field);
                    }
                }
                let passed: Vec<(String, Variable)> = before.filter_map(passed_variable).collect();
                let shadowed = self.pass_on(&passed);
                self.wrapped(program, facts, run, (first + start, first + end), stdin, commands);
                self.take_back(shadowed);
            }
            Nested::Shell { start, end, skip, shell } => {
                let fields = run.fields.iter().skip(first + start).take(end - start);
                let (decoded, opaque) = fields
                    .clone()
                    .fold((false, false), |(decoded, opaque), field| (decoded | field.decoded, opaque | field.opaque));
                let whole = !fields.clone().any(|field| field.dynamic);
                let joined = fields.map(|field| field.text.as_str()).collect::<Vec<_>>().join(" ");
                let script = joined.get(*skip..).unwrap_or_default().to_owned();
                let script = if matches!(program, "parallel" | "sem") {
                    with_sources(&script, run, first + end, stdin)
                } else {
                    script
                };
                if opaque {
                    self.gap(Gap::Opaque);
                }
                if script.chars().nth(MAX_INLINE_CODE).is_some() {
                    run.hide_code(first + start, first + end);
                }
                let layers = [script_layer(program, facts)];
                if runs_here(program) {
                    self.given(stdin, |walker| walker.script_here(&script, &layers, *shell, decoded));
                } else {
                    let behind = run.fields.get(first + end..last).unwrap_or_default();
                    let positional = self.script_arguments(program, &script, behind, whole);
                    self.given(stdin, |walker| walker.child_script(&script, &layers, *shell, decoded, positional));
                }
            }
            Nested::Encoded { index, skip } => {
                let text = run.fields.get(first + index).and_then(|field| field.text.get(*skip..)).unwrap_or_default();
                match decode::base64(text.as_bytes()).and_then(|bytes| decode::utf16(&bytes)) {
                    Some(script) => self.script(&script, &[Layer::Script], Shell::PowerShell, true),
                    None => self.gap(Gap::Opaque),
                }
            }
            Nested::Code { index, skip, language } => {
                self.reading(stdin, |walker| walker.inline_code(run, first + index, *skip, *language));
            }
            Nested::StdinShell(_) | Nested::StdinCode(_) => {}
        }
    }

    /// Walks what reads what the command does.
    pub(super) fn reading<T>(&mut self, stdin: &mut Stdin, walk: impl FnOnce(&mut Self) -> T) -> T {
        let outer = std::mem::replace(&mut self.inherited, Rc::clone(&stdin.input));
        let fed = std::mem::take(&mut self.fed);
        let result = walk(self);
        self.inherited = outer;
        stdin.executed |= std::mem::replace(&mut self.fed, fed);
        result
    }

    /// The same for a script or function, of which it is noted what it prints.
    pub(super) fn given(&mut self, stdin: &mut Stdin, walk: impl FnOnce(&mut Self)) {
        let ((), printed) = self.reading(stdin, |walker| walker.capture(walk));
        stdin.printed = Some(match stdin.printed.take() {
            Some(before) => before.then(printed),
            None => printed,
        });
    }

    fn inline_code(&mut self, run: &mut Words, index: usize, skip: usize, language: Language) {
        let Some(field) = run.fields.get(index) else {
            return;
        };
        let code = field.text.get(skip..).unwrap_or_default().to_owned();
        let (decoded, opaque) = (field.decoded, field.opaque);
        if opaque {
            self.gap(Gap::Opaque);
        }
        let long = code.chars().nth(MAX_INLINE_CODE).is_some();
        if long {
            run.mark(index, Mark::Hidden("⟦code⟧"));
        }
        let touches = !facts::of_code(&code, &self.scope.place).is_empty();
        if long || decoded || touches || !is_small(language) {
            self.code(&code, language, if decoded { &[Layer::Decoded] } else { &[] });
        } else {
            self.code_calls(&code, language);
        }
    }

    /// The command inside a wrapper: a unit of its own, so that no wrapper can hide what it runs.
    fn wrapped(
        &mut self,
        program: &str,
        facts: &Facts,
        run: &mut Words,
        (start, end): (usize, usize),
        stdin: &mut Stdin,
        commands: &mut Vec<Command>,
    ) {
        let end = end.min(run.fields.len());
        // `command -v name` only asks where it is.
        let asks = program == "command"
            && run.fields.get(start.wrapping_sub(1)).is_some_and(|flag| matches!(flag.text.as_str(), "-v" | "-V"));
        if start >= end || asks || !self.descend() {
            return;
        }
        let at = self.units.len();
        self.layers.push(wrapped_layer(facts));
        let appends = self.appends;
        self.appends |= matches!(program, "xargs" | "parallel" | "fd" | "fdfind");
        let mut inner = if program == "xargs" || program == "parallel" {
            self.with_input_words(run, (start, end), stdin)
        } else {
            let inner = self.command(run, start, end, stdin);
            (inner, run.shown(start, end))
        };
        self.appends = appends;
        for command in &mut inner.0 {
            command.wrappers.insert(0, program.to_owned());
        }
        let mut unit = Unit::new(UnitKind::Command(Shell::Bash), inner.1, self.current_span());
        unit.commands.clone_from(&inner.0);
        unit.gaps = self.pending();
        self.emit_at(at, unit);
        self.layers.pop();
        self.ascend();
        commands.append(&mut inner.0);
    }
}

pub(super) fn is_remote(facts: &Facts) -> bool {
    facts.effects.iter().any(|effect| effect.fact == Fact::RemoteExecute)
}

fn is_container(facts: &Facts) -> bool {
    facts.effects.iter().any(|effect| effect.fact == Fact::Container)
}

fn wrapped_layer(facts: &Facts) -> Layer {
    if is_container(facts) {
        Layer::Container
    } else if is_remote(facts) {
        Layer::Remote
    } else {
        Layer::Wrapped
    }
}

fn script_layer(program: &str, facts: &Facts) -> Layer {
    if program == "trap" || program == "alias" {
        return Layer::Deferred;
    }
    match wrapped_layer(facts) {
        Layer::Wrapped => Layer::Script,
        layer => layer,
    }
}
