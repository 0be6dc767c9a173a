//! A command whose language is only guessed, read both as what it looks like and as Bash.
//!
//! One word of PowerShell or `cmd` in a script says nothing of the rest of it: the tool is Bash, so Bash runs it, and what
//! is quoted or a comment in the one language is a command in the other. So the units of both readings count. What the
//! second adds must be worth a question, though: PowerShell that an agent types into Bash is mostly harmless and mostly no
//! Bash at all, and a person asked about each syntax error of it learns to say yes. A unit of the Bash reading is left out
//!
//! * when the guess has the same unit but for case and the signs that only quote, or
//! * when it does nothing in Bash: all that it runs are names that Bash never finds (`Get-Item`, `$x =`, `-replace`).
//!
//! The gaps of the Bash reading (above all that it does not parse) count only when one of its units stays: with none, all
//! that Bash could run is scored already.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use enumset::EnumSet;

use crate::action::{Command, Gap, Layer, Shell, Unit, UnitKind};
use crate::normalize::powershell;

/// What one language makes of a script.
pub(super) type Reading = (Vec<Unit>, EnumSet<Gap>);

/// Words of the other languages that no system has a program of. The last few are no words at all: operators and brackets
/// that stand where Bash looks for a name.
const NO_PROGRAMS: [&str; 29] = [
    "foreach",
    "foreach-object",
    "where-object",
    "param",
    "elseif",
    "switch",
    "try",
    "catch",
    "finally",
    "throw",
    "begin",
    "process",
    "filter",
    "rem",
    "@echo",
    "@rem",
    "setlocal",
    "endlocal",
    "goto",
    "exist",
    "defined",
    "errorlevel",
    "%",
    "::",
    "{",
    "}",
    "(",
    ")",
    "+",
];
/// Commands that Bash does not find whose blocks are looked for.
const MAX_CARRIERS: usize = 64;
/// Gaps that are about what a unit holds, not about how it is spelled.
const OF_CONTENT: EnumSet<Gap> = enumset::enum_set!(Gap::Opaque | Gap::Truncated | Gap::Disguised);

/// The units of the guess and, behind them, what only the Bash reading has; whether there is any. Serves for `cmd`, too: it
/// finds no cmdlets either.
pub(super) fn joined(script: &str, guess: Reading, bash: Reading) -> (Reading, bool) {
    let (mut units, mut gaps) = guess;
    let known = Known::of(&units);
    let names = Names::of(script);
    let idle: Vec<bool> = bash.0.iter().map(|unit| is_idle(unit, &names)).collect();
    let carriers: Vec<(Range<usize>, Vec<Layer>)> = bash
        .0
        .iter()
        .zip(&idle)
        .filter(|(unit, idle)| **idle && !unit.commands.is_empty())
        .map(|(unit, _)| (unit.span.clone(), unit.layers.clone()))
        .take(MAX_CARRIERS)
        .collect();
    let kept: Vec<Unit> = bash
        .0
        .into_iter()
        .zip(idle)
        .filter(|(unit, idle)| !idle && !is_carried(unit, &carriers) && !known.has(unit, &units))
        .map(|(unit, _)| unit)
        .collect();
    // Text that is only printed or written does nothing without a command that the guess does not have.
    if !kept.iter().any(|unit| matches!(unit.kind, UnitKind::Command(_) | UnitKind::Code(_))) {
        return ((units, gaps), false);
    }
    gaps |= bash.1;
    units.extend(kept);
    ((units, gaps), true)
}

/// Whether a unit is the block of a cmdlet that Bash does not find.
fn is_carried(unit: &Unit, carriers: &[(Range<usize>, Vec<Layer>)]) -> bool {
    unit.kind == UnitKind::Command(Shell::PowerShell)
        && carriers.iter().any(|(span, layers)| {
            *span == unit.span
                && unit.layers.strip_prefix(layers.as_slice()).is_some_and(|rest| rest.first() == Some(&Layer::Script))
        })
}

/// The units of a reading by what they say.
struct Known(HashMap<String, Vec<usize>>);

impl Known {
    fn of(units: &[Unit]) -> Self {
        let mut known: HashMap<String, Vec<usize>> = HashMap::new();
        for (index, unit) in units.iter().enumerate() {
            known.entry(plain(&unit.text)).or_default().push(index);
        }
        Self(known)
    }

    /// Whether one of the units says all that this one does. Few units are alike but for layers, so few are compared.
    fn has(&self, unit: &Unit, units: &[Unit]) -> bool {
        let alike = self.0.get(&plain(&unit.text)).into_iter().flatten().take(8);
        alike.filter_map(|index| units.get(*index)).any(|known| covers(known, unit))
    }
}

/// A text without case, blanks and the signs that quote in one language and are dropped in another.
fn plain(text: &str) -> String {
    let dropped = |c: char| c.is_whitespace() || matches!(c, '\\' | '^' | '`' | '\'' | '"');
    text.replace("\u{27e6}data\u{27e7}", "").chars().filter(|c| !dropped(*c)).flat_map(char::to_lowercase).collect()
}

/// Whether a unit with the same text is reached in the same way and does all that the other does.
fn covers(known: &Unit, unit: &Unit) -> bool {
    let same_kind = known.kind == unit.kind
        || matches!((known.kind, unit.kind), (UnitKind::Command(_), UnitKind::Command(_)))
            && known.commands.is_empty() == unit.commands.is_empty();
    same_kind
        && reached(known) == reached(unit)
        && ((unit.gaps & OF_CONTENT) - known.gaps).is_empty()
        && unit.effects().all(|effect| {
            known.effects().any(|other| other.fact == effect.fact && other.modifiers.is_superset(effect.modifiers))
        })
}

/// The layers that say where something runs; loops and brackets are read differently without any difference.
fn reached(unit: &Unit) -> Vec<Layer> {
    unit.layers.iter().copied().filter(|layer| *layer != Layer::Block).collect()
}

/// Whether all that a unit runs are names that Bash does not find. A redirection happens all the same.
fn is_idle(unit: &Unit, names: &Names<'_>) -> bool {
    let understood = (unit.gaps & OF_CONTENT).is_empty();
    match unit.kind {
        // An expression in the block of a cmdlet: `{ $_.Length -gt 5 }`.
        UnitKind::Command(Shell::PowerShell) if unit.commands.is_empty() => {
            understood && unit.effects().next().is_none()
        }
        UnitKind::Command(_) => {
            understood
                && !unit.commands.is_empty()
                && !unit.text.contains('>')
                && unit.commands.iter().all(|command| is_missing(command, names))
        }
        _ => false,
    }
}

fn is_missing(command: &Command, names: &Names<'_>) -> bool {
    let name = command.path.as_str();
    if !command.wrappers.is_empty() || name.contains('/') {
        return false;
    }
    if let Some(variable) = name.strip_prefix('$') {
        return is_unset(variable, command, names);
    }
    NO_PROGRAMS.contains(&name.to_ascii_lowercase().as_str())
        || name.starts_with('-')
        || name.starts_with('[') && name.contains("]::")
        || powershell::is_cmdlet_in_pascal_case(name) && !names.renamed && !names.called.contains(name)
}

/// Whether a command's name is a variable that nothing sets, so that what stands next would be the program, and is none:
/// `$x = 5`, `$x.Name`. Names without a small letter may come from the environment.
fn is_unset(variable: &str, command: &Command, names: &Names<'_>) -> bool {
    let end = variable.find(|c: char| !is_part(c)).unwrap_or(variable.len());
    let (name, rest) = variable.split_at(end);
    let own = name.contains(|c: char| c.is_ascii_lowercase()) || name == "LASTEXITCODE";
    let next = command.arguments.first().map(|argument| argument.text.as_str());
    let idle = match next {
        _ if rest.len() > 1 => rest.starts_with(['.', ':']),
        Some(next) => rest.is_empty() && (matches!(next, "=" | "+=" | "in") || next.starts_with('-')),
        None => rest.is_empty(),
    };
    own && idle && !names.bare.contains(name)
}

/// How a script uses names, found in one pass.
struct Names<'a> {
    /// Those that a bracket follows: `Write-Host() { … }` gives one a meaning of its own.
    called: HashSet<&'a str>,
    /// Those that stand anywhere without a `$` before them. Every way to set a variable spells it so.
    bare: HashSet<&'a str>,
    /// Whether names may be given a meaning in another way.
    renamed: bool,
}

impl<'a> Names<'a> {
    fn of(script: &'a str) -> Self {
        let lower = script.to_ascii_lowercase();
        Self {
            called: script.match_indices('(').filter_map(|(at, _)| last_word(script.get(..at)?)).collect(),
            bare: bare_words(script),
            renamed: lower.contains("alias") || lower.contains("function"),
        }
    }
}

fn last_word(before: &str) -> Option<&str> {
    let before = before.trim_end_matches([' ', '\t']);
    let start = before.trim_end_matches(|c: char| is_part(c) || c == '-').len();
    before.get(start..).filter(|word| !word.is_empty())
}

fn bare_words(script: &str) -> HashSet<&str> {
    let mut words = HashSet::new();
    let mut at = 0;
    for word in script.split(|c: char| !is_part(c)) {
        let read = script.get(..at).is_some_and(|before| before.ends_with('$'));
        if !word.is_empty() && !read {
            words.insert(word);
        }
        at += word.len();
        at += script.get(at..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
    }
    words
}

fn is_part(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}
