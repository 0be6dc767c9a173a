//! The one table from a failure to a verdict. No failure is `allow`; a new kind does not compile until it has its row.

use std::sync::Arc;

use super::audit::AuditError;
use super::review::ReviewError;
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
#[derive(Debug, Clone)]
pub enum Failure {
    /// The call could not be read.
    Input(String),
    /// The action could not be turned into token ids.
    Encode(String),
    /// The model did not run.
    Model(Arc<ModelError>),
    /// The model ran, but its answer is missing or not a number.
    Score,
    /// A stage panicked.
    Panic,
    /// The deadline passed.
    Deadline,
    /// The reviewer gave no answer.
    Review(ReviewError),
    /// The decision could not be recorded.
    Audit(AuditError),
}

impl Failure {
    /// The stable code of the failure.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Input(_) => "fail_safe.input",
            Self::Encode(_) => "fail_safe.encode",
            Self::Model(_) => "fail_safe.model",
            Self::Score => "fail_safe.score",
            Self::Panic => "fail_safe.panic",
            Self::Deadline => "fail_safe.deadline",
            Self::Review(_) => "fail_safe.review",
            Self::Audit(_) => "fail_safe.audit",
        }
    }

    /// Why the fail-safe decides.
    pub fn reason(&self) -> Reason {
        let text = match self {
            Self::Input(problem) => format!("the call could not be read: {problem}"),
            Self::Encode(problem) => format!("the action could not be encoded: {problem}"),
            Self::Model(error) => format!("the local model did not answer: {error}"),
            Self::Score => "the local model gave no usable answer".to_owned(),
            Self::Panic => "an internal error; please report it with the action".to_owned(),
            Self::Deadline => "not judged within the time allowed".to_owned(),
            Self::Review(error) => format!("the reviewer gave no answer: {error}"),
            Self::Audit(error) => format!("the decision could not be recorded: {error}"),
        };
        Reason::new(self.code(), text)
    }
}

/// The table.
pub(super) fn verdict(failure: &Failure, asking: Asking) -> Verdict {
    let verdict = match failure {
        Failure::Input(_)
        | Failure::Encode(_)
        | Failure::Model(_)
        | Failure::Score
        | Failure::Deadline
        | Failure::Review(_)
        | Failure::Audit(_) => Verdict::Ask,
        // A state that was never meant to be: what it would do next is anyone's guess.
        Failure::Panic => Verdict::Deny,
    };
    settle(verdict, asking)
}

/// What becomes of a verdict where nobody can be asked.
fn settle(verdict: Verdict, asking: Asking) -> Verdict {
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
