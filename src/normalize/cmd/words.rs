//! The scanner of `cmd`: where a command ends, what its words are, where the head of `if` and `for` ends.

use crate::action::{Argument, Command, Effect, Fact};
use crate::normalize::windows;

/// Commands whose name may be glued to its first switch or path.
static GLUED: &[&str] = &[
    "cd", "chdir", "dir", "del", "erase", "rd", "rmdir", "md", "mkdir", "echo", "type", "copy", "move", "ren", "set",
    "if", "call", "start", "cls", "ver", "pushd", "tasklist", "taskkill", "shutdown",
];
/// Programs that take `\"` for a quote.
static ESCAPING: &[&str] =
    &["powershell", "pwsh", "bash", "wsl", "python", "python3", "py", "node", "perl", "ruby", "php"];
/// Bytes of the head of a `for` that are looked at.
const MAX_HEAD: usize = 4096;

/// The source of one command.
pub(super) struct Line {
    /// Without carets.
    pub(super) text: String,
    /// Bytes of the source.
    pub(super) length: usize,
    /// A quote was not closed.
    pub(super) unclosed: bool,
    /// Carets inside words.
    pub(super) odd: bool,
}

/// The command at the start of a text, up to the operator or bracket that ends it.
pub(super) fn line(text: &str, inside: bool) -> Line {
    let mut line = Line { text: String::new(), length: text.len(), unclosed: false, odd: false };
    let mut quoted = false;
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        match c {
            '\n' => {
                line.length = at;
                break;
            }
            '\\' if chars.peek().is_some_and(|(_, next)| *next == '"') && escapes(&line.text) => {
                line.text.push('\\');
                line.text.extend(chars.next().map(|(_, next)| next));
                continue;
            }
            '"' => quoted = !quoted,
            '^' if !quoted => {
                let next = chars.next().map(|(_, next)| next);
                line.odd |= next.is_some_and(|next| next.is_ascii_alphanumeric());
                match next {
                    Some('\r') if chars.peek().is_some_and(|(_, next)| *next == '\n') => {
                        chars.next();
                    }
                    Some('\n') | None => {}
                    Some(next @ ('&' | '|' | '<' | '>' | '(' | ')')) => line.text.extend([ESCAPE, next]),
                    Some(next) => line.text.push(next),
                }
                continue;
            }
            '&' | '|' if !quoted && !is_redirect(&line.text, c) => {
                line.length = at;
                break;
            }
            ')' if !quoted && inside => {
                line.length = at;
                break;
            }
            _ => {}
        }
        line.text.push(c);
    }
    line.unclosed = quoted;
    line
}

/// Stands before a sign that a caret made ordinary. Never part of input: revealing removes control characters.
const ESCAPE: char = '\u{1}';

/// `>&1` is no operator.
fn is_redirect(before: &str, c: char) -> bool {
    c == '&' && before.ends_with('>')
}

fn escapes(text: &str) -> bool {
    let name = text.trim_start().get(..text.trim_start().len().min(64)).unwrap_or_default();
    let first = name.split([' ', '\t']).find(|word| !word.is_empty()).unwrap_or_default();
    ESCAPING.contains(&windows::program_name(first.trim_matches('"')).as_str())
}

/// Whether a text that variables were filled into holds operators now.
pub(super) fn has_operator(text: &str) -> bool {
    let mut quoted = false;
    let mut before = ' ';
    text.chars().any(|c| {
        quoted ^= c == '"';
        let found = !quoted && matches!(c, '&' | '|') && before != '>' && before != ESCAPE;
        before = c;
        found
    })
}

/// A command taken apart.
pub(super) struct Parsed {
    pub(super) path: String,
    pub(super) arguments: Vec<Argument>,
    pub(super) wrappers: Vec<String>,
    pub(super) redirects: Vec<(String, String)>,
}

impl Parsed {
    /// The canonical text. `opened`: what the command runs is a unit of its own.
    pub(super) fn shown(&self, command: &Command, opened: bool) -> String {
        let mut text = self.wrappers.iter().flat_map(|wrapper| [wrapper.as_str(), " "]).collect::<String>();
        // A file by its name is not the program of that name: `x.exe` is shown with its ending.
        let is_file = self.path.contains(['\\', '/']) || command.effects.iter().any(|effect| self.is_run_by(effect));
        text.push_str(if is_file { &self.path } else { &command.program });
        let mut data: Vec<&str> = Vec::new();
        for argument in &command.arguments {
            if argument.data {
                data.push(&argument.text);
                continue;
            }
            push_data(&mut text, &mut data);
            text.push(' ');
            let quotes = argument.text.is_empty()
                || argument.text.contains(|c: char| c.is_whitespace() || matches!(c, '&' | '|' | '<' | '>'));
            match () {
                () if opened && argument.text.len() > windows::MAX_INLINE => text.push_str(windows::CODE),
                () if quotes => text.extend(["\"", &argument.text, "\""]),
                () => text.push_str(&argument.text),
            }
        }
        push_data(&mut text, &mut data);
        for (operator, target) in &self.redirects {
            text.extend([" ", operator, target]);
        }
        text
    }
}

impl Parsed {
    /// Whether an effect is that the file of this name is executed.
    fn is_run_by(&self, effect: &Effect) -> bool {
        effect.fact == Fact::Execute
            && self.path.contains('.')
            && effect.target.as_ref().is_some_and(|target| target.text.ends_with(&self.path))
    }
}

/// Adds text without effect: in quotes, or by its mark alone when it is a unit of its own.
pub(super) fn push_data(text: &mut String, data: &mut Vec<&str>) {
    if data.is_empty() {
        return;
    }
    let joined = std::mem::take(data).join(" ");
    text.extend([" ", windows::DATA]);
    if joined.len() <= windows::MAX_INLINE {
        text.extend(["'", &joined, "'"]);
    }
}

/// Takes a command apart: wrappers, name, words, redirections.
pub(super) fn parse(text: &str) -> Parsed {
    let mut parsed = Parsed { path: String::new(), arguments: Vec::new(), wrappers: Vec::new(), redirects: Vec::new() };
    let mut words: std::collections::VecDeque<Word> = split(text, &mut parsed.redirects).into();
    while let Some(first) = words.pop_front() {
        let (name, glued) = unglue(&first);
        if let Some(glued) = glued {
            words.push_front(Word { text: glued, quoted: false });
        }
        let lower = name.to_ascii_lowercase();
        match lower.as_str() {
            "call" if words.front().is_some_and(|next| !next.text.starts_with(':')) => parsed.wrappers.push(lower),
            "start" if parsed.wrappers.len() < 8 && skip_start(&mut words) => parsed.wrappers.push(lower),
            _ => {
                parsed.path = name;
                break;
            }
        }
    }
    for word in words {
        if word.quoted {
            parsed.arguments.push(argument(word.text));
        } else {
            parsed.arguments.extend(switches(&word.text).into_iter().map(argument));
        }
    }
    parsed
}

fn argument(text: String) -> Argument {
    let mut parts = text.split('%').skip(1);
    let dynamic = parts.next().is_some_and(|name| {
        !name.is_empty() && name.starts_with(|c: char| c.is_alphanumeric() || matches!(c, '%' | '~' | '*'))
    }) || text.contains("%%");
    Argument { text, dynamic, data: false }
}

/// Drops the title and the switches of `start`. False when no program follows.
fn skip_start(words: &mut std::collections::VecDeque<Word>) -> bool {
    let titled = usize::from(words.front().is_some_and(|word| word.quoted && words.len() > 1));
    let switches = words.iter().skip(titled).take_while(|word| word.text.starts_with('/')).count();
    if words.len() <= titled + switches {
        return false;
    }
    words.drain(..titled + switches);
    true
}

struct Word {
    text: String,
    quoted: bool,
}

/// The words of a command; quotes removed.
fn split(text: &str, redirects: &mut Vec<(String, String)>) -> Vec<Word> {
    let escapes = escapes(text);
    let mut words = Vec::new();
    let mut word = Word { text: String::new(), quoted: false };
    let mut open = false;
    let mut pending: Option<String> = None;
    let mut chars = text.chars().peekable();
    let mut close = |word: &mut Word, pending: &mut Option<String>| {
        if word.text.is_empty() && !word.quoted {
            return;
        }
        let done = std::mem::replace(word, Word { text: String::new(), quoted: false });
        match pending.take() {
            Some(operator) => redirects.push((operator, done.text)),
            None => words.push(done),
        }
    };
    while let Some(c) = chars.next() {
        match c {
            ESCAPE => word.text.extend(chars.next()),
            '\\' if escapes && chars.peek() == Some(&'"') => word.text.extend(chars.next()),
            '"' => {
                open = !open;
                word.quoted = true;
            }
            c if c.is_whitespace() && !open => close(&mut word, &mut pending),
            '>' | '<' if !open => {
                let stream = if word.text.len() == 1 && word.text.starts_with(|c: char| c.is_ascii_digit()) {
                    std::mem::take(&mut word.text)
                } else {
                    String::new()
                };
                close(&mut word, &mut pending);
                let mut operator = format!("{stream}{c}");
                if chars.next_if_eq(&'>').is_some() {
                    operator.push('>');
                }
                pending = Some(operator);
            }
            c => word.text.push(c),
        }
    }
    close(&mut word, &mut pending);
    words
}

/// What `echo` puts out: the rest of its line as it stands, quotes and all, without redirections.
pub(super) fn echoed(text: &str) -> Option<String> {
    let start = text.to_ascii_lowercase().find("echo")? + "echo".len();
    let rest = text.get(start..)?;
    let rest = rest.strip_prefix(|c: char| c.is_whitespace() || AFTER_ECHO.contains(&c)).unwrap_or(rest);
    let (mut put_out, mut quoted) = (String::new(), false);
    let mut chars = rest.chars();
    while let Some(c) = chars.next() {
        match c {
            ESCAPE => put_out.extend(chars.next()),
            '>' | '<' if !quoted => {
                let stream = put_out.ends_with(|c: char| c.is_ascii_digit())
                    && put_out.get(..put_out.len() - 1).is_some_and(|before| before.ends_with(char::is_whitespace));
                put_out.truncate(put_out.len() - usize::from(stream));
                break;
            }
            c => {
                quoted ^= c == '"';
                put_out.push(c);
            }
        }
    }
    put_out.truncate(put_out.trim_end().len());
    Some(put_out)
}

/// Signs that part `echo` from its text and are not put out.
const AFTER_ECHO: [char; 11] = ['.', '(', ',', ';', ':', '/', '\\', '=', '+', '[', ']'];

/// `rd/s` → `rd` and `/s`; `cd\` → `cd` and `\`; `echo.x` → `echo` and `x`.
fn unglue(word: &Word) -> (String, Option<String>) {
    if !word.quoted {
        let end = word.text.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(word.text.len());
        let (name, rest) = word.text.split_at(end);
        let echo = name.eq_ignore_ascii_case("echo");
        let parted = rest.starts_with(['/', '\\', '.', ':']) || echo && rest.starts_with(AFTER_ECHO);
        if parted && GLUED.contains(&name.to_ascii_lowercase().as_str()) && !windows_ending(rest) {
            let rest = if echo { rest.get(1..).unwrap_or_default() } else { rest };
            return (name.to_owned(), Some(rest.to_owned()).filter(|rest| !rest.is_empty()));
        }
    }
    (word.text.clone(), None)
}

fn windows_ending(rest: &str) -> bool {
    [".exe", ".com", ".bat", ".cmd"].iter().any(|ending| rest.eq_ignore_ascii_case(ending))
}

/// `/s/q` → `/s` and `/q`.
fn switches(text: &str) -> Vec<String> {
    let glued = text.len() >= 4
        && text.len() <= 12
        && text.len().is_multiple_of(2)
        && text.as_bytes().chunks(2).all(|pair| matches!(pair, [b'/', letter] if letter.is_ascii_alphabetic()));
    if !glued {
        return vec![text.to_owned()];
    }
    text.split('/').filter(|letter| !letter.is_empty()).map(|letter| format!("/{letter}")).collect()
}

/// Bytes of `if …` up to the command that it governs.
pub(super) fn if_head(text: &str) -> Option<usize> {
    let mut at = "if".len();
    loop {
        let (word, end) = next_word(text, at)?;
        match word.to_ascii_lowercase().as_str() {
            "not" | "/i" => at = end,
            "exist" | "defined" | "errorlevel" | "cmdextversion" => return next_word(text, end).map(|(_, end)| end),
            _ if word.contains("==") => {
                return if word.ends_with("==") { next_word(text, end).map(|(_, end)| end) } else { Some(end) };
            }
            _ => {
                let (operator, end) = next_word(text, end)?;
                let compares =
                    matches!(operator.to_ascii_lowercase().as_str(), "equ" | "neq" | "lss" | "leq" | "gtr" | "geq")
                        || operator.starts_with("==");
                return match operator {
                    _ if !compares => None,
                    operator if operator.len() > 3 => Some(end),
                    _ => next_word(text, end).map(|(_, end)| end),
                };
            }
        }
    }
}

/// The next word of a line and where it ends; quotes respected.
fn next_word(text: &str, from: usize) -> Option<(&str, usize)> {
    let rest = text.get(from..)?;
    let start = from + (rest.len() - rest.trim_start_matches([' ', '\t']).len());
    let mut quoted = false;
    let mut end = text.len();
    for (at, c) in text.get(start..)?.char_indices() {
        quoted ^= c == '"';
        if !quoted && (c.is_whitespace() || c == '(') || c == '\n' {
            end = start + at;
            break;
        }
    }
    text.get(start..end).filter(|word| !word.is_empty()).map(|word| (word, end))
}

/// The head of a `for`.
pub(super) struct ForHead<'a> {
    pub(super) length: usize,
    /// The command whose output it goes through.
    pub(super) command: Option<&'a str>,
}

/// `for … in (…) do`.
pub(super) fn for_head(text: &str) -> Option<ForHead<'_>> {
    let bounded = text.get(..text.floor_char_boundary(MAX_HEAD))?;
    let lower = bounded.to_ascii_lowercase();
    let opens = lower.find(" in ").and_then(|at| Some(at + lower.get(at..)?.find('(')?))?;
    let (closes, after) = lower.match_indices(')').skip_while(|(at, _)| *at < opens).find_map(|(at, _)| {
        let rest = lower.get(at + 1..)?;
        let blanks = rest.len() - rest.trim_start().len();
        rest.trim_start().starts_with("do").then_some((at, at + 1 + blanks + "do".len()))
    })?;
    let set = bounded.get(opens + 1..closes)?.trim();
    let runs = lower.get(..opens)?.contains("/f");
    let command = set.strip_prefix(['\'', '`']).and_then(|set| set.strip_suffix(['\'', '`'])).filter(|_| runs);
    Some(ForHead { length: after, command })
}
