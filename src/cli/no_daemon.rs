//! A riskgate built without the daemon: every command judges in its own process.

use super::args::{HookArguments, ScoreArguments};
use crate::action::ToolCall;
use crate::engine::Failure;
use crate::harness::{HookEnvironment, HookReply};
use crate::verdict::Verdict;

/// What came of asking: nothing.
#[derive(Debug)]
#[expect(dead_code, reason = "as in a build with the daemon")]
pub(super) enum Told<T> {
    /// Never.
    Answer(T),
    /// Never.
    Not(Failure),
    /// Always.
    Nothing(Wish),
}

/// Nothing can be done about a daemon.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Wish {
    /// Nothing.
    #[default]
    None,
}

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
