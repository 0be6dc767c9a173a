//! String literals of the languages whose program texts are searched: quotes, `q{…}`, `%q(…)`, `[[…]]`, lists of words.

use std::iter::Peekable;
use std::str::CharIndices;

use crate::action::Language;

/// A string literal at the beginning of a text, and what follows it.
pub(super) fn string(text: &str, language: Language) -> Option<(String, &str)> {
    match language {
        Language::Perl => generic(text, &["qq", "q"]).or_else(|| quoted(text)),
        Language::Ruby => generic(text, &["%q", "%Q", "%"]).or_else(|| quoted(text)),
        Language::Lua => bracketed(text).or_else(|| quoted(text)),
        _ => quoted(text),
    }
}

/// `qw(a b)` or `%w[a b]` at the beginning of a text, and what follows it.
pub(super) fn word_list(text: &str, language: Language) -> Option<(Vec<String>, &str)> {
    let names: &[&str] = match language {
        Language::Perl => &["qw"],
        Language::Ruby => &["%w", "%W"],
        _ => return None,
    };
    let (words, after) = generic(text, names)?;
    Some((words.split_whitespace().map(str::to_owned).collect(), after))
}

/// A literal between delimiters of the text's own choice, behind one of these names.
pub(super) fn generic<'t>(text: &'t str, names: &[&str]) -> Option<(String, &'t str)> {
    let rest = names.iter().find_map(|name| text.strip_prefix(name))?;
    let trimmed = rest.trim_start();
    // A blank may stand in front of a bracket, but not in front of any other delimiter: that would be an operator.
    let rest = if trimmed.starts_with(['{', '(', '[', '<']) && names.first().is_some_and(|name| name.starts_with('q')) {
        trimmed
    } else {
        rest
    };
    delimited(rest)
}

fn delimited(text: &str) -> Option<(String, &str)> {
    let open = text.chars().next().filter(char::is_ascii_punctuation)?;
    if matches!(open, ',' | ';' | '=' | ')' | '_' | '.') {
        return None;
    }
    let close = match open {
        '{' => '}',
        '(' => ')',
        '[' => ']',
        '<' => '>',
        other => other,
    };
    let mut depth = 0_usize;
    let mut string = String::new();
    let mut letters = text.char_indices();
    letters.next();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '\\' => match letters.next() {
                Some((_, escaped)) if escaped == close || escaped == open || escaped == '\\' => string.push(escaped),
                Some((_, escaped)) => string.extend(['\\', escaped]),
                None => return None,
            },
            _ if letter == close && depth == 0 => return Some((string, text.get(at + letter.len_utf8()..)?)),
            _ => {
                if letter == close {
                    depth -= 1;
                } else if letter == open {
                    depth += 1;
                }
                string.push(letter);
            }
        }
    }
    None
}

/// `[[…]]` and `[=[…]=]`.
fn bracketed(text: &str) -> Option<(String, &str)> {
    const MOST: usize = 8;
    let rest = text.strip_prefix('[')?;
    let level = rest.bytes().take_while(|byte| *byte == b'=').count();
    let inside = rest.get(level..)?.strip_prefix('[').filter(|_| level <= MOST)?;
    let (string, after) = inside.split_once(&format!("]{}]", "=".repeat(level)))?;
    Some((string.to_owned(), after))
}

/// A literal in quotes, with the letters that may stand in front of them.
fn quoted(text: &str) -> Option<(String, &str)> {
    const PREFIXES: [char; 10] = ['f', 'r', 'b', 'u', 'F', 'R', 'B', 'U', '@', '$'];
    const MOST: usize = 2;
    let bare = (0..MOST).fold(text, |rest, _| rest.strip_prefix(PREFIXES).unwrap_or(rest));
    let text = if bare.starts_with(['"', '\'']) { bare } else { text };
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
    fn literals_of_every_language_are_read() {
        let check = |text: &str, language: Language, expected: Option<(&str, &str)>| {
            let found = string(text, language);
            let found = found.as_ref().map(|(string, after)| (string.as_str(), *after));
            assert_eq!(found, expected, "{text}");
        };
        check("q{a {b} c};", Language::Perl, Some(("a {b} c", ";")));
        check("qq (a)", Language::Perl, Some(("a", "")));
        check("q|a\\|b|)", Language::Perl, Some(("a|b", ")")));
        check("q, a", Language::Perl, None);
        check("%q(a(b))", Language::Ruby, Some(("a(b)", "")));
        check("%{a}", Language::Ruby, Some(("a", "")));
        check("[[a]b]]", Language::Lua, Some(("a]b", "")));
        check("[==[a]]b]==]", Language::Lua, Some(("a]]b", "")));
        check("rb'a'", Language::Python, Some(("a", "")));
        check("x", Language::Python, None);
        let words = word_list("qw(rm -rf /x);", Language::Perl).map(|(words, _)| words);
        assert_eq!(words, Some(vec!["rm".to_owned(), "-rf".to_owned(), "/x".to_owned()]));
    }
}
