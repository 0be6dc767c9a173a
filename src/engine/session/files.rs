//! Which files of the session a call may run, and the call with their texts.

use std::collections::HashSet;

use serde_json::Value;

use super::{Recollection, SessionError, SessionMemory};
use crate::action::{Action, KnownFile, Scope, ToolCall};
use crate::normalize::normalize;
use crate::normalize::paths::Place;

/// How often files that are named by files are looked for.
const MAX_ROUNDS: usize = 4;

/// The call with the texts of those files of the session that it may run, where there are any, and the canonical form; `None`
/// when none had to be looked for.
///
/// A file counts whose name stands in the call, or in a file that counts; and one that the call turns out to use under
/// another spelling.
pub(in crate::engine) fn informed(
    call: &ToolCall,
    recalled: &Recollection,
    memory: &dyn SessionMemory,
) -> Result<Option<(Option<ToolCall>, Action)>, SessionError> {
    if recalled.files.is_empty() || uses_no_files(&call.tool) {
        return Ok(None);
    }
    let mut known = Vec::new();
    let mut text = strings(&call.input);
    for _ in 0..MAX_ROUNDS {
        let named = unknown(recalled, &known, |path| is_named(path, &text));
        let n_known = known.len();
        if !add(call, &named, memory, &mut known)? {
            break;
        }
        let found = known.iter().skip(n_known).flat_map(|file: &KnownFile| &file.versions);
        text = found.map(|version| version.text.as_str()).collect::<Vec<_>>().join("\n");
    }
    let (informed, action) = read(call, &known);
    let place = Place::from_context(&call.context);
    let targets = targets(&action);
    // A session may remember a hundred files, and this is asked for each call.
    let used = match targets.is_empty() {
        true => Vec::new(),
        false => unknown(recalled, &known, |path| targets.contains(place.shown_as(path).as_str())),
    };
    let more = add(call, &used, memory, &mut known)?;
    Ok(Some(if more { read(call, &known) } else { (informed, action) }))
}

/// The canonical form of a call with what is known; and the call, where something is.
fn read(call: &ToolCall, known: &[KnownFile]) -> (Option<ToolCall>, Action) {
    if known.is_empty() {
        return (None, normalize(call));
    }
    let mut informed = call.clone();
    informed.context.known_files = known.to_vec();
    let action = normalize(&informed);
    (Some(informed), action)
}

/// Tools that run nothing and need no earlier text.
fn uses_no_files(tool: &str) -> bool {
    matches!(tool, "Read" | "Glob" | "Grep" | "LS" | "WebFetch" | "WebSearch" | "Write" | "Task" | "TodoWrite" | "text")
}

/// Paths of the session's files that are wanted and not known yet.
fn unknown<'a>(recalled: &'a Recollection, known: &[KnownFile], wanted: impl Fn(&str) -> bool) -> Vec<&'a str> {
    let paths = recalled.files.iter().map(String::as_str);
    paths.filter(|path| known.iter().all(|file| file.path != *path) && wanted(path)).collect()
}

/// Looks files up; whether any were found.
fn add(
    call: &ToolCall,
    paths: &[&str],
    memory: &dyn SessionMemory,
    known: &mut Vec<KnownFile>,
) -> Result<bool, SessionError> {
    if paths.is_empty() {
        return Ok(false);
    }
    let found = memory.files(&call.context, paths)?;
    let any = !found.is_empty();
    known.extend(found);
    Ok(any)
}

/// Whether a text names a file, by the last part of its path; a makefile is named by `make`.
fn is_named(path: &str, text: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let makefile = matches!(name, "Makefile" | "makefile" | "GNUmakefile");
    text.contains(name) || makefile && text.contains("make")
}

/// The files that an action does something with, as it shows them.
fn targets(action: &Action) -> HashSet<&str> {
    let targets = action.effects().filter_map(|(_, effect)| effect.target.as_ref());
    targets.filter(|target| matches!(target.scope, Scope::Path(_))).map(|target| target.text.as_str()).collect()
}

/// All strings among the arguments.
fn strings(input: &serde_json::Map<String, Value>) -> String {
    fn collect(value: &Value, text: &mut String) {
        match value {
            Value::String(part) => {
                text.push_str(part);
                text.push('\n');
            }
            Value::Array(items) => items.iter().for_each(|item| collect(item, text)),
            Value::Object(fields) => fields.values().for_each(|field| collect(field, text)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
    let mut text = String::new();
    input.values().for_each(|value| collect(value, &mut text));
    text
}
