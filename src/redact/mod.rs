//! Masks secrets before text leaves this machine or is kept on it.
//!
//! A secret becomes `[REDACTED:kind]`. The rules know well-known shapes (`rules.rs`); they are written so that what a shell
//! would expand or run is never part of what they mask: hiding a key from a judge must not hide a payload from it.

mod rules;

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use serde_json::{Map, Value};

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

/// The value with every secret in its strings masked, and strings under a key that names a secret (`"password"`) whole. A value
/// that holds none is not copied.
pub fn redact_json(value: &Value) -> Cow<'_, Value> {
    match value {
        Value::String(text) => masked(redact(text)).map_or(Cow::Borrowed(value), |text| Cow::Owned(text.into())),
        Value::Array(items) => {
            let redacted: Vec<Cow<'_, Value>> = items.iter().map(redact_json).collect();
            match redacted.iter().any(|item| matches!(item, Cow::Owned(_))) {
                true => Cow::Owned(redacted.into_iter().map(Cow::into_owned).collect()),
                false => Cow::Borrowed(value),
            }
        }
        Value::Object(fields) => {
            masked(redact_fields(fields)).map_or(Cow::Borrowed(value), |fields| Cow::Owned(fields.into()))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => Cow::Borrowed(value),
    }
}

/// The same for the fields of an object.
pub fn redact_fields(fields: &Map<String, Value>) -> Cow<'_, Map<String, Value>> {
    let redacted: Vec<_> = fields.iter().map(|(key, value)| (redact(key), redact_field(key, value))).collect();
    let is_clean =
        |(key, value): &(Cow<'_, str>, Cow<'_, Value>)| matches!((key, value), (Cow::Borrowed(_), Cow::Borrowed(_)));
    if redacted.iter().all(is_clean) {
        return Cow::Borrowed(fields);
    }
    Cow::Owned(redacted.into_iter().map(|(key, value)| (key.into_owned(), value.into_owned())).collect())
}

fn redact_field<'a>(key: &str, value: &'a Value) -> Cow<'a, Value> {
    match value {
        Value::String(text) if rules::names_secret(key) && rules::is_literal(text) => {
            Cow::Owned(mask("named-secret").into())
        }
        other => redact_json(other),
    }
}

/// What is there only where something was masked.
fn masked<T: ToOwned + ?Sized>(redacted: Cow<'_, T>) -> Option<T::Owned> {
    match redacted {
        Cow::Borrowed(_) => None,
        Cow::Owned(masked) => Some(masked),
    }
}

fn mask(kind: &str) -> String {
    format!("{OPENING}{kind}]")
}

/// The secrets of a text in order, none overlapping: where two rules meet, the one that begins first counts and takes in
/// the other's part.
fn find(text: &str) -> Vec<(Range<usize>, &'static str)> {
    let mut found: Vec<_> = rules::possible(text).flat_map(|rule| rule.find(text)).collect();
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
