//! The words of the tables, each stored once.

use std::collections::HashMap;
use std::sync::Mutex;

/// Errors found so far.
static ERRORS: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Notes an error and where it stands; the build ends with all of them.
pub(crate) fn report(file: &str, key: &str, what: &str) {
    if let Ok(mut errors) = ERRORS.lock() {
        errors.push(format!("{file}: [{key}]: {what}"));
    }
}

/// Ends the build if anything was reported.
pub(crate) fn end_if_reported() {
    let errors = ERRORS.lock().map(|errors| errors.join("\n")).unwrap_or_default();
    assert!(errors.is_empty(), "the tables have errors:\n{errors}");
}

/// Ends the build with a message that says where the error stands, and with what was reported before.
pub(crate) fn fail(file: &str, key: &str, what: &str) -> ! {
    report(file, key, what);
    end_if_reported();
    unreachable!("something was reported")
}

/// A growing text of words.
#[derive(Default)]
pub(crate) struct Text {
    text: String,
    known: HashMap<String, usize>,
}

impl Text {
    /// The place of a word as Rust source: a `W`.
    pub(crate) fn word(&mut self, word: &str) -> String {
        let start = self.place(word);
        format!("W({start},{})", word.len())
    }

    /// A word and a number that belongs to it, as Rust source: an `E`.
    pub(crate) fn entry(&mut self, word: &str, number: usize) -> String {
        let start = self.place(word);
        format!("E({start},{number},{})", word.len())
    }

    fn place(&mut self, word: &str) -> usize {
        if let Some(start) = self.known.get(word) {
            return *start;
        }
        let start = self.text.len();
        self.text.push_str(word);
        self.known.insert(word.to_owned(), start);
        start
    }

    /// All words in a row.
    pub(crate) fn into_string(self) -> String {
        self.text
    }
}
