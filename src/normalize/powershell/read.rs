//! Tokens → statements → pipelines → units.

use std::ops::Range;

use enumset::EnumSet;

use super::calls;
use super::constant::{self, Variables};
use super::lex::{Kind, Part, Token};
use super::render;
use crate::action::{Argument, Command, Effect, Gap, Layer, Shell, Unit, UnitKind};
use crate::normalize::paths::Place;
use crate::normalize::windows::Redirections;
use crate::normalize::windows::written::Text;
use crate::normalize::{limits, windows};

/// Units after which no more are looked for.
const MAX_UNITS: usize = 2 * limits::MAX_UNITS;
/// Tokens and brackets of attributes before a list of parameters.
const MAX_ATTRIBUTES: usize = 16;
/// Bytes of a bracket's inside that its pipeline shows whole.
const SHOWN_INSIDE: usize = 300;

/// The units of a token list.
pub(super) fn units(script: &str, tokens: &[Token], place: &Place, depth: usize) -> (Vec<Unit>, EnumSet<Gap>) {
    let mut reader = Reader {
        script,
        tokens,
        place: place.clone(),
        depth,
        variables: Variables::default(),
        functions: functions(tokens),
        units: Vec::new(),
        gaps: EnumSet::empty(),
    };
    reader.block(0..tokens.len(), &Around { layers: Vec::new(), nesting: 0, commands_only: false });
    (reader.units, reader.gaps)
}

/// The functions that the script defines.
fn functions(tokens: &[Token]) -> Vec<String> {
    let names = tokens.windows(2).filter_map(|pair| match pair {
        [Token { kind: Kind::Word(word), .. }, Token { kind: Kind::Word(name), .. }]
            if word.eq_ignore_ascii_case("function") || word.eq_ignore_ascii_case("filter") =>
        {
            Some(name.to_lowercase())
        }
        _ => None,
    });
    names.take(256).collect()
}

/// Where a statement stands.
#[derive(Clone)]
struct Around {
    layers: Vec<Layer>,
    nesting: usize,
    /// The text is shown by an outer unit already: only commands become units.
    commands_only: bool,
}

impl Around {
    fn inside(&self, layer: Layer, commands_only: bool) -> Self {
        let mut layers = self.layers.clone();
        if layers.last() != Some(&layer) {
            layers.push(layer);
        }
        Self { layers, nesting: self.nesting + 1, commands_only }
    }
}

/// A part of a pipeline.
struct Element {
    text: String,
    command: Option<Command>,
    effects: Vec<Effect>,
    inner: Vec<Unit>,
    gaps: EnumSet<Gap>,
    /// What it puts out, if that is constant.
    value: Option<String>,
}

struct Reader<'a> {
    script: &'a str,
    tokens: &'a [Token],
    place: Place,
    depth: usize,
    variables: Variables,
    functions: Vec<String>,
    units: Vec<Unit>,
    gaps: EnumSet<Gap>,
}

impl<'a> Reader<'a> {
    fn kind(&self, at: usize) -> Option<&'a Kind> {
        self.tokens.get(at).map(|token| &token.kind)
    }

    fn word(&self, at: usize) -> Option<String> {
        match self.kind(at)? {
            Kind::Word(word) => Some(word.to_ascii_lowercase()),
            _ => None,
        }
    }

    /// The index after a token and, if it opens a bracket, all that is inside.
    fn after(&self, at: usize) -> usize {
        match self.tokens.get(at) {
            Some(Token { kind: Kind::Open(_), partner, .. }) => (*partner + 1).max(at + 1),
            _ => at + 1,
        }
    }

    fn span(&self, range: &Range<usize>) -> Range<usize> {
        let start = self.tokens.get(range.start).map_or(self.script.len(), |token| token.span.start);
        let last = range.end.min(self.tokens.len()).checked_sub(1).and_then(|last| self.tokens.get(last));
        start..last.map_or(start, |token| token.span.end).max(start)
    }

    fn push(&mut self, mut unit: Unit, around: &Around) {
        if self.units.len() >= MAX_UNITS {
            self.gaps |= Gap::Truncated;
            return;
        }
        if unit.text.trim().is_empty() {
            return;
        }
        let mut layers = around.layers.clone();
        layers.append(&mut unit.layers);
        unit.layers = layers;
        self.gaps |= unit.gaps;
        self.units.push(unit);
    }

    /// The statements in a range.
    fn block(&mut self, range: Range<usize>, around: &Around) {
        let end = range.end.min(self.tokens.len());
        if around.nesting > limits::MAX_NESTING / 2 {
            self.gaps |= Gap::Truncated;
            let text = self.script.get(self.span(&(range.start..end))).unwrap_or_default().trim().to_owned();
            let unit = Unit::new(UnitKind::Command(Shell::PowerShell), text, self.span(&(range.start..end)));
            self.push(unit, around);
            return;
        }
        let mut at = range.start;
        while at < end {
            if self.units.len() >= MAX_UNITS {
                self.gaps |= Gap::Truncated;
                return;
            }
            if matches!(self.kind(at), Some(Kind::End | Kind::Chain | Kind::Close(_))) {
                at += 1;
                continue;
            }
            let stop = self.statement_end(at, end);
            self.statement(at..stop, around);
            at = stop.max(at + 1);
        }
    }

    /// Where the statement that begins at `at` ends.
    fn statement_end(&self, at: usize, end: usize) -> usize {
        let mut next = at;
        while next < end {
            match self.kind(next) {
                Some(Kind::Chain | Kind::End) => return next,
                _ if self.is_parameter_list(at, next) => return self.after(next + 1).min(end),
                _ => next = self.after(next),
            }
        }
        end
    }

    /// Whether the `param ( )` of a function or block stands here: at the start of a statement, or behind the attributes of
    /// one. What follows its bracket is a statement of its own without any sign between.
    fn is_parameter_list(&self, start: usize, at: usize) -> bool {
        if self.kind(at + 1) != Some(&Kind::Open('(')) {
            return false;
        }
        let attributed = || matches!(self.kind(start), Some(Kind::Word(word)) if word.starts_with('['));
        match self.word(at).as_deref() {
            Some("param") if at == start => true,
            Some("param") => attributed() && matches!(self.kind(at - 1), Some(Kind::Word(word)) if word.ends_with(']')),
            Some("]param") => attributed(),
            _ => false,
        }
    }

    /// Whether a statement is the `param ( )` of a function or block with its attributes.
    fn is_parameters(&self, range: &Range<usize>) -> bool {
        let mut at = range.start;
        for _ in 0..MAX_ATTRIBUTES {
            if at >= range.end || self.is_parameter_list(range.start, at) {
                break;
            }
            at = self.after(at);
        }
        at < range.end && self.is_parameter_list(range.start, at)
    }

    fn statement(&mut self, range: Range<usize>, around: &Around) {
        if self.is_parameters(&range) {
            // Only what the parameters' defaults run.
            return self.brackets(range, around);
        }
        if let Some(word) = self.word(range.start) {
            match word.as_str() {
                "if" | "elseif" | "else" | "while" | "switch" | "foreach" | "for" | "until" | "catch" | "trap"
                | "try" | "finally" | "do" | "begin" | "process" | "end" | "function" | "filter" | "class" | "enum"
                | "workflow" | "configuration"
                    if self.has_group(&range) =>
                {
                    return self.control(range, around);
                }
                "return" | "throw" | "exit" if range.len() > 1 => {
                    return self.statement(range.start + 1..range.end, around);
                }
                "break" | "continue" | "return" | "exit" => return,
                _ => {}
            }
        }
        match self.assignment(&range) {
            Some(operator) => self.assign(range, operator, around),
            None => self.pipeline(range, "", around),
        }
    }

    /// Whether a bracket follows the keyword soon enough for it to be one.
    fn has_group(&self, range: &Range<usize>) -> bool {
        (range.start + 1..range.end.min(range.start + 5)).any(|at| matches!(self.kind(at), Some(Kind::Open(_))))
    }

    /// A control statement: its conditions and its blocks.
    fn control(&mut self, range: Range<usize>, around: &Around) {
        let mut at = range.start;
        let mut closed = false;
        while at < range.end {
            match self.kind(at) {
                Some(Kind::Open(bracket)) => {
                    let inside = at + 1..self.after(at).saturating_sub(1).min(range.end);
                    if *bracket == '{' {
                        self.block(inside, &around.inside(Layer::Block, false));
                        closed = true;
                    } else {
                        self.condition(inside, around);
                    }
                }
                Some(Kind::Word(_) | Kind::End) if !closed || self.is_clause(at) => closed = false,
                Some(Kind::End) => {}
                _ if closed => {
                    self.statement(at..range.end, around);
                    return;
                }
                _ => {}
            }
            at = self.after(at);
        }
    }

    fn is_clause(&self, at: usize) -> bool {
        self.word(at).is_some_and(|word| {
            matches!(
                word.as_str(),
                "else" | "elseif" | "catch" | "finally" | "while" | "until" | "begin" | "process" | "end"
            )
        })
    }

    /// The head of a control statement; of `foreach ($x in …)` only what comes after `in`.
    fn condition(&mut self, range: Range<usize>, around: &Around) {
        let from = match self.word(range.start + 1).as_deref() {
            Some("in") => range.start + 2,
            _ => range.start,
        };
        self.block(from..range.end, &around.inside(Layer::Block, false));
    }

    /// The index of the assignment operator, if the statement is one.
    fn assignment(&self, range: &Range<usize>) -> Option<usize> {
        let starts = match self.kind(range.start)? {
            Kind::Variable(_) => true,
            Kind::Word(word) => word.starts_with('['),
            _ => false,
        };
        if !starts {
            return None;
        }
        let mut at = range.start;
        while at < range.end && at < range.start + 8 {
            match self.kind(at)? {
                Kind::Word(word) if matches!(word.as_str(), "=" | "+=" | "-=" | "*=" | "/=") => return Some(at),
                Kind::Variable(_) | Kind::Word(_) | Kind::Comma => {}
                Kind::Open(_) if !self.tokens.get(at)?.spaced => {}
                _ => return None,
            }
            at = self.after(at);
        }
        None
    }

    fn assign(&mut self, range: Range<usize>, operator: usize, around: &Around) {
        let right = operator + 1..range.end;
        let prefix = render::text(self.tokens, operator..operator + 1, &Variables::default());
        let name = match self.kind(operator.saturating_sub(1)) {
            Some(Kind::Variable(name)) if operator <= range.start + 2 => Some(name.clone()),
            _ => None,
        };
        let left = render::text(self.tokens, range.start..operator, &Variables::default());
        let value = constant::value(self.tokens, right.clone(), &self.variables);
        if let Some(name) = &name {
            let old = self.variables.get(name).map(str::to_owned);
            match (prefix.trim(), value.clone(), old) {
                ("=", Some(value), _) => self.variables.set(name, value),
                ("+=", Some(more), Some(old)) => self.variables.set(name, old + &more),
                _ => self.variables.forget(name),
            }
        }
        self.pipeline(right, &format!("{left} {} ", prefix.trim()), around);
    }

    /// A pipeline with what stands before it in the statement.
    fn pipeline(&mut self, range: Range<usize>, prefix: &str, around: &Around) {
        let mut elements: Vec<Element> = Vec::new();
        let mut start = range.start;
        let mut at = range.start;
        while at <= range.end {
            let last = at == range.end;
            if last || self.kind(at) == Some(&Kind::Pipe) {
                if start < at {
                    let input = elements.last().and_then(|element| element.value.clone());
                    let element = self.element(start..at, input);
                    elements.push(element);
                }
                start = at + 1;
            }
            if last {
                break;
            }
            at = self.after(at).min(range.end);
        }
        let span = self.span(&range);
        let apart = if elements.len() > 1 || prefix.len() > windows::MAX_INLINE {
            stages(&elements, &span)
        } else {
            Vec::new()
        };
        let unit = joined(elements, prefix, span);
        self.emit(unit, apart, &range, around);
    }

    /// Emits a pipeline's unit and those of its stages, then what is inside its brackets and strings.
    fn emit(&mut self, (mut unit, inner): (Unit, Vec<Unit>), apart: Vec<Unit>, range: &Range<usize>, around: &Around) {
        calls::mark(&mut unit, &inner);
        let span = unit.span.clone();
        if !around.commands_only || !unit.commands.is_empty() {
            self.push(unit, around);
        }
        for mut unit in apart.into_iter().chain(inner) {
            unit.span = span.clone();
            self.push(unit, around);
        }
        self.brackets(range.clone(), around);
    }

    /// What is inside brackets and strings.
    fn brackets(&mut self, range: Range<usize>, around: &Around) {
        let mut at = range.start;
        while at < range.end {
            match self.kind(at) {
                Some(Kind::Open(bracket)) => self.inside(at, *bracket, around),
                Some(Kind::Text(parts)) => self.string(at, parts, around),
                _ => {}
            }
            at = self.after(at);
        }
    }

    fn inside(&mut self, at: usize, bracket: char, around: &Around) {
        let inside = at + 1..self.after(at).saturating_sub(1).min(self.tokens.len());
        if let Some(value) = constant::value(self.tokens, inside.clone(), &self.variables) {
            if render::is_long(&value) {
                self.push(Unit::new(UnitKind::Data, value, self.span(&inside)), around);
            }
            return;
        }
        let shown = self.span(&inside).len() <= SHOWN_INSIDE && around.nesting < 5;
        if bracket == '@' {
            return self.table(inside, &around.inside(Layer::Substitution, shown));
        }
        let layer = if bracket == '{' { Layer::Block } else { Layer::Substitution };
        self.block(inside, &around.inside(layer, shown));
    }

    /// The values of a table `@{ key = value }`.
    fn table(&mut self, range: Range<usize>, around: &Around) {
        let mut at = range.start;
        while at < range.end && around.nesting <= limits::MAX_NESTING / 2 {
            let stop = self.statement_end(at, range.end);
            let assigns = |index: &usize| self.word(*index).is_some_and(|word| word.ends_with('='));
            if let Some(operator) = (at..stop.min(at + 4)).find(assigns) {
                self.pipeline(operator + 1..stop, "", around);
            }
            at = stop + 1;
        }
    }

    /// A string: the commands in its `$( )`, and the text itself when it is long.
    fn string(&mut self, at: usize, parts: &[Part], around: &Around) {
        let span = self.span(&(at..at + 1));
        let long = constant::text(parts, &self.variables).unwrap_or_else(|| plain(parts));
        if render::is_long(&long) && !self.is_opened(&span) {
            self.push(Unit::new(UnitKind::Data, long, span.clone()), around);
        }
        if self.depth >= limits::MAX_DEPTH {
            return;
        }
        for part in parts {
            let Part::Sub(inner, _) = part else { continue };
            let (units, _) = super::units_at(inner, &self.place, self.depth + 1);
            for mut unit in units.into_iter().filter(|unit| !unit.commands.is_empty()) {
                unit.span = span.clone();
                self.push(unit, &around.inside(Layer::Substitution, false));
            }
        }
    }

    /// Whether a string was read as a script already.
    fn is_opened(&self, span: &Range<usize>) -> bool {
        let opened = |unit: &&Unit| {
            unit.span.start <= span.start
                && unit.span.end >= span.end
                && unit.layers.iter().any(|layer| matches!(layer, Layer::Script | Layer::Decoded))
        };
        self.units.iter().rev().take(8).any(|unit| opened(&unit))
    }

    fn element(&mut self, range: Range<usize>, input: Option<String>) -> Element {
        match self.kind(range.start) {
            Some(Kind::Ampersand) if range.len() > 1 => self.command(range.start + 1..range.end, true, input),
            Some(Kind::Word(word)) if word == "." && range.len() > 1 => {
                self.command(range.start + 1..range.end, true, input)
            }
            Some(Kind::Word(word)) if is_command(word) => self.command(range, false, input),
            _ => self.expression(range),
        }
    }

    fn expression(&mut self, range: Range<usize>) -> Element {
        let shown = range.start..self.first(&range, |kind| matches!(kind, Kind::Redirect(_)));
        let values = constant::values(self.tokens, shown.clone(), &self.variables);
        let text = match values.as_deref() {
            Some([value]) if shown == range => render::literal(value),
            _ => render::text(self.tokens, range.clone(), &self.variables),
        };
        let mut effects = calls::effects(&text, &self.place);
        let mut gaps = EnumSet::empty();
        let writes = effects.iter().any(|effect| effect.written_file().is_some());
        if let Some(written) = writes.then(|| self.written_by_method(&range)).flatten() {
            gaps |= windows::written::note(&effects, &written, text.contains("::Append"), &self.place);
        }
        let mut value = self.put_out(shown.clone(), values);
        if shown.end < range.end {
            let redirections = Redirections::of(&self.words(shown.end..range.end).redirects, &self.place);
            if let Some(value) = value.take() {
                gaps |= windows::written::note(&redirections.output, &value, redirections.appends, &self.place);
            }
            gaps |= redirections.gaps;
            windows::add(&mut effects, redirections.effects);
        }
        let value = value.filter(|value| value.whole).map(|value| value.text);
        Element { text, command: None, effects, inner: Vec::new(), gaps, value }
    }

    /// The first token of a kind that stands in no bracket of the range; the end of the range where there is none.
    fn first(&self, range: &Range<usize>, wanted: impl Fn(&Kind) -> bool) -> usize {
        let mut at = range.start;
        while at < range.end && !self.kind(at).is_some_and(&wanted) {
            at = self.after(at);
        }
        at.min(range.end)
    }

    /// The text of an expression with these values, a line for each; of one string also where it is not constant.
    fn put_out(&self, range: Range<usize>, values: Option<Vec<String>>) -> Option<Text> {
        if let Some(values) = values {
            return Some(Text::constant(values.join("\n")));
        }
        match self.tokens.get(range)? {
            [Token { kind: Kind::Text(parts), .. }] => {
                Some(Text { text: render::shown(parts, &self.variables), whole: false })
            }
            _ => None,
        }
    }

    /// What `[IO.File]::WriteAllText(path, text)` and its kin write.
    fn written_by_method(&self, range: &Range<usize>) -> Option<Text> {
        let writes = |at: &usize| {
            self.word(*at).is_some_and(|word| word.contains("::writeall") || word.contains("::append"))
                && self.kind(at + 1) == Some(&Kind::Open('('))
        };
        let open = range.clone().find(writes)? + 1;
        let close = self.after(open).saturating_sub(1);
        let comma = |from: usize| self.first(&(from..close), |kind| *kind == Kind::Comma);
        let path_end = comma(open + 1);
        if path_end >= close {
            return None;
        }
        let text = path_end + 1..comma(path_end + 1);
        self.put_out(text.clone(), constant::values(self.tokens, text, &self.variables))
    }

    /// A command: its name, its words, its redirections.
    fn command(&mut self, range: Range<usize>, called: bool, input: Option<String>) -> Element {
        let (name, after, mut gaps) = self.name(&range, called);
        let words = self.words(after..range.end);
        let arguments: Vec<Argument> = words.list.iter().map(|word| word.argument.clone()).collect();
        let mut built = windows::command(&name, arguments, &self.place, self.depth);
        if self.functions.contains(&built.command.program) || name.starts_with('$') {
            built.gaps -= Gap::UnknownProgram;
        }
        gaps |= built.gaps;
        let redirections = Redirections::of(&words.redirects, &self.place);
        gaps |= redirections.gaps | self.written_by(&built.command, &redirections, input.as_deref());
        built.command.effects.extend(redirections.effects);
        let mut inner = built.inner;
        inner.extend(calls::inner(&mut built.command, input.as_deref(), &self.place, self.depth, &mut gaps));
        if inner.is_empty() {
            let (units, found) = windows::piped(&built.command, input.as_deref(), &self.place, self.depth);
            gaps |= found;
            inner.extend(units);
        }
        let (known, found) = windows::known_scripts(&built.command, &self.place, self.depth, false);
        gaps |= found;
        inner.extend(known);
        self.moved(&built.command);
        let text = spelled(&name, called, &words, &built.command, !inner.is_empty());
        let mut effects = calls::effects(&text, &self.place);
        windows::add(&mut effects, calls::member(&built.command, &self.place));
        let value = printed(&built.command);
        Element { text, command: Some(built.command), effects, inner, gaps, value }
    }

    /// Notes what a command writes to files: what it is given, or what it prints where its output is redirected.
    fn written_by(&self, command: &Command, redirections: &Redirections, input: Option<&str>) -> EnumSet<Gap> {
        let own = windows::written::data(command, "\n");
        let (text, effects, appends) = match is_echo(command) {
            true => (own, &redirections.output, redirections.appends),
            false => (own.or_else(|| input.map(Text::constant)), &command.effects, appends(command)),
        };
        text.map_or(EnumSet::empty(), |text| windows::written::note(effects, &text, appends, &self.place))
    }

    /// Follows a change of folder.
    fn moved(&mut self, command: &Command) {
        if matches!(command.program.as_str(), "cd" | "chdir" | "sl" | "set-location" | "push-location" | "pushd")
            && let Some(path) =
                command.arguments.iter().find(|argument| !argument.text.starts_with('-') && !argument.dynamic)
        {
            self.place = self.place.changed_to(&path.text);
        }
    }

    /// The command's name, where its words begin, and what is odd about the name.
    fn name(&self, range: &Range<usize>, called: bool) -> (String, usize, EnumSet<Gap>) {
        let mut end = range.start + 1;
        while end < range.end
            && self.tokens.get(end).is_some_and(|token| {
                !token.spaced && matches!(token.kind, Kind::Word(_) | Kind::Variable(_) | Kind::Text(_))
            })
        {
            end += 1;
        }
        if called && matches!(self.kind(range.start), Some(Kind::Open(_))) {
            end = self.after(range.start).min(range.end);
        }
        let chunk = self.chunk(range.start..end);
        let mut gaps = EnumSet::empty();
        if chunk.argument.dynamic {
            gaps |= Gap::Dynamic;
        } else if called && (matches!(self.kind(range.start), Some(Kind::Open('(')))) {
            gaps |= Gap::OddSpelling;
        }
        let name =
            if matches!(self.kind(range.start), Some(Kind::Word(_))) && !chunk.argument.text.contains(['\\', '/']) {
                chunk.argument.text.to_lowercase()
            } else {
                chunk.argument.text
            };
        (name, end, gaps)
    }

    /// The words of a command.
    fn words(&self, range: Range<usize>) -> Words {
        let mut words = Words { list: Vec::new(), redirects: Vec::new() };
        let mut comma = false;
        let mut at = range.start;
        while at < range.end {
            match self.kind(at) {
                Some(Kind::Comma) => {
                    comma = true;
                    at += 1;
                    continue;
                }
                Some(Kind::Ampersand | Kind::End | Kind::Close(_)) => {
                    at += 1;
                    continue;
                }
                Some(Kind::Redirect(operator)) => {
                    let end = if operator.contains('&') { at + 1 } else { self.chunk_end(at + 1, range.end) };
                    let target = if end > at + 1 { self.chunk(at + 1..end).argument.text } else { String::new() };
                    words.redirects.push((operator.clone(), target));
                    at = end;
                    continue;
                }
                _ => {}
            }
            let end = self.chunk_end(at, range.end);
            let mut word = self.chunk(at..end);
            word.comma = comma;
            comma = false;
            at = end;
            if is_common(&word.argument.text)
                && at < range.end
                && !matches!(self.kind(at), Some(Kind::Redirect(_) | Kind::End))
            {
                let end = self.chunk_end(at, range.end);
                word.take_value(&self.chunk(at..end));
                at = end;
            }
            words.list.push(word);
        }
        words
    }

    /// The end of the tokens that make one argument.
    fn chunk_end(&self, at: usize, end: usize) -> usize {
        let mut next = self.after(at).min(end);
        while next < end
            && self.tokens.get(next).is_some_and(|token| {
                !token.spaced
                    && !matches!(
                        token.kind,
                        Kind::Comma | Kind::Redirect(_) | Kind::End | Kind::Ampersand | Kind::Close(_)
                    )
            })
        {
            next = self.after(next).min(end);
        }
        next.max(at + 1)
    }

    /// One argument from its tokens.
    fn chunk(&self, range: Range<usize>) -> Word {
        if let Some(value) = constant::value(self.tokens, range.clone(), &self.variables) {
            return Word {
                shown: render::word(&value),
                argument: windows::argument(value),
                bracketed: false,
                comma: false,
            };
        }
        let mut text = String::new();
        let mut dynamic = false;
        let mut at = range.start;
        while at < range.end {
            match self.kind(at) {
                Some(Kind::Word(word)) => text.push_str(&parameter(word, text.is_empty())),
                Some(Kind::Text(parts)) => {
                    let value = constant::text(parts, &self.variables);
                    dynamic |= value.is_none();
                    text.push_str(&value.unwrap_or_else(|| render::shown(parts, &self.variables)));
                }
                Some(Kind::Variable(name)) => match self.variables.get(name) {
                    Some(value) => text.push_str(value),
                    None => {
                        dynamic |= !matches!(name.as_str(), "true" | "false" | "null");
                        text.extend(["$", name]);
                    }
                },
                Some(Kind::Open(bracket)) => {
                    let end = self.after(at).min(range.end);
                    dynamic |= *bracket != '{';
                    let inside = render::text(self.tokens, at..end, &self.variables);
                    let called = *bracket == '(' && text.ends_with(char::is_alphanumeric) && !inside.starts_with('(');
                    text.push_str(&if called { format!("({inside})") } else { inside });
                }
                _ => {}
            }
            at = self.after(at);
        }
        let bracketed = (range.start..range.end).any(|at| matches!(self.kind(at), Some(Kind::Open(_))));
        let shown = if bracketed { text.clone() } else { render::word(&text) };
        Word { shown, argument: Argument { text, dynamic, data: false }, bracketed, comma: false }
    }
}

/// Whether a command that writes adds to what stands in the file.
fn appends(command: &Command) -> bool {
    let mut switches = command.arguments.iter().map(|argument| argument.text.to_ascii_lowercase());
    matches!(command.program.as_str(), "add-content" | "ac") || switches.any(|switch| switch.starts_with("-ap"))
}

fn is_echo(command: &Command) -> bool {
    matches!(command.program.as_str(), "echo" | "write" | "write-output")
}

/// What a command puts out, if it only prints what it is given and that is constant.
fn printed(command: &Command) -> Option<String> {
    let prints = is_echo(command)
        && command.arguments.iter().all(|argument| !argument.dynamic && !argument.text.starts_with('-'))
        && command.effects.iter().all(|effect| effect.target.is_none());
    let words: Vec<&str> = command.arguments.iter().map(|argument| argument.text.as_str()).collect();
    prints.then(|| words.join("\n"))
}

/// A command's canonical text. `opened`: what it runs is a unit of its own.
fn spelled(name: &str, called: bool, words: &Words, command: &Command, opened: bool) -> String {
    let mut text = render::word(name);
    if called && !is_command(name) {
        text.insert_str(0, "& ");
    }
    for (index, word) in words.list.iter().enumerate() {
        let data = command.arguments.get(index).is_some_and(|argument| argument.data);
        text.push_str(if word.comma { "," } else { " " });
        match () {
            () if word.bracketed => text.push_str(&word.shown),
            () if render::is_long(&word.argument.text) => {
                text.push_str(if opened { windows::CODE } else { windows::DATA })
            }
            () if data => text.extend([windows::DATA, &render::quoted(&word.argument.text)]),
            () => text.push_str(&word.shown),
        }
    }
    for (operator, target) in &words.redirects {
        text.extend([" ", operator, target]);
    }
    text
}

/// The words of a command apart from its name.
struct Words {
    list: Vec<Word>,
    redirects: Vec<(String, String)>,
}

struct Word {
    argument: Argument,
    shown: String,
    /// Part of it stands in brackets.
    bracketed: bool,
    /// It belongs to a list with the word before.
    comma: bool,
}

impl Word {
    /// Shows a value with its parameter; what it is does not matter to any table.
    fn take_value(&mut self, value: &Word) {
        self.shown.extend([" ", &value.shown]);
    }
}

/// Whether every cmdlet has this parameter, so that no table lists it, and it takes a value.
fn is_common(parameter: &str) -> bool {
    let names = [
        "-erroraction",
        "-ea",
        "-errorvariable",
        "-ev",
        "-warningaction",
        "-wa",
        "-warningvariable",
        "-informationaction",
        "-infa",
        "-outvariable",
        "-ov",
        "-outbuffer",
        "-ob",
        "-pipelinevariable",
        "-pv",
    ];
    names.contains(&parameter)
}

/// A parameter's name in lower case; its value and any other word as it stands.
fn parameter(word: &str, first: bool) -> String {
    let dashed = word
        .strip_prefix(['-', '\u{2013}', '\u{2014}', '\u{2015}'])
        .filter(|rest| first && rest.starts_with(|c: char| c.is_ascii_alphabetic()));
    let Some(rest) = dashed else { return word.to_owned() };
    let (name, value) = rest.split_at(rest.find(':').unwrap_or(rest.len()));
    format!("-{}{value}", name.to_lowercase())
}

/// Whether a bare word at the start of a pipeline's part is a command's name.
fn is_command(word: &str) -> bool {
    let starts =
        word.starts_with(|c: char| c.is_alphanumeric() || matches!(c, '.' | '\\' | '/' | '~' | '_' | '?' | '%' | '*'));
    starts
        && !word.chars().all(|c| c.is_ascii_digit() || c == '.')
        && !(word.starts_with('.') && !word.starts_with(".\\") && !word.starts_with("./") && !word.starts_with(".."))
}

fn plain(parts: &[Part]) -> String {
    let mut out = String::new();
    for part in parts {
        match part {
            Part::Plain(text) => out.push_str(text),
            Part::Variable(name) => out.extend(["$", name]),
            Part::Sub(inner, _) => out.extend(["$(", inner, ")"]),
        }
    }
    out
}

/// A unit for each stage of a pipeline that does more than look and print: many harmless ones around it must not hide it.
fn stages(elements: &[Element], span: &Range<usize>) -> Vec<Unit> {
    let unit = |element: &Element| {
        let mut unit = Unit::new(UnitKind::Command(Shell::PowerShell), element.text.as_str(), span.clone());
        unit.gaps = element.gaps;
        unit.own_effects.clone_from(&element.effects);
        unit.commands.extend(element.command.clone());
        unit
    };
    elements.iter().map(unit).filter(windows::does_more).collect()
}

/// The unit of a pipeline, and what was found inside its commands.
fn joined(elements: Vec<Element>, prefix: &str, span: Range<usize>) -> (Unit, Vec<Unit>) {
    let mut unit = Unit::new(UnitKind::Command(Shell::PowerShell), prefix, span);
    let mut inner = Vec::new();
    for (index, element) in elements.into_iter().enumerate() {
        if index > 0 {
            unit.text.push_str(" | ");
        }
        unit.text.push_str(&element.text);
        unit.gaps |= element.gaps;
        for effect in element.effects {
            if !unit.own_effects.contains(&effect) {
                unit.own_effects.push(effect);
            }
        }
        unit.commands.extend(element.command);
        inner.extend(element.inner);
    }
    unit.text.truncate(unit.text.trim_end().len());
    (unit, inner)
}
