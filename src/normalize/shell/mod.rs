//! Bash → units: every simple command found, wrappers opened, inline code set apart, payloads decoded.
//!
//! [`syntax`] parses, [`walk`] goes through the tree and [`pipeline`] through the stages of a statement, [`expand`] resolves
//! words by what [`scope`] knows, [`command`] asks the tables about each command. Its parts have files of their own:
//! [`assignments`], [`words`], [`input`] for what it reads, [`output`] for what it prints, [`redirect`]. What it contains is
//! opened by [`nested`], [`xargs`], [`stdin`], [`startup`], [`make`] and [`editors`] and becomes units by [`scripts`], which
//! ask [`code`] what a program text runs ([`aliases`], [`literals`], [`snippets`]). [`globs`] finds programs by [`patterns`].
//! [`builtins`] and [`read`] follow what the shell's own commands change, [`ways`] in which folder a list may end, [`files`]
//! remembers what the script writes and may run, [`decode`] works out what can be known before anything runs, [`text`]
//! spells the result in one way.

mod aliases;
mod assignments;
mod braces;
mod builtins;
mod code;
mod command;
mod decode;
mod editors;
mod expand;
mod files;
mod globs;
mod input;
mod literals;
mod make;
mod nested;
mod output;
mod parameter;
mod patterns;
mod pipeline;
mod read;
mod redirect;
mod scope;
mod scripts;
mod snippets;
mod startup;
mod stdin;
mod syntax;
mod text;
mod walk;
mod ways;
mod words;
mod xargs;

use std::borrow::Cow;
use std::ops::Range;
use std::rc::Rc;

use enumset::EnumSet;

pub(super) use self::files::named_interpreter;
use crate::action::{FileVersion, Gap, Shell, Unit, UnitKind};
use crate::normalize::limits::{MAX_SOURCE, MAX_UNITS};
use crate::normalize::paths::Place;

/// The units of a command line in Bash, which gets no arguments, and what of it was not understood.
pub(super) fn units(script: &str, place: &Place) -> (Vec<Unit>, EnumSet<Gap>) {
    units_with(script, place, Some(scope::Arguments::assumed()))
}

/// The same for a Bash script, whose arguments are not known.
pub(super) fn script_units(script: &str, place: &Place) -> (Vec<Unit>, EnumSet<Gap>) {
    units_with(script, place, None)
}

/// What a command line in Bash writes to files: paths as they are shown, and what may stand in each.
pub(super) fn written(script: &str, place: &Place) -> Vec<(String, Vec<FileVersion>)> {
    let plain = without_marks(script);
    walk::written(&bounded(&plain).0, place)
}

fn units_with(script: &str, place: &Place, arguments: Option<Rc<scope::Arguments>>) -> (Vec<Unit>, EnumSet<Gap>) {
    let mut gaps = EnumSet::empty();
    let plain = without_marks(script);
    let (source, shift) = bounded(&plain);
    if shift.is_some() {
        gaps |= Gap::Truncated;
    }
    let (mut units, found) = walk::walk(&source, place, arguments);
    gaps |= found;
    if units.is_empty() {
        units.push(Unit::new(UnitKind::Command(Shell::Bash), source.trim(), 0..source.len()));
    }
    if units.len() > MAX_UNITS {
        units.drain(MAX_UNITS / 2..units.len() - MAX_UNITS / 2);
        gaps |= Gap::Truncated;
    }
    for unit in &mut units {
        unit.span = placed(&unit.span, shift, script.len());
    }
    (units, gaps)
}

/// The marks that this module writes must not come from the input.
fn without_marks(script: &str) -> Cow<'_, str> {
    if script.contains(['⟦', '⟧']) {
        Cow::Owned(script.replace('⟦', "[[").replace('⟧', "]]"))
    } else {
        Cow::Borrowed(script)
    }
}

/// The script, or its head and tail when it is too long, with where the tail begins and how far it moved.
fn bounded(script: &str) -> (Cow<'_, str>, Option<(usize, usize)>) {
    if script.len() <= MAX_SOURCE {
        return (Cow::Borrowed(script), None);
    }
    let mut head_end = MAX_SOURCE / 2;
    let mut tail_start = script.len() - MAX_SOURCE / 2;
    while !script.is_char_boundary(head_end) {
        head_end -= 1;
    }
    while !script.is_char_boundary(tail_start) {
        tail_start += 1;
    }
    let head = script.get(..head_end).unwrap_or_default();
    let tail = script.get(tail_start..).unwrap_or_default();
    (Cow::Owned(format!("{head}\n{tail}")), Some((head_end + 1, tail_start - head_end - 1)))
}

/// A range of the bounded text as a range of the script.
fn placed(span: &Range<usize>, shift: Option<(usize, usize)>, length: usize) -> Range<usize> {
    let moved = |at: usize| match shift {
        Some((start, by)) if at >= start => at + by,
        _ => at,
    };
    moved(span.start).min(length)..moved(span.end).min(length)
}

#[cfg(test)]
mod tests;
