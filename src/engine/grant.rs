//! The seam to a person's word for one action: offered when an action is stopped, taken once.

use crate::action::{Action, ToolCall};

use super::cache::CacheKey;

/// Keeps what was stopped, and what a person then let run once.
pub trait Grants: Send {
    /// Takes the grant for a code, when there is one that still holds; nobody else gets it.
    fn take(&mut self, code: &str) -> bool;
    /// Keeps what was stopped, so that a person can see what a code stands for. Whether a grant can be given.
    fn offer(&mut self, offer: &Offer<'_>) -> bool;
}

/// An action that was stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Offer<'a> {
    /// What stands for it, in this session alone.
    pub code: &'a str,
    /// The session.
    pub session: &'a str,
    /// The tool.
    pub tool: &'a str,
    /// What it would do, as normalised.
    pub text: &'a str,
}

/// What stands for one exact canonical action, in its circumstances and its session. Without a session there is none.
pub(super) fn code(call: &ToolCall, action: &Action) -> Option<String> {
    let session = call.context.session_id.as_deref().filter(|session| !session.is_empty())?;
    Some(CacheKey::of(call, action).code(session))
}

/// What an action would do, for a person to read.
pub(super) fn text(action: &Action) -> String {
    let units: Vec<&str> = action.units.iter().map(|unit| unit.text.as_str()).collect();
    units.join("\n")
}
