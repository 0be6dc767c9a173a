//! The canonical spelling of words: one way to quote, so that one meaning has one text.

use std::borrow::Cow;

/// One part of an expanded word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part {
    /// Text that stands for itself.
    Literal(String),
    /// Unquoted text whose globs or tilde are active.
    Active(String),
    /// Text only known at run time, as `$name` or `$(…)`.
    Dynamic(String),
}

impl Part {
    /// Its text.
    pub(super) fn text(&self) -> &str {
        match self {
            Self::Literal(text) | Self::Active(text) | Self::Dynamic(text) => text,
        }
    }
}

/// Whether a word can stand without quotes and mean itself.
pub(super) fn is_plain(word: &str) -> bool {
    !word.is_empty()
        && !word.starts_with(['~', '#'])
        && word.bytes().all(|byte| {
            byte.is_ascii_alphanumeric()
                || byte >= 0x80
                || matches!(
                    byte,
                    b'_' | b'-'
                        | b'.'
                        | b'/'
                        | b':'
                        | b'='
                        | b'@'
                        | b'%'
                        | b'+'
                        | b','
                        | b'^'
                        | b'!'
                        | b'{'
                        | b'}'
                        | b'#'
                        | b'~'
                        | b']'
                )
        })
        && !braces_expand(word)
}

/// Whether unquoted braces in this word would be expanded.
fn braces_expand(word: &str) -> bool {
    word.contains('{') && (word.contains(',') || word.contains(".."))
}

/// The word in single quotes.
pub(super) fn single_quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('\'');
    for (index, part) in text.split('\'').enumerate() {
        if index > 0 {
            quoted.push_str("'\\''");
        }
        quoted.push_str(part);
    }
    quoted.push('\'');
    quoted
}

/// The word as it is, or quoted if it must be; of `--flag=value` only the value.
pub(super) fn quoted(text: &str) -> Cow<'_, str> {
    if is_plain(text) {
        return Cow::Borrowed(text);
    }
    if let Some((name, value)) = text.split_once('=')
        && !value.is_empty()
        && !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
    {
        return Cow::Owned(format!("{name}={}", single_quoted(value)));
    }
    Cow::Owned(single_quoted(text))
}

/// The canonical spelling of an expanded word.
pub(super) fn spell(parts: &[Part]) -> String {
    match parts {
        [] => "''".to_owned(),
        [Part::Literal(text)] => quoted(text).into_owned(),
        [Part::Active(text) | Part::Dynamic(text)] => text.clone(),
        _ if parts.iter().all(|part| matches!(part, Part::Literal(_))) => {
            quoted(&parts.iter().map(Part::text).collect::<String>()).into_owned()
        }
        _ if parts.iter().any(|part| matches!(part, Part::Active(_))) => piecewise(parts),
        _ if parts.iter().all(|part| matches!(part, Part::Dynamic(_)) || is_plain(part.text())) => piecewise(parts),
        _ => double_quoted(parts),
    }
}

fn piecewise(parts: &[Part]) -> String {
    let mut word = String::new();
    for (index, part) in parts.iter().enumerate() {
        match part {
            Part::Literal(text) if text.is_empty() => {}
            Part::Literal(text) if index > 0 && is_plain_inside(text) => word.push_str(text),
            Part::Literal(text) => word.push_str(&quoted(text)),
            Part::Active(text) => word.push_str(text),
            Part::Dynamic(text) => word.push_str(&closed(text, parts.get(index + 1))),
        }
    }
    word
}

/// Whether text can stand unquoted after other text.
fn is_plain_inside(text: &str) -> bool {
    is_plain(text) || text.strip_prefix(['#', '~']).is_some_and(|rest| rest.is_empty() || is_plain(rest))
}

/// All parts within one pair of double quotes.
pub(super) fn double_quoted(parts: &[Part]) -> String {
    let mut word = String::from("\"");
    for (index, part) in parts.iter().enumerate() {
        match part {
            Part::Dynamic(text) => word.push_str(&closed(text, parts.get(index + 1))),
            Part::Literal(text) | Part::Active(text) => {
                for letter in text.chars() {
                    if matches!(letter, '"' | '\\' | '$' | '`') {
                        word.push('\\');
                    }
                    word.push(letter);
                }
            }
        }
    }
    word.push('"');
    word
}

/// `$name`, in braces when what follows would be read as part of the name.
fn closed<'t>(text: &'t str, next: Option<&Part>) -> Cow<'t, str> {
    let continues = next
        .and_then(|part| part.text().bytes().next())
        .is_some_and(|byte| byte == b'_' || byte == b'[' || byte.is_ascii_alphanumeric());
    match text.strip_prefix('$') {
        Some(name) if continues && !name.starts_with(['(', '{']) => Cow::Owned(format!("${{{name}}}")),
        _ => Cow::Borrowed(text),
    }
}

/// Cuts a text to `most` characters, marking the cut.
pub(super) fn shortened(text: &str, most: usize) -> Cow<'_, str> {
    match text.char_indices().nth(most) {
        Some((end, _)) => Cow::Owned(format!("{}…", text.get(..end).unwrap_or_default())),
        None => Cow::Borrowed(text),
    }
}
