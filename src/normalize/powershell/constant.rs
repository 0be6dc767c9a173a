//! Works out constant PowerShell expressions: concatenation, `-f`, `-join`, `[char]`, `.Replace()`, base64 literals.
//!
//! Only what is certain without running anything; everything else is `None`.

use std::collections::HashMap;

use super::lex::{Kind, Part, Token};
use crate::normalize::{limits, windows};

/// Brackets in brackets that are worked out.
const MAX_NESTING: usize = 12;

/// The constant variables of a script.
#[derive(Debug, Clone, Default)]
pub(super) struct Variables {
    known: HashMap<String, String>,
    /// Bytes that variables expanded to.
    expanded: usize,
}

impl Variables {
    pub(super) fn set(&mut self, name: &str, value: String) {
        if self.expanded + value.len() > limits::MAX_EXPANDED {
            self.known.remove(name);
            return;
        }
        self.expanded += value.len();
        self.known.insert(bare(name).to_owned(), value);
    }

    pub(super) fn forget(&mut self, name: &str) {
        self.known.remove(bare(name));
    }

    /// What a variable holds.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        if let Some(name) = name.strip_prefix("env:") {
            return self.known.get(&format!("env:{name}")).map(String::as_str).or_else(|| windows::environment(name));
        }
        let name = bare(name);
        self.known.get(name).map(String::as_str).or_else(|| (name == "home").then_some("~"))
    }
}

fn bare(name: &str) -> &str {
    ["global:", "script:", "local:", "private:", "variable:"]
        .iter()
        .find_map(|scope| name.strip_prefix(scope))
        .unwrap_or(name)
}

/// The parts of a string put together, if all are constant.
pub(super) fn text(parts: &[Part], variables: &Variables) -> Option<String> {
    let mut value = String::new();
    for part in parts {
        match part {
            Part::Plain(plain) => value.push_str(plain),
            Part::Variable(name) => value.push_str(variables.get(name)?),
            Part::Sub(..) => return None,
        }
        if value.len() > limits::MAX_EXPANDED {
            return None;
        }
    }
    Some(value)
}

/// The value of an expression, if it is constant.
pub(super) fn value(tokens: &[Token], range: std::ops::Range<usize>, variables: &Variables) -> Option<String> {
    values(tokens, range, variables).filter(|values| values.len() == 1).map(|values| values.concat())
}

/// The values of an expression that may be a list, if they are constant.
pub(super) fn values(tokens: &[Token], range: std::ops::Range<usize>, variables: &Variables) -> Option<Vec<String>> {
    let mut reader = Reader { tokens, at: range.start, end: range.end.min(tokens.len()), variables, depth: 0 };
    let values = reader.expression()?;
    (reader.at >= reader.end).then_some(values)
}

struct Reader<'a> {
    tokens: &'a [Token],
    at: usize,
    end: usize,
    variables: &'a Variables,
    depth: usize,
}

impl<'a> Reader<'a> {
    fn peek(&self) -> Option<&'a Token> {
        self.tokens.get(self.at).filter(|_| self.at < self.end)
    }

    fn operator(&mut self, names: &[&str]) -> Option<String> {
        let Kind::Word(word) = &self.peek()?.kind else { return None };
        let word = word.to_ascii_lowercase();
        names.contains(&word.as_str()).then(|| {
            self.at += 1;
            word
        })
    }

    /// A list of values; a lone value is a list of one.
    fn expression(&mut self) -> Option<Vec<String>> {
        if self.operator(&["-join"]).is_some() {
            return Some(vec![self.list()?.concat()]);
        }
        let mut left = self.list()?;
        while self.at < self.end {
            let operator = self.operator(&["+", "-f", "-join", "-replace", "-creplace", "-ireplace"])?;
            let right = self.list()?;
            left = apply(&operator, &left, &right)?;
            if left.iter().map(String::len).sum::<usize>() > limits::MAX_EXPANDED {
                return None;
            }
        }
        Some(left)
    }

    fn list(&mut self) -> Option<Vec<String>> {
        let mut items = self.term()?;
        let mut length: usize = items.iter().map(String::len).sum();
        while self.peek().is_some_and(|token| token.kind == Kind::Comma) {
            self.at += 1;
            let more = self.term()?;
            length += more.iter().map(String::len).sum::<usize>();
            if length > limits::MAX_EXPANDED {
                return None;
            }
            items.extend(more);
        }
        Some(items)
    }

    fn term(&mut self) -> Option<Vec<String>> {
        let token = self.peek()?;
        let mut items = match &token.kind {
            Kind::Text(parts) => {
                self.at += 1;
                vec![text(parts, self.variables)?]
            }
            Kind::Variable(name) => {
                self.at += 1;
                vec![self.variables.get(name)?.to_owned()]
            }
            Kind::Open('(') => self.group(token.partner)?,
            Kind::Word(word) => self.word(word)?,
            _ => return None,
        };
        while let Some(method) = self.method() {
            items = self.call(&method, &items)?;
        }
        Some(items)
    }

    /// The inside of brackets; the reader stands on the opening one.
    fn group(&mut self, partner: usize) -> Option<Vec<String>> {
        if self.depth >= MAX_NESTING || partner > self.end {
            return None;
        }
        let mut inner = Reader {
            tokens: self.tokens,
            at: self.at + 1,
            end: partner.min(self.end),
            variables: self.variables,
            depth: self.depth + 1,
        };
        let value = inner.expression()?;
        if inner.at < inner.end {
            return None;
        }
        self.at = partner + 1;
        Some(value)
    }

    /// A number, a cast, or one of the calls that only decode.
    fn word(&mut self, word: &str) -> Option<Vec<String>> {
        let lower = word.to_ascii_lowercase();
        if number(&lower).is_some() {
            self.at += 1;
            return Some(vec![word.to_owned()]);
        }
        if let Some(rest) = lower.strip_prefix("[char]").or_else(|| lower.strip_prefix("[char[]]")) {
            self.at += 1;
            return self.cast_characters(rest);
        }
        if matches!(lower.as_str(), "[string]" | "[string[]]" | "[system.string]") {
            self.at += 1;
            return self.deeper();
        }
        let decodes = lower.ends_with("::frombase64string");
        let reads = lower.ends_with(".getstring") && lower.contains("encoding");
        let joins = lower.ends_with("string]::join");
        if !(decodes || reads || joins) {
            return None;
        }
        self.at += 1;
        let partner = self.peek().filter(|token| token.kind == Kind::Open('(')).map(|token| token.partner)?;
        let inner = self.group(partner)?;
        match () {
            () if joins => Some(vec![inner.get(1..)?.join(inner.first()?)]),
            () if decodes => Some(vec![windows::decode_utf16(&inner.concat())?]),
            () => Some(inner),
        }
    }

    /// What follows `[char]`: a code in the same word, or a value of its own.
    fn cast_characters(&mut self, rest: &str) -> Option<Vec<String>> {
        if rest.is_empty() {
            return self.deeper()?.iter().map(|item| character(item)).collect();
        }
        match rest.strip_suffix('+') {
            Some(rest) => Some(vec![characters(rest)? + &self.deeper()?.concat()]),
            None => characters(rest).map(|text| vec![text]),
        }
    }

    /// A term inside another, within the bound.
    fn deeper(&mut self) -> Option<Vec<String>> {
        if self.depth >= MAX_NESTING {
            return None;
        }
        self.depth += 1;
        let term = self.term();
        self.depth -= 1;
        term
    }

    /// The name of a method that is called on the value just read.
    fn method(&mut self) -> Option<String> {
        let Kind::Word(word) = &self.peek().filter(|token| !token.spaced)?.kind else { return None };
        let name = word.strip_prefix('.')?.to_ascii_lowercase();
        let called = self.tokens.get(self.at + 1).is_some_and(|token| token.kind == Kind::Open('(') && !token.spaced);
        called.then(|| {
            self.at += 1;
            name
        })
    }

    fn call(&mut self, method: &str, items: &[String]) -> Option<Vec<String>> {
        let partner = self.peek()?.partner;
        let empty = partner == self.at + 1;
        let arguments = if empty {
            self.at = partner + 1;
            Vec::new()
        } else {
            self.group(partner)?
        };
        let text = items.concat();
        let value = match (method, arguments.as_slice()) {
            ("replace", [from, to]) if !from.is_empty() => text.replace(from.as_str(), to),
            ("tolower" | "tolowerinvariant", []) => text.to_lowercase(),
            ("toupper" | "toupperinvariant", []) => text.to_uppercase(),
            ("tostring" | "normalize", _) => text,
            ("trim", []) => text.trim().to_owned(),
            ("substring", [from]) => text.get(from.parse().ok()?..)?.to_owned(),
            ("substring", [from, length]) => {
                let from: usize = from.parse().ok()?;
                text.get(from..from.checked_add(length.parse().ok()?)?)?.to_owned()
            }
            ("insert", [at, more]) => {
                let at: usize = at.parse().ok()?;
                format!("{}{more}{}", text.get(..at)?, text.get(at..)?)
            }
            _ => return None,
        };
        (value.len() <= limits::MAX_EXPANDED).then(|| vec![value])
    }
}

fn apply(operator: &str, left: &[String], right: &[String]) -> Option<Vec<String>> {
    let value = match operator {
        "+" => left.concat() + &right.concat(),
        "-join" => left.join(&right.concat()),
        "-f" => format(&left.concat(), right)?,
        _ => {
            let [from, rest @ ..] = right else { return None };
            if from.is_empty() || from.contains(|c: char| ".*+?()[]{}|^$\\".contains(c)) {
                return None;
            }
            left.concat().replace(from.as_str(), &rest.concat())
        }
    };
    Some(vec![value])
}

/// `'{1}{0}' -f 'a','b'`.
fn format(template: &str, values: &[String]) -> Option<String> {
    let mut out = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        let (index, after) = after.split_once('}')?;
        out.push_str(values.get(index.trim().parse::<usize>().ok()?)?);
        rest = after;
        if out.len() > limits::MAX_EXPANDED {
            return None;
        }
    }
    out.push_str(rest);
    Some(out)
}

fn number(text: &str) -> Option<u32> {
    match text.strip_prefix("0x") {
        Some(hex) => u32::from_str_radix(hex, 16).ok(),
        None => text.parse().ok(),
    }
}

/// The character of a code, or a text as it is.
fn character(text: &str) -> Option<String> {
    match number(&text.to_ascii_lowercase()) {
        Some(code) => char::from_u32(code).filter(|c| !is_marker(*c)).map(String::from),
        None => Some(text.to_owned()),
    }
}

/// Whether a character belongs to the engine's markers, which no input may spell.
fn is_marker(c: char) -> bool {
    matches!(c, '\u{27e6}' | '\u{27e7}')
}

/// `73+[char]69`, the rest of a word after the first `[char]`.
fn characters(rest: &str) -> Option<String> {
    rest.split('+')
        .map(|item| char::from_u32(number(item.trim_start_matches("[char]"))?).filter(|c| !is_marker(*c)))
        .collect()
}
