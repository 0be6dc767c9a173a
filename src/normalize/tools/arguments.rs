//! MCP and unknown tools: the name and the arguments as one text, and what single arguments give away.

use enumset::EnumSet;

use super::json::{self, Leaf};
use super::{Extent, Object, Reading, add, cut, effect, files, notebooks, shell_units, verbs, web};
use crate::action::{Effect, Fact, Gap, Language, Layer, Modifier, Tool, Unit, UnitKind};
use crate::normalize::paths::Place;
use crate::normalize::reveal;

/// Commands and programs in one argument object that are read as such.
const MAX_SCRIPTS: usize = 16;
/// Paths and addresses of one argument object that become effects.
const MAX_TARGETS: usize = 32;

/// The unit of an argument object alone.
pub(super) fn plain(name: &str, input: &Object) -> Unit {
    let (json, was_cut) = json::compact(input);
    let whole = format!("{name} {json}");
    let (shown, hidden) = reveal::readable(&whole);
    let mut gaps = hidden;
    let text = cut(&shown, &mut gaps);
    if was_cut {
        gaps |= Gap::Truncated;
    }
    let mut unit = Unit::new(UnitKind::Arguments, text, 0..json.len());
    unit.values = json::values(input);
    unit.gaps = gaps;
    unit
}

/// The units of a tool that is known by its name only.
pub(super) fn read(tool: Tool, name: &str, input: &Object, place: &Place) -> Reading {
    let label = match &tool {
        Tool::Mcp { server, tool } => format!("{server} {tool}"),
        _ => name.to_owned(),
    };
    let mut unit = plain(label.trim(), input);
    let leaves = json::strings(input);
    let local = is_local(&tool, name);
    let own = harness_facts(&tool, name);
    let facts = own.map_or_else(|| facts_of(&tool, name, local), <[Fact]>::to_vec);
    // What a harness's own tool calls a command is one of the harness.
    let scripts = if own.is_some() { Vec::new() } else { scripts(&leaves, &verbs::words(&label), place) };
    let disguised = leaves.iter().filter(|leaf| is_url(&leaf.text)).map(|leaf| reveal::host_gaps(&leaf.text));
    unit.gaps |= disguised.fold(EnumSet::empty(), |all, gaps| all | gaps);
    targets(&leaves, &facts, place).into_iter().for_each(|effect| add(&mut unit.own_effects, effect));
    for fact in &facts {
        if !unit.own_effects.iter().any(|effect| effect.fact == *fact) {
            unit.own_effects.push(Effect { modifiers: modifiers(input), ..effect(*fact) });
        }
    }
    let gaps = unit.gaps;
    let mut units = vec![unit];
    units.extend(scripts);
    Reading { tool, units, gaps }
}

/// Whether the tool works on this machine's files rather than on a service.
fn is_local(tool: &Tool, name: &str) -> bool {
    let words = match tool {
        Tool::Mcp { server, tool } => verbs::words(&format!("{server} {tool}")),
        _ => verbs::words(name),
    };
    let names_files = |word: &String| {
        matches!(
            word.as_str(),
            "file"
                | "files"
                | "filesystem"
                | "fs"
                | "dir"
                | "directory"
                | "folder"
                | "path"
                | "disk"
                | "desktop"
                | "local"
        )
    };
    words.iter().any(names_files)
}

/// What those tools of harnesses do that only keep the harness's own books, where the words of the name would mislead:
/// `TodoWrite` publishes nothing, and the `/commit` of `SlashCommand` is no file.
fn harness_facts(tool: &Tool, name: &str) -> Option<&'static [Fact]> {
    if !matches!(tool, Tool::Unknown(_)) {
        return None;
    }
    match verbs::words(name).concat().as_str() {
        "todowrite" | "todoread" | "slashcommand" | "skill" | "taskcreate" | "taskupdate" | "tasklist" | "taskget"
        | "exitplanmode" | "enterplanmode" | "updateplan" | "askuserquestion" | "cronlist" => Some(&[]),
        "croncreate" | "crondelete" => Some(&[Fact::Schedule]),
        _ => None,
    }
}

/// What the words of the tool's name say, in order.
fn facts_of(tool: &Tool, name: &str, local: bool) -> Vec<Fact> {
    let name = match tool {
        Tool::Mcp { tool, .. } => tool.as_str(),
        _ => name,
    };
    let mut facts = Vec::new();
    for verb in verbs::words(name).iter().filter_map(|word| verbs::lookup(word)) {
        for fact in if local { verb.local } else { verb.remote } {
            if !facts.contains(fact) {
                facts.push(*fact);
            }
        }
    }
    facts
}

/// What flags among the arguments say.
fn modifiers(input: &Object) -> EnumSet<Modifier> {
    let on = |name: &str| input.get(name).is_some_and(|value| value.as_bool() == Some(true));
    let mut modifiers = EnumSet::empty();
    for (name, modifier) in [
        ("recursive", Modifier::Recursive),
        ("force", Modifier::Force),
        ("dry_run", Modifier::DryRun),
        ("dryRun", Modifier::DryRun),
        ("public", Modifier::Public),
    ] {
        if on(name) {
            modifiers |= modifier;
        }
    }
    modifiers
}

/// Paths and addresses among the arguments, with what the tool does to them.
fn targets(leaves: &[Leaf<'_>], facts: &[Fact], place: &Place) -> Vec<Effect> {
    let mut effects = Vec::new();
    for leaf in leaves {
        if effects.len() >= MAX_TARGETS {
            break;
        }
        if is_url(&leaf.text) {
            effects.push(web::contact(&leaf.text));
        } else if is_path_key(leaf.key) && is_path(&leaf.text) {
            let target = place.locate(leaf.text.trim_start_matches("file://"));
            let changing = facts.iter().find(|fact| {
                matches!(fact, Fact::Delete | Fact::Write | Fact::Publish | Fact::RemoteDelete | Fact::Download)
            });
            match changing {
                Some(Fact::Delete | Fact::RemoteDelete) => effects.extend(files::write_effects(Fact::Delete, target)),
                Some(_) => effects.extend(files::write_effects(Fact::Write, target)),
                None => effects.extend(files::read_effects(target)),
            }
        }
    }
    effects
}

fn is_url(text: &str) -> bool {
    let text = text.trim();
    let scheme = ["http://", "https://", "ftp://", "ws://", "wss://", "ssh://", "sftp://"]
        .iter()
        .any(|scheme| text.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme)));
    (scheme || text.starts_with("www.")) && text.len() < 8192 && !text.contains(char::is_whitespace)
}

fn is_path_key(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    [
        "path",
        "file",
        "filename",
        "uri",
        "dir",
        "directory",
        "folder",
        "source",
        "src",
        "destination",
        "dest",
        "dst",
        "target",
        "attachment",
        "attachments",
    ]
    .iter()
    .any(|name| key == *name)
        || key.ends_with("path")
        || key.ends_with("paths")
        || key.ends_with("_file")
        || key.ends_with("_dir")
        || key == "files"
}

fn is_path(text: &str) -> bool {
    let text = text.trim();
    !text.is_empty()
        && text.len() < 4096
        && !text.contains('\n')
        && (!text.contains("://") || text.starts_with("file://"))
        && (text.contains(['/', '\\']) || text.starts_with(['~', '.']) || (text.contains('.') && !text.contains(' ')))
}

/// Commands and programs among the arguments.
fn scripts(leaves: &[Leaf<'_>], words: &[String], place: &Place) -> Vec<Unit> {
    let mut units = Vec::new();
    for leaf in leaves.iter().filter(|leaf| !leaf.text.trim().is_empty()) {
        if units.len() >= MAX_SCRIPTS {
            break;
        }
        match script_kind(leaf, words) {
            Some(Script::Shell) => units.extend(
                shell_units(&leaf.text, None, place, Extent::Line).0.into_iter().take(MAX_SCRIPTS).map(|mut unit| {
                    unit.layers.insert(0, Layer::Script);
                    unit
                }),
            ),
            Some(Script::Code(language)) => {
                units.push(code(&leaf.text, language));
                if language == Language::Python {
                    units.extend(notebooks::units(&leaf.text, place));
                }
            }
            None => {}
        }
    }
    units
}

fn code(text: &str, language: Language) -> Unit {
    let (shown, hidden) = reveal::readable(text);
    let mut gaps = hidden;
    let mut unit = Unit::new(UnitKind::Code(language), cut(&shown, &mut gaps), 0..text.len());
    unit.gaps = gaps;
    unit
}

enum Script {
    Shell,
    Code(Language),
}

/// What kind of program an argument holds, by its key and its looks.
fn script_kind(leaf: &Leaf<'_>, words: &[String]) -> Option<Script> {
    let has = |names: &[&str]| words.iter().any(|word| names.contains(&word.as_str()));
    match leaf.key.to_ascii_lowercase().as_str() {
        "command" | "cmd" | "commands" | "argv" | "shell" | "bash" | "shell_command" | "commandline"
        | "command_line" => {
            let runs = has(&[
                "shell", "bash", "terminal", "command", "commands", "exec", "execute", "run", "process", "ssh", "cmd",
            ]);
            (runs || leaf.text.trim().contains(char::is_whitespace)).then_some(Script::Shell)
        }
        "sql" | "query" | "statement" if is_sql(&leaf.text) => Some(Script::Code(Language::Sql)),
        "script" | "code" | "source_code" | "program" | "expression" | "javascript" | "function" | "python" => {
            Some(program(leaf, words))
        }
        _ => None,
    }
}

/// The language of a program text, by the tool's words and its own looks.
fn program(leaf: &Leaf<'_>, words: &[String]) -> Script {
    let has = |names: &[&str]| words.iter().any(|word| names.contains(&word.as_str())) || names.contains(&leaf.key);
    let text = leaf.text.as_ref();
    let looks = |marks: &[&str]| marks.iter().any(|mark| text.contains(mark));
    match () {
        () if has(&["python", "py", "ipython", "jupyter"]) => Script::Code(Language::Python),
        () if has(&["javascript", "js", "node", "browser", "playwright", "puppeteer", "repl"]) => {
            Script::Code(Language::JavaScript)
        }
        () if has(&["shell", "bash", "terminal", "sh"]) || text.starts_with("#!/bin/") => Script::Shell,
        () if is_sql(text) => Script::Code(Language::Sql),
        () if looks(&["tell application", "do shell script"]) => Script::Code(Language::AppleScript),
        () if looks(&["=>", "function ", "const ", "let ", "document.", "await "]) => {
            Script::Code(Language::JavaScript)
        }
        () if looks(&["import ", "def ", "print(", "os."]) => Script::Code(Language::Python),
        () if leaf.key == "script" => Script::Shell,
        () => Script::Code(Language::Other),
    }
}

/// Whether a text opens like a statement of SQL.
fn is_sql(text: &str) -> bool {
    let mut words = text.split_whitespace().map(|word| word.to_ascii_lowercase());
    let first = words.next().unwrap_or_default();
    let rest = super::head(text, 4096).to_ascii_lowercase();
    match first.as_str() {
        "select" | "with" => rest.contains(" from ") || rest.contains("\nfrom ") || rest.starts_with("select"),
        "insert" => rest.contains("into"),
        "update" => rest.contains(" set ") || rest.contains("\nset "),
        "delete" => rest.contains("from"),
        "drop" | "create" | "alter" | "truncate" => {
            words.next().is_some_and(|next| {
                matches!(
                    next.as_str(),
                    "table"
                        | "database"
                        | "schema"
                        | "index"
                        | "view"
                        | "user"
                        | "role"
                        | "function"
                        | "procedure"
                        | "trigger"
                        | "or"
                        | "unique"
                        | "materialized"
                        | "temporary"
                        | "extension"
                )
            }) || first == "truncate"
        }
        "grant" | "revoke" => rest.contains(" on ") || rest.contains(" to "),
        "merge" | "replace" => rest.contains("into"),
        _ => false,
    }
}
