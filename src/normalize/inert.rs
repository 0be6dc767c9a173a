//! Leaves out what can do nothing, so that no window is spent on it: text printed to the terminal, and short scripts of
//! `sed` and its kin that stand in their command's own text anyway.

use crate::action::{Action, Language, Unit, UnitKind};

/// Programs that print their arguments and do nothing else.
const PRINTERS: [&str; 4] = ["echo", "printf", "write-host", "write-output"];
/// Bytes up to which a program text stays in the text of the command that runs it.
const SHOWN_IN_PLACE: usize = 120;

/// Removes inert units, but never the last unit.
pub(super) fn leave_out(action: &mut Action) {
    if action.units.iter().all(is_inert) {
        action.units.truncate(1);
    } else {
        action.units.retain(|unit| !is_inert(unit));
    }
}

fn is_inert(unit: &Unit) -> bool {
    let plain = unit.flows.is_empty() && unit.gaps.is_empty();
    plain && (only_prints(unit) || is_shown_in_place(unit))
}

/// One printer with constant arguments: a redirection, a pipe or a substitution would be an effect, a second command or a
/// dynamic argument.
fn only_prints(unit: &Unit) -> bool {
    let [command] = unit.commands.as_slice() else { return false };
    PRINTERS.contains(&command.program.as_str())
        && command.wrappers.is_empty()
        && command.assignments.is_empty()
        && command.arguments.iter().all(|argument| !argument.dynamic)
        && unit.effects().all(|effect| effect.target.is_none())
}

fn is_shown_in_place(unit: &Unit) -> bool {
    unit.kind == UnitKind::Code(Language::Other) && unit.text.len() <= SHOWN_IN_PLACE && unit.own_effects.is_empty()
}

#[cfg(test)]
mod tests {
    use crate::action::ToolCall;
    use crate::normalize::normalize;

    fn texts(command: &str) -> Vec<String> {
        let input = serde_json::Map::from_iter([("command".to_owned(), command.into())]);
        let action = normalize(&ToolCall { tool: "Bash".into(), input, ..ToolCall::default() });
        action.units.into_iter().map(|unit| unit.text).collect()
    }

    #[test]
    fn what_is_printed_to_the_terminal_takes_no_window() {
        assert_eq!(texts("echo start; git status; echo 'done'"), ["git status"]);
        assert_eq!(texts("git log | sed -n 1,5p").len(), 1);
    }

    #[test]
    fn something_always_stays() {
        assert_eq!(texts("echo one; echo two").len(), 1);
    }

    #[test]
    fn a_printer_that_does_more_stays() {
        assert!(texts("ls; echo x >> ~/.bashrc").iter().any(|text| text.starts_with("echo")));
        assert!(texts("ls; echo \"$(rm -rf build)\"").iter().any(|text| text == "rm -rf build"));
    }
}
