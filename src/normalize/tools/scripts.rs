//! The commands inside what a file tool writes: shell scripts, hooks, `package.json` scripts, `run:` blocks.
//!
//! They run later, if at all, so their units carry [`Layer::Deferred`]. The whole content is a unit of its own already;
//! this only lets the tables see the commands, so reaching the bound here is no gap.

use std::ops::Range;

use serde_json::Value;

use super::{Extent, notebooks, shell_units};
use crate::action::{Fact, Layer, Shell, Unit};
use crate::normalize::paths::Place;

/// Units of commands in one content.
const MAX_UNITS: usize = 24;
/// Bytes of content that are looked at.
const MAX_CONTENT: usize = 64 * 1024;

/// A script inside a file.
struct Script {
    text: String,
    span: Range<usize>,
    shell: Shell,
}

/// The units of the commands in a file's content.
pub(super) fn units(path: &str, content: &str, place: &Place) -> Vec<Unit> {
    let content = super::head(content, MAX_CONTENT);
    let mut units = Vec::new();
    for script in scripts(path, content).into_iter().take(MAX_UNITS) {
        let (found, _, _) = shell_units(&script.text, Some(script.shell), place, Extent::Script);
        let whole = script.text.len() == script.span.len();
        units.extend(found.into_iter().map(|mut unit| {
            unit.layers.insert(0, Layer::Deferred);
            unit.span = if whole {
                script.span.start + unit.span.start..script.span.start + unit.span.end
            } else {
                script.span.clone()
            };
            unit
        }));
    }
    telling_first(units)
}

/// At most [`MAX_UNITS`], those that do more than read before the others.
fn telling_first(mut units: Vec<Unit>) -> Vec<Unit> {
    if units.len() > MAX_UNITS {
        let tells = |unit: &Unit| unit.effects().any(|effect| effect.fact != Fact::Read);
        let telling = units.iter().filter(|unit| tells(unit)).count();
        if telling >= MAX_UNITS / 2 {
            units.retain(tells);
        }
        units.truncate(MAX_UNITS);
    }
    units
}

/// The scripts in a file, by its name and its first line.
fn scripts(path: &str, content: &str) -> Vec<Script> {
    let path = path.replace('\\', "/").to_ascii_lowercase();
    let name = path.rsplit('/').next().unwrap_or_default();
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    let whole = |shell| vec![Script { text: content.to_owned(), span: 0..content.len(), shell }];
    match extension {
        "sh" | "bash" | "zsh" | "ksh" | "command" => whole(Shell::Bash),
        "ps1" | "psm1" => whole(Shell::PowerShell),
        "bat" | "cmd" => whole(Shell::Cmd),
        "yml" | "yaml" => run_blocks(content),
        "ipynb" => {
            let span = 0..content.len();
            let script = |(text, shell)| Script { text, span: span.clone(), shell };
            notebooks::scripts(content).into_iter().map(script).collect()
        }
        "json" if name == "package.json" => package_scripts(content),
        _ if is_shell_name(name)
            || path.contains("/.git/hooks/")
            || path.starts_with(".git/hooks/")
            || path.contains(".husky/") =>
        {
            whole(Shell::Bash)
        }
        _ if is_shell_shebang(content) => whole(Shell::Bash),
        _ => Vec::new(),
    }
}

fn is_shell_name(name: &str) -> bool {
    matches!(
        name,
        ".bashrc"
            | ".zshrc"
            | ".profile"
            | ".bash_profile"
            | ".bash_login"
            | ".bash_logout"
            | ".zshenv"
            | ".zprofile"
            | ".zlogin"
            | ".bash_aliases"
            | ".xprofile"
            | ".xinitrc"
            | ".envrc"
            | "rc.local"
    )
}

fn is_shell_shebang(content: &str) -> bool {
    let line = content.lines().next().unwrap_or_default();
    let program = line
        .strip_prefix("#!")
        .unwrap_or_default()
        .split_whitespace()
        .take(3)
        .filter_map(|word| word.rsplit('/').next());
    program.into_iter().any(|program| matches!(program, "sh" | "bash" | "zsh" | "dash" | "ksh" | "ash"))
}

/// The values of `scripts` in a `package.json`; a fragment of one is read line by line.
fn package_scripts(content: &str) -> Vec<Script> {
    let span = 0..content.len();
    if let Ok(Value::Object(package)) = serde_json::from_str(content) {
        let scripts =
            package.get("scripts").and_then(Value::as_object).into_iter().flat_map(|scripts| scripts.values());
        return scripts
            .filter_map(Value::as_str)
            .map(|text| Script { text: text.to_owned(), span: span.clone(), shell: Shell::Bash })
            .collect();
    }
    let lifecycle = [
        "\"preinstall\"",
        "\"install\"",
        "\"postinstall\"",
        "\"prepare\"",
        "\"prepublish\"",
        "\"test\"",
        "\"build\"",
        "\"start\"",
    ];
    let value =
        |line: &str| Some(line.split_once(':')?.1.trim().trim_end_matches(',').trim_matches('"').replace("\\\"", "\""));
    let lines = content.lines().filter(|line| lifecycle.iter().any(|key| line.trim_start().starts_with(key)));
    lines.filter_map(value).map(|text| Script { text, span: span.clone(), shell: Shell::Bash }).collect()
}

/// The `run:`, `script:` and `command:` values of a YAML file, by indentation.
fn run_blocks(content: &str) -> Vec<Script> {
    let mut found = Vec::new();
    let mut block: Option<(usize, Script)> = None;
    let mut at = 0;
    for line in content.split_inclusive('\n') {
        let start = at;
        at += line.len();
        let indent = line.len() - line.trim_start().len();
        if let Some((key_indent, script)) = &mut block {
            if line.trim().is_empty() || indent > *key_indent {
                script.text.push_str(line.trim_start_matches(' '));
                script.span.end = at;
                continue;
            }
            found.extend(block.take().map(|(_, script)| script));
        }
        let Some(value) = run_value(line) else { continue };
        let script = Script { text: String::new(), span: start..at, shell: Shell::Bash };
        if matches!(value.chars().next(), Some('|' | '>') | None) {
            block = Some((indent + usize::from(line.trim_start().starts_with("- ")), script));
        } else {
            found.push(Script { text: value.trim_matches(['"', '\'']).to_owned(), ..script });
        }
    }
    found.extend(block.map(|(_, script)| script));
    found.retain(|script| !script.text.trim().is_empty());
    found
}

fn run_value(line: &str) -> Option<&str> {
    let line = line.trim_start();
    let line = line.strip_prefix("- ").unwrap_or(line).trim_start();
    let value = ["run:", "script:", "before_script:", "after_script:"].iter().find_map(|key| line.strip_prefix(key))?;
    Some(value.trim())
}
