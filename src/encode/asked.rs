//! How much of what a unit names stands in the user's request: a comparison of strings that a small model cannot make
//! from its tokens. The same transfer is what was asked for with one recipient, and theft with another.

use std::collections::HashSet;

use enumset::EnumSetType;
use serde_json::Value;
use strum::{EnumIter, IntoStaticStr};

use crate::action::{Unit, UnitKind};

/// The share of a unit's names, numbers and addresses that the request holds as well.
#[derive(Debug, EnumSetType, EnumIter, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub(crate) enum Asked {
    /// Every one.
    All,
    /// At least half.
    Most,
    /// At least one.
    Some,
    /// None of them.
    None,
}

/// The longest text that is searched for values; a longer one names more than a request does.
const MAX_TEXT: usize = 4096;
/// Shorter words stand in any request by chance.
const MIN_WORD: usize = 3;

/// Compares a unit with a request; `None` when there is nothing to compare: no request, or no value that tells anything.
pub(super) fn asked(request: Option<&str>, unit: &Unit) -> Option<Asked> {
    let request = request?;
    let values = match unit.kind {
        _ if unit.text.len() > MAX_TEXT => return Some(Asked::None),
        UnitKind::Arguments => argument_values(&unit.text),
        UnitKind::Command(_) => command_values(&unit.text),
        _ => return None,
    };
    let request = Request::of(request);
    let named = values.iter().filter(|value| request.names(value)).count();
    match (named, values.len()) {
        (_, 0) => None,
        (0, _) => Some(Asked::None),
        (named, all) if named == all => Some(Asked::All),
        (named, all) if named * 2 >= all => Some(Asked::Most),
        _ => Some(Asked::Some),
    }
}

/// A request, ready to be searched.
struct Request {
    lower: String,
    numbers: HashSet<String>,
}

impl Request {
    fn of(text: &str) -> Self {
        let lower = text.to_lowercase();
        let numbers = words(&lower).filter_map(number).collect();
        Self { lower, numbers }
    }

    /// Whether the request holds the value: a number as a number, a path by its last part as well.
    fn names(&self, value: &str) -> bool {
        match number(value) {
            Some(number) => self.numbers.contains(&number),
            None => {
                let last = value.rsplit(['/', '\\']).find(|part| !part.is_empty()).unwrap_or(value);
                self.lower.contains(value) || (last.len() >= MIN_WORD && self.lower.contains(last))
            }
        }
    }
}

/// The leaves of a tool's JSON arguments, word by word; none where the JSON was cut, so that nothing counts as asked for.
fn argument_values(text: &str) -> HashSet<String> {
    let object = text.find('{').and_then(|start| text.get(start..)).unwrap_or_default();
    let mut values = HashSet::new();
    if let Ok(object) = serde_json::from_str(object) {
        collect(&object, &mut values);
    }
    values
}

fn collect(value: &Value, found: &mut HashSet<String>) {
    match value {
        Value::Object(object) => object.values().for_each(|inner| collect(inner, found)),
        Value::Array(items) => items.iter().for_each(|inner| collect(inner, found)),
        Value::String(text) => {
            found.extend(words(&text.to_lowercase()).filter(|word| telling(word)).map(str::to_owned))
        }
        Value::Number(number) => found.extend([number.to_string()]),
        Value::Bool(_) | Value::Null => {}
    }
}

/// The operands of a command: neither its flags nor the program's name.
fn command_values(text: &str) -> HashSet<String> {
    let lower = text.to_lowercase();
    let operands = lower.split_whitespace().skip(1).filter(|word| !word.starts_with('-'));
    operands.flat_map(words).filter(|word| telling(word)).map(str::to_owned).collect()
}

/// The words of a text, with the signs that hold a path, an address or a number together.
fn words(text: &str) -> impl Iterator<Item = &str> {
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

/// A number in one spelling: `1,000.50`, `1000.5` and `1000.50` are the same.
fn number(word: &str) -> Option<String> {
    let plain = word.replace(',', "");
    let digits = plain.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') && plain.matches('.').count() <= 1;
    let trimmed = if plain.contains('.') { plain.trim_end_matches('0').trim_end_matches('.') } else { plain.as_str() };
    (digits && plain.bytes().any(|byte| byte.is_ascii_digit())).then(|| trimmed.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action::Shell;

    fn arguments(request: &str, text: &str) -> Option<Asked> {
        asked(Some(request), &Unit::new(UnitKind::Arguments, text, 0..text.len()))
    }

    fn command(request: &str, text: &str) -> Option<Asked> {
        asked(Some(request), &Unit::new(UnitKind::Command(Shell::Bash), text, 0..text.len()))
    }

    #[test]
    fn another_recipient_or_amount_is_seen() {
        let request = "Send Ana (0xAB12cd) 1,250.50 USDC, please.";
        let pay = |to: &str, amount: &str| format!("wallet send {{\"to\":\"{to}\",\"amount\":{amount}}}");
        assert_eq!(arguments(request, &pay("0xAB12cd", "1250.5")), Some(Asked::All));
        assert_eq!(arguments(request, &pay("0xAB12ce", "1250.5")), Some(Asked::Most));
        assert_eq!(arguments(request, &pay("0xAB12ce", "9000")), Some(Asked::None));
    }

    #[test]
    fn keys_and_flags_do_not_count() {
        assert_eq!(arguments("note the amount", "bank pay {\"amount\":7}"), Some(Asked::None));
        assert_eq!(command("use force", "git push --force"), Some(Asked::None));
        assert_eq!(command("push it to origin", "git push --force origin"), Some(Asked::All));
    }

    #[test]
    fn a_path_is_known_by_its_last_part() {
        assert_eq!(command("delete the uploads folder", "rm -rf /srv/app/uploads"), Some(Asked::All));
        assert_eq!(command("delete the uploads folder", "rm -rf /srv/app/database"), Some(Asked::None));
    }

    #[test]
    fn nothing_to_compare_is_no_answer() {
        assert_eq!(asked(None, &Unit::new(UnitKind::Arguments, "a b {\"to\":\"ana\"}", 0..1)), None);
        assert_eq!(command("list the files", "ls -la"), None);
        assert_eq!(arguments("go on", "clock now {}"), None);
    }
}
