//! The syntax tree → units: statements in order, blocks, functions.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::Range;
use std::rc::Rc;

use enumset::EnumSet;

use crate::action::{Command, Effect, FileVersion, Gap, Layer, Shell, Unit, UnitKind};
use crate::normalize::limits::{MAX_DEPTH, MAX_NESTING};
use crate::normalize::paths::Place;
use crate::normalize::shell::decode::{Literal, Output};
use crate::normalize::shell::expand::{Field, short_form};
use crate::normalize::shell::files::Files;
use crate::normalize::shell::input::{Input, Source, reads_elsewhere};
use crate::normalize::shell::pipeline::Step;
use crate::normalize::shell::redirect::writes_file;
use crate::normalize::shell::scope::{Arguments, Constant, Scope, Variable};
use crate::normalize::shell::syntax::{self, Body, Joint, List, Stage, Statement, Word};
use crate::normalize::shell::ways::{Ways, stricter};

/// Statements of one list that are looked at: more than this and only its head and tail are.
const MAX_STATEMENTS: usize = 2048;
/// Values of a loop for which its body is looked at one by one: of more, the first and the last half of these.
const MAX_UNROLLED: usize = 8;
/// Extra looks at bodies of loops and functions in one action.
const MAX_REPEATS: usize = 64;

/// Scripts within the script that are looked at in one action.
const MAX_SCRIPTS: usize = 256;
/// Statements below the top of the script that are looked at in one action.
const MAX_INNER_STATEMENTS: usize = 8192;
/// Pipelines that are given the input of the block or script around them; which of them reads it is not worked out.
const MAX_INHERITORS: usize = 128;

/// Walks a script that has these arguments: its units and what of it was not understood.
pub(super) fn walk(source: &str, place: &Place, arguments: Option<Rc<Arguments>>) -> (Vec<Unit>, EnumSet<Gap>) {
    let mut walker = Walker::new(place);
    walker.scope.positional = arguments;
    let list = syntax::parse(source);
    walker.list(&list);
    walker.uncalled_functions();
    if walker.units.is_empty() {
        walker.units = walker.spare;
    }
    (walker.units, walker.gaps)
}

/// What a command line writes to files: paths as they are shown, and what may stand in each.
pub(super) fn written(source: &str, place: &Place) -> Vec<(String, Vec<FileVersion>)> {
    let mut walker = Walker::new(place);
    walker.scope.positional = Some(Arguments::assumed());
    walker.list(&syntax::parse(source));
    walker.files.written()
}

/// The state of a walk.
#[derive(Default)]
pub(super) struct Walker {
    /// What the script has defined.
    pub scope: Scope,
    /// How the text that is looked at is reached.
    pub layers: Vec<Layer>,
    /// Where the statement that is looked at stands.
    pub span: Range<usize>,
    /// Set inside a text that is not part of the source: where it comes from.
    pub origin: Option<Range<usize>>,
    /// Whether only constant output is wanted: nothing is emitted.
    pub evaluating: bool,
    /// Whether something met while evaluating is not constant.
    pub failed: bool,
    /// Whether a decoder was met that could not be followed.
    pub saw_opaque: bool,
    /// What a command reads that nothing is piped into: the input of the block or script around it.
    pub inherited: Rc<Input>,
    /// Whether a command executed that.
    pub fed: bool,
    /// What the block that is walked prints, where that is wanted.
    pub printed: Option<Printed>,
    /// What the script has written to files.
    pub files: Files,
    /// Functions that are being called, outermost first.
    pub calls: Vec<String>,
    /// Where the list or command that was just walked may leave the shell, when not in the current folder either way.
    pub outcome: Option<Ways>,
    /// Where `return`, `break` or `continue` left the function or loop that is looked at.
    pub left: Option<Place>,
    /// Whether arguments that are not known follow those of the command that is looked at, as `xargs` adds them.
    pub appends: bool,
    /// Makefiles that were opened, each with what it was given.
    pub made: HashSet<String>,
    /// The units so far.
    pub units: Vec<Unit>,
    /// Gaps of the statement that is looked at.
    pub pending: EnumSet<Gap>,
    /// Trivial statements, wanted only when there is nothing else.
    spare: Vec<Unit>,
    gaps: EnumSet<Gap>,
    seen: HashMap<u64, Vec<usize>>,
    called: Vec<String>,
    recursive: Vec<String>,
    depth: usize,
    n_nested: usize,
    n_repeats: usize,
    n_scripts: usize,
    n_inner_statements: usize,
    n_inheritors: usize,
}

/// What the statements of a block print, so far.
#[derive(Debug)]
pub(super) struct Printed {
    output: Output,
    /// The conditions around the block: within more of them it is not certain that something is printed.
    n_conditions: usize,
}

impl Walker {
    fn new(place: &Place) -> Self {
        Self { scope: Scope::new(place), files: Files::known(place), ..Self::default() }
    }

    // ── Bounds and gaps ─────────────────────────────────────────────────────────────────────────────────────────────────

    /// Notes that something of the current statement was not understood.
    pub(super) fn gap(&mut self, gap: Gap) {
        if !self.evaluating {
            self.pending |= gap;
            self.gaps |= gap;
        }
    }

    /// The gaps of the current statement so far.
    pub(super) fn pending(&self) -> EnumSet<Gap> {
        self.pending
    }

    /// Enters a text within a text; `false` when that is too deep.
    pub(super) fn descend(&mut self) -> bool {
        if self.depth >= MAX_DEPTH || self.n_nested >= MAX_NESTING {
            self.gap(Gap::Truncated);
            return false;
        }
        self.depth += 1;
        self.n_nested += 1;
        true
    }

    /// Leaves it.
    pub(super) fn ascend(&mut self) {
        self.depth -= 1;
        self.n_nested -= 1;
    }

    /// Counts a script within the script; `false` when there were too many.
    pub(super) fn count_script(&mut self) -> bool {
        self.n_scripts += 1;
        if self.n_scripts > MAX_SCRIPTS {
            self.gap(Gap::Truncated);
        }
        self.n_scripts <= MAX_SCRIPTS
    }

    fn repeat(&mut self) -> bool {
        self.n_repeats += 1;
        self.n_repeats <= MAX_REPEATS
    }

    // ── Units ───────────────────────────────────────────────────────────────────────────────────────────────────────────

    /// Where the current statement stands in the source.
    pub(super) fn current_span(&self) -> Range<usize> {
        self.origin.clone().unwrap_or_else(|| self.span.clone())
    }

    /// Adds a unit at the end.
    pub(super) fn emit(&mut self, unit: Unit) {
        let at = self.units.len();
        self.emit_at(at, unit);
    }

    /// Adds a unit in front of those that it contains, unless the same is there already.
    pub(super) fn emit_at(&mut self, at: usize, mut unit: Unit) {
        if self.evaluating || unit.text.trim().is_empty() {
            return;
        }
        unit.layers.splice(0..0, self.layers.iter().copied());
        unit.layers.dedup();
        self.gaps |= unit.gaps;
        // The same text is another matter when it runs elsewhere or later.
        let mut hasher = DefaultHasher::new();
        (&unit.text, &unit.layers).hash(&mut hasher);
        let places = self.seen.entry(hasher.finish()).or_default();
        for &place in places.iter() {
            if let Some(other) = self.units.iter_mut().skip(place).find(|other| is_same(other, &unit)) {
                // What parts the other reading of a doubtful quote repeats is as sound as before.
                other.gaps |= unit.gaps - Gap::Unparsed;
                return;
            }
        }
        places.push(at.saturating_sub(1));
        self.units.insert(at.min(self.units.len()), unit);
    }

    pub(super) fn command_unit(&self, text: &str, commands: Vec<Command>, effects: Vec<Effect>) -> Unit {
        let mut unit = Unit::new(UnitKind::Command(Shell::Bash), text, self.current_span());
        unit.commands = commands;
        unit.own_effects = effects;
        unit.gaps = self.pending;
        unit
    }

    pub(super) fn spare(&mut self, unit: Unit) {
        const MOST: usize = 4;
        if self.spare.len() < MOST && !self.evaluating {
            self.spare.push(unit);
        }
    }

    // ── Input and output of blocks ──────────────────────────────────────────────────────────────────────────────────────

    /// The input of a command that nothing is piped into.
    pub(super) fn inherited(&mut self) -> Rc<Input> {
        if self.inherited.is_nothing() {
            return Rc::clone(&self.inherited);
        }
        self.n_inheritors += 1;
        if self.n_inheritors <= MAX_INHERITORS { Rc::clone(&self.inherited) } else { Rc::new(Input::unclear()) }
    }

    /// Notes what a statement prints.
    pub(super) fn print(&mut self, output: Output) {
        if let Some(printed) = &mut self.printed {
            let before = std::mem::replace(&mut printed.output, Output::Unknown);
            let certain = printed.n_conditions == self.scope.n_conditions;
            let output = match output {
                Output::Known(literal) if !certain => Output::Known(Literal { partial: true, ..literal }),
                output => output,
            };
            printed.output = before.then(output);
        }
    }

    /// Walks something and tells what it prints.
    pub(super) fn capture<T>(&mut self, walk: impl FnOnce(&mut Self) -> T) -> (T, Output) {
        let printed = Printed { output: Output::Known(Literal::default()), n_conditions: self.scope.n_conditions };
        let outer = self.printed.replace(printed);
        let result = walk(self);
        let printed = std::mem::replace(&mut self.printed, outer);
        (result, printed.map_or(Output::Unknown, |printed| printed.output))
    }

    // ── Lists ───────────────────────────────────────────────────────────────────────────────────────────────────────────

    /// Walks statements in order; their canonical texts.
    pub(super) fn list(&mut self, list: &List<'_>) -> Vec<String> {
        self.outcome = None;
        let mut texts = Vec::with_capacity(list.len().min(MAX_STATEMENTS));
        if list.len() <= MAX_STATEMENTS {
            self.chains(list, &mut texts);
            return texts;
        }
        self.gap(Gap::Truncated);
        self.print(Output::Unknown);
        self.chains(list.get(..MAX_STATEMENTS / 2).unwrap_or_default(), &mut texts);
        self.chains(list.get(list.len() - MAX_STATEMENTS / 2..).unwrap_or_default(), &mut texts);
        texts
    }

    fn chains(&mut self, list: &[Statement<'_>], texts: &mut Vec<String>) {
        for chain in list.chunk_by(|_, next| next.joint != Joint::Always) {
            // `a && b &`: all of it runs in a shell of its own.
            if chain.last().is_some_and(|last| last.background) {
                let mark = self.scope.enter();
                self.chain(chain, texts);
                self.scope.leave(mark);
                self.outcome = None;
            } else {
                self.chain(chain, texts);
            }
        }
    }

    /// Statements joined by `&&` and `||`: each runs where the one it hangs on may leave the shell.
    fn chain(&mut self, chain: &[Statement<'_>], texts: &mut Vec<String>) {
        let mut statements = chain.iter();
        texts.extend(statements.next().map(|first| self.statement(first)));
        if chain.len() < 2 {
            return;
        }
        let mut ways = self.take_outcome();
        for statement in statements {
            self.enter_way(&ways, statement.joint);
            texts.push(self.statement(statement));
            ways = ways.then(statement.joint, self.take_outcome());
        }
        self.settle(ways);
    }

    /// Where what was just walked may leave the shell.
    fn take_outcome(&mut self) -> Ways {
        self.outcome.take().unwrap_or_else(|| Ways::at(&self.scope.place))
    }

    fn enter_way(&mut self, ways: &Ways, joint: Joint) {
        if let Some(place) = ways.entry(joint) {
            self.scope.place = place.clone();
        }
    }

    /// Goes where what follows is to be looked at.
    fn settle(&mut self, ways: Ways) {
        if let Some(place) = ways.settled() {
            self.scope.place = place;
        }
        self.outcome = Some(ways);
    }

    fn block(&mut self, list: &List<'_>) -> Vec<String> {
        if self.n_nested >= MAX_NESTING {
            self.gap(Gap::Truncated);
            self.print(Output::Unknown);
            return vec!["…".to_owned()];
        }
        self.n_nested += 1;
        self.layers.push(Layer::Block);
        let texts = self.list(list);
        self.layers.pop();
        self.n_nested -= 1;
        texts
    }

    fn statement(&mut self, statement: &Statement<'_>) -> String {
        if self.n_nested > 0 {
            self.n_inner_statements += 1;
            if self.n_inner_statements > MAX_INNER_STATEMENTS {
                self.gap(Gap::Truncated);
                self.print(Output::Unknown);
                return "…".to_owned();
            }
        }
        let outer_gaps = std::mem::take(&mut self.pending);
        let outer_span = std::mem::replace(&mut self.span, statement.span.clone());
        let conditional = statement.joint != Joint::Always;
        self.scope.n_conditions += usize::from(conditional);
        let mark = statement.coprocess.then(|| self.scope.enter());
        self.outcome = None;
        if statement.flawed {
            self.gap(Gap::Unparsed);
        }
        let text = match statement.stages.as_slice() {
            [stage] if !matches!(stage.body, Body::Simple(..)) => self.lone_block(stage, statement.background),
            stages => self.pipeline(stages, statement.background),
        };
        if let Some(mark) = mark {
            self.scope.leave(mark);
        }
        if statement.stages.len() > 1 || statement.coprocess {
            self.outcome = None;
        }
        if statement.negated {
            self.outcome = self.outcome.take().map(Ways::negated);
        }
        self.scope.n_conditions -= usize::from(conditional);
        self.span = outer_span;
        self.pending = outer_gaps;
        text
    }

    // ── Compound commands ───────────────────────────────────────────────────────────────────────────────────────────────

    /// A compound command that is a statement by itself: its inside speaks for it, unless it is redirected.
    fn lone_block(&mut self, stage: &Stage<'_>, background: bool) -> String {
        let at = self.units.len();
        let input = Rc::clone(&self.inherited);
        let step = self.compound(stage, &input);
        if !step.silent {
            self.print(step.output);
        }
        let text = if background { format!("{} &", step.text) } else { step.text };
        let unit = self.command_unit(&text, step.commands, step.effects);
        match stage.body {
            Body::Test(_) | Body::Arithmetic(_) => self.spare(unit),
            Body::Raw(_) => self.emit_at(at, unit),
            _ if stage.redirects.is_empty() || unit.own_effects.is_empty() => self.spare(unit),
            _ => self.emit_at(at, unit),
        }
        text
    }

    pub(super) fn compound(&mut self, stage: &Stage<'_>, input: &Rc<Input>) -> Step {
        let own = self.own_input(stage);
        let file = if own.is_none() { self.input_file(stage) } else { None };
        let input = match self.redirected(own.as_ref(), file.as_ref()) {
            Some(redirected) => redirected,
            None if reads_elsewhere(stage) => Rc::new(input.other()),
            None => Rc::clone(input),
        };
        let at = self.units.len();
        let outer = std::mem::replace(&mut self.inherited, input);
        let fed = std::mem::take(&mut self.fed);
        let (inner, output) = self.capture(|walker| walker.compound_text(&stage.body));
        let outcome = self.outcome.take().filter(|_| matches!(stage.body, Body::Group(_) | Body::Branches(_)));
        let executed = own.is_some() && self.fed;
        self.fed = fed || (own.is_none() && file.is_none() && self.fed);
        self.inherited = outer;
        let mut step = Step { text: inner, output, ..Step::default() };
        step.commands = self.commands_since(at);
        step.source = Source::of(&step.commands);
        step.silent = writes_file(stage);
        self.redirections(stage, own.as_ref(), file.as_ref(), executed, &mut step);
        if let Some(own) = own {
            self.heredoc_data(&own, executed);
        }
        self.outcome = outcome;
        step
    }

    /// The commands of the blocks that were just walked, for the pipeline that they are part of.
    fn commands_since(&self, at: usize) -> Vec<Command> {
        const MOST: usize = 64;
        let depth = self.layers.len() + 1;
        let units = self.units.iter().skip(at).filter(|unit| unit.layers.len() <= depth);
        units.flat_map(|unit| unit.commands.iter().cloned()).take(MOST).collect()
    }

    fn compound_text(&mut self, body: &Body<'_>) -> String {
        // Which parts run, and how often, is not known.
        if matches!(body, Body::Branches(_) | Body::Loop(..) | Body::Case(..) | Body::Raw(_)) {
            self.print(Output::Unknown);
        }
        match body {
            Body::Simple(..) => String::new(),
            Body::Group(list) => format!("{{ {}; }}", short_form(&self.block(list))),
            Body::Subshell(list) => {
                let mark = self.scope.enter();
                let texts = self.block(list);
                self.scope.leave(mark);
                format!("( {} )", short_form(&texts))
            }
            Body::Branches(parts) => {
                self.scope.n_conditions += 1;
                let texts = self.branches(parts);
                self.scope.n_conditions -= 1;
                format!("{{ {}; }}", short_form(&texts))
            }
            Body::Loop(condition, body) => self.while_loop(condition, body),
            Body::For(name, values, body) => self.for_loop(name, values, body),
            Body::Case(word, patterns, arms) => self.case(word, patterns, arms),
            Body::Function(name, body) => self.define(name, body),
            Body::Test(words) => format!("[[ {} ]]", self.shown_words(words)),
            Body::Arithmetic(word) => {
                let inside = self.expand_whole(word).text;
                format!("(( {} ))", inside.trim())
            }
            Body::Raw(raw) => {
                self.gap(Gap::Unparsed);
                (*raw).to_owned()
            }
        }
    }

    /// The parts of an `if`: a condition and what it leads to in turn, and what else happens.
    fn branches(&mut self, parts: &[List<'_>]) -> Vec<String> {
        let mut texts = Vec::new();
        let mut total = Ways::none();
        for pair in parts.chunks(2) {
            let [condition, body] = pair else {
                texts.extend(pair.iter().flat_map(|other| self.block(other)));
                total = total.or(self.take_outcome());
                continue;
            };
            texts.extend(self.block(condition));
            let tested = self.take_outcome();
            self.enter_way(&tested, Joint::And);
            texts.extend(self.block(body));
            total = total.or(self.take_outcome());
            self.enter_way(&tested, Joint::Or);
        }
        if parts.len().is_multiple_of(2) {
            total = total.or(Ways::at(&self.scope.place));
        }
        self.settle(total);
        texts
    }

    fn while_loop(&mut self, condition: &List<'_>, body: &List<'_>) -> String {
        self.scope.n_conditions += 1;
        let turns = match self.fed_lines(condition) {
            Some(lines) => Turns::of(lines.into_iter().map(Some), 0),
            None => Turns::default(),
        };
        let texts = self.turns(&turns, |walker, line| {
            let n_conditions = walker.scope.n_conditions;
            let line = line.map(|line| Rc::new(Input::line(line, n_conditions)));
            let outer = line.map(|line| std::mem::replace(&mut walker.inherited, line));
            let mut texts = walker.block(condition);
            if let Some(place) = walker.take_outcome().settled() {
                walker.scope.place = place;
            }
            if let Some(outer) = outer {
                walker.inherited = outer;
            }
            texts.extend(walker.block(body));
            texts
        });
        self.scope.n_conditions -= 1;
        format!("{{ {}; }}", short_form(&texts))
    }

    fn for_loop(&mut self, name: &str, values: &[Word<'_>], body: &List<'_>) -> String {
        let mut fields = Vec::new();
        for word in values {
            self.expand(word, &mut fields);
        }
        self.scope.n_conditions += 1;
        let constants = fields.iter().map(|field| (!field.dynamic).then(|| constant_of(field)));
        let turns = if name.is_empty() { Turns::default() } else { Turns::of(constants, 1) };
        let texts = self.turns(&turns, |walker, value| {
            let value = value.map_or(Variable::Unknown, |value| Variable::Constant(vec![value.clone()]));
            walker.scope.assign(name, value);
            walker.block(body)
        });
        self.scope.assign(name, Variable::Unknown);
        self.scope.n_conditions -= 1;
        if let Some(list) = &turns.list {
            self.data(list, &[Layer::Block]);
        }
        format!("{{ {}; }}", short_form(&texts))
    }

    /// The turns of a loop. Behind it, the folder may be the one before it, that of a turn's end or one in which it was left.
    fn turns(
        &mut self,
        turns: &Turns,
        mut turn: impl FnMut(&mut Self, Option<&Constant>) -> Vec<String>,
    ) -> Vec<String> {
        let before = self.scope.place.clone();
        let outer_left = self.left.take();
        let mut texts = Vec::new();
        if !turns.complete {
            self.print(Output::Unknown);
            let n_changes = self.scope.n_changes() + turns.n_own_changes;
            texts = turn(self, None);
            // What the first turn set may be what the second one runs.
            if (self.scope.n_changes() > n_changes || self.scope.place != before) && self.repeat() {
                turn(self, None);
            }
        }
        for (index, value) in turns.values.iter().enumerate() {
            if (index > 0 || !turns.complete) && !self.repeat() {
                if turns.complete {
                    self.gap(Gap::Truncated);
                }
                break;
            }
            let shown = turn(self, Some(value));
            if turns.complete {
                texts = shown;
            }
        }
        let end = std::mem::take(&mut self.scope.place);
        let end = stricter(before, end);
        let left = std::mem::replace(&mut self.left, outer_left);
        self.scope.place = match left {
            Some(left) => stricter(left, end),
            None => end,
        };
        texts
    }

    fn case(&mut self, word: &Word<'_>, patterns: &[Word<'_>], arms: &[List<'_>]) -> String {
        self.expand_whole(word);
        for pattern in patterns {
            self.expand_whole(pattern);
        }
        self.scope.n_conditions += 1;
        let mut texts = Vec::new();
        for arm in arms {
            // An arm may be skipped, or end in the next one (`;&`).
            let before = self.scope.place.clone();
            texts.extend(self.block(arm));
            let after = std::mem::take(&mut self.scope.place);
            self.scope.place = stricter(before, after);
        }
        self.scope.n_conditions -= 1;
        format!("{{ {}; }}", short_form(&texts))
    }

    fn shown_words(&mut self, words: &[Word<'_>]) -> String {
        let shown: Vec<String> = words.iter().map(|word| self.expand_whole(word).shown().into_owned()).collect();
        shown.join(" ")
    }

    // ── Functions ───────────────────────────────────────────────────────────────────────────────────────────────────────

    fn define(&mut self, name: &str, body: &str) -> String {
        self.scope.functions.insert(name.to_owned(), Rc::from(body));
        format!("{name}() {{ …; }}")
    }

    /// Walks the body of a function for a call of it.
    pub(super) fn call(&mut self, name: &str, arguments: &[Field]) {
        let Some(body) = self.scope.functions.get(name).cloned() else {
            return;
        };
        if self.calls.iter().any(|call| call == name) {
            self.recursive.push(name.to_owned());
            return;
        }
        let first = !self.called.iter().any(|called| called == name);
        if !first && !self.repeat() {
            self.gap(Gap::Truncated);
            return;
        }
        self.called.push(name.to_owned());
        let known = !self.appends && !arguments.iter().any(|argument| argument.dynamic);
        let script = self.scope.positional.as_ref().and_then(|positional| positional.name.clone());
        let values = arguments.iter().map(constant_of).collect();
        self.body(name, &body, known.then(|| Rc::new(Arguments { name: script, values, assumed: false })));
    }

    fn body(&mut self, name: &str, body: &str, positional: Option<Rc<Arguments>>) {
        if !self.descend() {
            return;
        }
        let positional = std::mem::replace(&mut self.scope.positional, positional);
        let outer_locals = self.scope.begin_function();
        let outer_left = self.left.take();
        let origin = self.origin.clone();
        self.origin = Some(self.current_span());
        self.calls.push(name.to_owned());
        let list = syntax::parse(body);
        let texts = match list.as_slice() {
            [statement] => match statement.stages.as_slice() {
                [Stage { body: Body::Group(list), redirects }] if redirects.is_empty() => self.block(list),
                // `f() ( … )`: a shell of its own.
                [Stage { body: Body::Subshell(list), redirects }] if redirects.is_empty() => {
                    let mark = self.scope.enter();
                    let texts = self.block(list);
                    self.scope.leave(mark);
                    self.left = None;
                    texts
                }
                _ => self.block(&list),
            },
            _ => self.block(&list),
        };
        self.calls.pop();
        self.origin = origin;
        if let Some(left) = std::mem::replace(&mut self.left, outer_left) {
            let end = std::mem::take(&mut self.scope.place);
            self.scope.place = stricter(left, end);
        }
        self.scope.end_function(outer_locals);
        self.scope.positional = positional;
        self.ascend();
        if self.recursive.iter().any(|recursive| recursive == name) {
            // What it does by calling itself is not followed: `:(){ :|:& };:` has no other effect.
            self.gap(Gap::Truncated);
            let text = format!("{name}() {{ {}; }}", short_form(&texts));
            let unit = self.command_unit(&text, Vec::new(), Vec::new());
            self.emit(unit);
        }
    }

    /// Functions that nothing calls may be called later, and so may those that they define.
    fn uncalled_functions(&mut self) {
        let mut done: HashSet<String> = self.called.iter().cloned().collect();
        self.layers.push(Layer::Deferred);
        loop {
            let mut names: Vec<String> =
                self.scope.functions.keys().filter(|name| !done.contains(*name)).cloned().collect();
            if names.is_empty() {
                break;
            }
            names.sort();
            for name in names {
                if done.len() >= self.called.len() + MAX_REPEATS {
                    self.gap(Gap::Truncated);
                    self.layers.pop();
                    return;
                }
                if let Some(body) = self.scope.functions.get(&name).cloned() {
                    self.scope.n_conditions += 1;
                    self.body(&name, &body, None);
                    self.scope.n_conditions -= 1;
                }
                done.insert(name);
            }
        }
        self.layers.pop();
    }
}

/// The turns of a loop that are looked at.
#[derive(Debug, Default)]
struct Turns {
    /// Values that the loop's variable has.
    values: Vec<Constant>,
    /// Whether it has no other values.
    complete: bool,
    /// All values, when some were left out that may be more than numbers.
    list: Option<String>,
    /// Changes of variables in each turn that the loop itself makes.
    n_own_changes: usize,
}

impl Turns {
    /// From the values in order; `None` is one that is only known at run time.
    fn of(all: impl Iterator<Item = Option<Constant>>, n_own_changes: usize) -> Self {
        let mut seen = HashSet::new();
        let mut values = Vec::new();
        let mut complete = true;
        for value in all {
            match value {
                Some(value) if seen.insert(value.text.clone()) => values.push(value),
                Some(_) => {}
                None => complete = false,
            }
        }
        let is_number = |value: &Constant| value.text.bytes().all(|byte| byte.is_ascii_digit());
        complete &= !values.is_empty() && values.len() <= MAX_UNROLLED;
        // One turn with an unknown value says as much of numbers.
        if !complete && values.iter().all(is_number) {
            values.clear();
        }
        let mut list = None;
        if values.len() > MAX_UNROLLED {
            let texts: Vec<&str> = values.iter().map(|value| value.text.as_str()).collect();
            list = Some(texts.join("\n"));
            values.drain(MAX_UNROLLED / 2..values.len() - MAX_UNROLLED / 2);
        }
        Self { values, complete, list, n_own_changes }
    }
}

fn is_same(one: &Unit, other: &Unit) -> bool {
    one.text == other.text
        && one.kind == other.kind
        && one.layers == other.layers
        && one.commands == other.commands
        && one.own_effects == other.own_effects
}

/// A field as the value of a variable.
pub(super) fn constant_of(field: &Field) -> Constant {
    Constant { text: field.text.clone(), parts: field.parts.clone(), decoded: field.decoded }
}
