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
    /// Whether it only runs depending on another (`&&`, `||`).
    pub conditional: bool,
    /// Whether it ends in `&`.
    pub background: bool,
    /// Whether something in it did not parse.
    pub flawed: bool,
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
    /// `case word in pattern) …`.
    Case(Word<'a>, Vec<List<'a>>),
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
    pub name: &'a str,
    /// Whether there is an index (`name[i]=`).
    pub indexed: bool,
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
pub(super) fn parse(source: &str) -> List<'_> {
    let mut parser = Parser::new(source);
    parser.list(&[])
}

/// Parses text as the inside of double quotes or of an unquoted here-document.
pub(super) fn parse_text(source: &str) -> Word<'_> {
    let mut parser = Parser::new(source);
    let mut pieces = Vec::new();
    parser.quoted_text(&mut pieces, None);
    Word { raw: source, pieces }
}

/// Parses text as one word, blanks included.
pub(super) fn parse_word(source: &str) -> Word<'_> {
    let mut parser = Parser::new(source);
    parser.word(&|_| false)
}

/// Unterminated quotes that are taken as plain characters before the rest of the text is given up to them. Each costs a pass.
const MAX_RETRIES: usize = 8;

/// Bytes of an array index or pattern group that are looked at for its end, so that unclosed ones cannot cost a pass each.
const MAX_INDEX: usize = 64;

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
        }
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

    fn starts_with(&self, text: &str) -> bool {
        self.source.as_bytes().get(self.at..).is_some_and(|rest| rest.starts_with(text.as_bytes()))
    }

    fn eat(&mut self, text: &str) -> bool {
        let found = self.starts_with(text);
        if found {
            self.at += text.len();
        }
        found
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
            let text = self.here_text(&delimiter, strip);
            let _ = cell.set(Here { text, quoted, strip });
        }
    }

    fn here_text(&mut self, delimiter: &str, strip: bool) -> &'a str {
        let start = self.at;
        while self.at < self.source.len() {
            let line_start = self.at;
            let line = self.rest().split('\n').next().unwrap_or_default();
            let shown = if strip { line.trim_start_matches('\t') } else { line };
            if shown.trim_end_matches('\r') == delimiter {
                self.at = (line_start + line.len() + 1).min(self.source.len());
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

    // ── Lists ───────────────────────────────────────────────────────────────────────────────────────────────────────────

    /// Statements up to one of `until` (not consumed) or the end.
    fn list(&mut self, until: &'static [&'static str]) -> List<'a> {
        self.awaited.push(until);
        let mut list = List::new();
        let mut conditional = false;
        while self.reach_statement() {
            let before = self.at;
            if let Some(mut statement) = self.pipeline() {
                statement.conditional = conditional;
                statement.flawed |= std::mem::take(&mut self.flawed);
                conditional = self.separator(&mut statement);
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
        self.starts_with(word) && self.byte_after(word.len()).is_none_or(is_meta)
    }

    fn eat_word(&mut self, word: &str) -> bool {
        let found = self.at_word(word);
        if found {
            self.at += word.len();
        }
        found
    }

    /// Passes what stands between two statements; whether the next depends on this one.
    fn separator(&mut self, statement: &mut Statement<'a>) -> bool {
        self.skip_blanks();
        if self.eat("&&") || self.eat("||") {
            return true;
        }
        if self.starts_with(";;") || self.starts_with(";&") {
            return false;
        }
        if self.eat("&") {
            statement.background = true;
        } else {
            self.eat(";");
        }
        false
    }

    fn pipeline(&mut self) -> Option<Statement<'a>> {
        let start = self.at;
        let mut stages = Vec::with_capacity(1);
        loop {
            self.pass_prefixes();
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
            conditional: false,
            background: false,
            flawed: false,
        })
    }

    /// Passes `!`, and `time` and `coproc` in front of a compound command; elsewhere those two are programs like others.
    fn pass_prefixes(&mut self) {
        loop {
            self.skip_blanks();
            let start = self.at;
            if self.eat_word("!") {
                continue;
            }
            if self.eat_word("time") {
                self.skip_blanks();
                self.eat_word("-p");
            } else if self.eat_word("coproc") {
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
        let mut arms = Vec::new();
        loop {
            self.skip_lines();
            if self.at >= self.source.len() || self.eat_word("esac") {
                return Body::Case(word, arms);
            }
            let before = self.at;
            self.patterns();
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

    fn patterns(&mut self) {
        self.eat("(");
        loop {
            self.skip_blanks();
            let word = self.plain_word();
            self.skip_blanks();
            if self.eat(")") {
                return;
            }
            if !self.eat("|") && word.is_none() {
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
        let end = self.matching(start + 1, b')')?;
        let after = self.matching(start, b')')?;
        if after != end + 1 {
            return None;
        }
        let inner = self.source.get(start + 2..end)?;
        self.at = after + 1;
        Some(Body::Arithmetic(parse_text(inner)))
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

    /// An assignment, where the words so far leave room for one: none, or a declaring built-in.
    fn assignment(&mut self, words: &[Word<'a>]) -> Option<Assignment<'a>> {
        if !words.is_empty() {
            return None;
        }
        let start = self.at;
        let rest = self.rest().as_bytes();
        let length = rest.iter().take_while(|&&byte| byte == b'_' || byte.is_ascii_alphanumeric()).count();
        let name = self.source.get(start..start + length).filter(|name| is_name(name))?;
        let mut at = start + length;
        let indexed = self.source.as_bytes().get(at) == Some(&b'[');
        if indexed {
            at = self.matching(at, b']')? + 1;
        }
        let append = self.source.as_bytes().get(at) == Some(&b'+');
        at += usize::from(append);
        if self.source.as_bytes().get(at) != Some(&b'=') {
            return None;
        }
        self.at = at + 1;
        let value = self.value();
        Some(Assignment { name, indexed, append, value })
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
        let process = matches!(self.byte(), Some(b'<' | b'>')) && self.byte_after(1) == Some(b'(');
        let Some(operator) = found.filter(|_| !process) else {
            self.at = start;
            return None;
        };
        let descriptor = self.since(start);
        self.at += operator.len();
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
        let raw = self.since(start);
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
                b'`' => self.backquoted(&mut pieces, false),
                b'<' | b'>' if self.byte_after(1) == Some(b'(') => self.process(&mut pieces),
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
            if special || ends(byte) || (matches!(byte, b'<' | b'>') && self.byte_after(1) == Some(b'(')) {
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

    fn pattern_group(&mut self, pieces: &mut Vec<Piece<'a>>) {
        let start = self.at;
        let limit = self.source.len().min(start + MAX_INDEX);
        self.at = self.matching_before(start, b')', limit).map_or(start + 1, |end| end + 1);
        pieces.push(Piece::Plain(self.since(start)));
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
                b'`' => self.backquoted(pieces, true),
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
        self.at += 1;
        match self.byte() {
            Some(b'\n') => self.at += 1,
            Some(byte) if matches!(byte, b'$' | b'`' | b'\\') || Some(byte) == end => {
                self.at += 1;
                pieces.push(Piece::Quoted(Cow::Borrowed(self.source.get(start + 1..self.at).unwrap_or_default())));
            }
            _ => pieces.push(Piece::Quoted(Cow::Borrowed("\\"))),
        }
    }

    fn dollar(&mut self, pieces: &mut Vec<Piece<'a>>, quoted: bool) {
        match self.byte_after(1) {
            Some(b'\'') if !quoted => self.ansi_quoted(pieces),
            Some(b'"') if !quoted => {
                self.at += 1;
                self.double_quoted(pieces);
            }
            Some(b'(') => self.dollar_bracket(pieces, quoted),
            Some(b'{') => {
                let start = self.at + 2;
                let end = self.matching(self.at + 1, b'}');
                self.flawed |= end.is_none();
                let inner = self.source.get(start..end.unwrap_or(self.source.len())).unwrap_or_default();
                self.at = end.map_or(self.source.len(), |end| end + 1);
                pieces.push(Piece::Parameter { inner, quoted });
            }
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

    fn dollar_bracket(&mut self, pieces: &mut Vec<Piece<'a>>, quoted: bool) {
        let start = self.at;
        if self.byte_after(2) == Some(b'(')
            && let Some(end) = self.matching(start + 2, b')')
            && self.source.as_bytes().get(end + 1) == Some(&b')')
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
            return vec![Statement { stages: vec![stage], span, conditional: false, background: false, flawed: true }];
        }
        self.depth += 1;
        self.substitutions += 1;
        let awaited = std::mem::take(&mut self.awaited);
        let list = self.list(&[")"]);
        self.awaited = awaited;
        self.substitutions -= 1;
        self.depth -= 1;
        self.expect(")");
        list
    }

    fn process(&mut self, pieces: &mut Vec<Piece<'a>>) {
        let direction = if self.byte() == Some(b'<') { '<' } else { '>' };
        self.at += 2;
        let list = self.bracketed();
        pieces.push(Piece::Process { direction, list });
    }

    fn backquoted(&mut self, pieces: &mut Vec<Piece<'a>>, quoted: bool) {
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
                Some(b'\\') if matches!(self.byte_after(1), Some(b'`' | b'\\' | b'$')) => {
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

    /// The position of the closing sign that belongs to the opening one at `open`, quotes and nesting heeded.
    fn matching(&self, open: usize, close: u8) -> Option<usize> {
        let end = if close == b']' { self.source.len().min(open + MAX_INDEX) } else { self.source.len() };
        self.matching_before(open, close, end)
    }

    fn matching_before(&self, open: usize, close: u8, end: usize) -> Option<usize> {
        let bytes = self.source.as_bytes().get(..end)?;
        let mut stack = vec![close];
        let mut at = open + 1;
        while let Some(&byte) = bytes.get(at) {
            let top = *stack.last()?;
            let next = bytes.get(at + 1).copied();
            match byte {
                b'\\' if top != b'\'' => at += 1,
                _ if byte == top => {
                    stack.pop();
                    if stack.is_empty() {
                        return Some(at);
                    }
                }
                _ if top == b'\'' => {}
                b'\'' if top != b'"' => stack.push(b'\''),
                b'"' => stack.push(b'"'),
                b'`' => stack.push(b'`'),
                b'$' if next == Some(b'(') => {
                    stack.push(b')');
                    at += 1;
                }
                b'$' if next == Some(b'{') => {
                    stack.push(b'}');
                    at += 1;
                }
                b'(' if top == b')' => stack.push(b')'),
                b'{' if top == b'}' && close == b'}' => {}
                b'[' if top == b']' => stack.push(b']'),
                _ => {}
            }
            at += 1;
        }
        None
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
