//! What a command reads: what is piped in, a here-document, a file, and what is known of its text.

use std::rc::Rc;

use crate::action::{Command, Effect, Fact, Target};
use crate::normalize::shell::decode::{Literal, Output};
use crate::normalize::shell::expand::Field;
use crate::normalize::shell::read::Cursor;
use crate::normalize::shell::scope::Constant;
use crate::normalize::shell::syntax::{self, RedirectTarget, Stage};
use crate::normalize::shell::walk::Walker;

/// What a command reads.
#[derive(Debug)]
pub(super) struct Input {
    /// Its text, as far as that is known: what the stage before prints.
    pub output: Output,
    /// Where it comes from.
    pub source: Source,
    /// Whether it is a here-document, a here-string or a file that the script wrote.
    pub here: bool,
    /// How far `read` has come in it.
    pub cursor: Cursor,
}

/// Where an input comes from.
#[derive(Debug, Clone, Default)]
pub(super) enum Source {
    /// Nothing is piped in.
    #[default]
    Nothing,
    /// From files that the command names: what is read is plain to see, if not its text.
    Files(Vec<Target>),
    /// From the network, which the flows tell.
    Network,
    /// From a program, from which nothing can be told.
    Unclear,
}

impl Source {
    /// What a pipeline's next stage reads from these commands.
    pub(super) fn of(commands: &[Command]) -> Self {
        let fetches = |effect: &Effect| matches!(effect.fact, Fact::Contact | Fact::Download);
        if commands.iter().any(|command| command.effects.iter().any(fetches)) { Self::Network } else { Self::Unclear }
    }
}

impl Default for Input {
    fn default() -> Self {
        Self { output: Output::Unknown, source: Source::Nothing, here: false, cursor: Cursor::default() }
    }
}

impl Input {
    /// What comes out of the stage before.
    ///
    /// Here and below, `n_conditions` is how many conditions surround what reads it.
    pub(super) fn piped(output: Output, source: Source, n_conditions: usize) -> Self {
        // Of a text of which there may be more or less, no line is certain.
        let whole = matches!(&output, Output::Known(literal) if !literal.partial);
        let cursor = if whole { Cursor::new(n_conditions) } else { Cursor::default() };
        Self { output, source, here: false, cursor }
    }

    /// A here-document or here-string.
    pub(super) fn here(own: Field, n_conditions: usize) -> Self {
        let cursor = if own.dynamic { Cursor::default() } else { Cursor::new(n_conditions) };
        let output = if own.opaque { Output::Undecodable } else { Output::Known(Literal::from(own)) };
        Self { output, source: Source::Unclear, here: true, cursor }
    }

    /// One line.
    pub(super) fn line(line: &Constant, n_conditions: usize) -> Self {
        let literal = Literal { decoded: line.decoded, ..Literal::text(line.text.as_str()) };
        Self::piped(Output::Known(literal), Source::Unclear, n_conditions)
    }

    /// Something of which nothing is known.
    pub(super) fn unclear() -> Self {
        Self { source: Source::Unclear, ..Self::default() }
    }

    /// Something else that comes from where this does.
    pub(super) fn other(&self) -> Self {
        Self { source: self.source.clone(), ..Self::default() }
    }

    /// Whether nothing is given to read.
    pub(super) fn is_nothing(&self) -> bool {
        matches!(self.source, Source::Nothing)
    }

    /// Its text, where that is known.
    pub(super) fn literal(&self) -> Option<&Literal> {
        match &self.output {
            Output::Known(literal) => Some(literal),
            Output::Undecodable | Output::Unknown => None,
        }
    }
}

impl Walker {
    /// The file that a stage's standard input is redirected from, and which of its redirections says so.
    pub(super) fn input_file(&mut self, stage: &Stage<'_>) -> Option<(usize, Field)> {
        let reads = |redirect: &syntax::Redirect<'_>| {
            matches!(redirect.operator, "<" | "<>") && matches!(redirect.descriptor, "" | "0")
        };
        let at = stage.redirects.iter().rposition(reads)?;
        match &stage.redirects.get(at)?.target {
            RedirectTarget::Word(word) if !word.raw.is_empty() => Some((at, self.expand_whole(word))),
            _ => None,
        }
    }

    /// What a stage's redirections give it to read: its own text or a file.
    pub(super) fn redirected(&self, own: Option<&Field>, file: Option<&(usize, Field)>) -> Option<Rc<Input>> {
        match (own, file) {
            (Some(own), _) => Some(Rc::new(Input::here(own.clone(), self.scope.n_conditions))),
            (None, Some((_, field))) => Some(Rc::new(self.read_file(field))),
            (None, None) => None,
        }
    }

    /// What can be read from a file: its text when the script wrote it or a substitution prints it.
    fn read_file(&self, field: &Field) -> Input {
        if let Some(literal) = &field.process {
            return Input::piped(Output::Known(literal.clone()), Source::Unclear, self.scope.n_conditions);
        }
        if matches!(field.text.as_str(), "/dev/null" | "/dev/tty") {
            return Input::default();
        }
        if field.substituted {
            return Input::unclear();
        }
        let target = self.scope.place.locate(&field.text);
        let text = self.files.text(&target.text).map(|text| (*text).clone());
        let output = text.map_or(Output::Unknown, Output::Known);
        Input { here: true, ..Input::piped(output, Source::Files(vec![target]), self.scope.n_conditions) }
    }
}

/// Whether a stage's standard input is redirected, be it from a descriptor.
pub(super) fn reads_elsewhere(stage: &Stage<'_>) -> bool {
    stage.redirects.iter().any(|it| it.operator.starts_with('<') && matches!(it.descriptor, "" | "0"))
}
