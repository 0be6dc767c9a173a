//! The seam to a record of what was decided.

use crate::action::ToolCall;
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
    /// The decision, before any change that the harness's dialect makes.
    pub decision: &'a Decision,
    /// The policy in force.
    pub policy: &'a str,
}

/// A decision that could not be kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct AuditError(pub String);
