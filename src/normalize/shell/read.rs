//! `read`: known lines of what is read → variables.

use std::cell::Cell;
use std::rc::Rc;

use crate::normalize::shell::expand::Field;
use crate::normalize::shell::input::Input;
use crate::normalize::shell::scope::{Constant, Variable};
use crate::normalize::shell::syntax::{self, Body, List};
use crate::normalize::shell::walk::Walker;

/// How far an input was read.
#[derive(Debug, Default)]
pub(super) struct Cursor {
    /// Where the next line begins; `None` when that is not known.
    at: Cell<Option<usize>>,
    /// How many conditions surround what reads: within more of them a `read` may happen or not, and no line is certain.
    n_conditions: usize,
}

impl Cursor {
    /// At the beginning.
    pub(super) fn new(n_conditions: usize) -> Self {
        Self { at: Cell::new(Some(0)), n_conditions }
    }
}

impl Input {
    /// What is left to read within so many conditions, and where it begins. From then on that is not known.
    fn take_rest(&self, n_conditions: usize) -> Option<(usize, &[u8])> {
        let at = self.cursor.at.take().filter(|_| self.cursor.n_conditions >= n_conditions)?;
        Some((at, self.literal()?.bytes.get(at..)?))
    }

    fn next_line(&self, n_conditions: usize) -> Option<Constant> {
        let (at, rest) = self.take_rest(n_conditions)?;
        let line = rest.split_inclusive(|byte| *byte == b'\n').next()?;
        self.cursor.at.set(Some(at + line.len()));
        self.constant(line)
    }

    /// Something else than a line is read.
    fn skip(&self) -> Option<Constant> {
        self.cursor.at.set(None);
        None
    }

    /// A line as the value of a variable; `None` when it is no text.
    fn constant(&self, line: &[u8]) -> Option<Constant> {
        let text = std::str::from_utf8(line).ok()?.trim_end_matches(['\n', '\r']);
        let decoded = self.literal().is_some_and(|literal| literal.decoded);
        (!text.contains('\0')).then(|| Constant { text: text.to_owned(), decoded, ..Constant::default() })
    }
}

/// Flags of `read` that take a value, and those of them with which it reads something else than a line, or from elsewhere.
const READ_FLAGS: (&[char], &[char]) = (&['p', 't', 'd', 'n', 'N', 'u', 'a', 'i'], &['d', 'n', 'N', 'u', 'a', 'i']);
/// The same for `mapfile`.
const MAP_FILE_FLAGS: (&[char], &[char]) = (&['d', 'n', 'O', 's', 'u', 'C', 'c'], &['d', 'n', 'O', 's', 'u', 'C', 'c']);

/// What a `read` is asked for.
#[derive(Default)]
struct Asked<'f> {
    names: Vec<&'f str>,
    /// Whether backslashes stay.
    raw: bool,
    /// Whether it reads something else than a line, or from elsewhere.
    special: bool,
}

impl<'f> Asked<'f> {
    fn of(arguments: &'f [Field], (valued, special): (&[char], &[char])) -> Self {
        let mut asked = Self::default();
        let mut arguments = arguments.iter().map(|argument| argument.text.as_str());
        while let Some(argument) = arguments.next() {
            let Some(flags) = argument.strip_prefix('-') else {
                asked.names.extend(syntax::is_name(argument).then_some(argument));
                continue;
            };
            asked.raw |= flags.contains('r');
            asked.special |= flags.contains(special);
            if flags.ends_with(valued) {
                let value = arguments.next();
                asked.names.extend(value.filter(|value| flags.ends_with('a') && syntax::is_name(value)));
            }
        }
        asked
    }
}

impl Walker {
    /// The lines that a loop goes through when its condition begins with `read`; nothing is left of them behind it.
    pub(super) fn fed_lines(&mut self, condition: &List<'_>) -> Option<Vec<Constant>> {
        let [stage] = condition.first()?.stages.as_slice() else {
            return None;
        };
        let Body::Simple(_, words) = &stage.body else {
            return None;
        };
        let reads = words.first()?.raw == "read" && stage.redirects.is_empty();
        // The loop itself is a condition.
        let n_conditions = self.scope.n_conditions.saturating_sub(1);
        let input = Rc::clone(&self.inherited);
        if reads { self.lines(&input, n_conditions) } else { None }
    }

    /// All lines that are left; `None` when one is not known, or all of them are too many.
    fn lines(&mut self, input: &Input, n_conditions: usize) -> Option<Vec<Constant>> {
        let (_, rest) = input.take_rest(n_conditions)?;
        let known = self.scope.spend(rest.len());
        let lines = rest.split_inclusive(|byte| *byte == b'\n').map(|line| input.constant(line));
        if known { lines.collect() } else { None }
    }

    /// `read name …` of an input. `separates` tells that fields are not, or may not be, separated by blanks.
    pub(super) fn read(&mut self, arguments: &[Field], separates: bool, input: &Input) {
        let mut asked = Asked::of(arguments, READ_FLAGS);
        if asked.names.is_empty() {
            asked.names.push("REPLY");
        }
        let line = if asked.special { input.skip() } else { input.next_line(self.scope.n_conditions) };
        match line.filter(|_| asked.names.len() == 1 || !separates) {
            Some(line) => self.assign_words(&asked, line),
            None => asked.names.iter().for_each(|name| self.scope.assign(name, Variable::Unknown)),
        }
    }

    /// Each name gets a word, the last one all the rest.
    fn assign_words(&mut self, asked: &Asked<'_>, line: Constant) {
        let text = if asked.raw { line.text } else { line.text.replace('\\', "") };
        let mut rest = text.trim();
        for (index, name) in asked.names.iter().enumerate() {
            let (word, after) = match rest.split_once([' ', '\t']) {
                Some((word, after)) if index + 1 < asked.names.len() => (word, after.trim_start()),
                _ => (rest, ""),
            };
            rest = after;
            let value = Constant { text: word.to_owned(), decoded: line.decoded, ..Constant::default() };
            let known = self.scope.spend(word.len());
            self.scope.assign(name, if known { Variable::Constant(vec![value]) } else { Variable::Unknown });
        }
    }

    /// `mapfile name`: all lines become an array.
    pub(super) fn map_file(&mut self, arguments: &[Field], input: &Input) {
        let asked = Asked::of(arguments, MAP_FILE_FLAGS);
        let name = asked.names.last().copied().unwrap_or("MAPFILE");
        let lines = self.lines(input, self.scope.n_conditions).filter(|_| !asked.special);
        let value = lines.map_or(Variable::Unknown, Variable::Constant);
        self.scope.assign(name, value);
    }
}
