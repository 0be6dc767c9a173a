//! File tools: what is written where, what is read, and the commands inside what is written.

use enumset::EnumSet;
use serde_json::Value;

use super::inputs::Inputs;
use super::{Reading, add, cut, effect, scripts};
use crate::action::{Effect, Fact, Gap, PathScope, Scope, Target, Tool, Unit, UnitKind};
use crate::normalize::limits::head;
use crate::normalize::paths::Place;
use crate::normalize::reveal;

/// Bytes of the replaced text that are shown: what is written matters more.
const MAX_REMOVED: usize = 400;

/// Writing a whole file.
pub(super) fn write(input: Inputs<'_>, place: &Place) -> Option<Reading> {
    let path = input.path()?;
    let content = input.content().unwrap_or_default();
    Some(written(Tool::Write, path, &[Change { removed: "", added: content }], place))
}

/// Changing part of a file, in any of the shapes in use.
pub(super) fn edit(tool: Tool, input: Inputs<'_>, place: &Place) -> Option<Reading> {
    if let Some(patch) = input
        .text(&["patch", "input", "command", "diff"])
        .filter(|text| text.trim_start().starts_with("*** Begin Patch"))
    {
        return self::patch(patch, place);
    }
    let path = input.path()?;
    if input.text(&["command"]) == Some("view") {
        return read(input, place);
    }
    let mut changes = changes(input);
    if changes.is_empty() {
        let added = input.text(&["patch", "diff"]).or_else(|| input.content()).unwrap_or_default();
        changes.push(Change { removed: "", added });
    }
    let mut reading = written(tool, path, &changes, place);
    if input.text(&["edit_mode"]) == Some("delete")
        && let Some(unit) = reading.units.first_mut()
    {
        unit.own_effects.push(Effect { target: Some(place.locate(path)), ..effect(Fact::Delete) });
    }
    Some(reading)
}

/// One replaced passage.
pub(super) struct Change<'a> {
    pub(super) removed: &'a str,
    pub(super) added: &'a str,
}

/// The replaced passages that an edit names, in any of the shapes in use.
pub(super) fn changes(input: Inputs<'_>) -> Vec<Change<'_>> {
    let mut changes = change(input).into_iter().collect::<Vec<_>>();
    if let Some(Value::Array(edits)) = input.value(&["edits", "changes", "replacements"]) {
        changes.extend(edits.iter().filter_map(Value::as_object).filter_map(|edit| change(Inputs(edit))));
    }
    changes
}

fn change(input: Inputs<'_>) -> Option<Change<'_>> {
    let added = input.text(&["new_string", "new_str", "new_source", "replacement", "new_text", "insert_text"])?;
    Some(Change { removed: input.text(&["old_string", "old_str", "old_text", "search"]).unwrap_or_default(), added })
}

/// The units of a file's new content.
fn written(tool: Tool, path: &str, changes: &[Change<'_>], place: &Place) -> Reading {
    let mut gaps = EnumSet::empty();
    let edits = tool != Tool::Write;
    let mut text = format!("{}\n", reveal::readable(path).0);
    for change in changes {
        let (added, hidden) = reveal::readable(change.added);
        gaps |= hidden;
        if edits && !change.removed.is_empty() {
            let removed = reveal::readable(head(change.removed, MAX_REMOVED)).0.into_owned();
            let more = if change.removed.len() > MAX_REMOVED { "\u{2026}" } else { "" };
            text.push_str(&format!("---\n{removed}{more}\n"));
        }
        if edits && (!change.removed.is_empty() || changes.len() > 1) {
            text.push_str("+++\n");
        }
        text.push_str(&added);
        if edits && changes.len() > 1 {
            text.push('\n');
        }
    }
    let length = changes.iter().map(|change| change.added.len()).sum();
    let mut unit = Unit::new(UnitKind::Content, cut(&text, &mut gaps), 0..length);
    unit.gaps = gaps;
    unit.own_effects = write_effects(Fact::Write, place.locate(path));
    let mut units = vec![unit];
    for change in changes {
        units.extend(scripts::units(path, change.added, place));
    }
    Reading { tool, units, gaps }
}

/// A patch in the `*** Begin Patch` form: one unit a file.
pub(super) fn patch(patch: &str, place: &Place) -> Option<Reading> {
    let mut units = Vec::new();
    let mut gaps = EnumSet::empty();
    let mut at = 0;
    let mut open: Option<Section<'_>> = None;
    for line in patch.split_inclusive('\n') {
        if let Some((fact, path)) = header(line.trim()) {
            units.extend(open.take().into_iter().flat_map(|section| section.close(at, place, &mut gaps)));
            open = Some(Section { fact, path, start: at, text: String::new() });
        } else if let Some(section) = &mut open
            && !line.starts_with("*** ")
        {
            section.text.push_str(line);
        }
        at += line.len();
    }
    units.extend(open.take().into_iter().flat_map(|section| section.close(at, place, &mut gaps)));
    if units.is_empty() { None } else { Some(Reading { tool: Tool::Edit, units, gaps }) }
}

/// What a patch does to one file.
struct Section<'a> {
    fact: Fact,
    path: &'a str,
    start: usize,
    text: String,
}

impl Section<'_> {
    fn close(self, end: usize, place: &Place, gaps: &mut EnumSet<Gap>) -> Vec<Unit> {
        let (shown, hidden) = reveal::readable(&self.text);
        let mut cut_gaps = hidden;
        let text = cut(&format!("{}\n{shown}", reveal::readable(self.path).0), &mut cut_gaps);
        *gaps |= cut_gaps;
        let mut unit = Unit::new(UnitKind::Content, text, self.start..end);
        unit.gaps = cut_gaps;
        unit.own_effects = write_effects(self.fact, place.locate(self.path));
        let added: String =
            self.text.lines().filter_map(|line| line.strip_prefix('+')).flat_map(|line| [line, "\n"]).collect();
        let mut units = vec![unit];
        units.extend(scripts::units(self.path, &added, place));
        units
    }
}

/// What a line of a patch does to which file, if it opens a section.
pub(super) fn header(line: &str) -> Option<(Fact, &str)> {
    let (verb, path) = line.strip_prefix("*** ")?.split_once(": ")?;
    let fact = match verb {
        "Add File" | "Update File" | "Move to" => Fact::Write,
        "Delete File" => Fact::Delete,
        _ => return None,
    };
    Some((fact, path.trim()))
}

/// A write and what it means in that place.
pub(super) fn write_effects(fact: Fact, target: Target) -> Vec<Effect> {
    let meaning = match target.scope {
        Scope::Path(PathScope::Startup) => Some(Fact::Schedule),
        Scope::Path(PathScope::AgentConfig | PathScope::RiskgateConfig | PathScope::Ci) => Some(Fact::Configure),
        Scope::Path(PathScope::Secret | PathScope::EnvFile) => Some(Fact::Credentials),
        Scope::Path(PathScope::GitInternal) if target.text.contains("hooks") => Some(Fact::Schedule),
        Scope::Path(PathScope::GitInternal) => Some(Fact::Configure),
        _ => None,
    };
    let mut effects = vec![Effect { target: Some(target.clone()), ..effect(fact) }];
    effects.extend(meaning.map(|fact| Effect { target: Some(target), ..effect(fact) }));
    effects
}

/// A read and what it means in that place.
pub(super) fn read_effects(target: Target) -> Vec<Effect> {
    let secret = matches!(target.scope, Scope::Path(PathScope::Secret | PathScope::EnvFile));
    let mut effects = vec![Effect { target: Some(target.clone()), ..effect(Fact::Read) }];
    if secret {
        effects.push(Effect { target: Some(target), ..effect(Fact::Credentials) });
    }
    effects
}

/// Reading one file.
pub(super) fn read(input: Inputs<'_>, place: &Place) -> Option<Reading> {
    let path = input.path()?;
    if path.trim().is_empty() {
        return None;
    }
    Some(looked_at(Tool::Read, path, path, Some(place.locate(path))))
}

/// Searching or listing files.
pub(super) fn search(input: Inputs<'_>, place: &Place) -> Option<Reading> {
    let pattern = input.text(&["pattern", "query", "regex", "search"]);
    let path =
        input.text(&["path", "dir_path", "directory", "relative_workspace_path", "target_directory", "file_path"]);
    let glob = input.text(&["glob", "include", "include_pattern"]);
    let text = [pattern, path, glob]
        .into_iter()
        .flatten()
        .filter(|part| !part.trim().is_empty())
        .collect::<Vec<_>>()
        .join(" ");
    if text.is_empty() {
        return None;
    }
    let mut reading =
        looked_at(Tool::Search, &text, path.or(pattern).unwrap_or_default(), path.map(|path| place.locate(path)));
    let named = [pattern, glob]
        .into_iter()
        .flatten()
        .filter(|pattern| looks_like_path(pattern))
        .map(|pattern| place.locate(pattern));
    if let Some(unit) = reading.units.first_mut() {
        for target in named {
            let secret = matches!(target.scope, Scope::Path(PathScope::Secret | PathScope::EnvFile));
            if secret {
                read_effects(target).into_iter().for_each(|effect| add(&mut unit.own_effects, effect));
            }
        }
    }
    Some(reading)
}

/// Whether a search pattern names files rather than words.
fn looks_like_path(pattern: &str) -> bool {
    pattern.contains('/') || pattern.starts_with('.') || pattern.starts_with("*.")
}

/// A unit for something that is only read.
fn looked_at(tool: Tool, text: &str, source: &str, target: Option<Target>) -> Reading {
    let mut gaps = EnumSet::empty();
    let (shown, hidden) = reveal::readable(text);
    let mut unit = Unit::new(UnitKind::Target, cut(&shown, &mut gaps), 0..source.len());
    unit.own_effects = target.map_or_else(|| vec![effect(Fact::Read)], read_effects);
    unit.gaps = hidden | gaps;
    Reading { tool, units: vec![unit], gaps: gaps | hidden }
}
