//! What the script writes to files as literals, and what earlier calls wrote, so that a file that it runs later is read. Owns
//! no syntax and no units.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::rc::Rc;

use crate::action::{FileExtent, FileVersion};
use crate::normalize::paths::Place;
use crate::normalize::shell::decode::Literal;

/// Files that are remembered in one action.
const MAX_FILES: usize = 256;
/// Contents of one file that are remembered: which of them holds may depend on a condition.
const MAX_VERSIONS: usize = 4;
/// Bytes that are remembered in one action.
const MAX_BYTES: usize = 512 * 1024;
/// Bytes of them that are read as scripts.
const MAX_RUN: usize = 512 * 1024;

/// Contents of files by their resolved paths.
#[derive(Debug, Default)]
pub(super) struct Files {
    texts: HashMap<String, Vec<Rc<Literal>>>,
    /// Those that the script itself wrote.
    written: BTreeSet<String>,
    /// Those of which only a passage is known.
    passages: HashSet<String>,
    n_bytes: usize,
    n_run: usize,
}

impl Files {
    /// What earlier calls wrote. It takes none of the room that the script has for what it writes.
    pub(super) fn known(place: &Place) -> Self {
        let mut files = Self::default();
        for file in place.known_files.iter().filter(|file| !file.versions.is_empty()) {
            let path = place.shown_as(&file.path);
            if file.versions.iter().any(|version| version.extent == FileExtent::Passage) {
                files.passages.insert(path.clone());
            }
            files.texts.insert(path, file.versions.iter().map(literal).map(Rc::new).collect());
        }
        files
    }

    /// What the script wrote: paths as they are shown, and what may stand in each.
    pub(super) fn written(&self) -> Vec<(String, Vec<FileVersion>)> {
        let versions = |path: &String| self.versions(path).iter().filter_map(|text| self.version(path, text)).collect();
        self.written.iter().map(|path| (path.clone(), versions(path))).collect()
    }

    /// `None` for what is no text.
    fn version(&self, path: &str, literal: &Literal) -> Option<FileVersion> {
        let extent = match literal.partial {
            true => FileExtent::Beginning,
            false if self.passages.contains(path) => FileExtent::Passage,
            false => FileExtent::Whole,
        };
        Some(FileVersion { text: literal.as_text()?.to_owned(), decoded: literal.decoded, extent })
    }

    /// Whether nothing is known of any file.
    pub(super) fn is_empty(&self) -> bool {
        self.texts.is_empty()
    }

    /// Remembers what is written to a file; `false` when there is no room. Inside a condition the old content stays as well.
    pub(super) fn write(&mut self, path: &str, text: &Literal, append: bool, conditional: bool) -> bool {
        let old = if append { self.texts.get(path).and_then(|versions| versions.last()).cloned() } else { None };
        self.note_write(path, append && old.is_none(), append);
        let n_bytes = text.bytes.len() + old.as_ref().map_or(0, |old| old.bytes.len());
        if self.n_bytes + n_bytes > MAX_BYTES || (self.texts.len() >= MAX_FILES && !self.texts.contains_key(path)) {
            return false;
        }
        self.n_bytes += n_bytes;
        let mut whole = old.map(|old| (*old).clone()).unwrap_or_default();
        whole.bytes.extend_from_slice(&text.bytes);
        whole.decoded |= text.decoded;
        whole.partial |= text.partial;
        let versions = self.texts.entry(path.to_owned()).or_default();
        if !conditional {
            versions.clear();
        }
        if versions.len() < MAX_VERSIONS {
            versions.push(Rc::new(whole));
        }
        versions.len() <= MAX_VERSIONS
    }

    fn note_write(&mut self, path: &str, is_passage: bool, append: bool) {
        if self.written.len() >= MAX_FILES {
            return;
        }
        self.written.insert(path.to_owned());
        if is_passage {
            self.passages.insert(path.to_owned());
        } else if !append {
            self.passages.remove(path);
        }
    }

    /// What may stand in a file; empty when that is not known.
    pub(super) fn versions(&self, path: &str) -> Vec<Rc<Literal>> {
        self.texts.get(path).cloned().unwrap_or_default()
    }

    /// What stands in a file, when only one thing can.
    pub(super) fn text(&self, path: &str) -> Option<Rc<Literal>> {
        match self.texts.get(path)?.as_slice() {
            [text] => Some(Rc::clone(text)),
            _ => None,
        }
    }

    /// Remembers that a file is copied or moved, to a path or into a folder of that path.
    pub(super) fn copy(&mut self, from: &str, to: &str) {
        let versions = self.versions(from);
        if versions.is_empty() {
            return;
        }
        let name = from.rsplit('/').next().unwrap_or(from);
        for path in [to.to_owned(), format!("{}/{name}", to.trim_end_matches('/'))] {
            if self.texts.len() < MAX_FILES {
                self.note_write(&path, self.passages.contains(from), false);
                self.texts.entry(path).or_default().clone_from(&versions);
            }
        }
    }

    /// Counts the bytes of a file that is read as a script; `false` when there were too many.
    pub(super) fn spend(&mut self, n_bytes: usize) -> bool {
        self.n_run += n_bytes;
        self.n_run <= MAX_RUN
    }
}

fn literal(version: &FileVersion) -> Literal {
    let partial = version.extent == FileExtent::Beginning;
    Literal { bytes: version.text.clone().into_bytes(), decoded: version.decoded, partial }
}

/// The program that the first line of a script names, without its folder: `python3` for `#!/usr/bin/env python3`.
pub(in crate::normalize) fn named_interpreter(text: &str) -> Option<&str> {
    let line = text.strip_prefix("#!")?.lines().next()?;
    let mut words = line.split_whitespace().map(|word| word.rsplit('/').next().unwrap_or(word));
    let first = words.next()?;
    if first == "env" { words.find(|word| !word.starts_with('-') && !word.contains('=')) } else { Some(first) }
}
