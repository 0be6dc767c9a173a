//! `cmd.exe` command lines and batch files → units: what stands between `&`, `&&`, `||` and line ends, each pipeline a unit.
//!
//! Read by hand, in one pass over the text: `cmd` has no grammar to parse by, only a scanner whose quirks (`^`, `%X%`,
//! brackets that count only where a command may begin) are what an attacker uses. What programs do is left to the tables.

mod expand;
mod looks;
mod words;

use std::ops::Range;

use enumset::EnumSet;

use self::expand::Variables;
pub(super) use self::looks::looks_like;
use self::words::Line;
use crate::action::{Command, Effect, Fact, Gap, Layer, PathScope, Scope, Shell, Unit, UnitKind};
use crate::normalize::paths::Place;
use crate::normalize::windows::written::Text;
use crate::normalize::windows::{Built, Redirections};
use crate::normalize::{facts, limits, windows};

/// What `forfiles` fills in.
const FORFILES: [&str; 5] = ["path", "file", "fname", "relpath", "isdir"];
/// Units after which no more are looked for.
const MAX_UNITS: usize = 2 * limits::MAX_UNITS;

/// The units of a command line and what of it was not understood.
pub(super) fn units(script: &str, place: &Place) -> (Vec<Unit>, EnumSet<Gap>) {
    let Some(_entry) = windows::Entry::enter() else { return units_at(script, place, limits::MAX_DEPTH + 1) };
    units_at(script, place, 0)
}

/// The same for a script inside `depth` others.
pub(super) fn units_at(script: &str, place: &Place, depth: usize) -> (Vec<Unit>, EnumSet<Gap>) {
    let mut gaps = EnumSet::empty();
    let script = windows::bounded(script, &mut gaps);
    let mut reader = Reader::new(&script, place, depth, Variables::default());
    reader.gaps = gaps;
    if depth > limits::MAX_DEPTH {
        reader.gaps |= Gap::Truncated;
        reader.plain(&script, 0..script.len());
    } else {
        reader.run();
    }
    (reader.units, reader.gaps)
}

/// Reads a script from front to back.
struct Reader<'a> {
    script: &'a str,
    at: usize,
    place: Place,
    depth: usize,
    variables: Variables,
    units: Vec<Unit>,
    gaps: EnumSet<Gap>,
    /// Brackets that are open around the commands.
    open: usize,
    /// What stands before the command: `if exist x`, `for … do`.
    prefix: String,
    /// The next command goes on with the unit before.
    piped: bool,
    /// The stages of the pipeline that is being read.
    stages: Stages,
    /// What the command before puts out, if that is constant.
    printed: Option<String>,
    /// What the commands in each of the brackets that are open put out so far, the innermost last.
    groups: Vec<Group>,
    /// What those in the brackets that were closed just now put out.
    closed: Option<Group>,
}

/// What the commands in brackets put out.
#[derive(Default)]
struct Group {
    lines: Vec<String>,
    /// More than is known.
    more: bool,
}

impl<'a> Reader<'a> {
    fn new(script: &'a str, place: &Place, depth: usize, variables: Variables) -> Self {
        Self {
            script,
            at: 0,
            place: place.clone(),
            depth,
            variables,
            units: Vec::new(),
            gaps: EnumSet::empty(),
            open: 0,
            prefix: String::new(),
            piped: false,
            stages: Stages::default(),
            printed: None,
            groups: Vec::new(),
            closed: None,
        }
    }

    fn rest(&self) -> &'a str {
        self.script.get(self.at..).unwrap_or_default()
    }

    fn run(&mut self) {
        self.read();
        self.close_pipeline();
    }

    /// Ends a pipeline: each of its stages that does more than look and print is a unit of its own, too, so that neither
    /// harmless stages nor the conditions before it can hide it.
    fn close_pipeline(&mut self) {
        let stages = std::mem::take(&mut self.stages);
        if stages.cut {
            self.gaps |= Gap::Truncated;
        }
        if stages.count > 1 || stages.governed {
            self.units.extend(stages.telling);
        }
    }

    fn read(&mut self) {
        loop {
            self.skip_blanks();
            let rest = self.rest();
            if rest.is_empty() {
                return;
            }
            if self.units.len() >= MAX_UNITS {
                self.gaps |= Gap::Truncated;
                return;
            }
            match rest.chars().next() {
                Some('(') => {
                    self.settle_closed();
                    if self.groups.len() < limits::MAX_NESTING {
                        self.groups.push(Group::default());
                    }
                    self.open += 1;
                    self.at += 1;
                }
                Some(')') => {
                    self.settle_closed();
                    self.closed = self.groups.pop();
                    self.open = self.open.saturating_sub(1);
                    self.at += 1;
                    self.prefix.clear();
                }
                Some('@') => self.at += 1,
                Some('&' | '|') => self.operator(),
                _ if self.is_remark(rest) => self.at += line_length(rest),
                _ if self.keyword() => {}
                _ => self.command(),
            }
        }
    }

    fn skip_blanks(&mut self) {
        let rest = self.rest();
        let blanks = rest.len() - rest.trim_start_matches([' ', '\t', '\r', '\n', ';', ',', '=']).len();
        if rest.get(..blanks).is_some_and(|blanks| blanks.contains('\n')) {
            self.piped = false;
            self.prefix.clear();
            self.settle_closed();
        }
        self.at += blanks;
    }

    /// What brackets put out that went nowhere else is put out by those around them.
    fn settle_closed(&mut self) {
        let Some(closed) = self.closed.take() else { return };
        if let Some(around) = self.groups.last_mut() {
            around.more |= closed.more;
            around.lines.extend(closed.lines);
        }
    }

    /// A command in brackets puts something out; `None` where that is not known.
    fn put_out(&mut self, line: Option<&str>) {
        let Some(group) = self.groups.last_mut() else { return };
        match line {
            Some(line) => group.lines.push(line.to_owned()),
            None => group.more = true,
        }
    }

    fn operator(&mut self) {
        let rest = self.rest();
        let doubled = rest.starts_with("&&") || rest.starts_with("||");
        if rest.starts_with('|') && !doubled {
            // What goes into a pipe is put out by its last command.
            if let Some(group) = self.groups.last_mut() {
                group.lines.pop();
            }
            self.closed = None;
        }
        self.settle_closed();
        self.piped = rest.starts_with('|') && !doubled && !self.units.is_empty();
        self.at += if doubled { 2 } else { 1 };
        self.prefix.clear();
    }

    /// `rem …`, `:: …` and labels.
    fn is_remark(&self, rest: &str) -> bool {
        rest.starts_with(':') || word_of(rest).eq_ignore_ascii_case("rem")
    }

    /// The head of a control statement; the command that it governs comes next.
    fn keyword(&mut self) -> bool {
        let rest = self.rest();
        let length = match word_of(rest).to_ascii_lowercase().as_str() {
            "if" => words::if_head(rest),
            "for" => self.for_head(rest),
            "else" => Some("else".len()),
            _ => None,
        };
        let Some(length) = length.filter(|length| *length > 0) else { return false };
        let head = rest.get(..length).unwrap_or_default();
        if !head.eq_ignore_ascii_case("else") && self.prefix.len() < 400 {
            let head = self.variables.expand(head.trim()).0;
            self.prefix.push_str(&head);
            self.prefix.push(' ');
        }
        self.at += length;
        true
    }

    /// `for /f … in ('command') do`: the command runs, too.
    fn for_head(&mut self, rest: &str) -> Option<usize> {
        let head = words::for_head(rest)?;
        if let Some(set) = head.command
            && self.depth < limits::MAX_DEPTH
        {
            let mut inner = Reader::new(set, &self.place, self.depth + 1, self.variables.clone());
            inner.run();
            self.gaps |= inner.gaps;
            let span = self.at..self.at + head.length;
            self.units.extend(
                windows::layered(inner.units, Layer::Substitution)
                    .into_iter()
                    .map(|unit| Unit { span: span.clone(), ..unit }),
            );
        }
        Some(head.length)
    }

    /// One command up to the next operator.
    fn command(&mut self) {
        let start = self.at;
        let line = words::line(self.rest(), self.open > 0);
        self.at += line.length.max(1);
        let span = start..self.at;
        let (text, changed) = self.variables.expand(&line.text);
        if line.unclosed {
            self.gaps |= Gap::Unparsed;
        }
        if changed && self.depth < limits::MAX_DEPTH && words::has_operator(&text) {
            let mut inner = Reader::new(&text, &self.place, self.depth + 1, self.variables.clone());
            inner.run();
            self.gaps |= inner.gaps | Gap::OddSpelling;
            self.units.extend(inner.units.into_iter().map(|unit| Unit { span: span.clone(), ..unit }));
            return;
        }
        self.emit(&text, &line, span);
    }

    fn plain(&mut self, text: &str, span: Range<usize>) {
        if !text.trim().is_empty() {
            self.units.push(Unit::new(UnitKind::Command(Shell::Cmd), text.trim(), span));
        }
    }

    /// Makes a command's unit, or joins the command to the pipeline before it.
    fn emit(&mut self, text: &str, line: &Line, span: Range<usize>) {
        let parsed = words::parse(text);
        if parsed.path.is_empty() {
            return self.redirected(text, &parsed, span);
        }
        self.assign(&parsed);
        let mut built = windows::command(&parsed.path, parsed.arguments.clone(), &self.place, self.depth);
        run_from_here(&mut built, &self.place);
        unsettle(&mut built.command);
        if matches!(
            built.command.program.as_str(),
            "set" | "setlocal" | "endlocal" | "goto" | "exit" | "shift" | "pause" | "title" | "cls" | "ver" | "vol"
        ) {
            built.gaps -= Gap::UnknownProgram;
        }
        built.command.wrappers = parsed.wrappers.clone();
        let redirections = Redirections::of(&parsed.redirects, &self.place);
        let mut gaps = built.gaps | redirections.gaps;
        if line.odd || built.command.program.contains('%') {
            gaps |= if line.odd { Gap::OddSpelling } else { Gap::Dynamic };
        }
        let joins = self.piped;
        let input = self.printed.take().filter(|_| joins);
        if built.inner.is_empty() {
            let (units, found) = windows::piped(&built.command, input.as_deref(), &self.place, self.depth);
            gaps |= found;
            built.inner.extend(units);
        }
        let (known, found) = windows::known_scripts(&built.command, &self.place, self.depth, true);
        gaps |= found;
        built.inner.extend(known);
        gaps |= self.written_by(text, &built.command, &redirections, input.as_deref());
        built.command.effects.extend(redirections.effects);
        self.printed = printed(&built.command);
        self.gaps |= gaps;
        self.moved(&built.command);
        let shown = parsed.shown(&built.command, !built.inner.is_empty());
        let data = long_data(&built.command);
        if !joins {
            self.close_pipeline();
        }
        let mut stage = Unit::new(UnitKind::Command(Shell::Cmd), shown.as_str(), span.clone());
        stage.commands.push(built.command.clone());
        stage.gaps = gaps;
        self.stages.add(stage, !self.prefix.is_empty());
        match self
            .units
            .last_mut()
            .filter(|unit| self.piped && unit.kind == UnitKind::Command(Shell::Cmd) && unit.layers.is_empty())
        {
            Some(unit) => {
                unit.text.push_str(" | ");
                unit.text.push_str(&shown);
                unit.commands.push(built.command);
                unit.gaps |= gaps;
                unit.span.end = span.end;
            }
            None => {
                let mut unit =
                    Unit::new(UnitKind::Command(Shell::Cmd), format!("{}{shown}", self.prefix), span.clone());
                unit.commands.push(built.command);
                unit.gaps = gaps;
                self.units.push(unit);
            }
        }
        self.prefix.clear();
        self.piped = false;
        self.units.extend(data.map(|data| Unit::new(UnitKind::Data, data, span.clone())));
        self.units.extend(built.inner.into_iter().map(|unit| Unit { span: span.clone(), ..unit }));
    }

    /// Notes what a command puts into files, and what it puts out.
    fn written_by(
        &mut self,
        text: &str,
        command: &Command,
        redirections: &Redirections,
        input: Option<&str>,
    ) -> EnumSet<Gap> {
        self.settle_closed();
        if command.program != "echo" {
            if !redirections.takes_output {
                self.put_out(None);
            }
            return input.map(Text::constant).map_or(EnumSet::empty(), |given| {
                windows::written::note(&command.effects, &given, false, &self.place)
            });
        }
        let echoed = words::echoed(text);
        if !redirections.takes_output {
            self.put_out(echoed.as_deref());
        }
        echoed.map_or(EnumSet::empty(), |echoed| self.note_printed(echoed, false, redirections))
    }

    /// Notes what goes into the files that take an output. `more`: it is not all of it.
    fn note_printed(&self, text: String, more: bool, redirections: &Redirections) -> EnumSet<Gap> {
        let text = Text { whole: !more && !text.contains(['%', '!']), text };
        windows::written::note(&redirections.output, &text, redirections.appends, &self.place)
    }

    /// A redirection without a command: it makes an empty file, or takes what the brackets before it put out.
    fn redirected(&mut self, text: &str, parsed: &words::Parsed, span: Range<usize>) {
        let redirections = Redirections::of(&parsed.redirects, &self.place);
        let taken = if redirections.output.is_empty() { None } else { self.closed.take() };
        if redirections.effects.is_empty() {
            return;
        }
        let (lines, more) = taken.map_or_else(Default::default, |group| (group.lines, group.more));
        let grouped = lines.join("\n");
        let mut shown = String::new();
        if !grouped.is_empty() {
            shown.push_str("echo");
            words::push_data(&mut shown, &mut vec![grouped.as_str()]);
            shown.push(' ');
        }
        let mut unit = Unit::new(UnitKind::Command(Shell::Cmd), shown + text.trim(), span.clone());
        unit.gaps |= redirections.gaps;
        if !grouped.is_empty() || !more {
            unit.gaps |= self.note_printed(grouped.clone(), more, &redirections);
        }
        unit.own_effects = redirections.effects;
        self.gaps |= unit.gaps;
        self.units.push(unit);
        let long = Some(grouped).filter(|grouped| grouped.len() > windows::MAX_INLINE);
        self.units.extend(long.map(|long| Unit::new(UnitKind::Data, long, span)));
    }

    /// Remembers `set X=value`.
    fn assign(&mut self, parsed: &words::Parsed) {
        if !parsed.path.eq_ignore_ascii_case("set") {
            return;
        }
        let rest = parsed.arguments.iter().map(|argument| argument.text.as_str()).collect::<Vec<_>>().join(" ");
        if let Some((name, value)) = rest.split_once('=') {
            self.variables.set(name, (!name.starts_with('/')).then_some(value));
        }
    }

    /// Follows a change of folder.
    fn moved(&mut self, command: &Command) {
        if matches!(command.program.as_str(), "cd" | "chdir" | "pushd")
            && let Some(path) =
                command.arguments.iter().find(|argument| !argument.text.starts_with('/') && !argument.dynamic)
        {
            self.place = self.place.changed_to(&path.text);
        }
    }
}

/// The stages of one pipeline.
#[derive(Default)]
struct Stages {
    count: usize,
    /// Whether `if` or `for` stands before the first.
    governed: bool,
    /// Those that do more than look and print.
    telling: Vec<Unit>,
    /// There were too many.
    cut: bool,
}

impl Stages {
    fn add(&mut self, stage: Unit, governed: bool) {
        self.count += 1;
        self.governed |= governed;
        if windows::does_more(&stage) {
            self.cut |= self.telling.len() >= MAX_UNITS;
            self.telling.extend(Some(stage).filter(|_| !self.cut));
        }
    }
}

/// What `echo` puts out when nothing in it is only known when it runs and it goes nowhere else.
fn printed(command: &Command) -> Option<String> {
    let prints = command.program == "echo"
        && command.arguments.iter().all(|argument| !argument.dynamic)
        && command.effects.iter().all(|effect| effect.target.is_none());
    let words: Vec<&str> = command.arguments.iter().map(|argument| argument.text.as_str()).collect();
    prints.then(|| words.join(" "))
}

/// `x.exe` runs what lies in the current folder before anything on the path.
fn run_from_here(built: &mut Built, place: &Place) {
    let path = built.command.path.as_str();
    let ends = [".exe", ".com", ".bat", ".cmd", ".ps1", ".vbs", ".js", ".msi", ".scr", ".pif"]
        .iter()
        .any(|ending| path.len() > ending.len() && path.to_ascii_lowercase().ends_with(ending));
    // A program of the tables with a subcommand that they do not know is no file of the folder.
    if built.command.known || !ends || facts::read(path, &[], place).known {
        return;
    }
    let target = Some(place.locate(path));
    built.command.effects.push(Effect { fact: Fact::Execute, modifiers: EnumSet::empty(), target });
    built.command.known = true;
    built.gaps -= Gap::UnknownProgram;
}

/// What the variables of `for` and of `forfiles` stand for is only known when it runs: `%i`, `%~dp0`, `@path`.
fn unsettle(command: &mut Command) {
    for target in command.effects.iter_mut().filter_map(|effect| effect.target.as_mut()) {
        let inside = matches!(target.scope, Scope::Path(PathScope::Workspace | PathScope::Outside | PathScope::Home));
        if inside && is_loop_variable(&target.text) {
            target.scope = Scope::Path(PathScope::Dynamic);
        }
    }
}

fn is_loop_variable(path: &str) -> bool {
    let after = |mark: char| path.split(mark).skip(1);
    let percent = after('%').any(|rest| rest.starts_with(|c: char| c.is_alphanumeric() || matches!(c, '~' | '*')));
    percent || after('!').count() > 1 || after('@').any(|rest| FORFILES.iter().any(|name| rest.starts_with(name)))
}

/// The text without effect in a command, when it is long enough for a unit of its own.
fn long_data(command: &Command) -> Option<String> {
    let data = command.arguments.iter().filter(|argument| argument.data).map(|argument| argument.text.as_str());
    Some(data.collect::<Vec<_>>().join(" ")).filter(|data| data.len() > windows::MAX_INLINE)
}

/// The letters at the start of a text.
fn word_of(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(text.len());
    let ends =
        text.get(end..).is_none_or(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '(', '\n', '\r', '/', '.']));
    text.get(..end).filter(|_| ends).unwrap_or_default()
}

fn line_length(text: &str) -> usize {
    text.find('\n').unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(script: &str, expected: &[&str]) {
        let (units, _) = units(script, &Place::default());
        let texts: Vec<&str> = units.iter().map(|unit| unit.text.as_str()).collect();
        assert_eq!(texts, expected, "{script}");
    }

    #[test]
    fn what_brackets_put_out_is_shown_where_it_goes() {
        check("(echo a & echo b) > x.bat", &["echo ⟦data⟧'a'", "echo ⟦data⟧'b'", "echo ⟦data⟧'a\nb' > x.bat"]);
        check("> x.txt", &["> x.txt"]);
        let long = "some words ".repeat(12);
        let (units, _) = units(&format!("(echo {long}) >> x.txt"), &Place::default());
        let kinds: Vec<UnitKind> = units.iter().map(|unit| unit.kind).collect();
        assert!(kinds.ends_with(&[UnitKind::Command(Shell::Cmd), UnitKind::Data]), "{units:#?}");
        assert!(units.iter().any(|unit| unit.text == "echo ⟦data⟧ >> x.txt"), "{units:#?}");
    }

    #[track_caller]
    fn check_programs(script: &str, expected: &[&str]) {
        let (units, _) = units(script, &Place::default());
        let programs: Vec<&str> =
            units.iter().flat_map(|unit| &unit.commands).map(|command| command.program.as_str()).collect();
        assert_eq!(programs, expected, "{script}");
    }

    #[test]
    fn commands_are_split_at_operators() {
        check(
            "dir /s C:\\x & del a.txt && type b | findstr \"x y\"",
            &["dir /s C:\\x", "del a.txt", "type b | findstr ⟦data⟧'x y'"],
        );
        check("echo \"a & b\"\r\ncd ..", &["echo ⟦data⟧'a & b'", "cd .."]);
        check("rem note\n:: note\n:label\n@echo off", &["echo ⟦data⟧'off'"]);
    }

    #[test]
    fn carets_and_variables_are_resolved() {
        check("d^e^l a", &["del a"]);
        check("set X=whoami\n%X% /all", &["set ⟦data⟧'X=whoami'", "whoami /all"]);
        check("copy a %TEMP%\\b", &["copy a ~\\AppData\\Local\\Temp\\b"]);
        check("set a=who&& set b=ami&& call %a%%b%", &["set ⟦data⟧'a=who'", "set ⟦data⟧'b=ami'", "call whoami"]);
        let (_, gaps) = units("d^e^l a", &Place::default());
        assert!(gaps.contains(Gap::OddSpelling));
    }

    #[test]
    fn control_statements_are_followed() {
        check("if exist a type a", &["if exist a type a"]);
        check_programs("if not exist a (mkdir a & cd a) else (rd /s /q a)", &["mkdir", "mkdir", "cd", "rd"]);
        check_programs("for %i in (*.txt) do del %i", &["del", "del"]);
        check_programs("for /f \"tokens=*\" %%a in ('dir /b') do (type %%a\necho %%a)", &["dir", "type", "echo"]);
        check_programs("if \"%1\"==\"x\" format c:", &["format", "format"]);
    }

    #[test]
    fn what_conditions_and_pipes_stand_around_is_a_unit_of_its_own() {
        check("if exist a del a", &["if exist a del a", "del a"]);
        let script = format!("{}del /q C:\\Users", "if a==a ".repeat(20));
        let (units, _) = units(&script, &Place::default());
        assert_eq!(units.last().map(|unit| unit.text.as_str()), Some("del /q C:\\Users"));
        check("dir | sort | del /q b", &["dir | sort | del /q b", "del /q b"]);
        check("dir | sort", &["dir | sort"]);
    }

    #[track_caller]
    fn scopes(script: &str) -> Vec<Option<Scope>> {
        let (units, _) = units(script, &Place::default());
        let effects = units.last().map(|unit| unit.effects().cloned().collect::<Vec<_>>()).unwrap_or_default();
        effects.into_iter().map(|effect| effect.target.map(|target| target.scope)).collect()
    }

    #[test]
    fn loop_variables_are_only_known_when_they_run() {
        let dynamic = Some(Scope::Path(PathScope::Dynamic));
        for script in
            ["for %i in (*) do del %i", "for %%a in (*) do del %%~fa", "forfiles /s /c \"cmd /c del @path\"", "del %1"]
        {
            assert!(scopes(script).contains(&dynamic), "{script}: {:?}", scopes(script));
        }
        assert!(!scopes("del 100%").contains(&dynamic));
    }

    #[test]
    fn a_file_of_the_folder_is_run_under_its_own_name() {
        check("x.exe /a", &["x.exe /a"]);
        let (units, gaps) = units("x.exe", &Place::default());
        assert!(units.iter().flat_map(Unit::effects).any(|effect| effect.fact == Fact::Execute) && gaps.is_empty());
        check("whoami.exe", &["whoami"]);
    }

    #[test]
    fn text_piped_into_a_shell_is_a_script() {
        check_programs("echo rd /s /q C:\\ | cmd", &["echo", "cmd", "rd", "cmd"]);
        check_programs(
            "echo Remove-Item x | powershell -Command -",
            &["echo", "powershell", "remove-item", "powershell"],
        );
        check_programs("echo y | del x", &["echo", "del", "del"]);
    }

    #[test]
    fn a_process_that_wmic_makes_is_read_as_cmd() {
        let (units, _) = units("wmic process call create \"cmd /c del C:\\x\"", &Place::default());
        assert!(units.iter().any(|unit| unit.text == "del C:\\x"), "{units:?}");
        assert!(units.iter().all(|unit| unit.kind == UnitKind::Command(Shell::Cmd)));
    }

    #[test]
    fn other_shells_inside_are_opened() {
        check_programs("cmd.exe /c \"del x & whoami\"", &["cmd", "del", "whoami"]);
        check_programs("powershell -nop -c \"Remove-Item x\"", &["powershell", "remove-item"]);
        check_programs("start \"\" /b powershell.exe -enc bABzACAAQwA6AFwA", &["powershell", "ls"]);
        check_programs("C:\\Windows\\System32\\WHOAMI.EXE /all", &["whoami"]);
    }

    #[test]
    fn glued_switches_are_split() {
        check("rd/s/q x", &["rd /s /q x"]);
        check("cd\\", &["cd \\"]);
        check("echo.hi", &["echo ⟦data⟧'hi'"]);
    }

    #[test]
    fn looks_are_told_from_bash() {
        for script in [
            "reg add HKLM\\x /v y",
            "dir /s C:\\",
            "copy %TEMP%\\a b",
            "C:\\Windows\\System32\\cmd.exe /c dir",
            "@echo off\ndir",
            "del /f /q x",
            "net user x /add",
            "schtasks /create /tn x",
            "if exist x del x",
            "cmd.exe /c whoami",
        ] {
            assert!(looks_like(script), "{script}");
        }
        for script in [
            "ls -la",
            "date +%Y-%m-%d",
            "printf '%s%s' a",
            "find . -name x",
            "dir /s",
            "net ads info",
            "copy a b",
            "echo 100% sure 50%",
            "curl -w '%{http_code}'",
            "git log --format=%H%n",
            "for i in a; do ls; done",
            "if [ -f x ]; then ls; fi",
            "start x",
            "type ls",
            "set -e",
            "sc x",
            "more /etc/passwd",
            "for %x",
            "reg",
            "ssh host 'dir C:\\\\x'",
        ] {
            assert!(!looks_like(script), "{script}");
        }
    }

    #[test]
    fn hostile_input_is_bounded() {
        for script in [
            "(".repeat(5000),
            "\"".repeat(4999),
            "^".repeat(5001),
            "%".repeat(5000),
            "if ".repeat(5000),
            "if exist a ".repeat(5000),
            "for ".repeat(5000),
            "&".repeat(5000),
            "|".repeat(5000),
            "cmd /c ".repeat(5000),
            "a".repeat(1_000_000),
            "a ".repeat(400_000),
            "set x=%x%%x%&".repeat(2000),
            "for /f %a in ('".repeat(3000),
            "start ".repeat(5000),
            "\u{e9}\u{1f600}%\u{e9}".repeat(500),
        ] {
            let (units, _) = units(&script, &Place::default());
            assert!(units.len() <= 4 * limits::MAX_UNITS);
            looks_like(&script);
        }
    }
}
