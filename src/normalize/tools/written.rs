//! What a call would write to files: the texts that file tools carry, the literals of a shell command, and what is fetched.

use std::collections::BTreeMap;

use serde_json::Value;

use super::files::{self, Change};
use super::inputs::Inputs;
use super::{Extent, Kind, kind, shell_units, verbs};
use crate::action::{Action, Fact, FileExtent, FileVersion, Flow, KnownFile, Shell, Tool, ToolCall, UnitKind};
use crate::normalize::paths::Place;
use crate::normalize::{reveal, shell, windows};

/// Files of one call that are told.
const MAX_FILES: usize = 32;

/// The files that a call would write, each once.
pub(in crate::normalize) fn written(call: &ToolCall, action: &Action, place: &Place) -> Vec<KnownFile> {
    let (input, kind) = (Inputs(&call.input), kind(&call.tool));
    // A server's tool for edits may have a name that says nothing of writing.
    let edits = matches!(kind, Kind::Named(_)) && !files::changes(input).is_empty();
    if !edits && action.effects().all(|(_, effect)| effect.written_file().is_none()) {
        return Vec::new();
    }
    let mut found = match kind {
        Kind::Write => whole(input, place),
        Kind::Edit(_) => edited(input, place),
        Kind::Shell(stated) => by_shell(input, stated, action, place),
        Kind::Named(tool) => by_server(&tool, input, place),
        _ => Vec::new(),
    };
    found.extend(fetched(action, place));
    each_once(found)
}

fn file(path: &str, versions: Vec<FileVersion>) -> KnownFile {
    KnownFile { path: path.to_owned(), versions, fetched: false }
}

fn version(text: impl Into<String>, extent: FileExtent) -> FileVersion {
    FileVersion { text: text.into(), decoded: false, extent }
}

fn whole(input: Inputs<'_>, place: &Place) -> Vec<KnownFile> {
    let path = input.path().and_then(|path| place.absolute(path));
    let text = version(input.content().unwrap_or_default(), FileExtent::Whole);
    path.map(|path| file(&path, vec![text])).into_iter().collect()
}

fn edited(input: Inputs<'_>, place: &Place) -> Vec<KnownFile> {
    let patch = input.text(&["patch", "input", "command", "diff"]);
    if let Some(patch) = patch.filter(|text| text.trim_start().starts_with("*** Begin Patch")) {
        return patched(patch, place);
    }
    let command = input.text(&["command"]);
    let Some(path) = input.path().filter(|_| command != Some("view")).and_then(|path| place.absolute(path)) else {
        return Vec::new();
    };
    let changes = files::changes(input);
    if changes.is_empty() {
        let extent = if command == Some("create") { FileExtent::Whole } else { FileExtent::Passage };
        let text = input.text(&["patch", "diff"]).or_else(|| input.content()).unwrap_or_default();
        return vec![file(&path, vec![version(text, extent)])];
    }
    let all = input.value(&["replace_all"]).and_then(Value::as_bool) == Some(true);
    let known = place.known_files.iter().find(|known| known.path == path);
    let versions = match known.map(|known| known.versions.as_slice()) {
        Some([old]) if old.extent == FileExtent::Whole => replaced(&old.text, &changes, all),
        _ => None,
    };
    let passages = || changes.iter().map(|change| version(change.added, FileExtent::Passage)).collect();
    vec![file(&path, versions.map_or_else(passages, |text| vec![version(text, FileExtent::Whole)]))]
}

/// The text after all changes; `None` when one of them does not fit it.
fn replaced(text: &str, changes: &[Change<'_>], all: bool) -> Option<String> {
    changes.iter().try_fold(text.to_owned(), |text, Change { removed, added }| {
        if removed.is_empty() || !text.contains(removed) {
            return None;
        }
        Some(if all { text.replace(removed, added) } else { text.replacen(removed, added, 1) })
    })
}

/// The files of a patch: those that are added are known whole, of others the lines that are put in.
fn patched(patch: &str, place: &Place) -> Vec<KnownFile> {
    let mut found: Vec<KnownFile> = Vec::new();
    let mut open: Option<(String, FileVersion)> = None;
    for line in patch.lines() {
        if let Some((fact, path)) = files::header(line.trim()) {
            found.extend(open.take().map(|(path, text)| file(&path, vec![text])));
            let adds = line.trim().starts_with("*** Add File");
            let extent = if adds { FileExtent::Whole } else { FileExtent::Passage };
            open = place.absolute(path).filter(|_| fact == Fact::Write).map(|path| (path, version("", extent)));
        } else if let (Some((_, text)), Some(added)) = (&mut open, line.strip_prefix('+')) {
            text.text.push_str(added);
            text.text.push('\n');
        }
    }
    found.extend(open.map(|(path, text)| file(&path, vec![text])));
    found
}

fn by_shell(input: Inputs<'_>, stated: Option<Shell>, action: &Action, place: &Place) -> Vec<KnownFile> {
    let Some(command) = input.command() else { return Vec::new() };
    if command.trim_start().starts_with("*** Begin Patch") {
        return patched(&command, place);
    }
    let place = input
        .text(&["workdir", "cwd", "dir_path", "working_directory"])
        .map_or_else(|| place.clone(), |dir| place.changed_to(dir));
    let mut found = Vec::new();
    if action.units.iter().any(|unit| matches!(unit.kind, UnitKind::Command(Shell::PowerShell | Shell::Cmd))) {
        // Read as in the call itself, so in every language that it may be in.
        found.extend(windows::written::during(|| {
            shell_units(&command, stated, &place, Extent::Line);
        }));
    }
    if matches!(stated, None | Some(Shell::Bash)) {
        let written = shell::written(&reveal::reveal(&command).0, &place).into_iter();
        found.extend(written.filter_map(|(shown, versions)| Some(file(&place.absolute_of_shown(&shown)?, versions))));
    }
    found
}

/// Files that a tool writes which is known by its name and arguments only: an MCP server's, most of all.
fn by_server(tool: &Tool, input: Inputs<'_>, place: &Place) -> Vec<KnownFile> {
    let (Tool::Mcp { tool: name, .. } | Tool::Unknown(name)) = tool else { return Vec::new() };
    let words = verbs::words(name);
    let says = |verbs: &[&str]| words.iter().any(|word| verbs.contains(&word.as_str()));
    if says(&["move", "rename", "copy", "cp", "mv"]) {
        return copied(input, place);
    }
    let extent = if says(&["append", "insert", "patch"]) { FileExtent::Passage } else { FileExtent::Whole };
    let many = input.value(&["files", "documents"]).and_then(Value::as_array).into_iter().flatten();
    let each = std::iter::once(input).chain(many.take(MAX_FILES).filter_map(Value::as_object).map(Inputs));
    each.flat_map(|input| match files::changes(input).is_empty() {
        true => sent(input, extent, place),
        false => edited(input, place),
    })
    .collect()
}

/// A file with the content that stands beside its path.
fn sent(input: Inputs<'_>, extent: FileExtent, place: &Place) -> Vec<KnownFile> {
    let path = input.path().and_then(|path| place.absolute(path));
    path.zip(input.content()).map(|(path, text)| file(&path, vec![version(text, extent)])).into_iter().collect()
}

/// What a known file holds, at the place to which it is copied or moved, or inside it.
fn copied(input: Inputs<'_>, place: &Place) -> Vec<KnownFile> {
    let from = input.text(&["source", "src", "from", "old_path", "source_path"]).and_then(|path| place.absolute(path));
    let to = input.text(&["destination", "dest", "dst", "to", "new_path", "destination_path", "target"]);
    let (Some(from), Some(to)) = (from, to.and_then(|path| place.absolute(path))) else { return Vec::new() };
    let Some(known) = place.known_files.iter().find(|known| known.path == from) else { return Vec::new() };
    let name = from.rsplit('/').next().unwrap_or(&from);
    let places = [to.clone(), format!("{}/{name}", to.trim_end_matches('/'))];
    places.map(|path| KnownFile { path, ..known.clone() }).into()
}

/// Files whose text comes from the network.
fn fetched(action: &Action, place: &Place) -> Vec<KnownFile> {
    let units = action.units.iter().filter(|unit| unit.flows.contains(Flow::NetworkToFile));
    let targets = units.flat_map(|unit| unit.effects()).filter(|effect| effect.fact == Fact::Write);
    let shown = targets.filter_map(|effect| effect.target.as_ref()).map(|target| target.text.as_str());
    let paths = shown.filter_map(|shown| place.absolute_of_shown(shown));
    paths.map(|path| KnownFile { path, versions: Vec::new(), fetched: true }).collect()
}

fn each_once(found: Vec<KnownFile>) -> Vec<KnownFile> {
    let mut files: BTreeMap<String, KnownFile> = BTreeMap::new();
    for file in found {
        if let Some(other) = files.get_mut(&file.path) {
            other.fetched |= file.fetched;
            other.versions.extend(file.versions);
        } else if files.len() < MAX_FILES {
            files.insert(file.path.clone(), file);
        }
    }
    files.into_values().collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::action::Context;
    use crate::normalize;

    fn call(tool: &str, input: &Value, known_files: Vec<KnownFile>) -> ToolCall {
        let cwd = Some("/w/app".to_owned());
        let context =
            Context { workspace: cwd.clone(), cwd, home: Some("/home/me".into()), known_files, ..Context::default() };
        ToolCall { tool: tool.to_owned(), input: input.as_object().unwrap().clone(), context }
    }

    fn written_by(call: &ToolCall) -> Vec<(String, Vec<(String, FileExtent)>)> {
        let files = normalize::written(call, &normalize::normalize(call));
        let versions = |file: &KnownFile| file.versions.iter().map(|v| (v.text.clone(), v.extent)).collect();
        files.iter().map(|file| (file.path.clone(), versions(file))).collect()
    }

    #[track_caller]
    fn check(tool: &str, input: &Value, path: &str, text: &str, extent: FileExtent) {
        let found = written_by(&call(tool, input, Vec::new()));
        assert_eq!(found, [(path.to_owned(), vec![(text.to_owned(), extent)])], "{tool} {input}");
    }

    #[test]
    fn file_tools_write_what_they_carry() {
        check("Write", &json!({"file_path": "x.sh", "content": "ls\n"}), "/w/app/x.sh", "ls\n", FileExtent::Whole);
        let edit = json!({"file_path": "/w/app/x.sh", "old_string": "a", "new_string": "b"});
        check("Edit", &edit, "/w/app/x.sh", "b", FileExtent::Passage);
        let patch = "*** Begin Patch\n*** Add File: y.sh\n+id\n+ls\n*** End Patch\n";
        check("apply_patch", &json!({"input": patch}), "/w/app/y.sh", "id\nls\n", FileExtent::Whole);
    }

    #[test]
    fn an_edit_of_a_known_file_yields_its_whole_text() {
        let old = file("/w/app/x.sh", vec![version("ls\nls\n", FileExtent::Whole)]);
        let edit = |more: Value| {
            let mut input = json!({"file_path": "x.sh", "old_string": "ls", "new_string": "id"});
            input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            written_by(&call("Edit", &input, vec![old.clone()])).remove(0).1.remove(0)
        };
        assert_eq!(edit(json!({})), ("id\nls\n".to_owned(), FileExtent::Whole));
        assert_eq!(edit(json!({"replace_all": true})), ("id\nid\n".to_owned(), FileExtent::Whole));
        assert_eq!(edit(json!({"old_string": "elsewhere"})), ("id".to_owned(), FileExtent::Passage));
    }

    #[test]
    fn a_command_s_literals_are_followed_to_their_files() {
        let run = |command: &str| json!({"command": command});
        check("Bash", &run("echo ls > x.sh"), "/w/app/x.sh", "ls\n", FileExtent::Whole);
        check("Bash", &run("cd sub && cat > x.sh <<'E'\nid\nE"), "/w/app/sub/x.sh", "id\n", FileExtent::Whole);
        check("Bash", &run("printf 'a\\n' >> ~/x.sh"), "/home/me/x.sh", "a\n", FileExtent::Passage);
        check("Bash", &run("echo bHMK | base64 -d > /tmp/x"), "/tmp/x", "ls\n", FileExtent::Whole);
        check("Bash", &run("echo id | tee x.sh"), "/w/app/x.sh", "id\n", FileExtent::Whole);
        assert!(written_by(&call("Bash", &run("git log > log.txt; ls"), Vec::new())).is_empty());
    }

    /// Tool, arguments, what stands in the file afterwards.
    #[test]
    fn a_server_s_tools_write_what_they_carry() {
        let text = "ls\nid\n";
        for (tool, input) in [
            ("mcp__filesystem__write_file", json!({"path": "/w/app/x.sh", "content": text})),
            ("mcp__filesystem__write_file", json!({"path": "x.sh", "content": text})),
            ("mcp__fs__create_file", json!({"filePath": "/w/app/x.sh", "contents": text})),
            ("mcp__desktop-commander__write_file", json!({"path": "file:///w/app/x.sh", "text": text})),
            ("mcp__editor__create_or_update_file", json!({"file_path": "/w/app/x.sh", "content": text})),
            ("save_local_file", json!({"path": "/w/app/x.sh", "content": text})),
            ("mcp__filesystem__write_files", json!({"files": [{"path": "/w/app/x.sh", "content": text}]})),
        ] {
            check(tool, &input, "/w/app/x.sh", text, FileExtent::Whole);
        }
        for (tool, input) in [
            ("mcp__filesystem__append_file", json!({"path": "x.sh", "content": text})),
            ("mcp__filesystem__edit_file", json!({"path": "x.sh", "edits": [{"oldText": "a", "newText": text}]})),
            ("mcp__editor__replace_in_file", json!({"path": "x.sh", "old_string": "a", "new_string": text})),
        ] {
            check(tool, &input, "/w/app/x.sh", text, FileExtent::Passage);
        }
    }

    #[test]
    fn a_server_s_tools_that_only_look_write_nothing() {
        for (tool, input) in [
            ("mcp__filesystem__read_file", json!({"path": "x.sh"})),
            ("mcp__filesystem__search_files", json!({"path": "/w/app", "pattern": "x", "text": "ls"})),
            ("mcp__filesystem__get_file_info", json!({"path": "x.sh", "content": "ls"})),
        ] {
            assert!(written_by(&call(tool, &input, Vec::new())).is_empty(), "{tool}");
        }
    }

    #[test]
    fn an_edit_and_a_move_by_a_server_s_tools_are_followed() {
        let old = || vec![file("/w/app/x.sh", vec![version("ls\n", FileExtent::Whole)])];
        let edit = json!({"path": "x.sh", "edits": [{"oldText": "ls", "newText": "id"}]});
        let found = written_by(&call("mcp__filesystem__edit_file", &edit, old()));
        assert_eq!(found, [("/w/app/x.sh".to_owned(), vec![("id\n".to_owned(), FileExtent::Whole)])]);
        let moved = json!({"source": "/w/app/x.sh", "destination": "/w/app/y.sh"});
        let found = written_by(&call("mcp__filesystem__move_file", &moved, old()));
        assert!(found.contains(&("/w/app/y.sh".to_owned(), vec![("ls\n".to_owned(), FileExtent::Whole)])), "{found:?}");
    }

    #[test]
    fn what_is_fetched_is_told_without_its_text() {
        let input = json!({"command": "curl -o x.sh https://host.example/x.sh"});
        let call = call("Bash", &input, Vec::new());
        let files = normalize::written(&call, &normalize::normalize(&call));
        assert_eq!(files, [KnownFile { path: "/w/app/x.sh".into(), versions: Vec::new(), fetched: true }]);
    }

    #[test]
    fn a_copy_of_a_known_file_is_known() {
        let old = file("/w/app/x.sh", vec![version("id\n", FileExtent::Whole)]);
        let found = written_by(&call("Bash", &json!({"command": "cp x.sh /tmp/y.sh"}), vec![old]));
        assert!(found.contains(&("/tmp/y.sh".to_owned(), vec![("id\n".to_owned(), FileExtent::Whole)])), "{found:?}");
    }
}
