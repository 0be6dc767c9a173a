//! Simple commands: what the tables say of each, and its canonical text.

use std::rc::Rc;

use enumset::EnumSet;

use crate::action::{Argument, Command, Fact, Gap};
use crate::normalize::facts::{self, Facts, Nested};
use crate::normalize::shell::builtins::{builtin_facts, is_builtin, is_trivial};
use crate::normalize::shell::decode::Output;
use crate::normalize::shell::expand::Field;
use crate::normalize::shell::input::{Input, reads_elsewhere};
use crate::normalize::shell::output::{is_silent, next_source};
use crate::normalize::shell::pipeline::Step;
use crate::normalize::shell::redirect::writes_file;
use crate::normalize::shell::scripts::is_small;
use crate::normalize::shell::stdin::Stdin;
use crate::normalize::shell::syntax::{self, Assignment, Stage, Word};
use crate::normalize::shell::walk::Walker;
use crate::normalize::shell::words::{Mark, Words, basename, is_odd, push_word};

/// Facts about which it matters that an operand is only known at run time.
const DYNAMIC_MATTERS: EnumSet<Fact> = enumset::enum_set!(
    Fact::Delete
        | Fact::Execute
        | Fact::RemoteExecute
        | Fact::History
        | Fact::Device
        | Fact::Kill
        | Fact::Grant
        | Fact::RemoteDelete
);

impl Walker {
    /// A simple command with its redirections.
    pub(super) fn simple(
        &mut self,
        stage: &Stage<'_>,
        assignments: &[Assignment<'_>],
        words: &[Word<'_>],
        input: &Rc<Input>,
        alone: bool,
    ) -> Step {
        // What is walked inside the command does not print for the block around it.
        let printed = self.printed.take();
        let step = self.simple_step(stage, assignments, words, input, alone);
        self.printed = printed;
        step
    }

    fn simple_step(
        &mut self,
        stage: &Stage<'_>,
        assignments: &[Assignment<'_>],
        words: &[Word<'_>],
        input: &Rc<Input>,
        alone: bool,
    ) -> Step {
        let mut step = Step::default();
        let assigned = self.assignments(assignments, words.is_empty());
        let declares = words.first().is_some_and(syntax::is_declarer);
        if !declares {
            step.text.clone_from(&assigned.text);
        }
        let mut fields = self.fields(words);
        self.apply_alias(&mut fields);
        let own = self.own_input(stage);
        if fields.is_empty() {
            step.trivial = assigned.trivial;
            step.silent = true;
            self.redirections(stage, own.as_ref(), None, false, &mut step);
            return step;
        }
        if words.first().is_some_and(|word| is_odd(word, fields.first())) {
            self.gap(Gap::OddSpelling);
        }
        let file = if own.is_none() { self.input_file(stage) } else { None };
        let redirected = self.redirected(own.as_ref(), file.as_ref());
        let mut stdin = Stdin::new(redirected.clone().unwrap_or_else(|| Rc::clone(input)));
        let mut run = Words { marks: vec![Mark::Plain; fields.len()], fields };
        let n_fields = run.fields.len();
        let shadowed = self.pass_on(&assigned.passed);
        step.commands = self.command(&mut run, 0, n_fields, &mut stdin);
        self.take_back(shadowed);
        let prints = run.fields.first().is_some_and(|field| field.text == "echo");
        let executed = stdin.executed;
        if let Some(command) = step.commands.first_mut() {
            command.assignments.clone_from(&assigned.pairs);
        }
        self.fed |= executed && Rc::ptr_eq(&stdin.input, &self.inherited);
        step.output = self.output(&run.fields, &step.commands, &mut stdin);
        step.source = next_source(&step.commands, &stdin.input);
        let writes = writes_file(stage);
        step.silent = writes || step.commands.iter().all(|command| is_silent(&command.program));
        self.moved(&step.commands);
        let tees = step.commands.iter().find(|command| command.program == "tee");
        self.written(&mut run, &step.output, tees, writes, own.is_some());
        if prints {
            run.join_data(1, n_fields);
        }
        push_word(&mut step.text, &run.shown(0, n_fields));
        if declares && !assigned.text.is_empty() {
            push_word(&mut step.text, &assigned.text);
        }
        step.trivial = is_trivial(&run.fields, &step) && assigned.trivial;
        self.redirections(stage, own.as_ref(), file.as_ref(), executed, &mut step);
        if let Some(own) = own {
            let flows_on = !alone && matches!(step.output, Output::Known(_)) && !writes;
            self.heredoc_data(&own, executed || flows_on || (writes && matches!(step.output, Output::Known(_))));
        }
        self.outcome = None;
        if alone {
            let lines = match redirected {
                Some(redirected) => redirected,
                None if reads_elsewhere(stage) => Rc::default(),
                None => Rc::clone(&self.inherited),
            };
            self.change_scope(&run.fields, &assigned, &lines);
        }
        step
    }

    /// The command that the fields from `start` to `end` are, and those inside it, outermost first.
    pub(super) fn command(&mut self, run: &mut Words, start: usize, end: usize, stdin: &mut Stdin) -> Vec<Command> {
        let Some(first) = run.fields.get(start) else {
            return Vec::new();
        };
        // What a shell calls itself by is a shell.
        let is_shell = self.is_own_shell(first);
        let path = if is_shell { "bash".to_owned() } else { first.text.clone() };
        let name_is_open = first.dynamic && !is_shell;
        let name_is_pattern = first.is_active();
        let mut arguments: Vec<Argument> = run
            .fields
            .iter()
            .take(end)
            .skip(start + 1)
            .map(|field| Argument { text: field.text.clone(), dynamic: field.dynamic, data: false })
            .collect();
        let mut facts = facts::read(&path, &arguments, &self.scope.place);
        if facts.cut {
            self.gap(Gap::Truncated);
        }
        let program = basename(&path).to_owned();
        builtin_facts(&program, arguments.len(), &mut facts);
        for &index in &facts.data {
            if let Some(field) = run.fields.get(start + 1 + index)
                && !field.substituted
            {
                run.mark(start + 1 + index, Mark::Data);
            }
            if let Some(argument) = arguments.get_mut(index) {
                argument.data = true;
            }
        }
        let started = self.startup_files(&program, &arguments);
        self.command_gaps(&program, name_is_open, name_is_pattern, &facts, &arguments, run, start);
        let command = Command {
            program: program.clone(),
            path,
            arguments,
            wrappers: Vec::new(),
            assignments: Vec::new(),
            known: facts.known || self.scope.functions.contains_key(&program),
            effects: facts.effects.clone(),
        };
        let mut commands = vec![command];
        if self.scope.functions.contains_key(&program) {
            let arguments: Vec<Field> = run.fields.iter().take(end).skip(start + 1).cloned().collect();
            self.given(stdin, |walker| walker.call(&program, &arguments));
        }
        let place =
            facts.chdir.as_ref().filter(|_| !facts.nested.is_empty()).map(|folder| self.scope.place.changed_to(folder));
        let outer_place = place.map(|place| std::mem::replace(&mut self.scope.place, place));
        for nested in &facts.nested {
            self.nested(nested, &program, &facts, run, (start + 1, end), stdin, &mut commands);
        }
        let operands = run.fields.get(start + 1..end.min(run.fields.len())).unwrap_or_default();
        let executed = self.stdin(&program, &facts, stdin, operands.iter().all(is_flag) && !self.appends);
        if let Some(command) = commands.first_mut() {
            let executed = executed.into_iter().chain(started).filter(|effect| !facts.effects.contains(effect));
            command.effects.extend(executed.collect::<Vec<_>>());
        }
        self.makefiles(&program, &facts, operands, stdin);
        self.editor(&program, operands, stdin);
        if name_is_pattern {
            self.matching_programs(run, start, end, stdin);
        }
        let path = run.fields.get(start).map_or("", |field| field.text.as_str());
        self.reading(stdin, |walker| {
            walker.process_inputs(&program, &facts, run, start, end);
            walker.run_files(&program, path, &facts);
        });
        if let Some(place) = outer_place {
            self.scope.place = place;
        }
        commands
    }

    #[expect(clippy::too_many_arguments, reason = "all of it is looked at once, here")]
    fn command_gaps(
        &mut self,
        program: &str,
        name_is_open: bool,
        name_is_pattern: bool,
        facts: &Facts,
        arguments: &[Argument],
        run: &Words,
        start: usize,
    ) {
        if name_is_open {
            self.gap(Gap::Dynamic);
        }
        if name_is_pattern && !matches!(program, "[" | "[[") {
            self.gap(Gap::Dynamic);
            self.gap(Gap::OddSpelling);
        }
        let is_own = self.scope.functions.contains_key(program) || is_builtin(program);
        if !facts.known && !is_own && !name_is_open && !name_is_pattern {
            self.gap(Gap::UnknownProgram);
        }
        let is_open = |index: usize| {
            arguments.get(index).is_some_and(|argument| argument.dynamic && !argument.data)
                && run.fields.get(start + 1 + index).is_some_and(|field| field.open)
        };
        let matters = facts.effects.iter().any(|effect| DYNAMIC_MATTERS.contains(effect.fact));
        let executed = facts.nested.iter().any(|nested| match nested {
            Nested::Command { start, .. } => is_open(*start),
            Nested::Shell { start, end, .. } => (*start..*end).any(is_open),
            Nested::Encoded { index, .. } => is_open(*index),
            Nested::Code { index, language, .. } => !is_small(*language) && is_open(*index),
            Nested::StdinShell(_) | Nested::StdinCode(_) => false,
        });
        if executed || (matters && (0..arguments.len()).any(is_open)) {
            self.gap(Gap::Dynamic);
        }
    }

    /// Whether this is how a shell calls itself, and nothing else was made of that.
    fn is_own_shell(&self, field: &Field) -> bool {
        let name = field.text.strip_prefix('$').filter(|_| field.dynamic);
        name.is_some_and(|name| matches!(name, "SHELL" | "BASH" | "0") && self.scope.get(name).is_none())
    }
}

/// Whether a word can be nothing but a flag.
fn is_flag(field: &Field) -> bool {
    field.text.starts_with('-') && !matches!(field.text.as_str(), "-" | "--") && !field.dynamic
}
