//! Parameter expressions: `${name[index]op word}` taken apart and applied to constants.

use crate::normalize::shell::scope::{Arguments, Constant};

/// A parameter expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Parameter<'a> {
    /// As spelled, without `${` and `}`.
    pub source: &'a str,
    /// The parameter.
    pub name: &'a str,
    /// Between `[` and `]`.
    pub index: Option<&'a str>,
    /// Whether it begins with `!`.
    pub indirect: bool,
    /// Whether it is `${#name}`.
    pub length: bool,
    /// What follows the name.
    pub operation: &'a str,
}

/// Parameters that are only known at run time but cannot be used to hide what runs.
const HARMLESS: &[&str] = &[
    "?",
    "#",
    "$",
    "!",
    "-",
    "@",
    "*",
    "0",
    "USER",
    "LOGNAME",
    "UID",
    "EUID",
    "HOSTNAME",
    "TMPDIR",
    "SHELL",
    "PATH",
    "RANDOM",
    "SECONDS",
    "LINENO",
    "PPID",
    "OLDPWD",
    "LANG",
    "TERM",
    "BASH_SOURCE",
    "EPOCHSECONDS",
    "COLUMNS",
    "CI",
];

/// Values longer than this are not searched for patterns.
const MAX_PATTERN_TEXT: usize = 512;

/// Whether a parameter is no gap although it is not known.
pub(super) fn is_harmless(name: &str) -> bool {
    HARMLESS.contains(&name) || name.bytes().all(|byte| byte.is_ascii_digit())
}

/// Takes an expression apart.
pub(super) fn parse(source: &str) -> Parameter<'_> {
    let mut rest = source;
    let mut take = |sign: char| match rest.strip_prefix(sign) {
        Some(after)
            if !after.is_empty()
                && after.starts_with(|letter: char| letter == '_' || letter.is_ascii_alphanumeric()) =>
        {
            rest = after;
            true
        }
        _ => false,
    };
    let indirect = take('!');
    let length = !indirect && take('#');
    let n_name = rest.bytes().take_while(|byte| *byte == b'_' || byte.is_ascii_alphanumeric()).count();
    let n_name = if n_name == 0 { rest.chars().next().map_or(0, char::len_utf8) } else { n_name };
    let (name, rest) = rest.split_at(n_name);
    let (index, operation) = match rest.strip_prefix('[').and_then(|inside| inside.split_once(']')) {
        Some((index, operation)) => (Some(index), operation),
        None => (None, rest),
    };
    Parameter { source, name, index, indirect, length, operation }
}

/// Whether a parameter is an argument, or all of them.
pub(super) fn is_argument(name: &str) -> bool {
    matches!(name, "@" | "*") || name.parse::<usize>().is_ok_and(|number| number > 0)
}

/// The value of a positional parameter; `None` when the name is not one.
pub(super) fn positional(name: &str, arguments: &Arguments) -> Option<Vec<Constant>> {
    let values = &arguments.values;
    match name {
        "0" => arguments.name.clone().map(|name| vec![name]),
        "@" | "*" => Some(values.clone()),
        "#" => Some(vec![Constant { text: values.len().to_string(), ..Constant::default() }]),
        _ => match name.parse::<usize>() {
            Ok(0) | Err(_) => None,
            Ok(n) => Some(values.get(n - 1).cloned().into_iter().collect()),
        },
    }
}

impl<'a> Parameter<'a> {
    /// Whether it is a name and nothing else.
    pub(super) fn is_plain(&self) -> bool {
        self.index.is_none() && !self.indirect && !self.length && self.operation.is_empty()
    }

    /// Whether it names all elements of an array.
    pub(super) fn is_all(&self) -> bool {
        matches!(self.index, Some("@" | "*"))
    }

    /// Whether the elements stay apart within quotes.
    pub(super) fn is_separate(&self) -> bool {
        self.index == Some("@") || self.name == "@"
    }

    /// Whether it names several elements and takes some of them, as `${@:2}` does.
    pub(super) fn is_slice(&self) -> bool {
        let slices = self.operation.strip_prefix(':').is_some_and(|rest| !rest.starts_with(['-', '=', '?', '+']));
        slices && !self.length && (self.is_all() || matches!(self.name, "@" | "*"))
    }

    /// The elements that the slice takes; `None` when that cannot be worked out. `script` is what `$0` is.
    pub(super) fn sliced(&self, values: &[Constant], script: Option<&Constant>) -> Option<Vec<Constant>> {
        let spec = self.operation.strip_prefix(':')?;
        let number = |text: &str| text.trim().trim_matches(['(', ')']).trim().parse::<i64>().ok();
        let (offset, length) = match spec.split_once(':') {
            Some((offset, length)) => (number(offset)?, Some(usize::try_from(number(length)?).ok()?)),
            None => (number(spec)?, None),
        };
        // `$0` stands in front of the arguments.
        let is_positional = matches!(self.name, "@" | "*");
        let first = is_positional.then(|| script.cloned().unwrap_or_default());
        let all: Vec<&Constant> = first.iter().chain(values).collect();
        let n_all = i64::try_from(all.len()).ok()?;
        let Ok(start) = usize::try_from(if offset < 0 { n_all + offset } else { offset }) else {
            return Some(Vec::new());
        };
        if is_positional && start == 0 && script.is_none() {
            return None;
        }
        Some(all.into_iter().skip(start).take(length.unwrap_or(usize::MAX)).cloned().collect())
    }

    /// Whether it says what to use when the parameter is unset.
    pub(super) fn has_default(&self) -> bool {
        let operation = self.operation.strip_prefix(':').unwrap_or(self.operation);
        !self.indirect && operation.starts_with(['-', '='])
    }

    /// Whether its word is only expanded when the parameter is set, or only when it is not.
    pub(super) fn is_conditional(&self) -> bool {
        let operation = self.operation.strip_prefix(':').unwrap_or(self.operation);
        operation.starts_with(['-', '=', '+'])
    }

    /// The values that the index selects.
    pub(super) fn select(&self, values: &[Constant]) -> Option<Vec<Constant>> {
        match self.index {
            Some("@" | "*") if !self.length => Some(values.to_vec()),
            Some("@" | "*") => Some(vec![Constant { text: values.len().to_string(), ..Constant::default() }]),
            Some(index) => Some(values.get(index.parse::<usize>().ok()?).cloned().into_iter().collect()),
            None => Some(values.first().cloned().into_iter().collect()),
        }
    }

    /// The word that takes the place of these values, if one does.
    pub(super) fn replacement(&self, values: &[Constant]) -> Option<&'a str> {
        let (colon, operation) = match self.operation.strip_prefix(':') {
            Some(rest) => (true, rest),
            None => (false, self.operation),
        };
        let unset = values.is_empty() || (colon && values.iter().all(|value| value.text.is_empty()));
        match operation.chars().next() {
            Some('-' | '=') if unset => operation.get(1..),
            Some('+') if !unset => operation.get(1..),
            _ => None,
        }
    }

    /// The value after the operation; `None` when it cannot be worked out.
    pub(super) fn apply(&self, value: &Constant) -> Option<Constant> {
        if self.length && !self.is_all() {
            return Some(Constant { text: value.text.chars().count().to_string(), ..Constant::default() });
        }
        let text = operated(&value.text, self.operation)?;
        let parts = if text == value.text { value.parts.clone() } else { Vec::new() };
        Some(Constant { text, parts, decoded: value.decoded })
    }
}

fn operated(value: &str, operation: &str) -> Option<String> {
    let two = operation.get(..2).unwrap_or_default();
    let (one, word) = (operation.get(..1).unwrap_or_default(), operation.get(1..).unwrap_or_default());
    let rest = operation.get(2..).unwrap_or_default();
    match (one, two) {
        ("", _) | ("@", _) | ("-" | "=" | "?", _) | (_, ":-" | ":=" | ":?") => Some(value.to_owned()),
        ("+", _) | (_, ":+") => Some(String::new()),
        (_, "^^") => Some(value.to_uppercase()),
        (_, ",,") => Some(value.to_lowercase()),
        ("^", _) => Some(first_changed(value, |letter| letter.to_uppercase().collect())),
        (",", _) => Some(first_changed(value, |letter| letter.to_lowercase().collect())),
        (_, "##") => without_prefix(value, rest, true),
        (_, "%%") => without_suffix(value, rest, true),
        ("#", _) => without_prefix(value, word, false),
        ("%", _) => without_suffix(value, word, false),
        ("/", _) => replaced(value, word),
        (":", _) => substring(value, word),
        _ => None,
    }
}

fn first_changed(value: &str, change: impl Fn(char) -> String) -> String {
    let mut letters = value.chars();
    letters.next().map(change).unwrap_or_default() + letters.as_str()
}

fn substring(value: &str, spec: &str) -> Option<String> {
    let (offset, length) = match spec.split_once(':') {
        Some((offset, length)) => (offset, Some(length.trim().parse::<i64>().ok()?)),
        None => (spec, None),
    };
    let n_letters = i64::try_from(value.chars().count()).ok()?;
    let offset = offset.trim().trim_matches(['(', ')']).trim().parse::<i64>().ok()?;
    let start = if offset < 0 { (n_letters + offset).max(0) } else { offset.min(n_letters) };
    let end = match length {
        Some(length) if length < 0 => (n_letters + length).max(start),
        Some(length) => start.saturating_add(length).min(n_letters),
        None => n_letters,
    };
    let (start, length) = (usize::try_from(start).ok()?, usize::try_from(end - start).ok()?);
    Some(value.chars().skip(start).take(length).collect())
}

/// A pattern made only of constants, with its quotes removed.
fn pattern(word: &str) -> Option<String> {
    let usable = word.len() <= 64 && !word.contains(['$', '`']);
    usable.then(|| word.chars().filter(|letter| !matches!(letter, '\'' | '"')).collect())
}

fn ends(value: &str) -> impl DoubleEndedIterator<Item = usize> {
    value.char_indices().map(|(at, _)| at).chain([value.len()]).collect::<Vec<_>>().into_iter()
}

fn without_prefix(value: &str, word: &str, longest: bool) -> Option<String> {
    let pattern = pattern(word).filter(|_| value.len() <= MAX_PATTERN_TEXT)?;
    let matches = |end: &usize| value.get(..*end).is_some_and(|prefix| is_match(&pattern, prefix));
    let end = if longest { ends(value).rev().find(matches) } else { ends(value).find(matches) };
    Some(value.get(end.unwrap_or(0)..).unwrap_or_default().to_owned())
}

fn without_suffix(value: &str, word: &str, longest: bool) -> Option<String> {
    let pattern = pattern(word).filter(|_| value.len() <= MAX_PATTERN_TEXT)?;
    let matches = |start: &usize| value.get(*start..).is_some_and(|suffix| is_match(&pattern, suffix));
    let start = if longest { ends(value).find(matches) } else { ends(value).rev().find(matches) };
    Some(value.get(..start.unwrap_or(value.len())).unwrap_or_default().to_owned())
}

/// `${name/pattern/word}` and `${name//pattern/word}` for patterns without globs.
fn replaced(value: &str, spec: &str) -> Option<String> {
    let (all, spec) = match spec.strip_prefix('/') {
        Some(spec) => (true, spec),
        None => (false, spec),
    };
    let (from, to) = spec.split_once('/').unwrap_or((spec, ""));
    let (from, to) = (pattern(from)?, pattern(to)?);
    if from.is_empty() || from.contains(['*', '?', '[', '#', '%']) || to.contains('&') {
        return None;
    }
    let (from, to) = (from.replace('\\', ""), to.replace('\\', ""));
    Some(if all { value.replace(&from, &to) } else { value.replacen(&from, &to, 1) })
}

/// Whether a glob of `*`, `?` and plain characters matches the whole text.
fn is_match(pattern: &str, text: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let text: Vec<char> = text.chars().collect();
    let (mut p, mut t) = (0, 0);
    let mut star = None;
    while let Some(&letter) = text.get(t) {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, t));
                p += 1;
            }
            Some('?') => {
                p += 1;
                t += 1;
            }
            Some(&wanted) if wanted == letter => {
                p += 1;
                t += 1;
            }
            _ => match star {
                Some((star_p, star_t)) => {
                    star = Some((star_p, star_t + 1));
                    p = star_p + 1;
                    t = star_t + 1;
                }
                None => return false,
            },
        }
    }
    pattern.iter().skip(p).all(|&letter| letter == '*')
}
