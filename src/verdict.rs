//! The answer: [`Verdict`], who gave it, why, and the [`Decision`] that carries it all.

use std::borrow::Cow;
use std::ops::Range;

use strum::{EnumString, IntoStaticStr};

use crate::assessment::Assessment;

/// The three answers, ordered by strictness, so that "the strictest wins" is `max`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, EnumString, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum Verdict {
    /// The action may run.
    Allow,
    /// The person decides.
    Ask,
    /// The action must not run.
    Deny,
}

/// The local model's own answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, EnumString, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum Zone {
    /// Confidently harmless.
    Allow,
    /// Not confident enough either way.
    Uncertain,
    /// Confidently harmful.
    Deny,
}

/// Who settled a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EnumString, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum Source {
    /// A rule.
    Policy,
    /// The local model.
    Model,
    /// The remote reviewer.
    Remote,
    /// An earlier decision on the same action.
    Cache,
    /// The session's history.
    Session,
    /// A failure, by the fail-safe table.
    FailSafe,
}

/// Why a decision is what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// A stable code, for example `risk.deny`; of a rule, `policy.` and its id.
    pub code: Cow<'static, str>,
    /// A sentence fragment for a person or an agent.
    pub text: String,
    /// The bytes of the source text that it is about.
    pub span: Option<Range<usize>>,
}

impl Reason {
    /// A reason about the whole action.
    pub fn new(code: impl Into<Cow<'static, str>>, text: impl Into<String>) -> Self {
        Self { code: code.into(), text: text.into(), span: None }
    }

    /// The same reason, about one part of the source text.
    #[must_use]
    pub fn at(mut self, span: Range<usize>) -> Self {
        self.span = Some(span);
        self
    }
}

/// A verdict with everything that explains it.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// The answer.
    pub verdict: Verdict,
    /// Who settled it.
    pub source: Source,
    /// The local model's own answer; `None` when it did not run.
    pub zone: Option<Zone>,
    /// The model's beliefs; `None` when it did not run.
    pub assessment: Option<Assessment>,
    /// Why, most important first. Never empty unless the verdict is `Allow`.
    pub reasons: Vec<Reason>,
    /// Token ids given to the model, over all windows.
    pub n_tokens: usize,
    /// Windows given to the model.
    pub n_windows: usize,
}
