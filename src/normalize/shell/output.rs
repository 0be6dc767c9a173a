//! What a command prints, where that comes from, and what of it goes to files.

use crate::action::{Command, Fact, Gap, Layer, Target, Unit, UnitKind};
use crate::normalize::shell::decode::{self, Literal, Output};
use crate::normalize::shell::expand::Field;
use crate::normalize::shell::input::{Input, Source};
use crate::normalize::shell::stdin::Stdin;
use crate::normalize::shell::walk::Walker;
use crate::normalize::shell::words::{MAX_INLINE_DATA, Mark, Words};

impl Walker {
    /// What the stage prints, when that is known: what the innermost command does, for wrappers pass it on.
    pub(super) fn output(&mut self, fields: &[Field], commands: &[Command], stdin: &mut Stdin) -> Output {
        let Some(command) = commands.iter().rev().find(|command| !command.wrappers.is_empty()).or(commands.first())
        else {
            return Output::Unknown;
        };
        if let Some(printed) = stdin.printed.take() {
            let passes_on = self.scope.functions.contains_key(&command.program)
                || matches!(command.program.as_str(), "bash" | "sh" | "dash" | "zsh" | "ksh" | "eval" | "ssh" | "su");
            // Others print more, or run their script for each of their inputs.
            return if passes_on { printed } else { printed.then(Output::Unknown) };
        }
        if stdin.executed || fields.iter().any(|field| field.dynamic && field.substituted) {
            return Output::Unknown;
        }
        let arguments: Vec<&str> = command.arguments.iter().map(|argument| argument.text.as_str()).collect();
        let mut output = self.printed_by(&command.program, &arguments, stdin.input.literal());
        if let Output::Known(literal) = &mut output {
            literal.decoded |=
                fields.iter().any(|field| field.decoded) || stdin.input.literal().is_some_and(|stdin| stdin.decoded);
        }
        output
    }

    /// What a program prints; a file that the script wrote is read as if it were piped in.
    pub(super) fn printed_by(&self, program: &str, arguments: &[&str], input: Option<&Literal>) -> Output {
        if self.files.is_empty() || matches!(program, "echo" | "printf" | "yes" | "tee") {
            return decode::output(program, arguments, input);
        }
        let text = |path: &str| self.files.text(&self.scope.place.shown_as(path));
        if program == "cat"
            && let Some(texts) = arguments.iter().map(|path| text(path)).collect::<Option<Vec<_>>>()
            && !texts.is_empty()
        {
            let outputs = texts.iter().map(|text| Output::Known((**text).clone()));
            return outputs.reduce(Output::then).unwrap_or(Output::Unknown);
        }
        match arguments.split_last().and_then(|(last, rest)| Some((text(last)?, rest))) {
            Some((text, rest)) => decode::output(program, rest, Some(&text)),
            None => decode::output(program, arguments, input),
        }
    }

    /// Follows files that the script wrote to where they are copied or moved.
    pub(super) fn moved(&mut self, commands: &[Command]) {
        if self.files.is_empty() {
            return;
        }
        for command in commands.iter().filter(|it| matches!(it.program.as_str(), "cp" | "mv" | "ln" | "install")) {
            let operands = command.arguments.iter().filter(|argument| !argument.text.starts_with('-'));
            let paths: Vec<String> = operands.map(|operand| self.scope.place.shown_as(&operand.text)).collect();
            if let Some((to, from)) = paths.split_last() {
                from.iter().for_each(|from| self.files.copy(from, to));
            }
        }
    }

    /// Remembers what is written to a file.
    pub(super) fn wrote(&mut self, path: &str, literal: &Literal, append: bool) {
        if self.evaluating || path.is_empty() {
            return;
        }
        let path = self.scope.place.shown_as(path);
        let conditional = self.scope.n_conditions > 0;
        if !self.files.write(&path, literal, append, conditional) {
            self.gap(Gap::Truncated);
        }
    }

    /// Text that `echo` or `printf` writes to a file, or that `tee` writes, is a unit of its own.
    pub(super) fn written(
        &mut self,
        run: &mut Words,
        output: &Output,
        tees: Option<&Command>,
        writes: bool,
        own: bool,
    ) {
        let Output::Known(literal) = output else {
            return;
        };
        let copies: Vec<&str> = tees.map_or_else(Vec::new, |tee| {
            let operands = tee.arguments.iter().map(|argument| argument.text.as_str());
            operands.filter(|operand| !operand.starts_with('-')).collect()
        });
        let appends =
            tees.is_some_and(|tee| tee.arguments.iter().any(|it| matches!(it.text.as_str(), "-a" | "--append")));
        copies.iter().for_each(|path| self.wrote(path, literal, appends));
        let tees = !copies.is_empty();
        if !(writes || tees) {
            return;
        }
        let Some(text) = literal.as_text().map(str::to_owned) else {
            return;
        };
        if text.chars().nth(MAX_INLINE_DATA).is_some() && !own {
            for mark in run.marks.iter_mut().filter(|mark| **mark == Mark::Data) {
                *mark = Mark::Hidden("⟦data⟧");
            }
        }
        let decoded = literal.decoded;
        self.data(&text, if decoded { &[Layer::Heredoc, Layer::Decoded] } else { &[Layer::Heredoc] });
    }

    /// A unit for text that is written, sent or printed.
    pub(super) fn data(&mut self, text: &str, layers: &[Layer]) {
        let mut unit = Unit::new(UnitKind::Data, text.trim_end_matches('\n'), self.current_span());
        unit.layers = layers.to_vec();
        self.emit(unit);
    }
}

/// Where the output of a stage comes from, given its own input.
pub(super) fn next_source(commands: &[Command], input: &Input) -> Source {
    let innermost = commands.iter().rev().find(|command| !command.wrappers.is_empty()).or(commands.first());
    match (Source::of(commands), innermost) {
        (Source::Network, _) => Source::Network,
        // The flows of the whole pipeline tell what comes from the network, whatever is done to it on the way.
        _ if matches!(input.source, Source::Network) => Source::Network,
        (_, Some(command)) if command.program == "cat" => {
            let reads = command.effects.iter().filter(|effect| effect.fact == Fact::Read);
            let named: Vec<Target> = reads.filter_map(|effect| effect.target.clone()).take(8).collect();
            if named.is_empty() && !command.arguments.iter().any(|argument| !argument.text.starts_with('-')) {
                input.source.clone()
            } else if named.is_empty() {
                Source::Unclear
            } else {
                Source::Files(named)
            }
        }
        _ => Source::Unclear,
    }
}

/// Programs that print nothing when all is well.
pub(super) fn is_silent(program: &str) -> bool {
    matches!(program, "mkdir" | "touch" | "chmod" | "chown" | "rm" | "cp" | "mv" | "ln" | "sleep" | "trap" | "alias")
}
