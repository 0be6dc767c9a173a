//! Shell commands inside program texts: `os.system("…")`, `subprocess.run([…])`, `exec "sh", "-c", q{…}`, backquotes.

use crate::action::Language;
use crate::normalize::facts::hooks;
use crate::normalize::shell::aliases;
use crate::normalize::shell::literals::{generic, string, word_list};
use crate::normalize::shell::snippets::{sed_commands, tcl_commands};

/// A call that runs a command given in the text.
struct Call {
    name: &'static str,
    languages: &'static [Language],
    takes: Takes,
}

/// How a call is given its command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Takes {
    /// As a script, a list of words, or a program and its arguments.
    Command,
    /// As words among its arguments, behind so many others.
    Words(usize),
    /// As a path and words of which the first is only what the program is called.
    Named,
    /// As Perl's `open`: with a bar in front of or behind it.
    Piped,
}

const ANY_SCRIPT: &[Language] =
    &[Language::Ruby, Language::Perl, Language::Php, Language::Lua, Language::R, Language::Awk, Language::Other];
const PYTHON: &[Language] = &[Language::Python];
const NODE: &[Language] = &[Language::JavaScript];
const PHP: &[Language] = &[Language::Php];
const RUBY: &[Language] = &[Language::Ruby];
const PERL: &[Language] = &[Language::Perl];
const OTHER: &[Language] = &[Language::Other];

const fn call(name: &'static str, languages: &'static [Language]) -> Call {
    Call { name, languages, takes: Takes::Command }
}

const fn call_with(name: &'static str, languages: &'static [Language], takes: Takes) -> Call {
    Call { name, languages, takes }
}

const CALLS: &[Call] = &[
    call("os.system(", PYTHON),
    call("os.popen(", PYTHON),
    call("subprocess.run(", PYTHON),
    call("subprocess.call(", PYTHON),
    call("subprocess.Popen(", PYTHON),
    call("check_output(", PYTHON),
    call("check_call(", PYTHON),
    call("getoutput(", PYTHON),
    call("getstatusoutput(", PYTHON),
    call("system(", PYTHON),
    call("Popen(", PYTHON),
    call("pty.spawn(", PYTHON),
    call("create_subprocess_shell(", PYTHON),
    call_with("create_subprocess_exec(", PYTHON, Takes::Words(0)),
    call_with("os.execl(", PYTHON, Takes::Named),
    call_with("os.execle(", PYTHON, Takes::Named),
    call_with("os.execlp(", PYTHON, Takes::Named),
    call_with("os.execv(", PYTHON, Takes::Named),
    call_with("os.execve(", PYTHON, Takes::Named),
    call_with("os.execvp(", PYTHON, Takes::Named),
    call_with("os.execvpe(", PYTHON, Takes::Named),
    call_with("os.spawnl(", PYTHON, Takes::Named),
    call_with("os.spawnlp(", PYTHON, Takes::Named),
    call_with("os.spawnv(", PYTHON, Takes::Named),
    call_with("os.spawnvp(", PYTHON, Takes::Named),
    call_with("os.posix_spawn(", PYTHON, Takes::Named),
    call_with("os.posix_spawnp(", PYTHON, Takes::Named),
    call("execSync(", NODE),
    call("exec(", NODE),
    call("spawnSync(", NODE),
    call("spawn(", NODE),
    call("execFileSync(", NODE),
    call("execFile(", NODE),
    call("shell_exec(", PHP),
    call("passthru(", PHP),
    call("proc_open(", PHP),
    call("pcntl_exec(", PHP),
    call("system(", ANY_SCRIPT),
    call("system ", ANY_SCRIPT),
    call("exec(", ANY_SCRIPT),
    call("exec ", ANY_SCRIPT),
    call("popen(", ANY_SCRIPT),
    call("popen ", RUBY),
    call("popen3(", RUBY),
    call("capture2(", RUBY),
    call("capture2e(", RUBY),
    call("capture3(", RUBY),
    call("spawn(", RUBY),
    call("spawn ", RUBY),
    call_with("open(", PERL, Takes::Piped),
    call_with("open ", PERL, Takes::Piped),
    call("os.execute(", &[Language::Lua]),
    call("os.execute", &[Language::Lua]),
    call("io.popen", &[Language::Lua]),
    call("do shell script ", &[Language::AppleScript]),
    call(".Run(", &[Language::VbScript]),
    // Lisp.
    call("(shell-command ", OTHER),
    call("(async-shell-command ", OTHER),
    call("(shell-command-to-string ", OTHER),
    call("(call-process-shell-command ", OTHER),
    call("(compile ", OTHER),
    call("(eshell-command ", OTHER),
    call_with("(call-process ", OTHER, Takes::Words(0)),
    call_with("(process-lines ", OTHER, Takes::Words(0)),
    call_with("(start-process ", OTHER, Takes::Words(2)),
];

/// Calls that run a program text in the language itself.
const EVALUATORS: &[&str] = &[
    "exec(",
    "eval(",
    "eval ",
    "Function(",
    "runInThisContext(",
    "runInNewContext(",
    "loadstring(",
    "instance_eval(",
    "class_eval(",
];

/// What a program text does with a literal that it decodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// It gives it to a shell.
    Shell,
    /// It runs it as a program text of its own language.
    Code,
    /// Nothing that is known.
    Data,
}

/// What becomes of the literal at `at`: the nearest call before it decides, or else the first one behind it.
pub(super) fn fate(language: Language, code: &str, at: usize) -> Fate {
    let (before, after) = code.split_at_checked(at).unwrap_or((code, ""));
    // Most of what is given to `open` is the name of a file.
    let runs = |call: &&Call| call.languages.contains(&language) && call.takes != Takes::Piped;
    let shell_names = || CALLS.iter().filter(runs).map(|call| call.name);
    // `exec(` runs a command in some languages and a program text in others.
    let is_shell_name = |name: &str| shell_names().any(|other| other == name);
    let evaluators = || EVALUATORS.iter().copied().filter(|name| !is_shell_name(name));
    let last = |name: &str| before.rfind(name);
    let first = |name: &str| after.find(name).map(std::cmp::Reverse);
    match (shell_names().filter_map(last).max(), evaluators().filter_map(last).max()) {
        (None, None) => match (shell_names().filter_map(first).max(), evaluators().filter_map(first).max()) {
            (None, None) => Fate::Data,
            (shell, code) if shell >= code => Fate::Shell,
            _ => Fate::Code,
        },
        (shell, code) if shell >= code => Fate::Shell,
        _ => Fate::Code,
    }
}

/// Whether a program text unpacks or decrypts something.
pub(super) fn unpacks(code: &str) -> bool {
    const UNPACKERS: &[&str] =
        &["zlib", "lzma", "bz2", "gzip", "marshal", "decrypt", "inflate", "Fernet", "gunzip", "brotli"];
    UNPACKERS.iter().any(|name| code.contains(name))
}

/// Commands that are looked at in one program text.
const MAX_COMMANDS: usize = 16;
/// Bytes of a program text that are searched.
const MAX_TEXT: usize = 64 * 1024;

/// The shell scripts that a program text runs, where they are literals.
pub(super) fn shell_calls(language: Language, text: &str) -> Vec<String> {
    let text = head(text, MAX_TEXT);
    let mut scripts = called(language, text);
    // A name put together from parts.
    if matches!(language, Language::Python | Language::JavaScript)
        && let Some(joined) = joined(text)
    {
        scripts.extend(called(language, &joined));
    }
    if matches!(language, Language::Perl | Language::Ruby | Language::Php) {
        let quoted = text.split('`').skip(1).step_by(2).map(str::to_owned);
        scripts.extend(quoted.map(|script| (text.len(), script)));
    }
    if let Some(name) = match language {
        Language::Perl => Some("qx"),
        Language::Ruby => Some("%x"),
        _ => None,
    } {
        let places = text.match_indices(name).take(MAX_COMMANDS).filter(|(at, _)| !continues(text, *at));
        scripts.extend(places.filter_map(|(at, _)| Some((at, generic(text.get(at..)?, &[name])?.0))));
    }
    if language == Language::Other {
        scripts.extend(sed_commands(text).into_iter().chain(tcl_commands(text)).map(|script| (0, script)));
    }
    scripts.sort();
    scripts.dedup_by(|one, other| one.1 == other.1);
    scripts
        .into_iter()
        .map(|(_, script)| script)
        .filter(|script| !script.trim().is_empty())
        .take(MAX_COMMANDS)
        .collect()
}

/// The shell scripts that a command of `vim` runs by a function, or by a language that is built in.
pub(super) fn editor_calls(text: &str) -> Vec<String> {
    const FUNCTIONS: [&str; 6] = ["system(", "systemlist(", "jobstart(", "job_start(", "termopen(", "term_start("];
    const EXECUTE: [&str; 3] = ["exe ", "exec ", "execute "];
    let text = head(text, MAX_TEXT);
    let mut scripts = called(Language::Python, text);
    scripts.extend(called(Language::Lua, text));
    let places =
        |name: &'static str| text.match_indices(name).take(MAX_COMMANDS).filter(move |(at, _)| !continues(text, *at));
    let behind = |(at, name): (usize, &str)| text.get(at + name.len()..).map(|rest| (at, rest));
    for (at, arguments) in FUNCTIONS.into_iter().flat_map(places).filter_map(behind) {
        scripts.extend(script_of(arguments, Takes::Command, Language::Other).map(|script| (at, script)));
    }
    for (at, rest) in EXECUTE.into_iter().flat_map(places).filter_map(behind) {
        if let Some((command, _)) = string(rest.trim_start(), Language::Other)
            && let Some(start) = hooks::editor(&command)
        {
            scripts.extend(command.get(start..).map(|script| (at, script.to_owned())));
        }
    }
    scripts.sort();
    scripts.dedup_by(|one, other| one.1 == other.1);
    scripts.into_iter().map(|(_, script)| script).take(MAX_COMMANDS).collect()
}

/// What the calls in a program text are given, with where they stand.
fn called(language: Language, text: &str) -> Vec<(usize, String)> {
    let mut scripts: Vec<(usize, String)> = Vec::new();
    let known = CALLS.iter().filter(|call| call.languages.contains(&language)).map(|call| (call.name, call.takes));
    let aliases = aliases::names(language, text);
    for (name, takes) in known.chain(aliases.iter().map(|name| (name.as_str(), Takes::Command))) {
        for (at, _) in text.match_indices(name).take(MAX_COMMANDS) {
            let arguments = text.get(at + name.len()..).unwrap_or_default();
            if !continues(text, at)
                && let Some(script) = script_of(arguments, takes, language)
            {
                scripts.push((at, script));
            }
        }
    }
    scripts
}

/// Whether what stands at `at` is the end of a longer name.
fn continues(text: &str, at: usize) -> bool {
    let last = text.get(..at).and_then(|before| before.bytes().last());
    let begins_a_name =
        text.get(at..).is_some_and(|name| name.starts_with(|letter: char| letter.is_ascii_alphabetic()));
    begins_a_name && last.is_some_and(|byte| byte == b'_' || byte.is_ascii_alphanumeric())
}

/// The text with literals joined that a `+` joins; `None` when there are none.
fn joined(text: &str) -> Option<String> {
    const SEAMS: [&str; 4] = ["'+'", "' + '", "\"+\"", "\" + \""];
    let has_seam = SEAMS.iter().any(|seam| text.contains(seam));
    has_seam.then(|| SEAMS.iter().fold(text.to_owned(), |text, seam| text.replace(seam, "")))
}

/// The command that a call's arguments give it, where it is literal.
fn script_of(arguments: &str, takes: Takes, language: Language) -> Option<String> {
    let is_tuple = language == Language::Python && arguments.trim_start().starts_with('(');
    let mut arguments = arguments.trim_start_matches([' ', '(', '\n', '\t']);
    if language == Language::Python {
        arguments = arguments.strip_prefix("args=").or_else(|| arguments.strip_prefix('*')).unwrap_or(arguments);
    }
    if is_tuple && takes == Takes::Command {
        let words = listed(arguments, language);
        return if words.len() > 1 { joined_words(&words) } else { words.into_iter().next() };
    }
    // `system({"A" => "b"}, "…")`, `exec {"sh"} "…"`.
    if matches!(language, Language::Perl | Language::Ruby)
        && let Some(rest) = arguments.strip_prefix('{')
    {
        arguments = rest.split_once('}')?.1.trim_start_matches([' ', ',', '\n', '\t']);
    }
    match takes {
        Takes::Command => command(arguments, language),
        Takes::Words(skipped) => joined_words(strings(arguments, language).get(skipped..)?),
        Takes::Named => {
            let mut words = strings(arguments, language);
            if words.len() > 1 {
                words.remove(1);
            }
            joined_words(&words)
        }
        Takes::Piped => piped(&strings(arguments, language)),
    }
}

/// A script, a list of words, or a program and its arguments.
fn command(arguments: &str, language: Language) -> Option<String> {
    if let Some((words, _)) = word_list(arguments, language) {
        return joined_words(&words);
    }
    let is_list = arguments.starts_with('[') && language != Language::Lua;
    if let Some(list) = arguments.strip_prefix('[').filter(|_| is_list) {
        return joined_words(&listed(list, language));
    }
    let (first, after) = string(arguments, language)?;
    match language {
        Language::Perl | Language::Ruby => Some(with_listed_arguments(first, after, language)),
        _ => Some(with_separate_arguments(first, after, language)),
    }
}

/// `spawn('sh', ['-c', '…'])`: the program and its arguments apart.
fn with_separate_arguments(first: String, after: &str, language: Language) -> String {
    let list = after.trim_start().strip_prefix(',').map(str::trim_start).and_then(|rest| rest.strip_prefix('['));
    match list.and_then(|list| joined_words(&listed(list, language))) {
        Some(rest) if !first.contains(' ') => format!("{first} {rest}"),
        _ => first,
    }
}

/// `system "sh", "-c", "…"`: each argument is a word of its own.
fn with_listed_arguments(first: String, after: &str, language: Language) -> String {
    let mut script = String::new();
    let mut rest = after;
    for _ in 0..MAX_WORDS {
        let Some(next) = rest.trim_start().strip_prefix(',').or_else(|| rest.trim_start().strip_prefix("=>")) else {
            break;
        };
        let next = next.trim_start();
        let (words, behind) = match (word_list(next, language), string(next, language)) {
            (Some((words, behind)), _) => (words, behind),
            (None, Some((word, behind))) => (vec![word], behind),
            // A variable, a hash of options.
            (None, None) if next.starts_with(['$', '@']) => {
                let end = next.find([',', ')', ';', '\n', ' ']).unwrap_or(next.len());
                let (name, behind) = next.split_at_checked(end).unwrap_or((next, ""));
                let letters: String =
                    name.chars().filter(|letter| letter.is_ascii_alphanumeric() || *letter == '_').collect();
                script.push_str(&format!(" ${letters}"));
                rest = behind;
                continue;
            }
            (None, None) => break,
        };
        for word in words {
            script.push(' ');
            script.push_str(&super::text::quoted(&word));
        }
        rest = behind;
    }
    if script.is_empty() { first } else { format!("{}{script}", super::text::quoted(&first)) }
}

/// Words of one list that are looked at.
const MAX_WORDS: usize = 256;

fn joined_words(words: &[String]) -> Option<String> {
    let quoted: Vec<_> = words.iter().map(|word| super::text::quoted(word)).collect();
    (!quoted.is_empty()).then(|| quoted.join(" "))
}

/// The strings of a list up to its end or to what is no string.
fn listed(list: &str, language: Language) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = list;
    while words.len() <= MAX_WORDS {
        rest = rest.trim_start_matches([' ', ',', '\n', '\t']);
        let Some((word, after)) = string(rest, language) else {
            break;
        };
        words.push(word);
        rest = after;
    }
    words
}

/// All strings among the arguments of a call, whatever stands between them.
fn strings(arguments: &str, language: Language) -> Vec<String> {
    const MOST: usize = 1024;
    let mut words = Vec::new();
    let mut rest = head(arguments, 2 * MOST);
    let mut depth = 0_usize;
    for _ in 0..MOST {
        // A quote in Lisp opens no string.
        let is_sign = language == Language::Other && rest.starts_with('\'');
        if let Some((word, after)) = string(rest, language).filter(|_| !is_sign) {
            words.push(word);
            rest = after;
            continue;
        }
        let mut letters = rest.chars();
        match letters.next() {
            Some('(' | '[' | '{') => depth += 1,
            Some(')' | ']' | '}') if depth > 0 => depth -= 1,
            None | Some(')' | ']' | '}' | ';') => break,
            // An unclosed quote: what follows is no list.
            Some('"' | '\'') if !is_sign => break,
            Some(_) => {}
        }
        if words.len() > MAX_WORDS {
            break;
        }
        rest = letters.as_str();
    }
    words
}

/// The beginning of a text.
fn head(text: &str, most: usize) -> &str {
    let mut end = most.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or(text)
}

/// The command in the strings given to `open`.
fn piped(strings: &[String]) -> Option<String> {
    match strings {
        [mode, words @ ..] if matches!(mode.trim(), "-|" | "|-") => match words {
            [script] => Some(script.clone()),
            words => joined_words(words),
        },
        all => {
            let script = all.iter().find(|text| text.trim().starts_with('|') || text.trim().ends_with('|'))?;
            Some(script.trim().trim_matches('|').to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(language: Language, text: &str, expected: &[&str]) {
        assert_eq!(shell_calls(language, text), expected, "{text}");
    }

    #[test]
    fn lists_of_words_are_command_lines() {
        check(Language::Perl, "exec \"bash\",\"-c\",q{rm -rf /x}", &["bash -c 'rm -rf /x'"]);
        check(Language::Perl, "system(qw(rm -rf /x))", &["rm -rf /x"]);
        check(Language::Perl, "system('rm', '-rf', $x)", &["rm -rf $x"]);
        check(Language::Perl, "exec {'rm'} 'rm', 'a b'", &["rm 'a b'"]);
        check(Language::Ruby, "system({\"A\"=>\"b\"}, \"rm\", \"x\")", &["rm x"]);
        check(Language::Python, "subprocess.run((\"rm\", \"x\"))", &["rm x"]);
        check(Language::Python, "os.execvp('bash', ['bash', '-c', 'rm x'])", &["bash -c 'rm x'"]);
        check(Language::Python, "os.spawnlp(os.P_WAIT, 'rm', 'rm',\n 'x')", &["rm x"]);
        check(Language::JavaScript, "cp.spawnSync('bash', ['-c', 'rm x'])", &["bash -c 'rm x'"]);
        check(Language::Other, "(call-process \"rm\" nil '(:file \"o\") nil \"x\")", &["rm o x"]);
    }

    #[test]
    fn literals_of_the_language_are_scripts() {
        check(Language::Perl, "system q{rm -rf /x}", &["rm -rf /x"]);
        check(Language::Perl, "print qx(rm x)", &["rm x"]);
        check(Language::Perl, "open(F, \"rm x|\"); open(G, '-|', 'rm', 'y')", &["rm x", "rm y"]);
        check(Language::Perl, "open(F, '<', 'notes.txt'); print 1", &[]);
        check(Language::Ruby, "system(%q(rm x)); %x{rm y}", &["rm x", "rm y"]);
        check(Language::Lua, "os.execute [[rm x]]", &["rm x"]);
        check(Language::Other, "(shell-command \"rm x\")", &["rm x"]);
    }

    #[test]
    fn other_names_of_calls_are_followed() {
        check(Language::Python, "import subprocess as s; s.call(\"rm x\",shell=True)", &["rm x"]);
        check(Language::Python, "from os import system as f; f('rm x')", &["rm x"]);
        check(Language::Python, "import os; getattr(os,\"system\")(\"rm x\")", &["rm x"]);
        check(Language::Python, "import os; getattr(os,\"sys\"+\"tem\")(\"rm x\")", &["rm x"]);
        check(Language::Python, "__import__(\"subprocess\").run([\"rm\",\"x\"])", &["rm x"]);
        check(Language::JavaScript, "require('child_process')['execSync']('rm x')", &["rm x"]);
        check(Language::Python, "import os as o; print(o.getcwd()); app.run('x'); f('y')", &[]);
    }
}
