//! What is executed without being a command line of its own: `Invoke-Expression`, `Start-Process`, .NET methods.

use enumset::EnumSet;

use crate::action::{Argument, Command, Effect, Fact, Flow, Gap, Language, Layer, Modifier, Scope, Target, Unit};
use crate::normalize::paths::Place;
use crate::normalize::{hosts, limits, windows};

/// Addresses of one text that become targets.
const MAX_ADDRESSES: usize = 4;

/// Parts of .NET names, in lower case, and what calling them does.
static METHODS: &[(&str, &[Fact])] = &[
    (".downloadstring", &[Fact::Contact, Fact::Download]),
    (".downloadfile", &[Fact::Contact, Fact::Download, Fact::Write]),
    (".downloaddata", &[Fact::Contact, Fact::Download]),
    (".openread(", &[Fact::Read]),
    (".uploadstring", &[Fact::Contact, Fact::Upload]),
    (".uploadfile", &[Fact::Contact, Fact::Upload]),
    (".uploaddata", &[Fact::Contact, Fact::Upload]),
    (".getstringasync", &[Fact::Contact, Fact::Download]),
    ("net.webclient", &[Fact::Contact]),
    ("net.http.httpclient", &[Fact::Contact]),
    ("webrequest]::create", &[Fact::Contact]),
    ("sockets.tcpclient", &[Fact::Contact, Fact::RemoteExecute]),
    ("sockets.tcplistener", &[Fact::Serve]),
    ("net.httplistener", &[Fact::Serve]),
    ("net.mail.smtpclient", &[Fact::Contact, Fact::Message]),
    ("net.dns]::", &[Fact::Contact]),
    ("file]::delete", &[Fact::Delete]),
    ("directory]::delete", &[Fact::Delete]),
    (".delete()", &[Fact::Delete]),
    ("file]::writeall", &[Fact::Write]),
    ("file]::append", &[Fact::Write]),
    ("file]::copy", &[Fact::Write]),
    ("file]::move", &[Fact::Write]),
    ("file]::create", &[Fact::Write]),
    ("directory]::createdirectory", &[Fact::Write]),
    (".savetofile", &[Fact::Write]),
    (".setaccesscontrol", &[Fact::Grant]),
    ("file]::read", &[Fact::Read]),
    ("file]::open", &[Fact::Read]),
    ("directory]::get", &[Fact::Read]),
    ("diagnostics.process]::start", &[Fact::Execute]),
    ("scriptblock]::create", &[Fact::Execute]),
    (".invokescript", &[Fact::Execute]),
    (".addscript", &[Fact::Execute]),
    ("assembly]::load", &[Fact::Execute]),
    (".invoke(", &[Fact::Execute]),
    ("shellexecute", &[Fact::Execute]),
    ("wscript.shell", &[Fact::Execute]),
    ("shell.application", &[Fact::Execute]),
    ("mmc20.application", &[Fact::RemoteExecute]),
    ("virtualalloc", &[Fact::Attack]),
    ("createthread", &[Fact::Attack]),
    ("writeprocessmemory", &[Fact::Attack]),
    ("openprocess(", &[Fact::ObserveProcess]),
    ("minidumpwritedump", &[Fact::Credentials, Fact::ObserveProcess]),
    ("amsi", &[Fact::Disable]),
    ("cachedgrouppolicysettings", &[Fact::Disable]),
    ("scriptblocklogging", &[Fact::Disable]),
    ("servercertificatevalidationcallback", &[Fact::Disable]),
    ("security.cryptography.protecteddata", &[Fact::Credentials]),
    ("passwordvault", &[Fact::Credentials]),
    ("getnetworkcredential", &[Fact::Credentials]),
    ("securestringtobstr", &[Fact::Credentials]),
    ("getasynckeystate", &[Fact::ObserveProcess]),
    ("copyfromscreen", &[Fact::ObserveProcess]),
    ("clipboard]::", &[Fact::ObserveProcess]),
    ("]::setenvironmentvariable", &[Fact::Configure]),
    ("registry]::setvalue", &[Fact::Configure]),
    (".setvalue(", &[Fact::Configure]),
    (".kill()", &[Fact::Kill]),
    ("directoryservices", &[Fact::Discover]),
    ("activedirectory.", &[Fact::Discover]),
    ("schedule.service", &[Fact::Schedule]),
    (".sendkeys", &[Fact::Execute]),
];

/// Calls of one method in one text that are looked at.
const MAX_CALLS: usize = 32;

/// The effects of the .NET calls in a text, with the paths and addresses that it names.
pub(super) fn effects(text: &str, place: &Place) -> Vec<Effect> {
    if !text.contains(['.', ':']) {
        return Vec::new();
    }
    let lower = text.to_ascii_lowercase();
    let mut effects: Vec<Effect> = Vec::new();
    for (name, facts) in METHODS {
        if !lower.contains(name) {
            continue;
        }
        if names_file_class(name) {
            for (at, _) in lower.match_indices(name).take(MAX_CALLS) {
                let call = text.get(at + name.len()..).unwrap_or_default();
                facts.iter().for_each(|fact| windows::add(&mut effects, Some(on_path(*fact, call, place))));
            }
            continue;
        }
        for fact in *facts {
            if !effects.iter().any(|effect| effect.fact == *fact) {
                effects.push(Effect { fact: *fact, modifiers: EnumSet::empty(), target: None });
            }
        }
    }
    let contacts = effects.iter().position(|effect| effect.fact == Fact::Contact);
    if let Some(at) = contacts {
        let mut found: Vec<Effect> = addresses(text)
            .into_iter()
            .map(|target| Effect { fact: Fact::Contact, modifiers: EnumSet::empty(), target: Some(target) })
            .collect();
        if !found.is_empty() {
            effects.remove(at);
            found.append(&mut effects);
            effects = found;
        }
    }
    effects
}

/// Whether the first argument of a method is the path that it works on.
fn names_file_class(name: &str) -> bool {
    name.starts_with("file]::") || name.starts_with("directory]::")
}

/// The effect of a call whose first argument is a path. `call`: what follows the method's name.
fn on_path(fact: Fact, call: &str, place: &Place) -> Effect {
    let mut effect = Effect { fact, modifiers: EnumSet::empty(), target: None };
    let Some((_, arguments)) = call.split_once('(').filter(|(name, _)| name.trim().chars().all(char::is_alphanumeric))
    else {
        return effect;
    };
    let arguments = arguments.trim_start();
    let path = match arguments.strip_prefix('\'') {
        Some(literal) => literal.split('\'').next(),
        // A variable, a call: only known when it runs.
        None => arguments.split([',', ')']).next().map(str::trim).filter(|path| !path.is_empty()),
    };
    effect.target = path.map(|path| place.locate(path));
    let recursive = call.split(')').next().is_some_and(|call| call.to_ascii_lowercase().contains("$true"));
    if fact == Fact::Delete && recursive {
        effect.modifiers |= Modifier::Recursive;
    }
    effect
}

/// What `ForEach-Object Method` calls on each object (`ls | % Delete`).
pub(super) fn member(command: &Command, place: &Place) -> Vec<Effect> {
    if !matches!(command.program.as_str(), "%" | "foreach" | "foreach-object") {
        return Vec::new();
    }
    let names = command.arguments.iter().filter(|argument| !argument.text.starts_with(['-', '{']));
    names.take(2).flat_map(|argument| effects(&format!(".{}()", argument.text), place)).collect()
}

/// The addresses in a text.
fn addresses(text: &str) -> Vec<Target> {
    let mut targets: Vec<Target> = Vec::new();
    for (at, _) in text.match_indices("://").take(MAX_ADDRESSES) {
        let start = text
            .get(..at)
            .and_then(|before| before.rfind(|c: char| !c.is_ascii_alphabetic()))
            .map_or(0, |before| before + 1);
        let Some(rest) = text.get(start..) else { continue };
        let end =
            rest.find(|c: char| c.is_whitespace() || matches!(c, '\'' | '"' | ')' | ',' | ';')).unwrap_or(rest.len());
        let Some(address) = rest.get(..end) else { continue };
        let Some(host) = hosts::host_of(address) else { continue };
        let target = Target { text: address.to_owned(), scope: Scope::Host(hosts::classify(&host)) };
        if !targets.contains(&target) {
            targets.push(target);
        }
    }
    targets
}

/// What a cmdlet runs that is given to it as text: a script, a program with arguments, source code.
pub(super) fn inner(
    command: &mut Command,
    input: Option<&str>,
    place: &Place,
    depth: usize,
    gaps: &mut EnumSet<Gap>,
) -> Vec<Unit> {
    match command.program.as_str() {
        "iex" | "invoke-expression" => expression(command, input, place, depth, gaps),
        "start-process" | "saps" | "start" => process(command, place, depth, gaps),
        "add-type" => value_of(command, &["-typedefinition", "-memberdefinition", "-t", "-m"])
            .map(|text| windows::code(text, Language::Other))
            .into_iter()
            .collect(),
        _ => Vec::new(),
    }
}

/// `Invoke-Expression` of a constant text; of anything else it is dynamic.
fn expression(
    command: &mut Command,
    input: Option<&str>,
    place: &Place,
    depth: usize,
    gaps: &mut EnumSet<Gap>,
) -> Vec<Unit> {
    let given = command.arguments.iter().find(|argument| !argument.text.starts_with("-c"));
    let script = match given {
        Some(argument) if argument.dynamic => {
            *gaps |= Gap::Dynamic;
            return Vec::new();
        }
        Some(_) => command
            .arguments
            .iter()
            .map(|argument| argument.text.as_str())
            .filter(|text| *text != "-command")
            .collect::<Vec<_>>()
            .join(" "),
        None => match input {
            Some(input) => input.to_owned(),
            None => {
                *gaps |= Gap::Dynamic;
                return Vec::new();
            }
        },
    };
    if depth >= limits::MAX_DEPTH {
        *gaps |= Gap::Truncated;
        return Vec::new();
    }
    let (units, found) = super::units_at(&script, place, depth + 1);
    *gaps |= found;
    windows::layered(units, Layer::Script)
}

/// `Start-Process program -ArgumentList …`: what the program does is what this does.
fn process(command: &mut Command, place: &Place, depth: usize, gaps: &mut EnumSet<Gap>) -> Vec<Unit> {
    if command.arguments.iter().any(|argument| argument.text.eq_ignore_ascii_case("runas")) {
        command.effects.push(Effect { fact: Fact::Rights, modifiers: EnumSet::empty(), target: None });
    }
    if let Some(style) = value_of(command, &["-windowstyle", "-w"])
        && style.eq_ignore_ascii_case("hidden")
        && let Some(first) = command.effects.first_mut()
    {
        first.modifiers |= Modifier::Hidden;
    }
    let Some(program) = value_of(command, &["-filepath"]).or_else(|| first_operand(command)) else { return Vec::new() };
    let arguments = argument_list(command, &program);
    if depth >= limits::MAX_DEPTH {
        *gaps |= Gap::Truncated;
        return Vec::new();
    }
    let built = windows::command(&program, arguments, place, depth + 1);
    *gaps |= built.gaps - Gap::UnknownProgram;
    windows::add(&mut command.effects, built.command.effects);
    windows::layered(built.inner, Layer::Wrapped)
}

/// The arguments that `Start-Process` hands on.
fn argument_list(command: &Command, program: &str) -> Vec<Argument> {
    let named = command.arguments.iter().position(|argument| {
        argument.text.len() > 1 && "-argumentlist".starts_with(argument.text.as_str()) || argument.text == "-args"
    });
    let from = named
        .map(|at| at + 1)
        .or_else(|| command.arguments.iter().position(|argument| argument.text == program).map(|at| at + 1));
    let rest = from.and_then(|from| command.arguments.get(from..)).unwrap_or_default();
    let stops = [
        "-wait",
        "-verb",
        "-windowstyle",
        "-nonewwindow",
        "-passthru",
        "-workingdirectory",
        "-erroraction",
        "-redirectstandardoutput",
        "-filepath",
        "-credential",
    ];
    let taken = rest.iter().take_while(|argument| !stops.contains(&argument.text.as_str()));
    taken
        .flat_map(|argument| split(&argument.text).into_iter().map(|text| Argument { text, ..argument.clone() }))
        .collect()
}

/// The words of a command line as a Windows program splits it.
pub(in crate::normalize) fn split(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut quoted = None;
    let mut any = false;
    for c in line.chars() {
        match c {
            '"' | '\'' if quoted == Some(c) => quoted = None,
            '"' | '\'' if quoted.is_none() => {
                quoted = Some(c);
                any = true;
            }
            c if c.is_whitespace() && quoted.is_none() => {
                if any || !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
                any = false;
            }
            c => word.push(c),
        }
    }
    if any || !word.is_empty() {
        words.push(word);
    }
    words
}

/// The value behind one of these parameters.
fn value_of(command: &Command, names: &[&str]) -> Option<String> {
    let at = command.arguments.iter().position(|argument| names.contains(&argument.text.as_str()))?;
    command.arguments.get(at + 1).map(|argument| argument.text.clone())
}

fn first_operand(command: &Command) -> Option<String> {
    command.arguments.first().map(|argument| argument.text.clone()).filter(|text| !text.starts_with('-'))
}

/// Marks what is fetched or decoded and then executed within one pipeline.
pub(super) fn mark(unit: &mut Unit, inner: &[Unit]) {
    let runs_text = unit.commands.iter().any(|command| matches!(command.program.as_str(), "iex" | "invoke-expression"));
    let loads = unit.own_effects.iter().any(|effect| effect.fact == Fact::Execute);
    if !(runs_text || loads) {
        return;
    }
    let fetches = unit.effects().any(|effect| matches!(effect.fact, Fact::Download | Fact::Contact))
        || ["iwr ", "irm ", "curl ", "wget ", "invoke-webrequest", "invoke-restmethod"]
            .iter()
            .any(|name| unit.text.to_ascii_lowercase().contains(name));
    if fetches {
        unit.flows |= Flow::NetworkToExecution;
    }
    if unit.text.to_ascii_lowercase().contains("frombase64string")
        || inner.iter().any(|unit| unit.layers.contains(&Layer::Decoded))
    {
        unit.flows |= Flow::DecodedToExecution;
    }
}
