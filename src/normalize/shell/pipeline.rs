//! Pipelines: their stages in order, each fed by the one before, and the units that they are shown in.

use std::rc::Rc;

use enumset::EnumSet;

use crate::action::{Command, Effect, Fact, Gap};
use crate::normalize::shell::decode::Output;
use crate::normalize::shell::input::{Input, Source};
use crate::normalize::shell::syntax::{Body, Stage};
use crate::normalize::shell::walk::Walker;

/// Stages of one pipeline that are looked at, head and tail.
const MAX_STAGES: usize = 512;

/// A stage of a pipeline after its walk.
#[derive(Debug)]
pub(super) struct Step {
    /// Its canonical text.
    pub text: String,
    /// Its command and those inside it.
    pub commands: Vec<Command>,
    /// What it does besides.
    pub effects: Vec<Effect>,
    /// What of it was not understood.
    pub gaps: EnumSet<Gap>,
    /// Whether it is not worth a unit.
    pub trivial: bool,
    /// Whether what it runs is in units of its own: a block's statements, what a wrapper runs.
    pub has_units: bool,
    /// What it prints.
    pub output: Output,
    /// Where that comes from.
    pub source: Source,
    /// Whether it prints nothing, or only to a file.
    pub silent: bool,
}

impl Default for Step {
    fn default() -> Self {
        Self {
            text: String::new(),
            commands: Vec::new(),
            effects: Vec::new(),
            gaps: EnumSet::empty(),
            trivial: false,
            has_units: false,
            output: Output::Unknown,
            source: Source::Unclear,
            silent: false,
        }
    }
}

impl Walker {
    pub(super) fn pipeline(&mut self, stages: &[Stage<'_>], background: bool) -> String {
        let at = self.units.len();
        let mut steps = Vec::with_capacity(stages.len());
        let mut input = self.inherited();
        let mut silent = false;
        let cut = stages.len() > MAX_STAGES;
        if cut {
            self.gap(Gap::Truncated);
        }
        for (index, stage) in stages.iter().enumerate() {
            if cut && index >= MAX_STAGES / 2 && index < stages.len() - MAX_STAGES / 2 {
                continue;
            }
            let gaps = std::mem::take(&mut self.pending);
            let mut step = self.stage(stage, &input, stages.len() == 1);
            step.gaps = self.pending;
            self.pending |= gaps;
            let wrapped = step.commands.iter().any(|command| !command.wrappers.is_empty());
            step.has_units = wrapped || !matches!(stage.body, Body::Simple(..));
            silent = step.silent;
            let output = std::mem::replace(&mut step.output, Output::Unknown);
            let source = std::mem::take(&mut step.source);
            input = Rc::new(Input::piped(output, source, self.scope.n_conditions));
            steps.push(step);
        }
        self.leftover(&input.output);
        if self.printed.is_some() && !(silent || steps.iter().all(|step| step.trivial)) {
            self.print(input.output.clone());
        }
        self.pipeline_units(at, steps, background)
    }

    /// The unit of a pipeline, in front of those of its stages; its text.
    ///
    /// What only filters the output of the last stage that does something is left out of the text, and where more than that
    /// stage remains, each that does something is a unit of its own too: harmless company must not water a stage down.
    fn pipeline_units(&mut self, at: usize, steps: Vec<Step>, background: bool) -> String {
        let end = if background { " &" } else { "" };
        let shown = shown_stages(&steps);
        let texts: Vec<&str> = steps.iter().take(shown).map(|step| step.text.as_str()).collect();
        let text = format!("{}{end}", texts.join(" | "));
        let trivial = steps.iter().all(|step| step.trivial);
        if shown > 1 && !trivial {
            for step in steps.iter().filter(|step| is_telling(step) && !step.has_units) {
                let text = format!("{}{end}", step.text);
                let mut unit = self.command_unit(&text, step.commands.clone(), step.effects.clone());
                unit.gaps = step.gaps;
                self.emit_at(self.units.len(), unit);
            }
        }
        let mut whole = Step::default();
        for mut step in steps {
            whole.commands.append(&mut step.commands);
            whole.effects.append(&mut step.effects);
        }
        let unit = self.command_unit(&text, whole.commands, whole.effects);
        if trivial {
            self.spare(unit);
        } else {
            self.emit_at(at, unit);
        }
        text
    }

    /// Text that was decoded and only printed is still worth a look.
    fn leftover(&mut self, output: &Output) {
        match output {
            Output::Known(literal) if literal.decoded => {
                if let Some(text) = literal.as_text() {
                    let text = text.to_owned();
                    self.decoded_data(&text);
                }
            }
            Output::Undecodable => self.saw_opaque = true,
            Output::Known(_) | Output::Unknown => {}
        }
    }

    fn stage(&mut self, stage: &Stage<'_>, input: &Rc<Input>, alone: bool) -> Step {
        // Each stage of several is a shell of its own.
        let mark = (!alone).then(|| self.scope.enter());
        let step = match &stage.body {
            Body::Simple(assignments, words) => self.simple(stage, assignments, words, input, alone),
            _ => self.compound(stage, input),
        };
        if let Some(mark) = mark {
            self.scope.leave(mark);
        }
        step
    }
}

/// How many stages of a pipeline its text shows: all, but for the filters behind the last that does something.
fn shown_stages(steps: &[Step]) -> usize {
    let last = steps.iter().rposition(is_telling);
    last.map(|last| last + 1).filter(|&shown| steps.iter().skip(shown).all(is_filter)).unwrap_or(steps.len())
}

/// Whether a stage does more than look at what every tool of a project looks at.
fn is_telling(step: &Step) -> bool {
    let mut effects = step.effects.iter().chain(step.commands.iter().flat_map(|command| &command.effects));
    step.commands.iter().any(|command| !command.known) || effects.any(is_telling_effect)
}

fn is_telling_effect(effect: &Effect) -> bool {
    // What an interpreter executes is a unit of its own; without a target, running it says nothing.
    if effect.fact == Fact::Execute && effect.target.is_none() {
        return false;
    }
    !effect.only_looks_nearby()
}

/// Whether a stage only passes on a part of its input, as `head` and `grep` do.
fn is_filter(step: &Step) -> bool {
    let reads_input = |effect: &Effect| effect.fact == Fact::Read && effect.target.is_none();
    step.effects.is_empty()
        && !step.commands.is_empty()
        && step.commands.iter().all(|command| command.known && command.effects.iter().all(reads_input))
}
