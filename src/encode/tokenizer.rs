//! Byte-level BPE as a `tokenizer.json` describes it: text → token ids.
//!
//! Reads the one form that `scripts/train_tokenizer.py` writes and refuses every other. A library for all forms keeps offsets,
//! normalised copies and a string a token; that took a tenth of a decision, of which a fifth was BPE. `tests/it/parity.rs`
//! holds the ids to those of that library.

use std::borrow::{Borrow, Cow};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use regex::Regex;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::EncodeError;
use super::markers::{CLOSE, OPEN};

/// Largest vocabulary: tables are as long as it.
const MAX_VOCABULARY: u32 = 1 << 20;

/// What two neighbouring tokens become.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Merge {
    /// How early training found it: lower goes first.
    rank: u32,
    id: u32,
}

/// Cuts a text into pieces and joins the bytes of each into tokens.
pub(super) struct Tokenizer {
    /// Finds the pieces; no token reaches over the end of one.
    pieces: Regex,
    markers: HashMap<String, u32>,
    /// The token of each byte.
    bytes: [u32; 256],
    merges: Merges,
}

impl Tokenizer {
    /// From the bytes of a `tokenizer.json`.
    pub(super) fn new(json: &[u8]) -> Result<Self, EncodeError> {
        let file: File<'_> = serde_json::from_slice(json).map_err(EncodeError::Tokenizer)?;
        let pattern = file.pattern().ok_or(EncodeError::Form)?;
        let pieces = Regex::new(pattern).map_err(EncodeError::Pattern)?;
        let vocabulary = &file.model.vocab;
        if vocabulary.values().any(|id| *id >= MAX_VOCABULARY) {
            return Err(EncodeError::Form);
        }
        let id = |word: &str| vocabulary.get(word).copied().ok_or_else(|| EncodeError::Token(word.to_owned()));
        let mut bytes = [0; 256];
        for (slot, letter) in bytes.iter_mut().zip(byte_letters()) {
            *slot = id(letter.encode_utf8(&mut [0; 4]))?;
        }
        let mut merges = Vec::with_capacity(file.model.merges.len());
        let mut joined = String::new();
        for (rank, [left, right]) in (0..).zip(&file.model.merges) {
            joined.clear();
            joined.extend([&*left.0, &*right.0]);
            merges.push((id(&left.0)?, id(&right.0)?, Merge { rank, id: id(&joined)? }));
        }
        let markers = file.added_tokens.into_iter().map(|added| (added.content, added.id)).collect();
        Ok(Self { pieces, markers, bytes, merges: Merges::new(merges) })
    }

    /// The id of a marker.
    pub(super) fn marker(&self, marker: &str) -> Option<u32> {
        self.markers.get(marker).copied()
    }

    /// The ids of a text.
    pub(super) fn ids(&self, text: &str) -> Vec<u32> {
        let mut ids = Vec::with_capacity(text.len() / 3);
        let mut word = Word::default();
        let mut rest = text;
        while let Some((plain, id, after)) = self.next_marker(rest) {
            self.plain(plain, &mut word, &mut ids);
            ids.push(id);
            rest = after;
        }
        self.plain(rest, &mut word, &mut ids);
        ids
    }

    /// The text before the next marker, its id, and the text after it.
    fn next_marker<'t>(&self, text: &'t str) -> Option<(&'t str, u32, &'t str)> {
        text.match_indices(OPEN).find_map(|(start, _)| {
            let (before, from) = text.split_at_checked(start)?;
            let (marker, after) = from.split_at_checked(from.find(CLOSE)? + CLOSE.len_utf8())?;
            Some((before, self.marker(marker)?, after))
        })
    }

    /// Adds the ids of a text without markers.
    fn plain(&self, text: &str, word: &mut Word, ids: &mut Vec<u32>) {
        let mut end = 0;
        let mut add = |piece: Option<&str>| word.add(self, piece.unwrap_or_default().as_bytes(), ids);
        for piece in self.pieces.find_iter(text) {
            add(text.get(end..piece.start()));
            add(Some(piece.as_str()));
            end = piece.end();
        }
        add(text.get(end..));
    }
}

/// What each pair of neighbouring tokens becomes: looked up more often than anything else, so without hashing.
struct Merges {
    /// For each left token, where its merges end in `merges`; they begin where those of the token before end.
    ends: Vec<usize>,
    /// The right token and what becomes of both, sorted by the left token, then the right one.
    merges: Vec<(u32, Merge)>,
}

impl Merges {
    /// From left and right tokens and what they become. Training names a pair once; if a file names it again, the first counts.
    fn new(mut pairs: Vec<(u32, u32, Merge)>) -> Self {
        pairs.sort_unstable();
        pairs.dedup_by_key(|(left, right, _)| (*left, *right));
        let most = pairs.last().map_or(0, |(left, ..)| *left);
        let ends = (0..=most).map(|token| pairs.partition_point(|(left, ..)| *left <= token)).collect();
        Self { ends, merges: pairs.into_iter().map(|(_, right, merge)| (right, merge)).collect() }
    }

    fn get(&self, left: u32, right: u32) -> Option<Merge> {
        let left = usize::try_from(left).ok()?;
        let end = *self.ends.get(left)?;
        let start = left.checked_sub(1).and_then(|before| self.ends.get(before).copied()).unwrap_or_default();
        let merges = self.merges.get(start..end)?;
        let at = merges.binary_search_by_key(&right, |(right, _)| *right).ok()?;
        merges.get(at).map(|(_, merge)| *merge)
    }
}

/// The end of a chain of parts.
const NONE: usize = usize::MAX;

/// A token of a piece, and its neighbours' places in [`Word::parts`].
#[derive(Clone, Copy)]
struct Part {
    id: u32,
    before: usize,
    after: usize,
}

/// One piece while its tokens are joined; kept from piece to piece, so that most need no memory of their own.
#[derive(Default)]
struct Word {
    parts: Vec<Part>,
    /// The joins that can be made, the earliest found by training first, then the leftmost. Those that another join has made
    /// impossible stay until they come up.
    joins: BinaryHeap<Reverse<(Merge, usize)>>,
}

impl Word {
    /// Adds the ids of a piece.
    fn add(&mut self, tokenizer: &Tokenizer, piece: &[u8], ids: &mut Vec<u32>) {
        let last = piece.len().wrapping_sub(1);
        self.parts.clear();
        self.parts.extend(piece.iter().enumerate().map(|(at, byte)| Part {
            id: tokenizer.bytes.get(usize::from(*byte)).copied().unwrap_or_default(),
            before: at.wrapping_sub(1),
            after: if at == last { NONE } else { at + 1 },
        }));
        (0..piece.len()).for_each(|at| self.note(tokenizer, at));
        while let Some(Reverse((merge, at))) = self.joins.pop() {
            self.join(tokenizer, merge, at);
        }
        let mut at = 0;
        while let Some(part) = self.parts.get(at) {
            ids.push(part.id);
            at = part.after;
        }
    }

    /// What the part at a place and the one after it become.
    fn merge(&self, tokenizer: &Tokenizer, at: usize) -> Option<Merge> {
        let part = self.parts.get(at)?;
        tokenizer.merges.get(part.id, self.parts.get(part.after)?.id)
    }

    fn note(&mut self, tokenizer: &Tokenizer, at: usize) {
        self.joins.extend(self.merge(tokenizer, at).map(|merge| Reverse((merge, at))));
    }

    /// Makes a join, unless one of the two has become part of another.
    fn join(&mut self, tokenizer: &Tokenizer, merge: Merge, at: usize) {
        if self.merge(tokenizer, at) != Some(merge) {
            return;
        }
        let Some(left) = self.parts.get(at).copied() else { return };
        let Some(right) = self.parts.get_mut(left.after) else { return };
        let after = std::mem::replace(right, Part { id: GONE, before: NONE, after: NONE }).after;
        if let Some(part) = self.parts.get_mut(after) {
            part.before = at;
        }
        if let Some(part) = self.parts.get_mut(at) {
            (part.id, part.after) = (merge.id, after);
        }
        self.note(tokenizer, left.before);
        self.note(tokenizer, at);
    }
}

/// Stands in a part that was joined to the one before it. No token has this id, so no pair with it is in the table.
const GONE: u32 = u32::MAX;

/// The letter by which byte-level vocabularies write each byte: itself where it can be seen, the others from U+0100 on.
pub(super) fn byte_letters() -> impl Iterator<Item = char> {
    let mut hidden = 0x100..;
    (0..=u8::MAX).map(move |byte| match byte {
        b'!'..=b'~' | 0xa1..=0xac | 0xae..=0xff => char::from(byte),
        _ => hidden.next().and_then(char::from_u32).unwrap_or(char::REPLACEMENT_CHARACTER),
    })
}

/// What is read of a `tokenizer.json`.
#[derive(Deserialize)]
struct File<'a> {
    truncation: Option<IgnoredAny>,
    normalizer: Option<IgnoredAny>,
    added_tokens: Vec<Added>,
    pre_tokenizer: PreTokenizer,
    #[serde(borrow)]
    model: Model<'a>,
}

impl File<'_> {
    /// The pattern of the pieces; none if the file asks for anything that is not done here.
    fn pattern(&self) -> Option<&str> {
        let plain = self.truncation.is_none() && self.normalizer.is_none();
        let known = self.added_tokens.iter().all(Added::is_marker) && self.model.is_plain();
        let PreTokenizer::Sequence { pretokenizers } = &self.pre_tokenizer else { return None };
        match pretokenizers.as_slice() {
            [
                PreTokenizer::Split { pattern: Pattern::Regex(pattern), behavior, invert: false },
                PreTokenizer::ByteLevel { add_prefix_space: false, use_regex: false },
            ] if plain && known && behavior == "Isolated" => Some(pattern),
            _ => None,
        }
    }
}

#[derive(Deserialize)]
struct Added {
    id: u32,
    content: String,
    single_word: bool,
    lstrip: bool,
    rstrip: bool,
    normalized: bool,
}

impl Added {
    fn is_marker(&self) -> bool {
        let name = self.content.strip_prefix(OPEN).and_then(|rest| rest.strip_suffix(CLOSE));
        !(self.single_word || self.lstrip || self.rstrip || self.normalized)
            && name.is_some_and(|name| !name.contains([OPEN, CLOSE]))
    }
}

#[derive(Deserialize)]
#[serde(tag = "type")]
enum PreTokenizer {
    Sequence { pretokenizers: Vec<PreTokenizer> },
    Split { pattern: Pattern, behavior: String, invert: bool },
    ByteLevel { add_prefix_space: bool, use_regex: bool },
}

#[derive(Deserialize)]
enum Pattern {
    Regex(String),
}

#[derive(Deserialize)]
struct Model<'a> {
    r#type: String,
    dropout: Option<f32>,
    continuing_subword_prefix: Option<String>,
    end_of_word_suffix: Option<String>,
    #[serde(default)]
    ignore_merges: bool,
    #[serde(borrow)]
    vocab: HashMap<Entry<'a>, u32>,
    #[serde(borrow)]
    merges: Vec<[Entry<'a>; 2]>,
}

impl Model<'_> {
    /// Whether nothing but merges decides. What becomes of unknown bytes does not matter: there are none.
    fn is_plain(&self) -> bool {
        let affixes = [&self.continuing_subword_prefix, &self.end_of_word_suffix];
        self.r#type == "BPE"
            && self.dropout.is_none()
            && affixes.into_iter().flatten().all(String::is_empty)
            && !self.ignore_merges
    }
}

/// A word of the vocabulary, in the letters of [`byte_letters`].
#[derive(Deserialize, PartialEq, Eq, Hash)]
struct Entry<'a>(#[serde(borrow)] Cow<'a, str>);

impl Borrow<str> for Entry<'_> {
    fn borrow(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::fixture::tokenizer_json;
    use super::*;

    /// The fixture's bytes and markers with some merges.
    fn tokenizer(merges: &[[&str; 2]]) -> Tokenizer {
        let mut json: Value = serde_json::from_slice(&tokenizer_json()).unwrap();
        for (number, [left, right]) in merges.iter().enumerate() {
            json["model"]["vocab"][format!("{left}{right}")] = json!(1000 + number);
        }
        json["model"]["merges"] = json!(merges);
        Tokenizer::new(json.to_string().as_bytes()).unwrap()
    }

    fn bytes(tokenizer: &Tokenizer, text: &str) -> Vec<u32> {
        text.bytes().map(|byte| tokenizer.bytes[usize::from(byte)]).collect()
    }

    #[test]
    fn every_byte_has_a_letter_of_its_own() {
        let letters: Vec<char> = byte_letters().collect();
        let mut distinct = letters.clone();
        distinct.sort_unstable();
        distinct.dedup();
        assert_eq!((letters.len(), distinct.len()), (256, 256));
        // As GPT-2 wrote them: a blank, a line feed, and an `é` in two.
        assert_eq!((letters[0x20], letters[0x0a], letters[0xc3], letters[0xa9]), ('Ġ', 'Ċ', 'Ã', '©'));
    }

    #[test]
    fn the_merge_found_first_goes_first_and_the_leftmost_of_equals() {
        let tokenizer = tokenizer(&[["b", "c"], ["a", "b"], ["a", "a"], ["aa", "a"]]);
        let [a, _, c] = bytes(&tokenizer, "abc")[..] else { unreachable!() };
        assert_eq!(tokenizer.ids("abc"), [a, 1000]);
        assert_eq!(tokenizer.ids("ab"), [1001]);
        assert_eq!(tokenizer.ids("aaaaa"), [1002, 1003]);
        assert_eq!(tokenizer.ids("cc"), [c, c]);
    }

    #[test]
    fn no_token_reaches_over_the_end_of_a_piece() {
        let tokenizer = tokenizer(&[["a", "Ġ"], ["a", "1"], ["1", "2"]]);
        assert_eq!(tokenizer.ids("a "), bytes(&tokenizer, "a "));
        assert_eq!(tokenizer.ids("a12"), [bytes(&tokenizer, "a"), vec![1002]].concat());
    }

    #[test]
    fn a_marker_is_one_token_and_what_only_looks_like_one_is_text() {
        let tokenizer = tokenizer(&[]);
        let id = tokenizer.marker("⟦body⟧").unwrap();
        let a = bytes(&tokenizer, "a");
        assert_eq!(tokenizer.ids("a⟦body⟧a"), [a.clone(), vec![id], a].concat());
        assert_eq!(tokenizer.ids("⟦⟦body⟧"), [bytes(&tokenizer, "⟦"), vec![id]].concat());
        for text in ["⟦nobody⟧", "⟦body", "body⟧", "⟦body ⟧"] {
            assert_eq!(tokenizer.ids(text), bytes(&tokenizer, text));
        }
    }

    #[test]
    fn a_long_piece_is_joined_like_a_short_one() {
        let tokenizer = tokenizer(&[["a", "a"], ["aa", "aa"]]);
        assert_eq!(tokenizer.ids(&"a".repeat(1 << 20)).len(), 1 << 18);
    }

    #[test]
    fn another_form_is_refused() {
        let change = |pointer: &str, value: Value| {
            let mut json: Value = serde_json::from_slice(&tokenizer_json()).unwrap();
            *json.pointer_mut(pointer).unwrap() = value;
            Tokenizer::new(json.to_string().as_bytes()).err()
        };
        for (pointer, value) in [
            ("/normalizer", json!({"type": "NFC"})),
            ("/truncation", json!({"max_length": 8})),
            ("/pre_tokenizer", json!({"type": "ByteLevel", "add_prefix_space": false, "use_regex": true})),
            ("/pre_tokenizer/pretokenizers/0/behavior", json!("Removed")),
            ("/pre_tokenizer/pretokenizers/0/invert", json!(true)),
            ("/pre_tokenizer/pretokenizers/1/add_prefix_space", json!(true)),
            ("/model/vocab/a", json!(u32::MAX)),
            ("/model/dropout", json!(0.1)),
            ("/model/ignore_merges", json!(true)),
            ("/model/end_of_word_suffix", json!("</w>")),
            ("/added_tokens/0/lstrip", json!(true)),
            ("/added_tokens/0/content", json!("[CLS]")),
        ] {
            assert!(matches!(change(pointer, value), Some(EncodeError::Form)), "{pointer}");
        }
        assert!(matches!(
            change("/pre_tokenizer/pretokenizers/0/pattern/Regex", json!("(")),
            Some(EncodeError::Pattern(_))
        ));
        assert!(
            matches!(change("/model/merges", json!([["a", "b"]])), Some(EncodeError::Token(token)) if token == "ab")
        );
        assert!(matches!(change("/model/vocab", json!({})), Some(EncodeError::Token(_))));
        assert!(matches!(change("/model", json!(1)), Some(EncodeError::Tokenizer(_))));
    }
}
