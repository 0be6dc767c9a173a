//! A pattern where a program is named (`/bin/r?`): the programs that it may stand for.

use std::cmp::Reverse;
use std::rc::Rc;

use crate::action::{Argument, Fact, Gap, Layer, Shell, Unit, UnitKind};
use crate::normalize::facts;
use crate::normalize::shell::expand::Field;
use crate::normalize::shell::patterns::{is_match, parts};
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_match_one_by_one() {
        assert!(is_path_match("/u*/b[i]n", "/usr/bin") && !is_path_match("/*", "/usr/bin"));
    }
}
