//! Shell commands inside program texts: `os.system("…")`, `subprocess.run([…])`, `exec('…')`, backquotes.

use std::iter::Peekable;
use std::str::CharIndices;

use crate::action::Language;

/// A call that runs a command given in the text, and whether it takes a list of words as well.
struct Call {
    name: &'static str,
    languages: &'static [Language],
}

const ANY_SCRIPT: &[Language] =
    &[Language::Ruby, Language::Perl, Language::Php, Language::Lua, Language::R, Language::Awk, Language::Other];

const CALLS: &[Call] = &[
    Call { name: "os.system(", languages: &[Language::Python] },
    Call { name: "os.popen(", languages: &[Language::Python] },
    Call { name: "subprocess.run(", languages: &[Language::Python] },
    Call { name: "subprocess.call(", languages: &[Language::Python] },
    Call { name: "subprocess.Popen(", languages: &[Language::Python] },
    Call { name: "check_output(", languages: &[Language::Python] },
    Call { name: "check_call(", languages: &[Language::Python] },
    Call { name: "getoutput(", languages: &[Language::Python] },
    Call { name: "system(", languages: &[Language::Python] },
    Call { name: "Popen(", languages: &[Language::Python] },
    Call { name: "pty.spawn(", languages: &[Language::Python] },
    Call { name: "execSync(", languages: &[Language::JavaScript] },
    Call { name: "exec(", languages: &[Language::JavaScript] },
    Call { name: "spawnSync(", languages: &[Language::JavaScript] },
    Call { name: "spawn(", languages: &[Language::JavaScript] },
    Call { name: "execFileSync(", languages: &[Language::JavaScript] },
    Call { name: "execFile(", languages: &[Language::JavaScript] },
    Call { name: "shell_exec(", languages: &[Language::Php] },
    Call { name: "passthru(", languages: &[Language::Php] },
    Call { name: "proc_open(", languages: &[Language::Php] },
    Call { name: "system(", languages: ANY_SCRIPT },
    Call { name: "system ", languages: ANY_SCRIPT },
    Call { name: "exec(", languages: ANY_SCRIPT },
    Call { name: "exec ", languages: ANY_SCRIPT },
    Call { name: "popen(", languages: ANY_SCRIPT },
    Call { name: "os.execute(", languages: &[Language::Lua] },
    Call { name: "do shell script ", languages: &[Language::AppleScript] },
    Call { name: ".Run(", languages: &[Language::VbScript] },
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
    let shell_names = || CALLS.iter().filter(|call| call.languages.contains(&language)).map(|call| call.name);
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
    let mut scripts: Vec<(usize, String)> = Vec::new();
    let text = text.get(..MAX_TEXT).unwrap_or(text);
    for call in CALLS.iter().filter(|call| call.languages.contains(&language)) {
        for (at, _) in text.match_indices(call.name).take(MAX_COMMANDS) {
            let continues = text
                .get(..at)
                .and_then(|before| before.bytes().last())
                .is_some_and(|byte| byte == b'_' || byte.is_ascii_alphanumeric());
            let arguments = text.get(at + call.name.len()..).unwrap_or_default();
            if !continues && let Some(script) = first_argument(arguments) {
                scripts.push((at, script));
            }
        }
    }
    if matches!(language, Language::Perl | Language::Ruby | Language::Php) {
        let quoted = text.split('`').skip(1).step_by(2).map(str::to_owned);
        scripts.extend(quoted.map(|script| (text.len(), script)));
    }
    if language == Language::Other {
        scripts.extend(sed_command(text).map(|script| (0, script)));
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

/// What `sed` runs: `1e command`, or the replacement of `s/…/command/e`.
fn sed_command(text: &str) -> Option<String> {
    let command = text
        .trim_start_matches(|letter: char| letter.is_ascii_digit() || matches!(letter, ' ' | ',' | '$' | '!' | '{'));
    if let Some(script) = command.strip_prefix("e ") {
        return Some(script.lines().next()?.trim_end_matches('}').to_owned());
    }
    let rest = command.strip_prefix('s')?;
    let by = rest.chars().next().filter(|by| by.is_ascii_punctuation())?;
    let mut parts = rest.split(by).skip(2);
    let (script, flags) = (parts.next()?, parts.next()?);
    let runs =
        flags.len() <= 8 && flags.contains('e') && flags.bytes().all(|flag| b"gpiIeMm0123456789".contains(&flag));
    runs.then(|| script.to_owned())
}

/// The literal that a call's first argument is: a string, or a list of strings as a command line.
fn first_argument(arguments: &str) -> Option<String> {
    let arguments = arguments.trim_start();
    let Some(list) = arguments.strip_prefix('[') else {
        let (first, after) = string(arguments)?;
        return Some(with_separate_arguments(first, after));
    };
    words(list)
}

/// `spawn('sh', ['-c', '…'])`: the program and its arguments apart.
fn with_separate_arguments(first: String, after: &str) -> String {
    let list = after.trim_start().strip_prefix(',').map(str::trim_start).and_then(|rest| rest.strip_prefix('['));
    match list.and_then(words) {
        Some(rest) if !first.contains(' ') => format!("{first} {rest}"),
        _ => first,
    }
}

/// The strings of a list up to its end, quoted for a shell.
fn words(list: &str) -> Option<String> {
    let mut words = Vec::new();
    let mut rest = list;
    loop {
        rest = rest.trim_start_matches([' ', ',', '\n', '\t']);
        let Some((word, after)) = string(rest) else {
            break;
        };
        words.push(super::text::quoted(&word).into_owned());
        rest = after;
        if words.len() > 256 {
            break;
        }
    }
    (!words.is_empty()).then(|| words.join(" "))
}

/// A string literal and what follows it.
fn string(text: &str) -> Option<(String, &str)> {
    let text = text.strip_prefix(['f', 'r', 'b']).filter(|rest| rest.starts_with(['"', '\''])).unwrap_or(text);
    let quote = text.chars().next().filter(|letter| matches!(letter, '"' | '\'' | '`'))?;
    let triple: String = [quote; 3].iter().collect();
    if let Some(inside) = text.strip_prefix(&triple) {
        let (string, after) = inside.split_once(&triple)?;
        return Some((string.to_owned(), after));
    }
    let mut string = String::new();
    let mut letters = text.char_indices().peekable();
    letters.next();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '\\' => match letters.next() {
                Some((_, 'n')) => string.push('\n'),
                Some((_, 't')) => string.push('\t'),
                Some((_, 'x')) => string.extend(coded(&mut letters, 2)),
                Some((_, 'u')) => string.extend(coded(&mut letters, 4)),
                Some((_, 'U')) => string.extend(coded(&mut letters, 8)),
                Some((_, escaped)) => string.push(escaped),
                None => return None,
            },
            _ if letter == quote => return Some((string, text.get(at + 1..)?)),
            _ => string.push(letter),
        }
    }
    None
}

/// The letter that digits behind `\x` or `\u` stand for, in braces or not.
fn coded(letters: &mut Peekable<CharIndices<'_>>, most: usize) -> Option<char> {
    let braced = letters.next_if(|(_, letter)| *letter == '{').is_some();
    let (mut value, mut n_digits) = (0_u32, 0);
    while n_digits < if braced { 8 } else { most }
        && let Some((_, digit)) = letters.next_if(|(_, letter)| letter.is_ascii_hexdigit())
    {
        value = value.wrapping_mul(16).wrapping_add(digit.to_digit(16).unwrap_or_default());
        n_digits += 1;
    }
    if braced {
        letters.next_if(|(_, letter)| *letter == '}');
    }
    char::from_u32(value).filter(|_| n_digits > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_sed_runs_is_found() {
        let scripts = |text: &str| shell_calls(Language::Other, text);
        assert_eq!(scripts("1e rm x"), ["rm x"]);
        assert_eq!(scripts("s/.*/rm x/e"), ["rm x"]);
        assert!(scripts("s/a/b/g").is_empty() && scripts("$!N;s/e /x/").is_empty());
    }
}
