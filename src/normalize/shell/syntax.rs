//! Bash text → syntax tree. Owns the grammar; knows nothing of what commands mean.
//!
//! Hand-written rather than built on `brush-parser`, which gives nothing at all for a script with one error in it, overflows a
//! 2 MiB stack on hostile nesting and needs some 3 µs a statement. This parser never fails: what it cannot make sense of is
//! marked [`Statement::flawed`], and every byte is looked at a bounded number of times.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::ops::Range;
use std::rc::Rc;

use crate::normalize::limits::MAX_NESTING;

/// Statements in the order of the text.
pub(super) type List<'a> = Vec<Statement<'a>>;

/// One pipeline.
#[derive(Debug, Clone)]
pub(super) struct Statement<'a> {
    /// Its stages, in the order in which data flows.
    pub stages: Vec<Stage<'a>>,
    /// Where it stands in the source.
    pub span: Range<usize>,
    /// How it hangs on the statement before it.
    pub joint: Joint,
    /// Whether `!` turns its success into failure.
    pub negated: bool,
    /// Whether it is a coprocess, which a shell of its own runs.
    pub coprocess: bool,
    /// Whether it ends in `&`.
    pub background: bool,
    /// Whether something in it did not parse.
    pub flawed: bool,
}

/// When a statement runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Joint {
    /// Whatever the one before it came to.
    #[default]
    Always,
    /// After success (`&&`).
    And,
    /// After failure (`||`).
    Or,
}

/// What stands in front of a pipeline.
#[derive(Default)]
struct Prefixes {
    negated: bool,
    coprocess: bool,
}

/// One stage of a pipeline with its redirections.
#[derive(Debug, Clone)]
pub(super) struct Stage<'a> {
    /// What runs.
    pub body: Body<'a>,
    /// Redirections, in order.
    pub redirects: Vec<Redirect<'a>>,
}

/// What a stage runs.
#[derive(Debug, Clone)]
pub(super) enum Body<'a> {
    /// Assignments and words.
    Simple(Vec<Assignment<'a>>, Vec<Word<'a>>),
    /// `{ … }`.
    Group(List<'a>),
    /// `( … )`.
    Subshell(List<'a>),
    /// Parts of which some run: `if`.
    Branches(Vec<List<'a>>),
    /// `while condition; do …`, `until …`.
    Loop(List<'a>, List<'a>),
    /// `for name in values; do …`.
    For(&'a str, Vec<Word<'a>>, List<'a>),
    /// `case word in pattern) …`: the word, all patterns, the lists.
    Case(Word<'a>, Vec<Word<'a>>, Vec<List<'a>>),
    /// `name() body`, with the text of the body.
    Function(&'a str, &'a str),
    /// `[[ … ]]`.
    Test(Vec<Word<'a>>),
    /// `(( … ))`.
    Arithmetic(Word<'a>),
    /// Text nested too deep to be parsed.
    Raw(&'a str),
}

/// `name=value`, `name+=value` or `name=(…)`.
#[derive(Debug, Clone)]
pub(super) struct Assignment<'a> {
    /// The variable, without an index.
    pub name: Cow<'a, str>,
    /// The index, if there is one (`name[i]=`).
    pub index: Option<Word<'a>>,
    /// Whether it is `+=`.
    pub append: bool,
    /// The value or values.
    pub value: Value<'a>,
}

/// The value of an assignment.
#[derive(Debug, Clone)]
pub(super) enum Value<'a> {
    /// One word.
    Scalar(Word<'a>),
    /// An array.
    Array(Vec<Word<'a>>),
}

/// A redirection.
#[derive(Debug, Clone)]
pub(super) struct Redirect<'a> {
    /// The descriptor in front, if any (`2`, `{fd}`).
    pub descriptor: &'a str,
    /// The operator.
    pub operator: &'a str,
    /// What follows it.
    pub target: RedirectTarget<'a>,
}

/// What a redirection is to or from.
#[derive(Debug, Clone)]
pub(super) enum RedirectTarget<'a> {
    /// A word: a file, a descriptor, a here-string.
    Word(Word<'a>),
    /// A here-document; empty until its line has ended.
    Here(Rc<OnceCell<Here<'a>>>),
}

/// The text of a here-document.
#[derive(Debug, Clone)]
pub(super) struct Here<'a> {
    /// As it stands.
    pub text: &'a str,
    /// Whether its delimiter was quoted, so that nothing in it is expanded.
    pub quoted: bool,
    /// Whether leading tabs are removed.
    pub strip: bool,
}

/// A word before expansion.
#[derive(Debug, Clone, Default)]
pub(super) struct Word<'a> {
    /// As spelled.
    pub raw: &'a str,
    /// Its parts.
    pub pieces: Vec<Piece<'a>>,
}

/// A part of a word.
#[derive(Debug, Clone)]
pub(super) enum Piece<'a> {
    /// Unquoted text, in which braces, globs and a tilde are active.
    Plain(&'a str),
    /// Text that stands for itself.
    Quoted(Cow<'a, str>),
    /// `$name` or the inside of `${…}`.
    Parameter {
        /// The name or expression.
        inner: &'a str,
        /// Whether it stands in double quotes.
        quoted: bool,
    },
    /// `$( … )`.
    Substitution {
        /// What runs.
        list: List<'a>,
        /// Whether it stands in double quotes.
        quoted: bool,
    },
    /// `` `…` ``, one level of escapes removed.
    Backquoted {
        /// The script.
        script: String,
        /// Whether it stands in double quotes.
        quoted: bool,
    },
    /// `<( … )` or `>( … )`.
    Process {
        /// `<` or `>`.
        direction: char,
        /// What runs.
        list: List<'a>,
    },
    /// The inside of `$(( … ))`.
    Arithmetic(&'a str),
}

/// Parses a script.
///
/// Where shells disagree on a quote (see [`Parser::paired`]) the statements of the other reading follow, marked as flawed.
pub(super) fn parse(source: &str) -> List<'_> {
    let mut parser = Parser::new(source);
    let mut list = parser.list(&[]);
    if parser.ambiguous {
        let other = Parser::paired(source).list(&[]);
        list.extend(other.into_iter().map(|statement| Statement { flawed: true, ..statement }));
    }
    list
}

/// Parses text as the inside of double quotes, which was read before as part of a script: there both readings were seen.
pub(super) fn parse_text(source: &str) -> Word<'_> {
    let mut pieces = Vec::new();
    Parser::new(source).quoted_text(&mut pieces, None);
    Word { raw: source, pieces }
}

/// Parses the text of an unquoted here-document. The parts of a second reading follow, unless the text is long: documents
/// in documents would be read four times, eight times and so on.
pub(super) fn parse_here(source: &str) -> Word<'_> {
    const MOST: usize = 4096;
    let mut parser = Parser::new(source);
    let mut pieces = Vec::new();
    parser.quoted_text(&mut pieces, None);
    if parser.ambiguous && source.len() <= MOST {
        Parser::paired(source).quoted_text(&mut pieces, None);
    }
    Word { raw: source, pieces }
}

/// Parses text as one word, blanks included.
pub(super) fn parse_word(source: &str) -> Word<'_> {
    Parser::new(source).word(&|_| false)
}

/// Unterminated quotes that are taken as plain characters before the rest of the text is given up to them. Each costs a pass.
const MAX_RETRIES: usize = 8;

/// Bytes of an array index or pattern group that are looked at for its end, so that unclosed ones cannot cost a pass each.
const MAX_INDEX: usize = 64;

/// Built-ins behind which `name=(…)` is an array.
const DECLARERS: &[&str] = &["declare", "local", "export", "readonly", "typeset", "alias", "eval", "let"];

/// Whether a command's word lets arrays follow as arguments.
pub(super) fn is_declarer(word: &Word<'_>) -> bool {
    DECLARERS.contains(&word.raw)
}

/// Words that end a list; where nothing waits for one it is skipped.
const CLOSERS: &[&str] = &["then", "do", "done", "fi", "else", "elif", "esac", "}", ")", ";;"];

struct Parser<'a> {
    source: &'a str,
    at: usize,
    depth: usize,
    /// What the open constructs wait for, outermost first.
    awaited: Vec<&'static [&'static str]>,
    pending: Vec<(Rc<OnceCell<Here<'a>>>, String, bool, bool)>,
    substitutions: usize,
    retries: usize,
    flawed: bool,
    /// Whether a single quote in `"${name:-…}"` needs its partner, as in Bash; to other shells, and to Bash that is called as
    /// `sh`, it is a letter like others. The first reading is that of the others, which shows more.
    paired: bool,
    /// Whether the two readings differ.
    ambiguous: bool,
    /// Whether the bracket that is looked for contains a quote that makes them differ.
    ambiguous_here: bool,
    /// Bytes that were looked at for nothing, or twice. Bounded, for such looks may contain each other.
    wasted: usize,
}

/// A bracket or double quote that waits for its end.
struct Open {
    close: u8,
    /// Whether it stands in double quotes.
    quoted: bool,
    /// Whether single quotes are letters, or may be.
    literal: bool,
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | 0x0b | 0x0c)
}

fn is_meta(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b';' | b'|' | b'&' | b'<' | b'>' | b'(' | b')' | 0x0b | 0x0c)
}

pub(super) fn is_name(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes.next().is_some_and(|first| first == b'_' || first.is_ascii_alphabetic())
        && bytes.all(|byte| byte == b'_' || byte.is_ascii_alphanumeric())
}

impl<'a> Parser<'a> {
    fn new(source: &'a str) -> Self {
        Self {
            source,
            at: 0,
            depth: 0,
            awaited: Vec::new(),
            pending: Vec::new(),
            substitutions: 0,
            retries: 0,
            flawed: false,
            paired: false,
            ambiguous: false,
            ambiguous_here: false,
            wasted: 0,
        }
    }

    /// A parser that takes quotes as Bash does where shells disagree.
    fn paired(source: &'a str) -> Self {
        Self { paired: true, ..Self::new(source) }
    }

    fn byte(&self) -> Option<u8> {
        self.source.as_bytes().get(self.at).copied()
    }

    fn byte_after(&self, n: usize) -> Option<u8> {
        self.source.as_bytes().get(self.at + n).copied()
    }

    fn rest(&self) -> &'a str {
        self.source.get(self.at..).unwrap_or_default()
    }

    fn since(&self, start: usize) -> &'a str {
        self.source.get(start..self.at).unwrap_or_default()
    }

    /// The length of the line continuation at a place, 0 when there is none.
    fn continuation(&self, at: usize) -> usize {
        match self.source.as_bytes().get(at..) {
            Some([b'\\', b'\n', ..]) => 2,
            Some([b'\\', b'\r', b'\n', ..]) => 3,
            _ => 0,
        }
    }

    /// The first place from here on where no line continuation stands.
    fn past_continuations(&self, mut at: usize) -> usize {
        loop {
            match self.continuation(at) {
                0 => return at,
                length => at += length,
            }
        }
    }

    /// The length of this text where it stands at a place, line continuations within it included.
    fn length_at(&self, start: usize, text: &str) -> Option<usize> {
        let mut at = start;
        for (index, byte) in text.bytes().enumerate() {
            if index > 0 {
                at = self.past_continuations(at);
            }
            if self.source.as_bytes().get(at) != Some(&byte) {
                return None;
            }
            at += 1;
        }
        Some(at - start)
    }

    fn starts_with(&self, text: &str) -> bool {
        self.length_at(self.at, text).is_some()
    }

    fn eat(&mut self, text: &str) -> bool {
        let length = self.length_at(self.at, text);
        self.at += length.unwrap_or(0);
        length.is_some()
    }

    /// Moves to the end of the character at `at`.
    fn step(&mut self) {
        self.at += 1;
        while self.at < self.source.len() && !self.source.is_char_boundary(self.at) {
            self.at += 1;
        }
    }

    // ── Blanks and here-documents ───────────────────────────────────────────────────────────────────────────────────────

    fn skip_blanks(&mut self) {
        loop {
            match self.byte() {
                Some(byte) if is_blank(byte) => self.at += 1,
                Some(b'\\') if self.byte_after(1) == Some(b'\n') => self.at += 2,
                Some(b'\\') if self.starts_with("\\\r\n") => self.at += 3,
                Some(b'#') => self.skip_comment(),
                _ => return,
            }
        }
    }

    fn skip_comment(&mut self) {
        let rest = self.source.as_bytes().get(self.at..).unwrap_or_default();
        self.at += rest.iter().position(|&byte| byte == b'\n').unwrap_or(rest.len());
    }

    fn skip_lines(&mut self) {
        loop {
            self.skip_blanks();
            if self.byte() != Some(b'\n') {
                return;
            }
            self.newline();
        }
    }

    /// Passes a line's end and reads the here-documents that begin there.
    fn newline(&mut self) {
        self.at += 1;
        for (cell, delimiter, quoted, strip) in std::mem::take(&mut self.pending) {
            let text = self.here_text(&delimiter, quoted, strip);
            let _ = cell.set(Here { text, quoted, strip });
        }
    }

    fn here_text(&mut self, delimiter: &str, quoted: bool, strip: bool) -> &'a str {
        let start = self.at;
        while self.at < self.source.len() {
            let line_start = self.at;
            let line = self.rest().split('\n').next().unwrap_or_default();
            let shown = if strip { line.trim_start_matches('\t') } else { line };
            let shown_start = line_start + line.len() - shown.len();
            if let Some(end) = self.delimiter_end(shown_start, delimiter, quoted) {
                self.at = end;
                return self.source.get(start..line_start).unwrap_or_default();
            }
            // `EOF)` on one line: not what the manual says, but what is often written, and newer shells take it.
            if self.substitutions > 0
                && let Some(after) = shown.strip_prefix(delimiter)
                && after.trim_start().starts_with(')')
            {
                self.at = line_start + line.len() - after.len();
                return self.source.get(start..line_start).unwrap_or_default();
            }
            self.at = (line_start + line.len() + 1).min(self.source.len());
        }
        self.since(start)
    }

    /// Where the line after the delimiter begins, if it stands here. Bash takes line continuations out of it.
    fn delimiter_end(&self, at: usize, delimiter: &str, quoted: bool) -> Option<usize> {
        let rest = self.source.get(at..)?;
        let length = if quoted {
            rest.starts_with(delimiter).then_some(delimiter.len())?
        } else {
            self.length_at(at, delimiter)?
        };
        let after = rest.get(length..)?;
        let tail = after.split('\n').next().unwrap_or_default();
        let ends = tail.bytes().all(|byte| byte == b'\r');
        ends.then_some((at + length + tail.len() + 1).min(self.source.len()))
    }

    // ── Lists ───────────────────────────────────────────────────────────────────────────────────────────────────────────

    /// Statements up to one of `until` (not consumed) or the end.
    fn list(&mut self, until: &'static [&'static str]) -> List<'a> {
        self.awaited.push(until);
        let mut list = List::new();
        let mut joint = Joint::Always;
        while self.reach_statement() {
            let before = self.at;
            if let Some(mut statement) = self.pipeline() {
                statement.joint = joint;
                statement.flawed |= std::mem::take(&mut self.flawed);
                joint = self.separator(&mut statement);
                list.push(statement);
            }
            if self.at == before {
                self.flawed = true;
                self.step();
            }
        }
        self.awaited.pop();
        list
    }

    /// Moves to the next statement of the current list; `false` at its end.
    fn reach_statement(&mut self) -> bool {
        loop {
            self.skip_lines();
            if self.at >= self.source.len() {
                return false;
            }
            match self.closer() {
                Some(closer) if self.awaited.iter().any(|awaited| awaited.contains(&closer)) => return false,
                Some(closer) => {
                    self.flawed = true;
                    self.at += closer.len();
                }
                None if matches!(self.byte(), Some(b';' | b'&' | b'|')) => self.at += 1,
                None => return true,
            }
        }
    }

    /// The closing word or sign that stands here.
    fn closer(&self) -> Option<&'static str> {
        match self.byte()? {
            b')' => Some(")"),
            b';' => self.starts_with(";;").then_some(";;").or_else(|| self.starts_with(";&").then_some(";;")),
            b't' | b'd' | b'f' | b'e' | b'}' => CLOSERS.iter().copied().find(|word| self.at_word(word)),
            _ => None,
        }
    }

    /// Whether exactly this word stands here.
    fn at_word(&self, word: &str) -> bool {
        self.word_length(word).is_some()
    }

    fn word_length(&self, word: &str) -> Option<usize> {
        let end = self.past_continuations(self.at + self.length_at(self.at, word)?);
        self.source.as_bytes().get(end).copied().is_none_or(is_meta).then_some(end - self.at)
    }

    fn eat_word(&mut self, word: &str) -> bool {
        let length = self.word_length(word);
        self.at += length.unwrap_or(0);
        length.is_some()
    }

    /// Passes what stands between two statements; how the next hangs on this one.
    fn separator(&mut self, statement: &mut Statement<'a>) -> Joint {
        self.skip_blanks();
        if self.eat("&&") {
            return Joint::And;
        }
        if self.eat("||") {
            return Joint::Or;
        }
        if self.starts_with(";;") || self.starts_with(";&") {
            return Joint::Always;
        }
        if self.eat("&") {
            statement.background = true;
        } else {
            self.eat(";");
        }
        Joint::Always
    }

    fn pipeline(&mut self) -> Option<Statement<'a>> {
        let start = self.at;
        let mut stages = Vec::with_capacity(1);
        let mut prefixes = Prefixes::default();
        loop {
            self.pass_prefixes(&mut prefixes);
            if let Some(stage) = self.stage() {
                stages.push(stage);
            }
            self.skip_blanks();
            if self.starts_with("||") || !self.eat("|") {
                break;
            }
            self.eat("&");
            self.skip_lines();
        }
        let end = start + self.since(start).trim_end().len();
        (!stages.is_empty()).then_some(Statement {
            stages,
            span: start..end,
            joint: Joint::Always,
            negated: prefixes.negated,
            coprocess: prefixes.coprocess,
            background: false,
            flawed: false,
        })
    }

    /// Passes `!`, and `time` and `coproc` in front of a compound command; elsewhere those two are programs like others.
    fn pass_prefixes(&mut self, prefixes: &mut Prefixes) {
        loop {
            self.skip_blanks();
            let start = self.at;
            if self.eat_word("!") {
                prefixes.negated = !prefixes.negated;
                continue;
            }
            let mut coprocess = false;
            if self.eat_word("time") {
                self.skip_blanks();
                self.eat_word("-p");
            } else if self.eat_word("coproc") {
                coprocess = true;
                self.skip_blanks();
                if !self.at_compound() {
                    self.bare_word();
                }
            } else {
                return;
            }
            self.skip_blanks();
            if !self.at_compound() {
                self.at = start;
                return;
            }
            prefixes.coprocess |= coprocess;
        }
    }

    fn at_compound(&self) -> bool {
        matches!(self.byte(), Some(b'('))
            || ["{", "if", "for", "while", "until", "case", "select", "[["].iter().any(|word| self.at_word(word))
    }

    // ── Stages ──────────────────────────────────────────────────────────────────────────────────────────────────────────

    fn stage(&mut self) -> Option<Stage<'a>> {
        if let Some(body) = self.function() {
            return Some(Stage { body, redirects: Vec::new() });
        }
        if !self.at_compound() {
            return self.simple();
        }
        let body = self.nested(Self::compound);
        Some(Stage { body, redirects: self.redirects() })
    }

    /// Parses something that may contain itself, unless it lies too deep: then the rest of the text stays as it is.
    fn nested(&mut self, parse: impl FnOnce(&mut Self) -> Body<'a>) -> Body<'a> {
        if self.depth >= MAX_NESTING {
            let raw = self.rest();
            self.at = self.source.len();
            self.flawed = true;
            return Body::Raw(raw);
        }
        self.depth += 1;
        let body = parse(self);
        self.depth -= 1;
        body
    }

    fn compound(&mut self) -> Body<'a> {
        if self.starts_with("((")
            && let Some(body) = self.arithmetic()
        {
            return body;
        }
        match () {
            () if self.eat("(") => {
                let list = self.list(&[")"]);
                self.expect(")");
                Body::Subshell(list)
            }
            () if self.eat_word("{") => {
                let list = self.list(&["}"]);
                self.expect("}");
                Body::Group(list)
            }
            () if self.eat_word("if") => self.conditional(),
            () if self.eat_word("while") || self.eat_word("until") => {
                let condition = self.list(&["do"]);
                let body = self.do_group();
                Body::Loop(condition, body)
            }
            () if self.eat_word("for") || self.eat_word("select") => self.for_loop(),
            () if self.eat_word("case") => self.case(),
            () => {
                self.eat_word("[[");
                self.test()
            }
        }
    }

    fn expect(&mut self, closer: &str) {
        if !self.eat(closer) {
            self.flawed = true;
        }
    }

    fn conditional(&mut self) -> Body<'a> {
        let mut parts = vec![self.list(&["then", "fi"])];
        loop {
            if self.eat_word("then") {
                parts.push(self.list(&["elif", "else", "fi"]));
            } else if self.eat_word("elif") {
                parts.push(self.list(&["then", "fi"]));
            } else if self.eat_word("else") {
                parts.push(self.list(&["fi"]));
            } else {
                self.expect("fi");
                return Body::Branches(parts);
            }
        }
    }

    fn do_group(&mut self) -> List<'a> {
        self.skip_lines();
        self.eat(";");
        self.skip_lines();
        if self.eat_word("{") {
            let list = self.list(&["}"]);
            self.expect("}");
            return list;
        }
        self.expect("do");
        let list = self.list(&["done"]);
        self.expect("done");
        list
    }

    fn for_loop(&mut self) -> Body<'a> {
        self.skip_blanks();
        if self.starts_with("((")
            && let Some(Body::Arithmetic(word)) = self.arithmetic()
        {
            let body = self.do_group();
            return Body::For("", vec![word], body);
        }
        let name = self.bare_word();
        self.skip_lines();
        let mut values = Vec::new();
        if self.eat_word("in") {
            self.skip_blanks();
            while let Some(word) = self.plain_word() {
                values.push(word);
                self.skip_blanks();
            }
        }
        let body = self.do_group();
        Body::For(name, values, body)
    }

    fn case(&mut self) -> Body<'a> {
        self.skip_blanks();
        let word = self.plain_word().unwrap_or_default();
        self.skip_lines();
        self.eat_word("in");
        let (mut patterns, mut arms) = (Vec::new(), Vec::new());
        loop {
            self.skip_lines();
            if self.at >= self.source.len() || self.eat_word("esac") {
                return Body::Case(word, patterns, arms);
            }
            let before = self.at;
            self.patterns(&mut patterns);
            arms.push(self.list(&[";;", "esac"]));
            if self.starts_with(";") {
                self.at += self.rest().bytes().take_while(|byte| matches!(byte, b';' | b'&')).count();
            }
            if self.at == before {
                self.flawed = true;
                self.step();
            }
        }
    }

    fn patterns(&mut self, patterns: &mut Vec<Word<'a>>) {
        self.eat("(");
        loop {
            self.skip_blanks();
            let word = self.plain_word();
            let found = word.is_some();
            patterns.extend(word);
            self.skip_blanks();
            if self.eat(")") {
                return;
            }
            if !self.eat("|") && !found {
                self.flawed = true;
                return;
            }
        }
    }

    fn test(&mut self) -> Body<'a> {
        let mut words = Vec::new();
        loop {
            self.skip_lines();
            if self.at >= self.source.len() || self.eat_word("]]") {
                return Body::Test(words);
            }
            // A pattern or regular expression may hold brackets and bars.
            let start = self.at;
            let mut word = self.word(&|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r'));
            if self.at == start {
                self.step();
                word = Word { raw: self.since(start), pieces: vec![Piece::Quoted(Cow::Borrowed(self.since(start)))] };
            }
            words.push(word);
        }
    }

    /// `(( … ))`, when the two brackets close together; otherwise these are subshells.
    fn arithmetic(&mut self) -> Option<Body<'a>> {
        let start = self.at;
        let end = self.arithmetic_end(start + 2)?;
        let raw = self.source.get(start + 2..end)?;
        self.wasted += raw.len();
        let mut inside = self.sub(start + 2);
        inside.source = self.source.get(..end)?;
        let mut pieces = Vec::new();
        inside.quoted_text(&mut pieces, None);
        self.join(&inside);
        self.at = end + 2;
        Some(Body::Arithmetic(Word { raw, pieces }))
    }

    /// `name() body` or `function name body`.
    fn function(&mut self) -> Option<Body<'a>> {
        let start = self.at;
        let keyword = self.eat_word("function");
        self.skip_blanks();
        let name = self.bare_word();
        self.skip_blanks();
        let brackets = self.eat("(") && {
            self.skip_blanks();
            self.eat(")")
        };
        if name.is_empty() || !(keyword || brackets) {
            self.at = start;
            return None;
        }
        self.skip_lines();
        if !self.at_compound() {
            self.at = start;
            return None;
        }
        let body_start = self.at;
        self.nested(Self::compound);
        self.redirects();
        Some(Body::Function(name, self.since(body_start)))
    }

    /// A run of characters that are neither quotes, expansions nor operators.
    fn bare_word(&mut self) -> &'a str {
        let start = self.at;
        while let Some(byte) = self.byte() {
            if is_meta(byte) || matches!(byte, b'\'' | b'"' | b'`' | b'$' | b'\\' | b'=') {
                break;
            }
            self.at += 1;
        }
        self.since(start)
    }

    fn simple(&mut self) -> Option<Stage<'a>> {
        let mut assignments = Vec::new();
        let mut words = Vec::new();
        let mut redirects = Vec::new();
        loop {
            self.skip_blanks();
            if let Some(redirect) = self.redirect() {
                redirects.push(redirect);
            } else if let Some(assignment) = self.assignment(&words) {
                assignments.push(assignment);
            } else if let Some(word) = self.plain_word() {
                words.push(word);
            } else if self.byte() == Some(b'(') && !words.is_empty() {
                // A bracket in the middle of a command is an error in Bash; its inside is kept as words.
                self.flawed = true;
                self.at += 1;
            } else if self.byte() == Some(b')') && !self.awaits_bracket() {
                self.flawed = true;
                self.at += 1;
            } else {
                break;
            }
        }
        let empty = assignments.is_empty() && words.is_empty() && redirects.is_empty();
        (!empty).then_some(Stage { body: Body::Simple(assignments, words), redirects })
    }

    fn awaits_bracket(&self) -> bool {
        self.awaited.iter().any(|awaited| awaited.contains(&")"))
    }

    /// An assignment, where the words so far leave room for one: none, or a declaring built-in in front of an array.
    fn assignment(&mut self, words: &[Word<'a>]) -> Option<Assignment<'a>> {
        let declares = words.iter().take(3).any(is_declarer);
        if !words.is_empty() && !declares {
            return None;
        }
        let start = self.at;
        let (name, mut at) = self.assigned_name()?;
        let mut index = None;
        if self.source.as_bytes().get(at) == Some(&b'[') {
            let end = self.look(at + 1, b']', false, MAX_INDEX);
            self.wasted += end.map_or(MAX_INDEX, |end| end - at);
            let end = end?;
            index = Some(self.word_between(at + 1, end));
            at = self.past_continuations(end + 1);
        }
        let append = self.source.as_bytes().get(at) == Some(&b'+');
        if append {
            at = self.past_continuations(at + 1);
        }
        if self.source.as_bytes().get(at) != Some(&b'=') {
            return None;
        }
        self.at = self.past_continuations(at + 1);
        if declares && self.byte() != Some(b'(') {
            self.at = start;
            return None;
        }
        let value = self.value();
        Some(Assignment { name, index, append, value })
    }

    /// The name that stands here and where it ends, line continuations taken out.
    fn assigned_name(&self) -> Option<(Cow<'a, str>, usize)> {
        let bytes = self.source.as_bytes();
        let mut at = self.at;
        while let Some(byte) = bytes.get(at) {
            let is_letter = *byte == b'_' || byte.is_ascii_alphanumeric();
            match if is_letter { 1 } else { self.continuation(at) } {
                0 => break,
                length => at += length,
            }
        }
        let name = without_continuations(self.source.get(self.at..at)?);
        is_name(&name).then_some((name, at))
    }

    fn value(&mut self) -> Value<'a> {
        if self.byte() == Some(b'(') {
            return Value::Array(self.array());
        }
        Value::Scalar(self.word(&is_meta))
    }

    fn array(&mut self) -> Vec<Word<'a>> {
        self.at += 1;
        let mut words = Vec::new();
        loop {
            self.skip_lines();
            if self.eat(")") || self.at >= self.source.len() {
                return words;
            }
            match self.plain_word() {
                Some(word) => words.push(word),
                None => {
                    self.flawed = true;
                    self.step();
                }
            }
        }
    }

    // ── Redirections ────────────────────────────────────────────────────────────────────────────────────────────────────

    fn redirects(&mut self) -> Vec<Redirect<'a>> {
        let mut redirects = Vec::new();
        loop {
            self.skip_blanks();
            match self.redirect() {
                Some(redirect) => redirects.push(redirect),
                None => return redirects,
            }
        }
    }

    fn redirect(&mut self) -> Option<Redirect<'a>> {
        const OPERATORS: [&str; 12] = ["&>>", "&>", "<<<", "<<-", "<<", "<>", "<&", "<", ">>", ">|", ">&", ">"];
        let start = self.at;
        let rest = self.rest().as_bytes();
        let first = *rest.first()?;
        if !matches!(first, b'<' | b'>' | b'&' | b'{' | b'0'..=b'9') {
            return None;
        }
        let length = descriptor_length(rest);
        self.at += length;
        let found = OPERATORS.iter().copied().find(|operator| self.starts_with(operator));
        let Some(operator) = found.filter(|_| !self.at_process()) else {
            self.at = start;
            return None;
        };
        let descriptor = self.since(start);
        self.eat(operator);
        self.skip_blanks();
        let target = if matches!(operator, "<<" | "<<-") {
            self.here(operator == "<<-")
        } else {
            RedirectTarget::Word(self.plain_word().unwrap_or_default())
        };
        Some(Redirect { descriptor, operator, target })
    }

    fn here(&mut self, strip: bool) -> RedirectTarget<'a> {
        let start = self.at;
        self.plain_word();
        let raw = without_continuations(self.since(start));
        let delimiter: String = raw.chars().filter(|letter| !matches!(letter, '\'' | '"' | '\\')).collect();
        let quoted = delimiter.len() != raw.len();
        let cell = Rc::new(OnceCell::new());
        self.pending.push((Rc::clone(&cell), delimiter, quoted, strip));
        RedirectTarget::Here(cell)
    }

    // ── Words ───────────────────────────────────────────────────────────────────────────────────────────────────────────

    fn plain_word(&mut self) -> Option<Word<'a>> {
        let start = self.at;
        let word = self.word(&is_meta);
        (self.at > start).then_some(word)
    }

    fn word(&mut self, ends: &dyn Fn(u8) -> bool) -> Word<'a> {
        let start = self.at;
        let mut pieces = Vec::with_capacity(1);
        while let Some(byte) = self.byte() {
            match byte {
                b'\'' => self.single_quoted(&mut pieces),
                b'"' => self.double_quoted(&mut pieces),
                b'\\' => self.escape(&mut pieces),
                b'$' => self.dollar(&mut pieces, false),
                b'`' => self.backquoted(&mut pieces, false, false),
                b'<' | b'>' if self.at_process() => self.process(&mut pieces),
                b'(' if ends(byte) && self.after_pattern_sign(start) => self.pattern_group(&mut pieces),
                _ if ends(byte) => break,
                _ => self.plain(&mut pieces, ends),
            }
        }
        Word { raw: self.since(start), pieces }
    }

    fn plain(&mut self, pieces: &mut Vec<Piece<'a>>, ends: &dyn Fn(u8) -> bool) {
        let start = self.at;
        while let Some(byte) = self.byte() {
            let special = matches!(byte, b'\'' | b'"' | b'\\' | b'$' | b'`');
            if special || ends(byte) || self.at_process() {
                break;
            }
            self.at += 1;
        }
        pieces.push(Piece::Plain(self.since(start)));
    }

    /// Whether the character before is one of `?*+@!`, which make the bracket that follows a pattern.
    fn after_pattern_sign(&self, start: usize) -> bool {
        self.at > start
            && self
                .source
                .as_bytes()
                .get(self.at - 1)
                .is_some_and(|byte| matches!(byte, b'?' | b'*' | b'+' | b'@' | b'!'))
    }

    /// `(…)` behind a pattern sign. What is expanded in it runs.
    fn pattern_group(&mut self, pieces: &mut Vec<Piece<'a>>) {
        let start = self.at;
        self.at += 1;
        pieces.push(Piece::Plain(self.since(start)));
        let end = self.look(self.at, b')', false, MAX_INDEX);
        self.wasted += end.map_or(MAX_INDEX, |end| end - start);
        let Some(end) = end else { return };
        pieces.append(&mut self.word_between(self.at, end).pieces);
        self.at = end;
        pieces.push(Piece::Plain(self.source.get(end..=end).unwrap_or_default()));
        self.at += 1;
    }

    fn escape(&mut self, pieces: &mut Vec<Piece<'a>>) {
        self.at += 1;
        if self.eat("\n") || self.eat("\r\n") {
            return;
        }
        let start = self.at;
        if self.at < self.source.len() {
            self.step();
        }
        let text = if self.at == start { "\\" } else { self.since(start) };
        pieces.push(Piece::Quoted(Cow::Borrowed(text)));
    }

    /// Takes an unterminated quote as a plain character; `false` when that was done too often already.
    fn forgive(&mut self, start: usize, quote: &'static str, pieces: &mut Vec<Piece<'a>>) -> bool {
        self.flawed = true;
        if self.retries >= MAX_RETRIES {
            return false;
        }
        self.retries += 1;
        self.at = start + quote.len();
        pieces.push(Piece::Quoted(Cow::Borrowed(quote)));
        true
    }

    fn single_quoted(&mut self, pieces: &mut Vec<Piece<'a>>) {
        let start = self.at;
        self.at += 1;
        match self.rest().find('\'') {
            Some(length) => {
                let text = self.rest().get(..length).unwrap_or_default();
                pieces.push(Piece::Quoted(Cow::Borrowed(text)));
                self.at += length + 1;
            }
            None => {
                if !self.forgive(start, "'", pieces) {
                    pieces.push(Piece::Quoted(Cow::Borrowed(self.rest())));
                    self.at = self.source.len();
                }
            }
        }
    }

    fn double_quoted(&mut self, pieces: &mut Vec<Piece<'a>>) {
        let start = self.at;
        let (n_pieces, n_pending) = (pieces.len(), self.pending.len());
        self.at += 1;
        self.quoted_text(pieces, Some(b'"'));
        if self.byte() == Some(b'"') {
            if pieces.len() == n_pieces {
                pieces.push(Piece::Quoted(Cow::Borrowed("")));
            }
            self.at += 1;
        } else if self.retries < MAX_RETRIES {
            pieces.truncate(n_pieces);
            self.pending.truncate(n_pending);
            self.forgive(start, "\"", pieces);
        } else {
            self.flawed = true;
        }
    }

    /// Text in which only `$`, backquotes and some escapes are special, up to `end` (not consumed).
    fn quoted_text(&mut self, pieces: &mut Vec<Piece<'a>>, end: Option<u8>) {
        let mut start = self.at;
        while let Some(byte) = self.byte() {
            let special = matches!(byte, b'$' | b'`' | b'\\') || Some(byte) == end;
            if !special {
                self.at += 1;
                continue;
            }
            if self.at > start {
                pieces.push(Piece::Quoted(Cow::Borrowed(self.since(start))));
            }
            match byte {
                b'$' => self.dollar(pieces, true),
                b'`' => self.backquoted(pieces, true, end == Some(b'"')),
                b'\\' => self.quoted_escape(pieces, end),
                _ => return,
            }
            start = self.at;
        }
        if self.at > start {
            pieces.push(Piece::Quoted(Cow::Borrowed(self.since(start))));
        }
    }

    fn quoted_escape(&mut self, pieces: &mut Vec<Piece<'a>>, end: Option<u8>) {
        let start = self.at;
        let length = self.continuation(start);
        if length > 0 {
            self.at += length;
            return;
        }
        self.at += 1;
        match self.byte() {
            Some(byte) if matches!(byte, b'$' | b'`' | b'\\') || Some(byte) == end => {
                self.at += 1;
                pieces.push(Piece::Quoted(Cow::Borrowed(self.source.get(start + 1..self.at).unwrap_or_default())));
            }
            _ => pieces.push(Piece::Quoted(Cow::Borrowed("\\"))),
        }
    }

    fn dollar(&mut self, pieces: &mut Vec<Piece<'a>>, quoted: bool) {
        // From here on the byte before what follows stands for the sign: nothing below looks at the sign itself.
        self.at = self.past_continuations(self.at + 1) - 1;
        match self.byte_after(1) {
            Some(b'\'') if !quoted => self.ansi_quoted(pieces),
            Some(b'"') if !quoted => {
                self.at += 1;
                self.double_quoted(pieces);
            }
            Some(b'(') => self.dollar_bracket(pieces, quoted),
            Some(b'{') => self.braced(pieces, quoted),
            Some(byte) if byte == b'_' || byte.is_ascii_alphabetic() => {
                let start = self.at + 1;
                self.at = start;
                while self.byte().is_some_and(|byte| byte == b'_' || byte.is_ascii_alphanumeric()) {
                    self.at += 1;
                }
                pieces.push(Piece::Parameter { inner: self.since(start), quoted });
            }
            Some(b'0'..=b'9' | b'@' | b'*' | b'#' | b'?' | b'-' | b'$' | b'!') => {
                self.at += 2;
                let inner = self.source.get(self.at - 1..self.at).unwrap_or_default();
                pieces.push(Piece::Parameter { inner, quoted });
            }
            _ => {
                self.at += 1;
                pieces.push(Piece::Quoted(Cow::Borrowed("$")));
            }
        }
    }

    /// `${ … }`, `at` being the sign.
    fn braced(&mut self, pieces: &mut Vec<Piece<'a>>, quoted: bool) {
        let start = self.at;
        let end = self.parameter_end(start + 2, quoted);
        if end.is_none() && self.forgive(start, "${", pieces) {
            return;
        }
        let inner = self.source.get(start + 2..end.unwrap_or(self.source.len())).unwrap_or_default();
        self.at = end.map_or(self.source.len(), |end| end + 1);
        pieces.push(Piece::Parameter { inner, quoted });
    }

    /// The end of the parameter expansion whose inside begins here, and whether all shells agree on it.
    fn parameter_end(&mut self, start: usize, quoted: bool) -> Option<usize> {
        let mut first = self.sub(start);
        let end = first.closing(Open::parameter(self.source, start, quoted), usize::MAX);
        let in_doubt = std::mem::take(&mut first.ambiguous_here);
        self.retries = first.retries;
        self.wasted = first.wasted;
        self.ambiguous |= first.ambiguous;
        self.flawed |= first.flawed && end.is_some();
        if !in_doubt || self.paired {
            return end;
        }
        let mut second = Parser { paired: true, ..self.sub(start) };
        let other = if self.ambiguous || self.is_spent() {
            Some(self.source.len())
        } else {
            second.closing(Open::parameter(self.source, start, quoted), usize::MAX)
        };
        self.wasted += second.at - start;
        // To Bash a quote without a partner is an error: then nothing of this runs there.
        if other.is_some() && (other != end || second.ambiguous_here) {
            self.ambiguous = true;
            self.flawed = true;
        }
        end.or(other)
    }

    fn dollar_bracket(&mut self, pieces: &mut Vec<Piece<'a>>, quoted: bool) {
        let start = self.at;
        if self.byte_after(2) == Some(b'(')
            && let Some(end) = self.arithmetic_end(start + 3)
        {
            self.at = end + 2;
            pieces.push(Piece::Arithmetic(self.source.get(start + 3..end).unwrap_or_default()));
            return;
        }
        self.at += 2;
        let list = self.bracketed();
        pieces.push(Piece::Substitution { list, quoted });
    }

    /// The list up to a closing bracket, the opening one being passed.
    fn bracketed(&mut self) -> List<'a> {
        if self.depth >= MAX_NESTING {
            let start = self.at;
            self.at = self.source.len();
            self.flawed = true;
            let stage = Stage { body: Body::Raw(self.since(start)), redirects: Vec::new() };
            let span = start..self.at;
            return vec![Statement {
                stages: vec![stage],
                span,
                joint: Joint::Always,
                negated: false,
                coprocess: false,
                background: false,
                flawed: true,
            }];
        }
        self.depth += 1;
        self.substitutions += 1;
        let awaited = std::mem::take(&mut self.awaited);
        // Here-documents of the line around it begin behind that line, not within the brackets.
        let outer = std::mem::take(&mut self.pending);
        let list = self.list(&[")"]);
        let unread = std::mem::replace(&mut self.pending, outer);
        self.pending.extend(unread);
        self.awaited = awaited;
        self.substitutions -= 1;
        self.depth -= 1;
        self.expect(")");
        list
    }

    /// Whether `<(` or `>(` stands here.
    fn at_process(&self) -> bool {
        matches!(self.byte(), Some(b'<' | b'>'))
            && self.source.as_bytes().get(self.past_continuations(self.at + 1)) == Some(&b'(')
    }

    fn process(&mut self, pieces: &mut Vec<Piece<'a>>) {
        let direction = if self.byte() == Some(b'<') { '<' } else { '>' };
        self.at = self.past_continuations(self.at + 1) + 1;
        let list = self.bracketed();
        pieces.push(Piece::Process { direction, list });
    }

    /// `` `…` ``; between double quotes one level of escapes is removed from these too.
    fn backquoted(&mut self, pieces: &mut Vec<Piece<'a>>, quoted: bool, in_quotes: bool) {
        self.at += 1;
        let mut script = String::new();
        let mut start = self.at;
        loop {
            match self.byte() {
                None => {
                    self.flawed = true;
                    break;
                }
                Some(b'`') => break,
                Some(b'\\')
                    if matches!(self.byte_after(1), Some(b'`' | b'\\' | b'$'))
                        || in_quotes && self.byte_after(1) == Some(b'"') =>
                {
                    script.push_str(self.since(start));
                    start = self.at + 1;
                    self.at += 2;
                }
                Some(_) => self.at += 1,
            }
        }
        script.push_str(self.since(start));
        self.at = (self.at + 1).min(self.source.len());
        pieces.push(Piece::Backquoted { script, quoted });
    }

    fn ansi_quoted(&mut self, pieces: &mut Vec<Piece<'a>>) {
        self.at += 2;
        let start = self.at;
        while let Some(byte) = self.byte() {
            match byte {
                b'\'' => break,
                b'\\' => self.at += 2,
                _ => self.at += 1,
            }
        }
        self.at = self.at.min(self.source.len());
        let text = self.source.get(start..self.at).unwrap_or_default();
        self.flawed |= self.byte().is_none();
        self.at = (self.at + 1).min(self.source.len());
        pieces.push(Piece::Quoted(Cow::Owned(super::decode::escapes(text))));
    }

    // ── Looking ahead ───────────────────────────────────────────────────────────────────────────────────────────────────

    /// A parser that starts elsewhere, at the same depth, and changes nothing here.
    fn sub(&self, at: usize) -> Self {
        Self {
            at,
            depth: self.depth,
            substitutions: self.substitutions,
            retries: self.retries,
            paired: self.paired,
            ambiguous: self.ambiguous,
            wasted: self.wasted,
            ..Self::new(self.source)
        }
    }

    /// Parses what lies between two places as one word.
    fn word_between(&mut self, start: usize, end: usize) -> Word<'a> {
        let mut sub = self.sub(start);
        sub.source = self.source.get(..end).unwrap_or_default();
        let word = sub.word(&|_| false);
        self.join(&sub);
        word
    }

    /// Takes over what such a parser found.
    fn join(&mut self, sub: &Self) {
        self.retries = self.retries.max(sub.retries);
        self.wasted = self.wasted.max(sub.wasted);
        self.ambiguous |= sub.ambiguous;
        self.flawed |= sub.flawed;
    }

    /// Whether so much was looked at in vain that no more is risked.
    fn is_spent(&self) -> bool {
        self.wasted > 4 * self.source.len() + 4096
    }

    /// The position of the sign that closes what begins here, unless `most` bytes of plain text come before it.
    fn look(&mut self, start: usize, close: u8, quoted: bool, most: usize) -> Option<usize> {
        if self.is_spent() || self.depth >= MAX_NESTING {
            return None;
        }
        let mut sub = self.sub(start);
        // What is looked for may lie in what is looked for: `$(($((…`.
        sub.depth += 1;
        let end = sub.closing(Open { close, quoted, literal: false }, most);
        sub.flawed &= end.is_some();
        self.join(&sub);
        end
    }

    /// The end of the arithmetic whose inside begins here, when `))` closes it.
    fn arithmetic_end(&mut self, start: usize) -> Option<usize> {
        let flawed = self.flawed;
        let end = self.look(start, b')', false, usize::MAX);
        let found = end.filter(|end| self.source.as_bytes().get(end + 1) == Some(&b')'));
        if found.is_none() {
            self.flawed = flawed;
            self.wasted += end.unwrap_or(self.source.len()) - start.min(self.source.len());
        }
        found
    }

    /// Moves to the sign that closes `open`, by the rules by which words are parsed; its position. Substitutions are parsed,
    /// for their comments and here-documents may hold any sign; all else is kept on a stack of its own.
    fn closing(&mut self, open: Open, most: usize) -> Option<usize> {
        let mut stack = vec![open];
        let mut n_plain = 0;
        while let Some(byte) = self.byte() {
            let top = stack.last()?;
            if byte == top.close {
                stack.pop();
                if stack.is_empty() {
                    return Some(self.at);
                }
                self.at += 1;
                continue;
            }
            match byte {
                b'\\' => self.at += 1 + usize::from(self.byte_after(1).is_some()),
                b'\'' => self.pass_single_quote(top)?,
                b'`' => self.pass_backquotes()?,
                b'$' => {
                    let quoted = top.quoted;
                    stack.extend(self.pass_dollar(quoted)?);
                }
                _ => {
                    stack.extend(top.inner(byte));
                    self.at += 1;
                    n_plain += 1;
                }
            }
            if n_plain > most {
                return None;
            }
        }
        None
    }

    /// Passes a single quote, and what it quotes.
    fn pass_single_quote(&mut self, top: &Open) -> Option<()> {
        self.at += 1;
        if top.close == b'"' {
            return Some(());
        }
        if top.literal && !self.paired {
            self.ambiguous_here = true;
            return Some(());
        }
        let length = self.rest().find('\'')?;
        if top.literal {
            // Without these in it the text means the same either way.
            self.ambiguous_here |= self.rest().get(..length)?.contains(['}', '"', '`', '(']);
        }
        self.at += length + 1;
        Some(())
    }

    fn pass_backquotes(&mut self) -> Option<()> {
        self.at += 1;
        loop {
            match self.byte()? {
                b'`' => break,
                b'\\' => self.at += 2,
                _ => self.at += 1,
            }
        }
        self.at += 1;
        Some(())
    }

    /// Passes `$` with a substitution or quote that it begins; the bracket that it opens, if it is one to wait for.
    fn pass_dollar(&mut self, quoted: bool) -> Option<Option<Open>> {
        self.at = self.past_continuations(self.at + 1) - 1;
        match self.byte_after(1) {
            Some(b'(') => self.dollar_bracket(&mut Vec::new(), quoted),
            Some(b'{') => {
                self.at += 2;
                return Some(Some(Open::parameter(self.source, self.at, quoted)));
            }
            Some(b'\'') if !quoted => {
                self.ansi_quoted(&mut Vec::new());
                self.source.as_bytes().get(self.at - 1).filter(|byte| **byte == b'\'')?;
            }
            _ => self.at += 1,
        }
        Some(None)
    }
}

impl Open {
    /// The bracket of the parameter expansion whose inside begins here.
    fn parameter(source: &str, start: usize, quoted: bool) -> Self {
        Self { close: b'}', quoted, literal: quoted && !takes_pattern(source.get(start..).unwrap_or_default()) }
    }

    /// What a plain byte opens inside this.
    fn inner(&self, byte: u8) -> Option<Self> {
        match byte {
            b'"' => Some(Self { close: b'"', quoted: true, literal: false }),
            b'(' if self.close == b')' => Some(Self { close: b')', quoted: self.quoted, literal: false }),
            b'[' if self.close == b']' => Some(Self { close: b']', quoted: self.quoted, literal: false }),
            _ => None,
        }
    }
}

/// Whether a parameter expansion with this inside takes a pattern, in which single quotes always quote.
fn takes_pattern(inside: &str) -> bool {
    let bytes = inside.as_bytes();
    let is_letter = |byte: &u8| *byte == b'_' || byte.is_ascii_alphanumeric();
    let n_signs = usize::from(bytes.first() == Some(&b'!'));
    let n_letters = bytes.iter().skip(n_signs).take_while(|byte| is_letter(byte)).count();
    let mut at = n_signs + n_letters.max(usize::from(n_letters == 0));
    if bytes.get(at) == Some(&b'[') {
        let index = bytes.iter().skip(at).take(MAX_INDEX);
        at += index.take_while(|byte| **byte != b']').count() + 1;
    }
    matches!(bytes.get(at), Some(b'#' | b'%' | b'/' | b'^' | b','))
}

/// Text with the line continuations taken out.
fn without_continuations(text: &str) -> Cow<'_, str> {
    if text.contains("\\\n") || text.contains("\\\r\n") {
        Cow::Owned(text.replace("\\\r\n", "").replace("\\\n", ""))
    } else {
        Cow::Borrowed(text)
    }
}

/// The length of the descriptor in front of a redirection: digits or `{name}`.
fn descriptor_length(rest: &[u8]) -> usize {
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if digits > 0 || rest.first() != Some(&b'{') {
        return digits;
    }
    let inner = rest.iter().skip(1).take_while(|&&byte| byte == b'_' || byte.is_ascii_alphanumeric()).count();
    if inner > 0 && rest.get(inner + 1) == Some(&b'}') { inner + 2 } else { 0 }
}
