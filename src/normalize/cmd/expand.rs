//! `%X%`, `!X!`, `%X:~0,3%` and `%X:a=b%` with values that are known.

use std::collections::HashMap;

use crate::normalize::{limits, windows};

/// Bytes of a variable's reference.
const MAX_NAME: usize = 128;

/// The variables that a script set to constants.
#[derive(Debug, Clone, Default)]
pub(super) struct Variables {
    known: HashMap<String, String>,
    expanded: usize,
}

impl Variables {
    /// Sets a variable, or forgets it when its value is not known.
    pub(super) fn set(&mut self, name: &str, value: Option<&str>) {
        let name = name.trim_start_matches(['"', ' ']).to_ascii_lowercase();
        match value.filter(|value| self.expanded + value.len() <= limits::MAX_EXPANDED) {
            Some(value) => {
                self.expanded += value.len();
                self.known.insert(name, value.trim_end_matches('"').to_owned());
            }
            None => {
                self.known.remove(&name);
            }
        }
    }

    fn get(&self, name: &str) -> Option<&str> {
        let name = name.to_ascii_lowercase();
        self.known.get(&name).map(String::as_str).or_else(|| windows::environment(&name))
    }

    /// The text with known variables filled in, and whether one of the script's own was.
    pub(super) fn expand(&self, text: &str) -> (String, bool) {
        if !text.contains(['%', '!']) {
            return (text.to_owned(), false);
        }
        let mut out = String::with_capacity(text.len());
        let mut changed = false;
        let mut rest = text;
        while let Some(at) = rest.find(['%', '!']) {
            let (before, from) = rest.split_at(at);
            out.push_str(before);
            let mark = from.chars().next().unwrap_or('%');
            let inside = from.get(1..).unwrap_or_default();
            let end = inside.bytes().take(MAX_NAME).position(|byte| char::from(byte) == mark || byte == b'\n');
            let value = end.and_then(|end| inside.get(..end)).and_then(|reference| self.value(reference));
            match (value, end) {
                (Some(value), Some(end)) if out.len() + value.len() <= limits::MAX_EXPANDED => {
                    out.push_str(&value);
                    changed = true;
                    rest = inside.get(end + 1..).unwrap_or_default();
                }
                _ => {
                    out.push(mark);
                    rest = inside;
                }
            }
        }
        out.push_str(rest);
        (out, changed)
    }

    /// The value of what stands between the marks.
    fn value(&self, reference: &str) -> Option<String> {
        let (name, change) = match reference.split_once(':') {
            Some((name, change)) => (name, Some(change)),
            None => (reference, None),
        };
        let value = self.get(name)?;
        let Some(change) = change else { return Some(value.to_owned()) };
        if let Some(slice) = change.strip_prefix('~') {
            return substring(value, slice);
        }
        let (from, to) = change.split_once('=')?;
        (!from.is_empty()).then(|| value.replace(from, to)).filter(|value| value.len() <= limits::MAX_EXPANDED)
    }
}

/// `~start,length`, either of them from the end when negative.
fn substring(value: &str, slice: &str) -> Option<String> {
    let (start, length) = slice.split_once(',').map_or((slice, None), |(start, length)| (start, Some(length)));
    let characters: Vec<char> = value.chars().collect();
    let position = |from: usize, offset: i64| -> Option<usize> {
        let offset = if offset < 0 {
            i64::try_from(characters.len()).ok()?.checked_add(offset)?
        } else {
            i64::try_from(from).ok()?.checked_add(offset)?
        };
        Some(usize::try_from(offset.max(0)).ok()?.min(characters.len()))
    };
    let start = position(0, start.trim().parse().ok()?)?;
    let end = match length {
        Some(length) => position(start, length.trim().parse().ok()?)?,
        None => characters.len(),
    };
    Some(characters.get(start..end.max(start))?.iter().collect())
}
