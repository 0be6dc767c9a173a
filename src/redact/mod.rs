//! Masks secrets before text leaves this machine or is kept on it.
//!
//! A secret becomes `[REDACTED:kind]`. The rules know well-known shapes (`rules.rs`); they are written so that what a shell
//! would expand or run is never part of what they mask: hiding a key from a judge must not hide a payload from it.

mod rules;

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use rules::RULES;
use serde_json::Value;

/// A text whose `Debug` form does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes the text in.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text: for the one place that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret(…)")
    }
}

/// What stands in the place of every mask's beginning; text that has it already is not masked again.
const OPENING: &str = "[REDACTED:";

/// The text with every secret masked.
pub fn redact(text: &str) -> Cow<'_, str> {
    let found = find(text);
    if found.is_empty() {
        return Cow::Borrowed(text);
    }
    let (mut masked, mut end) = (String::with_capacity(text.len()), 0);
    for (span, kind) in found {
        masked.push_str(text.get(end..span.start).unwrap_or_default());
        masked.push_str(&mask(kind));
        end = span.end;
    }
    masked.push_str(text.get(end..).unwrap_or_default());
    Cow::Owned(masked)
}

/// The value with every secret in its strings masked, and strings under a key that names a secret (`"password"`) whole.
pub fn redact_json(value: &Value) -> Value {
    match value {
        Value::String(text) => Value::String(redact(text).into_owned()),
        Value::Array(items) => items.iter().map(redact_json).collect(),
        Value::Object(fields) => {
            let field = |(key, value): (&String, &Value)| (redact(key).into_owned(), redact_field(key, value));
            Value::Object(fields.iter().map(field).collect())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}

fn redact_field(key: &str, value: &Value) -> Value {
    match value {
        Value::String(text) if rules::names_secret(key) && rules::is_literal(text) => mask("named-secret").into(),
        other => redact_json(other),
    }
}

fn mask(kind: &str) -> String {
    format!("{OPENING}{kind}]")
}

/// The secrets of a text in order, none overlapping: where two rules meet, the one that begins first counts and takes in
/// the other's part.
fn find(text: &str) -> Vec<(Range<usize>, &'static str)> {
    let lower = text.to_ascii_lowercase();
    let mut found: Vec<_> = RULES.iter().flat_map(|rule| rule.find(text, &lower)).collect();
    found.sort_by_key(|(span, _)| (span.start, std::cmp::Reverse(span.end)));
    found.into_iter().fold(Vec::new(), |mut kept: Vec<(Range<usize>, &'static str)>, (span, kind)| {
        match kept.last_mut() {
            Some((last, _)) if span.start < last.end => last.end = last.end.max(span.end),
            _ => kept.push((span, kind)),
        }
        kept
    })
}

#[cfg(test)]
mod tests;
