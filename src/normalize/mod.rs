//! Tool call → canonical [`Action`]: what will really happen, piece by piece, in one spelling.
//!
//! Infallible by design: what cannot be understood becomes a [`Gap`](crate::action::Gap), never an error and never silence.
//! Purely lexical: no file, no environment, no clock. Bounded: see [`limits`].

mod cmd;
mod earlier;
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

use crate::action::{Action, KnownFile, ToolCall};
use paths::Place;

/// Brings a tool call into its canonical form. What is known of files that it runs adds to it and takes nothing away.
pub fn normalize(call: &ToolCall) -> Action {
    let place = Place::from_context(&call.context);
    let mut action = reading(call, &place);
    let files = &call.context.known_files;
    if !files.is_empty() && earlier::may_run_files(&action.tool) {
        let informed = reading(call, &place.with_files(files));
        earlier::add(&mut action, informed, files);
    }
    action
}

/// What a call would write to files, as far as that can be told from it and from its known files.
pub fn written(call: &ToolCall, action: &Action) -> Vec<KnownFile> {
    tools::written(call, action, &Place::from_context(&call.context).with_files(&call.context.known_files))
}

fn reading(call: &ToolCall, place: &Place) -> Action {
    windows::written::forget();
    let mut action = tools::normalize(call, place);
    flows::mark_in(&mut action, place);
    inert::leave_out(&mut action);
    action
}
