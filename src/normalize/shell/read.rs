//! `read`: known lines of a here-document, a here-string or a constant pipe → variables.

use std::rc::Rc;

use crate::normalize::shell::command::Input;
use crate::normalize::shell::decode::Output;
use crate::normalize::shell::expand::Field;
use crate::normalize::shell::scope::{Constant, Variable};
use crate::normalize::shell::syntax::{self, Body, List, Stage};
use crate::normalize::shell::walk::Walker;

/// The standard input of what is looked at, where it is known.
#[derive(Debug, Clone)]
pub(super) struct Feed {
    text: Rc<str>,
    /// Where the next line begins.
    at: usize,
    decoded: bool,
    /// How many conditions surround what is fed: within more of them a `read` may happen or not, and no line is certain.
    n_conditions: usize,
}

impl Feed {
    /// The input that is one line.
    pub(super) fn line(line: &Constant, n_conditions: usize) -> Self {
        Self { text: Rc::from(line.text.as_str()), at: 0, decoded: line.decoded, n_conditions }
    }

    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn lines(&self) -> Vec<Constant> {
        self.rest().lines().map(|line| self.constant(line)).collect()
    }

    fn next_line(&mut self) -> Option<Constant> {
        let line = self.rest().split_inclusive('\n').next().map(str::to_owned)?;
        self.at += line.len();
        Some(self.constant(line.trim_end_matches(['\n', '\r'])))
    }

    fn constant(&self, line: &str) -> Constant {
        Constant { text: line.to_owned(), decoded: self.decoded, ..Constant::default() }
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
    /// Sets what `read` reads in a stage. Gives what it read before, to be put back after the stage; `None` when the stage goes
    /// on reading that.
    pub(super) fn feed(&mut self, stage: &Stage<'_>, own: Option<&Field>, input: &Input) -> Option<Option<Feed>> {
        let known = match (own, &input.output) {
            (Some(own), _) => (!own.dynamic).then_some((own.text.as_str(), own.decoded)),
            (None, _) if stage.redirects.iter().any(|redirect| redirect.operator.starts_with('<')) => None,
            (None, Output::Known(literal)) => literal.as_text().map(|text| (text, literal.decoded)),
            (None, _) if input.piped => None,
            (None, _) => return None,
        };
        let n_conditions = self.scope.n_conditions;
        let feed = known.map(|(text, decoded)| Feed { text: Rc::from(text), at: 0, decoded, n_conditions });
        Some(std::mem::replace(&mut self.feed, feed))
    }

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
        let feed = if reads { self.feed.take() } else { None };
        feed.filter(|feed| feed.n_conditions >= n_conditions).map(|feed| feed.lines())
    }

    /// `read name …`. `separates` tells that fields are not, or may not be, separated by blanks.
    pub(super) fn read(&mut self, arguments: &[Field], separates: bool) {
        let mut asked = Asked::of(arguments, READ_FLAGS);
        if asked.names.is_empty() {
            asked.names.push("REPLY");
        }
        let line = self.next_line(asked.special);
        match line.filter(|_| asked.names.len() == 1 || !separates) {
            Some(line) => self.assign_words(&asked, line),
            None => asked.names.iter().for_each(|name| self.scope.assign(name, Variable::Unknown)),
        }
    }

    fn next_line(&mut self, special: bool) -> Option<Constant> {
        let n_conditions = self.scope.n_conditions;
        if special || self.feed.as_ref().is_some_and(|feed| feed.n_conditions < n_conditions) {
            self.feed = None;
        }
        self.feed.as_mut()?.next_line()
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
    pub(super) fn map_file(&mut self, arguments: &[Field]) {
        let asked = Asked::of(arguments, MAP_FILE_FLAGS);
        let name = asked.names.last().copied().unwrap_or("MAPFILE");
        let n_conditions = self.scope.n_conditions;
        let feed = self.feed.take().filter(|feed| !asked.special && feed.n_conditions >= n_conditions);
        let value = match feed {
            Some(feed) if self.scope.spend(feed.rest().len()) => Variable::Constant(feed.lines()),
            _ => Variable::Unknown,
        };
        self.scope.assign(name, value);
    }
}
