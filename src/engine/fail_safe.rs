//! The one table from a failure to a verdict. No failure is `allow`; a new kind does not compile until it has its row.

use std::sync::Arc;

use super::audit::AuditError;
use super::review::ReviewError;
use super::session::SessionError;
use crate::model::ModelError;
use crate::verdict::{Decision, Reason, Source, Verdict};

/// Whether there is a person to ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asking {
    /// A person answers an `ask`.
    Possible,
    /// Nobody does: what would be asked is denied.
    Impossible,
}

/// Everything that can keep the engine from an answer of its own.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Failure {
    /// The call could not be read.
    #[error("the call could not be read: {0}")]
    Input(String),
    /// There is no model to ask.
    #[error("the local model is not ready: {0}")]
    NotReady(String),
    /// The model did not run.
    #[error("the local model did not answer: {0}")]
    Model(#[source] Arc<ModelError>),
    /// The model ran, but its answer is missing or not a number.
    #[error("the local model gave no usable answer")]
    Score,
    /// A stage panicked.
    #[error("an internal error; please report it with the action")]
    Panic,
    /// The deadline passed.
    #[error("not judged within the time allowed")]
    Deadline,
    /// Too many calls wait already.
    #[error("too many calls at once")]
    Busy,
    /// The reviewer gave no answer.
    #[error("the reviewer gave no answer: {0}")]
    Review(#[source] ReviewError),
    /// The decision could not be recorded.
    #[error("the decision could not be recorded: {0}")]
    Audit(#[source] AuditError),
    /// What is remembered of the session cannot be read or added to.
    #[error("the session's memory cannot be used: {0}")]
    Session(#[source] SessionError),
}

impl Failure {
    /// The stable code of the failure.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Input(_) => "fail_safe.input",
            Self::NotReady(_) => "fail_safe.not_ready",
            Self::Model(_) => "fail_safe.model",
            Self::Score => "fail_safe.score",
            Self::Panic => "fail_safe.panic",
            Self::Deadline => "fail_safe.deadline",
            Self::Busy => "fail_safe.busy",
            Self::Review(error) => error.code(),
            Self::Audit(_) => "fail_safe.audit",
            Self::Session(_) => "fail_safe.session",
        }
    }

    /// Why the fail-safe decides.
    pub fn reason(&self) -> Reason {
        Reason::new(self.code(), self.to_string())
    }
}

/// The table.
pub(super) fn verdict(failure: &Failure, asking: Asking) -> Verdict {
    let verdict = match failure {
        Failure::Input(_)
        | Failure::NotReady(_)
        | Failure::Model(_)
        | Failure::Score
        | Failure::Deadline
        | Failure::Busy
        | Failure::Review(_)
        | Failure::Audit(_)
        | Failure::Session(_) => Verdict::Ask,
        // A state that was never meant to be: what it would do next is anyone's guess.
        Failure::Panic => Verdict::Deny,
    };
    settle(verdict, asking)
}

/// What becomes of a verdict where nobody can be asked.
pub(super) fn settle(verdict: Verdict, asking: Asking) -> Verdict {
    match (verdict, asking) {
        (Verdict::Ask, Asking::Impossible) => Verdict::Deny,
        (verdict, _) => verdict,
    }
}

/// The decision for an action that was not judged.
pub(super) fn decision(failure: &Failure, asking: Asking) -> Decision {
    Decision {
        verdict: verdict(failure, asking),
        source: Source::FailSafe,
        zone: None,
        assessment: None,
        reasons: vec![failure.reason()],
        n_tokens: 0,
        n_windows: 0,
    }
}

/// The same decision where nobody can be asked.
pub(super) fn without_asking(mut decision: Decision, asking: Asking) -> Decision {
    let settled = settle(decision.verdict, asking);
    if settled != decision.verdict {
        decision.verdict = settled;
        decision.reasons.push(Reason::new("ask.impossible", "a person would be asked, but there is none here"));
    }
    decision
}
