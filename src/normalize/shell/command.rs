//! Simple commands: what the tables say of each, what it contains, and its canonical text.

use std::rc::Rc;

use enumset::EnumSet;

use crate::action::{
    Argument, Command, Effect, Fact, Gap, Language, Layer, PathScope, Scope, Shell, Target, Unit, UnitKind,
};
use crate::normalize::facts::{self, Facts, Nested};
use crate::normalize::shell::builtins;
use crate::normalize::shell::code;
use crate::normalize::shell::decode::{self, Literal, Output};
use crate::normalize::shell::expand::Field;
use crate::normalize::shell::files;
use crate::normalize::shell::read::Cursor;
use crate::normalize::shell::scope::{Arguments, Constant, Variable};
use crate::normalize::shell::syntax::{self, Assignment, Piece, RedirectTarget, Stage, Value, Word};
use crate::normalize::shell::text::{self, Part};
use crate::normalize::shell::walk::{Walker, constant_of};
use crate::normalize::shell::ways::Ways;
use crate::normalize::{cmd, hosts, powershell};

/// Characters of a program text up to which it stays in the text of the command that runs it.
const MAX_INLINE_CODE: usize = 120;
/// Characters of written text up to which it stays in the text of the command that writes it.
const MAX_INLINE_DATA: usize = 80;
/// Redirections of one command that are looked at, head and tail.
const MAX_REDIRECTS: usize = 512;
/// Arguments of one command that are looked at, head and tail.
const MAX_ARGUMENTS: usize = 1024;
/// Items of the input of `xargs` that are looked at.
const MAX_ITEMS: usize = 16;

/// What a command reads.
#[derive(Debug)]
pub(super) struct Input {
    /// Its text, as far as that is known: what the stage before prints.
    pub output: Output,
    /// Where it comes from.
    source: Source,
    /// Whether it is a here-document, a here-string or a file that the script wrote.
    here: bool,
    /// How far `read` has come in it.
    pub cursor: Cursor,
}

/// Where an input comes from.
#[derive(Debug, Clone, Default)]
pub(super) enum Source {
    /// Nothing is piped in.
    #[default]
    Nothing,
    /// From files that the command names: what is read is plain to see, if not its text.
    Files(Vec<Target>),
    /// From the network, which the flows tell.
    Network,
    /// From a program, from which nothing can be told.
    Unclear,
}

impl Source {
    /// What a pipeline's next stage reads from these commands.
    pub(super) fn of(commands: &[Command]) -> Self {
        let fetches = |effect: &Effect| matches!(effect.fact, Fact::Contact | Fact::Download);
        if commands.iter().any(|command| command.effects.iter().any(fetches)) { Self::Network } else { Self::Unclear }
    }
}

impl Default for Input {
    fn default() -> Self {
        Self { output: Output::Unknown, source: Source::Nothing, here: false, cursor: Cursor::default() }
    }
}

impl Input {
    /// What comes out of the stage before.
    ///
    /// Here and below, `n_conditions` is how many conditions surround what reads it.
    pub(super) fn piped(output: Output, source: Source, n_conditions: usize) -> Self {
        // Of a text of which there may be more or less, no line is certain.
        let whole = matches!(&output, Output::Known(literal) if !literal.partial);
        let cursor = if whole { Cursor::new(n_conditions) } else { Cursor::default() };
        Self { output, source, here: false, cursor }
    }

    /// A here-document or here-string.
    pub(super) fn here(own: Field, n_conditions: usize) -> Self {
        let cursor = if own.dynamic { Cursor::default() } else { Cursor::new(n_conditions) };
        let output = if own.opaque { Output::Undecodable } else { Output::Known(Literal::from(own)) };
        Self { output, source: Source::Unclear, here: true, cursor }
    }

    /// One line.
    pub(super) fn line(line: &Constant, n_conditions: usize) -> Self {
        let literal = Literal { decoded: line.decoded, ..Literal::text(line.text.as_str()) };
        Self::piped(Output::Known(literal), Source::Unclear, n_conditions)
    }

    /// Something of which nothing is known.
    pub(super) fn unclear() -> Self {
        Self { source: Source::Unclear, ..Self::default() }
    }

    /// Something else that comes from where this does.
    pub(super) fn other(&self) -> Self {
        Self { source: self.source.clone(), ..Self::default() }
    }

    /// Whether nothing is given to read.
    pub(super) fn is_nothing(&self) -> bool {
        matches!(self.source, Source::Nothing)
    }

    /// Its text, where that is known.
    pub(super) fn literal(&self) -> Option<&Literal> {
        match &self.output {
            Output::Known(literal) => Some(literal),
            Output::Undecodable | Output::Unknown => None,
        }
    }
}

/// A stage of a pipeline after its walk.
#[derive(Debug)]
pub(super) struct Step {
    /// Its canonical text.
    pub text: String,
    /// Its command and those inside it.
    pub commands: Vec<Command>,
    /// What it does besides.
    pub effects: Vec<Effect>,
    /// What of it was not understood.
    pub gaps: EnumSet<Gap>,
    /// Whether it is not worth a unit.
    pub trivial: bool,
    /// Whether what it runs is in units of its own: a block's statements, what a wrapper runs.
    pub has_units: bool,
    /// What it prints.
    pub output: Output,
    /// Where that comes from.
    pub source: Source,
    /// Whether it prints nothing, or only to a file.
    pub silent: bool,
}

impl Default for Step {
    fn default() -> Self {
        Self {
            text: String::new(),
            commands: Vec::new(),
            effects: Vec::new(),
            gaps: EnumSet::empty(),
            trivial: false,
            has_units: false,
            output: Output::Unknown,
            source: Source::Unclear,
            silent: false,
        }
    }
}

/// How a word is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Mark {
    /// As it is.
    #[default]
    Plain,
    /// As text without effect.
    Data,
    /// By this mark alone, its text being a unit of its own.
    Hidden(&'static str),
}

/// The words of a command on their way to a unit.
struct Words {
    fields: Vec<Field>,
    marks: Vec<Mark>,
}

impl Words {
    fn shown(&self, start: usize, end: usize) -> String {
        let words = self.fields.iter().zip(&self.marks).skip(start).take(end - start);
        let mut text = String::new();
        for (index, (field, mark)) in words.enumerate() {
            if index > 0 {
                text.push(' ');
            }
            match mark {
                Mark::Plain => text.push_str(&field.shown()),
                Mark::Hidden(mark) => text.push_str(mark),
                Mark::Data => text.push_str(&shown_data(field)),
            }
        }
        text
    }

    /// Joins the operands of a program that prints them: `echo a b` prints what `echo 'a b'` does.
    fn join_data(&mut self, start: usize, end: usize) {
        let is_data = |index: usize| self.marks.get(index) == Some(&Mark::Data);
        let Some(first) = (start..end).find(|&index| is_data(index)) else {
            return;
        };
        let n_data = (first..end).take_while(|&index| is_data(index)).count();
        if n_data < 2 || first + n_data != end {
            return;
        }
        let mut joined = Field::default();
        let mut parts: Vec<Part> = Vec::new();
        for (index, field) in self.fields.drain(first..end).enumerate() {
            if index > 0 {
                joined.text.push(' ');
                parts.push(Part::Literal(" ".to_owned()));
            }
            joined.text.push_str(&field.text);
            if field.parts.is_empty() {
                parts.push(Part::Literal(field.text));
            } else {
                parts.extend(field.parts);
            }
        }
        if parts.iter().any(|part| !matches!(part, Part::Literal(_))) {
            joined.parts = parts;
        }
        self.fields.push(joined);
        self.marks.truncate(first + 1);
    }

    fn mark(&mut self, index: usize, mark: Mark) {
        if let Some(slot) = self.marks.get_mut(index) {
            *slot = mark;
        }
    }
}

/// The standard input of a command, and what becomes of it.
struct Stdin {
    input: Rc<Input>,
    /// Set when the command executes it.
    executed: bool,
    /// What a script or function prints that the command runs.
    printed: Option<Output>,
}

impl Stdin {
    fn new(input: Rc<Input>) -> Self {
        Self { input, executed: false, printed: None }
    }

    /// Nothing to read.
    fn nothing() -> Self {
        Self::new(Rc::default())
    }
}

impl Walker {
    // ── Stages ──────────────────────────────────────────────────────────────────────────────────────────────────────────

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

    fn fields(&mut self, words: &[Word<'_>]) -> Vec<Field> {
        let mut fields = Vec::with_capacity(words.len());
        if words.len() > MAX_ARGUMENTS {
            self.gap(Gap::Truncated);
            let ends = words.iter().take(MAX_ARGUMENTS / 2).chain(words.iter().skip(words.len() - MAX_ARGUMENTS / 2));
            ends.for_each(|word| self.expand(word, &mut fields));
        } else {
            words.iter().for_each(|word| self.expand(word, &mut fields));
        }
        fields
    }

    /// What the stage prints, when that is known: what the innermost command does, for wrappers pass it on.
    fn output(&mut self, fields: &[Field], commands: &[Command], stdin: &mut Stdin) -> Output {
        let Some(command) = commands.iter().rev().find(|command| !command.wrappers.is_empty()).or(commands.first())
        else {
            return Output::Unknown;
        };
        if let Some(printed) = stdin.printed.take() {
            let passes_on = self.scope.functions.contains_key(&command.program)
                || matches!(command.program.as_str(), "bash" | "sh" | "dash" | "zsh" | "ksh" | "eval" | "ssh" | "su");
            // Others print more, or run their script for each of their inputs.
            return if passes_on { printed } else { printed.then(Output::Unknown) };
        }
        if stdin.executed || fields.iter().any(|field| field.dynamic && field.substituted) {
            return Output::Unknown;
        }
        let arguments: Vec<&str> = command.arguments.iter().map(|argument| argument.text.as_str()).collect();
        let mut output = self.printed_by(&command.program, &arguments, stdin.input.literal());
        if let Output::Known(literal) = &mut output {
            literal.decoded |=
                fields.iter().any(|field| field.decoded) || stdin.input.literal().is_some_and(|stdin| stdin.decoded);
        }
        output
    }

    /// What a program prints; a file that the script wrote is read as if it were piped in.
    pub(super) fn printed_by(&self, program: &str, arguments: &[&str], input: Option<&Literal>) -> Output {
        if self.files.is_empty() || matches!(program, "echo" | "printf" | "yes" | "tee") {
            return decode::output(program, arguments, input);
        }
        let text = |path: &str| self.files.text(&self.scope.place.locate(path).text);
        if program == "cat"
            && let Some(texts) = arguments.iter().map(|path| text(path)).collect::<Option<Vec<_>>>()
            && !texts.is_empty()
        {
            let outputs = texts.iter().map(|text| Output::Known((**text).clone()));
            return outputs.reduce(Output::then).unwrap_or(Output::Unknown);
        }
        match arguments.split_last().and_then(|(last, rest)| Some((text(last)?, rest))) {
            Some((text, rest)) => decode::output(program, rest, Some(&text)),
            None => decode::output(program, arguments, input),
        }
    }

    /// Follows files that the script wrote to where they are copied or moved.
    fn moved(&mut self, commands: &[Command]) {
        if self.files.is_empty() {
            return;
        }
        for command in commands.iter().filter(|it| matches!(it.program.as_str(), "cp" | "mv" | "ln" | "install")) {
            let operands = command.arguments.iter().filter(|argument| !argument.text.starts_with('-'));
            let paths: Vec<String> = operands.map(|operand| self.scope.place.locate(&operand.text).text).collect();
            if let Some((to, from)) = paths.split_last() {
                from.iter().for_each(|from| self.files.copy(from, to));
            }
        }
    }

    /// Remembers what is written to a file.
    fn wrote(&mut self, path: &str, literal: &Literal, append: bool) {
        if self.evaluating || path.is_empty() {
            return;
        }
        let path = self.scope.place.locate(path).text;
        let conditional = self.scope.n_conditions > 0;
        if !self.files.write(&path, literal, append, conditional) {
            self.gap(Gap::Truncated);
        }
    }

    /// The file that a stage's standard input is redirected from, and which of its redirections says so.
    pub(super) fn input_file(&mut self, stage: &Stage<'_>) -> Option<(usize, Field)> {
        let reads = |redirect: &syntax::Redirect<'_>| {
            matches!(redirect.operator, "<" | "<>") && matches!(redirect.descriptor, "" | "0")
        };
        let at = stage.redirects.iter().rposition(reads)?;
        match &stage.redirects.get(at)?.target {
            RedirectTarget::Word(word) if !word.raw.is_empty() => Some((at, self.expand_whole(word))),
            _ => None,
        }
    }

    /// What a stage's redirections give it to read: its own text or a file.
    pub(super) fn redirected(&self, own: Option<&Field>, file: Option<&(usize, Field)>) -> Option<Rc<Input>> {
        match (own, file) {
            (Some(own), _) => Some(Rc::new(Input::here(own.clone(), self.scope.n_conditions))),
            (None, Some((_, field))) => Some(Rc::new(self.read_file(field))),
            (None, None) => None,
        }
    }

    /// What can be read from a file: its text when the script wrote it or a substitution prints it.
    fn read_file(&self, field: &Field) -> Input {
        if let Some(literal) = &field.process {
            return Input::piped(Output::Known(literal.clone()), Source::Unclear, self.scope.n_conditions);
        }
        if matches!(field.text.as_str(), "/dev/null" | "/dev/tty") {
            return Input::default();
        }
        if field.substituted {
            return Input::unclear();
        }
        let target = self.scope.place.locate(&field.text);
        let text = self.files.text(&target.text).map(|text| (*text).clone());
        let output = text.map_or(Output::Unknown, Output::Known);
        Input { here: true, ..Input::piped(output, Source::Files(vec![target]), self.scope.n_conditions) }
    }

    /// Text that `echo` or `printf` writes to a file, or that `tee` writes, is a unit of its own.
    fn written(&mut self, run: &mut Words, output: &Output, tees: Option<&Command>, writes: bool, own: bool) {
        let Output::Known(literal) = output else {
            return;
        };
        let copies: Vec<&str> = tees.map_or_else(Vec::new, |tee| {
            let operands = tee.arguments.iter().map(|argument| argument.text.as_str());
            operands.filter(|operand| !operand.starts_with('-')).collect()
        });
        let appends =
            tees.is_some_and(|tee| tee.arguments.iter().any(|it| matches!(it.text.as_str(), "-a" | "--append")));
        copies.iter().for_each(|path| self.wrote(path, literal, appends));
        let tees = !copies.is_empty();
        if !(writes || tees) {
            return;
        }
        let Some(text) = literal.as_text().map(str::to_owned) else {
            return;
        };
        if text.chars().nth(MAX_INLINE_DATA).is_some() && !own {
            for mark in run.marks.iter_mut().filter(|mark| **mark == Mark::Data) {
                *mark = Mark::Hidden("⟦data⟧");
            }
        }
        let decoded = literal.decoded;
        self.data(&text, if decoded { &[Layer::Heredoc, Layer::Decoded] } else { &[Layer::Heredoc] });
    }

    /// A unit for text that is written, sent or printed.
    pub(super) fn data(&mut self, text: &str, layers: &[Layer]) {
        let mut unit = Unit::new(UnitKind::Data, text.trim_end_matches('\n'), self.current_span());
        unit.layers = layers.to_vec();
        self.emit(unit);
    }

    /// A unit for a here-document that nothing executes.
    pub(super) fn heredoc_data(&mut self, own: &Field, used: bool) {
        if !used && (own.text.chars().nth(MAX_INLINE_DATA).is_some() || own.text.trim_end().contains('\n')) {
            self.data(&own.text, &[Layer::Heredoc]);
        }
    }

    // ── Assignments ─────────────────────────────────────────────────────────────────────────────────────────────────────

    fn assignments(&mut self, assignments: &[Assignment<'_>], lasting: bool) -> Assigned {
        let mut assigned = Assigned { text: String::new(), pairs: Vec::new(), passed: Vec::new(), trivial: true };
        for assignment in assignments {
            let (values, shown) = match &assignment.value {
                Value::Scalar(word) => {
                    let field = self.expand_whole(word);
                    let shown = if field.text.is_empty() { String::new() } else { field.shown().into_owned() };
                    (vec![field], shown)
                }
                Value::Array(words) => {
                    let fields = self.fields(words);
                    let shown: Vec<String> = fields.iter().map(|field| field.shown().into_owned()).collect();
                    (fields, format!("({})", shown.join(" ")))
                }
            };
            if let Some(index) = &assignment.index {
                self.expand_whole(index);
            }
            let name = assignment.name.as_ref();
            let sign = if assignment.append { "+=" } else { "=" };
            push_word(&mut assigned.text, &format!("{name}{sign}{shown}"));
            assigned.trivial &= !values.iter().any(|value| value.dynamic && value.open) && !is_telling(name);
            let text = values.iter().map(|value| value.text.as_str()).collect::<Vec<_>>().join(" ");
            if let Some(script) = facts::hooks::variable(name, &text).and_then(|at| text.get(at..)) {
                self.script(script, &[Layer::Deferred], Shell::Bash, values.iter().any(|value| value.decoded));
            }
            assigned.pairs.push((name.to_owned(), text));
            if lasting || matches!(assignment.value, Value::Array(_)) {
                self.assign(assignment, &values);
            } else {
                let value = self.assigned_value(assignment, &values);
                assigned.passed.push((name.to_owned(), value));
            }
        }
        assigned
    }

    fn assign(&mut self, assignment: &Assignment<'_>, values: &[Field]) {
        let value = self.assigned_value(assignment, values);
        self.scope.set(assignment.name.as_ref(), value);
    }

    fn assigned_value(&mut self, assignment: &Assignment<'_>, values: &[Field]) -> Variable {
        let name = assignment.name.as_ref();
        if assignment.index.is_some() || values.iter().any(|value| value.dynamic) {
            return Variable::Unknown;
        }
        let mut constants: Vec<Constant> = values.iter().map(constant_of).collect();
        if assignment.append {
            match (self.scope.get(name), &assignment.value) {
                (Some(Variable::Constant(old)), Value::Array(_)) => {
                    constants = old.iter().cloned().chain(constants).collect();
                }
                (Some(Variable::Constant(old)), Value::Scalar(_)) => {
                    let old = old.first().cloned().unwrap_or_default();
                    if let Some(new) = constants.first_mut() {
                        new.text.insert_str(0, &old.text);
                        new.decoded |= old.decoded;
                    }
                }
                (Some(Variable::Unknown), _) => return Variable::Unknown,
                (None, _) => {}
            }
        }
        let n_bytes = constants.iter().map(|constant| constant.text.len()).sum();
        if self.scope.spend(n_bytes) {
            Variable::Constant(constants)
        } else {
            self.gap(Gap::Truncated);
            Variable::Unknown
        }
    }

    /// Gives a command the variables in front of it (`X=rm sh -c '$X …'`); what they were before.
    fn pass_on(&mut self, passed: &[(String, Variable)]) -> Vec<(String, Option<Variable>)> {
        passed.iter().map(|(name, value)| (name.clone(), self.scope.shadow(name, value.clone()))).collect()
    }

    fn take_back(&mut self, shadowed: Vec<(String, Option<Variable>)>) {
        for (name, old) in shadowed.into_iter().rev() {
            self.scope.restore(&name, old);
        }
    }

    // ── Commands ────────────────────────────────────────────────────────────────────────────────────────────────────────

    /// The command that the fields from `start` to `end` are, and those inside it, outermost first.
    fn command(&mut self, run: &mut Words, start: usize, end: usize, stdin: &mut Stdin) -> Vec<Command> {
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
        let executed = self.stdin(&program, &facts, stdin);
        if let Some(command) = commands.first_mut() {
            let executed = executed.into_iter().filter(|effect| !facts.effects.contains(effect));
            command.effects.extend(executed.collect::<Vec<_>>());
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

    // ── What a command contains ─────────────────────────────────────────────────────────────────────────────────────────

    #[expect(clippy::too_many_arguments, reason = "the command is still being built")]
    fn nested(
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
                    for index in first + start..first + end {
                        run.mark(index, Mark::Hidden("⟦code⟧"));
                    }
                    for index in first + start + 1..first + end {
                        run.mark(index, Mark::Hidden("…"));
                    }
                }
                let layers = [script_layer(program, facts)];
                if runs_here(program) {
                    self.given(stdin, |walker| walker.script_here(&script, &layers, *shell, decoded));
                } else {
                    let behind = run.fields.get(first + end..last).unwrap_or_default();
                    let positional = self.script_arguments(program, &script, behind);
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
    fn reading<T>(&mut self, stdin: &mut Stdin, walk: impl FnOnce(&mut Self) -> T) -> T {
        let outer = std::mem::replace(&mut self.inherited, Rc::clone(&stdin.input));
        let fed = std::mem::take(&mut self.fed);
        let result = walk(self);
        self.inherited = outer;
        stdin.executed |= std::mem::replace(&mut self.fed, fed);
        result
    }

    /// The same for a script or function, of which it is noted what it prints.
    fn given(&mut self, stdin: &mut Stdin, walk: impl FnOnce(&mut Self)) {
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

    /// `xargs` appends what it reads: known words become arguments. What it runs reads nothing.
    fn with_input_words(
        &mut self,
        run: &mut Words,
        (start, end): (usize, usize),
        stdin: &mut Stdin,
    ) -> (Vec<Command>, String) {
        let before = run.fields.iter().take(start).rev();
        let flags: Vec<&str> = before
            .map(|field| field.text.as_str())
            .take_while(|text| !matches!(basename(text), "xargs" | "gxargs" | "parallel"))
            .collect();
        let input = Rc::clone(&stdin.input);
        let words = input.literal().map(|literal| items(literal, &flags)).unwrap_or_default();
        let decoded = input.literal().is_some_and(|literal| literal.decoded);
        if words.is_empty() {
            let commands = self.command(run, start, end, &mut Stdin::nothing());
            return (commands, run.shown(start, end));
        }
        self.appends = words.len() >= MAX_ITEMS;
        let mut fields: Vec<Field> = run.fields.iter().take(end).skip(start).cloned().collect();
        let joined = words.join(" ");
        let slot = slot(&flags);
        let mut placed = false;
        for field in fields.iter_mut().filter(|field| field.text.contains(slot)) {
            field.text = field.text.replace(slot, &joined);
            field.parts.clear();
            field.decoded |= decoded;
            placed = true;
        }
        if !placed {
            fields.extend(words.into_iter().map(|word| Field { decoded, ..Field::literal(word) }));
        }
        let n_fields = fields.len();
        let mut run = Words { marks: vec![Mark::Plain; n_fields], fields };
        let commands = self.command(&mut run, 0, n_fields, &mut Stdin::nothing());
        (commands, run.shown(0, n_fields))
    }

    /// What is fed to a program that executes it; the files of which that is so.
    fn stdin(&mut self, program: &str, facts: &Facts, stdin: &mut Stdin) -> Vec<Effect> {
        let Some(kind) = &facts.stdin_code else {
            return Vec::new();
        };
        let input = Rc::clone(&stdin.input);
        match &input.output {
            Output::Known(literal) => {
                stdin.executed = true;
                // What is read there is the script itself.
                let outer = std::mem::take(&mut self.inherited);
                self.run_literal(literal, kind, program, input.here, is_remote(facts));
                self.inherited = outer;
            }
            Output::Undecodable => self.gap(Gap::Opaque),
            // Queries and small programs are piped in all the time.
            Output::Unknown if matches!(input.source, Source::Unclear) && runs_programs(kind) => self.gap(Gap::Opaque),
            Output::Unknown => {}
        }
        let Source::Files(targets) = &input.source else {
            return Vec::new();
        };
        let executes =
            |target: &Target| Effect { fact: Fact::Execute, modifiers: EnumSet::empty(), target: Some(target.clone()) };
        targets.iter().map(executes).collect()
    }

    /// Units for a text that an interpreter runs, or this shell where the program is `source`.
    fn run_literal(&mut self, literal: &Literal, kind: &Nested, program: &str, here: bool, remote: bool) {
        if literal.partial {
            self.gap(Gap::Opaque);
        }
        let Some(text) = literal.as_text().map(str::to_owned) else {
            self.gap(Gap::Opaque);
            return;
        };
        match kind {
            Nested::StdinShell(shell) => {
                let layers: &[Layer] = if here { &[Layer::Script, Layer::Heredoc] } else { &[Layer::Script] };
                let layers = if remote { &[Layer::Remote] } else { layers };
                if runs_here(program) {
                    self.script_here(&text, layers, *shell, literal.decoded);
                } else {
                    self.script(&text, layers, *shell, literal.decoded);
                }
            }
            Nested::StdinCode(language) => {
                let layers: &[Layer] = match (here, literal.decoded) {
                    (_, true) => &[Layer::Decoded],
                    (true, false) => &[Layer::Heredoc],
                    (false, false) => &[],
                };
                self.code(&text, *language, layers);
            }
            _ => {}
        }
    }

    /// Reads the files that the script wrote and now runs: by an interpreter, by `source` or as programs.
    fn run_files(&mut self, program: &str, path: &str, facts: &Facts) {
        if self.files.is_empty() || self.evaluating {
            return;
        }
        let own = path.contains('/').then(|| self.scope.place.locate(path).text);
        let executed = facts.effects.iter().filter(|effect| effect.fact == Fact::Execute);
        let mut paths: Vec<&str> = executed.filter_map(|effect| Some(effect.target.as_ref()?.text.as_str())).collect();
        paths.dedup();
        for path in paths {
            for literal in self.files.versions(path) {
                let text = literal.as_text().unwrap_or_default();
                let is_own = own.as_deref() == Some(path);
                let interpreter = if is_own { files::named_interpreter(text) } else { Some(program) };
                let kind = match interpreter {
                    None => Some(Nested::StdinShell(Shell::Bash)),
                    Some(name) => facts::read(name, &[], &self.scope.place).stdin_code,
                };
                let Some(kind) = kind else {
                    continue;
                };
                if self.files.spend(literal.bytes.len()) {
                    self.run_literal(&literal, &kind, if is_own { "" } else { program }, true, false);
                } else {
                    self.gap(Gap::Truncated);
                }
            }
        }
    }

    /// `bash <(…)`, `source <(…)`: what the substitution prints is executed.
    fn process_inputs(&mut self, program: &str, facts: &Facts, run: &Words, start: usize, end: usize) {
        let language = match facts.stdin_code {
            Some(Nested::StdinCode(language)) => Some(language),
            _ => None,
        };
        let literals: Vec<Literal> =
            run.fields.iter().take(end).skip(start + 1).filter_map(|field| field.process.clone()).collect();
        for literal in literals {
            let Some(text) = literal.as_text() else {
                continue;
            };
            if runs_here(program) {
                self.script_here(text, &[Layer::Script], Shell::Bash, literal.decoded);
            } else if is_shell(program) {
                self.script(text, &[Layer::Script], Shell::Bash, literal.decoded);
            } else if let Some(language) = language {
                self.code(text, language, if literal.decoded { &[Layer::Decoded] } else { &[] });
            }
        }
    }

    /// What `$0`, `$1` and so on are in the script of `sh -c`; `None` when that is not known.
    fn script_arguments(&mut self, program: &str, script: &str, behind: &[Field]) -> Option<Rc<Arguments>> {
        let (name, values) = behind.split_first().filter(|_| is_shell(program))?;
        if behind.iter().any(|field| field.dynamic) {
            // The script may run them, or run something on them.
            if script.contains('$') && behind.iter().any(|field| field.open) {
                self.gap(Gap::Dynamic);
            }
            return None;
        }
        let arguments =
            || Arguments { name: Some(constant_of(name)), values: values.iter().map(constant_of).collect() };
        (!self.appends).then(|| Rc::new(arguments()))
    }

    /// Whether this is how a shell calls itself, and nothing else was made of that.
    fn is_own_shell(&self, field: &Field) -> bool {
        let name = field.text.strip_prefix('$').filter(|_| field.dynamic);
        name.is_some_and(|name| matches!(name, "SHELL" | "BASH" | "0") && self.scope.get(name).is_none())
    }

    /// Units for a script in a shell language that a shell of its own runs: what it sets and where it goes ends with it.
    fn script(&mut self, script: &str, layers: &[Layer], shell: Shell, decoded: bool) {
        self.child_script(script, layers, shell, decoded, None);
    }

    /// The same for a script with these arguments.
    fn child_script(
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
    fn script_here(&mut self, script: &str, layers: &[Layer], shell: Shell, decoded: bool) {
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

    /// A unit for a program text, and units for the shell commands in it.
    fn code(&mut self, code: &str, language: Language, layers: &[Layer]) {
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
    fn code_calls(&mut self, code: &str, language: Language) {
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

    // ── Redirections ────────────────────────────────────────────────────────────────────────────────────────────────────

    /// Adds a stage's redirections to its text and effects.
    ///
    /// `file` is the one that was expanded before, with its index.
    pub(super) fn redirections(
        &mut self,
        stage: &Stage<'_>,
        own: Option<&Field>,
        file: Option<&(usize, Field)>,
        executed: bool,
        step: &mut Step,
    ) {
        let n_redirects = stage.redirects.len();
        if n_redirects > MAX_REDIRECTS {
            self.gap(Gap::Truncated);
        }
        for (index, redirect) in stage.redirects.iter().enumerate() {
            if index >= MAX_REDIRECTS / 2 && index + MAX_REDIRECTS / 2 < n_redirects {
                continue;
            }
            let operator = redirect.operator;
            if operator.starts_with("<<") {
                continue;
            }
            let RedirectTarget::Word(word) = &redirect.target else {
                continue;
            };
            if word.raw.is_empty() {
                self.gap(Gap::Unparsed);
                continue;
            }
            let field = match file {
                Some((at, field)) if *at == index => field.clone(),
                _ => self.expand_whole(word),
            };
            if is_output(redirect)
                && let Output::Known(literal) = &step.output
            {
                self.wrote(&field.text, literal, operator.contains(">>"));
            }
            let duplicates =
                operator.ends_with('&') && (field.text == "-" || field.text.bytes().all(|byte| byte.is_ascii_digit()));
            let space = if duplicates { "" } else { " " };
            push_word(&mut step.text, &format!("{}{operator}{space}{}", redirect.descriptor, field.shown()));
            if !duplicates {
                step.trivial &= !self.redirect_effects(operator, &field, step);
            }
        }
        if let Some(own) = own {
            push_word(&mut step.text, &format!("<<< {}", shown_input(own, executed)));
        }
    }

    /// The effects of one redirection; whether there are any.
    fn redirect_effects(&mut self, operator: &str, field: &Field, step: &mut Step) -> bool {
        let path = field.text.as_str();
        if path.is_empty()
            || matches!(path, "/dev/null" | "/dev/stdout" | "/dev/stderr" | "/dev/tty" | "/dev/zero")
            || field.process.is_some()
        {
            return false;
        }
        if path.starts_with(">(") || path.starts_with("<(") {
            return false;
        }
        let mut found = Vec::new();
        if let Some(address) = path.strip_prefix("/dev/tcp/").or_else(|| path.strip_prefix("/dev/udp/")) {
            let host = address.split('/').next().unwrap_or_default();
            let scope = Scope::Host(hosts::classify(host));
            found.push((Fact::Contact, Target { text: address.replace('/', ":"), scope }));
        } else {
            let target = self.scope.place.locate(path);
            if operator.contains('>') {
                found.push((Fact::Write, target.clone()));
            }
            if operator.contains('<') {
                found.push((Fact::Read, target));
            }
        }
        for (fact, target) in found {
            if let Some(follows) = follows(fact, target.scope) {
                step.effects.push(Effect { fact: follows, modifiers: EnumSet::empty(), target: Some(target.clone()) });
            }
            step.effects.push(Effect { fact, modifiers: EnumSet::empty(), target: Some(target) });
        }
        true
    }

    // ── The shell's own commands ────────────────────────────────────────────────────────────────────────────────────────

    fn apply_alias(&mut self, fields: &mut Vec<Field>) {
        let Some(first) = fields.first().filter(|field| !field.dynamic) else {
            return;
        };
        let Some(value) = self.scope.alias(&first.text).cloned() else {
            return;
        };
        let list = syntax::parse(&value);
        let Some(syntax::Body::Simple(_, words)) =
            list.first().and_then(|statement| statement.stages.first()).map(|stage| &stage.body)
        else {
            return;
        };
        let mut replaced = self.fields(words);
        replaced.extend(fields.drain(1..));
        *fields = replaced;
    }

    /// What a command changes for those that follow.
    ///
    /// `lines` is what `read` reads.
    fn change_scope(&mut self, fields: &[Field], assigned: &Assigned, lines: &Input) {
        let Some((program, arguments)) = builtins::without_prefixes(fields).split_first() else {
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
            "printf" => {
                if let [flag, name, ..] = arguments
                    && flag.text == "-v"
                {
                    self.scope.set(&name.text, Variable::Unknown);
                }
            }
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
            let known = !argument.dynamic && !append && self.scope.spend(value.len());
            let active = argument.parts.iter().any(|part| matches!(part, Part::Active(_)));
            let parts = if active { vec![Part::Active(value.to_owned())] } else { Vec::new() };
            let constant = Constant { text: value.to_owned(), parts, decoded: argument.decoded };
            self.scope.set(name, if known { Variable::Constant(vec![constant]) } else { Variable::Unknown });
        }
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
}

/// What assignments came to.
struct Assigned {
    text: String,
    pairs: Vec<(String, String)>,
    /// Variables that only the command behind them gets.
    passed: Vec<(String, Variable)>,
    trivial: bool,
}

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

/// Languages whose short programs say nothing that the command around them does not show.
fn is_small(language: Language) -> bool {
    matches!(language, Language::Other | Language::Awk | Language::Sql)
}

/// Whether the input of a program runs rather than being looked at or stored.
fn runs_programs(kind: &Nested) -> bool {
    match kind {
        Nested::StdinShell(_) => true,
        Nested::StdinCode(language) => !is_small(*language),
        _ => false,
    }
}

/// Where the output of a stage comes from, given its own input.
fn next_source(commands: &[Command], input: &Input) -> Source {
    let innermost = commands.iter().rev().find(|command| !command.wrappers.is_empty()).or(commands.first());
    match (Source::of(commands), innermost) {
        (Source::Network, _) => Source::Network,
        // The flows of the whole pipeline tell what comes from the network, whatever is done to it on the way.
        _ if matches!(input.source, Source::Network) => Source::Network,
        (_, Some(command)) if command.program == "cat" => {
            let reads = command.effects.iter().filter(|effect| effect.fact == Fact::Read);
            let named: Vec<Target> = reads.filter_map(|effect| effect.target.clone()).take(8).collect();
            if named.is_empty() && !command.arguments.iter().any(|argument| !argument.text.starts_with('-')) {
                input.source.clone()
            } else if named.is_empty() {
                Source::Unclear
            } else {
                Source::Files(named)
            }
        }
        _ => Source::Unclear,
    }
}

/// Programs that print nothing when all is well.
fn is_silent(program: &str) -> bool {
    matches!(program, "mkdir" | "touch" | "chmod" | "chown" | "rm" | "cp" | "mv" | "ln" | "sleep" | "trap" | "alias")
}

/// What `xargs` makes of its input, by its flags.
fn items(literal: &Literal, flags: &[&str]) -> Vec<String> {
    let text = String::from_utf8_lossy(&literal.bytes);
    let has = |names: &[&str]| flags.iter().any(|flag| names.contains(flag));
    let by_line = flags
        .iter()
        .any(|flag| ["-I", "-J", "-L", "-d", "--delimiter", "--replace"].iter().any(|name| flag.starts_with(name)));
    let whole = |part: &str| part.trim_matches('\n').to_owned();
    let items: Vec<String> = if has(&["-0", "--null"]) || flags.iter().any(|flag| is_bundle_of(flag, '0')) {
        text.split('\0').map(whole).filter(|item| !item.is_empty()).take(MAX_ITEMS).collect()
    } else if by_line || has(&["-i"]) {
        text.lines().map(str::to_owned).filter(|item| !item.is_empty()).take(MAX_ITEMS).collect()
    } else {
        unquoted_words(&text).into_iter().take(MAX_ITEMS).collect()
    };
    items
}

/// Whether a flag is a few short ones in one argument, with this letter among them.
fn is_bundle_of(flag: &str, letter: char) -> bool {
    flag.strip_prefix('-').is_some_and(|letters| {
        letters.len() <= 4 && letters.contains(letter) && letters.starts_with(|first: char| "0rtpx".contains(first))
    })
}

/// Words between blanks, where quotes hold blanks as they do for `xargs`.
fn unquoted_words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let (mut word, mut quote, mut begun) = (String::new(), None, false);
    for letter in text.chars() {
        match quote {
            Some(open) if letter == open => quote = None,
            Some(_) => word.push(letter),
            None if matches!(letter, '"' | '\'') => {
                quote = Some(letter);
                begun = true;
            }
            None if letter.is_whitespace() => {
                if begun || !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
                begun = false;
            }
            None => word.push(letter),
        }
    }
    if begun || !word.is_empty() {
        words.push(word);
    }
    words
}

/// What stands for the input in the command of `xargs`.
fn slot<'a>(flags: &[&'a str]) -> &'a str {
    let named = |flag: &&'a str| flag.strip_prefix("-I").or_else(|| flag.strip_prefix("--replace="));
    let glued = flags.iter().find_map(named).filter(|slot| !slot.is_empty());
    // The flags come last first: a value stands in front of its flag.
    let apart = flags.iter().position(|flag| matches!(*flag, "-I" | "-J")).and_then(|at| flags.get(at.checked_sub(1)?));
    glued.or(apart.copied()).unwrap_or("{}")
}

/// The script of `parallel` with what comes behind `:::` or, without that, what is read.
fn with_sources(script: &str, run: &Words, end: usize, stdin: &Stdin) -> String {
    const MOST: usize = 16;
    let given = run.fields.iter().skip(end).skip_while(|field| !field.text.starts_with(":::"));
    let mut words: Vec<&str> =
        given.map(|field| field.text.as_str()).filter(|text| !text.starts_with(":::")).take(MOST).collect();
    if words.is_empty()
        && let Some(text) = stdin.input.literal().and_then(Literal::as_text)
    {
        words = text.lines().take(MOST).collect();
    }
    if words.is_empty() {
        return script.to_owned();
    }
    let joined = words.join(" ");
    if script.contains("{}") { script.replace("{}", &joined) } else { format!("{script} {joined}") }
}

/// Variables that change what other programs run or record.
fn is_telling(name: &str) -> bool {
    const NAMES: &[&str] = &[
        "PATH",
        "PAGER",
        "EDITOR",
        "VISUAL",
        "BASH_ENV",
        "ENV",
        "PROMPT_COMMAND",
        "PYTHONPATH",
        "PYTHONSTARTUP",
        "NODE_OPTIONS",
        "NODE_TLS_REJECT_UNAUTHORIZED",
        "PERL5OPT",
        "PERL5LIB",
        "RUBYOPT",
        "SHELLOPTS",
        "PS4",
        "IFS",
        "JAVA_TOOL_OPTIONS",
        "KUBECONFIG",
        "DOCKER_HOST",
        "http_proxy",
        "https_proxy",
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "ALL_PROXY",
        "TMOUT",
    ];
    NAMES.contains(&name)
        || ["LD_", "DYLD_", "GIT_", "HIST", "SSH_", "AWS_", "npm_config_"].iter().any(|prefix| name.starts_with(prefix))
}

/// The shell's own commands, which no table needs to know.
fn is_builtin(program: &str) -> bool {
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

/// Whether a command only steers the script.
fn is_trivial(fields: &[Field], step: &Step) -> bool {
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

/// What the tables need not say about the shell's own commands.
fn builtin_facts(program: &str, n_arguments: usize, facts: &mut Facts) {
    if program == "eval" && n_arguments > 0 && facts.nested.is_empty() {
        facts.nested.push(Nested::Shell { start: 0, end: n_arguments, skip: 0, shell: Shell::Bash });
    }
    if matches!(program, "exec" | "command" | "builtin") && n_arguments > 0 && facts.nested.is_empty() && !facts.known {
        facts.nested.push(Nested::Command { start: 0, end: n_arguments });
    }
}

/// Whether a program runs the script that it is given in this shell.
fn runs_here(program: &str) -> bool {
    matches!(program, "eval" | "source" | ".")
}

/// Whether a program is a shell in which `$1` is what stands behind the script.
fn is_shell(program: &str) -> bool {
    matches!(program, "bash" | "sh" | "zsh" | "dash" | "ash" | "ksh" | "mksh" | "rbash")
}

/// `NAME=value` in front of the command that a wrapper runs (`env`, `sudo`).
fn passed_variable(field: &Field) -> Option<(String, Variable)> {
    let (name, value) = field.text.split_once('=').filter(|(name, _)| syntax::is_name(name))?;
    let constant = Constant { text: value.to_owned(), decoded: field.decoded, ..Constant::default() };
    Some((name.to_owned(), if field.dynamic { Variable::Unknown } else { Variable::Constant(vec![constant]) }))
}

/// The name of a program without its folder and `.exe`.
pub(super) fn basename(path: &str) -> &str {
    let name = if path.starts_with('$') { path } else { path.rsplit('/').next().unwrap_or(path) };
    let name = if name.is_empty() { path } else { name };
    name.strip_suffix(".exe").unwrap_or(name)
}

/// Whether a command name was pieced together where a plain spelling would do.
fn is_odd(word: &Word<'_>, field: Option<&Field>) -> bool {
    let is_simple =
        |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'/'));
    match word.pieces.as_slice() {
        [] | [Piece::Plain(_)] | [Piece::Parameter { .. }] => false,
        [Piece::Quoted(text)] => word.raw.starts_with("$'") && is_simple(text),
        [Piece::Quoted(first), Piece::Plain(_)] if word.raw.starts_with('\\') && first.len() == 1 => false,
        [Piece::Substitution { .. } | Piece::Backquoted { .. }] => field.is_some_and(|field| !field.dynamic),
        pieces => {
            let plain = |piece: &Piece<'_>| match piece {
                Piece::Plain(_) | Piece::Parameter { .. } => true,
                Piece::Quoted(text) => {
                    !text.is_empty() && (text.starts_with('/') || text.ends_with('/') || !is_simple(text))
                }
                _ => false,
            };
            !pieces.iter().all(plain)
        }
    }
}

fn is_remote(facts: &Facts) -> bool {
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

/// What follows from writing or reading in a place.
fn follows(fact: Fact, scope: Scope) -> Option<Fact> {
    match (fact, scope) {
        (Fact::Read, Scope::Path(PathScope::Secret | PathScope::EnvFile)) => Some(Fact::Credentials),
        (Fact::Write, Scope::Path(PathScope::Device)) => Some(Fact::Device),
        (Fact::Write, Scope::Path(PathScope::Startup)) => Some(Fact::Schedule),
        _ => None,
    }
}

/// Whether a stage's standard input is redirected, be it from a descriptor.
pub(super) fn reads_elsewhere(stage: &Stage<'_>) -> bool {
    stage.redirects.iter().any(|it| it.operator.starts_with('<') && matches!(it.descriptor, "" | "0"))
}

/// Whether a redirection is one of the standard output.
fn is_output(redirect: &syntax::Redirect<'_>) -> bool {
    matches!(redirect.operator, ">" | ">>" | ">|" | "&>" | "&>>") && matches!(redirect.descriptor, "" | "1")
}

/// Whether a stage's standard output goes to a file.
pub(super) fn writes_file(stage: &Stage<'_>) -> bool {
    stage.redirects.iter().any(|redirect| {
        is_output(redirect) && matches!(&redirect.target, RedirectTarget::Word(word) if !word.raw.starts_with("/dev/"))
    })
}

/// Text without effect as shown: marked, unless it is one plain word, which needs no mark to be read as one.
fn shown_data(field: &Field) -> String {
    const MOST: usize = 24;
    if !field.parts.is_empty() {
        return format!("⟦data⟧{}", text::double_quoted(&field.parts));
    }
    if text::is_plain(&field.text) && field.text.len() <= MOST {
        return field.text.clone();
    }
    format!("⟦data⟧{}", text::single_quoted(&field.text))
}

/// A here-document or here-string as shown.
fn shown_input(own: &Field, executed: bool) -> String {
    let most = if executed { MAX_INLINE_CODE } else { MAX_INLINE_DATA };
    if own.text.chars().nth(most).is_some() {
        return if executed { "⟦code⟧" } else { "⟦data⟧" }.to_owned();
    }
    if own.parts.is_empty() {
        return text::quoted(own.text.trim_end_matches('\n')).into_owned();
    }
    let quoted = text::double_quoted(&own.parts);
    match quoted.strip_suffix("\n\"") {
        Some(body) => format!("{}\"", body.trim_end_matches('\n')),
        None => quoted,
    }
}

fn push_word(text: &mut String, word: &str) {
    if !text.is_empty() && !word.is_empty() {
        text.push(' ');
    }
    text.push_str(word);
}
