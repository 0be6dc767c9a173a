//! `riskgate allow-once`: a person lets one action that was stopped run once. Not for agents: they are stopped by a rule that
//! nothing lifts, and the question is asked at a terminal.

use std::io::{self, BufRead, IsTerminal, Write};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::ExitStatus;
use super::args::AllowOnceArguments;
use super::printer::Printer;
use crate::config::state_folder;
use crate::grants::{GrantFolder, Stopped};

/// Runs the command.
pub(super) fn run(arguments: &AllowOnceArguments, printer: &Printer) -> anyhow::Result<ExitStatus> {
    let state = state_folder().ok_or_else(|| anyhow::anyhow!("this user has no folder for state"))?;
    let folder = GrantFolder::in_state(&state);
    let stopped = folder.stopped()?;
    let Some(code) = &arguments.code else { return list(&stopped, printer) };
    let Some(stopped) = stopped.iter().find(|stopped| stopped.code == *code) else {
        printer.remark(format!("riskgate: nothing that was stopped lately has the code `{code}`"));
        return Ok(ExitStatus::Usage);
    };
    if !(io::stdin().is_terminal() && io::stderr().is_terminal()) {
        printer.remark("riskgate: only a person at a terminal can let an action run");
        return Ok(ExitStatus::Usage);
    }
    if !confirmed(stopped, arguments.minutes)? {
        printer.remark("nothing was changed");
        return Ok(ExitStatus::Done);
    }
    folder.grant(stopped, Duration::from_secs(arguments.minutes.saturating_mul(60)))?;
    printer.result(format!("may run once within {} minutes", arguments.minutes))?;
    Ok(ExitStatus::Done)
}

fn list(stopped: &[Stopped], printer: &Printer) -> anyhow::Result<ExitStatus> {
    if stopped.is_empty() {
        printer.remark("nothing was stopped lately");
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
    for Stopped { code, session, tool, text, time } in stopped {
        let minutes = now.saturating_sub(*time) / 60;
        printer.result(format!("{code}  {minutes:>4} min ago  {tool}  session {}", plain(session)))?;
        printer.result(format!("    {}", plain(text).replace('\n', "\n    ")))?;
    }
    Ok(ExitStatus::Done)
}

fn confirmed(stopped: &Stopped, minutes: u64) -> io::Result<bool> {
    let mut terminal = io::stderr();
    writeln!(
        terminal,
        "{} in session {}:\n\n    {}\n",
        stopped.tool,
        plain(&stopped.session),
        plain(&stopped.text).replace('\n', "\n    ")
    )?;
    write!(terminal, "Let exactly this run once within {minutes} minutes? Type yes: ")?;
    terminal.flush()?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    Ok(answer.trim() == "yes")
}

/// Without what could move the cursor or hide a part: an agent wrote it.
fn plain(text: &str) -> String {
    let shown = |c: char| if c == '\n' || !c.is_control() && !is_invisible(c) { c } else { '\u{fffd}' };
    text.chars().map(shown).collect()
}

/// Marks that turn the direction of writing, and characters without a shape.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}
