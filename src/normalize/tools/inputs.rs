//! Looks arguments up under the names that different harnesses give them.

use std::borrow::Cow;

use serde_json::Value;

use super::Object;

/// A tool's argument object.
#[derive(Clone, Copy)]
pub(super) struct Inputs<'a>(pub(super) &'a Object);

impl<'a> Inputs<'a> {
    /// The first of these arguments that is there, whatever its type. Case and underscores do not matter.
    pub(super) fn value(self, names: &[&str]) -> Option<&'a Value> {
        names.iter().find_map(|name| self.0.get(*name)).or_else(|| {
            names.iter().find_map(|name| self.0.iter().find(|(key, _)| same(key, name)).map(|(_, value)| value))
        })
    }

    /// The first of these arguments that is a string.
    pub(super) fn text(self, names: &[&str]) -> Option<&'a str> {
        names.iter().find_map(|name| self.value(&[name]).and_then(Value::as_str))
    }

    /// The path that a file tool works on.
    pub(super) fn path(self) -> Option<&'a str> {
        self.text(&["file_path", "path", "notebook_path", "filename", "target_file", "absolute_path", "file", "uri"])
            .map(|path| path.strip_prefix("file://").unwrap_or(path))
    }

    /// The content that a file tool writes.
    pub(super) fn content(self) -> Option<&'a str> {
        self.text(&["content", "contents", "new_source", "file_text", "text", "code_edit", "code"])
    }

    /// The command of a shell tool: a string, or a list of words.
    pub(super) fn command(self) -> Option<Cow<'a, str>> {
        match self.value(&["command", "cmd", "script", "code", "commands", "input"])? {
            Value::String(command) => Some(Cow::Borrowed(command)),
            Value::Array(words) if !words.is_empty() => Some(Cow::Owned(joined(words))),
            _ => None,
        }
    }
}

/// The words of a command as one line. A lone word is a script by itself.
fn joined(words: &[Value]) -> String {
    let words: Vec<&str> = words.iter().filter_map(Value::as_str).collect();
    match words.as_slice() {
        [script] => (*script).to_owned(),
        _ => words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" "),
    }
}

/// A word quoted for a shell where it needs to be.
fn quoted(word: &str) -> Cow<'_, str> {
    let plain = |c: char| c.is_alphanumeric() || "-_./:=,@%+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return Cow::Borrowed(word);
    }
    Cow::Owned(format!("'{}'", word.replace('\'', "'\\''")))
}

/// Whether two keys are the same but for case, `_` and `-`.
fn same(a: &str, b: &str) -> bool {
    let letters = |text: &'_ str| {
        text.bytes()
            .filter(|byte| !matches!(byte, b'_' | b'-'))
            .map(|byte| byte.to_ascii_lowercase())
            .collect::<Vec<_>>()
    };
    a.len().abs_diff(b.len()) < 4 && letters(a) == letters(b)
}
