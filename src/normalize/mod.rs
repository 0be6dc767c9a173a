//! Tool call → canonical [`Action`]: what will really happen, piece by piece, in one spelling.
//!
//! Infallible by design: what cannot be understood becomes a [`Gap`](crate::action::Gap), never an error and never silence.
//! Purely lexical: no file, no environment, no clock. Bounded: see [`limits`].

mod cmd;
pub mod facts;
pub mod flows;
pub mod hosts;
mod inert;
pub mod limits;
pub mod paths;
mod powershell;
mod reveal;
mod shell;
mod tools;
mod windows;

use crate::action::{Action, ToolCall};

/// Brings a tool call into its canonical form.
pub fn normalize(call: &ToolCall) -> Action {
    let mut action = tools::normalize(call);
    flows::mark(&mut action);
    inert::leave_out(&mut action);
    action
}
