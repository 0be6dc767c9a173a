//! The commands inside the cells of notebooks: `!command`, `x = !command`, `%%bash`.

use serde_json::Value;

use super::{Extent, shell_units};
use crate::action::{Layer, Shell, Unit};
use crate::normalize::paths::Place;

/// Commands of one cell that are opened one by one; with more, all are one script.
const MAX_COMMANDS: usize = 16;

/// The units of the commands in a cell's source, or in the cells of a whole notebook.
pub(super) fn units(source: &str, place: &Place) -> Vec<Unit> {
    let mut units: Vec<Unit> = Vec::new();
    for (script, shell) in scripts(source) {
        let found = shell_units(&script, Some(shell), place, Extent::Line).0;
        units.extend(found.into_iter().map(|mut unit| {
            unit.layers.insert(0, Layer::Script);
            unit.span = 0..source.len();
            unit
        }));
    }
    units
}

/// The scripts in a notebook's source.
pub(super) fn scripts(source: &str) -> Vec<(String, Shell)> {
    match serde_json::from_str::<Value>(source) {
        Ok(Value::Object(notebook)) => {
            let cells = notebook.get("cells").and_then(Value::as_array).into_iter().flatten();
            cells.filter_map(|cell| cell.get("source")).flat_map(|source| of_cell(&text(source))).collect()
        }
        _ => of_cell(source),
    }
}

/// A cell's source: a text, or a list of lines.
fn text(source: &Value) -> String {
    match source {
        Value::String(text) => text.clone(),
        Value::Array(lines) => lines.iter().filter_map(Value::as_str).collect(),
        _ => String::new(),
    }
}

fn of_cell(source: &str) -> Vec<(String, Shell)> {
    let opening = source.trim_start();
    let (first, rest) = opening.split_once('\n').unwrap_or((opening, ""));
    if let Some(shell) = cell_language(first) {
        let line = first.split_once(char::is_whitespace).map_or("", |(_, line)| line);
        let script = if rest.trim().is_empty() { line } else { rest };
        return vec![(script.to_owned(), shell)];
    }
    let commands: Vec<String> = command_lines(source);
    if commands.len() > MAX_COMMANDS {
        return vec![(commands.join("\n"), Shell::Bash)];
    }
    commands.into_iter().map(|command| (command, Shell::Bash)).collect()
}

/// The language of a cell that is a script as a whole.
fn cell_language(line: &str) -> Option<Shell> {
    let mut words = line.split_whitespace();
    let name = match words.next()? {
        "%%script" => words.next()?.rsplit('/').next()?,
        "%%!" | "%%system" | "%%sx" => "sh",
        magic => magic.strip_prefix("%%")?,
    };
    match name {
        "bash" | "sh" | "zsh" | "shell" => Some(Shell::Bash),
        "cmd" => Some(Shell::Cmd),
        "powershell" | "pwsh" => Some(Shell::PowerShell),
        _ => None,
    }
}

/// The lines that IPython gives to a shell, with the lines that go on with them.
fn command_lines(source: &str) -> Vec<String> {
    let mut commands: Vec<String> = Vec::new();
    let mut goes_on = false;
    for line in source.lines() {
        let found = if goes_on { Some(line) } else { command(line.trim()) };
        match (found, commands.last_mut()) {
            (Some(line), Some(last)) if goes_on => last.extend(["\n", line]),
            (Some(line), _) => commands.push(line.to_owned()),
            (None, _) => {}
        }
        goes_on = found.is_some() && line.ends_with('\\');
    }
    commands.retain(|command| !command.trim().is_empty());
    commands
}

/// What of a line is a command.
fn command(line: &str) -> Option<&str> {
    let magic = ["!!", "!", "%system ", "%sx ", "%bash "].iter().find_map(|mark| line.strip_prefix(mark));
    magic.or_else(|| {
        let (name, value) = line.split_once('=')?;
        let value = value.trim_start();
        let command = ["!!", "!", "%system ", "%sx "].iter().find_map(|mark| value.strip_prefix(mark))?;
        name.trim().chars().all(|c| c.is_alphanumeric() || "_., []".contains(c)).then_some(command)
    })
}
