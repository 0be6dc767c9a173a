//! What PowerShell and `cmd` scripts write to files, as far as its text is constant.
//!
//! Kept beside the scripts, not in them: what an inner script writes, the outer one may run.

use std::cell::RefCell;

use enumset::EnumSet;

use super::MAX_RUN;
use crate::action::{Command, Effect, Fact, FileExtent, FileVersion, Gap, KnownFile, Scope};
use crate::normalize::paths::Place;

/// Files of one script that are kept.
const MAX_FILES: usize = 32;

thread_local! {
    /// What the scripts of one call wrote so far.
    static WRITTEN: RefCell<Vec<KnownFile>> = const { RefCell::new(Vec::new()) };
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

/// The files so far that are wanted.
pub(super) fn so_far(wanted: impl Fn(&KnownFile) -> bool) -> Vec<KnownFile> {
    WRITTEN.with_borrow(|files| files.iter().filter(|file| wanted(file)).cloned().collect())
}

/// The text without effect among a command's arguments, which is what it prints or writes; none where none of it is known.
pub(in crate::normalize) fn data(command: &Command, between: &str) -> Option<String> {
    let known = command.arguments.iter().filter(|argument| argument.data && !argument.dynamic);
    let texts: Vec<&str> = known.map(|argument| argument.text.as_str()).collect();
    (!texts.is_empty()).then(|| texts.join(between))
}

/// Notes that a text goes into the files that the effects write. [`Gap::Truncated`] when it is not kept.
pub(in crate::normalize) fn note(effects: &[Effect], text: &str, appends: bool, place: &Place) -> EnumSet<Gap> {
    let targets =
        effects.iter().filter(|effect| effect.fact == Fact::Write).filter_map(|effect| effect.target.as_ref());
    let paths = targets.filter(|target| matches!(target.scope, Scope::Path(_)));
    let paths: Vec<String> = paths.filter_map(|target| place.absolute_of_shown(&target.text)).collect();
    WRITTEN.with_borrow_mut(|files| {
        let kept = paths.into_iter().all(|path| keep(files, path, text, appends));
        if kept { EnumSet::empty() } else { Gap::Truncated.into() }
    })
}

fn keep(files: &mut Vec<KnownFile>, path: String, text: &str, appends: bool) -> bool {
    let versions = || files.iter().flat_map(|file| &file.versions);
    if versions().count() >= MAX_FILES || versions().map(|version| version.text.len()).sum::<usize>() > MAX_RUN {
        return false;
    }
    let extent = if appends { FileExtent::Passage } else { FileExtent::Whole };
    let version = FileVersion { text: format!("{text}\n"), decoded: false, extent };
    match files.iter_mut().find(|file| file.path == path) {
        None => files.push(KnownFile { path, versions: vec![version], fetched: false }),
        Some(file) => match file.versions.last_mut().filter(|_| appends) {
            Some(last) => last.text.push_str(&version.text),
            None => file.versions.push(version),
        },
    }
    true
}
