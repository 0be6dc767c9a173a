//! What is wrong with a rule file, and where: file, line, column, the line itself and a hint.

use std::fmt;

use miette::Diagnostic;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The rules work, but probably not as meant.
    Warning,
    /// The rules cannot be used.
    Error,
}

/// A place in a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Position {
    /// The file, or what stands for one.
    pub name: String,
    /// The line, from 1; 0 when unknown.
    pub line: usize,
    /// The column in characters, from 1; 0 when unknown.
    pub column: usize,
}

/// Something wrong with a rule file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// How bad it is.
    pub severity: Severity,
    /// Where.
    pub at: Position,
    /// What is wrong.
    pub text: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// The line of the file, where it is known.
    pub source: Option<String>,
}

impl Problem {
    /// Something that keeps the rules from being used.
    pub(super) fn error(at: Position, text: impl Into<String>) -> Self {
        Self { severity: Severity::Error, at, text: text.into(), hint: None, source: None }
    }

    /// Something to look at.
    pub(super) fn warning(at: Position, text: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(at, text) }
    }

    /// The same with advice.
    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into()).filter(|hint: &String| !hint.is_empty());
        self
    }

    /// From one of Cedar's errors about a text, at its first label.
    pub(super) fn of_cedar(name: &str, source: &str, offset: usize, error: &dyn Diagnostic) -> Self {
        let label = error.labels().and_then(|mut labels| labels.next());
        let at = offset + label.as_ref().map_or(0, miette::LabeledSpan::offset);
        let mut text = error.to_string();
        if let Some(label) = label.as_ref().and_then(miette::LabeledSpan::label)
            && !text.contains(label)
        {
            text = format!("{text}: {label}");
        }
        Self { source: line_at(source, at).map(str::to_owned), ..Self::error(position(name, source, at), text) }
            .hint(error.help().map(|help| help.to_string()).unwrap_or_default())
    }
}

/// The place of a byte.
pub(super) fn position(name: &str, source: &str, offset: usize) -> Position {
    let before = source.get(..offset).unwrap_or(source);
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    let column = before.get(line_start..).unwrap_or_default().chars().count() + 1;
    Position { name: name.to_owned(), line: before.matches('\n').count() + 1, column }
}

fn line_at(source: &str, offset: usize) -> Option<&str> {
    let before = source.get(..offset)?;
    let start = before.rfind('\n').map_or(0, |at| at + 1);
    source.get(start..)?.lines().next()
}

impl fmt::Display for Position {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.line, self.column) {
            (0, _) => write!(formatter, "{}", self.name),
            (line, 0) => write!(formatter, "{}:{line}", self.name),
            (line, column) => write!(formatter, "{}:{line}:{column}", self.name),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        write!(formatter, "{}: {severity}: {}", self.at, self.text)?;
        if let Some(source) = &self.source {
            let mark = " ".repeat(self.at.column.saturating_sub(1));
            write!(formatter, "\n  | {source}\n  | {mark}^")?;
        }
        match &self.hint {
            Some(hint) => write!(formatter, "\n  hint: {hint}"),
            None => Ok(()),
        }
    }
}
