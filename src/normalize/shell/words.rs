//! The words of a command on their way to its canonical text, and which of them are shown by a mark.

use crate::action::Gap;
use crate::normalize::shell::expand::Field;
use crate::normalize::shell::syntax::{self, Piece, Word};
use crate::normalize::shell::text::{self, Part};
use crate::normalize::shell::walk::Walker;

/// Characters of a program text up to which it stays in the text of the command that runs it.
pub(super) const MAX_INLINE_CODE: usize = 120;
/// Characters of written text up to which it stays in the text of the command that writes it.
pub(super) const MAX_INLINE_DATA: usize = 80;
/// Arguments of one command that are looked at, head and tail.
const MAX_ARGUMENTS: usize = 1024;

/// How a word is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Mark {
    /// As it is.
    #[default]
    Plain,
    /// As text without effect.
    Data,
    /// By this mark alone, its text being a unit of its own.
    Hidden(&'static str),
}

/// The words of a command on their way to a unit.
pub(super) struct Words {
    pub fields: Vec<Field>,
    pub marks: Vec<Mark>,
}

impl Words {
    pub(super) fn shown(&self, start: usize, end: usize) -> String {
        let words = self.fields.iter().zip(&self.marks).skip(start).take(end - start);
        let mut text = String::new();
        for (index, (field, mark)) in words.enumerate() {
            if index > 0 {
                text.push(' ');
            }
            match mark {
                Mark::Plain => text.push_str(&field.shown()),
                Mark::Hidden(mark) => text.push_str(mark),
                Mark::Data => text.push_str(&shown_data(field)),
            }
        }
        text
    }

    /// Joins the operands of a program that prints them: `echo a b` prints what `echo 'a b'` does.
    pub(super) fn join_data(&mut self, start: usize, end: usize) {
        let is_data = |index: usize| self.marks.get(index) == Some(&Mark::Data);
        let Some(first) = (start..end).find(|&index| is_data(index)) else {
            return;
        };
        let n_data = (first..end).take_while(|&index| is_data(index)).count();
        if n_data < 2 || first + n_data != end {
            return;
        }
        let mut joined = Field::default();
        let mut parts: Vec<Part> = Vec::new();
        for (index, field) in self.fields.drain(first..end).enumerate() {
            if index > 0 {
                joined.text.push(' ');
                parts.push(Part::Literal(" ".to_owned()));
            }
            joined.text.push_str(&field.text);
            if field.parts.is_empty() {
                parts.push(Part::Literal(field.text));
            } else {
                parts.extend(field.parts);
            }
        }
        if parts.iter().any(|part| !matches!(part, Part::Literal(_))) {
            joined.parts = parts;
        }
        self.fields.push(joined);
        self.marks.truncate(first + 1);
    }

    /// Shows a script that these words are by one mark.
    pub(super) fn hide_code(&mut self, start: usize, end: usize) {
        for index in start..end {
            self.mark(index, Mark::Hidden("⟦code⟧"));
        }
        for index in start + 1..end {
            self.mark(index, Mark::Hidden("…"));
        }
    }

    pub(super) fn mark(&mut self, index: usize, mark: Mark) {
        if let Some(slot) = self.marks.get_mut(index) {
            *slot = mark;
        }
    }
}

impl Walker {
    pub(super) fn fields(&mut self, words: &[Word<'_>]) -> Vec<Field> {
        let mut fields = Vec::with_capacity(words.len());
        if words.len() > MAX_ARGUMENTS {
            self.gap(Gap::Truncated);
            let ends = words.iter().take(MAX_ARGUMENTS / 2).chain(words.iter().skip(words.len() - MAX_ARGUMENTS / 2));
            ends.for_each(|word| self.expand(word, &mut fields));
        } else {
            words.iter().for_each(|word| self.expand(word, &mut fields));
        }
        fields
    }

    pub(super) fn apply_alias(&mut self, fields: &mut Vec<Field>) {
        let Some(first) = fields.first().filter(|field| !field.dynamic) else {
            return;
        };
        let Some(value) = self.scope.alias(&first.text).cloned() else {
            return;
        };
        let list = syntax::parse(&value);
        let Some(syntax::Body::Simple(_, words)) =
            list.first().and_then(|statement| statement.stages.first()).map(|stage| &stage.body)
        else {
            return;
        };
        let mut replaced = self.fields(words);
        replaced.extend(fields.drain(1..));
        *fields = replaced;
    }
}

/// The name of a program without its folder and `.exe`.
pub(super) fn basename(path: &str) -> &str {
    let name = if path.starts_with('$') { path } else { path.rsplit('/').next().unwrap_or(path) };
    let name = if name.is_empty() { path } else { name };
    name.strip_suffix(".exe").unwrap_or(name)
}

/// Whether a command name was pieced together where a plain spelling would do.
pub(super) fn is_odd(word: &Word<'_>, field: Option<&Field>) -> bool {
    let is_simple =
        |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'/'));
    match word.pieces.as_slice() {
        [] | [Piece::Plain(_)] | [Piece::Parameter { .. }] => false,
        [Piece::Quoted(text)] => word.raw.starts_with("$'") && is_simple(text),
        [Piece::Quoted(first), Piece::Plain(_)] if word.raw.starts_with('\\') && first.len() == 1 => false,
        [Piece::Substitution { .. } | Piece::Backquoted { .. }] => field.is_some_and(|field| !field.dynamic),
        pieces => {
            let plain = |piece: &Piece<'_>| match piece {
                Piece::Plain(_) | Piece::Parameter { .. } => true,
                Piece::Quoted(text) => {
                    !text.is_empty() && (text.starts_with('/') || text.ends_with('/') || !is_simple(text))
                }
                _ => false,
            };
            !pieces.iter().all(plain)
        }
    }
}

/// Text without effect as shown: marked, unless it is one plain word, which needs no mark to be read as one.
fn shown_data(field: &Field) -> String {
    const MOST: usize = 24;
    if !field.parts.is_empty() {
        return format!("⟦data⟧{}", text::double_quoted(&field.parts));
    }
    if text::is_plain(&field.text) && field.text.len() <= MOST {
        return field.text.clone();
    }
    format!("⟦data⟧{}", text::single_quoted(&field.text))
}

pub(super) fn push_word(text: &mut String, word: &str) {
    if !text.is_empty() && !word.is_empty() {
        text.push(' ');
    }
    text.push_str(word);
}
