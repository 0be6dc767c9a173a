//! What `xargs` and `parallel` make of their input: known words of it become arguments of what they run.

use std::rc::Rc;

use crate::action::Command;
use crate::normalize::shell::decode::Literal;
use crate::normalize::shell::expand::Field;
use crate::normalize::shell::stdin::Stdin;
use crate::normalize::shell::walk::Walker;
use crate::normalize::shell::words::{Mark, Words, basename};

/// Items of the input of `xargs` that are looked at.
const MAX_ITEMS: usize = 16;

impl Walker {
    /// `xargs` appends what it reads: known words become arguments. What it runs reads nothing.
    pub(super) fn with_input_words(
        &mut self,
        run: &mut Words,
        (start, end): (usize, usize),
        stdin: &mut Stdin,
    ) -> (Vec<Command>, String) {
        let before = run.fields.iter().take(start).rev();
        let flags: Vec<&str> = before
            .map(|field| field.text.as_str())
            .take_while(|text| !matches!(basename(text), "xargs" | "gxargs" | "parallel"))
            .collect();
        let input = Rc::clone(&stdin.input);
        let words = input.literal().map(|literal| items(literal, &flags)).unwrap_or_default();
        let decoded = input.literal().is_some_and(|literal| literal.decoded);
        if words.is_empty() {
            let commands = self.command(run, start, end, &mut Stdin::nothing());
            return (commands, run.shown(start, end));
        }
        self.appends = words.len() >= MAX_ITEMS;
        let mut fields: Vec<Field> = run.fields.iter().take(end).skip(start).cloned().collect();
        let joined = words.join(" ");
        let slot = slot(&flags);
        let mut placed = false;
        for field in fields.iter_mut().filter(|field| field.text.contains(slot)) {
            field.text = field.text.replace(slot, &joined);
            field.parts.clear();
            field.decoded |= decoded;
            placed = true;
        }
        if !placed {
            fields.extend(words.into_iter().map(|word| Field { decoded, ..Field::literal(word) }));
        }
        let n_fields = fields.len();
        let mut run = Words { marks: vec![Mark::Plain; n_fields], fields };
        let commands = self.command(&mut run, 0, n_fields, &mut Stdin::nothing());
        (commands, run.shown(0, n_fields))
    }
}

/// What `xargs` makes of its input, by its flags.
fn items(literal: &Literal, flags: &[&str]) -> Vec<String> {
    let text = String::from_utf8_lossy(&literal.bytes);
    let has = |names: &[&str]| flags.iter().any(|flag| names.contains(flag));
    let by_line = flags
        .iter()
        .any(|flag| ["-I", "-J", "-L", "-d", "--delimiter", "--replace"].iter().any(|name| flag.starts_with(name)));
    let whole = |part: &str| part.trim_matches('\n').to_owned();
    let items: Vec<String> = if has(&["-0", "--null"]) || flags.iter().any(|flag| is_bundle_of(flag, '0')) {
        text.split('\0').map(whole).filter(|item| !item.is_empty()).take(MAX_ITEMS).collect()
    } else if by_line || has(&["-i"]) {
        text.lines().map(str::to_owned).filter(|item| !item.is_empty()).take(MAX_ITEMS).collect()
    } else {
        unquoted_words(&text).into_iter().take(MAX_ITEMS).collect()
    };
    items
}

/// Whether a flag is a few short ones in one argument, with this letter among them.
fn is_bundle_of(flag: &str, letter: char) -> bool {
    flag.strip_prefix('-').is_some_and(|letters| {
        letters.len() <= 4 && letters.contains(letter) && letters.starts_with(|first: char| "0rtpx".contains(first))
    })
}

/// Words between blanks, where quotes hold blanks as they do for `xargs`.
fn unquoted_words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let (mut word, mut quote, mut begun) = (String::new(), None, false);
    for letter in text.chars() {
        match quote {
            Some(open) if letter == open => quote = None,
            Some(_) => word.push(letter),
            None if matches!(letter, '"' | '\'') => {
                quote = Some(letter);
                begun = true;
            }
            None if letter.is_whitespace() => {
                if begun || !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
                begun = false;
            }
            None => word.push(letter),
        }
    }
    if begun || !word.is_empty() {
        words.push(word);
    }
    words
}

/// What stands for the input in the command of `xargs`.
fn slot<'a>(flags: &[&'a str]) -> &'a str {
    let named = |flag: &&'a str| flag.strip_prefix("-I").or_else(|| flag.strip_prefix("--replace="));
    let glued = flags.iter().find_map(named).filter(|slot| !slot.is_empty());
    // The flags come last first: a value stands in front of its flag.
    let apart = flags.iter().position(|flag| matches!(*flag, "-I" | "-J")).and_then(|at| flags.get(at.checked_sub(1)?));
    glued.or(apart.copied()).unwrap_or("{}")
}

/// The script of `parallel` with what comes behind `:::` or, without that, what is read.
pub(super) fn with_sources(script: &str, run: &Words, end: usize, stdin: &Stdin) -> String {
    const MOST: usize = 16;
    let given = run.fields.iter().skip(end).skip_while(|field| !field.text.starts_with(":::"));
    let mut words: Vec<&str> =
        given.map(|field| field.text.as_str()).filter(|text| !text.starts_with(":::")).take(MOST).collect();
    if words.is_empty()
        && let Some(text) = stdin.input.literal().and_then(Literal::as_text)
    {
        words = text.lines().take(MOST).collect();
    }
    if words.is_empty() {
        return script.to_owned();
    }
    let joined = words.join(" ");
    if script.contains("{}") { script.replace("{}", &joined) } else { format!("{script} {joined}") }
}
