//! Argument objects as compact text and as a flat list of strings, within bounds on depth and size.

use std::borrow::Cow;

use serde_json::Value;

use super::Object;
use super::inputs::{self, Inputs};
use crate::normalize::limits;

/// Nesting at which values are no longer looked into.
const MAX_NESTING: usize = 32;
/// Strings of one argument object that are looked at one by one.
const MAX_STRINGS: usize = 4096;

/// The object as compact JSON, and whether it had to be cut.
pub(super) fn compact(object: &Object) -> (String, bool) {
    let mut writer = Writer { out: String::new(), cut: false };
    writer.object(object, 0);
    (writer.out, writer.cut)
}

struct Writer {
    out: String,
    cut: bool,
}

impl Writer {
    fn value(&mut self, value: &Value, depth: usize) {
        if depth > MAX_NESTING || self.out.len() > limits::MAX_SOURCE {
            self.cut = true;
            self.out.push('\u{2026}');
            return;
        }
        match value {
            Value::Object(object) => self.object(object, depth),
            Value::Array(items) => {
                self.out.push('[');
                for (index, item) in items.iter().enumerate() {
                    self.comma(index);
                    if self.full() {
                        break;
                    }
                    self.value(item, depth + 1);
                }
                self.out.push(']');
            }
            Value::String(text) => self.string(text),
            plain => self.out.push_str(&plain.to_string()),
        }
    }

    fn object(&mut self, object: &Object, depth: usize) {
        self.out.push('{');
        for (index, (key, value)) in object.iter().enumerate() {
            self.comma(index);
            if self.full() {
                break;
            }
            self.string(key);
            self.out.push(':');
            self.value(value, depth + 1);
        }
        self.out.push('}');
    }

    fn comma(&mut self, index: usize) {
        if index > 0 {
            self.out.push(',');
        }
    }

    fn full(&mut self) -> bool {
        let full = self.out.len() > limits::MAX_SOURCE;
        self.cut |= full;
        full
    }

    /// A string with line ends and quotes as they are read: the text is for reading, not for parsing back.
    fn string(&mut self, text: &str) {
        self.out.push('"');
        if text.len() > limits::MAX_SOURCE {
            let mut gaps = enumset::EnumSet::empty();
            self.out.push_str(&super::cut(text, &mut gaps));
            self.cut = true;
        } else {
            self.out.push_str(text);
        }
        self.out.push('"');
    }
}

/// A string of an argument object with the nearest key above it. The words of a command are one string.
pub(super) struct Leaf<'a> {
    pub(super) key: &'a str,
    pub(super) text: Cow<'a, str>,
}

/// The strings of an object in order.
pub(super) fn strings(object: &Object) -> Vec<Leaf<'_>> {
    let mut leaves = Vec::new();
    collect_object(object, 0, &mut leaves);
    leaves
}

/// The strings and numbers of an object as they were sent, in order and within the bounds of [`strings`].
pub(super) fn values(object: &Object) -> Vec<String> {
    let mut found = Vec::new();
    object.values().for_each(|value| collect_values(value, 0, &mut found));
    found
}

fn collect_values(value: &Value, depth: usize, found: &mut Vec<String>) {
    if depth > MAX_NESTING || found.len() >= MAX_STRINGS {
        return;
    }
    match value {
        Value::String(text) => found.push(text.clone()),
        Value::Number(number) => found.push(number.to_string()),
        Value::Array(items) => items.iter().for_each(|item| collect_values(item, depth + 1, found)),
        Value::Object(inner) => inner.values().for_each(|item| collect_values(item, depth + 1, found)),
        Value::Bool(_) | Value::Null => {}
    }
}

/// Whether what stands under a key is a command or the words of one.
fn is_command_key(key: &str) -> bool {
    matches!(
        key.to_ascii_lowercase().as_str(),
        "command" | "cmd" | "commands" | "argv" | "shell_command" | "commandline" | "command_line"
    )
}

/// The strings of an object. A command whose words stand under another key (`{"command": "rm", "args": ["-rf", "x"]}`) is
/// put together, as nothing else shows what its program is given.
fn collect_object<'a>(object: &'a Object, depth: usize, leaves: &mut Vec<Leaf<'a>>) {
    let words = Inputs(object).words();
    for (key, value) in object {
        match (value, words) {
            (Value::String(program), Some(words)) if is_command_key(key) && leaves.len() < MAX_STRINGS => {
                leaves.push(Leaf { key, text: Cow::Owned(format!("{program} {}", inputs::quoted_words(words))) });
            }
            _ => collect(key, value, depth, leaves),
        }
    }
}

fn collect<'a>(key: &'a str, value: &'a Value, depth: usize, leaves: &mut Vec<Leaf<'a>>) {
    if depth > MAX_NESTING || leaves.len() >= MAX_STRINGS {
        return;
    }
    match value {
        Value::String(text) => leaves.push(Leaf { key, text: Cow::Borrowed(text) }),
        Value::Array(items) if is_command_key(key) && !items.is_empty() && items.iter().all(Value::is_string) => {
            leaves.push(Leaf { key, text: Cow::Owned(inputs::joined(key, items)) });
        }
        Value::Array(items) => items.iter().for_each(|item| collect(key, item, depth + 1, leaves)),
        Value::Object(object) => collect_object(object, depth + 1, leaves),
        _ => {}
    }
}
