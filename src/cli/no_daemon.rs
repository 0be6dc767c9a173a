//! A riskgate built without the daemon: every command judges in its own process.

use super::args::{HookArguments, ScoreArguments};
use crate::action::ToolCall;
use crate::config::ReviewSettings;
use crate::engine::Deadline;
use crate::harness::{HookEnvironment, HookReply};
use crate::verdict::Verdict;

/// Nobody to ask.
pub(super) fn hook(
    _: &HookArguments,
    _: Option<&ReviewSettings>,
    _: &HookEnvironment,
    _: &[u8],
    _: Deadline,
) -> Option<HookReply> {
    None
}

/// Nobody to ask.
pub(super) fn score(
    _: &ScoreArguments,
    _: Option<&ReviewSettings>,
    _: &ToolCall,
) -> Option<(Verdict, serde_json::Value)> {
    None
}
