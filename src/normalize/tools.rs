//! Each tool's own argument object → units.

use enumset::EnumSet;

use crate::action::{Action, Shell, Tool, ToolCall, Unit, UnitKind};
use crate::normalize::paths::Place;
use crate::normalize::{cmd, powershell, reveal, shell};

/// The action of a tool call, without flows.
pub(super) fn normalize(call: &ToolCall) -> Action {
    let place = Place::from_context(&call.context);
    let command = call.input.get("command").and_then(|value| value.as_str()).unwrap_or_default();
    let (text, hidden) = reveal::reveal(command);
    let (units, gaps) = match () {
        () if powershell::looks_like(&text) => powershell::units(&text, &place),
        () if cmd::looks_like(&text) => cmd::units(&text, &place),
        () => shell::units(&text, &place),
    };
    let units = if units.is_empty() {
        vec![Unit::new(UnitKind::Command(Shell::Bash), command, 0..command.len())]
    } else {
        units
    };
    Action { tool: Tool::Shell(Shell::Bash), request: None, units, gaps: gaps | hidden | EnumSet::empty() }
}
