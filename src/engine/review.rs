//! The seam to a stronger judge of uncertain actions.

use super::deadline::Deadline;
use crate::action::{Action, ToolCall};
use crate::assessment::Assessment;
use crate::verdict::{Reason, Verdict};

/// Settles what the local model is not sure of.
pub trait Reviewer: Send {
    /// Answers before the request's deadline, or fails.
    fn review(&mut self, request: &ReviewRequest<'_>) -> Result<Review, ReviewError>;
}

/// What a reviewer is told.
#[derive(Debug, Clone, Copy)]
pub struct ReviewRequest<'a> {
    /// The call as sent.
    pub call: &'a ToolCall,
    /// Its canonical form.
    pub action: &'a Action,
    /// The local model's beliefs.
    pub assessment: &'a Assessment,
    /// When the answer is due.
    pub deadline: Deadline,
}

/// A reviewer's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Review {
    /// The verdict.
    pub verdict: Verdict,
    /// Why.
    pub justification: String,
}

impl Review {
    pub(super) fn into_reason(self) -> Reason {
        Reason::new("review", self.justification)
    }
}

/// Why a reviewer gave no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReviewError {
    /// It cannot be reached or refuses to work.
    #[error("not available: {0}")]
    Unavailable(String),
    /// It did not answer in time.
    #[error("no answer in time")]
    Deadline,
    /// It answered, but not in a form that can be trusted.
    #[error("unusable answer: {0}")]
    Malformed(String),
}
