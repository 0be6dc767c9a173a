//! Assignments: what variables become, for the script or only for the command behind them.

use crate::action::{Gap, Layer, Shell};
use crate::normalize::facts;
use crate::normalize::shell::expand::Field;
use crate::normalize::shell::scope::{Constant, Variable};
use crate::normalize::shell::syntax::{self, Assignment, Value};
use crate::normalize::shell::walk::{Walker, constant_of};
use crate::normalize::shell::words::push_word;

/// What assignments came to.
pub(super) struct Assigned {
    pub text: String,
    pub pairs: Vec<(String, String)>,
    /// Variables that only the command behind them gets.
    pub passed: Vec<(String, Variable)>,
    pub trivial: bool,
}

impl Walker {
    pub(super) fn assignments(&mut self, assignments: &[Assignment<'_>], lasting: bool) -> Assigned {
        let mut assigned = Assigned { text: String::new(), pairs: Vec::new(), passed: Vec::new(), trivial: true };
        for assignment in assignments {
            let (values, shown) = match &assignment.value {
                Value::Scalar(word) => {
                    let field = self.expand_whole(word);
                    let shown = if field.text.is_empty() { String::new() } else { field.shown().into_owned() };
                    (vec![field], shown)
                }
                Value::Array(words) => {
                    let fields = self.fields(words);
                    let shown: Vec<String> = fields.iter().map(|field| field.shown().into_owned()).collect();
                    (fields, format!("({})", shown.join(" ")))
                }
            };
            if let Some(index) = &assignment.index {
                self.expand_whole(index);
            }
            let name = assignment.name.as_ref();
            let sign = if assignment.append { "+=" } else { "=" };
            push_word(&mut assigned.text, &format!("{name}{sign}{shown}"));
            assigned.trivial &= !values.iter().any(|value| value.dynamic && value.open) && !is_telling(name);
            let text = values.iter().map(|value| value.text.as_str()).collect::<Vec<_>>().join(" ");
            if let Some(script) = facts::hooks::variable(name, &text).and_then(|at| text.get(at..)) {
                // Whoever runs it may give it arguments.
                let decoded = values.iter().any(|value| value.decoded);
                self.child_script(script, &[Layer::Deferred], Shell::Bash, decoded, None);
            }
            if let Some(field) = values.first() {
                self.startup_script(name, &text, field);
            }
            assigned.pairs.push((name.to_owned(), text));
            if lasting || matches!(assignment.value, Value::Array(_)) {
                self.assign(assignment, &values);
            } else {
                let value = self.assigned_value(assignment, &values);
                assigned.passed.push((name.to_owned(), value));
            }
        }
        assigned
    }

    fn assign(&mut self, assignment: &Assignment<'_>, values: &[Field]) {
        let value = self.assigned_value(assignment, values);
        self.scope.set(assignment.name.as_ref(), value);
    }

    fn assigned_value(&mut self, assignment: &Assignment<'_>, values: &[Field]) -> Variable {
        let name = assignment.name.as_ref();
        if assignment.index.is_some() || values.iter().any(|value| value.dynamic) {
            return Variable::Unknown;
        }
        let mut constants: Vec<Constant> = values.iter().map(constant_of).collect();
        if assignment.append {
            match (self.scope.get(name), &assignment.value) {
                (Some(Variable::Constant(old)), Value::Array(_)) => {
                    constants = old.iter().cloned().chain(constants).collect();
                }
                (Some(Variable::Constant(old)), Value::Scalar(_)) => {
                    let old = old.first().cloned().unwrap_or_default();
                    if let Some(new) = constants.first_mut() {
                        new.text.insert_str(0, &old.text);
                        new.decoded |= old.decoded;
                    }
                }
                (Some(Variable::Unknown), _) => return Variable::Unknown,
                (None, _) => {}
            }
        }
        let n_bytes = constants.iter().map(|constant| constant.text.len()).sum();
        if self.scope.spend(n_bytes) {
            Variable::Constant(constants)
        } else {
            self.gap(Gap::Truncated);
            Variable::Unknown
        }
    }

    /// Gives a command the variables in front of it (`X=rm sh -c '$X …'`); what they were before.
    pub(super) fn pass_on(&mut self, passed: &[(String, Variable)]) -> Vec<(String, Option<Variable>)> {
        passed.iter().map(|(name, value)| (name.clone(), self.scope.shadow(name, value.clone()))).collect()
    }

    pub(super) fn take_back(&mut self, shadowed: Vec<(String, Option<Variable>)>) {
        for (name, old) in shadowed.into_iter().rev() {
            self.scope.restore(&name, old);
        }
    }
}

/// `NAME=value` in front of the command that a wrapper runs (`env`, `sudo`).
pub(super) fn passed_variable(field: &Field) -> Option<(String, Variable)> {
    let (name, value) = field.text.split_once('=').filter(|(name, _)| syntax::is_name(name))?;
    let constant = Constant { text: value.to_owned(), decoded: field.decoded, ..Constant::default() };
    Some((name.to_owned(), if field.dynamic { Variable::Unknown } else { Variable::Constant(vec![constant]) }))
}

/// Variables that change what other programs run or record.
pub(super) fn is_telling(name: &str) -> bool {
    const NAMES: &[&str] = &[
        "PATH",
        "PAGER",
        "EDITOR",
        "VISUAL",
        "BASH_ENV",
        "ENV",
        "PROMPT_COMMAND",
        "PYTHONPATH",
        "PYTHONSTARTUP",
        "NODE_OPTIONS",
        "NODE_TLS_REJECT_UNAUTHORIZED",
        "PERL5OPT",
        "PERL5LIB",
        "RUBYOPT",
        "SHELLOPTS",
        "PS4",
        "IFS",
        "JAVA_TOOL_OPTIONS",
        "KUBECONFIG",
        "DOCKER_HOST",
        "http_proxy",
        "https_proxy",
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "ALL_PROXY",
        "TMOUT",
    ];
    NAMES.contains(&name)
        || ["LD_", "DYLD_", "GIT_", "HIST", "SSH_", "AWS_", "npm_config_"].iter().any(|prefix| name.starts_with(prefix))
}
