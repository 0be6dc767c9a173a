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

    /// The command of a shell tool: a string, or a list of words. Some harnesses put both into an `action` of their own.
    pub(super) fn command(self) -> Option<Cow<'a, str>> {
        let names = ["command", "cmd", "script", "code", "commands", "argv", "shell_command", "command_line", "input"];
        let found = names.iter().find_map(|name| self.value(&[name]).map(|value| (*name, value)));
        let Some((name, value)) = found else {
            return self.value(&["action"])?.as_object().and_then(|action| Inputs(action).command());
        };
        match (value, self.words()) {
            (Value::String(program), Some(words)) => Some(Cow::Owned(format!("{program} {}", quoted_words(words)))),
            (Value::String(command), None) => Some(Cow::Borrowed(command)),
            (Value::Array(words), _) if words.iter().any(Value::is_string) => Some(Cow::Owned(joined(name, words))),
            _ => None,
        }
    }

    /// The words that a command is given apart from its program.
    pub(super) fn words(self) -> Option<&'a [Value]> {
        let words = self.value(&["args", "arguments", "argv"])?.as_array()?;
        (!words.is_empty() && words.iter().all(Value::is_string)).then_some(words)
    }
}

/// The words of a command as one line. A lone word is a script by itself, and so is each of several commands: a program's
/// name has no blanks.
pub(super) fn joined(key: &str, words: &[Value]) -> String {
    let scripts = key.to_ascii_lowercase().ends_with("commands")
        || words.first().and_then(Value::as_str).is_some_and(|first| first.trim().contains(char::is_whitespace));
    if scripts || words.len() == 1 {
        return words.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("\n");
    }
    quoted_words(words)
}

/// Words as a shell would have to be given them.
pub(super) fn quoted_words(words: &[Value]) -> String {
    words.iter().filter_map(Value::as_str).map(quoted).collect::<Vec<_>>().join(" ")
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
