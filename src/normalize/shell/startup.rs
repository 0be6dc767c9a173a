//! What a shell reads at its start because a variable says so: `BASH_ENV`, and `ENV` where it is interactive.

use enumset::EnumSet;

use crate::action::{Argument, Effect, Fact, Gap, Layer, Shell};
use crate::normalize::facts::Nested;
use crate::normalize::shell::expand::Field;
use crate::normalize::shell::scope::Variable;
use crate::normalize::shell::scripts::is_shell;
use crate::normalize::shell::walk::Walker;

/// The variables that name a start-up file.
const VARIABLES: [&str; 2] = ["BASH_ENV", "ENV"];

impl Walker {
    /// Opens the start-up file that a variable now names: what a substitution prints, what the script wrote to it, or
    /// commands in the value itself, which the shell expands.
    ///
    /// `field` is the word that the value stands in.
    pub(super) fn startup_script(&mut self, name: &str, value: &str, field: &Field) {
        if !VARIABLES.contains(&name) || self.evaluating {
            return;
        }
        let kind = Nested::StdinShell(Shell::Bash);
        if let Some(literal) = &field.process {
            self.run_literal(literal, &kind, "", false, false, None);
        } else if value.starts_with("<(") {
            self.gap(Gap::Opaque);
        } else if !field.dynamic && (value.contains("$(") || value.contains('`')) {
            self.script(value, &[Layer::Deferred], Shell::Bash, field.decoded);
        } else {
            let path = self.scope.place.locate(value).text;
            for literal in self.written_scripts(&path) {
                self.run_literal(&literal, &kind, "", true, false, None);
            }
        }
    }

    /// The files that a shell executes at its start by what the variables are.
    pub(super) fn startup_files(&mut self, program: &str, arguments: &[Argument]) -> Vec<Effect> {
        if !is_shell(program) {
            return Vec::new();
        }
        let mut effects = Vec::new();
        for name in VARIABLES {
            if name == "ENV" && !is_interactive(arguments) {
                continue;
            }
            let path = match self.scope.get(name) {
                Some(Variable::Constant(values)) => values.first().map(|value| value.text.clone()),
                Some(Variable::Unknown) => {
                    self.gap(Gap::Dynamic);
                    None
                }
                None => None,
            };
            if let Some(path) = path.filter(|path| !path.is_empty()) {
                let target = Some(self.scope.place.locate(&path));
                effects.push(Effect { fact: Fact::Execute, modifiers: EnumSet::empty(), target });
            }
        }
        effects
    }
}

/// Whether a shell is asked to be interactive.
fn is_interactive(arguments: &[Argument]) -> bool {
    let asks = |text: &str| text.starts_with('-') && !text.starts_with("--") && text.contains('i');
    arguments.iter().any(|argument| asks(&argument.text))
}
