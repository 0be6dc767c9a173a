//! The seam to a record of what was decided.

use super::deadline::Deadline;
use super::fail_safe::Asking;
use crate::action::{Action, ToolCall};
use crate::calibrate::Thresholds;
use crate::verdict::Decision;

/// Keeps decisions.
pub trait AuditSink: Send {
    /// Keeps one decision before it is returned.
    fn record(&mut self, entry: &AuditEntry<'_>) -> Result<(), AuditError>;
}

/// One decision and what it is about.
#[derive(Debug, Clone, Copy)]
pub struct AuditEntry<'a> {
    /// The call as sent.
    pub call: &'a ToolCall,
    /// Its canonical form; `None` when it could not be made.
    pub action: Option<&'a Action>,
    /// The decision, before any change that the harness's dialect makes.
    pub decision: &'a Decision,
    /// The policy in force.
    pub policy: &'a str,
    /// The cuts in force; `None` where nothing was judged.
    pub thresholds: Option<&'a Thresholds>,
    /// Whether there was a person to ask.
    pub asking: Asking,
    /// How long it took.
    pub timings: Timings,
    /// By when the decision is due: nobody waits longer for the record of it.
    pub deadline: Deadline,
    /// The reviewer's own id of its reply, where one was asked and says one.
    pub reply_id: Option<&'a str>,
}

/// How long a decision took, in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Timings {
    /// From when the call was taken up; of calls that were judged together, from when all were.
    pub total_us: u64,
    /// The review's part of it; `None` when nobody was asked.
    pub review_us: Option<u64>,
}

/// A decision that could not be kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct AuditError(pub String);
