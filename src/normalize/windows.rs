//! What PowerShell and `cmd.exe` share: well-known environment variables, programs that run other scripts, redirections.

pub(super) mod written;

use std::borrow::Cow;
use std::cell::Cell;

use base64::Engine as _;
use enumset::EnumSet;

use crate::action::{
    Argument, Command, Effect, Fact, FileExtent, Gap, KnownFile, Language, Layer, Shell, Unit, UnitKind,
};
use crate::normalize::facts::{self, Nested};
use crate::normalize::paths::Place;
use crate::normalize::{cmd, limits, powershell, reveal, shell};

/// Stands in a command's text before text without effect, and for such text when it is a unit of its own.
pub(super) const DATA: &str = "\u{27e6}data\u{27e7}";
/// Stands for a program text that is a unit of its own.
pub(super) const CODE: &str = "\u{27e6}code\u{27e7}";
/// Characters of a text from which on it is a unit of its own.
pub(super) const MAX_INLINE: usize = 120;

/// Arguments of one command that are looked up.
const MAX_ARGUMENTS: usize = 1000;
/// Bytes of known files that are read as scripts: a file may run others, each many times.
const MAX_RUN: usize = 512 * 1024;
/// Redirections of one command that are looked at.
const MAX_REDIRECTS: usize = 64;
/// Endings that are not typed.
const RUN_WITHOUT_ENDING: [&str; 3] = [".bat", ".cmd", ".ps1"];

/// What a well-known environment variable holds on an ordinary machine. `name` in lower case.
pub(super) fn environment(name: &str) -> Option<&'static str> {
    Some(match name {
        "userprofile" | "home" | "homepath" => "~",
        "appdata" => "~\\AppData\\Roaming",
        "localappdata" => "~\\AppData\\Local",
        "temp" | "tmp" => "~\\AppData\\Local\\Temp",
        "systemroot" | "windir" => "C:\\Windows",
        "systemdrive" | "homedrive" => "C:",
        "programfiles" | "programw6432" => "C:\\Program Files",
        "programfiles(x86)" => "C:\\Program Files (x86)",
        "programdata" | "allusersprofile" => "C:\\ProgramData",
        "public" => "C:\\Users\\Public",
        "comspec" => "C:\\Windows\\System32\\cmd.exe",
        _ => return None,
    })
}

/// The program's name without its folder and its executable's ending, in lower case.
pub(super) fn program_name(path: &str) -> String {
    let name = path.rsplit(['/', '\\']).next().unwrap_or(path).to_ascii_lowercase();
    let endings = [".exe", ".com", ".cmd", ".bat"];
    let stem = endings.iter().find_map(|ending| name.strip_suffix(ending)).unwrap_or(&name);
    stem.trim().to_owned()
}

thread_local! {
    static OPEN: Cell<usize> = const { Cell::new(0) };
    /// Bytes of known files that were read as scripts since the outermost script was entered.
    static RUN: Cell<usize> = const { Cell::new(0) };
}

/// Counts how often Bash, PowerShell and `cmd` stand in each other. Each has a bound on its own nesting, but a chain that
/// changes language at every step (`cmd /c ssh h cmd /c …`) comes in as new each time.
pub(super) struct Entry(());

impl Entry {
    /// `None` when scripts are nested too deep.
    pub(super) fn enter() -> Option<Self> {
        OPEN.with(|open| {
            if open.get() == 0 {
                RUN.set(0);
            }
            (open.get() < limits::MAX_DEPTH).then(|| {
                open.set(open.get() + 1);
                Self(())
            })
        })
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        OPEN.with(|open| open.set(open.get().saturating_sub(1)));
    }
}

/// An argument without anything special about it.
pub(super) fn argument(text: impl Into<String>) -> Argument {
    Argument { text: text.into(), dynamic: false, data: false }
}

/// A command with its facts, and the units of what it runs in turn.
pub(super) struct Built {
    pub(super) command: Command,
    pub(super) inner: Vec<Unit>,
    pub(super) gaps: EnumSet<Gap>,
}

/// Looks a command up and opens what is inside its arguments. `depth` counts scripts in scripts.
pub(super) fn command(path: &str, mut arguments: Vec<Argument>, place: &Place, depth: usize) -> Built {
    let program = program_name(path);
    let looked_at = arguments.get(..arguments.len().min(MAX_ARGUMENTS)).unwrap_or_default();
    let found = facts::read(path, &without_refused_dry_run(looked_at), place);
    for index in &found.data {
        if let Some(argument) = arguments.get_mut(*index) {
            argument.data = true;
        }
    }
    let mut built = Built {
        command: Command {
            program,
            path: path.to_owned(),
            arguments,
            wrappers: Vec::new(),
            assignments: Vec::new(),
            effects: found.effects,
            known: found.known,
        },
        inner: Vec::new(),
        gaps: EnumSet::empty(),
    };
    if built.command.arguments.len() > MAX_ARGUMENTS {
        built.gaps |= Gap::Truncated;
    }
    if !built.command.known {
        built.gaps |= Gap::UnknownProgram;
    }
    if depth >= limits::MAX_DEPTH {
        built.gaps |= if is_interpreter(&built.command.program) { Gap::Truncated.into() } else { EnumSet::empty() };
        return built;
    }
    if !open_interpreter(&mut built, place, depth + 1) {
        for nested in &found.nested {
            open_nested(&mut built, nested, place, depth + 1);
        }
    }
    built
}

/// The arguments with a `-WhatIf:$false` made into a switch without effect: it asks for the real thing, as does one whose
/// value is only known when it runs.
fn without_refused_dry_run(arguments: &[Argument]) -> Cow<'_, [Argument]> {
    let refuses = |argument: &Argument| {
        let lower = argument.text.to_ascii_lowercase();
        lower.split_once(':').is_some_and(|(name, value)| {
            let name = name.trim_start_matches(['-', '\u{2013}', '\u{2014}', '\u{2015}']);
            name.len() < lower.len()
                && (name == "wi" || name.len() > 1 && "whatif".starts_with(name))
                && !matches!(value.trim(), "$true" | "1")
        })
    };
    if !arguments.iter().any(refuses) {
        return Cow::Borrowed(arguments);
    }
    let kept = |argument: &Argument| if refuses(argument) { self::argument("-confirm") } else { argument.clone() };
    Cow::Owned(arguments.iter().map(kept).collect())
}

/// Whether a unit does more than look at things and print them.
pub(super) fn does_more(unit: &Unit) -> bool {
    unit.effects().any(|effect| !matches!(effect.fact, Fact::Read | Fact::Discover))
}

/// The units of a constant text that is piped into an interpreter without a script of its own.
pub(super) fn piped(command: &Command, input: Option<&str>, place: &Place, depth: usize) -> (Vec<Unit>, EnumSet<Gap>) {
    let language = match command.program.as_str() {
        "powershell" | "pwsh" => Shell::PowerShell,
        "cmd" => Shell::Cmd,
        "bash" | "sh" | "zsh" | "wsl" => Shell::Bash,
        _ => return (Vec::new(), EnumSet::empty()),
    };
    // `powershell -Command -` and `bash -s` name the input themselves.
    let own = |argument: &Argument| argument.text.starts_with(['-', '/']) || is_interpreter(&argument.text);
    let Some(script) = input.filter(|_| command.arguments.iter().all(own)) else {
        return (Vec::new(), EnumSet::empty());
    };
    if depth >= limits::MAX_DEPTH {
        return (Vec::new(), Gap::Truncated.into());
    }
    let (units, gaps) = script_units(language, script, place, depth + 1);
    (layered(units, Layer::Script), gaps)
}

/// What the redirections of one command do.
#[derive(Default)]
pub(super) struct Redirections {
    /// What happens to their targets.
    pub(super) effects: Vec<Effect>,
    /// The same, of those that take what the command puts out.
    pub(super) output: Vec<Effect>,
    /// What it puts out goes elsewhere, if only into the void.
    pub(super) takes_output: bool,
    /// What it puts out is added to the file.
    pub(super) appends: bool,
    pub(super) gaps: EnumSet<Gap>,
}

impl Redirections {
    /// From operators and targets.
    pub(super) fn of(redirects: &[(String, String)], place: &Place) -> Self {
        let mut found = Self::default();
        if redirects.len() > MAX_REDIRECTS {
            found.gaps |= Gap::Truncated;
        }
        for (operator, target) in redirects.iter().take(MAX_REDIRECTS) {
            let is_output = matches!(operator.trim_end_matches('>'), "" | "1" | "*");
            found.takes_output |= is_output;
            let Some(effect) = redirection(target, operator == "<", place) else { continue };
            if is_output {
                found.appends |= operator.ends_with(">>");
                found.output.push(effect.clone());
            }
            found.effects.push(effect);
        }
        found
    }
}

/// An effect on a redirection's target; none for the void.
fn redirection(target: &str, reads: bool, place: &Place) -> Option<Effect> {
    let lower = target.to_ascii_lowercase();
    let device = lower.strip_prefix(r"\\.\").unwrap_or(&lower).trim_end_matches(':');
    if matches!(device, "nul" | "null" | "$null" | "" | "con" | "/dev/null") || target.starts_with('&') {
        return None;
    }
    let fact = if reads { Fact::Read } else { Fact::Write };
    Some(Effect { fact, modifiers: EnumSet::empty(), target: Some(place.locate(target)) })
}

/// The language of a script, by the ending of its name.
pub(super) fn script_language(path: &str) -> Option<Shell> {
    let (_, ending) = path.rsplit_once('.')?;
    match ending.to_ascii_lowercase().as_str() {
        "ps1" | "psm1" => Some(Shell::PowerShell),
        "bat" | "cmd" => Some(Shell::Cmd),
        "sh" | "bash" => Some(Shell::Bash),
        _ => None,
    }
}

/// Whether a path names a file, as Windows takes it: in any case, and a program without its ending.
fn names(path: &str, file: &str) -> bool {
    let rest =
        file.get(path.len()..).filter(|_| file.get(..path.len()).is_some_and(|start| start.eq_ignore_ascii_case(path)));
    rest.is_some_and(|rest| {
        rest.is_empty() || RUN_WITHOUT_ENDING.iter().any(|ending| rest.eq_ignore_ascii_case(ending))
    })
}

/// The units of what earlier calls, or the script itself, wrote to the files that a command runs. `from_here`: whether its
/// bare name is looked for in the current folder first, as `cmd` does.
pub(super) fn known_scripts(
    command: &Command,
    place: &Place,
    depth: usize,
    from_here: bool,
) -> (Vec<Unit>, EnumSet<Gap>) {
    let (mut units, mut gaps) = (Vec::new(), EnumSet::empty());
    if place.known_files.is_empty() && written::is_empty() {
        return (units, gaps);
    }
    let own = from_here.then(|| place.shown_as(&command.path));
    let executed = command.effects.iter().filter(|effect| effect.fact == Fact::Execute);
    let executed = executed.filter_map(|effect| Some(effect.target.as_ref()?.text.as_str()));
    let mut paths: Vec<&str> = own.as_deref().into_iter().chain(executed).collect();
    paths.dedup();
    let runs = |file: &KnownFile| {
        let shown = place.shown_as(&file.path);
        paths.iter().any(|path| names(path, &shown)).then_some(shown)
    };
    let earlier = place.known_files.iter().filter_map(|file| Some((runs(file)?, Cow::Borrowed(file))));
    let of_this_call = written::so_far(|file| Some((runs(file)?, Cow::Owned(file.clone()))));
    for (shown, file) in earlier.chain(of_this_call) {
        for version in &file.versions {
            if version.extent == FileExtent::Beginning {
                gaps |= Gap::Opaque;
            }
            let (found, more) = known_text(command, &shown, &version.text, place, depth);
            units.extend(found);
            gaps |= more;
        }
    }
    (units, gaps)
}

/// The units of a text that a command runs: by the file's name, by its first line, or else by the program that runs it.
fn known_text(command: &Command, path: &str, text: &str, place: &Place, depth: usize) -> (Vec<Unit>, EnumSet<Gap>) {
    let program = shell::named_interpreter(text).unwrap_or(&command.program);
    let kind = match script_language(path) {
        Some(shell) => Some(Nested::StdinShell(shell)),
        None => facts::read(program, &[], place).stdin_code,
    };
    let n_run = RUN.get().saturating_add(text.len());
    if kind.is_none() || depth >= limits::MAX_DEPTH || n_run > MAX_RUN {
        let gaps = if kind.is_none() { EnumSet::empty() } else { Gap::Truncated.into() };
        return (Vec::new(), gaps);
    }
    RUN.set(n_run);
    match kind {
        Some(Nested::StdinShell(shell)) => {
            let (units, gaps) = script_units(shell, text, place, depth + 1);
            (layered(units, Layer::Script), gaps)
        }
        Some(Nested::StdinCode(language)) => (vec![code(text.to_owned(), language)], EnumSet::empty()),
        _ => (Vec::new(), EnumSet::empty()),
    }
}

fn is_interpreter(program: &str) -> bool {
    matches!(program, "powershell" | "pwsh" | "cmd" | "bash" | "sh" | "wsl" | "zsh")
}

/// Opens the script that an interpreter is given. False when the program is none.
fn open_interpreter(built: &mut Built, place: &Place, depth: usize) -> bool {
    let texts: Vec<&str> = built.command.arguments.iter().map(|argument| argument.text.as_str()).collect();
    let opened = match built.command.program.as_str() {
        "powershell" | "pwsh" => powershell_script(&texts).map(|script| match script {
            Script::Plain(script) => (powershell::units_at(&script, place, depth), Layer::Script),
            Script::Decoded(script) => (powershell::units_at(&script, place, depth), Layer::Decoded),
            Script::Opaque => ((Vec::new(), Gap::Opaque.into()), Layer::Decoded),
        }),
        "cmd" => cmd_script(&texts).map(|script| (cmd::units_at(&script, place, depth), Layer::Script)),
        "bash" | "sh" | "zsh" | "wsl" => {
            shell_script(&texts).map(|script| (shell::script_units(&script, place), Layer::Script))
        }
        _ => return false,
    };
    if let Some(((units, gaps), layer)) = opened {
        built.command.known = true;
        built.gaps -= Gap::UnknownProgram;
        built.gaps |= gaps;
        built.inner.extend(layered(units, layer));
    }
    true
}

fn open_nested(built: &mut Built, nested: &Nested, place: &Place, depth: usize) {
    let arguments = &built.command.arguments;
    match nested {
        Nested::Command { start, end } => {
            let Some((path, rest)) =
                arguments.get(*start..(*end).min(arguments.len())).and_then(<[Argument]>::split_first)
            else {
                return;
            };
            let inner = command(&path.text, rest.to_vec(), place, depth);
            built.gaps |= inner.gaps;
            built.command.wrappers.clear();
            add(&mut built.command.effects, inner.command.effects);
            built.inner.extend(layered(inner.inner, Layer::Wrapped));
        }
        Nested::Shell { start, end, skip, shell } => {
            let words = arguments.get(*start..(*end).min(arguments.len())).unwrap_or_default();
            let script = words.iter().map(|argument| argument.text.as_str()).collect::<Vec<_>>().join(" ");
            if *shell == Shell::PowerShell && script.trim_start().starts_with('{') {
                return; // A script block: its reader goes through it where it stands.
            }
            if matches!(built.command.program.as_str(), "%" | "?" | "foreach" | "foreach-object" | "where-object") {
                return; // The name of a property or method: `Where-Object Name -eq x`.
            }
            let (units, gaps) = script_units(*shell, script.get(*skip..).unwrap_or_default(), place, depth);
            built.gaps |= gaps;
            built.inner.extend(layered(units, Layer::Script));
        }
        Nested::Encoded { index, skip } => {
            let text = arguments.get(*index).and_then(|argument| argument.text.get(*skip..)).unwrap_or_default();
            let Some(script) = decode_utf16(text) else {
                built.gaps |= Gap::Opaque;
                return;
            };
            let (units, gaps) = powershell::units_at(&script, place, depth);
            built.gaps |= gaps;
            built.inner.extend(layered(units, Layer::Decoded));
        }
        Nested::Code { index, skip, language } => {
            let text = arguments.get(*index).and_then(|argument| argument.text.get(*skip..)).unwrap_or_default();
            if !text.trim().is_empty() {
                built.inner.push(code(text.to_owned(), *language));
            }
        }
        Nested::StdinShell(_) | Nested::StdinCode(_) => {}
    }
}

/// The units of a script in a shell language.
fn script_units(language: Shell, script: &str, place: &Place, depth: usize) -> (Vec<Unit>, EnumSet<Gap>) {
    match language {
        Shell::Bash => shell::script_units(script, place),
        Shell::PowerShell => powershell::units_at(script, place, depth),
        Shell::Cmd => cmd::units_at(script, place, depth),
    }
}

/// Adds effects that are not there yet.
pub(super) fn add(effects: &mut Vec<Effect>, more: impl IntoIterator<Item = Effect>) {
    for effect in more {
        if !effects.contains(&effect) {
            effects.push(effect);
        }
    }
}

/// A program text in another language.
pub(super) fn code(text: String, language: Language) -> Unit {
    let span = 0..text.len();
    let mut unit = Unit::new(UnitKind::Code(language), text, span);
    unit.layers.push(Layer::Script);
    unit
}

/// The units with one layer more around them.
pub(super) fn layered(mut units: Vec<Unit>, layer: Layer) -> Vec<Unit> {
    for unit in &mut units {
        unit.layers.insert(0, layer);
    }
    units
}

/// The script on PowerShell's command line.
enum Script {
    Plain(String),
    Decoded(String),
    Opaque,
}

fn powershell_script(arguments: &[&str]) -> Option<Script> {
    let mut at = 0;
    while let Some(argument) = arguments.get(at) {
        let rest = arguments.get(at + 1..).unwrap_or_default();
        let Some(flag) = flag_name(argument) else {
            let script = arguments.get(at..).unwrap_or_default();
            return Some(Script::Plain(script.join(" "))).filter(|_| script != ["-"]);
        };
        match flag.as_str() {
            "ec" => return rest.first().map(|text| decode(text)),
            _ if "encodedcommand".starts_with(&flag) => return rest.first().map(|text| decode(text)),
            _ if "command".starts_with(&flag) || flag == "cwa" || flag == "commandwithargs" => {
                // `-Command -` reads the standard input.
                return Some(Script::Plain(rest.join(" "))).filter(|_| !rest.is_empty() && rest != ["-"]);
            }
            _ if "file".starts_with(&flag) => return None,
            "noprofile" | "nop" | "noni" | "noninteractive" | "nologo" | "noexit" | "noe" | "nol" | "sta" | "mta"
            | "login" | "l" | "interactive" | "i" => at += 1,
            _ => at += 2,
        }
    }
    None
}

/// A parameter's name in lower case, without its dash.
fn flag_name(argument: &str) -> Option<String> {
    let name = argument.strip_prefix(['-', '/', '\u{2013}', '\u{2014}', '\u{2015}'])?.to_ascii_lowercase();
    (!name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric())).then_some(name)
}

fn decode(text: &str) -> Script {
    decode_utf16(text).map_or(Script::Opaque, Script::Decoded)
}

/// Base64 of UTF-16LE (as `-EncodedCommand` takes it) or, failing that, of UTF-8.
pub(super) fn decode_utf16(text: &str) -> Option<String> {
    let bytes = decode_base64(text)?;
    let wide: Vec<u16> =
        bytes.chunks_exact(2).filter_map(|pair| Some(u16::from_le_bytes([*pair.first()?, *pair.get(1)?]))).collect();
    let zeros = bytes.iter().filter(|byte| **byte == 0).count();
    let text = if zeros * 3 > bytes.len() { String::from_utf16(&wide).ok()? } else { String::from_utf8(bytes).ok()? };
    Some(reveal::reveal(&text).0.into_owned()).filter(|text| !text.trim().is_empty())
}

/// Base64 with or without padding, bounded.
pub(super) fn decode_base64(text: &str) -> Option<Vec<u8>> {
    let compact: String = text.chars().filter(|c| !c.is_whitespace()).take(limits::MAX_DECODED / 3 * 4).collect();
    let config = base64::engine::GeneralPurposeConfig::new()
        .with_decode_padding_mode(base64::engine::DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true);
    base64::engine::GeneralPurpose::new(&base64::alphabet::STANDARD, config).decode(compact).ok()
}

/// What follows `/c` or `/k`.
fn cmd_script(arguments: &[&str]) -> Option<String> {
    let (at, glued) = arguments.iter().enumerate().find_map(|(at, argument)| {
        // Git's Bash on Windows turns `/c` into a path, so there it is written `//c`.
        let rest = argument.strip_prefix("//").or_else(|| argument.strip_prefix('/'))?;
        Some((at, rest.strip_prefix(['c', 'C', 'k', 'K', 'r', 'R'])?))
    })?;
    let rest = arguments.get(at + 1..).unwrap_or_default();
    let script = std::iter::once(glued)
        .filter(|glued| !glued.is_empty())
        .chain(rest.iter().copied())
        .collect::<Vec<_>>()
        .join(" ");
    Some(script).filter(|script| !script.trim().is_empty())
}

/// The script of `bash -c`, or all that `wsl` is given.
fn shell_script(arguments: &[&str]) -> Option<String> {
    let flag = arguments
        .iter()
        .position(|argument| argument.starts_with('-') && !argument.starts_with("--") && argument.ends_with('c'));
    flag.and_then(|at| arguments.get(at + 1)).map(|script| (*script).to_owned())
}

/// The head and tail of a script over the limit.
pub(super) fn bounded<'a>(script: &'a str, gaps: &mut EnumSet<Gap>) -> Cow<'a, str> {
    if script.len() <= limits::MAX_SOURCE {
        return script.into();
    }
    *gaps |= Gap::Truncated;
    let half = limits::MAX_SOURCE / 2;
    let head = script.get(..script.floor_char_boundary(half)).unwrap_or_default();
    let tail = script.get(script.ceil_char_boundary(script.len() - half)..).unwrap_or_default();
    format!("{head}\n{tail}").into()
}
