//! Each tool's own argument object → units: which tool it is, and who reads its arguments.
//!
//! Owns the names that harnesses use for tools and the bounds on their arguments. What a shell command means is left to
//! `shell`, `powershell` and `cmd`; where paths and hosts lie to `paths` and `hosts`.

mod arguments;
mod files;
mod inputs;
mod json;
mod notebooks;
mod readings;
mod scripts;
mod text;
mod verbs;
mod web;
mod written;

use enumset::EnumSet;
use serde_json::{Map, Value};

use self::inputs::Inputs;
pub(super) use self::written::written;
use crate::action::{Action, Effect, Fact, Gap, Shell, Tool, ToolCall, Unit, UnitKind};
use crate::normalize::limits::head;
use crate::normalize::paths::Place;
use crate::normalize::{cmd, limits, powershell, reveal, shell, windows};

/// Bytes of the user's request that are kept.
const MAX_REQUEST: usize = 2000;

/// What a tool made of its arguments.
struct Reading {
    tool: Tool,
    units: Vec<Unit>,
    gaps: EnumSet<Gap>,
}

/// The action of a tool call, without flows.
pub(super) fn normalize(call: &ToolCall, place: &Place) -> Action {
    let reading = read(call, place);
    let mut gaps = reading.gaps;
    let mut units = bounded(reading.units, &mut gaps);
    for unit in &mut units {
        if unit.text.trim().is_empty() {
            unit.text = "(empty)".to_owned();
        }
    }
    if units.is_empty() {
        gaps |= Gap::Unparsed;
        units.push(arguments::plain(&call.tool, &call.input));
    }
    Action { tool: reading.tool, request: request(call), units, gaps }
}

/// The user's request, trimmed and bounded.
fn request(call: &ToolCall) -> Option<String> {
    let request = call.context.user_request.as_deref()?.trim();
    let (shown, _) = reveal::readable(head(request, MAX_REQUEST));
    Some(shown.trim().to_owned()).filter(|request| !request.is_empty())
}

/// The first and the last units, within the limit on their number.
fn bounded(mut units: Vec<Unit>, gaps: &mut EnumSet<Gap>) -> Vec<Unit> {
    if units.len() > limits::MAX_UNITS {
        *gaps |= Gap::Truncated;
        let tail = units.split_off(units.len() - limits::MAX_UNITS / 2);
        units.truncate(limits::MAX_UNITS - tail.len());
        units.extend(tail);
    }
    units
}

/// Hands the arguments to the reader of the tool's kind; falls back to the bare argument object.
fn read(call: &ToolCall, place: &Place) -> Reading {
    let input = Inputs(&call.input);
    let reading = match kind(&call.tool) {
        Kind::Shell(language) => run(call, input, language, place),
        Kind::Edit(tool) => files::edit(tool, input, place),
        Kind::Write => files::write(input, place),
        Kind::Read => files::read(input, place),
        Kind::Search => files::search(input, place),
        Kind::Fetch => web::fetch(input),
        Kind::WebSearch => web::search(input),
        Kind::Agent => agent(call, input),
        Kind::Text => text::read(input),
        Kind::Named(tool) => return arguments::read(tool, &call.tool, &call.input, place),
    };
    reading.unwrap_or_else(|| {
        let tool = match kind(&call.tool) {
            Kind::Shell(language) => Tool::Shell(language.unwrap_or(Shell::Bash)),
            Kind::Edit(tool) => tool,
            Kind::Write => Tool::Write,
            Kind::Read => Tool::Read,
            Kind::Search => Tool::Search,
            Kind::Fetch => Tool::Fetch,
            Kind::WebSearch => Tool::WebSearch,
            Kind::Agent => Tool::Agent,
            Kind::Text => Tool::Text,
            Kind::Named(tool) => tool,
        };
        let mut reading = arguments::read(tool, &call.tool, &call.input, place);
        reading.gaps |= Gap::Unparsed;
        reading
    })
}

/// Who reads a tool's arguments.
enum Kind {
    Shell(Option<Shell>),
    Edit(Tool),
    Write,
    Read,
    Search,
    Fetch,
    WebSearch,
    Agent,
    Text,
    Named(Tool),
}

/// The kind of a tool by its name, in any harness's spelling.
fn kind(name: &str) -> Kind {
    if let Some(tool) = mcp(name) {
        return Kind::Named(tool);
    }
    let letters = |name: &str| -> String {
        name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
    };
    let plain = letters(name);
    // `functions.exec_command`, `default_api:run_shell_command`.
    let last = letters(name.rsplit(['.', ':', '/']).next().unwrap_or(name));
    if is_shell_tool(&plain) || is_shell_tool(&last) {
        return Kind::Shell(None);
    }
    match plain.as_str() {
        "powershell" | "pwsh" => Kind::Shell(Some(Shell::PowerShell)),
        "cmd" | "commandprompt" => Kind::Shell(Some(Shell::Cmd)),
        "edit"
        | "multiedit"
        | "strreplace"
        | "searchreplace"
        | "replace"
        | "editfile"
        | "replaceinfile"
        | "applypatch"
        | "strreplaceeditor"
        | "strreplacebasededittool"
        | "insertedit"
        | "applydiff" => Kind::Edit(Tool::Edit),
        "notebookedit" | "editnotebook" => Kind::Edit(Tool::NotebookEdit),
        "write" | "writefile" | "createfile" | "writetofile" | "savefile" => Kind::Write,
        "read" | "readfile" | "viewfile" | "openfile" | "notebookread" | "view" => Kind::Read,
        "glob" | "grep" | "ls" | "grepsearch" | "listdirectory" | "listdir" | "codebasesearch" | "filesearch"
        | "listfiles" | "searchfiles" => Kind::Search,
        "webfetch" | "fetch" | "fetchurl" => Kind::Fetch,
        "websearch" | "googlewebsearch" => Kind::WebSearch,
        "task" | "agent" | "spawnagent" | "subagent" => Kind::Agent,
        "text" => Kind::Text,
        _ => Kind::Named(Tool::Unknown(name.to_owned())),
    }
}

/// Whether a tool runs shell commands, by its name's letters.
fn is_shell_tool(name: &str) -> bool {
    matches!(
        name,
        "bash"
            | "bashcommand"
            | "bashtool"
            | "containerexec"
            | "developershell"
            | "exec"
            | "execbash"
            | "execcommand"
            | "execshell"
            | "executebash"
            | "executecommand"
            | "executeshell"
            | "executeshellcommand"
            | "executeterminalcommand"
            | "launchprocess"
            | "localshell"
            | "localshellcall"
            | "monitor"
            | "runbash"
            | "runbashcommand"
            | "runcommand"
            | "runinterminal"
            | "runshell"
            | "runshellcommand"
            | "runterminal"
            | "runterminalcmd"
            | "runterminalcommand"
            | "sh"
            | "shell"
            | "shellcall"
            | "shellcommand"
            | "shellexec"
            | "shelltool"
            | "terminal"
            | "terminalexec"
            | "unifiedexec"
            | "zsh"
    )
}

/// The server and tool of an MCP tool's name (`mcp__server__tool`, `mcp_server_tool`, `MCP:tool`).
fn mcp(name: &str) -> Option<Tool> {
    let split = |rest: &str, by: &str| {
        let (server, tool) = rest.split_once(by).unwrap_or((rest, ""));
        Tool::Mcp { server: server.to_owned(), tool: tool.to_owned() }
    };
    if let Some(rest) = name.strip_prefix("mcp__") {
        return Some(split(rest, "__"));
    }
    if let Some(rest) = name.strip_prefix("mcp_") {
        return Some(split(rest, "_"));
    }
    let rest = name.strip_prefix("MCP:")?;
    Some(Tool::Mcp { server: String::new(), tool: rest.trim().to_owned() })
}

/// A shell command.
fn run(call: &ToolCall, input: Inputs<'_>, language: Option<Shell>, place: &Place) -> Option<Reading> {
    let command = input.command()?;
    if command.trim().is_empty() {
        return None;
    }
    if command.trim_start().starts_with("*** Begin Patch") {
        return files::patch(&command, place);
    }
    let place = input
        .text(&["workdir", "cwd", "dir_path", "working_directory"])
        .map_or_else(|| place.clone(), |dir| place.changed_to(dir));
    let stated = language.or_else(|| call.context.shell.as_deref().and_then(stated_shell));
    let (mut units, gaps, language) = shell_units(&command, stated, &place, Extent::Line);
    if input.0.get("dangerouslyDisableSandbox").is_some_and(|value| value.as_bool() == Some(true)) {
        // On each: what stands first may be padding.
        units.iter_mut().for_each(|unit| unit.own_effects.push(effect(Fact::Disable)));
    }
    Some(Reading { tool: Tool::Shell(language), units, gaps })
}

/// What a text in a shell language is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Extent {
    /// A command line, which gets no arguments.
    Line,
    /// A script, which may get some.
    Script,
}

/// The units of a command in the stated language. Without one, in Bash and in the language that it looks like.
fn shell_units(
    command: &str,
    stated: Option<Shell>,
    place: &Place,
    extent: Extent,
) -> (Vec<Unit>, EnumSet<Gap>, Shell) {
    let (script, hidden) = reveal::reveal(command);
    let (mut units, mut gaps, language) = match stated {
        // Harnesses say `cmd` for whatever they start on Windows.
        Some(Shell::Cmd) if powershell::looks_like(&script) => {
            in_both(&script, Shell::PowerShell, Shell::Cmd, place, extent)
        }
        Some(stated) => {
            let (units, gaps) = in_language(stated, &script, place, extent);
            (units, gaps, stated)
        }
        None => in_both(&script, looks_like(&script), Shell::Bash, place, extent),
    };
    if let Some(spelled) = reveal::spelled_invisibly(command) {
        let mut unit = Unit::new(UnitKind::Data, format!("hidden: {spelled}"), 0..command.len());
        unit.gaps = hidden;
        units.push(unit);
    }
    if units.is_empty() {
        let kept = cut(&script, &mut gaps);
        units.push(Unit::new(UnitKind::Command(language), kept, 0..command.len()));
    }
    for unit in &mut units {
        let end = unit.span.end.min(command.len());
        unit.span = unit.span.start.min(end)..end; // Revealing may have changed the length.
        unit.gaps |= hidden; // Where in the script the hidden characters stood is not known any more.
    }
    (units, gaps | hidden, language)
}

fn in_language(language: Shell, script: &str, place: &Place, extent: Extent) -> readings::Reading {
    windows::written::apart(|| match language {
        Shell::Bash if extent == Extent::Script => shell::script_units(script, place),
        Shell::Bash => shell::units(script, place),
        Shell::PowerShell => powershell::units(script, place),
        Shell::Cmd => cmd::units(script, place),
    })
}

/// The language that a command looks like, and the one that it runs in by its tool; the language that says more.
fn in_both(
    script: &str,
    guess: Shell,
    named: Shell,
    place: &Place,
    extent: Extent,
) -> (Vec<Unit>, EnumSet<Gap>, Shell) {
    let reading = in_language(named, script, place, extent);
    if guess == named {
        return (reading.0, reading.1, named);
    }
    let ((units, gaps), adds) = readings::joined(script, in_language(guess, script, place, extent), reading);
    (units, gaps, if adds { named } else { guess })
}

/// The language of a command that came without one.
fn looks_like(script: &str) -> Shell {
    match () {
        () if powershell::looks_like(script) => Shell::PowerShell,
        () if cmd::looks_like(script) => Shell::Cmd,
        () => Shell::Bash,
    }
}

/// The language that a harness names, by the first name that is known.
fn stated_shell(name: &str) -> Option<Shell> {
    name.split([',', ' ', '/', '\\']).find_map(|name| match name.to_ascii_lowercase().trim_end_matches(".exe") {
        "powershell" | "pwsh" | "psh" | "ps1" => Some(Shell::PowerShell),
        "cmd" | "command_prompt" | "batch" | "bat" => Some(Shell::Cmd),
        "bash" | "sh" | "zsh" | "dash" | "fish" | "ksh" => Some(Shell::Bash),
        _ => None,
    })
}

/// Starting another agent: its prompt is what counts.
fn agent(call: &ToolCall, input: Inputs<'_>) -> Option<Reading> {
    let prompt = input.text(&["prompt", "task", "message", "instructions", "description"])?;
    let mut gaps = EnumSet::empty();
    let kind = input.text(&["subagent_type", "agent_type", "agent"]).unwrap_or_default();
    let whole = format!("{} {kind}\n{prompt}", call.tool);
    let (shown, hidden) = reveal::readable(&whole);
    let text = cut(&shown, &mut gaps);
    let mut unit = Unit::new(UnitKind::Arguments, text, 0..prompt.len());
    unit.gaps = hidden | gaps;
    Some(Reading { tool: Tool::Agent, units: vec![unit], gaps: gaps | hidden })
}

/// An effect without target or modifiers.
fn effect(fact: Fact) -> Effect {
    Effect { fact, modifiers: EnumSet::empty(), target: None }
}

/// Adds an effect once.
fn add(effects: &mut Vec<Effect>, effect: Effect) {
    if !effects.contains(&effect) {
        effects.push(effect);
    }
}

/// The head and the tail of a text over the limit, with a gap.
fn cut(text: &str, gaps: &mut EnumSet<Gap>) -> String {
    if text.len() <= limits::MAX_SOURCE {
        return text.to_owned();
    }
    *gaps |= Gap::Truncated;
    let tail = text.get(text.ceil_char_boundary(text.len() - limits::MAX_SOURCE / 2)..).unwrap_or_default();
    format!("{}\n\u{2026}\n{tail}", head(text, limits::MAX_SOURCE / 2))
}

/// The argument object, by value.
type Object = Map<String, Value>;

#[cfg(test)]
mod tests;
