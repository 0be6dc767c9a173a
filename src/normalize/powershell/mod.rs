//! PowerShell → units: statements, pipelines, cmdlets, `-EncodedCommand`.
//!
//! The lexer and the statement reader are written by hand: the only complete grammars are PowerShell's own (.NET) and a
//! tree-sitter grammar in C, and there is no maintained parser crate. What is needed here is less than a parser: where
//! pipelines begin and end, what each command's words are, and which of them are constant.

mod calls;
mod constant;
mod lex;
mod looks;
mod read;
mod render;

use enumset::EnumSet;

pub(super) use self::looks::{before_heredoc, is_cmdlet_in_pascal_case, looks_like};
use crate::action::{Gap, Shell, Unit, UnitKind};
use crate::normalize::paths::Place;
use crate::normalize::{limits, windows};

/// The units of a PowerShell script and what of it was not understood.
pub(super) fn units(script: &str, place: &Place) -> (Vec<Unit>, EnumSet<Gap>) {
    let Some(_entry) = windows::Entry::enter() else { return units_at(script, place, limits::MAX_DEPTH + 1) };
    units_at(script, place, 0)
}

/// The same for a script inside `depth` others.
pub(super) fn units_at(script: &str, place: &Place, depth: usize) -> (Vec<Unit>, EnumSet<Gap>) {
    let mut gaps = EnumSet::empty();
    let script = windows::bounded(script, &mut gaps);
    if depth > limits::MAX_DEPTH {
        return (raw(&script), gaps | Gap::Truncated);
    }
    let lexed = lex::lex(&script);
    if lexed.unclosed {
        gaps |= Gap::Unparsed;
    }
    if lexed.odd {
        gaps |= Gap::OddSpelling;
    }
    let (mut units, found) = read::units(&script, &lexed.tokens, place, depth);
    if let Some(first) = units.first_mut() {
        first.gaps |= gaps;
    }
    (units, gaps | found)
}

/// The whole script as one unit.
fn raw(script: &str) -> Vec<Unit> {
    if script.trim().is_empty() {
        return Vec::new();
    }
    vec![Unit::new(UnitKind::Command(Shell::PowerShell), script.trim(), 0..script.len())]
}

#[cfg(test)]
mod tests;
