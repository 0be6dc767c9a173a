//! What texts of small languages run in a shell: commands of `sed` and of Tcl.

/// Commands that are looked at in one text.
const MAX_COMMANDS: usize = 512;

/// What a script of `sed` runs: `1e command`, and the replacement of `s/…/command/e`.
pub(super) fn sed_commands(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = text;
    for _ in 0..MAX_COMMANDS {
        let command = without_address(rest);
        let address = rest.strip_suffix(command).unwrap_or_default();
        rest = command;
        let Some(name) = rest.chars().next() else { break };
        let after = rest.get(name.len_utf8()..).unwrap_or_default();
        rest = match name {
            // Without a blank it is taken for a command only behind an address: other languages have words with this letter.
            'e' if after.starts_with([' ', '\t'])
                || after.starts_with(|letter: char| letter.is_ascii_alphabetic() || letter == '/')
                    && address.contains(|sign: char| sign.is_ascii_digit() || matches!(sign, '$' | '/')) =>
            {
                let (script, after) = line(after);
                found.push(script.trim().trim_end_matches('}').to_owned());
                after
            }
            's' => match substitution(after) {
                Some((script, runs, after)) => {
                    found.extend(runs.then_some(script));
                    after
                }
                None => break,
            },
            'y' => match substitution(after) {
                Some((_, _, after)) => after,
                None => break,
            },
            'a' | 'i' | 'c' => behind_text(after),
            'r' | 'R' | 'w' | 'W' | '#' => line(after).1,
            ':' | 'b' | 't' | 'T' => after.split_once([';', '\n']).map_or("", |(_, after)| after),
            '=' | 'd' | 'D' | 'e' | 'g' | 'G' | 'h' | 'H' | 'l' | 'n' | 'N' | 'p' | 'P' | 'q' | 'Q' | 'x' | 'z'
            | 'F' => {
                let after = after.trim_start_matches(|letter: char| letter.is_ascii_digit() || letter == ' ');
                if !(after.is_empty() || after.starts_with([';', '\n', '}', '#'])) {
                    break;
                }
                after
            }
            // Not `sed` at all, or nothing that it would take.
            _ => break,
        };
    }
    found.retain(|script| !script.is_empty());
    found
}

/// The text behind what stands in front of a command: blanks, brackets and addresses.
fn without_address(text: &str) -> &str {
    let is_sign = |letter: char| {
        letter.is_ascii_digit()
            || letter.is_whitespace()
            || matches!(letter, ',' | '$' | '!' | '{' | '}' | ';' | '~' | '+')
    };
    let mut rest = text.trim_start_matches(is_sign);
    for _ in 0..4 {
        let Some((delimiter, after)) = rest
            .strip_prefix('/')
            .map(|after| ('/', after))
            .or_else(|| rest.strip_prefix('\\').and_then(|after| Some((after.chars().next()?, after.get(1..)?))))
        else {
            break;
        };
        let Some((_, behind)) = until(after, delimiter) else { return "" };
        rest = behind.trim_start_matches(['I', 'M']).trim_start_matches(is_sign);
    }
    rest
}

/// The first line of a text and what follows it.
fn line(text: &str) -> (&str, &str) {
    text.split_once('\n').unwrap_or((text, ""))
}

/// What follows the text of `a`, `i` or `c`, which goes on behind a backslash.
fn behind_text(text: &str) -> &str {
    let (mut first, mut rest) = line(text);
    while first.ends_with('\\') {
        (first, rest) = line(rest);
    }
    rest
}

/// The text up to a delimiter that no backslash stands in front of, and what is behind it.
fn until(text: &str, delimiter: char) -> Option<(String, &str)> {
    let mut part = String::new();
    let mut letters = text.char_indices();
    while let Some((at, letter)) = letters.next() {
        if letter == delimiter {
            return Some((part, text.get(at + letter.len_utf8()..)?));
        }
        if letter == '\\'
            && let Some((_, escaped)) = letters.next()
        {
            if escaped != delimiter {
                part.push('\\');
            }
            part.push(escaped);
            continue;
        }
        part.push(letter);
    }
    None
}

/// The replacement behind an `s`, whether it runs, and what is behind the flags.
fn substitution(after: &str) -> Option<(String, bool, &str)> {
    let by = after.chars().next().filter(char::is_ascii_punctuation)?;
    let (_, rest) = until(after.get(1..)?, by)?;
    let (script, rest) = until(rest, by)?;
    let behind = rest.trim_start_matches(|flag: char| flag.is_ascii_digit() || "gpiIeMm".contains(flag));
    let runs = rest.get(..rest.len() - behind.len()).is_some_and(|flags| flags.contains('e'));
    Some((script, runs, behind.strip_prefix('w').map_or(behind, |file| line(file).1)))
}

/// What a Tcl text runs: `exec program …` and, in `expect`, `spawn program …`, spelled for a shell.
pub(super) fn tcl_commands(text: &str) -> Vec<String> {
    const MOST: usize = 64;
    let mut found = Vec::new();
    for name in ["exec", "spawn"] {
        for (at, _) in text.match_indices(name).take(MOST) {
            let before = text.get(..at).unwrap_or_default().trim_end_matches([' ', '\t']);
            let begins = before.is_empty() || before.ends_with(['\n', ';', '[', '{']);
            let after = text.get(at + name.len()..).unwrap_or_default();
            if begins && after.starts_with([' ', '\t']) {
                let script = tcl_words(after);
                found.extend((!script.is_empty()).then_some(script));
            }
        }
    }
    found
}

/// The words of a Tcl command up to its end: `{…}` are quotes.
fn tcl_words(text: &str) -> String {
    let mut words: Vec<String> = Vec::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches([' ', '\t']).trim_start_matches("\\\n");
        let word = match rest.chars().next() {
            None | Some('\n' | ';' | ']' | '}') => break,
            Some('{') => braced(rest),
            Some('"') => until(rest.get(1..).unwrap_or_default(), '"'),
            Some(_) => None,
        };
        match word {
            Some((word, after)) => {
                words.push(super::text::quoted(&word).into_owned());
                rest = after;
            }
            // Nothing closes it: looking for its end again behind each word would take long.
            None if rest.starts_with(['{', '"']) => {
                words.push(rest.get(1..).unwrap_or_default().to_owned());
                break;
            }
            None => {
                let end = rest.find([' ', '\t', '\n', ';', ']', '}']).unwrap_or(rest.len());
                let (word, after) = rest.split_at_checked(end).unwrap_or((rest, ""));
                // Flags of `spawn` and `exec` themselves.
                if !(words.is_empty() && word.starts_with('-')) {
                    words.push(word.to_owned());
                }
                rest = after;
            }
        }
    }
    words.join(" ")
}

/// A word in braces and what is behind it.
fn braced(text: &str) -> Option<(String, &str)> {
    let mut depth = 0_usize;
    for (at, letter) in text.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' if depth == 1 => return Some((text.get(1..at)?.to_owned(), text.get(at + 1..)?)),
            '}' => depth -= 1,
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_sed_runs_is_found() {
        assert_eq!(sed_commands("1e rm x"), ["rm x"]);
        assert_eq!(sed_commands("1erm x"), ["rm x"]);
        assert_eq!(sed_commands("p;$e/bin/rm x"), ["/bin/rm x"]);
        assert_eq!(sed_commands("s/.*/rm x/e"), ["rm x"]);
        assert_eq!(sed_commands("s/a/b/g;n\n$!{s|.*|rm \\| x|ge}\n1,/e /e ls"), ["rm | x", "ls"]);
        assert_eq!(sed_commands("/x/!e rm x"), ["rm x"]);
        assert_eq!(sed_commands("a\\\nhello\n1e rm x"), ["rm x"]);
        for text in [
            "module e x",
            "defmodule X",
            "dine x",
            "else x",
            "s/a/b/g",
            "$!N;s/e /x/",
            "y/e /x /",
            "a\\ e rm",
            "s/x/e rm/;p",
            ":e rm",
            "s/a/b/w e rm",
            "p",
        ] {
            assert!(sed_commands(text).is_empty(), "{text}");
        }
    }

    #[test]
    fn what_tcl_runs_is_found() {
        assert_eq!(tcl_commands("spawn rm -rf /x"), ["rm -rf /x"]);
        assert_eq!(tcl_commands("set a 1; spawn -noecho bash -c {rm -rf /x}\nexpect eof"), ["bash -c 'rm -rf /x'"]);
        assert_eq!(tcl_commands("puts [exec \"rm\" x]"), ["rm x"]);
        assert!(tcl_commands("puts exec; s/exec a/b/").is_empty());
    }
}
