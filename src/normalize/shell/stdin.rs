//! What is fed to a program that executes it, and the files that the script wrote and now runs.

use std::rc::Rc;

use enumset::EnumSet;

use crate::action::{Effect, Fact, Gap, Layer, Shell, Target};
use crate::normalize::facts::{self, Facts, Nested};
use crate::normalize::shell::decode::{Literal, Output};
use crate::normalize::shell::expand::Field;
use crate::normalize::shell::files;
use crate::normalize::shell::input::{Input, Source};
use crate::normalize::shell::nested::is_remote;
use crate::normalize::shell::scope::Arguments;
use crate::normalize::shell::scripts::{is_shell, is_small, runs_here};
use crate::normalize::shell::walk::Walker;
use crate::normalize::shell::words::Words;
use crate::normalize::windows;

/// The standard input of a command, and what becomes of it.
pub(super) struct Stdin {
    pub input: Rc<Input>,
    /// Set when the command executes it.
    pub executed: bool,
    /// What a script or function prints that the command runs.
    pub printed: Option<Output>,
}

impl Stdin {
    pub(super) fn new(input: Rc<Input>) -> Self {
        Self { input, executed: false, printed: None }
    }

    /// Nothing to read.
    pub(super) fn nothing() -> Self {
        Self::new(Rc::default())
    }
}

impl Walker {
    /// What is fed to a program that executes it; the files of which that is so.
    ///
    /// `alone` says that the program has no arguments but flags.
    pub(super) fn stdin(&mut self, program: &str, facts: &Facts, stdin: &mut Stdin, alone: bool) -> Vec<Effect> {
        let Some(kind) = &facts.stdin_code else {
            return Vec::new();
        };
        let input = Rc::clone(&stdin.input);
        match &input.output {
            Output::Known(literal) => {
                stdin.executed = true;
                // What is read there is the script itself.
                let outer = std::mem::take(&mut self.inherited);
                let positional = self.no_arguments().filter(|_| alone);
                self.run_literal(literal, kind, program, input.here, is_remote(facts), positional);
                self.inherited = outer;
            }
            Output::Undecodable => self.gap(Gap::Opaque),
            // Queries and small programs are piped in all the time.
            Output::Unknown if matches!(input.source, Source::Unclear) && runs_programs(kind) => self.gap(Gap::Opaque),
            Output::Unknown => {}
        }
        let Source::Files(targets) = &input.source else {
            return Vec::new();
        };
        let executes =
            |target: &Target| Effect { fact: Fact::Execute, modifiers: EnumSet::empty(), target: Some(target.clone()) };
        targets.iter().map(executes).collect()
    }

    /// What is piped into a program that takes it for commands of its own; a gap where that cannot be known.
    pub(super) fn piped_commands(&mut self, stdin: &Stdin) -> Option<Literal> {
        match &stdin.input.output {
            Output::Known(literal) => return Some(literal.clone()),
            Output::Unknown if !matches!(stdin.input.source, Source::Unclear) => {}
            Output::Undecodable | Output::Unknown => self.gap(Gap::Opaque),
        }
        None
    }

    /// The text of something that runs; a gap where it is none or not all of it.
    pub(super) fn text_of<'l>(&mut self, literal: &'l Literal) -> Option<&'l str> {
        let text = literal.as_text();
        if literal.partial || text.is_none() {
            self.gap(Gap::Opaque);
        }
        text
    }

    /// What the script wrote to a file that now runs, as far as there is room.
    pub(super) fn written_scripts(&mut self, path: &str) -> Vec<Rc<Literal>> {
        let mut versions = self.files.versions(path);
        versions.retain(|literal| self.has_room(literal));
        versions
    }

    /// Whether there is room for what a file holds; a gap where there is none.
    fn has_room(&mut self, literal: &Literal) -> bool {
        let fits = self.files.spend(literal.bytes.len());
        if !fits {
            self.gap(Gap::Truncated);
        }
        fits
    }

    /// Units for a text that an interpreter runs, or this shell where the program is `source`.
    pub(super) fn run_literal(
        &mut self,
        literal: &Literal,
        kind: &Nested,
        program: &str,
        here: bool,
        remote: bool,
        positional: Option<Rc<Arguments>>,
    ) {
        let Some(text) = self.text_of(literal) else { return };
        match kind {
            Nested::StdinShell(shell) => {
                let layers: &[Layer] = if here { &[Layer::Script, Layer::Heredoc] } else { &[Layer::Script] };
                let layers = if remote { &[Layer::Remote] } else { layers };
                if runs_here(program) {
                    self.script_here(text, layers, *shell, literal.decoded);
                } else {
                    self.child_script(text, layers, *shell, literal.decoded, positional);
                }
            }
            Nested::StdinCode(language) => {
                let layers: &[Layer] = match (here, literal.decoded) {
                    (_, true) => &[Layer::Decoded],
                    (true, false) => &[Layer::Heredoc],
                    (false, false) => &[],
                };
                self.code(text, *language, layers);
            }
            _ => {}
        }
    }

    /// Reads the files that the script wrote and now runs: by an interpreter, by `source` or as programs.
    pub(super) fn run_files(&mut self, program: &str, path: &str, facts: &Facts) {
        if self.files.is_empty() || self.evaluating {
            return;
        }
        // On Windows, a batch file of the current folder runs by its bare name.
        let is_own = path.contains('/') || windows::script_language(path).is_some();
        let own = is_own.then(|| self.scope.place.shown_as(path));
        let executed = facts.effects.iter().filter(|effect| effect.fact == Fact::Execute);
        let mut paths: Vec<&str> = executed.filter_map(|effect| Some(effect.target.as_ref()?.text.as_str())).collect();
        paths.dedup();
        for path in paths {
            for literal in self.files.versions(path) {
                let text = literal.as_text().unwrap_or_default();
                let is_own = own.as_deref() == Some(path);
                let interpreter = if is_own { files::named_interpreter(text) } else { Some(program) };
                let kind = match interpreter {
                    None => Some(Nested::StdinShell(windows::script_language(path).unwrap_or(Shell::Bash))),
                    Some(name) => facts::read(name, &[], &self.scope.place).stdin_code,
                };
                let Some(kind) = kind else {
                    continue;
                };
                if self.has_room(&literal) {
                    let program = if is_own { "" } else { program };
                    self.run_literal(&literal, &kind, program, true, false, None);
                }
            }
        }
    }

    /// `bash <(…)`, `source <(…)`, `awk -f <(…)`: what the substitution prints is executed.
    pub(super) fn process_inputs(&mut self, program: &str, facts: &Facts, run: &Words, start: usize, end: usize) {
        let shell = is_shell(program) || runs_here(program);
        let reads_code = matches!(facts.stdin_code, Some(Nested::StdinCode(_)));
        let kind = if shell { Some(Nested::StdinShell(Shell::Bash)) } else { facts::script_language(program) };
        let Some(kind) = kind else { return };
        let executed: Vec<&Target> = facts
            .effects
            .iter()
            .filter(|effect| effect.fact == Fact::Execute)
            .filter_map(|effect| effect.target.as_ref())
            .collect();
        let is_executed = |field: &Field| {
            let path = field.text.find("<(").and_then(|at| field.text.get(at..)).unwrap_or_default();
            let path = self.scope.place.shown_as(path);
            shell || reads_code || executed.iter().any(|target| target.text == path)
        };
        let fields = run.fields.iter().take(end).skip(start + 1).filter(|field| field.process.is_some());
        let literals: Vec<Literal> =
            fields.filter(|field| is_executed(field)).filter_map(|field| field.process.clone()).collect();
        for literal in literals {
            self.run_literal(&literal, &kind, program, false, false, None);
        }
    }
}

/// Whether the input of a program runs rather than being looked at or stored.
fn runs_programs(kind: &Nested) -> bool {
    match kind {
        Nested::StdinShell(_) => true,
        Nested::StdinCode(language) => !is_small(*language),
        _ => false,
    }
}
