//! PowerShell source → tokens. Linear, without recursion; brackets get the index of their partner.

use std::ops::Range;

/// Bytes of a name in braces.
const MAX_NAME: usize = 256;

/// One token.
#[derive(Debug, Clone)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) span: Range<usize>,
    /// Whether white space stands before it.
    pub(super) spaced: bool,
    /// For an opening bracket: the index of its partner.
    pub(super) partner: usize,
}

/// What a token is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    /// Bare text: a name, a path, a number, an operator, a type.
    Word(String),
    /// A quoted string.
    Text(Vec<Part>),
    /// A variable by its name, in lower case.
    Variable(String),
    /// `(` (also `$(` and `@(`), `{`, or `@` for the table `@{`.
    Open(char),
    Close(char),
    Pipe,
    /// `&&` or `||`.
    Chain,
    /// `;` or a line end.
    End,
    Ampersand,
    Comma,
    /// `>` and its kin, with the stream.
    Redirect(String),
}

/// A part of a quoted string.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part {
    Plain(String),
    Variable(String),
    /// A `$( )` with the place where it stands.
    Sub(String, usize),
}

/// What the lexer found besides tokens.
#[derive(Debug, Default)]
pub(super) struct Lexed {
    pub(super) tokens: Vec<Token>,
    /// A quote, comment or bracket was not closed.
    pub(super) unclosed: bool,
    /// Backticks inside words where none are needed.
    pub(super) odd: bool,
}

/// The tokens of a script.
pub(super) fn lex(script: &str) -> Lexed {
    let mut lexer = Lexer { text: script, at: 0, out: Lexed::default() };
    lexer.run();
    join_lines(script, &mut lexer.out.tokens);
    pair(&mut lexer.out);
    lexer.out
}

/// Drops the line ends that end no statement: behind an operator, a comma, a `|` or a `(`, and before a `|`.
fn join_lines(script: &str, tokens: &mut Vec<Token>) {
    let mut kept: Vec<Token> = Vec::with_capacity(tokens.len());
    let mut joined = false;
    for mut token in tokens.drain(..) {
        let is_line_end = token.kind == Kind::End && script.get(token.span.clone()) == Some("\n");
        if is_line_end && kept.last().is_some_and(|before| goes_on(&before.kind)) {
            joined = true;
            continue;
        }
        if token.kind == Kind::Pipe {
            while kept
                .last()
                .is_some_and(|before| before.kind == Kind::End && script.get(before.span.clone()) == Some("\n"))
            {
                kept.pop();
            }
        }
        token.spaced |= std::mem::take(&mut joined);
        kept.push(token);
    }
    *tokens = kept;
}

/// Whether a statement goes on behind this token.
fn goes_on(kind: &Kind) -> bool {
    match kind {
        Kind::Pipe | Kind::Comma | Kind::Chain | Kind::Open('(') => true,
        Kind::Word(word) => matches!(
            word.to_ascii_lowercase().as_str(),
            "=" | "+" | "+=" | "-f" | "-and" | "-or" | "-join" | "-replace" | "-eq" | "-ne" | "-match" | "-like"
        ),
        _ => false,
    }
}

/// Gives every bracket its partner; what is not closed ends at the end.
fn pair(lexed: &mut Lexed) {
    let mut open = Vec::new();
    let mut partners = vec![lexed.tokens.len(); lexed.tokens.len()];
    for (index, token) in lexed.tokens.iter().enumerate() {
        match token.kind {
            Kind::Open(_) => open.push(index),
            Kind::Close(_) => match open.pop().and_then(|start| partners.get_mut(start)) {
                Some(partner) => *partner = index,
                None => lexed.unclosed = true,
            },
            _ => {}
        }
    }
    lexed.unclosed |= !open.is_empty();
    for (token, partner) in lexed.tokens.iter_mut().zip(partners) {
        token.partner = partner;
    }
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
    out: Lexed,
}

impl Lexer<'_> {
    fn peek(&self) -> Option<char> {
        self.peek_at(0)
    }

    fn peek_at(&self, ahead: usize) -> Option<char> {
        self.text.get(self.at + ahead..)?.chars().next()
    }

    fn starts(&self, mark: &str) -> bool {
        self.text.get(self.at..).is_some_and(|rest| rest.starts_with(mark))
    }

    fn bump(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        Some(c)
    }

    fn run(&mut self) {
        loop {
            let spaced = self.blanks();
            let Some(c) = self.peek() else { return };
            let start = self.at;
            let Some(kind) = self.token(c) else { continue };
            self.out.tokens.push(Token { kind, span: start..self.at, spaced, partner: 0 });
        }
    }

    /// Skips white space, comments and continued lines.
    fn blanks(&mut self) -> bool {
        let start = self.at;
        loop {
            match self.peek() {
                Some('`') if matches!(self.peek_at(1), Some('\n')) => self.at += 2,
                Some('`') if self.starts("`\r\n") => self.at += 3,
                Some('#') => self.comment(),
                Some('<') if self.starts("<#") => self.block_comment(),
                Some(c) if c != '\n' && c.is_whitespace() => self.at += c.len_utf8(),
                _ => return self.at > start || start == 0,
            }
        }
    }

    fn comment(&mut self) {
        let rest = self.text.get(self.at..).unwrap_or_default();
        self.at += rest.find('\n').unwrap_or(rest.len());
    }

    fn block_comment(&mut self) {
        let rest = self.text.get(self.at..).unwrap_or_default();
        self.out.unclosed |= !rest.contains("#>");
        self.at += rest.find("#>").map_or(rest.len(), |end| end + 2);
    }

    fn token(&mut self, c: char) -> Option<Kind> {
        if let Some(redirect) = self.redirect() {
            return Some(Kind::Redirect(redirect));
        }
        let single = |lexer: &mut Self, kind| {
            lexer.at += c.len_utf8();
            Some(kind)
        };
        match c {
            '\n' | ';' => single(self, Kind::End),
            ',' => single(self, Kind::Comma),
            '(' | '{' => single(self, Kind::Open(c)),
            ')' | '}' => single(self, Kind::Close(c)),
            '|' | '&' if self.starts("||") || self.starts("&&") => {
                self.at += 2;
                Some(Kind::Chain)
            }
            '|' => single(self, Kind::Pipe),
            '&' => single(self, Kind::Ampersand),
            '@' if self.starts("@(") => {
                self.at += 2;
                Some(Kind::Open('('))
            }
            '@' if self.starts("@{") => {
                self.at += 2;
                Some(Kind::Open('@'))
            }
            '@' if self.peek_at(1).is_some_and(|c| is_single(c) || is_double(c)) => Some(self.here_string()),
            '$' if self.starts("$(") => {
                self.at += 2;
                Some(Kind::Open('('))
            }
            '$' => Some(self.variable()),
            _ if is_single(c) => Some(self.single_quoted()),
            _ if is_double(c) => Some(self.double_quoted()),
            _ => self.word(),
        }
    }

    /// `>`, `>>`, `2>`, `*>`, `2>&1`.
    fn redirect(&mut self) -> Option<String> {
        let rest = self.text.get(self.at..)?;
        let stream = usize::from(rest.starts_with(|c: char| c.is_ascii_digit() || c == '*'));
        let mut length = stream + rest.get(stream..)?.bytes().take(2).take_while(|byte| *byte == b'>').count();
        if length == stream {
            return None;
        }
        let after = rest.get(length..)?;
        if after.starts_with('&')
            && after.get(1..2).is_some_and(|digit| digit.starts_with(|c: char| c.is_ascii_digit()))
        {
            length += 2;
        }
        self.at += length;
        rest.get(..length).map(str::to_owned)
    }

    fn variable(&mut self) -> Kind {
        self.at += 1;
        Kind::Variable(self.variable_name())
    }

    /// The name after `$`.
    fn variable_name(&mut self) -> String {
        let rest = self.text.get(self.at..).unwrap_or_default();
        if let Some(braced) = rest.strip_prefix('{')
            && let Some(end) = braced.bytes().take(MAX_NAME).position(|byte| byte == b'}')
        {
            self.at += end + 2;
            return braced.get(..end).unwrap_or_default().replace('`', "").to_lowercase();
        }
        let name = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
        let mut length = rest.find(|c| !name(c)).unwrap_or(rest.len());
        while rest.get(..length).is_some_and(|name| name.ends_with(':')) {
            length -= 1;
        }
        if length == 0 && rest.starts_with(['$', '?', '^']) {
            length = 1;
        }
        self.at += length;
        rest.get(..length).unwrap_or_default().to_lowercase()
    }

    fn single_quoted(&mut self) -> Kind {
        self.bump();
        let mut value = String::new();
        loop {
            match self.bump() {
                Some(c) if is_single(c) => {
                    if !self.peek().is_some_and(is_single) {
                        break;
                    }
                    self.bump();
                    value.push('\'');
                }
                Some(c) => value.push(c),
                None => {
                    self.out.unclosed = true;
                    break;
                }
            }
        }
        Kind::Text(vec![Part::Plain(value)])
    }

    fn double_quoted(&mut self) -> Kind {
        self.bump();
        let mut parts = Parts::default();
        loop {
            match self.peek() {
                Some(c) if is_double(c) => {
                    self.bump();
                    if !self.peek().is_some_and(is_double) {
                        break;
                    }
                    self.bump();
                    parts.push('"');
                }
                Some(_) => self.expandable(&mut parts),
                None => {
                    self.out.unclosed = true;
                    break;
                }
            }
        }
        Kind::Text(parts.close())
    }

    /// One character, escape, variable or `$( )` of an expandable string.
    fn expandable(&mut self, parts: &mut Parts) {
        match self.bump() {
            Some('`') => match self.bump() {
                Some(c) => parts.push(escaped(c)),
                None => self.out.unclosed = true,
            },
            Some('$') if self.peek() == Some('(') => {
                self.at += 1;
                let start = self.at;
                let inner = self.balanced();
                parts.add(Part::Sub(inner, start));
            }
            Some('$') if self.peek().is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | '{')) => {
                let name = self.variable_name();
                parts.add(Part::Variable(name));
            }
            Some(c) => parts.push(c),
            None => {}
        }
    }

    /// Up to the bracket that closes a `$(`, quotes respected.
    fn balanced(&mut self) -> String {
        let start = self.at;
        let mut depth = 1_usize;
        let mut quote = None;
        while let Some(c) = self.bump() {
            match c {
                '`' => {
                    self.bump();
                }
                '\'' | '"' if quote == Some(c) => quote = None,
                '\'' | '"' if quote.is_none() => quote = Some(c),
                '(' if quote.is_none() => depth += 1,
                ')' if quote.is_none() => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                return self.text.get(start..self.at - 1).unwrap_or_default().to_owned();
            }
        }
        self.out.unclosed = true;
        self.text.get(start..).unwrap_or_default().to_owned()
    }

    fn here_string(&mut self) -> Kind {
        self.at += 1;
        let quote = self.bump().unwrap_or('\'');
        let rest = self.text.get(self.at..).unwrap_or_default();
        let body = rest.find('\n').map_or(rest.len(), |end| end + 1);
        let mark = if is_single(quote) { "\n'@" } else { "\n\"@" };
        let from = body.saturating_sub(1);
        let end = rest.get(from..).and_then(|rest| rest.find(mark)).map(|end| from + end);
        self.out.unclosed |= end.is_none();
        let value =
            rest.get(body.min(end.unwrap_or(rest.len()))..end.unwrap_or(rest.len())).unwrap_or_default().to_owned();
        self.at += end.map_or(rest.len(), |end| end + 3);
        Kind::Text(if is_single(quote) { vec![Part::Plain(value)] } else { expand(&value) })
    }

    fn word(&mut self) -> Option<Kind> {
        if self.starts("+[") || self.starts("+'") || self.starts("+\"") || self.starts("+(") || self.starts("+$") {
            self.at += 1;
            return Some(Kind::Word("+".to_owned()));
        }
        if self.after_operand()
            && let Some(operator) = self.operator()
        {
            return Some(Kind::Word(operator));
        }
        let start = self.at;
        let mut value = String::new();
        while let Some(c) = self.peek() {
            match c {
                '`' => {
                    self.at += 1;
                    let Some(next) = self.bump() else { break };
                    self.out.odd |= next.is_ascii_alphanumeric();
                    value.push(next);
                    continue;
                }
                '$' | ',' | ';' | '|' | '&' | '(' | ')' | '{' | '}' | '>' => break,
                _ if c.is_whitespace() => break,
                _ if is_single(c) || is_double(c) => break,
                _ => value.push(c),
            }
            self.at += c.len_utf8();
        }
        if self.at == start {
            self.bump();
            return None;
        }
        Some(Kind::Word(value))
    }

    /// Whether the token before stands directly before this place and ends a value.
    fn after_operand(&self) -> bool {
        self.out.tokens.last().is_some_and(|token| {
            token.span.end == self.at && matches!(token.kind, Kind::Variable(_) | Kind::Close(_) | Kind::Text(_))
        })
    }

    /// An operator directly behind a value (`$a='x'`, `'a'+'b'`).
    fn operator(&mut self) -> Option<String> {
        let rest = self.text.get(self.at..)?;
        let operator = ["+=", "-=", "*=", "/=", "+", "=", "-f"]
            .iter()
            .find(|operator| rest.get(..operator.len()).is_some_and(|start| start.eq_ignore_ascii_case(operator)))?;
        self.at += operator.len();
        Some((*operator).to_owned())
    }
}

/// The parts of an expandable here-string.
fn expand(value: &str) -> Vec<Part> {
    let mut lexer = Lexer { text: value, at: 0, out: Lexed::default() };
    let mut parts = Parts::default();
    while lexer.peek().is_some() {
        lexer.expandable(&mut parts);
    }
    parts.close()
}

/// The parts of a string as they are read.
#[derive(Default)]
struct Parts {
    done: Vec<Part>,
    plain: String,
}

impl Parts {
    fn push(&mut self, c: char) {
        self.plain.push(c);
    }

    fn add(&mut self, part: Part) {
        if !self.plain.is_empty() {
            self.done.push(Part::Plain(std::mem::take(&mut self.plain)));
        }
        self.done.push(part);
    }

    fn close(mut self) -> Vec<Part> {
        if !self.plain.is_empty() || self.done.is_empty() {
            self.done.push(Part::Plain(self.plain));
        }
        self.done
    }
}

fn escaped(c: char) -> char {
    match c {
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        '0' | 'a' | 'b' | 'f' | 'v' => ' ',
        c => c,
    }
}

fn is_single(c: char) -> bool {
    matches!(c, '\'' | '\u{2018}'..='\u{201b}')
}

fn is_double(c: char) -> bool {
    matches!(c, '"' | '\u{201c}'..='\u{201e}')
}
