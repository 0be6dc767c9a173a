//! A riskgate built without the daemon: every command judges in its own process.

use super::args::{HookArguments, ScoreArguments};
use super::told::{Told, Wish};
use crate::action::ToolCall;
use crate::harness::{HookEnvironment, HookReply};
use crate::verdict::Verdict;

/// Nobody to ask.
pub(super) fn hook(_: &HookArguments, _: &HookEnvironment, _: &[u8], _: &dyn Fn()) -> Told<HookReply> {
    Told::Nothing(Wish::None)
}

/// Nothing to be done.
pub(super) fn see_to(_: &HookArguments, _: Wish) {}

/// Nobody to ask.
pub(super) fn score(_: &ScoreArguments, _: &ToolCall) -> Option<(Verdict, serde_json::Value)> {
    None
}
