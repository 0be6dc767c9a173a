//! A pattern where a program is named (`/bin/r?`): the programs that it may stand for.

use std::cmp::Reverse;
use std::rc::Rc;

use crate::action::{Argument, Fact, Gap, Layer, Shell, Unit, UnitKind};
use crate::normalize::facts;
use crate::normalize::shell::expand::Field;
use crate::normalize::shell::stdin::Stdin;
use crate::normalize::shell::walk::Walker;
use crate::normalize::shell::words::{Mark, Words};

/// Programs of one pattern that are looked at, the most dangerous ones.
const MOST: usize = 4;
/// Letters of a pattern that is looked at.
const MAX_PATTERN: usize = 64;
/// Programs that a pattern may match: with more it says nothing.
const MAX_MATCHES: usize = 128;
/// Arguments that are given to such a program: each of them is read with all of them.
const MAX_ARGUMENTS: usize = 64;
/// Arguments by which the programs are ranked.
const MAX_RANKED: usize = 16;
/// Folders of programs.
const FOLDERS: [&str; 7] =
    ["/bin", "/sbin", "/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin", "/opt/homebrew/bin"];

/// What a program may do, the worst first.
const WORST: [Fact; 9] = [
    Fact::Delete,
    Fact::Device,
    Fact::RemoteExecute,
    Fact::Execute,
    Fact::Rights,
    Fact::Kill,
    Fact::Upload,
    Fact::Contact,
    Fact::Write,
];

impl Walker {
    /// Units for the command with each program that its name, a pattern, may stand for: a reading beside it as it is written.
    pub(super) fn matching_programs(&mut self, run: &Words, start: usize, end: usize, stdin: &mut Stdin) {
        let Some(pattern) = run.fields.get(start).map(|field| field.text.as_str()) else { return };
        if self.evaluating || !pattern.contains('/') || !self.count_script() {
            return;
        }
        let mut behind = run.fields.get(start + 1..end.min(run.fields.len())).unwrap_or_default();
        if behind.len() > MAX_ARGUMENTS {
            self.gap(Gap::Truncated);
            behind = behind.get(..MAX_ARGUMENTS).unwrap_or_default();
        }
        for name in self.candidates(pattern, behind) {
            if !self.count_script() || !self.descend() {
                return;
            }
            let mut fields = vec![Field::literal(name)];
            fields.extend(behind.iter().cloned());
            let n_fields = fields.len();
            let mut words = Words { marks: vec![Mark::Plain; n_fields], fields };
            let at = self.units.len();
            self.layers.push(Layer::Wrapped);
            let mut input = Stdin::new(Rc::clone(&stdin.input));
            let commands = self.command(&mut words, 0, n_fields, &mut input);
            stdin.executed |= input.executed;
            let mut unit = Unit::new(UnitKind::Command(Shell::Bash), words.shown(0, n_fields), self.current_span());
            unit.commands = commands;
            unit.gaps = self.pending();
            self.emit_at(at, unit);
            self.layers.pop();
            self.ascend();
        }
    }

    /// The known programs that a pattern matches, the worst first.
    fn candidates(&self, pattern: &str, behind: &[Field]) -> Vec<&'static str> {
        let Some((folder, name)) = pattern.rsplit_once('/') else { return Vec::new() };
        if pattern.len() > MAX_PATTERN || !FOLDERS.iter().any(|known| is_path_match(folder, known)) {
            return Vec::new();
        }
        let parts = parts(name);
        let matching = facts::programs(|program| is_match(&parts, program));
        if matching.len() > MAX_MATCHES {
            return Vec::new();
        }
        let arguments: Vec<Argument> = behind.iter().take(MAX_RANKED).map(argument).collect();
        let mut found: Vec<(Reverse<bool>, usize, &'static str)> = matching
            .into_iter()
            .map(|program| {
                let facts = facts::read(program, &arguments, &self.scope.place);
                let does = |fact: &Fact| facts.effects.iter().any(|effect| effect.fact == *fact);
                let rank = WORST.iter().position(does).unwrap_or(WORST.len());
                (Reverse(!facts.nested.is_empty()), rank, program)
            })
            .collect();
        found.sort_unstable();
        found.into_iter().map(|(_, _, program)| program).take(MOST).collect()
    }
}

fn argument(field: &Field) -> Argument {
    Argument { text: field.text.clone(), dynamic: field.dynamic, data: false }
}

/// Whether a pattern of folders matches a path, folder by folder.
fn is_path_match(pattern: &str, path: &str) -> bool {
    pattern.matches('/').count() == path.matches('/').count()
        && pattern.split('/').zip(path.split('/')).all(|(pattern, folder)| is_match(&parts(pattern), folder))
}

/// A part of a pattern.
enum Part {
    /// `*`.
    Any,
    /// `?`.
    One,
    /// `[…]`: ranges of letters, and whether it is all others.
    Set(Vec<(char, char)>, bool),
    Letter(char),
}

impl Part {
    fn takes(&self, letter: char) -> bool {
        match self {
            Self::Any => false,
            Self::One => true,
            Self::Set(ranges, others) => ranges.iter().any(|(from, to)| (*from..=*to).contains(&letter)) != *others,
            Self::Letter(wanted) => *wanted == letter,
        }
    }
}

fn parts(pattern: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut rest = pattern;
    while let Some(letter) = rest.chars().next() {
        let after = rest.get(letter.len_utf8()..).unwrap_or_default();
        if letter == '['
            && let Some((set, behind)) = set(after)
        {
            parts.push(set);
            rest = behind;
            continue;
        }
        parts.push(match letter {
            '*' => Part::Any,
            '?' => Part::One,
            letter => Part::Letter(letter),
        });
        rest = after;
    }
    parts
}

/// A `[…]` from behind its bracket, and what follows it.
fn set(text: &str) -> Option<(Part, &str)> {
    let inside = text.strip_prefix(['!', '^']).unwrap_or(text);
    // A bracket that closes at once is a member.
    let end = inside.char_indices().skip(1).find(|(_, letter)| *letter == ']')?.0;
    let (members, behind) = inside.split_at_checked(end)?;
    let letters: Vec<char> = members.chars().collect();
    let mut ranges = Vec::new();
    let mut at = 0;
    while let Some(&from) = letters.get(at) {
        match (letters.get(at + 1), letters.get(at + 2)) {
            (Some('-'), Some(&to)) => {
                ranges.push((from, to));
                at += 3;
            }
            _ => {
                ranges.push((from, from));
                at += 1;
            }
        }
    }
    Some((Part::Set(ranges, inside.len() < text.len()), behind.get(1..)?))
}

/// Whether a pattern matches all of a text.
fn is_match(parts: &[Part], text: &str) -> bool {
    let letters: Vec<char> = text.chars().collect();
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while let Some(&letter) = letters.get(t) {
        match parts.get(p) {
            Some(Part::Any) => {
                star = Some((p, t));
                p += 1;
            }
            Some(part) if part.takes(letter) => {
                p += 1;
                t += 1;
            }
            _ => match star {
                Some((star_p, star_t)) => {
                    star = Some((star_p, star_t + 1));
                    p = star_p + 1;
                    t = star_t + 1;
                }
                None => return false,
            },
        }
    }
    parts.iter().skip(p).all(|part| matches!(part, Part::Any))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_in_the_shell() {
        for (pattern, text) in [
            ("r?", "rm"),
            ("r[m]", "rm"),
            ("r[a-z]", "rm"),
            ("*m", "rm"),
            ("[!a]m", "rm"),
            ("r*", "rm"),
            ("[]r]m", "rm"),
        ] {
            assert!(is_match(&parts(pattern), text), "{pattern}");
        }
        for (pattern, text) in
            [("r?", "r"), ("r[!m]", "rm"), ("r[n-z]", "rm"), ("r[m", "rm"), ("?", "rm"), ("*x", "rm")]
        {
            assert!(!is_match(&parts(pattern), text), "{pattern}");
        }
        assert!(is_path_match("/u*/b[i]n", "/usr/bin") && !is_path_match("/*", "/usr/bin"));
    }
}
