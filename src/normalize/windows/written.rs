//! What PowerShell and `cmd` scripts write to files, as far as its text is known.
//!
//! Kept beside the scripts, not in them: what an inner script writes, the outer one may run.

use std::cell::RefCell;

use enumset::EnumSet;

use super::MAX_RUN;
use crate::action::{Command, Effect, FileExtent, FileVersion, Gap, KnownFile};
use crate::normalize::paths::Place;

/// Texts of one script that are kept.
const MAX_TEXTS: usize = 64;

thread_local! {
    /// What the scripts of one call wrote so far.
    static WRITTEN: RefCell<Vec<KnownFile>> = const { RefCell::new(Vec::new()) };
}

/// A text that goes into a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::normalize) struct Text {
    pub(in crate::normalize) text: String,
    /// Nothing else goes there, and nothing in it is only known when it runs.
    pub(in crate::normalize) whole: bool,
}

impl Text {
    /// A text of which nothing is only known when it runs.
    pub(in crate::normalize) fn constant(text: impl Into<String>) -> Self {
        Self { text: text.into(), whole: true }
    }
}

/// Forgets all: another call is read.
pub(in crate::normalize) fn forget() {
    WRITTEN.take();
}

/// The files that scripts write while something runs.
pub(in crate::normalize) fn during(run: impl FnOnce()) -> Vec<KnownFile> {
    forget();
    run();
    WRITTEN.take()
}

/// Reads a script as one of the languages that it may be in: what another reading found says nothing to this one.
pub(in crate::normalize) fn apart<T>(read: impl FnOnce() -> T) -> T {
    let before = WRITTEN.take();
    let found = read();
    WRITTEN.with_borrow_mut(|files| files.splice(0..0, before).for_each(drop));
    found
}

/// Whether nothing was written yet.
pub(super) fn is_empty() -> bool {
    WRITTEN.with_borrow(Vec::is_empty)
}

/// What is wanted of the files so far; a copy, since reading them may write more.
pub(super) fn so_far<T>(wanted: impl Fn(&KnownFile) -> Option<T>) -> Vec<T> {
    WRITTEN.with_borrow(|files| files.iter().filter_map(wanted).collect())
}

/// The text without effect among a command's arguments, which is what it prints or writes; none where there is none.
pub(in crate::normalize) fn data(command: &Command, between: &str) -> Option<Text> {
    let data = || command.arguments.iter().filter(|argument| argument.data);
    let texts: Vec<&str> = data().map(|argument| argument.text.as_str()).collect();
    let whole = data().all(|argument| !argument.dynamic);
    (!texts.is_empty()).then(|| Text { text: texts.join(between), whole })
}

/// Notes that a text goes into the files that the effects write. [`Gap::Truncated`] when it is not kept.
pub(in crate::normalize) fn note(effects: &[Effect], text: &Text, appends: bool, place: &Place) -> EnumSet<Gap> {
    let targets = effects.iter().filter_map(Effect::written_file);
    WRITTEN.with_borrow_mut(|files| {
        let mut paths = targets.filter_map(|target| place.absolute_of_shown(&target.text));
        if paths.all(|path| keep(files, path, text, appends)) { EnumSet::empty() } else { Gap::Truncated.into() }
    })
}

fn keep(files: &mut Vec<KnownFile>, path: String, Text { text, whole }: &Text, appends: bool) -> bool {
    let versions = || files.iter().flat_map(|file| &file.versions);
    if versions().count() >= MAX_TEXTS || versions().map(|version| version.text.len()).sum::<usize>() > MAX_RUN {
        return false;
    }
    // Of a file that is not replaced by what is known, an earlier text is not forgotten.
    let extent = if appends || !whole { FileExtent::Passage } else { FileExtent::Whole };
    let version = FileVersion { text: format!("{text}\n"), decoded: false, extent };
    match files.iter_mut().find(|file| file.path == path) {
        None => files.push(KnownFile { path, versions: vec![version], fetched: false }),
        Some(file) => match file.versions.last_mut().filter(|_| appends) {
            Some(last) => {
                last.text.push_str(&version.text);
                last.extent = if *whole { last.extent } else { FileExtent::Passage };
            }
            None => file.versions.push(version),
        },
    }
    true
}
