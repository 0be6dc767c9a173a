//! Tokens → canonical text: constants filled in, one space where there was any, long strings and blocks cut short.

use std::ops::Range;

use super::constant::{self, Variables};
use super::lex::{Kind, Part, Token};
use crate::normalize::windows;

/// Bytes of the text of a bracket's inside that are shown in place.
const MAX_INSIDE: usize = 400;
/// Brackets in brackets that are shown in place.
const MAX_NESTING: usize = 6;

/// The text of tokens.
pub(super) fn text(tokens: &[Token], range: Range<usize>, variables: &Variables) -> String {
    let mut out = String::new();
    write(tokens, range, variables, 0, &mut out);
    out
}

fn write(tokens: &[Token], range: Range<usize>, variables: &Variables, depth: usize, out: &mut String) {
    let start = out.len();
    let mut at = range.start;
    while at < range.end {
        let Some(token) = tokens.get(at) else { return };
        if token.spaced && out.len() > start {
            out.push(' ');
        }
        at += 1;
        match &token.kind {
            Kind::Word(word) => out.push_str(word),
            Kind::Text(parts) => out.push_str(&literal(&shown(parts, variables))),
            Kind::Variable(name) => variable(name, variables, out),
            Kind::Open(bracket) => {
                let end = token.partner.min(range.end);
                group(tokens, *bracket, at..end, variables, depth, out);
                at = end + 1;
            }
            Kind::Close(bracket) => out.push(*bracket),
            Kind::Pipe => out.push('|'),
            Kind::Chain => out.push_str("&&"),
            Kind::End if at == range.end || out.len() == start || out.ends_with([';', '{']) => {}
            Kind::End => out.push(';'),
            Kind::Ampersand => out.push('&'),
            Kind::Comma => out.push(','),
            Kind::Redirect(redirect) => out.push_str(redirect),
        }
    }
}

fn variable(name: &str, variables: &Variables, out: &mut String) {
    match variables.get(name) {
        Some(value) if value.len() <= windows::MAX_INLINE && !value.contains('\n') => out.push_str(&word(value)),
        _ => {
            out.push('$');
            out.push_str(name);
        }
    }
}

/// The inside of brackets: worked out when constant, else as it is within bounds.
fn group(tokens: &[Token], bracket: char, inside: Range<usize>, variables: &Variables, depth: usize, out: &mut String) {
    let called = out.ends_with(|c: char| c.is_alphanumeric());
    if bracket == '('
        && let Some(value) = constant::value(tokens, inside.clone(), variables)
    {
        let value = literal(&value);
        out.push_str(&if called { format!("({value})") } else { value });
        return;
    }
    out.push_str(if bracket == '@' {
        "@{"
    } else if bracket == '{' {
        "{"
    } else {
        "("
    });
    let start = out.len();
    if depth < MAX_NESTING {
        write(tokens, inside, variables, depth + 1, out);
        if out.len() - start > MAX_INSIDE && bracket != '(' {
            out.truncate(out.floor_char_boundary(start + MAX_INSIDE));
            out.push('\u{2026}');
        }
    } else {
        out.push('\u{2026}');
    }
    out.push(if bracket == '(' { ')' } else { '}' });
}

/// A string's parts with what is known filled in and the rest as spelled.
pub(super) fn shown(parts: &[Part], variables: &Variables) -> String {
    let mut out = String::new();
    for part in parts {
        match part {
            Part::Plain(plain) => out.push_str(plain),
            Part::Variable(name) => match variables.get(name) {
                Some(value) => out.push_str(value),
                None => out.extend(["$", name]),
            },
            Part::Sub(inner, _) => out.extend(["$(", inner, ")"]),
        }
    }
    out
}

/// A text in quotes, or the mark of one that is a unit of its own.
pub(super) fn literal(text: &str) -> String {
    if is_long(text) { windows::DATA.to_owned() } else { quoted(text) }
}

/// Whether a string is shown as a unit of its own: long, and neither a path nor an address.
pub(super) fn is_long(text: &str) -> bool {
    text.len() > windows::MAX_INLINE
        && (text.contains(char::is_whitespace)
            || text.len() > 4 * windows::MAX_INLINE
            || !text.contains(['/', '\\', '.']))
}

/// A text in quotes.
pub(super) fn quoted(text: &str) -> String {
    format!("'{text}'")
}

/// An argument as it is shown in a command: in quotes only where needed.
pub(super) fn word(text: &str) -> String {
    if text.is_empty() || text.contains(|c: char| c.is_whitespace() || "|;&'\"".contains(c)) {
        quoted(text)
    } else {
        text.to_owned()
    }
}
